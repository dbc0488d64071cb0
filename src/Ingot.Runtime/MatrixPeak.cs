namespace Ingot.Runtime;

/// <summary>The matrix unit's roof: products of bf16 tiles that never leave their registers, four independent ones in a turn.</summary>
sealed class MatrixPeak : IChunkWork
{
    const int Turns = 20_000;
    const double FlopsOfProduct = 2.0 * 16 * 16 * 32;

    /// <summary>(address of a tile configuration, turns); written out as it is forty bytes, and checked against an assembler by a test.</summary>
    internal static ReadOnlySpan<byte> Code =>
    [
        0xC4, 0xE2, 0x78, 0x49, 0x07, // ldtilecfg [rdi]
        0xC4, 0xE2, 0x7B, 0x49, 0xC0, // tilezero tmm0
        0xC4, 0xE2, 0x7B, 0x49, 0xC8, // tilezero tmm1
        0xC4, 0xE2, 0x7B, 0x49, 0xD0, // tilezero tmm2
        0xC4, 0xE2, 0x7B, 0x49, 0xD8, // tilezero tmm3
        0xC4, 0xE2, 0x7B, 0x49, 0xE0, // tilezero tmm4
        0xC4, 0xE2, 0x7B, 0x49, 0xE8, // tilezero tmm5
        0xC4, 0xE2, 0x7B, 0x49, 0xF0, // tilezero tmm6
        0xC4, 0xE2, 0x7B, 0x49, 0xF8, // tilezero tmm7
        0xC4, 0xE2, 0x4A, 0x5C, 0xC4, // tdpbf16ps tmm0, tmm4, tmm6
        0xC4, 0xE2, 0x42, 0x5C, 0xCC, // tdpbf16ps tmm1, tmm4, tmm7
        0xC4, 0xE2, 0x4A, 0x5C, 0xD5, // tdpbf16ps tmm2, tmm5, tmm6
        0xC4, 0xE2, 0x42, 0x5C, 0xDD, // tdpbf16ps tmm3, tmm5, tmm7
        0x48, 0xFF, 0xCE,             // dec rsi
        0x75, 0xE7,                   // jne to the first product
        0xC4, 0xE2, 0x78, 0x49, 0xC0, // tilerelease
        0xC3,                         // ret
    ];

    readonly ExecutableMemory code = new(Code);
    readonly byte[] configuration = GC.AllocateArray<byte>(64, pinned: true);
    readonly long[] ticks;

    MatrixPeak(int chunks)
    {
        ticks = new long[chunks];
        Amx.WriteConfiguration(configuration);
    }

    /// <summary>10^9 operations a second with all threads; like <see cref="ComputeWork{V}"/> from the time of a chunk that nothing disturbs.</summary>
    public static double Gflops(int threads)
    {
        const int ChunksEach = 40;
        var work = new MatrixPeak(threads * ChunksEach);
        WorkerPool.Run(work, work.ticks.Length);
        double seconds = work.ticks.Order().ElementAt(work.ticks.Length / 10) / (double)System.Diagnostics.Stopwatch.Frequency;
        return Math.Min(threads, Cpu.Cores) * 4 * Turns * FlopsOfProduct / seconds / 1e9;
    }

    public void Run(int chunk, int worker)
    {
        SignalStack.Prepare();
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        code.Call(System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(configuration, 0), Turns);
        ticks[chunk] = System.Diagnostics.Stopwatch.GetTimestamp() - start;
    }
}
