using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Ingot.Llm.Planning;

namespace Ingot.Cli;

/// <summary><c>ingot plan</c>: parameters, FLOPs, memory and time of a training, from formulas, before anything is trained.</summary>
sealed class PlanCommand
{
    readonly Option<string?> model = new("--model", "-m") { Description = $"A known shape: {string.Join(", ", ModelShape.Known.Keys)}." };
    readonly Option<int?> depth = Options.Number<int>("--depth", "Ingot's own proportions at this many layers, as ingot speedrun has them.");
    readonly Option<int?> layers = Options.Number<int>("--layers", "Blocks.");
    readonly Option<int?> width = Options.Number<int>("--width", "Width of the residual stream.");
    readonly Option<int?> heads = Options.Number<int>("--heads", "Query heads a block.");
    readonly Option<int?> keyHeads = Options.Number<int>("--key-heads", "Heads of keys and values; as many as query heads if not given.");
    readonly Option<int?> hidden = Options.Number<int>("--hidden", "Inner width of the feed-forward layer.");
    readonly Option<int?> vocabulary = Options.Number<int>("--vocabulary", "Tokens of the vocabulary.");
    readonly Option<int?> context = Options.Number<int>("--context", "Positions a sequence.");
    readonly Option<double?> tokens = Options.Number<double>("--tokens", "Tokens to train on, such as 300e9; otherwise --tokens-per-parameter for each.");
    readonly Option<double> perParameter = Options.Number("--tokens-per-parameter", null, "Tokens a parameter where --tokens is not given.", 20.0);
    readonly Option<double> batch = Options.Number("--micro-batch", null, "Tokens whose activations are in memory at one time.", 4096.0);
    readonly Option<string> precision = new("--precision") { Description = "fp32; mixed (16-bit weights and gradients beside float32 masters); bf16 (Ingot's: float32 weights and gradients, bf16 copies and activations).", DefaultValueFactory = _ => "fp32" };
    readonly Option<string> optimizer = new("--optimizer") { Description = "adam, muon (matrices; Adam for the rest) or sgd.", DefaultValueFactory = _ => "adam" };
    readonly Option<bool> recompute = new("--recompute") { Description = "Blocks are computed again in the backward pass." };
    readonly Option<double?> gflops = Options.Number<double>("--gflops", "What the machine reaches in training, in 10^9 FLOPs a second; for the time.");
    readonly Option<bool> json = new("--json") { Description = "One JSON object instead of text." };

    public static Command Create()
    {
        var c = new PlanCommand();
        c.precision.AcceptOnlyFromAmong("fp32", "mixed", "bf16");
        c.optimizer.AcceptOnlyFromAmong("adam", "muon", "sgd");
        var command = new Command("plan", "What training a model of some size takes: parameters, FLOPs, memory by kind, key-value cache, expected loss, time.")
        {
            c.model, c.depth, c.layers, c.width, c.heads, c.keyHeads, c.hidden, c.vocabulary, c.context, c.tokens, c.perParameter, c.batch, c.precision, c.optimizer, c.recompute, c.gflops, c.json,
        };
        command.SetAction(c.Run);
        return command;
    }

    int Run(ParseResult args)
    {
        var shape = Shape(args);
        double given = args.GetValue(tokens) ?? (shape.NominalTokens > 0 ? shape.NominalTokens : TrainingCost.OptimalTokens(shape, Positive("--tokens-per-parameter", args.GetValue(perParameter))));
        var cost = new TrainingCost(shape, Positive("--tokens", given))
        {
            MicroBatchTokens = Positive("--micro-batch", args.GetValue(batch)),
            Format = Enum.Parse<TrainingFormat>(args.GetValue(precision)!, ignoreCase: true),
            Optimizer = Enum.Parse<TrainingOptimizer>(args.GetValue(optimizer)!, ignoreCase: true),
            Recompute = args.GetValue(recompute),
        };
        double? rate = args.GetValue(gflops) is { } g ? Positive("--gflops", g) * 1e9 : null;
        if (args.GetValue(json)) PrintJson(cost, rate);
        else Print(cost, rate);
        return 0;
    }

    ModelShape Shape(ParseResult args)
    {
        if (args.GetValue(model) is not null && args.GetValue(depth) is not null) throw new IngotException("--model and --depth both choose a shape; give one of them");
        var shape = args.GetValue(model) is { } name ? ModelShape.Named(name) : ModelShape.OfDepth(args.GetValue(depth) ?? 6, args.GetValue(vocabulary), args.GetValue(context));
        int w = args.GetValue(width) ?? shape.Width, h = args.GetValue(heads) ?? (w == shape.Width ? shape.Heads : Math.Max(1, w / shape.HeadWidth));
        bool isChanged = new Option<int?>[] { layers, width, heads, keyHeads, hidden, vocabulary }.Any(o => args.GetValue(o) is not null);
        if (w != shape.Width && w % h != 0 && args.GetValue(heads) is not null) throw new IngotException($"a width of {w} is not divisible by {h} heads");
        return (shape with
        {
            Layers = args.GetValue(layers) ?? shape.Layers,
            Width = w,
            Heads = h,
            KeyHeads = args.GetValue(keyHeads) ?? (h == shape.Heads ? shape.KeyHeads : h),
            HeadWidth = args.GetValue(heads) is not null ? Math.Max(1, w / h) : shape.HeadWidth,
            Hidden = args.GetValue(hidden) ?? (w == shape.Width ? shape.Hidden : (int)((long)shape.Hidden * w / shape.Width)),
            VocabularySize = args.GetValue(vocabulary) ?? shape.VocabularySize,
            ContextLength = args.GetValue(context) ?? shape.ContextLength,
            NominalParameters = isChanged ? 0 : shape.NominalParameters,
        }).Checked();
    }

