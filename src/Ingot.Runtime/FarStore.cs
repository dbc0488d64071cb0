using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime;

/// <summary>Stores past the caches, for results that do not fit in them: the line is not read first, and nothing else is driven out.</summary>
/// <remarks>
/// The instruction wants aligned addresses; vectors at others (a mapped file's, a row of odd length) are stored plainly. Such stores are not ordered with the next
/// ones: a chunk that makes them ends with a fence.
/// </remarks>
public static unsafe class FarStore
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(Vector128<T> v, nint p) where T : unmanaged
    {
        if ((p & 15) == 0) v.StoreAlignedNonTemporal((T*)p);
        else v.Store((T*)p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(Vector256<T> v, nint p) where T : unmanaged
    {
        if ((p & 31) == 0) v.StoreAlignedNonTemporal((T*)p);
        else v.Store((T*)p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(Vector512<T> v, nint p) where T : unmanaged
    {
        if ((p & 63) == 0) v.StoreAlignedNonTemporal((T*)p);
        else v.Store((T*)p);
    }
}
