using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

/// <summary>The product with codes that are signed, or wide with their factors: in panels as words of 16 bits, products added in pairs to 32.</summary>
public sealed unsafe class WordProduct<T>(Storage weights, int rows, int columns, long rowBytes) : IntegerProduct(weights, rows, columns, rowBytes, 2) where T : struct, IWordBlock<T>
{
    protected override Vector256<float> MultiplyRow(byte* rows, byte* codesOfX, float* scalesOfX) =>
        T.Length == 32 ? MultiplySmall(rows, (sbyte*)codesOfX, scalesOfX) : MultiplyLarge(rows, (sbyte*)codesOfX, scalesOfX);

    /// <summary>Blocks of 32.</summary>
    Vector256<float> MultiplySmall(byte* at, sbyte* q, float* scalesOfX)
    {
        nint s = RowBytes, s3 = 3 * s;
        byte* at4 = at + 4 * s;
        var sum = Vector256<float>.Zero;
        var ones = Vector256<short>.One;
        for (int b = Blocks; b > 0; b--, q += 32, scalesOfX++, at += T.Bytes, at4 += T.Bytes)
        {
            if ((b & (64 / T.Bytes)) == 0)
                for (int r = 0; r < Lanes; r++) Sse.Prefetch0(at + (Lanes + r) * s);
            var x = Vector256.Load(q);
            var dots = Join(
                Dot(at, 0, x, ones), Dot(at + s, 0, x, ones), Dot(at + 2 * s, 0, x, ones), Dot(at + s3, 0, x, ones),
                Dot(at4, 0, x, ones), Dot(at4 + s, 0, x, ones), Dot(at4 + 2 * s, 0, x, ones), Dot(at4 + s3, 0, x, ones));
            sum = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(dots), ScalesAt(at, at4, s, s3) * Vector256.Create(*scalesOfX), sum);
        }
        return sum;
    }

    /// <summary>Blocks of 256: the eight parts of a row are joined, a part a lane, and eight rows of them turned.</summary>
    [SkipLocalsInit]
    Vector256<float> MultiplyLarge(byte* rows, sbyte* q, float* scalesOfX)
    {
        const int Parts = Stretch / 32;
        int* dots = stackalloc int[Lanes * Parts], turned = stackalloc int[Lanes * Parts];
        nint s = RowBytes;
        var sum = Vector256<float>.Zero;
        for (int b = Blocks / Parts; b > 0; b--, q += Stretch, scalesOfX += Parts, rows += T.Bytes)
        {
            byte* at = rows;
            for (int r = 0; r < Lanes; r++, at += s)
            {
                Fetch(at, T.Bytes);
                DotsOfParts(at, q).Store(dots + r * Parts);
            }
            Square.Turn((byte*)dots, Parts * sizeof(int), (byte*)turned, Lanes * sizeof(int));
            var scales = ScalesAt(rows, rows + 4 * s, s, 3 * s);
            for (int part = 0; part < Parts; part++)
                sum = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Vector256.Load(turned + part * Lanes)), scales * Vector256.Create(scalesOfX[part]), sum);
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> DotsOfParts(byte* block, sbyte* q)
    {
        var factors = T.FactorsOf(block);
        return Join(
            Dot(block, 0, Vector256.Load(q), Of(factors, 0)), Dot(block, 1, Vector256.Load(q + 32), Of(factors, 1)),
            Dot(block, 2, Vector256.Load(q + 64), Of(factors, 2)), Dot(block, 3, Vector256.Load(q + 96), Of(factors, 3)),
            Dot(block, 4, Vector256.Load(q + 128), Of(factors, 4)), Dot(block, 5, Vector256.Load(q + 160), Of(factors, 5)),
            Dot(block, 6, Vector256.Load(q + 192), Of(factors, 6)), Dot(block, 7, Vector256.Load(q + 224), Of(factors, 7)));

        // The factor of 16 weights for the eight pairs of their products.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector256<short> Of(Vector256<short> factors, int part) => !T.HasFactors ? factors : Avx2.Shuffle(
            Avx2.PermuteVar8x32(factors.AsInt32(), Vector256.Create(part)).AsByte(), Vector256.Create(Vector128.Create((short)0x0100), Vector128.Create((short)0x0302)).AsByte()).AsInt16();
    }

    /// <summary>Codes of 32 with these of x, which take the codes' signs, as one side of the product of bytes is unsigned: two products of 128 * 127 fit 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(byte* block, int part, Vector256<sbyte> x, Vector256<short> factors)
    {
        var codes = T.CodesOf(block, part);
        var (size, signed) = (Avx2.Abs(codes), Avx2.Sign(x, codes));
        return AvxVnni.IsSupported && !T.HasFactors ? AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, size, signed) : Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(size, signed), factors);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> ScalesAt(byte* at, byte* at4, nint s, nint s3) => T.ScaleAt >= 0 ? HalvesAt(at + T.ScaleAt, at4 + T.ScaleAt, s, s3) : Vector256.Create(
        T.Open(at).Scale, T.Open(at + s).Scale, T.Open(at + 2 * s).Scale, T.Open(at + s3).Scale, T.Open(at4).Scale, T.Open(at4 + s).Scale, T.Open(at4 + 2 * s).Scale, T.Open(at4 + s3).Scale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Add(Vector256<int> dots, float* scales, float scaleOfX, Vector256<float> sum) =>
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(dots), Vector256.Load(scales) * Vector256.Create(scaleOfX), sum);

    /// <summary>A stretch of eight rows; those beyond the end are the last row again. Scales are this many floats apart.</summary>
    [SkipLocalsInit]
    void Unpack(byte* weights, int n, int end, int k, int blocks, short* codes, float* scales, int apart)
    {
        ushort* halves = stackalloc ushort[Lanes * Stretch / 32];
        nint inRow = RowBytes;
        for (int r = 0; r < Lanes; r++)
        {
            byte* at = weights + Math.Min(n + r, end - 1) * inRow + k / T.Length * T.Bytes;
            short* to = codes + r * Stretch;
            Fetch(at, T.Length == 32 ? blocks * T.Bytes : T.Bytes);
            float* scale = scales + r;
            if (T.Length == 32)
                for (int b = 0; b < blocks; b++, at += T.Bytes, to += 32)
                {
                    var words = T.Open(at).Words32(0);
                    Put(words, to);
                    if (T.ScaleAt >= 0) halves[b * Lanes + r] = Unsafe.ReadUnaligned<ushort>(at + T.ScaleAt);
                    else scale[b * apart] = T.Open(at).Scale;
                }
            else
            {
                var block = T.Open(at);
                for (int part = 0; part < Stretch / 32; part++, to += 32, scale += apart)
                {
                    var words = block.Words32(part);
                    Put(words, to);
                    scale[0] = block.Scale;
                }
            }
        }
        if (T.Length == 32 && T.ScaleAt >= 0)
            for (int b = 0; b < blocks; b++) Halves.Eight(Vector128.Load((short*)halves + b * Lanes)).Store(scales + b * apart);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(in Words w, short* to)
    {
        w.First.Store(to);
        w.Last.Store(to + 16);
    }

    [SkipLocalsInit]
    protected override void Pack(byte* weights, int n, int end, byte* panel, float* scales)
    {
        short* codes = stackalloc short[Lanes * Stretch];
        for (int k = 0; k < Columns; k += Stretch)
        {
            int blocks = Math.Min(Stretch, Columns - k) / 32;
            Unpack(weights, n, end, k, blocks, codes, scales + 2 * Lanes * (k / 32), 2 * Lanes);
            for (int b = 0; b < 2 * blocks; b++) Square.Turn((byte*)(codes + 16 * b), 2 * Stretch, panel + 2 * Lanes * (k + 16 * b));
        }
    }

    protected override void MultiplyTile(byte* panel, float* scales, byte* codesOfX, float* scalesOfX, float* y, int count)
    {
        nint xRow = 2 * (nint)Columns;
        byte* x0 = codesOfX, x1 = x0 + xRow, x2 = x1 + xRow, x3 = x2 + xRow;
        int row = 2 * Blocks, blocks = Blocks;
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (int b = 0; b < blocks; b++, scales += 2 * Lanes)
        {
            Vector256<int> d0 = default, d1 = default, d2 = default, d3 = default;
            for (int quarter = 0; quarter < 4; quarter++, panel += 128, x0 += 16, x1 += 16, x2 += 16, x3 += 16)
            {
                Vector256<short> w0 = Vector256.Load((short*)panel), w1 = Vector256.Load((short*)panel + 16), w2 = Vector256.Load((short*)panel + 32), w3 = Vector256.Load((short*)panel + 48);
                d0 = Dot(w0, w1, w2, w3, x0, d0);
                d1 = Dot(w0, w1, w2, w3, x1, d1);
                d2 = Dot(w0, w1, w2, w3, x2, d2);
                d3 = Dot(w0, w1, w2, w3, x3, d3);
            }
            s0 = Add(d0, scales, scalesOfX[b], s0);
            s1 = Add(d1, scales, scalesOfX[row + b], s1);
            s2 = Add(d2, scales, scalesOfX[2 * row + b], s2);
            s3 = Add(d3, scales, scalesOfX[3 * row + b], s3);
        }
        Store(s0, y, count);
        Store(s1, y + Rows, count);
        Store(s2, y + 2 * (nint)Rows, count);
        Store(s3, y + 3 * (nint)Rows, count);
    }

    protected override Vector256<float> MultiplyOne(byte* panel, float* scales, byte* codesOfX, float* scalesOfX)
    {
        var sum = Vector256<float>.Zero;
        for (int b = 0; b < Blocks; b++, scales += 2 * Lanes)
        {
            Vector256<int> d = default;
            for (int quarter = 0; quarter < 4; quarter++, panel += 128, codesOfX += 16)
                d = Dot(Vector256.Load((short*)panel), Vector256.Load((short*)panel + 16), Vector256.Load((short*)panel + 32), Vector256.Load((short*)panel + 48), codesOfX, d);
            sum = Add(d, scales, scalesOfX[b], sum);
        }
        return sum;
    }

    /// <summary>Eight values of x with eight codes of each lane's row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(Vector256<short> w0, Vector256<short> w1, Vector256<short> w2, Vector256<short> w3, byte* x, Vector256<int> sum)
    {
        var q = (int*)x;
        Vector256<short> q0 = Vector256.Create(q[0]).AsInt16(), q1 = Vector256.Create(q[1]).AsInt16(), q2 = Vector256.Create(q[2]).AsInt16(), q3 = Vector256.Create(q[3]).AsInt16();
        if (AvxVnni.IsSupported)
            return AvxVnni.MultiplyWideningAndAdd(AvxVnni.MultiplyWideningAndAdd(AvxVnni.MultiplyWideningAndAdd(AvxVnni.MultiplyWideningAndAdd(sum, w0, q0), w1, q1), w2, q2), w3, q3);
        return sum + ((Avx2.MultiplyAddAdjacent(w0, q0) + Avx2.MultiplyAddAdjacent(w1, q1)) + (Avx2.MultiplyAddAdjacent(w2, q2) + Avx2.MultiplyAddAdjacent(w3, q3)));
    }
}
