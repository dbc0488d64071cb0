using Ingot.Llm.Generation;
using Ingot.Llm.Models;

namespace Ingot.Llm.Serving;

/// <summary>How much a <see cref="ServingLoop"/> takes on.</summary>
public sealed record ServingOptions
{
    /// <summary>Texts that are written side by side.</summary>
    public int Slots { get; init; } = 16;

    /// <summary>Texts that wait for a slot; more are refused.</summary>
    public int MostWaiting { get; init; } = 256;

    /// <summary>The most positions to be used; null: the model's own.</summary>
    public int? ContextLength { get; init; }

    /// <summary>How keys and values are kept.</summary>
    public CacheType CacheType { get; init; }

    /// <summary>
    /// The most bytes of keys and values of texts that are being written, each counted as long as it may become; a text waits until there is room, and none becomes
    /// longer than there is room for. Null: half of the memory that this process may use.
    /// </summary>
    public long? KvBytes { get; init; }

    /// <summary>How long nothing happens before memory that nobody uses is given back.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Makes what guesses the tokens to come, one a text, on the loop's thread; disposed with the text. Null: nothing guesses. What is written does not depend on it.</summary>
    public Func<IDrafter>? Drafting { get; init; }

    /// <summary>A smaller model with the same tokens, which guesses in the place of <see cref="Drafting"/>.</summary>
    public LoadedModel? Draft { get; init; }

    /// <summary>Bytes of keys and values that are kept of texts that have ended, for others that begin as they do; 0: none.</summary>
    public long PrefixBytes { get; init; } = 256L << 20;

    /// <summary>Where they are kept across restarts; null: nowhere.</summary>
    public string? PrefixFolder { get; init; }

    /// <summary>The most bytes in that folder.</summary>
    public long PrefixFolderBytes { get; init; } = 4L << 30;

    /// <exception cref="IngotException">A number is out of range.</exception>
    public ServingOptions Checked() =>
        Slots < 1 ? throw new IngotException($"a loop needs at least one slot, not {Slots}")
        : KvBytes < 1 ? throw new IngotException($"keys and values need memory; {KvBytes} bytes hold none")
        : MostWaiting < 1 ? throw new IngotException($"a queue has room for one text or more, not {MostWaiting}")
        : this;
}

/// <summary>The queue has no room; try again later.</summary>
public sealed class QueueFullException(int waiting, int most) : IngotException($"{waiting} texts wait already and the queue has room for {most}; try again in a moment")
{
    /// <summary>Seconds after which another try makes sense.</summary>
    public int RetryAfter { get; init; } = 1;
}

/// <summary>The loop has ended or is ending.</summary>
public sealed class LoopStoppedException() : IngotException("the model is being shut down and takes no more texts");
