using System.Diagnostics;
using Ingot.Llm.Chat;
using Ingot.Llm.Models;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;
using Ingot.Runtime;

namespace Ingot.Llm.Planning;

/// <summary>Turns one number, minutes or layers, into a whole plan, with this machine's speed measured on the model that will be trained.</summary>
public static class Dial
{
    /// <summary>Of the budget: preferences, reinforcement learning, and what may be left for the other stages when the size is chosen.</summary>
    const double DpoShare = 0.03, RlShare = 0.15, TrainingShare = 0.65;

    /// <summary>Seconds that reading corpora, the tokenizer, compiling and the report take, seen at depths 2 to 6.</summary>
    const double FixedSeconds = 12;

    /// <summary>Tokens that a machine turns from text into training data in a second.</summary>
    const double PreparedTokensPerSecond = 1.5e6;

    /// <summary>Makes the plan.</summary>
    /// <param name="settings">What was asked for.</param>
    /// <param name="since">Runs since the start of the command: what was measured counts towards the budget.</param>
    /// <param name="report">Told what is measured.</param>
    /// <param name="cancellation">Ends the measurements.</param>
    /// <exception cref="IngotException">The budget is too small for any training.</exception>
    public static SpeedrunPlan Plan(SpeedrunSettings settings, Stopwatch since, Action<string>? report = null, CancellationToken cancellation = default)
    {
        settings.Checked();
        var variation = new Variation(settings.Set);
        var (shape, options, speed) = Choose(settings, variation, report, cancellation);
        report?.Invoke("measuring generation");
        double perStep = (double)options.SequencesPerStep * shape.ContextLength;
        double trained = perStep / speed.SecondsPerStep, generated = MachineSpeed.Generation(new Decoder(Config(shape, variation), 1)); // tokens a second

        int items = settings.Minutes is { } m ? (int)Math.Clamp(50 * m, 60, 500) : 500;
        // Two stages are asked everything, the others a fifth.
        double beside = FixedSeconds + 2 * EvaluationSeconds(items, generated) + 3 * EvaluationSeconds(items / 5, generated) + ValidationSeconds(trained, settings.Data.Count > 0 ? 1 : 2);
        const double LeftForText = 1 - DpoShare - RlShare;
        // What is prepared and what is trained take time together.
        double perTraining = 1 + trained / PreparedTokensPerSecond, training, total;
        if (settings.Minutes is { } minutes)
        {
            total = 60 * minutes;
            double rest = total * LeftForText - since.Elapsed.TotalSeconds - beside;
            training = rest / perTraining;
            if (training < 10 * speed.SecondsPerStep)
                throw new IngotException($"{minutes} minutes leave {Math.Max(0, rest):0} s for training, which is not ten steps of {speed.SecondsPerStep:0.0} s on this machine; give more minutes");
        }
        else
        {
            training = Math.Ceiling(TrainingCost.OptimalTokens(shape, settings.TokensPerParameter) / perStep) * speed.SecondsPerStep;
            total = (training * perTraining + since.Elapsed.TotalSeconds + beside) / LeftForText;
        }

        var stages = StageRecipe.InOrder.Select(s => (s.Recipe.Name, Steps: (int)Math.Max(3, Math.Round(s.Share * training / speed.SecondsPerStep))))
            .Select(s => new StagePlan(s.Name, s.Steps, s.Steps * perStep, s.Steps * speed.SecondsPerStep)).ToList();
        double tokens = stages.Sum(s => s.Tokens);
        stages.Add(OfAnswers("dpo", DpoShare * total, DpoSeconds(trained)));
        stages.Add(OfAnswers("rl", RlShare * total, RlSeconds(trained, generated)));
        var cost = new TrainingCost(shape, tokens)
        {
            MicroBatchTokens = options.Batch * (double)shape.ContextLength,
            Format = options.Precision == TrainingPrecision.Bf16 ? TrainingFormat.Bf16 : TrainingFormat.Fp32,
            Optimizer = TrainingOptimizer.Muon,
        };
        return new()
        {
            Settings = settings,
            Model = shape,
            Options = options,
            Parameters = shape.Parameters,
            Tokens = tokens,
            Flops6nd = cost.SixNd,
            FlopsExact = cost.ExactFlops,
            Seconds = total,
            Stages = stages,
            EvaluationItems = items,
            Memory = new(cost.Memory.Weights, cost.Memory.Gradients, cost.Memory.Optimizer, cost.Memory.Activations, TrainingCost.KvCacheBytesPerToken(shape, sizeof(float)) * (double)shape.ContextLength),
            Machine = new(Cpu.Name, WorkerPool.Threads, speed.Gflops, MachineSpeed.PeakGflops(options.Precision), Peaks.Measure().Gflops, generated),
            Loss = settings.Data.Count == 0 ? ExpectedLoss.Of(shape, stages[0].Tokens) : null,
        };
    }

