using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Ingot.Runtime;

/// <summary>What all threads did with multiply-adds in the last milliseconds, in 10^9 operations a second.</summary>
/// <param name="Undisturbed">From the fast one of short pieces: what the processor does at its present clock.</param>
/// <param name="Steady">From the wall time: lower by what other processes took meanwhile.</param>
public readonly record struct ComputeReading(double Undisturbed, double Steady);

/// <summary>Quick measurements to be made beside a sample, where <see cref="Peaks"/> is measured once: a shared machine's speed drifts by the minute.</summary>
public static class Probes
{
    const int ChunksEach = 20; // some 4 ms in all

    /// <summary>The widest vectors the hardware runs at full speed, at most <see cref="Cpu.Level"/>: emulated ones are no roof.</summary>
    internal static IsaLevel Level => Cpu.Level < Cpu.HardwareLevel ? Cpu.Level : Cpu.HardwareLevel;

    /// <summary>Takes a few milliseconds. Not to be called from inside a chunk.</summary>
    public static ComputeReading Compute() => Level switch
    {
        >= IsaLevel.Avx512 => Compute<Lanes512>(),
        IsaLevel.Avx2 => Compute<Lanes256>(),
        _ => Compute<Lanes128>(),
    };

    /// <summary>The same of the matrix unit's bf16 products; null where there is none in use.</summary>
    public static ComputeReading? Matrix()
    {
        if (Level < IsaLevel.Amx) return null;
        double rate = MatrixPeak.Gflops(WorkerPool.Threads);
        var vectors = Compute(); // what others took of the processors in these milliseconds
        return new(rate, rate * vectors.Steady / vectors.Undisturbed);
    }

    static ComputeReading Compute<V>() where V : unmanaged, ILanes<V>
    {
        int threads = WorkerPool.Threads, chunks = threads * ChunksEach;
        var work = new ComputeWork<V>(chunks);
        long start = Stopwatch.GetTimestamp();
        WorkerPool.Run(work, chunks);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new(Math.Min(threads, Cpu.Cores) * ComputeWork<V>.Flops / work.FastSeconds / 1e9, chunks * ComputeWork<V>.Flops / seconds / 1e9);
    }
}

/// <summary>
/// The roof of a kernel that memory bounds: streams read and streams written at the same time, with nothing computed, over buffers of their own as large as the
/// kernel's. The better of plain and non-temporal stores counts: which one wins depends on the mix, the footprint and the machine.
/// </summary>
public sealed unsafe class StreamProbe
{
    /// <summary>Streams that can be read; a kernel with more inputs is close to this one.</summary>
    public const int MostReads = 4;

    readonly Storage[] reads;
    readonly Storage? write;

