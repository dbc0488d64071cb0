using System.Globalization;
using Ingot.Llm.Models;
using Ingot.Llm.Planning;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Training;

namespace Ingot.Llm.Pipeline;

/// <summary>What a run changes of the defaults, each as <c>name=value</c>: one line is an ablation.</summary>
public sealed class Variation
{
    readonly Dictionary<string, string> values = [];

    /// <summary>Names and what they mean.</summary>
    public static IReadOnlyDictionary<string, string> Known { get; } = new Dictionary<string, string>
    {
        ["model.width"] = "width of the residual stream",
        ["model.layers"] = "blocks",
        ["model.hidden"] = "inner width of the feed-forward layer",
        ["model.heads"] = "query heads",
        ["model.keyHeads"] = "key and value heads",
        ["model.headWidth"] = "width of a head",
        ["model.context"] = "tokens a sequence",
        ["model.qkNorm"] = "true, false: norms of queries and keys",
        ["model.tiedHead"] = "true, false: the head's weights are the embedding's",
        ["model.norm"] = "rms, layernorm",
        ["model.feedForward"] = "swiglu, relu2, gelu (without a gate the inner width is half as large again)",
        ["model.logitCap"] = "bound on logits, cap tanh(x / cap)",
        ["model.ropeTheta"] = "base of the rotary frequencies",
        ["tokenizer.vocabulary"] = "tokens of the vocabulary",
        ["tokenizer.digits"] = "1, 2, 3: most digits a token",
        ["mix.conversations"] = "the part of conversations by progress of pretraining, 0:0.3,1:0.5 or one number; the rest are documents",
        ["mix.repeats"] = "the part of repeated runs of random tokens by progress of pretraining, which comes off both; 0: none",
        ["train.batch"] = "sequences a micro-batch",
        ["train.microBatches"] = "micro-batches a step",
        ["train.precision"] = "fp32, bf16",
        ["train.optimizer"] = "muon, adamw: what updates the blocks' matrices",
        ["train.matrixRate"] = "learning rate of the blocks' matrices",
        ["train.embeddingRate"] = "learning rate of the embedding",
        ["train.vectorRate"] = "learning rate of the norms",
        ["train.weightDecay"] = "pull of matrices towards 0",
        ["train.clip"] = "bound on the gradient's norm",
        ["train.warmup"] = "part of a stage in which rates rise",
        ["train.cooldown"] = "part of a stage in which they fall",
        ["train.finalRate"] = "what is left of them at its end",
        ["train.rates"] = "factor on all rates by progress, in place of the three above: 0:0,0.1:1,1:0.05 runs straight between these points",
    };

    /// <param name="settings">Each <c>name=value</c>.</param>
    /// <exception cref="IngotException">A name is not known; the message lists those that are.</exception>
    public Variation(IReadOnlyList<string> settings)
    {
        foreach (var setting in settings)
        {
            int at = setting.IndexOf('=', StringComparison.Ordinal);
            string name = at < 0 ? setting : setting[..at].Trim();
            if (at < 0 || !Known.ContainsKey(name)) throw new IngotException($"--set takes name=value, not '{setting}'; the names are {string.Join(", ", Known.Keys)}");
            values[name] = setting[(at + 1)..].Trim();
        }
    }

    /// <summary>Names that were set and shape a new model; the context is a sequence's length, and may be set for any.</summary>
    public IReadOnlyList<string> OfNewModels => [.. values.Keys.Where(n => n != "model.context" && (n.StartsWith("model.", StringComparison.Ordinal) || n.StartsWith("tokenizer.", StringComparison.Ordinal)))];

    /// <summary>Names that were set and mean something in pretraining alone: what later stages see is what makes them.</summary>
    public IReadOnlyList<string> OfPretraining => [.. values.Keys.Where(n => n.StartsWith("mix.", StringComparison.Ordinal))];

    /// <summary>Tokens a sequence, if that was set.</summary>
    public int? ContextLength => Whole("model.context");

    /// <summary>What products are computed in, if that was set.</summary>
    public TrainingPrecision? Precision => Text("train.precision", "fp32", "bf16") switch { "fp32" => TrainingPrecision.Fp32, "bf16" => TrainingPrecision.Bf16, _ => null };

    /// <summary>How the tokenizer splits text.</summary>
    public string SplitPattern => Text("tokenizer.digits", "1", "2", "3") switch { "2" => SplitPatterns.TwoDigits, "3" => SplitPatterns.Cl100k, _ => SplitPatterns.Qwen2 };

    public ModelShape Shape(ModelShape s)
    {
        int width = Whole("model.width") ?? s.Width, headWidth = Whole("model.headWidth") ?? s.HeadWidth, heads = Whole("model.heads") ?? (width == s.Width && headWidth == s.HeadWidth ? s.Heads : Math.Max(1, width / headWidth));
        return (s with
        {
            Width = width,
            Layers = Whole("model.layers") ?? s.Layers,
            Hidden = Whole("model.hidden") ?? (width == s.Width ? s.Hidden : 3 * width) * (FeedForward == FeedForwardKind.SwiGlu ? 2 : 3) / 2, // as many weights
            IsGated = FeedForward == FeedForwardKind.SwiGlu,
            Heads = heads,
            KeyHeads = Whole("model.keyHeads") ?? (heads == s.Heads ? s.KeyHeads : heads % 2 == 0 ? heads / 2 : heads),
            HeadWidth = headWidth,
            ContextLength = ContextLength ?? s.ContextLength,
            VocabularySize = Whole("tokenizer.vocabulary") ?? s.VocabularySize,
            IsTied = Flag("model.tiedHead") ?? s.IsTied,
            HasQkNorm = Flag("model.qkNorm") ?? s.HasQkNorm,
        }).Checked();
    }