    static double Positive(string name, double value) => value > 0 && double.IsFinite(value) ? value : throw new IngotException($"{name} must be positive, not {value}");

    static void Print(TrainingCost cost, double? rate)
    {
        var (shape, memory) = (cost.Shape, cost.Memory);
        Row("shape", $"{shape.Layers} layers, width {shape.Width:N0}, {shape.Heads} heads of {shape.HeadWidth} ({shape.KeyHeads} of keys), feed-forward {shape.Hidden:N0}, vocabulary {shape.VocabularySize:N0}, context {shape.ContextLength:N0}");
        Row("parameters", $"{shape.Parameters:N0}, {shape.MatrixParameters:N0} of them in matrix products");
        Row("tokens", $"{Large(cost.Tokens)}, {cost.Tokens / shape.Parameters:0.#} a parameter");
        Row("FLOPs, 6ND", $"{Power(cost.SixNd)}   (Kaplan et al. 2020{(shape.NominalParameters > 0 ? $"; N = {Large(shape.NominalParameters)} as named" : "")})");
        Row("FLOPs, exact", $"{Power(cost.ExactFlops)}   (matrix products and full attention: Chowdhery et al. 2022, appendix B)");
        Row("FLOPs, executed", $"{Power(cost.ExecutedFlops)}   (masked half of attention skipped{(cost.Recompute ? ", blocks computed twice" : "")})");
        Row("memory", $"{Bytes(memory.Total)}: weights {Bytes(memory.Weights)}, gradients {Bytes(memory.Gradients)}, optimizer {Bytes(memory.Optimizer)}, activations {Bytes(memory.Activations)} for {cost.MicroBatchTokens:N0} tokens");
        Row("", $"{(memory.Total - memory.Activations) / shape.Parameters:0.##} bytes a parameter before activations");
        Row("KV cache", $"{Kibi(TrainingCost.KvCacheBytesPerToken(shape, 2))} a token in fp16 or bf16, {Bytes((double)TrainingCost.KvCacheBytesPerToken(shape, 2) * shape.ContextLength)} for {shape.ContextLength:N0}");
        Row("loss", $"{cost.ChinchillaLoss:F3} nats a token on web text (Hoffmann et al. 2022, equation 10)");
        Row("time", rate is { } r ? $"{Duration(cost.ExecutedFlops / r)} at {r / 1e9:N0} GFLOPS" : "give --gflops, what the machine reaches in training (ingot bench gpt2 prints a fraction of its peak)");
    }

    static void Row(string name, string value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-16} {value}"));

    static void PrintJson(TrainingCost cost, double? rate)
    {
        var m = cost.Memory;
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            parameters = cost.Shape.Parameters,
            matrixParameters = cost.Shape.MatrixParameters,
            tokens = cost.Tokens,
            flops6nd = cost.SixNd,
            flopsExact = cost.ExactFlops,
            flopsExecuted = cost.ExecutedFlops,
            memory = new { weights = m.Weights, gradients = m.Gradients, optimizer = m.Optimizer, activations = m.Activations, total = m.Total, bytesPerParameter = (m.Total - m.Activations) / cost.Shape.Parameters },
            kvCacheBytesPerToken = TrainingCost.KvCacheBytesPerToken(cost.Shape, 2),
            loss = cost.ChinchillaLoss,
            seconds = rate is { } r ? cost.ExecutedFlops / r : (double?)null,
        }));
    }

    static string Power(double flops) => flops.ToString("0.00e+0", CultureInfo.InvariantCulture).Replace("e+", "e", StringComparison.Ordinal);

    static string Large(double n) => n >= 1e12 ? $"{n / 1e12:0.##} T" : n >= 1e9 ? $"{n / 1e9:0.##} B" : n >= 1e6 ? $"{n / 1e6:0.##} M" : $"{n:N0}";

    static string Bytes(double b) => b >= 1e12 ? $"{b / 1e12:0.##} TB" : b >= 1e9 ? $"{b / 1e9:0.##} GB" : $"{b / 1e6:0.#} MB";

    static string Kibi(long b) => b % 1024 == 0 ? $"{b / 1024:N0} KiB" : $"{b:N0} bytes";

    static string Duration(double s) => s >= 2 * 86400 ? $"{s / 86400:N1} days" : s >= 2 * 3600 ? $"{s / 3600:N1} hours" : s >= 120 ? $"{s / 60:N1} minutes" : $"{s:N0} s";
}
