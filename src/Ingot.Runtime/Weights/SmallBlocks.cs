using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

#pragma warning disable CA1707 // the names of the formats have underscores

namespace Ingot.Runtime.Weights;

// Blocks of 32 weights with one scale (and perhaps a minimum). The layouts are ggml's.

/// <summary>4 bits: scale * (code - 8). Half scale, 16 bytes; the low nibbles come first.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q4_0(byte* at) : IUnsignedBlock<Q4_0>
{
    readonly byte* at = at;
    public static int ScaleAt => 0;
    public static int OffsetAt => -1;
    public static int Zero => 8;
    public static int Length => 32;
    public static int Bytes => 18;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q4_0 Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part().Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part().Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> CodesOf(byte* block, int part)
    {
        var bytes = Vector128.Load(block + 2);
        return Vector256.Create(Bits.LowNibbles(bytes), Bits.HighNibbles(bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CodesOfTwo(byte* block, int pair, out Vector256<byte> first, out Vector256<byte> last) => Bits.Nibbles(block + 2, Bytes, out first, out last);

    public void Scales(out Vector256<float> scales, out Vector256<float> offsets) => throw new NotSupportedException("it has one scale");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part()
    {
        var codes = CodesOf(at, 0);
        float scale = Bits.Half(at);
        return new(codes.GetLower(), codes.GetUpper(), scale, -8 * scale);
    }
}

/// <summary>4 bits: scale * code + minimum. Half scale and minimum, 16 bytes.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q4_1(byte* at) : IUnsignedBlock<Q4_1>
{
    readonly byte* at = at;
    public static int ScaleAt => 0;
    public static int OffsetAt => 2;
    public static int Zero => 0;
    public static int Length => 32;
    public static int Bytes => 20;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q4_1 Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part().Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part().Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> CodesOf(byte* block, int part)
    {
        var bytes = Vector128.Load(block + 4);
        return Vector256.Create(Bits.LowNibbles(bytes), Bits.HighNibbles(bytes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CodesOfTwo(byte* block, int pair, out Vector256<byte> first, out Vector256<byte> last) => Bits.Nibbles(block + 4, Bytes, out first, out last);

    public void Scales(out Vector256<float> scales, out Vector256<float> offsets) => throw new NotSupportedException("it has one scale");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part()
    {
        var codes = CodesOf(at, 0);
        return new(codes.GetLower(), codes.GetUpper(), Bits.Half(at), Bits.Half(at + 2));
    }
}

/// <summary>5 bits: scale * (code - 16). Half scale, 32 fifth bits, 16 bytes.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q5_0(byte* at) : IUnsignedBlock<Q5_0>
{
    readonly byte* at = at;
    public static int ScaleAt => 0;
    public static int OffsetAt => -1;
    public static int Zero => 16;
    public static int Length => 32;
    public static int Bytes => 22;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q5_0 Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part().Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part().Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> CodesOf(byte* block, int part)
    {
        var bytes = Vector128.Load(block + 6);
        int fifth = Unsafe.ReadUnaligned<int>(block + 2);
        return Vector256.Create(Bits.LowNibbles(bytes) | Bits.Sixteens(fifth), Bits.HighNibbles(bytes) | Bits.Sixteens(fifth >> 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CodesOfTwo(byte* block, int pair, out Vector256<byte> first, out Vector256<byte> last)
    {
        Bits.Nibbles(block + 6, Bytes, out first, out last);
        Bits.Sixteens(Unsafe.ReadUnaligned<uint>(block + 2), Unsafe.ReadUnaligned<uint>(block + 2 + Bytes), out var fifthOfFirst, out var fifthOfLast);
        (first, last) = (first | fifthOfFirst, last | fifthOfLast);
    }

    public void Scales(out Vector256<float> scales, out Vector256<float> offsets) => throw new NotSupportedException("it has one scale");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part()
    {
        var codes = CodesOf(at, 0);
        float scale = Bits.Half(at);
        return new(codes.GetLower(), codes.GetUpper(), scale, -16 * scale);
    }
}

/// <summary>5 bits: scale * code + minimum. Half scale and minimum, 32 fifth bits, 16 bytes.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q5_1(byte* at) : IUnsignedBlock<Q5_1>
{
    readonly byte* at = at;
    public static int ScaleAt => 0;
    public static int OffsetAt => 2;
    public static int Zero => 0;
    public static int Length => 32;
    public static int Bytes => 24;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q5_1 Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part().Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part().Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> CodesOf(byte* block, int part)
    {
        var bytes = Vector128.Load(block + 8);
        int fifth = Unsafe.ReadUnaligned<int>(block + 4);
        return Vector256.Create(Bits.LowNibbles(bytes) | Bits.Sixteens(fifth), Bits.HighNibbles(bytes) | Bits.Sixteens(fifth >> 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CodesOfTwo(byte* block, int pair, out Vector256<byte> first, out Vector256<byte> last)
    {
        Bits.Nibbles(block + 8, Bytes, out first, out last);
        Bits.Sixteens(Unsafe.ReadUnaligned<uint>(block + 4), Unsafe.ReadUnaligned<uint>(block + 4 + Bytes), out var fifthOfFirst, out var fifthOfLast);
        (first, last) = (first | fifthOfFirst, last | fifthOfLast);
    }

    public void Scales(out Vector256<float> scales, out Vector256<float> offsets) => throw new NotSupportedException("it has one scale");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part()
    {
        var codes = CodesOf(at, 0);
        return new(codes.GetLower(), codes.GetUpper(), Bits.Half(at), Bits.Half(at + 2));
    }
}

/// <summary>8 bits: scale * code, which is signed. Half scale, 32 bytes.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q8_0(byte* at) : ISignedBlock<Q8_0>
{
    readonly byte* at = at;
    public static int ScaleAt => 0;
    public static int Length => 32;
    public static int Bytes => 34;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q8_0 Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part().Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part().Wide();

    public float Scale => Bits.Half(at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> CodesOf(byte* block, int part) => Vector256.Load((sbyte*)block + 2);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part()
    {
        var sign = Vector128.Create((byte)0x80);
        float scale = Bits.Half(at);
        return new(Vector128.Load(at + 2) ^ sign, Vector128.Load(at + 18) ^ sign, scale, -128 * scale);
    }
}

/// <summary>The sixteen levels of the non-linear 4-bit formats, plus 128.</summary>
static class Levels
{
    /// <summary>IQ4_NL, IQ4_XS: dense around 0, as weights are.</summary>
    public static Vector128<byte> NonLinear => Vector128.Create((byte)(128 - 127), 128 - 104, 128 - 83, 128 - 65, 128 - 49, 128 - 35, 128 - 22, 128 - 10, 128 + 1, 128 + 13, 128 + 25, 128 + 38, 128 + 53, 128 + 69, 128 + 89, 128 + 113);

    /// <summary>Floats of 4 bits (sign, two of exponent, one of fraction), doubled.</summary>
    public static Vector128<byte> Float4 => Vector128.Create((byte)128, 128 + 1, 128 + 2, 128 + 3, 128 + 4, 128 + 6, 128 + 8, 128 + 12, 128, 128 - 1, 128 - 2, 128 - 3, 128 - 4, 128 - 6, 128 - 8, 128 - 12);
}

/// <summary>4 bits, the numbers of levels: scale * level. Half scale, 16 bytes.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct IQ4_NL(byte* at) : ISignedBlock<IQ4_NL>
{
    readonly byte* at = at;
    public static int ScaleAt => 0;
    public static int Length => 32;
    public static int Bytes => 18;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IQ4_NL Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part().Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part().Wide();

    public float Scale => Bits.Half(at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> CodesOf(byte* block, int part) => Bits.Levels(block + 2, Levels.NonLinear);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part()
    {
        var bytes = Vector128.Load(at + 2);
        float scale = Bits.Half(at);
        return new(Vector128.ShuffleNative(Levels.NonLinear, Bits.LowNibbles(bytes)), Vector128.ShuffleNative(Levels.NonLinear, Bits.HighNibbles(bytes)), scale, -128 * scale);
    }
}

/// <summary>Microscaling: 4-bit floats with a common power of two. One byte of exponent, 16 bytes.</summary>
/// <remarks>OCP Microscaling Formats (MX) 1.0, E2M1 with E8M0; ggml keeps the first sixteen values in the low nibbles.</remarks>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct MXFP4(byte* at) : ISignedBlock<MXFP4>
{
    readonly byte* at = at;
    public static int ScaleAt => -1;
    public static int Length => 32;
    public static int Bytes => 17;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MXFP4 Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part().Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part().Wide();

    /// <summary>Half of 2^(e - 127), as the levels are doubled; the smallest two are subnormal.</summary>
    public float Scale => BitConverter.UInt32BitsToSingle(at[0] < 2 ? 0x200000u << at[0] : (uint)(at[0] - 1) << 23);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> CodesOf(byte* block, int part) => Bits.Levels(block + 1, Levels.Float4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part()
    {
        var bytes = Vector128.Load(at + 1);
        float scale = Scale;
        return new(Vector128.ShuffleNative(Levels.Float4, Bits.LowNibbles(bytes)), Vector128.ShuffleNative(Levels.Float4, Bits.HighNibbles(bytes)), scale, -128 * scale);
    }
}
