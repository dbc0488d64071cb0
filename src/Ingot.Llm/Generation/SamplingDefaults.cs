namespace Ingot.Llm.Generation;

/// <summary>How a model's makers want its tokens to be chosen where nobody says otherwise: generation_config.json, or general.sampling.* of a GGUF file. Null: they say nothing of it.</summary>
public sealed record SamplingDefaults
{
    /// <summary>Nothing is said.</summary>
    public static SamplingDefaults None { get; } = new();

    /// <summary>0 or more.</summary>
    public double? Temperature { get; init; }

    /// <summary>1 or more.</summary>
    public int? TopK { get; init; }

    /// <summary>Above 0, at most 1.</summary>
    public double? TopP { get; init; }

    /// <summary>0 to 1.</summary>
    public double? MinP { get; init; }

    /// <summary>Above 0, at most 1.</summary>
    public double? TypicalP { get; init; }

    /// <summary>Above 0.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>The same without what makes no sense, as -1 for "all tokens", which some files have.</summary>
    internal SamplingDefaults Sound() => new()
    {
        Temperature = Temperature is >= 0 and <= 100 ? Temperature : null,
        TopK = TopK > 0 ? TopK : null,
        TopP = TopP is > 0 and <= 1 ? TopP : null,
        MinP = MinP is >= 0 and <= 1 ? MinP : null,
        TypicalP = TypicalP is > 0 and <= 1 ? TypicalP : null,
        RepetitionPenalty = RepetitionPenalty is > 0 and <= 100 ? RepetitionPenalty : null,
    };

    /// <summary>Options where nothing else was said: the makers' word, and without it <see cref="SamplingOptions.StandardTemperature"/> and no limits.</summary>
    /// <param name="seed">Of the random choices.</param>
    public SamplingOptions Options(ulong seed) => new(Temperature ?? SamplingOptions.StandardTemperature, TopK ?? 0, seed)
    {
        TopP = TopP ?? 1,
        MinP = MinP ?? 0,
        TypicalP = TypicalP ?? 1,
        RepetitionPenalty = RepetitionPenalty ?? 1,
    };
}
