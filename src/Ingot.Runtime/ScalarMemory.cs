using System.Runtime.CompilerServices;

namespace Ingot.Runtime;

/// <summary>What generated code calls on single elements.</summary>
public static unsafe class ScalarMemory
{
    public static float RoundBF16(float x) => (BFloat16)x;

    public static float RoundF16(float x) => (float)(Half)x;

    /// <summary>The bits of a float16 that a float32 holds.</summary>
    public static int BitsF16(float x) => BitConverter.HalfToUInt16Bits((Half)x);

    /// <inheritdoc cref="BitsF16"/>
    public static int BitsBF16(float x) => BitConverter.SingleToInt32Bits(x) >>> 16;

    /// <summary>The float16 of these bits, from 0 to 65535.</summary>
    public static float OfBitsF16(int bits) => (float)BitConverter.UInt16BitsToHalf((ushort)bits);

    /// <inheritdoc cref="OfBitsF16"/>
    public static float OfBitsBF16(int bits) => BitConverter.Int32BitsToSingle(bits << 16);

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
