using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime;

/// <summary>Every second float of memory as a vector: two loads and a shuffle. Nothing is read beyond the last element that is wanted.</summary>
public static unsafe class StridedMemory
{
    /// <param name="address">Of the first element.</param>
    /// <param name="_">Says which width is meant.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadEverySecond(nint address, Vector128<float> _)
    {
        var low = Vector128.Load((float*)address);      // 0 1 2 3
        var high = Vector128.Load((float*)address + 3); // 3 4 5 6
        return Sse.IsSupported ? Sse.Shuffle(low, high, 0b11_01_10_00) : Vector128.Create(low[0], low[2], high[1], high[3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadEverySecond(nint address, Vector256<float> _)
    {
        if (!Avx2.IsSupported) return Vector256.Create(LoadEverySecond(address, default(Vector128<float>)), LoadEverySecond(address + 32, default(Vector128<float>)));
        var low = Vector256.Load((float*)address);      // 0 .. 7
        var high = Vector256.Load((float*)address + 7); // 7 .. 14
        // Within halves: 0 2 8 10 and 4 6 12 14.
        return Avx2.Permute4x64(Avx.Shuffle(low, high, 0b11_01_10_00).AsDouble(), 0b11_01_10_00).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadEverySecond(nint address, Vector512<float> _) =>
        Vector512.Create(LoadEverySecond(address, default(Vector256<float>)), LoadEverySecond(address + 64, default(Vector256<float>)));
}