    /// <summary>The shape, how it is trained, and how fast that is here.</summary>
    static (ModelShape Shape, StageOptions Options, TrainingSpeed Speed) Choose(SpeedrunSettings settings, Variation variation, Action<string>? report, CancellationToken cancellation)
    {
        var precision = variation.Precision ?? MachineSpeed.BestPrecision;
        double Tokens(ModelShape s) => TrainingCost.OptimalTokens(s, settings.TokensPerParameter);
        (ModelShape, StageOptions, TrainingSpeed) Measured(ModelShape s)
        {
            report?.Invoke($"measuring {s.Layers} layers of width {s.Width}");
            var options = variation.Options(Options(s, Tokens(s), settings.Seed, precision));
            return (s, options, MachineSpeed.Training(Config(s, variation), options, s.ContextLength, cancellation));
        }

        if (settings.Depth is { } depth) return Measured(variation.Shape(ModelShape.OfDepth(depth)));
        var guess = Measured(variation.Shape(ModelShape.OfDepth(4)));
        // The depth whose best number of tokens takes the time that is closest to what there may be, by their ratio.
        double seconds = Math.Max(1, TrainingShare * 60 * settings.Minutes!.Value - FixedSeconds);
        var shape = Enumerable.Range(2, 62).Select(d => variation.Shape(ModelShape.OfDepth(d)))
            .MinBy(s => Math.Abs(Math.Log(new TrainingCost(s, Tokens(s)).ExactFlops / (guess.Item3.Gflops * 1e9 * seconds))))!;
        return shape == guess.Item1 ? guess : Measured(shape);
    }

    /// <summary>A stage whose steps are as many as fit, when compiling has taken its part.</summary>
    static StagePlan OfAnswers(string name, double seconds, double step)
    {
        const double Compiling = 4;
        return new(name, (int)Math.Max(1, Math.Round((seconds - Compiling) / step)), 0, seconds);
    }

    /// <summary>The decoder of a shape.</summary>
    /// <param name="shape">Its sizes.</param>
    /// <param name="variation">What deviates from Ingot's own models.</param>
    public static DecoderConfig Config(ModelShape shape, Variation variation) => variation.Config(new DecoderConfig
    {
        Layers = shape.Layers,
        Width = shape.Width,
        Hidden = shape.Hidden,
        Heads = shape.Heads,
        KeyHeads = shape.KeyHeads,
        HeadWidth = shape.HeadWidth,
        VocabularySize = shape.VocabularySize,
        ContextLength = shape.ContextLength,
        TiedHead = shape.IsTied,
        QkNorm = shape.HasQkNorm,
    });

    /// <summary>A model of a shape with initial weights, for a tokenizer with the special tokens of <see cref="ChatFormat"/>.</summary>
    public static Decoder NewModel(ModelShape shape, Variation variation, Tokenizer tokenizer, ulong seed)
    {
        var format = new ChatFormat(tokenizer);
        return new(Config(shape, variation) with { VocabularySize = tokenizer.VocabularySize, BeginToken = format.Begin, EndTokens = [format.AssistantEnd] }, seed);
    }

    /// <summary>Of pretraining: the batch grows with the square root of the tokens (Zhang et al. 2024, "How does critical batch size scale in pre-training?"), between 512 and 524,288 tokens; small ones learn more of the same text (Marek et al. 2025, "Small batch size training for language models").</summary>
    public static StageOptions Options(ModelShape shape, double tokens, ulong seed, TrainingPrecision precision)
    {
        double perStep = Math.Clamp(Math.Pow(2, Math.Round(Math.Log2(0.35 * Math.Sqrt(tokens)))), 512, 524288);
        int sequences = (int)Math.Max(1, perStep / shape.ContextLength);
        // Activations of a micro-batch should stay small beside the weights' work; 32 sequences fill any of these machines.
        int batch = Math.Min(sequences, 32);
        return new() { Name = "base", Steps = 1, Batch = batch, MicroBatches = sequences / batch, Seed = seed, Precision = precision };
    }

    /// <summary>Some 26 questions an item of the sets, 46 tokens each with the answer, up to 200 stories of 300, and compiling.</summary>
    static double EvaluationSeconds(int items, double tokensPerSecond) => (26.0 * items * 46 + Math.Min(items, 200) * 300) / tokensPerSecond + 2;

    /// <summary>Bits per byte of all domains, which are forward passes, as often as a run measures them.</summary>
    static double ValidationSeconds(double trainedTokens, int domains) => StageRecipe.InOrder.Count * StageRecipe.Evaluations * domains * StageData.ValidationTokens / (3 * trainedTokens);

    /// <summary>A step's pairs are two answers to a question, 64 tokens each with the question; the reference has seen them, in a forward pass that is a third of a training step's.</summary>
    static double DpoSeconds(double trainedTokens) => AnswerStages.Dpo(1, 1, TrainingPrecision.Fp32).Batch * 2 * 64 * (1 + 1 / 3.0) / trainedTokens;

    /// <summary>Questions of 20 tokens are answered by 6, and what was answered differently is learned from in rows of 32: a seventh, seen where tasks are hard; half where they are not, and then the stage takes longer than planned.</summary>
    static double RlSeconds(double trainedTokens, double generatedTokens)
    {
        var o = AnswerStages.Rl(1, 1);
        return o.Prompts * o.Group * (26 / generatedTokens + 0.15 * 32 / trainedTokens);
    }
}
