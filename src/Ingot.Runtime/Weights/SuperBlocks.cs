using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

#pragma warning disable CA1707 // the names of the formats have underscores

namespace Ingot.Runtime.Weights;

// Blocks of 256 weights whose scales (of 16 or 32 weights each) are themselves small integers times the block's scale. The layouts are ggml's.

/// <summary>2 bits; 4-bit scales and minima of 16 weights. 16 bytes of these, 64 bytes, half scale, half scale of the minima.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q2_K(byte* at) : IWeightBlock<Q2_K>
{
    readonly byte* at = at;
    readonly float scale = Bits.Half(at + 80), least = Bits.Half(at + 82);
    public static int Length => 256;
    public static int Bytes => 84;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q2_K Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part(part).Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part(part).Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part(int part)
    {
        byte* codes = at + 16 + part / 4 * 32;
        int from = part % 4 * 2, first = at[2 * part], last = at[2 * part + 1];
        return new(Bits.Pairs(Vector128.Load(codes), from), Bits.Pairs(Vector128.Load(codes + 16), from),
            scale * (first & 15), -least * (first >> 4), scale * (last & 15), -least * (last >> 4));
    }
}

/// <summary>3 bits, code - 4; 6-bit scales of 16 weights, less 32. 32 bytes of third bits, 64 bytes, 12 bytes of scales, half scale.</summary>
public readonly unsafe struct Q3_K : ISignedBlock<Q3_K>
{
    readonly byte* at;
    readonly float scale;
    readonly ulong scales, lastScales;
    public static int ScaleAt => 108;
    public static bool HasFactors => true;
    public float Scale => scale;
    public static int Length => 256;
    public static int Bytes => 110;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q3_K Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Q3_K(byte* at)
    {
        this.at = at;
        scale = Bits.Half(at + 108);
        // The low four bits of scales 0-7 and 8-15 share bytes; the high two bits follow, four scales a byte.
        uint a = Unsafe.ReadUnaligned<uint>(at + 96), b = Unsafe.ReadUnaligned<uint>(at + 100), high = Unsafe.ReadUnaligned<uint>(at + 104);
        const uint Nibbles = 0x0F0F0F0F, Pairs = 0x03030303;
        uint s0 = (a & Nibbles) | ((high & Pairs) << 4), s1 = (b & Nibbles) | (((high >> 2) & Pairs) << 4);
        uint s2 = ((a >> 4) & Nibbles) | (((high >> 4) & Pairs) << 4), s3 = ((b >> 4) & Nibbles) | (((high >> 6) & Pairs) << 4);
        (scales, lastScales) = (s0 | ((ulong)s1 << 32), s2 | ((ulong)s3 << 32));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part(part).Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part(part).Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> CodesOf(byte* block, int part)
    {
        var low = (Vector256.Load(block + 32 + part / 4 * 32).AsUInt16() >> (part % 4 * 2)).AsByte() & Vector256.Create((byte)3);
        var third = (Vector256.Load(block).AsUInt16() >> part).AsByte() & Vector256<byte>.One;
        return ((low | (third << 2)) - Vector256.Create((byte)4)).AsSByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> FactorsOf(byte* block)
    {
        var opened = Open(block);
        return Codes.WordsOf(Vector128.Create(opened.scales, opened.lastScales).AsByte()) - Vector256.Create((short)32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    uint Scales(int part) => (uint)((part < 4 ? scales : lastScales) >> (part % 4 * 16)) & 0xFFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part(int part)
    {
        byte* codes = at + 32 + part / 4 * 32;
        int from = part % 4 * 2;
        uint pair = Scales(part);
        float first = scale * ((int)(pair & 0xFF) - 32), last = scale * ((int)(pair >> 8) - 32);
        return new(Bits.Pairs(Vector128.Load(codes), from) | Third(at, part), Bits.Pairs(Vector128.Load(codes + 16), from) | Third(at + 16, part), first, -4 * first, last, -4 * last);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> Third(byte* mask, int part) => ((Vector128.Load(mask).AsUInt16() >> part).AsByte() & Vector128<byte>.One) << 2;
}

/// <summary>The eight 6-bit scales and minima of Q4_K and Q5_K, from 12 bytes to a byte each.</summary>
readonly unsafe struct SixBitScales
{
    readonly float scale, least;
    readonly ulong scales, minima;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SixBitScales(byte* at)
    {
        (scale, least) = (Bits.Half(at), Bits.Half(at + 2));
        uint a = Unsafe.ReadUnaligned<uint>(at + 4), b = Unsafe.ReadUnaligned<uint>(at + 8), c = Unsafe.ReadUnaligned<uint>(at + 12);
        const uint Six = 0x3F3F3F3F, Nibbles = 0x0F0F0F0F, Pairs = 0x03030303;
        scales = (a & Six) | ((ulong)((c & Nibbles) | (((a >> 6) & Pairs) << 4)) << 32);
        minima = (b & Six) | ((ulong)(((c >> 4) & Nibbles) | (((b >> 6) & Pairs) << 4)) << 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Codes Of(int part, Vector128<byte> first, Vector128<byte> last) =>
        new(first, last, scale * (int)((scales >> (8 * part)) & 0xFF), -least * (int)((minima >> (8 * part)) & 0xFF));

    /// <summary>All scales and offsets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<float> Scales, Vector256<float> Offsets) All() =>
        (Codes.LowerFloats(Vector128.CreateScalar(scales).AsByte()) * scale, Codes.LowerFloats(Vector128.CreateScalar(minima).AsByte()) * -least);
}

/// <summary>4 bits; 6-bit scales and minima of 32 weights. Two half scales, 12 bytes of scales, 128 bytes.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q4_K(byte* at) : IUnsignedBlock<Q4_K>
{
    readonly byte* at = at;
    readonly SixBitScales scales = new(at);
    public static int ScaleAt => -1;
    public static int OffsetAt => -1;
    public static int Zero => 0;
    public static int Length => 256;
    public static int Bytes => 144;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q4_K Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part(part).Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part(part).Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> CodesOf(byte* block, int part) =>
        (Vector256.Load(block + 16 + part / 2 * 32).AsUInt16() >> (part % 2 * 4)).AsByte() & Vector256.Create((byte)0x0F);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CodesOfTwo(byte* block, int pair, out Vector256<byte> first, out Vector256<byte> last)
    {
        var bytes = Vector256.Load(block + 16 + pair * 32);
        var mask = Vector256.Create((byte)0x0F);
        (first, last) = (bytes & mask, (bytes.AsUInt16() >> 4).AsByte() & mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Scales(out Vector256<float> scales, out Vector256<float> offsets) => (scales, offsets) = this.scales.All();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part(int part)
    {
        var codes = CodesOf(at, part);
        return scales.Of(part, codes.GetLower(), codes.GetUpper());
    }
}

/// <summary>5 bits; 6-bit scales and minima of 32 weights. Two half scales, 12 bytes of scales, 32 bytes of fifth bits, 128 bytes.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q5_K(byte* at) : IUnsignedBlock<Q5_K>
{
    readonly byte* at = at;
    readonly SixBitScales scales = new(at);
    public static int ScaleAt => -1;
    public static int OffsetAt => -1;
    public static int Zero => 0;
    public static int Length => 256;
    public static int Bytes => 176;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q5_K Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part(part).Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part(part).Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> CodesOf(byte* block, int part) =>
        ((Vector256.Load(block + 48 + part / 2 * 32).AsUInt16() >> (part % 2 * 4)).AsByte() & Vector256.Create((byte)0x0F))
        | (((Vector256.Load(block + 16).AsUInt16() >> part).AsByte() & Vector256<byte>.One) << 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CodesOfTwo(byte* block, int pair, out Vector256<byte> first, out Vector256<byte> last)
    {
        Vector256<byte> bytes = Vector256.Load(block + 48 + pair * 32), fifth = (Vector256.Load(block + 16).AsUInt16() >> (2 * pair)).AsByte();
        var (mask, bit) = (Vector256.Create((byte)0x0F), Vector256.Create((byte)0x10));
        first = (bytes & mask) | ((fifth.AsUInt16() << 4).AsByte() & bit);
        last = ((bytes.AsUInt16() >> 4).AsByte() & mask) | ((fifth.AsUInt16() << 3).AsByte() & bit);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Scales(out Vector256<float> scales, out Vector256<float> offsets) => (scales, offsets) = this.scales.All();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part(int part)
    {
        var codes = CodesOf(at, part);
        return scales.Of(part, codes.GetLower(), codes.GetUpper());
    }
}

/// <summary>6 bits, code - 32; 8-bit scales of 16 weights. 128 bytes of the low four bits, 64 of the high two, 16 scales, half scale.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct Q6_K(byte* at) : ISignedBlock<Q6_K>
{
    readonly byte* at = at;
    readonly float scale = Bits.Half(at + 208);
    public static int ScaleAt => 208;
    public static bool HasFactors => true;
    public float Scale => scale;
    public static int Length => 256;
    public static int Bytes => 210;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Q6_K Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part(part).Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part(part).Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> CodesOf(byte* block, int part)
    {
        int quarter = part % 4;
        var low = (Vector256.Load(block + part / 4 * 64 + quarter % 2 * 32).AsUInt16() >> (quarter / 2 * 4)).AsByte() & Vector256.Create((byte)0x0F);
        var high = (Vector256.Load(block + 128 + part / 4 * 32).AsUInt16() >> (2 * quarter)).AsByte() & Vector256.Create((byte)3);
        return ((low | (high.AsUInt16() << 4).AsByte()) - Vector256.Create((byte)32)).AsSByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> FactorsOf(byte* block) => Vector256.WidenLower(Vector128.Load((sbyte*)block + 192).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part(int part)
    {
        int quarter = part % 4;
        byte* low = at + part / 4 * 64 + quarter % 2 * 32, high = at + 128 + part / 4 * 32;
        var scales = (sbyte*)at + 192 + 2 * part;
        float first = scale * scales[0], last = scale * scales[1];
        return new(Sixteen(low, high, quarter), Sixteen(low + 16, high + 16, quarter), first, -32 * first, last, -32 * last);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<byte> Sixteen(byte* low, byte* high, int quarter) =>
        ((Vector128.Load(low).AsUInt16() >> (quarter / 2 * 4)).AsByte() & Vector128.Create((byte)0x0F)) | (Bits.Pairs(Vector128.Load(high), 2 * quarter) << 4);
}

/// <summary>4 bits, the numbers of levels; 6-bit scales of 32 weights, less 32. Half scale, 2 bytes of high and 4 of low bits of the scales, 128 bytes.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct IQ4_XS(byte* at) : ISignedBlock<IQ4_XS>
{
    readonly byte* at = at;
    readonly float scale = Bits.Half(at);
    public static int ScaleAt => 0;
    public static bool HasFactors => true;
    public float Scale => scale;
    public static int Length => 256;
    public static int Bytes => 136;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IQ4_XS Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part(part).Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part(part).Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> CodesOf(byte* block, int part) => Bits.Levels(block + 8 + 16 * part, Levels.NonLinear);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> FactorsOf(byte* block)
    {
        // Eight nibbles and eight pairs of bits, to a byte each; then each byte twice, for the halves of 32 weights.
        ulong low = Unsafe.ReadUnaligned<uint>(block + 4), high = Unsafe.ReadUnaligned<ushort>(block + 2);
        low = (low | (low << 16)) & 0x0000FFFF0000FFFF;
        low = (low | (low << 8)) & 0x00FF00FF00FF00FF;
        low = (low | (low << 4)) & 0x0F0F0F0F0F0F0F0F;
        high = (high | (high << 24)) & 0x000000FF000000FF;
        high = (high | (high << 12)) & 0x000F000F000F000F;
        high = (high | (high << 6)) & 0x0303030303030303;
        var bytes = Vector128.CreateScalar(low | (high << 4)).AsByte();
        return Codes.WordsOf(Vector128.ShuffleNative(bytes, Vector128.Create((byte)0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7))) - Vector256.Create((short)32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    int Factor(int part) => (((at[4 + part / 2] >> (part % 2 * 4)) & 15) | (((Unsafe.ReadUnaligned<ushort>(at + 2) >> (2 * part)) & 3) << 4)) - 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part(int part)
    {
        var bytes = Vector128.Load(at + 8 + 16 * part);
        float here = scale * Factor(part);
        return new(Vector128.ShuffleNative(Levels.NonLinear, Bits.LowNibbles(bytes)), Vector128.ShuffleNative(Levels.NonLinear, Bits.HighNibbles(bytes)), here, -128 * here);
    }
}

/// <summary>Ternary, -1, 0 or 1 times the scale, 2 bits each. 64 bytes, half scale.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct TQ2_0(byte* at) : ISignedBlock<TQ2_0>
{
    readonly byte* at = at;
    readonly float scale = Bits.Half(at + 64);
    public static int ScaleAt => 64;
    public float Scale => scale;
    public static int Length => 256;
    public static int Bytes => 66;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TQ2_0 Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part(part).Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part(part).Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> CodesOf(byte* block, int part) => Open(block).Part(part).Signed(1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Codes Part(int part)
    {
        byte* codes = at + part / 4 * 32;
        return new(Bits.Pairs(Vector128.Load(codes), part % 4 * 2), Bits.Pairs(Vector128.Load(codes + 16), part % 4 * 2), scale, -scale);
    }
}

/// <summary>Ternary, five values a byte: digits in base 3, the first the most significant, of byte / 256. 48 bytes, 4 bytes of four values, half scale.</summary>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
public readonly unsafe struct TQ1_0(byte* at) : ISignedBlock<TQ1_0>
{
    readonly byte* at = at;
    readonly float scale = Bits.Half(at + 52);
    public static int ScaleAt => 52;
    public float Scale => scale;
    public static int Length => 256;
    public static int Bytes => 54;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TQ1_0 Open(byte* block) => new(block);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow(int part) => Part(part).Narrow();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide(int part) => Part(part).Wide();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> CodesOf(byte* block, int part) => Open(block).Part(part).Signed(1);

    static ReadOnlySpan<byte> PowersOf3 => [1, 3, 9, 27, 81];

    Codes Part(int part)
    {
        Vector128<byte> first, last;
        if (part < 5) (first, last) = (Digits(Vector128.Load(at), Power(part)), Digits(Vector128.Load(at + 16), Power(part)));
        else
        {
            // 80 values of 16 bytes, then 16 values of the 4 bytes.
            var bytes = Vector128.Load(at + 32);
            int digit = 2 * (part - 5);
            first = Digits(bytes, Power(digit));
            last = digit < 4 ? Digits(bytes, Power(digit + 1))
                : Digits(Vector128.Create(Unsafe.ReadUnaligned<uint>(at + 48)).AsByte(), Vector128.Create((byte)1, 1, 1, 1, 3, 3, 3, 3, 9, 9, 9, 9, 27, 27, 27, 27));
        }
        return new(first, last, scale, -scale);
    }

    static Vector128<byte> Power(int digit) => Vector128.Create(PowersOf3[digit]);

    /// <summary>The leading digit of what is left, modulo 256, after the digits before it are shifted out by the power.</summary>
    static Vector128<byte> Digits(Vector128<byte> bytes, Vector128<byte> powers)
    {
        var rest = bytes * powers;
        return Vector128.Narrow((Vector128.WidenLower(rest) * 3) >> 8, (Vector128.WidenUpper(rest) * 3) >> 8);
    }
}
