using System.Diagnostics;
using Ingot.Llm.Models;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Training;
using Ingot.Runtime;

namespace Ingot.Llm.Planning;

/// <summary>Turns one number, minutes or layers, into a whole plan, with this machine's speed measured on the model that will be trained.</summary>
public static class Dial
{
    /// <summary>Of the budget: preferences, reinforcement learning.</summary>
    const double DpoShare = 0.03, RlShare = 0.15;

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
        var precision = variation.Precision ?? MachineSpeed.BestPrecision;
        int items = settings.Minutes is { } m ? (int)Math.Clamp(50 * m, 60, 500) : 500;

        ModelShape shape;
        TrainingSpeed speed;
        if (settings.Depth is { } depth)
        {
            shape = variation.Shape(ModelShape.OfDepth(depth));
            speed = Measure(shape, TrainingCost.OptimalTokens(shape, settings.TokensPerParameter), out _);
        }
        else
        {
            double budget = 60 * settings.Minutes!.Value * (1 - DpoShare - RlShare) - FixedSeconds;
            var guess = ModelShape.OfDepth(4);
            speed = Measure(variation.Shape(guess), 4e6, out _);
            // The depth whose optimal number of tokens takes the time that is closest to what there is, by their ratio.
            shape = Enumerable.Range(2, 62).Select(d => variation.Shape(ModelShape.OfDepth(d))).MinBy(s => Math.Abs(Math.Log(Seconds(s, speed.Gflops) / Math.Max(1, 0.8 * budget))))!;
            if (shape != variation.Shape(guess)) speed = Measure(shape, TrainingCost.OptimalTokens(shape, settings.TokensPerParameter), out _);
        }

        double Seconds(ModelShape s, double gflops) => new TrainingCost(s, TrainingCost.OptimalTokens(s, settings.TokensPerParameter)).ExactFlops / (gflops * 1e9);

        TrainingSpeed Measure(ModelShape s, double tokens, out StageOptions options)
        {
            report?.Invoke($"measuring {s.Layers} layers of width {s.Width}");
            options = variation.Options(Options(s, tokens, settings.Seed, precision));
            return MachineSpeed.Training(Config(s, variation), options, s.ContextLength, cancellation);
        }

        report?.Invoke("measuring generation");
        double generated = MachineSpeed.Generation(new Decoder(Config(shape, variation), 1));
        double evaluation = EvaluationSeconds(items, generated), early = 3 * EvaluationSeconds(items / 5, generated) + EvaluationSeconds(items, generated);

        var first = variation.Options(Options(shape, TrainingCost.OptimalTokens(shape, settings.TokensPerParameter), settings.Seed, precision));
        double perStep = (double)first.SequencesPerStep * shape.ContextLength, validation = ValidationSeconds(perStep / speed.SecondsPerStep, settings.Data.Count > 0 ? 1 : 2);
        double training, total;
        if (settings.Minutes is { } minutes)
        {
            total = 60 * minutes;
            double rest = total * (1 - DpoShare - RlShare) - FixedSeconds - since.Elapsed.TotalSeconds - evaluation - early - validation;
            // What is prepared and what is trained take time together.
            training = rest / (1 + perStep / PreparedTokensPerSecond / speed.SecondsPerStep);
            if (training < 10 * speed.SecondsPerStep)
                throw new IngotException($"{minutes} minutes leave {Math.Max(0, rest):0} s for training, which is not ten steps of {speed.SecondsPerStep:0.0} s on this machine; give more minutes");
        }
        else
        {
            double steps = Math.Ceiling(TrainingCost.OptimalTokens(shape, settings.TokensPerParameter) / perStep);
            training = steps * speed.SecondsPerStep;
            total = (training * (1 + perStep / PreparedTokensPerSecond / speed.SecondsPerStep) + FixedSeconds + since.Elapsed.TotalSeconds + evaluation + early + validation) / (1 - DpoShare - RlShare);
        }

