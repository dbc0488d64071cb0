namespace Ingot.Llm.Training;

/// <summary>What a stage of training on preferences does; kept with its checkpoint.</summary>
public sealed record DpoOptions : UpdateOptions
{
    public DpoOptions() => (MatrixRate, EmbeddingRate, VectorRate, WeightDecay, LogEvery) = (0.0005, 0.0001, 0.0001, 0, 5);

    /// <summary>Pairs a step, two sequences each.</summary>
    public int Batch { get; init; } = 16;

    /// <summary>How dear it is to leave the reference: the margin is this times the difference of log-probabilities.</summary>
    public double Beta { get; init; } = 0.1;

    /// <summary>Weight of the loss of supervised fine-tuning on the chosen answers, a token; keeps them from becoming less likely together with the rejected ones.</summary>
    /// <remarks>Pang et al. 2024, "Iterative reasoning preference optimization".</remarks>
    public double ChosenLoss { get; init; } = 0.2;

    /// <exception cref="IngotException">A number is out of range.</exception>
    public DpoOptions Checked()
    {
        Check();
        AtLeast(1, ("batch", Batch));
        Positive(("beta", Beta));
        NotNegative(("weight of the chosen answers' loss", ChosenLoss));
        return this;
    }
}