    public DecoderConfig Config(DecoderConfig c)
    {
        c = c with
        {
            RopeTheta = Number("model.ropeTheta") ?? c.RopeTheta,
            LayerNorm = Text("model.norm", "rms", "layernorm") == "layernorm",
            FeedForward = FeedForward,
            LogitCap = Number("model.logitCap"),
        };
        return c with { Family = c.LayerNorm || c.FeedForward != FeedForwardKind.SwiGlu || c.LogitCap is not null ? "ingot" : c.QkNorm ? c.Family : "llama" };
    }

    FeedForwardKind FeedForward => Text("model.feedForward", "swiglu", "relu2", "gelu") switch { "relu2" => FeedForwardKind.Relu2, "gelu" => FeedForwardKind.Gelu, _ => FeedForwardKind.SwiGlu };

    /// <summary>What a stage sees: pretraining's mix may have been changed, that of others stays.</summary>
    public StageRecipe Recipe(StageRecipe recipe) =>
        recipe != StageRecipe.Base ? recipe : recipe with { Conversations = Parts("mix.conversations") ?? recipe.Conversations, Repeats = Parts("mix.repeats") ?? recipe.Repeats };

    /// <summary>Everything about training but the course of the rates, which is each stage's own.</summary>
    public StageOptions Options(StageOptions o) => (Updates(o) with { Batch = Whole("train.batch") ?? o.Batch, MicroBatches = Whole("train.microBatches") ?? o.MicroBatches }).Checked();

    /// <summary>The course of the rates over a stage.</summary>
    public StageOptions Course(StageOptions o) => Rates(o).Checked();

    /// <summary>All that can be varied of a stage that learns from answers.</summary>
    /// <exception cref="IngotException">A setting has no meaning there.</exception>
    public T OfAnswers<T>(T options) where T : UpdateOptions
    {
        var others = values.Keys.Where(n => !KnownOfAnswers.Contains(n)).ToList();
        return others.Count == 0 ? Rates(Updates(options))
            : throw new IngotException($"--set {string.Join(", ", others)} has no meaning in stage '{options.Name}'; there it takes {string.Join(", ", KnownOfAnswers)}");
    }

    /// <summary>Names that have a meaning in stages that learn from answers.</summary>
    public static IReadOnlyList<string> KnownOfAnswers { get; } =
        ["train.optimizer", "train.matrixRate", "train.embeddingRate", "train.vectorRate", "train.weightDecay", "train.clip", "train.warmup", "train.cooldown", "train.finalRate", "train.rates"];

    T Updates<T>(T options) where T : UpdateOptions
    {
        UpdateOptions o = options; // a copy has the type of its original
        return (T)(o with
        {
            MatrixOptimizer = IsAdam ? MatrixOptimizer.AdamW : o.MatrixOptimizer,
            // AdamW's steps are not orthogonal: what is right for Muon is too large by as much as a matrix has rows, about.
            MatrixRate = Number("train.matrixRate") ?? (IsAdam ? o.MatrixRate / 5 : o.MatrixRate),
            EmbeddingRate = Number("train.embeddingRate") ?? o.EmbeddingRate,
            VectorRate = Number("train.vectorRate") ?? o.VectorRate,
            WeightDecay = Number("train.weightDecay") ?? o.WeightDecay,
            Clip = Number("train.clip") ?? o.Clip,
        });
    }

    T Rates<T>(T options) where T : UpdateOptions
    {
        UpdateOptions o = options;
        return (T)(o with
        {
            Warmup = Number("train.warmup") ?? o.Warmup,
            Cooldown = Number("train.cooldown") ?? o.Cooldown,
            FinalRate = Number("train.finalRate") ?? o.FinalRate,
            Rates = values.TryGetValue("train.rates", out var curve) ? ProgressCurve.Parse(curve) : o.Rates,
        });
    }

    ProgressCurve? Parts(string name)
    {
        if (!values.TryGetValue(name, out var text)) return null;
        var curve = ProgressCurve.Parse(text);
        return curve is { Least: >= 0, Most: <= 1 } ? curve : throw new IngotException($"--set {name} is a part, from 0 to 1 at every progress, not '{text}'");
    }

    bool IsAdam => Text("train.optimizer", "muon", "adamw") == "adamw";

    string? Text(string name, params string[] allowed)
    {
        if (!values.TryGetValue(name, out var value)) return null;
        return allowed.Contains(value) ? value : throw new IngotException($"--set {name} is one of {string.Join(", ", allowed)}, not '{value}'");
    }

    bool? Flag(string name) => Text(name, "true", "false") is { } text ? text == "true" : null;

    int? Whole(string name) => !values.TryGetValue(name, out var value) ? null
        : int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number : throw new IngotException($"--set {name} takes a whole number, not '{value}'");

    double? Number(string name) => !values.TryGetValue(name, out var value) ? null
        : double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : throw new IngotException($"--set {name} takes a number, not '{value}'");
}
