using System.Runtime.CompilerServices;

namespace Ingot.Runtime;

/// <summary>What generated code calls on single elements.</summary>
public static unsafe class ScalarMemory
{
    public static float RoundBF16(float x) => (BFloat16)x;

    public static float RoundF16(float x) => (float)(Half)x;

    public static float LoadF16(nint p) => (float)*(Half*)p;

    public static float LoadBF16(nint p) => *(BFloat16*)p;

    public static void StoreF16(nint p, float x) => *(Half*)p = (Half)x;

    public static void StoreBF16(nint p, float x) => *(BFloat16*)p = (BFloat16)x;

    /// <summary>The index, or 0 with a note in the launch's error record where it is not in [0, extent).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long CheckIndex(long index, long extent, nint error, long site)
    {
        if ((ulong)index < (ulong)extent) return index;
        Report(index, extent, error, site);
        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Report(long index, long extent, nint error, long site)
    {
        var record = (long*)error;
        if (Interlocked.CompareExchange(ref record[0], 1, 0) != 0) return;
        (record[1], record[2], record[3]) = (index, extent, site);
    }
}
