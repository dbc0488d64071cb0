namespace Ingot.Llm.Planning;

/// <summary>What a run from nothing to a chat was asked for: the dial and what deviates from the defaults.</summary>
public sealed record SpeedrunSettings
{
    /// <summary>The budget, from the start of the command to its end; null where <see cref="Depth"/> sets the size.</summary>
    public double? Minutes { get; init; }

    /// <summary>The dial by size: layers of the model, whose tokens follow by <see cref="TokensPerParameter"/>.</summary>
    public int? Depth { get; init; }

    /// <summary>Decides weights, batches and generated text.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>A file that replaces parts of the generated world.</summary>
    public string? World { get; init; }

    /// <summary>The user's own text; empty: the generated world and the documentation of .NET on this disk.</summary>
    public IReadOnlyList<string> Data { get; init; } = [];

    /// <summary>D / N, over all stages that learn from text. Fewer than the 20 of Hoffmann et al. 2022: at equal time on the generated world three layers and 11 tokens a parameter end at 1.97 nats, two layers and 24 at 2.12 (docs/LOG.md).</summary>
    public double TokensPerParameter { get; init; } = 8;

    /// <summary>Deviations, as <c>model.qkNorm=false</c>.</summary>
    public IReadOnlyList<string> Set { get; init; } = [];

    public bool Equals(SpeedrunSettings? other) =>
        other is not null && (Minutes, Depth, Seed, World, TokensPerParameter) == (other.Minutes, other.Depth, other.Seed, other.World, other.TokensPerParameter)
        && Data.SequenceEqual(other.Data) && Set.SequenceEqual(other.Set);

    public override int GetHashCode() => HashCode.Combine(Minutes, Depth, Seed, World, TokensPerParameter, Data.Count, Set.Count);

    /// <exception cref="IngotException">A number is out of range.</exception>
    public SpeedrunSettings Checked()
    {
        if (Minutes is null == Depth is null) throw new IngotException("give the budget by --minutes or the size by --depth, one of them");
        if (Minutes is { } m && !(m is >= 0.5 and <= 100_000)) throw new IngotException($"--minutes must be from 0.5 to 100,000, not {m}");
        if (Depth is { } d && d is < 1 or > 200) throw new IngotException($"--depth must be from 1 to 200, not {Depth}");
        if (!(TokensPerParameter > 0) || !double.IsFinite(TokensPerParameter)) throw new IngotException($"--tokens-per-parameter must be positive, not {TokensPerParameter}");
        return this;
    }
}
