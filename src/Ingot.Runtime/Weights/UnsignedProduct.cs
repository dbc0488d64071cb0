using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

/// <summary>The product with codes that are unsigned and have at most five bits: products of bytes are added in pairs, and four pairs fit 16 bits.</summary>
public sealed unsafe class UnsignedProduct<T>(Storage weights, int rows, int columns, long rowBytes) : IntegerProduct(weights, rows, columns, rowBytes) where T : struct, IUnsignedBlock<T>
{
    protected override Vector256<float> MultiplyRow(byte* rows, byte* codesOfX, float* scalesOfX) =>
        T.Length == 32 ? MultiplySmall(rows, (sbyte*)codesOfX, scalesOfX) : MultiplyLarge(rows, (sbyte*)codesOfX, scalesOfX);

    /// <summary>Blocks of 32, two at a time, so that each has its half of the vectors to be joined.</summary>
    Vector256<float> MultiplySmall(byte* at, sbyte* x, float* scalesOfX)
    {
        nint s = RowBytes, s3 = 3 * s;
        byte* at4 = at + 4 * s;
        float* sumsOfX = scalesOfX + Blocks;
        var sum = Vector256<float>.Zero;
        var ones = Vector256<short>.One;
        for (int b = Blocks / 2; b > 0; b--, x += 64, scalesOfX += 2, sumsOfX += 2, at += 2 * T.Bytes, at4 += 2 * T.Bytes)
        {
            if ((b & 1) == 0)
                for (int r = 0; r < Lanes; r++) Sse.Prefetch0(at + (Lanes + r) * s);
            Vector256<sbyte> x0 = Vector256.Load(x), x1 = Vector256.Load(x + 32), first = Avx2.Permute2x128(x0, x1, 0x20), last = Avx2.Permute2x128(x0, x1, 0x31);
            Join(
                Dot(at, first, last, ones), Dot(at + s, first, last, ones), Dot(at + 2 * s, first, last, ones), Dot(at + s3, first, last, ones),
                Dot(at4, first, last, ones), Dot(at4 + s, first, last, ones), Dot(at4 + 2 * s, first, last, ones), Dot(at4 + s3, first, last, ones),
                out var dots0, out var dots1);
            sum = Add(dots0, at, at4, s, s3, scalesOfX, sumsOfX, sum);
            sum = Add(dots1, at + T.Bytes, at4 + T.Bytes, s, s3, scalesOfX + 1, sumsOfX + 1, sum);
        }
        if (Blocks % 2 == 0) return sum;
        var q = Vector256.Load(x);
        var dots = Join(
            Dot(T.CodesOf(at, 0), q, ones), Dot(T.CodesOf(at + s, 0), q, ones), Dot(T.CodesOf(at + 2 * s, 0), q, ones), Dot(T.CodesOf(at + s3, 0), q, ones),
            Dot(T.CodesOf(at4, 0), q, ones), Dot(T.CodesOf(at4 + s, 0), q, ones), Dot(T.CodesOf(at4 + 2 * s, 0), q, ones), Dot(T.CodesOf(at4 + s3, 0), q, ones));
        return Add(dots, at, at4, s, s3, scalesOfX, sumsOfX, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Add(Vector256<int> dots, byte* at, byte* at4, nint s, nint s3, float* scaleOfX, float* sumOfX, Vector256<float> sum)
    {
        var w = HalvesAt(at + T.ScaleAt, at4 + T.ScaleAt, s, s3);
        var o = T.OffsetAt >= 0 ? HalvesAt(at + T.OffsetAt, at4 + T.OffsetAt, s, s3) : w * -T.Zero;
        return Vector256.FusedMultiplyAdd(o, Vector256.Create(*sumOfX), Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(dots), w * Vector256.Create(*scaleOfX), sum));
    }

    /// <summary>Two blocks: in the first half of the result the sums of the first, in the last half of the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(byte* block, Vector256<sbyte> firstOfX, Vector256<sbyte> lastOfX, Vector256<short> ones)
    {
        T.CodesOfTwo(block, 0, out var first, out var last);
        return AvxVnni.IsSupported
            ? AvxVnni.MultiplyWideningAndAdd(AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, first, firstOfX), last, lastOfX)
            : Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(first, firstOfX) + Avx2.MultiplyAddAdjacent(last, lastOfX), ones);
    }

    /// <summary>Two parts: in the first half of the result the sums of the first, in the last half of the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> DotOfPair(byte* block, int pair, Vector256<sbyte> x0, Vector256<sbyte> x1, Vector256<short> ones)
    {
        T.CodesOfTwo(block, pair, out var first, out var last);
        return Ends(Dot(first, x0, ones), Dot(last, x1, ones));
    }

    /// <summary>Blocks of 256.</summary>
    [SkipLocalsInit]
    Vector256<float> MultiplyLarge(byte* rows, sbyte* x, float* scalesOfX)
    {
        const int Parts = Stretch / 32;
        float* scales = stackalloc float[2 * Lanes * Parts], turned = stackalloc float[2 * Lanes * Parts], sumsOfX = scalesOfX + Blocks;
        nint s = RowBytes, s3 = 3 * s;
        var sum = Vector256<float>.Zero;
        var ones = Vector256<short>.One;
        for (int left = Blocks; left > 0; left -= Parts, rows += T.Bytes)
        {
            byte* at = rows, at4 = rows + 4 * s;
            for (int r = 0; r < Lanes; r++) Fetch(rows + r * s, T.Bytes);
            TurnScales(rows, s, turned, scales);
            for (int pair = 0; pair < Parts / 2; pair++, x += 64)
            {
                Vector256<sbyte> x0 = Vector256.Load(x), x1 = Vector256.Load(x + 32);
                Join(
                    DotOfPair(at, pair, x0, x1, ones), DotOfPair(at + s, pair, x0, x1, ones), DotOfPair(at + 2 * s, pair, x0, x1, ones), DotOfPair(at + s3, pair, x0, x1, ones),
                    DotOfPair(at4, pair, x0, x1, ones), DotOfPair(at4 + s, pair, x0, x1, ones), DotOfPair(at4 + 2 * s, pair, x0, x1, ones), DotOfPair(at4 + s3, pair, x0, x1, ones),
                    out var first, out var last);
                sum = Add(first, scales + 4 * Lanes * pair, *scalesOfX++, *sumsOfX++, sum);
                sum = Add(last, scales + 4 * Lanes * pair + 2 * Lanes, *scalesOfX++, *sumsOfX++, sum);
            }
        }
        return sum;
    }

    /// <summary>The scales and offsets of a large block of eight rows, with the rows in lanes.</summary>
    static void TurnScales(byte* rows, nint apart, float* turned, float* scales)
    {
        for (int r = 0; r < Lanes; r++)
        {
            T.Open(rows + r * apart).Scales(out var s, out var o);
            s.Store(turned + r * Lanes);
            o.Store(turned + (Lanes + r) * Lanes);
        }
        Square.Turn((byte*)turned, 32, (byte*)scales, 64);
        Square.Turn((byte*)(turned + Lanes * Lanes), 32, (byte*)(scales + Lanes), 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(Vector256<byte> codes, Vector256<sbyte> q, Vector256<short> ones) =>
        AvxVnni.IsSupported ? AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, codes, q) : Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(codes, q), ones);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Add(Vector256<int> dots, float* scales, float scaleOfX, float sumOfX, Vector256<float> sum) =>
        Vector256.FusedMultiplyAdd(Vector256.Load(scales + Lanes), Vector256.Create(sumOfX),
            Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(dots), Vector256.Load(scales) * Vector256.Create(scaleOfX), sum));

    protected override int ScalesInBlock => 2 * Lanes;

    [SkipLocalsInit]
    protected override void Pack(byte* rows, byte* panel, float* scales)
    {
        byte* codes = stackalloc byte[Lanes * 32];
        float* turned = stackalloc float[2 * Lanes * Stretch / 32];
        nint s = RowBytes;
        for (int k = 0; k < Columns; k += T.Length, rows += T.Bytes)
        {
            if (T.Length == 32)
            {
                if (k % 64 == 0)
                    for (int r = 0; r < Lanes; r++) Sse.Prefetch0(rows + (Lanes + r) * s);
                var w = HalvesAt(rows + T.ScaleAt, rows + 4 * s + T.ScaleAt, s, 3 * s);
                w.Store(scales);
                (T.OffsetAt >= 0 ? HalvesAt(rows + T.OffsetAt, rows + 4 * s + T.OffsetAt, s, 3 * s) : w * -T.Zero).Store(scales + Lanes);
            }
            else
            {
                for (int r = 0; r < Lanes; r++) Fetch(rows + r * s, T.Bytes);
                TurnScales(rows, s, turned, scales);
            }
            for (int part = 0; part < T.Length / 32; part++, panel += Lanes * 32, scales += 2 * Lanes)
            {
                byte* at = rows;
                for (int r = 0; r < Lanes; r++, at += s) T.CodesOf(at, part).Store(codes + 32 * r);
                Square.Turn(codes, 32, panel);
            }
        }
    }

    protected override void MultiplyTile(byte* panel, float* scales, byte* codesOfX, float* scalesOfX, float* y, int count)
    {
        byte* x0 = codesOfX, x1 = x0 + Columns, x2 = x1 + Columns, x3 = x2 + Columns;
        int row = 2 * Blocks, blocks = Blocks;
        var ones = Vector256<short>.One;
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (int b = 0; b < blocks; b++, scales += 2 * Lanes)
        {
            Vector256<int> d0 = default, d1 = default, d2 = default, d3 = default;
            for (int half = 0; half < 2; half++, panel += 128, x0 += 16, x1 += 16, x2 += 16, x3 += 16)
            {
                Vector256<byte> w0 = Vector256.Load(panel), w1 = Vector256.Load(panel + 32), w2 = Vector256.Load(panel + 64), w3 = Vector256.Load(panel + 96);
                d0 = Dot(w0, w1, w2, w3, x0, ones, d0);
                d1 = Dot(w0, w1, w2, w3, x1, ones, d1);
                d2 = Dot(w0, w1, w2, w3, x2, ones, d2);
                d3 = Dot(w0, w1, w2, w3, x3, ones, d3);
            }
            s0 = Add(d0, scales, scalesOfX[b], scalesOfX[blocks + b], s0);
            s1 = Add(d1, scales, scalesOfX[row + b], scalesOfX[row + blocks + b], s1);
            s2 = Add(d2, scales, scalesOfX[2 * row + b], scalesOfX[2 * row + blocks + b], s2);
            s3 = Add(d3, scales, scalesOfX[3 * row + b], scalesOfX[3 * row + blocks + b], s3);
        }
        Store(s0, y, count);
        Store(s1, y + Rows, count);
        Store(s2, y + 2 * (nint)Rows, count);
        Store(s3, y + 3 * (nint)Rows, count);
    }

    protected override Vector256<float> MultiplyOne(byte* panel, float* scales, byte* codesOfX, float* scalesOfX)
    {
        var ones = Vector256<short>.One;
        var sum = Vector256<float>.Zero;
        for (int b = 0; b < Blocks; b++, scales += 2 * Lanes)
        {
            Vector256<int> d = default;
            for (int half = 0; half < 2; half++, panel += 128, codesOfX += 16)
                d = Dot(Vector256.Load(panel), Vector256.Load(panel + 32), Vector256.Load(panel + 64), Vector256.Load(panel + 96), codesOfX, ones, d);
            sum = Add(d, scales, scalesOfX[b], scalesOfX[Blocks + b], sum);
        }
        return sum;
    }

    /// <summary>Sixteen values of x with sixteen codes of each lane's row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(Vector256<byte> w0, Vector256<byte> w1, Vector256<byte> w2, Vector256<byte> w3, byte* x, Vector256<short> ones, Vector256<int> sum)
    {
        var q = (int*)x;
        Vector256<sbyte> q0 = Vector256.Create(q[0]).AsSByte(), q1 = Vector256.Create(q[1]).AsSByte(), q2 = Vector256.Create(q[2]).AsSByte(), q3 = Vector256.Create(q[3]).AsSByte();
        if (AvxVnni.IsSupported)
            return AvxVnni.MultiplyWideningAndAdd(AvxVnni.MultiplyWideningAndAdd(AvxVnni.MultiplyWideningAndAdd(AvxVnni.MultiplyWideningAndAdd(sum, w0, q0), w1, q1), w2, q2), w3, q3);
        // 8 products of at most 31 * 127 are less than 2^15.
        var pairs = (Avx2.MultiplyAddAdjacent(w0, q0) + Avx2.MultiplyAddAdjacent(w1, q1)) + (Avx2.MultiplyAddAdjacent(w2, q2) + Avx2.MultiplyAddAdjacent(w3, q3));
        return sum + Avx2.MultiplyAddAdjacent(pairs, ones);
    }
}
