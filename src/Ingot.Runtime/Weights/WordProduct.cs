using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

/// <summary>The product with codes that are signed or wide: as words of 16 bits, products added in pairs to 32.</summary>
public sealed unsafe class WordProduct<T>(Storage weights, int rows, int columns, long rowBytes) : IntegerProduct(weights, rows, columns, rowBytes, 2) where T : struct, IWordBlock<T>
{
    protected override Vector256<float> MultiplyRow(byte* weights, int n, int end, byte* codesOfX, float* scalesOfX) =>
        T.ScaleAt >= 0 && n + Lanes <= end ? MultiplyEight(weights + n * RowBytes, codesOfX, scalesOfX) : MultiplyAny(weights, n, end, codesOfX, scalesOfX);

    /// <summary>Eight rows of small blocks, from registers: codes are not in memory in between.</summary>
    Vector256<float> MultiplyEight(byte* at, byte* codesOfX, float* scalesOfX)
    {
        nint s = RowBytes, s3 = 3 * s;
        byte* at4 = at + 4 * s;
        var sum = Vector256<float>.Zero;
        var q = (short*)codesOfX;
        for (int b = Blocks; b > 0; b--, q += 32, scalesOfX++, at += T.Bytes, at4 += T.Bytes)
        {
            if ((b & 1) == 0)
                for (int r = 0; r < Lanes; r++) Sse.Prefetch0(at + (Lanes + r) * s);
            Vector256<short> q0 = Vector256.Load(q), q1 = Vector256.Load(q + 16);
            var dots = Join(
                Dot(at, q0, q1), Dot(at + s, q0, q1), Dot(at + 2 * s, q0, q1), Dot(at + s3, q0, q1),
                Dot(at4, q0, q1), Dot(at4 + s, q0, q1), Dot(at4 + 2 * s, q0, q1), Dot(at4 + s3, q0, q1));
            var w = HalvesAt(at + T.ScaleAt, at4 + T.ScaleAt, s, s3);
            sum = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(dots), w * Vector256.Create(*scalesOfX), sum);
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(byte* block, Vector256<short> q0, Vector256<short> q1)
    {
        var words = T.Open(block).Words32(0);
        return Dot(words.First, words.Last, q0, q1);
    }

    /// <summary>Rows of any number up to eight, of any blocks.</summary>
    [SkipLocalsInit]
    Vector256<float> MultiplyAny(byte* weights, int n, int end, byte* codesOfX, float* scalesOfX)
    {
        short* codes = stackalloc short[Lanes * Stretch], q = (short*)codesOfX;
        float* scales = stackalloc float[Lanes * Stretch / 32];
        var sum = Vector256<float>.Zero;
        for (int k = 0; k < Columns; k += Stretch)
        {
            int blocks = Math.Min(Stretch, Columns - k) / 32;
            Unpack(weights, n, end, k, blocks, codes, scales, Lanes);
            short* x = q + k, at = codes;
            float* scale = scales, scaleOfX = scalesOfX + k / 32;
            for (int b = 0; b < blocks; b++, x += 32, at += 32, scale += Lanes, scaleOfX++)
            {
                Vector256<short> q0 = Vector256.Load(x), q1 = Vector256.Load(x + 16);
                var dots = Join(
                    Dot(at, q0, q1), Dot(at + Stretch, q0, q1), Dot(at + 2 * Stretch, q0, q1), Dot(at + 3 * Stretch, q0, q1),
                    Dot(at + 4 * Stretch, q0, q1), Dot(at + 5 * Stretch, q0, q1), Dot(at + 6 * Stretch, q0, q1), Dot(at + 7 * Stretch, q0, q1));
                sum = Add(dots, scale, *scaleOfX, sum);
            }
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(short* at, Vector256<short> q0, Vector256<short> q1) => Dot(Vector256.Load(at), Vector256.Load(at + 16), q0, q1);

    /// <summary>Sums of 32 bits, which nothing saturates.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Dot(Vector256<short> w0, Vector256<short> w1, Vector256<short> q0, Vector256<short> q1) => AvxVnni.IsSupported
        ? AvxVnni.MultiplyWideningAndAdd(Avx2.MultiplyAddAdjacent(w0, q0), w1, q1)
        : Avx2.MultiplyAddAdjacent(w0, q0) + Avx2.MultiplyAddAdjacent(w1, q1);

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
                    else scale[b * apart] = words.Scale;
                }
            else
            {
                var block = T.Open(at);
                for (int part = 0; part < Stretch / 32; part++, to += 32, scale += apart)
                {
                    var words = block.Words32(part);
                    Put(words, to);
                    scale[0] = words.Scale;
                }
            }
        }
        if (T.ScaleAt >= 0)
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
