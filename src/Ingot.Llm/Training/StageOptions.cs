using System.Text.Json.Serialization;
using Ingot.Nn;

namespace Ingot.Llm.Training;

/// <summary>What one stage of training does; kept with its checkpoint. Frozen before the first step: nothing in it depends on the clock.</summary>
public sealed record StageOptions
{
    /// <summary>Such as <c>base</c>, <c>mid</c>, <c>sft</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Steps of the optimizer.</summary>
    public required int Steps { get; init; }

    /// <summary>Sequences a micro-batch.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Micro-batches a step, whose gradients are averaged.</summary>
    public int MicroBatches { get; init; } = 1;

    /// <summary>Of Muon, for the blocks' matrices.</summary>
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

    /// <summary>Pull of matrices towards 0, a unit of learning rate.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Bound on the gradient's norm.</summary>
    public double Clip { get; init; } = 1;

    public ulong Seed { get; init; } = 1;

    /// <summary>What products are computed in; weights and everything else are float32.</summary>
    public TrainingPrecision Precision { get; init; }

    /// <summary>Steps between lines of the log.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>Steps between evaluations; 0: at the end only.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>Seconds of work that a kill may lose. When a checkpoint is written changes no result.</summary>
    public double CheckpointSeconds { get; init; } = 15;

    /// <summary>So many steps in a row without a finite loss and gradient end the run.</summary>
    public int MostSkipped { get; init; } = 10;

    /// <summary>The factor that all rates have at some progress.</summary>
    public double RateAt(double progress) =>
        progress < Warmup ? (progress + 1.0 / Steps) / (Warmup + 1.0 / Steps)
        : progress <= 1 - Cooldown ? 1
        : FinalRate + (1 - FinalRate) * Math.Clamp((1 - progress) / Cooldown, 0, 1);

    /// <summary>A rate over the whole stage.</summary>
    internal Nn.Schedule Rate(double peak) => Schedules.Of(progress => peak * RateAt(progress));

    /// <summary>Sequences a step.</summary>
    [JsonIgnore]
    public int SequencesPerStep => Batch * MicroBatches;

    /// <exception cref="IngotException">A number is out of range.</exception>
    public StageOptions Checked()
    {
        foreach (var (name, value) in new[] { ("steps", Steps), ("batch", Batch), ("micro-batches", MicroBatches), ("log interval", LogEvery), ("skipped steps", MostSkipped) })
            if (value < 1) throw new IngotException($"the {name} of stage '{Name}' must be at least 1, not {value}");
        foreach (var (name, value) in new[] { ("matrix rate", MatrixRate), ("embedding rate", EmbeddingRate), ("vector rate", VectorRate), ("clip", Clip), ("checkpoint interval", CheckpointSeconds) })
            if (!(value > 0) || !double.IsFinite(value)) throw new IngotException($"the {name} of stage '{Name}' must be positive, not {value}");
        foreach (var (name, value) in new[] { ("warm-up", Warmup), ("cool-down", Cooldown), ("final rate", FinalRate) })
            if (!(value is >= 0 and <= 1)) throw new IngotException($"the {name} of stage '{Name}' is a part, from 0 to 1, not {value}");
        if (EvaluateEvery < 0) throw new IngotException($"the evaluation interval of stage '{Name}' cannot be {EvaluateEvery}; 0 evaluates at the end only");
        if ((long)SequencesPerStep >= 1 << 24) throw new IngotException($"{SequencesPerStep:N0} sequences a step are too many; at most {(1 << 24) - 1:N0}");
        return this;
    }
}
