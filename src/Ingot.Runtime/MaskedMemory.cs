using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime;

/// <summary>Vectors of which some lanes must not be touched in memory: those whose mask is 0 are not read, and are 0.</summary>
public static unsafe class MaskedMemory
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(nint address, Vector128<int> mask) =>
        Avx.IsSupported ? Avx.MaskLoad((float*)address, mask.AsSingle()) : LaneByLane(address, mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(nint address, Vector256<int> mask) =>
        Avx.IsSupported ? Avx.MaskLoad((float*)address, mask.AsSingle()) : Vector256.Create(LaneByLane(address, mask.GetLower()), LaneByLane(address + 16, mask.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(nint address, Vector512<int> mask) => Vector512.Create(Load(address, mask.GetLower()), Load(address + 32, mask.GetUpper()));

    static Vector128<float> LaneByLane(nint address, Vector128<int> mask)
    {
        var result = Vector128<float>.Zero;
        for (int i = 0; i < Vector128<float>.Count; i++)
            if (mask[i] != 0) result = result.WithElement(i, ((float*)address)[i]);
        return result;
    }
}
