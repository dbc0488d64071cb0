using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Ingot.Runtime;

/// <summary>What this machine can do at best with all threads: the roofs that every efficiency figure is a fraction of.</summary>
/// <param name="Gflops">float32 multiply-adds from registers, two operations each, in 10^9 a second.</param>
/// <param name="ReadGBs">Reading a buffer far larger than the caches, in 10^9 bytes a second.</param>
/// <param name="CopyGBs">Copying such a buffer, bytes read plus bytes written.</param>
/// <param name="CopyNonTemporalGBs">The same with stores that go past the caches.</param>
/// <param name="Level">The vector width measured.</param>
/// <param name="Threads">The threads it was measured with.</param>
public sealed record MachinePeaks(double Gflops, double ReadGBs, double CopyGBs, double CopyNonTemporalGBs, IsaLevel Level, int Threads)
{
    /// <summary>Products of bf16 accumulated in float32 on the matrix unit, in 10^9 operations a second; null where there is none, or it is switched off.</summary>
    public double? MatrixGflops { get; init; }

    /// <summary>The best memory traffic seen, whatever the mix.</summary>
    public double BestGBs => Math.Max(ReadGBs, Math.Max(CopyGBs, CopyNonTemporalGBs));
}

/// <summary>Measures this machine's peaks, in less than half a second, once for each level and number of threads.</summary>
public static unsafe class Peaks
{
    const long BufferBytes = 256L << 20;

    static readonly Lock gate = new();
    static MachinePeaks? measured;

    /// <summary>The peaks at <see cref="Cpu.Level"/> (or what the hardware has of it) and <see cref="WorkerPool.Threads"/>. Not to be called from inside a chunk.</summary>
    public static MachinePeaks Measure()
    {
        var level = Cpu.Level < Cpu.HardwareLevel ? Cpu.Level : Cpu.HardwareLevel; // emulated vectors are no roof
        lock (gate)
        {
            if (measured is { } m && m.Level == level && m.Threads == WorkerPool.Threads) return m;
            return measured = level switch
            {
                >= IsaLevel.Avx512 => Measure<Lanes512>(level),
                IsaLevel.Avx2 => Measure<Lanes256>(level),
                _ => Measure<Lanes128>(level),
            };
        }
    }

    /// <summary>The peak of multiply-adds alone, measured anew: it changes with clock and neighbours. Takes a few hundredths of a second.</summary>
    public static double GflopsNow() => (Cpu.Level < Cpu.HardwareLevel ? Cpu.Level : Cpu.HardwareLevel) switch
    {
        >= IsaLevel.Avx512 => Gflops<Lanes512>(WorkerPool.Threads),
        IsaLevel.Avx2 => Gflops<Lanes256>(WorkerPool.Threads),
        _ => Gflops<Lanes128>(WorkerPool.Threads),
    };

    static double Gflops<V>(int threads) where V : unmanaged, ILanes<V>
    {
        const int ChunksEach = 40;
        var compute = new ComputeWork<V>(threads * ChunksEach);
        WorkerPool.Run(compute, threads * ChunksEach);
        return Math.Min(threads, Cpu.Cores) * ComputeWork<V>.Flops / compute.FastSeconds / 1e9;
    }

    static MachinePeaks Measure<V>(IsaLevel level) where V : unmanaged, ILanes<V>
    {
        int threads = WorkerPool.Threads;
        double gflops = Gflops<V>(threads);

        // One buffer, copied from its first half to its second: touching fresh pages takes most of the time of all this.
        const int Chunk = TrafficWork<V>.ChunkBytes;
        int half = (int)(Math.Min(BufferBytes, Math.Max(32L << 20, MemoryPool.Limit / 16)) / Chunk / 2); // in chunks
        long bytes = 2L * half * Chunk;
        nint buffer = MemoryPool.AllocateFresh(bytes);
        if (buffer == 0) throw new InsufficientMemoryException($"Out of memory: measuring the peaks takes a buffer of {bytes >> 20} MB.");
        try
        {
            TrafficWork<V> Work(Traffic kind) => new(kind, (float*)buffer, (float*)(buffer + bytes / 2));
            double GBs(Traffic kind, int chunks) => bytes / Best(Work(kind), chunks, runs: 3) / 1e9; // read once, or one half read and one written
            WorkerPool.Run(Work(Traffic.Touch), half);
            return new(gflops, GBs(Traffic.Read, 2 * half), GBs(Traffic.Copy, half), GBs(Traffic.CopyNonTemporal, half), level, threads)
            {
                MatrixGflops = level >= IsaLevel.Amx ? MatrixPeak.Gflops(threads) : null,
            };
        }
        finally
        {
            MemoryPool.Free(buffer);
        }
    }

