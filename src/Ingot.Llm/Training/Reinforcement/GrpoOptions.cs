using System.Text.Json.Serialization;

namespace Ingot.Llm.Training;

/// <summary>What the losses of tokens are divided by.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<LossScale>))]
public enum LossScale
{
    /// <summary>The tokens of all answers of an update: each token counts the same (Yu et al. 2025, "DAPO").</summary>
    Tokens,
    /// <summary>Those of its answer, then the number of answers: each answer counts the same (Shao et al. 2024, "DeepSeekMath").</summary>
    Answers,
    /// <summary>The most tokens that all answers could have: long answers are neither dearer nor cheaper (Liu et al. 2025, "Understanding R1-Zero-like training").</summary>
    Constant,
}

/// <summary>What a stage of reinforcement learning does; kept with its checkpoint.</summary>
public sealed record GrpoOptions : UpdateOptions
{
    public GrpoOptions() => (MatrixRate, EmbeddingRate, VectorRate, WeightDecay, LogEvery, Cooldown) = (0.001, 0.0002, 0.0002, 0, 1, 0.5);

    /// <summary>Prompts a step.</summary>
    public int Prompts { get; init; } = 32;

    /// <summary>Samples a prompt, compared with each other.</summary>
    public int Group { get; init; } = 16;

    /// <summary>The most tokens of an answer; one that has not ended by then gets no reward.</summary>
    public int MaxTokens { get; init; } = 32;

    /// <summary>The logits are divided by it, when samples are drawn and when they are learned from.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Answers an update: the answers of a step are cut into so many updates as there are. Those whose group got all the same reward teach nothing and are left out.</summary>
    public int Rows { get; init; } = 256;

    /// <summary>The ratio of new to old probability of a token stops counting below 1 minus this.</summary>
    public double ClipLow { get; init; } = 0.2;

    /// <summary>And above 1 plus this: more room for what was unlikely (DAPO's clip-higher).</summary>
    public double ClipHigh { get; init; } = 0.28;

    /// <summary>Advantages are divided by the deviation of their group's rewards.</summary>
    public bool DividesByDeviation { get; init; }

    /// <summary>What the losses of tokens are divided by.</summary>
    public LossScale Scale { get; init; }

    /// <summary>Weight of the divergence from the model that the stage began with.</summary>
    public double KlWeight { get; init; }

    /// <summary>Weight of the entropy of the choice of each token, which is rewarded.</summary>
    public double EntropyBonus { get; init; }

    /// <summary>Steps between checks on held-out tasks; 0: before the first step and after the last only.</summary>
    public int CheckEvery { get; init; } = 20;

    /// <summary>Held-out tasks of a check, at most.</summary>
    public int CheckCount { get; init; } = 200;

    /// <summary>Samples a held-out task before the first step and after the last, to see in how many of the tasks one of them is right; 0: none.</summary>
    public int PassSamples { get; init; } = 8;

    /// <summary>Answers that are written side by side.</summary>
    public int SideBySide { get; init; } = 256;

    /// <exception cref="IngotException">A number is out of range.</exception>
    public GrpoOptions Checked()
    {
        Check();
        AtLeast(1, ("prompts", Prompts), ("most tokens", MaxTokens), ("rows", Rows), ("held-out tasks of a check", CheckCount), ("answers side by side", SideBySide));
        AtLeast(2, ("group", Group));
        AtLeast(0, ("interval of checks", CheckEvery), ("samples for pass@k", PassSamples));
        Positive(("temperature", Temperature), ("lower clip", ClipLow), ("upper clip", ClipHigh));
        NotNegative(("weight of the divergence", KlWeight), ("entropy bonus", EntropyBonus));
        if ((long)Prompts * Group >= 1 << 24) throw new IngotException($"{(long)Prompts * Group:N0} answers a step are too many; at most {(1 << 24) - 1:N0}");
        return this;
    }
}
