using System.Numerics;
using System.Runtime.InteropServices;

namespace Ingot.Runtime;

/// <summary>
/// Native memory by size class. Freed blocks are kept, so that a training step touches the same pages as the one before: a fresh large
/// block costs a page fault every 4 KB, which is more than most kernels do with it.
/// </summary>
/// <remarks>
/// Blocks are 64-byte aligned; those of 2 MiB and more are 2 MiB aligned and ask for huge pages. Nobody disposes a buffer: it comes back when the
/// collector finds its owner dead. The collector sees only the small owner, not the megabytes behind it, so the pool itself asks for collections; see
/// <see cref="CollectEvery"/>.
/// </remarks>
public static unsafe class MemoryPool
{
    const long Large = 2L << 20;
    const int Alignment = 64;

    static readonly long physicalMemory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes; // the container's limit, if it has one
    static readonly Lock gate = new();
    static readonly Dictionary<long, Stack<nint>> free = [];
    static long inUse, cached, peak;
    static long rentedSinceCollection, liveAfterCollection, liveAfterFullCollection;
    static int collectionsSeen;

    /// <summary>
    /// Bytes rented between two collections, at the least. A graph of dropped temporaries makes the managed heap grow by a few hundred bytes per
    /// buffer, so left alone the collector would come years too late. 256 MB of results take 10 ms or more to compute; a young collection of graph nodes
    /// takes well under one. Where more than twice that is alive, half the live bytes are the measure, as in any generational heap.
    /// </summary>
    public static long CollectEvery { get; set; } = 256L << 20;

    /// <summary>Bytes in blocks that are rented now, rounded up to their size classes.</summary>
    public static long BytesInUse => Volatile.Read(ref inUse);

    /// <summary>Bytes in freed blocks that are kept for reuse.</summary>
    public static long BytesCached => Volatile.Read(ref cached);

    /// <summary>The most <see cref="BytesInUse"/> has been since the start or <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => Volatile.Read(ref peak);

    /// <summary>Most bytes rented at a time: <c>INGOT_MEMORY</c>, or the memory of the machine or container.</summary>
    public static long Limit => Settings.Memory ?? physicalMemory;

    /// <summary>Most bytes kept in freed blocks: half of the memory that was free at the start.</summary>
    public static long CacheBudget { get; set; } = FreePhysicalMemory() / 2;

    /// <summary>Bytes that the calling thread has asked for since it began: what a piece of code costs is the difference.</summary>
    [field: ThreadStatic]
    public static long RentedByThisThread { get; private set; }

    public static void ResetPeak()
    {
        lock (gate) peak = inUse;
    }

    /// <summary>Gives all freed blocks back to the system.</summary>
    public static void Trim()
    {
        lock (gate) EvictDownTo(0);
    }

    /// <summary>A block of uninitialised memory, 64-byte aligned, to be given back with the same number of bytes.</summary>
    /// <param name="bytes">Its size.</param>
    /// <param name="isBrief">The caller gives it back itself, soon: it is no reason to collect.</param>
    /// <exception cref="OutOfMemoryException">Over <see cref="Limit"/>, or the system has none left, also after a collection.</exception>
    public static nint Rent(long bytes, bool isBrief = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long size = SizeClass(bytes);
        RentedByThisThread += bytes;
        if (!isBrief) CollectIfDue(size);
        if (TryRent(bytes, size, out nint address))
        {
            if (!isBrief) Interlocked.Add(ref rentedSinceCollection, size);
            return address;
        }

        // The owners of dead blocks are waiting to be found. The lock is not held here: their finalizers need it to give the blocks back.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        if (TryRent(bytes, size, out address)) return address;

        Trim(); // what is cached in other sizes may be what the system lacks
        if (TryRent(bytes, size, out address)) return address;
        throw new InsufficientMemoryException( // an OutOfMemoryException that was foreseen
            $"Out of memory: asked for {Megabytes(bytes)}, {Megabytes(BytesInUse)} in use, limit {Megabytes(Limit)}. " +
            "Use smaller batches or a smaller model, or raise INGOT_MEMORY.");
    }

    /// <summary>Takes a block back. The bytes are those it was rented with.</summary>
    public static void Return(nint address, long bytes)
    {
        long size = SizeClass(bytes);
        if (GuardedBlocks.TryFree(address, bytes))
        {
            Interlocked.Add(ref inUse, -size);
            return;
        }
        lock (gate)
        {
            Interlocked.Add(ref inUse, -size);
            if (size > CacheBudget)
            {
                Free(address);
                return;
            }
            EvictDownTo(CacheBudget - size);
            if (!free.TryGetValue(size, out var stack)) free[size] = stack = [];
            stack.Push(address);
            cached += size;
        }
    }