    /// <summary>Seconds of the fastest run: whatever else the machine was doing only ever slows one down.</summary>
    static double Best(IChunkWork work, int chunks, int runs)
    {
        double best = double.PositiveInfinity;
        for (int run = 0; run < runs; run++)
        {
            long start = Stopwatch.GetTimestamp();
            WorkerPool.Run(work, chunks);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}

/// <summary>Twelve independent chains of multiply-adds: two units with four to five cycles of latency need ten, and twelve still fit in sixteen registers.</summary>
/// <remarks>
/// Each chunk is timed by itself and takes well under a millisecond, so many run in one piece even where neighbours share the processors. The whole
/// job's wall time would report half the peak on a busy machine; the single fastest chunk could be one that had a core's second thread idle.
/// </remarks>
sealed class ComputeWork<V>(int chunks) : IChunkWork where V : unmanaged, ILanes<V>
{
    const int Steps = 100_000;

    readonly long[] ticks = new long[chunks];

    public static double Flops => 2.0 * 12 * Steps * V.Count;

    /// <summary>A result for someone to read, or the compiler might drop the loop.</summary>
    public float Sum { get; private set; }

    /// <summary>What a chunk takes when nothing disturbs it: nine in ten take as long or longer.</summary>
    public double FastSeconds => ticks.Order().ElementAt(ticks.Length / 10) / (double)Stopwatch.Frequency;

    public void Run(int chunk, int worker)
    {
        long start = Stopwatch.GetTimestamp();
        Sum += Chains();
        ticks[chunk] = Stopwatch.GetTimestamp() - start;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // the loop runs too seldom to be promoted from tier 0
    static float Chains()
    {
        V a = V.Broadcast(0.999f), b = V.Broadcast(1e-3f);
        V c0 = b, c1 = b, c2 = b, c3 = b, c4 = b, c5 = b, c6 = b, c7 = b, c8 = b, c9 = b, c10 = b, c11 = b;
        for (int i = 0; i < Steps; i++)
        {
            c0 = V.MultiplyAdd(c0, a, b); c1 = V.MultiplyAdd(c1, a, b); c2 = V.MultiplyAdd(c2, a, b);
            c3 = V.MultiplyAdd(c3, a, b); c4 = V.MultiplyAdd(c4, a, b); c5 = V.MultiplyAdd(c5, a, b);
            c6 = V.MultiplyAdd(c6, a, b); c7 = V.MultiplyAdd(c7, a, b); c8 = V.MultiplyAdd(c8, a, b);
            c9 = V.MultiplyAdd(c9, a, b); c10 = V.MultiplyAdd(c10, a, b); c11 = V.MultiplyAdd(c11, a, b);
        }
        return V.First(c0) + V.First(c1) + V.First(c2) + V.First(c3) + V.First(c4) + V.First(c5)
            + V.First(c6) + V.First(c7) + V.First(c8) + V.First(c9) + V.First(c10) + V.First(c11);
    }
}

/// <summary>What a measurement does with each vector of the buffers.</summary>
enum Traffic { Touch, Read, Copy, CopyNonTemporal }

/// <summary>Moves 1 MB of a buffer a chunk.</summary>
sealed unsafe class TrafficWork<V>(Traffic kind, float* source, float* target) : IChunkWork where V : unmanaged, ILanes<V>
{
    public const int ChunkBytes = 1 << 20;
    const int Floats = ChunkBytes / sizeof(float);

    public static TrafficWork<V> Over(Traffic kind, Storage source, Storage target) => new(kind, (float*)source.Address, (float*)target.Address);

    /// <inheritdoc cref="ComputeWork{V}.Sum"/>
    public float Sum { get; private set; }

    public void Run(int chunk, int worker)
    {
        float* from = source + (long)chunk * Floats, to = target + (long)chunk * Floats;
        switch (kind)
        {
            case Traffic.Read: Sum += Read(from); break;
            case Traffic.Copy: Copy(from, to); break;
            case Traffic.CopyNonTemporal: CopyNonTemporal(from, to); break;
            default:
                new Span<float>(from, Floats).Fill(1);
                new Span<float>(to, Floats).Clear();
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Read(float* from)
    {
        V a = V.Broadcast(0), b = a, c = a, d = a;
        for (int i = 0; i < Floats; i += 4 * V.Count)
        {
            a = V.Or(a, V.Load(from + i));
            b = V.Or(b, V.Load(from + i + V.Count));
            c = V.Or(c, V.Load(from + i + 2 * V.Count));
            d = V.Or(d, V.Load(from + i + 3 * V.Count));
        }
        return V.First(V.Or(V.Or(a, b), V.Or(c, d)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Copy(float* from, float* to)
    {
        for (int i = 0; i < Floats; i += 2 * V.Count)
        {
            V.Store(V.Load(from + i), to + i);
            V.Store(V.Load(from + i + V.Count), to + i + V.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyNonTemporal(float* from, float* to)
    {
        for (int i = 0; i < Floats; i += 2 * V.Count)
        {
            V.StoreNonTemporal(V.Load(from + i), to + i);
            V.StoreNonTemporal(V.Load(from + i + V.Count), to + i + V.Count);
        }
        Thread.MemoryBarrier(); // such stores are not ordered with the next ones by themselves
    }
}
