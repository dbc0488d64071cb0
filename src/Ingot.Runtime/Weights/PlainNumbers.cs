using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

// Weights that stand for themselves, as blocks of 32. Only these may have rows that are no multiple of it; the product then opens a copy, filled with zeros.

/// <summary>32 single-precision numbers.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Singles(byte* at) : IWeightBlock<Singles>
{
    readonly float* at = (float*)at;
    public static int Length => 32;
    public static int Bytes => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Singles Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => new(Vector256.Load(at), Vector256.Load(at + 8), Vector256.Load(at + 16), Vector256.Load(at + 24));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => new(Vector512.Load(at), Vector512.Load(at + 16));
}

/// <summary>32 numbers that are the upper halves of single-precision ones.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct BrainFloats(byte* at) : IWeightBlock<BrainFloats>
{
    readonly byte* at = at;
    public static int Length => 32;
    public static int Bytes => 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BrainFloats Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => new(Eight(0), Eight(16), Eight(32), Eight(48));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => new(Sixteen(0), Sixteen(32));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector256<float> Eight(int from) => VectorMemory<float, Narrow.BF16>.Load((nint)at + from, default(Vector256<float>));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector512<float> Sixteen(int from) => VectorMemory<float, Narrow.BF16>.Load((nint)at + from, default(Vector512<float>));
}

/// <summary>32 half-precision numbers.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Halves(byte* at) : IWeightBlock<Halves>
{
    readonly byte* at = at;
    public static int Length => 32;
    public static int Bytes => 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Halves Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part)
    {
        Vector256<short> first = Vector256.Load((short*)at), last = Vector256.Load((short*)at + 16);
        return AreNormal(first) && AreNormal(last)
            ? new(Normal(Lower(first)), Normal(Upper(first)), Normal(Lower(last)), Normal(Upper(last)))
            : new(Any(Lower(first)), Any(Upper(first)), Any(Lower(last)), Any(Upper(last)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Narrow(part).Join();

    /// <summary>Eight of them, of which nearly all are normal: exponents move by a multiplication, which takes subnormal ones along, and infinities and NaN are put in after it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Eight(Vector128<short> halves)
    {
        var bits = (Lower(halves.ToVector256Unsafe()) << 13) & Vector256.Create(unchecked((int)0x8FFFE000));
        var special = Vector256.GreaterThan(bits & Vector256.Create(0x0FFFE000), Vector256.Create(0x0F7FE000)) & Vector256.Create(255 << 23);
        return ((bits.AsSingle() * Vector256.Create(5.1922969e33f)).AsInt32() | special).AsSingle(); // 2^112
    }

    /// <summary>.NET has no vector instruction for the conversion, so numbers other than subnormal ones, zeros, infinities and NaN take a short way of integer operations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static bool AreNormal(Vector256<short> halves)
    {
        var above = (halves & Vector256.Create((short)0x7FFF)) - Vector256.Create((short)0x400);
        return !Vector256.GreaterThanAny(above, Vector256.Create((short)(0x7BFF - 0x400))) && !Vector256.LessThanAny(above, Vector256<short>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Lower(Vector256<short> halves) => Avx2.IsSupported ? Avx2.ConvertToVector256Int32(halves.GetLower()) : Vector256.WidenLower(halves);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Upper(Vector256<short> halves) => Avx2.IsSupported ? Avx2.ConvertToVector256Int32(halves.GetUpper()) : Vector256.WidenUpper(halves);

    /// <summary>The sign was extended: shifted by 13 it is still the sign, and the bits between it and the exponent go by the mask.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Normal(Vector256<int> h) => ((((h << 13) & Vector256.Create(unchecked((int)0x8FFFE000))) + Vector256.Create(112 << 23))).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Any(Vector256<int> h)
    {
        Vector256<int> magnitude = h & Vector256.Create(0x7FFF), sign = h & Vector256.Create(int.MinValue);
        var normal = (magnitude << 13) + Vector256.Create(112 << 23);
        var subnormal = (Vector256.ConvertToSingle(magnitude) * 5.9604645e-8f).AsInt32(); // 2^-24
        var special = (magnitude << 13) | Vector256.Create(255 << 23);
        var value = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(0x400)), subnormal,
            Vector256.ConditionalSelect(Vector256.GreaterThan(magnitude, Vector256.Create(0x7BFF)), special, normal));
        return (value | sign).AsSingle();
    }
}
