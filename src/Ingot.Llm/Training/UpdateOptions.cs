using Ingot.Nn;

namespace Ingot.Llm.Training;

/// <summary>What updates the blocks' matrices.</summary>
public enum MatrixOptimizer
{
    /// <summary>Orthogonalized momentum (Jordan et al. 2024).</summary>
    Muon,
    AdamW,
}

/// <summary>How the weights change over a stage of any kind: steps, rates as functions of the progress, checkpoints. Frozen before the first step: nothing in it depends on the clock.</summary>
public abstract record UpdateOptions
{
    /// <summary>Such as <c>base</c>, <c>mid</c>, <c>sft</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Steps of the stage.</summary>
    public required int Steps { get; init; }

    /// <summary>What updates the blocks' matrices; the rest is always AdamW's.</summary>
    public MatrixOptimizer MatrixOptimizer { get; init; }

    /// <summary>Of the blocks' matrices.</summary>
    public double MatrixRate { get; init; } = 0.02;

    /// <summary>Of AdamW, for the embedding and the head.</summary>
    public double EmbeddingRate { get; init; } = 0.005;

    /// <summary>Of AdamW, for scales and biases.</summary>
    public double VectorRate { get; init; } = 0.005;

    /// <summary>The first part of the steps, in which rates rise from 0.</summary>
    public double Warmup { get; init; } = 0.02;

    /// <summary>The last part, in which they fall in a straight line.</summary>
    public double Cooldown { get; init; } = 0.4;

    /// <summary>What is left of the rates at the end.</summary>
    public double FinalRate { get; init; } = 0.05;

    /// <summary>The factor on all rates, in place of the three above.</summary>
    public ProgressCurve? Rates { get; init; }

    /// <summary>Pull of matrices towards 0, a unit of learning rate.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Bound on the gradient's norm.</summary>
    public double Clip { get; init; } = 1;

    public ulong Seed { get; init; } = 1;

    /// <summary>What products are computed in; weights and everything else are float32.</summary>
    public TrainingPrecision Precision { get; init; }

    /// <summary>Steps between lines of the log.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>Seconds of work that a kill may lose. When a checkpoint is written changes no result.</summary>
    public double CheckpointSeconds { get; init; } = 15;

    /// <summary>So many steps in a row without a finite loss and gradient end the run.</summary>
    public int MostSkipped { get; init; } = 10;

    /// <summary>The factor that all rates have at some progress.</summary>
    public double RateAt(double progress) =>
        Rates is not null ? Rates.At(progress)
        : progress < Warmup ? (progress + 1.0 / Steps) / (Warmup + 1.0 / Steps)
        : progress <= 1 - Cooldown ? 1
        : FinalRate + (1 - FinalRate) * Math.Clamp((1 - progress) / Cooldown, 0, 1);

    /// <summary>A rate over the whole stage.</summary>
    internal Nn.Schedule Rate(double peak) => Schedules.Of(progress => peak * RateAt(progress));

    /// <summary>Muon on the blocks' matrices, AdamW on the rest.</summary>
    internal CombinedOptimizer OptimizerOf(Models.Decoder model)
    {
        var named = Module.NamedParameters(model).ToList();
        bool IsEmbedding(string name) => name.EndsWith("embed_tokens.weight", StringComparison.Ordinal) || name.EndsWith("lm_head.weight", StringComparison.Ordinal);
        return new(
            MatrixOptimizer == MatrixOptimizer.Muon ? new Muon(named.Where(p => p.Value.Rank == 2 && !IsEmbedding(p.Key)).Select(p => p.Value), Rate(MatrixRate), weightDecay: WeightDecay)
                : new AdamW(named.Where(p => p.Value.Rank == 2 && !IsEmbedding(p.Key)).Select(p => p.Value), Rate(MatrixRate), beta2: 0.95, epsilon: 1e-10, weightDecay: WeightDecay),
            new AdamW(named.Where(p => p.Value.Rank == 2 && IsEmbedding(p.Key)).Select(p => p.Value), Rate(EmbeddingRate), beta2: 0.95, epsilon: 1e-10, weightDecay: 0.0),
            new AdamW(named.Where(p => p.Value.Rank != 2).Select(p => p.Value), Rate(VectorRate), beta2: 0.95, epsilon: 1e-10, weightDecay: 0.0));
    }

    /// <exception cref="IngotException">A number is out of range.</exception>
    protected void Check()
    {
        AtLeast(1, ("steps", Steps), ("log interval", LogEvery), ("skipped steps", MostSkipped));
        Positive(("matrix rate", MatrixRate), ("embedding rate", EmbeddingRate), ("vector rate", VectorRate), ("clip", Clip), ("checkpoint interval", CheckpointSeconds));
        foreach (var (name, value) in new[] { ("warm-up", Warmup), ("cool-down", Cooldown), ("final rate", FinalRate) })
            if (!(value is >= 0 and <= 1)) throw new IngotException($"the {name} of stage '{Name}' is a part, from 0 to 1, not {value}");
    }

    private protected void AtLeast(int least, params ReadOnlySpan<(string Name, int Value)> numbers)
    {
        foreach (var (name, value) in numbers)
            if (value < least) throw new IngotException($"the {name} of stage '{Name}' must be at least {least}, not {value}");
    }

    private protected void Positive(params ReadOnlySpan<(string Name, double Value)> numbers)
    {
        foreach (var (name, value) in numbers)
            if (!(value > 0) || !double.IsFinite(value)) throw new IngotException($"the {name} of stage '{Name}' must be positive, not {value}");
    }

    private protected void NotNegative(params ReadOnlySpan<(string Name, double Value)> numbers)
    {
        foreach (var (name, value) in numbers)
            if (!(value >= 0) || !double.IsFinite(value)) throw new IngotException($"the {name} of stage '{Name}' must be 0 or more, not {value}");
    }
}