    /// <param name="reads">Streams read, 1 to 4.</param>
    /// <param name="writes">Streams written, 0 or 1.</param>
    /// <param name="bytesEach">Of one stream; rounded up to whole chunks of 64 KB.</param>
    public StreamProbe(int reads, int writes, long bytesEach)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(reads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(reads, MostReads);
        ArgumentOutOfRangeException.ThrowIfNegative(writes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(writes, 1);
        Chunks = checked((int)((bytesEach + StreamWork.ChunkBytes - 1) / StreamWork.ChunkBytes));
        long bytes = (long)Chunks * StreamWork.ChunkBytes;
        this.reads = new Storage[reads];
        for (int i = 0; i < reads; i++)
        {
            this.reads[i] = Storage.Allocate(bytes);
            this.reads[i].Clear(); // untouched pages are all the same one
        }
        if (writes == 0) return;
        write = Storage.Allocate(bytes);
        write.Clear();
    }

    int Chunks { get; }

    /// <summary>Bytes that one pass reads and writes.</summary>
    public long BytesMoved => (long)Chunks * StreamWork.ChunkBytes * (reads.Length + (write is null ? 0 : 1));

    /// <summary>10^9 bytes a second: the better of plain and non-temporal stores, each over at least this time.</summary>
    public double GBs(double seconds)
    {
        double plain = GBs(seconds, nonTemporal: false);
        return write is null ? plain : Math.Max(plain, GBs(seconds, nonTemporal: true));
    }

    double GBs(double seconds, bool nonTemporal)
    {
        var work = new StreamWork(reads, write, nonTemporal);
        int passes = 0;
        long start = Stopwatch.GetTimestamp();
        double elapsed;
        do
        {
            WorkerPool.Run(work, Chunks);
            passes++;
            elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        while (elapsed < seconds);
        return passes * (double)BytesMoved / elapsed / 1e9;
    }
}

/// <summary>Reads and writes 64 KB of every stream a chunk. The storages stay referenced, and with them the addresses valid.</summary>
sealed unsafe class StreamWork(Storage[] reads, Storage? write, bool nonTemporal) : IChunkWork
{
    public const int ChunkBytes = 1 << 16;
    const int Floats = ChunkBytes / sizeof(float);

    /// <inheritdoc cref="ComputeWork{V}.Sum"/>
    public float Sum { get; private set; }

    public void Run(int chunk, int worker)
    {
        Sum += Probes.Level switch
        {
            >= IsaLevel.Avx512 => Move<Lanes512>(chunk),
            IsaLevel.Avx2 => Move<Lanes256>(chunk),
            _ => Move<Lanes128>(chunk),
        };
        if (nonTemporal) Thread.MemoryBarrier(); // such stores are not ordered with the next ones by themselves
    }

    static float* At(Storage s, int chunk) => (float*)s.Address + (long)chunk * Floats;

    float Move<V>(int chunk) where V : unmanaged, ILanes<V> => reads.Length switch
    {
        1 => Move<V, One>(chunk),
        2 => Move<V, Two>(chunk),
        3 => Move<V, Three>(chunk),
        _ => Move<V, Four>(chunk),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // the loop runs too seldom to be promoted from tier 0
    float Move<V, N>(int chunk) where V : unmanaged, ILanes<V> where N : struct, ICount
    {
        // A stream that is not there is the first one again, and its load falls away with the constant test.
        float* a = At(reads[0], chunk), b = At(reads[N.Value > 1 ? 1 : 0], chunk), c = At(reads[N.Value > 2 ? 2 : 0], chunk), d = At(reads[N.Value > 3 ? 3 : 0], chunk);
        if (write is null)
        {
            V s0 = V.Broadcast(0), s1 = s0, s2 = s0, s3 = s0;
            for (int i = 0; i < Floats; i += 4 * V.Count)
            {
                s0 = V.Or(s0, Load<V, N>(a + i, b + i, c + i, d + i));
                s1 = V.Or(s1, Load<V, N>(a + i + V.Count, b + i + V.Count, c + i + V.Count, d + i + V.Count));
                s2 = V.Or(s2, Load<V, N>(a + i + 2 * V.Count, b + i + 2 * V.Count, c + i + 2 * V.Count, d + i + 2 * V.Count));
                s3 = V.Or(s3, Load<V, N>(a + i + 3 * V.Count, b + i + 3 * V.Count, c + i + 3 * V.Count, d + i + 3 * V.Count));
            }
            return V.First(V.Or(V.Or(s0, s1), V.Or(s2, s3)));
        }
        float* to = At(write, chunk);
        if (nonTemporal)
        {
            for (int i = 0; i < Floats; i += 2 * V.Count)
            {
                V.StoreNonTemporal(Load<V, N>(a + i, b + i, c + i, d + i), to + i);
                V.StoreNonTemporal(Load<V, N>(a + i + V.Count, b + i + V.Count, c + i + V.Count, d + i + V.Count), to + i + V.Count);
            }
        }
        else
        {
            for (int i = 0; i < Floats; i += 2 * V.Count)
            {
                V.Store(Load<V, N>(a + i, b + i, c + i, d + i), to + i);
                V.Store(Load<V, N>(a + i + V.Count, b + i + V.Count, c + i + V.Count, d + i + V.Count), to + i + V.Count);
            }
        }
        return 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V Load<V, N>(float* a, float* b, float* c, float* d) where V : unmanaged, ILanes<V> where N : struct, ICount
    {
        V x = V.Load(a);
        if (N.Value > 1) x = V.Or(x, V.Load(b));
        if (N.Value > 2) x = V.Or(x, V.Load(c));
        if (N.Value > 3) x = V.Or(x, V.Load(d));
        return x;
    }
}

/// <summary>A number as a type argument: a loop is compiled once for each.</summary>
interface ICount
{
    static abstract int Value { get; }
}

readonly struct One : ICount { public static int Value => 1; }

readonly struct Two : ICount { public static int Value => 2; }

readonly struct Three : ICount { public static int Value => 3; }

readonly struct Four : ICount { public static int Value => 4; }