        var stages = new List<StagePlan>();
        foreach (var (recipe, share) in StageRecipe.InOrder)
        {
            int steps = (int)Math.Max(3, Math.Round(share * training / speed.SecondsPerStep));
            stages.Add(new(recipe.Name, steps, steps * perStep, steps * speed.SecondsPerStep));
        }
        double tokens = stages.Sum(s => s.Tokens);
        double trainedTokens = perStep / speed.SecondsPerStep; // a second
        double dpoStep = DpoTokens(new DpoOptions { Name = "dpo", Steps = 1 }) / trainedTokens, rlStep = RlSeconds(new GrpoOptions { Name = "rl", Steps = 1 }, trainedTokens, generated);
        stages.Add(Part("dpo", DpoShare * total, dpoStep, 2));
        stages.Add(Part("rl", RlShare * total, rlStep, 4));

        // What compiling takes comes off first.
        static StagePlan Part(string name, double seconds, double step, double compiling) => new(name, (int)Math.Max(1, Math.Round((seconds - compiling) / step)), 0, seconds);

        var cost = new TrainingCost(shape, tokens) { MicroBatchTokens = first.Batch * (double)shape.ContextLength, Format = precision == TrainingPrecision.Bf16 ? TrainingFormat.Bf16 : TrainingFormat.Fp32, Optimizer = TrainingOptimizer.Muon };
        var memory = cost.Memory;
        return new()
        {
            Settings = settings,
            Model = shape,
            Parameters = shape.Parameters,
            Tokens = tokens,
            Flops6nd = cost.SixNd,
            FlopsExact = cost.ExactFlops,
            Seconds = total,
            Stages = stages,
            Batch = first.Batch,
            Precision = precision,
            EvaluationItems = items,
            Memory = new(memory.Weights, memory.Gradients, memory.Optimizer, memory.Activations, TrainingCost.KvCacheBytesPerToken(shape, 4) * (double)shape.ContextLength),
            Machine = new(Cpu.Name, WorkerPool.Threads, speed.Gflops, MachineSpeed.PeakGflops(precision), Peaks.Measure().Gflops, generated),
            Loss = settings.Data.Count == 0 ? ExpectedLoss.Of(shape, stages[0].Tokens) : null,
        };
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

    /// <summary>Of pretraining: the batch grows with the square root of the tokens (Zhang et al. 2024, "How does critical batch size scale in pre-training?"), between 2,048 and 524,288 tokens.</summary>
    public static StageOptions Options(ModelShape shape, double tokens, ulong seed, TrainingPrecision precision)
    {
        double perStep = Math.Clamp(Math.Pow(2, Math.Round(Math.Log2(0.7 * Math.Sqrt(tokens)))), 2048, 524288);
        int sequences = (int)Math.Max(1, perStep / shape.ContextLength);
        // Activations of a micro-batch should stay small beside the weights' work; 32 sequences fill any of these machines.
        int batch = Math.Min(sequences, 32);
        return new() { Name = "base", Steps = 1, Batch = batch, MicroBatches = sequences / batch, Seed = seed, Precision = precision };
    }

    /// <summary>Some 26 questions an item of the sets, 70 tokens each with the answer, up to 200 stories of 300, and compiling.</summary>
    static double EvaluationSeconds(int items, double tokensPerSecond) => (26.0 * items * 70 + Math.Min(items, 200) * 300) / tokensPerSecond + 4;

    /// <summary>Bits per byte of all domains, which are forward passes, as often as a run measures them.</summary>
    static double ValidationSeconds(double trainedTokens, int domains) => StageRecipe.InOrder.Count * StageRecipe.Evaluations * domains * StageData.ValidationTokens / (3 * trainedTokens);

    /// <summary>Tokens of a step's pairs: two answers to a question, 64 tokens each with the question.</summary>
    static double DpoTokens(DpoOptions o) => o.Batch * 2 * 64;

    /// <summary>Questions of 20 tokens are answered by 6, and what was answered differently, about half, is learned from in rows of 32.</summary>
    static double RlSeconds(GrpoOptions o, double trainedTokens, double generatedTokens) => o.Prompts * o.Group * (26 / generatedTokens + 0.5 * 32 / trainedTokens);
}