    /// <summary>Bytes really set aside for a request: a quarter-octave step, so that at most a fifth is wasted and nearly equal sizes share blocks.</summary>
    internal static long SizeClass(long bytes)
    {
        if (bytes <= 4 * Alignment) return Math.Max(Alignment, RoundUp(bytes, Alignment));
        long step = 1L << (BitOperations.Log2((ulong)(bytes - 1)) - 2);
        return RoundUp(bytes, bytes > Large ? Math.Max(step, Large) : step);
    }

    static bool TryRent(long bytes, long size, out nint address)
    {
        address = 0;
        lock (gate)
        {
            long limit = Limit;
            if (size > limit - inUse) return false;
            bool guarded = Settings.Guard && GuardedBlocks.HaveRoom;
            if (!guarded && free.TryGetValue(size, out var stack) && stack.TryPop(out address))
                cached -= size;
            else
            {
                EvictDownTo(limit - inUse - size);
                address = guarded ? GuardedBlocks.Allocate(bytes) : AllocateFresh(size);
                if (address == 0) return false;
            }
            inUse += size;
            peak = Math.Max(peak, inUse);
            return true;
        }
    }

    /// <summary>Collects before memory grows, once enough has been rented since the last time; see <see cref="CollectEvery"/>.</summary>
    static void CollectIfDue(long size)
    {
        bool full;
        lock (gate)
        {
            if (GC.CollectionCount(0) != collectionsSeen) // the collector came by itself: its finalizers have returned what was dead, or soon will
            {
                collectionsSeen = GC.CollectionCount(0);
                (rentedSinceCollection, liveAfterCollection) = (0, inUse);
            }
            if (rentedSinceCollection + size < Math.Max(CollectEvery, liveAfterCollection / 2)) return;
            rentedSinceCollection = 0; // claimed: another thread that comes here now goes on
            // What lives through a long step ends up in generation 2, where young collections do not look.
            full = inUse > liveAfterFullCollection + Math.Max(CollectEvery, liveAfterFullCollection / 2);
        }
        GC.Collect(full ? 2 : 1, GCCollectionMode.Forced, blocking: true);
        GC.WaitForPendingFinalizers(); // a millisecond; the page faults of a fresh block in place of a freed one cost many
        lock (gate)
        {
            collectionsSeen = GC.CollectionCount(0);
            liveAfterCollection = inUse;
            if (full) liveAfterFullCollection = inUse;
        }
    }

    /// <summary>Frees cached blocks, largest classes first, until no more than the given bytes are cached. Called under the lock.</summary>
    static void EvictDownTo(long bytes)
    {
        if (cached <= bytes) return;
        foreach (var (size, stack) in free.OrderByDescending(f => f.Key))
            while (cached > bytes && stack.TryPop(out nint address))
            {
                Free(address);
                cached -= size;
            }
    }

    /// <summary>Memory straight from the system; 0 if it has none.</summary>
    internal static nint AllocateFresh(long size)
    {
        try
        {
            nint address = (nint)NativeMemory.AlignedAlloc((nuint)size, (nuint)(size >= Large ? Large : Alignment));
            if (size >= Large) Libc.AdviseHugePages(address, size);
            return address;
        }
        catch (OutOfMemoryException)
        {
            return 0; // Rent knows what else to try, and can say more
        }
    }

    internal static void Free(nint address) => NativeMemory.AlignedFree((void*)address);

    static long RoundUp(long n, long multiple) => (n + multiple - 1) / multiple * multiple;

    static string Megabytes(long bytes) => bytes < 1 << 20 ? $"{bytes} bytes" : $"{bytes / 1048576.0:0.#} MB";

    static long FreePhysicalMemory()
    {
        var info = GC.GetGCMemoryInfo(); // its total knows of container limits
        long available = info.TotalAvailableMemoryBytes - info.MemoryLoadBytes;
        const string Linux = "/proc/meminfo";
        if (File.Exists(Linux))
            foreach (var line in File.ReadLines(Linux))
                if (line.StartsWith("MemAvailable:", StringComparison.Ordinal) && Settings.ParseBytes(line["MemAvailable:".Length..].Replace(" ", "", StringComparison.Ordinal)) is { } free)
                    available = Math.Min(available, free);
        return Math.Max(available, 64L << 20);
    }
}
