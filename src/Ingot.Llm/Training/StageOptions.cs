using System.Text.Json.Serialization;

namespace Ingot.Llm.Training;

/// <summary>What one stage of training on a mixture of data does; kept with its checkpoint.</summary>
public sealed record StageOptions : UpdateOptions
{
    /// <summary>Sequences a micro-batch.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Micro-batches a step, whose gradients are averaged.</summary>
    public int MicroBatches { get; init; } = 1;

    /// <summary>Steps between evaluations; 0: at the end only.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>Sequences a step.</summary>
    [JsonIgnore]
    public int SequencesPerStep => Batch * MicroBatches;

    /// <exception cref="IngotException">A number is out of range.</exception>
    public StageOptions Checked()
    {
        Check();
        AtLeast(1, ("batch", Batch), ("micro-batches", MicroBatches));
        if (EvaluateEvery < 0) throw new IngotException($"the evaluation interval of stage '{Name}' cannot be {EvaluateEvery}; 0 evaluates at the end only");
        if ((long)SequencesPerStep >= 1 << 24) throw new IngotException($"{SequencesPerStep:N0} sequences a step are too many; at most {(1 << 24) - 1:N0}");
        return this;
    }
}
