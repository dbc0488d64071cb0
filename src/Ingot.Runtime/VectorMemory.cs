using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime;

/// <summary>
/// Loads, stores and rounding of vectors of narrow elements. Generated code calls these by name and vector type; wider vectors are made of 128-bit parts.
/// Offsets are written with sizeof, not as properties: those the JIT would compute beside the address instead of folding them into it.
/// </summary>
/// <typeparam name="T">The element in a register.</typeparam>
/// <typeparam name="TMemory">The element in memory.</typeparam>
public static unsafe class VectorMemory<T, TMemory> where T : unmanaged where TMemory : unmanaged, INarrow<T>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Load(nint p, Vector128<T> _) => TMemory.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Load(nint p, Vector256<T> _) => Vector256.Create(TMemory.Load(p), TMemory.Load(p + 16 / sizeof(T) * sizeof(TMemory)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(nint p, Vector512<T> _) => Vector512.Create(Load(p, default(Vector256<T>)), Load(p + 32 / sizeof(T) * sizeof(TMemory), default(Vector256<T>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<T> v, nint p) => TMemory.Store(v, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<T> v, nint p)
    {
        TMemory.Store(v.GetLower(), p);
        TMemory.Store(v.GetUpper(), p + 16 / sizeof(T) * sizeof(TMemory));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<T> v, nint p)
    {
        Store(v.GetLower(), p);
        Store(v.GetUpper(), p + 32 / sizeof(T) * sizeof(TMemory));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Round(Vector128<T> v) => TMemory.Round(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Round(Vector256<T> v) => Vector256.Create(TMemory.Round(v.GetLower()), TMemory.Round(v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Round(Vector512<T> v) => Vector512.Create(Round(v.GetLower()), Round(v.GetUpper()));
}
