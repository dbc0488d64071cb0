namespace Ingot.Llm.Generation;

/// <summary>What an <see cref="Engine"/> may take, and what it keeps.</summary>
public sealed record EngineOptions
{
    /// <summary>Tokens in a step, at most: a longer prompt is computed in several.</summary>
    public int MostRows { get; init; } = 256;

    /// <summary>How keys and values are kept. bf16 and int8 round them, in the same way in any batch and with any cache of prefixes.</summary>
    public CacheType CacheType { get; init; }

    /// <summary>
    /// Most bytes of keys and values that are kept of texts that have ended, for others that begin as they do; 0: none. Only for a model whose weights do not
    /// change; see <see cref="Engine.ForgetPrefixes"/>.
    /// </summary>
    public long PrefixBytes { get; init; }

    /// <summary>Where prefixes are kept across restarts; null: nowhere. Needs <see cref="PrefixBytes"/>.</summary>
    public PrefixStore? Store { get; init; }

    /// <exception cref="IngotException">A number is out of range.</exception>
    internal EngineOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MostRows, 1);
        if (PrefixBytes < 0) throw new IngotException($"the quota of the prefix cache must be 0 (none) or more bytes, not {PrefixBytes}");
        if (Store is not null && PrefixBytes == 0) throw new IngotException("prefixes on the disk pass through those in memory, which have no quota; set PrefixBytes too");
        return this;
    }
}
