using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

/// <summary>
/// A block of weights as a file stores it, decoded 32 values at a time into registers. An instance is an opened block: its pointer and the scales that all
/// of it shares.
/// </summary>
/// <remarks>
/// What a block decodes to is exact or rounded once: scales have 11 significant bits, their factors at most 8, codes at most 8, so every order of the multiplications gives
/// the same float32.
/// </remarks>
public unsafe interface IWeightBlock<TSelf> where TSelf : struct, IWeightBlock<TSelf>
{
    /// <summary>Values in a block, a multiple of 32.</summary>
    static abstract int Length { get; }

    /// <summary>Bytes of a block.</summary>
    static abstract int Bytes { get; }

    /// <summary>The block at this address, with <see cref="Bytes"/> readable bytes.</summary>
    static abstract TSelf Open(byte* block);

    /// <summary>Values 32 * part and those after, in vectors of eight.</summary>
    Floats Narrow(int part);

    /// <summary>The same in vectors of sixteen.</summary>
    WideFloats Wide(int part);
}

/// <summary>32 values in order.</summary>
public readonly struct Floats(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
{
    public readonly Vector256<float> A = a, B = b, C = c, D = d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Join() => new(Vector512.Create(A, B), Vector512.Create(C, D));
}

/// <summary>32 values in order.</summary>
public readonly struct WideFloats(Vector512<float> a, Vector512<float> b)
{
    public readonly Vector512<float> A = a, B = b;
}

/// <summary>32 weights as unsigned codes: the first sixteen are code * Scale + Offset, the last sixteen have a scale and an offset of their own.</summary>
public readonly struct Codes(Vector128<byte> first, Vector128<byte> last, float scale, float offset, float lastScale, float lastOffset)
{
    public readonly Vector128<byte> First = first, Last = last;
    public readonly float Scale = scale, Offset = offset, LastScale = lastScale, LastOffset = lastOffset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Codes(Vector128<byte> first, Vector128<byte> last, float scale, float offset) : this(first, last, scale, offset, scale, offset) { }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Floats Narrow()
    {
        Vector256<float> s = Vector256.Create(Scale), o = Vector256.Create(Offset), t = Vector256.Create(LastScale), u = Vector256.Create(LastOffset);
        return new(
            Vector256.FusedMultiplyAdd(LowerFloats(First), s, o), Vector256.FusedMultiplyAdd(UpperFloats(First), s, o),
            Vector256.FusedMultiplyAdd(LowerFloats(Last), t, u), Vector256.FusedMultiplyAdd(UpperFloats(Last), t, u));
    }

    /// <summary>Codes less this zero, of which the offset is that multiple of the scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<sbyte> Signed(byte zero) => (Vector256.Create(First, Last) - Vector256.Create(zero)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<short> WordsOf(Vector128<byte> bytes) =>
        Avx2.IsSupported ? Avx2.ConvertToVector256Int16(bytes) : Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes)).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public WideFloats Wide() => new(
        Vector512.FusedMultiplyAdd(Sixteen(First), Vector512.Create(Scale), Vector512.Create(Offset)),
        Vector512.FusedMultiplyAdd(Sixteen(Last), Vector512.Create(LastScale), Vector512.Create(LastOffset)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> LowerFloats(Vector128<byte> bytes)
    {
        if (Avx2.IsSupported) return Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(bytes));
        var words = Vector128.WidenLower(bytes);
        return Vector256.ConvertToSingle(Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words)).AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> UpperFloats(Vector128<byte> bytes)
    {
        if (Avx2.IsSupported) return Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(bytes, 8)));
        var words = Vector128.WidenUpper(bytes);
        return Vector256.ConvertToSingle(Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words)).AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Sixteen(Vector128<byte> bytes) => Avx512F.IsSupported
        ? Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(bytes))
        : Vector512.Create(LowerFloats(bytes), UpperFloats(bytes));
}

/// <summary>Pieces that the block formats share.</summary>
static unsafe class Bits
{
    /// <summary>A half-precision number in memory. Normal ones, nearly all scales, take a few integer instructions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Half(byte* p)
    {
        uint bits = Unsafe.ReadUnaligned<ushort>(p), magnitude = bits & 0x7FFF;
        uint single = (magnitude << 13) + (112u << 23);
        // Not the framework's conversion: it is a call.
        if (magnitude - 0x400 >= 0x7C00 - 0x400) single = magnitude < 0x400 ? BitConverter.SingleToUInt32Bits((int)magnitude * (1f / (1 << 24))) : (magnitude << 13) | (255u << 23);
        return BitConverter.UInt32BitsToSingle(single | ((bits & 0x8000) << 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LowNibbles(Vector128<byte> bytes) => bytes & Vector128.Create((byte)0x0F);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> HighNibbles(Vector128<byte> bytes) => (bytes.AsUInt16() >> 4).AsByte() & Vector128.Create((byte)0x0F);

    /// <summary>The nibbles of 16 bytes and of 16 so much further: the low ones of both, the high ones of both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Nibbles(byte* at, nint apart, out Vector256<byte> low, out Vector256<byte> high)
    {
        var (bytes, mask) = (Vector256.Create(Vector128.Load(at), Vector128.Load(at + apart)), Vector256.Create((byte)0x0F));
        (low, high) = (bytes & mask, (bytes.AsUInt16() >> 4).AsByte() & mask);
    }

    /// <summary>The levels, which have 128 added, that the nibbles of 16 bytes are the numbers of: the low ones', the high ones'.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(byte* at, Vector128<byte> levels)
    {
        var (bytes, signed) = (Vector128.Load(at), levels ^ Vector128.Create((byte)0x80));
        return Vector256.Create(Vector128.ShuffleNative(signed, LowNibbles(bytes)), Vector128.ShuffleNative(signed, HighNibbles(bytes))).AsSByte();
    }

    /// <summary>Two bits of each byte, from this bit on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Pairs(Vector128<byte> bytes, int from) => (bytes.AsUInt16() >> from).AsByte() & Vector128.Create((byte)3);

    /// <summary>16 where the bit is set, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Sixteens(int sixteenBits)
    {
        var spread = Vector128.ShuffleNative(Vector128.CreateScalar(sixteenBits).AsByte(), Vector128.Create((byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
        var each = Vector128.Create(0x8040201008040201).AsByte();
        return Vector128.Equals(spread & each, each) & Vector128.Create((byte)16);
    }

    /// <summary>The same for two blocks with 32 bits each: of the first sixteen, of the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sixteens(uint bits, uint nextBits, out Vector256<byte> first, out Vector256<byte> last)
    {
        var (all, each) = (Vector256.Create(bits | ((ulong)nextBits << 32)).AsByte(), Vector256.Create(0x8040201008040201).AsByte());
        first = Vector256.Equals(Vector256.ShuffleNative(all, Vector256.Create(0L, 0x0101010101010101, 0x1414141414141414, 0x1515151515151515).AsByte()) & each, each) & Vector256.Create((byte)16);
        last = Vector256.Equals(Vector256.ShuffleNative(all, Vector256.Create(0x0202020202020202, 0x0303030303030303, 0x1616161616161616, 0x1717171717171717).AsByte()) & each, each) & Vector256.Create((byte)16);
    }
}
