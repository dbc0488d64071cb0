using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime;

/// <summary>
/// Loads, stores and rounding of vectors of narrow elements. Generated code calls these by name and vector type; wider vectors are made of 128-bit parts,
/// but for bf16, which has instructions of its own where the processor widens and narrows in one.
/// Methods are single expressions: the JIT keeps no more than 1,024 local variables in registers, those of what it inlines included, and a kernel beyond ran 40 times slower.
/// Offsets are written with sizeof, not as properties: those the JIT would compute beside the address instead of folding them into it.
/// </summary>
/// <typeparam name="T">The element in a register.</typeparam>
/// <typeparam name="TMemory">The element in memory.</typeparam>
public static unsafe class VectorMemory<T, TMemory> where T : unmanaged where TMemory : unmanaged, INarrow<T>
{
    /// <summary>A constant of the JIT.</summary>
    static bool IsBf16
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => typeof(TMemory) == typeof(Narrow.BF16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Load(nint p, Vector128<T> _) => TMemory.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Load(nint p, Vector256<T> _) =>
        IsBf16 && Avx2.IsSupported ? (Avx2.ConvertToVector256Int32((ushort*)p) << 16).As<int, T>() : Vector256.Create(TMemory.Load(p), TMemory.Load(p + 16 / sizeof(T) * sizeof(TMemory)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(nint p, Vector512<T> _) =>
        IsBf16 && Avx512F.IsSupported ? (Avx512F.ConvertToVector512Int32(Vector256.Load((ushort*)p)) << 16).As<int, T>() : Vector512.Create(Load(p, default(Vector256<T>)), Load(p + 32 / sizeof(T) * sizeof(TMemory), default(Vector256<T>)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<T> v, nint p) => TMemory.Store(v, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<T> v, nint p)
    {
        if (IsBf16 && Avx2.IsSupported)
        {
            Sse41.PackUnsignedSaturate((v.AsUInt32().GetLower() >> 16).AsInt32(), (v.AsUInt32().GetUpper() >> 16).AsInt32()).Store((ushort*)p); // nothing to saturate
            return;
        }
        TMemory.Store(v.GetLower(), p);
        TMemory.Store(v.GetUpper(), p + 16 / sizeof(T) * sizeof(TMemory));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<T> v, nint p)
    {
        if (IsBf16 && Avx512F.IsSupported)
        {
            Avx512F.ConvertToVector256UInt16(v.AsUInt32() >> 16).Store((ushort*)p);
            return;
        }
        Store(v.GetLower(), p);
        Store(v.GetUpper(), p + 32 / sizeof(T) * sizeof(TMemory));
    }

    /// <summary>Past the caches, where that is possible: bf16 by the half of a vector (see <see cref="FarStore"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFar(Vector128<T> v, nint p) => Store(v, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFar(Vector256<T> v, nint p)
    {
        if (IsBf16 && Avx2.IsSupported) FarStore.Store(Sse41.PackUnsignedSaturate((v.AsUInt32().GetLower() >> 16).AsInt32(), (v.AsUInt32().GetUpper() >> 16).AsInt32()), p);
        else Store(v, p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreFar(Vector512<T> v, nint p)
    {
        if (IsBf16 && Avx512F.IsSupported) FarStore.Store(Avx512F.ConvertToVector256UInt16(v.AsUInt32() >> 16), p);
        else
        {
            StoreFar(v.GetLower(), p);
            StoreFar(v.GetUpper(), p + 32 / sizeof(T) * sizeof(TMemory));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Round(Vector128<T> v) => TMemory.Round(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Round(Vector256<T> v) => IsBf16 && Vector256.IsHardwareAccelerated
        ? (Vector256.ConditionalSelect(Vector256.Equals(v.AsSingle(), v.AsSingle()).AsUInt32(),
            v.AsUInt32() + Vector256.Create(0x7FFFu) + ((v.AsUInt32() >> 16) & Vector256<uint>.One), v.AsUInt32() | Vector256.Create(0x400000u)) & Vector256.Create(0xFFFF0000u)).As<uint, T>()
        : Vector256.Create(TMemory.Round(v.GetLower()), TMemory.Round(v.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Round(Vector512<T> v) => IsBf16 && Vector512.IsHardwareAccelerated
        ? (Vector512.ConditionalSelect(Vector512.Equals(v.AsSingle(), v.AsSingle()).AsUInt32(),
            v.AsUInt32() + Vector512.Create(0x7FFFu) + ((v.AsUInt32() >> 16) & Vector512<uint>.One), v.AsUInt32() | Vector512.Create(0x400000u)) & Vector512.Create(0xFFFF0000u)).As<uint, T>()
        : Vector512.Create(Round(v.GetLower()), Round(v.GetUpper()));
}
