using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

/// <summary>
/// Machine code for four rows of weights that lie one after the other and one row of x: void (byte* weights, nint bytesInRow, float* x, nint blocks, float* sums). It adds the products of so
/// many whole blocks of 32 up as <see cref="WeightProduct"/> says, and leaves four vectors of lanes.
/// </summary>
/// <param name="Narrow">With 8 lanes.</param>
/// <param name="Wide">With 16; 0 where the processor has no such vectors.</param>
public readonly record struct RowRoutines(nint Narrow, nint Wide);

/// <summary>The product with weights in blocks of one format.</summary>
public sealed unsafe class BlockProduct<T> : WeightProduct where T : struct, IWeightBlock<T>
{
    /// <summary>Blocks that lie in the row with all their bytes.</summary>
    readonly int wholeBlocks;

    readonly RowRoutines routines;

    /// <param name="weights">(N, K), row by row, at its beginning; it is kept alive.</param>
    /// <param name="rows">N.</param>
    /// <param name="columns">K.</param>
    /// <param name="bytesInRow">Bytes of a row: of its blocks, or of its numbers if it ends within a block of plain ones.</param>
    /// <param name="routines">For blocks of 32, of which the conversion takes an instruction that .NET does not know.</param>
    public BlockProduct(Storage weights, int rows, int columns, long bytesInRow, RowRoutines? routines = null) : base(weights, rows, columns, bytesInRow)
    {
        // Whole blocks, or plain numbers up to the last.
        if (bytesInRow * T.Length != (long)columns * T.Bytes) throw new ArgumentException($"rows of {columns} values take {(double)columns / T.Length * T.Bytes} bytes, not {bytesInRow}");
        wholeBlocks = columns / T.Length;
        this.routines = routines ?? default;
    }

    protected override void MultiplyRow(int first, int end)
    {
        if (isWide) MultiplyRowWide(first, end);
        else MultiplyRowNarrow(first, end);
    }

    [SkipLocalsInit]
    void MultiplyRowNarrow(int first, int end)
    {
        float* sums = stackalloc float[Together * 8];
        nint inRow = RowBytes;
        for (int n = first; n < end; n += Together)
        {
            // Rows beyond the end are the last row again; what they give is dropped.
            byte* w0 = Weights + n * inRow, w1 = n + 1 < end ? w0 + inRow : w0, w2 = n + 2 < end ? w1 + inRow : w1, w3 = n + 3 < end ? w2 + inRow : w2;
            float* at = x;
            Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
            if (routines.Narrow != 0 && n + Together <= end && Cpu.Level >= IsaLevel.Avx2)
            {
                ((delegate*<byte*, nint, float*, nint, float*, void>)routines.Narrow)(w0, inRow, at, wholeBlocks, sums);
                (a0, a1, a2, a3) = (Vector256.Load(sums), Vector256.Load(sums + 8), Vector256.Load(sums + 16), Vector256.Load(sums + 24));
                at += 32 * wholeBlocks;
                w0 += T.Bytes * wholeBlocks;
                w1 += T.Bytes * wholeBlocks;
                w2 += T.Bytes * wholeBlocks;
                w3 += T.Bytes * wholeBlocks;
            }
            else
            {
                // No calls in here: they would put all vectors into memory.
                for (int b = wholeBlocks; b > 0; b--)
                {
                    Fetch(w0, w1, w2, w3, Together * inRow);
                    T b0 = T.Open(w0), b1 = T.Open(w1), b2 = T.Open(w2), b3 = T.Open(w3);
                    for (int part = 0; part < T.Length / 32; part++, at += 32)
                    {
                        a0 = Add(b0.Narrow(part), at, a0);
                        a1 = Add(b1.Narrow(part), at, a1);
                        a2 = Add(b2.Narrow(part), at, a2);
                        a3 = Add(b3.Narrow(part), at, a3);
                    }
                    w0 += T.Bytes;
                    w1 += T.Bytes;
                    w2 += T.Bytes;
                    w3 += T.Bytes;
                }
            }
            if (Columns != wholeBlocks * T.Length)
                (a0, a1, a2, a3) = (AddRest(w0, at, a0), AddRest(w1, at, a1), AddRest(w2, at, a2), AddRest(w3, at, a3));
            y[n] = Sum(a0);
            if (n + 1 < end) y[n + 1] = Sum(a1);
            if (n + 2 < end) y[n + 2] = Sum(a2);
            if (n + 3 < end) y[n + 3] = Sum(a3);
        }
    }

    [SkipLocalsInit]
    void MultiplyRowWide(int first, int end)
    {
        float* sums = stackalloc float[Together * 16];
        nint inRow = RowBytes;
        for (int n = first; n < end; n += Together)
        {
            // Rows beyond the end are the last row again; what they give is dropped.
            byte* w0 = Weights + n * inRow, w1 = n + 1 < end ? w0 + inRow : w0, w2 = n + 2 < end ? w1 + inRow : w1, w3 = n + 3 < end ? w2 + inRow : w2;
            float* at = x;
            Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
            if (routines.Wide != 0 && n + Together <= end)
            {
                ((delegate*<byte*, nint, float*, nint, float*, void>)routines.Wide)(w0, inRow, at, wholeBlocks, sums);
                (a0, a1, a2, a3) = (Vector512.Load(sums), Vector512.Load(sums + 16), Vector512.Load(sums + 32), Vector512.Load(sums + 48));
                at += 32 * wholeBlocks;
                w0 += T.Bytes * wholeBlocks;
                w1 += T.Bytes * wholeBlocks;
                w2 += T.Bytes * wholeBlocks;
                w3 += T.Bytes * wholeBlocks;
            }
            else
            {
                // No calls in here: they would put all vectors into memory.
                for (int b = wholeBlocks; b > 0; b--)
                {
                    Fetch(w0, w1, w2, w3, Together * inRow);
                    T b0 = T.Open(w0), b1 = T.Open(w1), b2 = T.Open(w2), b3 = T.Open(w3);
                    for (int part = 0; part < T.Length / 32; part++, at += 32)
                    {
                        a0 = Add(b0.Wide(part), at, a0);
                        a1 = Add(b1.Wide(part), at, a1);
                        a2 = Add(b2.Wide(part), at, a2);
                        a3 = Add(b3.Wide(part), at, a3);
                    }
                    w0 += T.Bytes;
                    w1 += T.Bytes;
                    w2 += T.Bytes;
                    w3 += T.Bytes;
                }
            }
            if (Columns != wholeBlocks * T.Length)
                (a0, a1, a2, a3) = (AddRest(w0, at, a0), AddRest(w1, at, a1), AddRest(w2, at, a2), AddRest(w3, at, a3));
            y[n] = Sum(a0);
            if (n + 1 < end) y[n + 1] = Sum(a1);
            if (n + 2 < end) y[n + 2] = Sum(a2);
            if (n + 3 < end) y[n + 3] = Sum(a3);
        }
    }

    protected override void MultiplyFew(int first, int end)
    {
        if (isWide) MultiplyFewWide(first, end);
        else MultiplyFewNarrow(first, end);
    }

    /// <summary>Two rows of weights with four of x: eight sums, and four factors at a time.</summary>
    void MultiplyFewNarrow(int first, int end)
    {
        nint inRow = RowBytes;
        for (int n = first; n < end; n += 2)
        {
            byte* row0 = Weights + n * inRow, row1 = n + 1 < end ? row0 + inRow : row0;
            for (int m = 0; m < rowsOfX; m += 4)
            {
                // Rows beyond the end are the last one again; what they give is dropped.
                int rows = Math.Min(4, rowsOfX - m);
                byte* w0 = row0, w1 = row1;
                float* x0 = x + m * xStride, x1 = rows > 1 ? x0 + xStride : x0, x2 = rows > 2 ? x1 + xStride : x1, x3 = rows > 3 ? x2 + xStride : x2;
                Vector256<float> a00 = default, a01 = default, a02 = default, a03 = default, a10 = default, a11 = default, a12 = default, a13 = default;
                for (int b = wholeBlocks; b > 0; b--, w0 += T.Bytes, w1 += T.Bytes)
                {
                    if (m == 0) Fetch(w0, w1, 2 * inRow);
                    T b0 = T.Open(w0), b1 = T.Open(w1);
                    for (int part = 0; part < T.Length / 32; part++, x0 += 32, x1 += 32, x2 += 32, x3 += 32)
                    {
                        var f = b0.Narrow(part);
                        a00 = Add(f, x0, a00);
                        a01 = Add(f, x1, a01);
                        a02 = Add(f, x2, a02);
                        a03 = Add(f, x3, a03);
                        f = b1.Narrow(part);
                        a10 = Add(f, x0, a10);
                        a11 = Add(f, x1, a11);
                        a12 = Add(f, x2, a12);
                        a13 = Add(f, x3, a13);
                    }
                }
                if (Columns != wholeBlocks * T.Length)
                {
                    (a00, a01, a02, a03) = (AddRest(w0, x0, a00), AddRest(w0, x1, a01), AddRest(w0, x2, a02), AddRest(w0, x3, a03));
                    (a10, a11, a12, a13) = (AddRest(w1, x0, a10), AddRest(w1, x1, a11), AddRest(w1, x2, a12), AddRest(w1, x3, a13));
                }
                Put(m, n, end, a00, a10);
                if (rows > 1) Put(m + 1, n, end, a01, a11);
                if (rows > 2) Put(m + 2, n, end, a02, a12);
                if (rows > 3) Put(m + 3, n, end, a03, a13);
            }
        }
    }

    void Put(int m, int n, int end, Vector256<float> first, Vector256<float> next)
    {
        float* to = y + m * (nint)Rows + n;
        to[0] = Sum(first);
        if (n + 1 < end) to[1] = Sum(next);
    }

    /// <summary>Two rows of weights with four of x: eight sums, and four factors at a time.</summary>
    void MultiplyFewWide(int first, int end)
    {
        nint inRow = RowBytes;
        for (int n = first; n < end; n += 2)
        {
            byte* row0 = Weights + n * inRow, row1 = n + 1 < end ? row0 + inRow : row0;
            for (int m = 0; m < rowsOfX; m += 4)
            {
                // Rows beyond the end are the last one again; what they give is dropped.
                int rows = Math.Min(4, rowsOfX - m);
                byte* w0 = row0, w1 = row1;
                float* x0 = x + m * xStride, x1 = rows > 1 ? x0 + xStride : x0, x2 = rows > 2 ? x1 + xStride : x1, x3 = rows > 3 ? x2 + xStride : x2;
                Vector512<float> a00 = default, a01 = default, a02 = default, a03 = default, a10 = default, a11 = default, a12 = default, a13 = default;
                for (int b = wholeBlocks; b > 0; b--, w0 += T.Bytes, w1 += T.Bytes)
                {
                    if (m == 0) Fetch(w0, w1, 2 * inRow);
                    T b0 = T.Open(w0), b1 = T.Open(w1);
                    for (int part = 0; part < T.Length / 32; part++, x0 += 32, x1 += 32, x2 += 32, x3 += 32)
                    {
                        var f = b0.Wide(part);
                        a00 = Add(f, x0, a00);
                        a01 = Add(f, x1, a01);
                        a02 = Add(f, x2, a02);
                        a03 = Add(f, x3, a03);
                        f = b1.Wide(part);
                        a10 = Add(f, x0, a10);
                        a11 = Add(f, x1, a11);
                        a12 = Add(f, x2, a12);
                        a13 = Add(f, x3, a13);
                    }
                }
                if (Columns != wholeBlocks * T.Length)
                {
                    (a00, a01, a02, a03) = (AddRest(w0, x0, a00), AddRest(w0, x1, a01), AddRest(w0, x2, a02), AddRest(w0, x3, a03));
                    (a10, a11, a12, a13) = (AddRest(w1, x0, a10), AddRest(w1, x1, a11), AddRest(w1, x2, a12), AddRest(w1, x3, a13));
                }
                Put(m, n, end, a00, a10);
                if (rows > 1) Put(m + 1, n, end, a01, a11);
                if (rows > 2) Put(m + 2, n, end, a02, a12);
                if (rows > 3) Put(m + 3, n, end, a03, a13);
            }
        }
    }

    void Put(int m, int n, int end, Vector512<float> first, Vector512<float> next)
    {
        float* to = y + m * (nint)Rows + n;
        to[0] = Sum(first);
        if (n + 1 < end) to[1] = Sum(next);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<float> Add(in Floats f, float* x, Vector256<float> sum)
    {
        sum = Vector256.FusedMultiplyAdd(f.A, Vector256.Load(x), sum);
        sum = Vector256.FusedMultiplyAdd(f.B, Vector256.Load(x + 8), sum);
        sum = Vector256.FusedMultiplyAdd(f.C, Vector256.Load(x + 16), sum);
        return Vector256.FusedMultiplyAdd(f.D, Vector256.Load(x + 24), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Add(in WideFloats f, float* x, Vector512<float> sum) =>
        Vector512.FusedMultiplyAdd(f.B, Vector512.Load(x + 16), Vector512.FusedMultiplyAdd(f.A, Vector512.Load(x), sum));

    Vector256<float> AddRest(byte* from, float* x, Vector256<float> sum)
    {
        byte* rest = stackalloc byte[T.Bytes];
        return Add(T.Open(CopyRest(from, rest)).Narrow(0), x, sum);
    }

    Vector512<float> AddRest(byte* from, float* x, Vector512<float> sum)
    {
        byte* rest = stackalloc byte[T.Bytes];
        return Add(T.Open(CopyRest(from, rest)).Wide(0), x, sum);
    }

    /// <summary>Asks for what the next rows have here: rows are too short for the processor to see far ahead in each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Fetch(byte* w0, byte* w1, byte* w2, byte* w3, nint ahead)
    {
        Fetch(w0, w1, ahead);
        Fetch(w2, w3, ahead);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Fetch(byte* w0, byte* w1, nint ahead)
    {
        if (!Sse.IsSupported) return;
        for (int i = 0; i < T.Bytes; i += 64)
        {
            Sse.Prefetch0(w0 + ahead + i);
            Sse.Prefetch0(w1 + ahead + i);
        }
    }

    /// <summary>The plain numbers of a row behind its last whole block, then zeros.</summary>
    byte* CopyRest(byte* from, byte* to)
    {
        var target = new Span<byte>(to, T.Bytes);
        target.Clear();
        new ReadOnlySpan<byte>(from, (int)(RowBytes - (nint)wholeBlocks * T.Bytes)).CopyTo(target);
        return to;
    }

    protected override void DecodeStretch(int row, int k, int count, float* target)
    {
        byte* rest = stackalloc byte[T.Bytes];
        byte* at = Weights + row * RowBytes + k / T.Length * T.Bytes;
        // The row's next stretch, or the first of the row as many rows on as are decoded together, is decoded after so many others that the processor does not look for it.
        nint ahead = k + Stretch < Columns ? (nint)Stretch / T.Length * T.Bytes : PanelRows * RowBytes - k / T.Length * T.Bytes;
        for (int b = k / T.Length; count > 0; b++, at += T.Bytes, count -= T.Length)
        {
            if (Sse.IsSupported)
                for (int i = 0; i < T.Bytes; i += 64) Sse.Prefetch1(at + ahead + i);
            var block = T.Open(b < wholeBlocks ? at : CopyRest(at, rest));
            for (int part = 0; part < T.Length / 32; part++, target += 32)
            {
                var f = block.Narrow(part);
                f.A.Store(target);
                f.B.Store(target + 8);
                f.C.Store(target + 16);
                f.D.Store(target + 24);
            }
        }
    }

    internal override void DecodeTiles(int row, int k, int count, byte* target)
    {
        byte* rest = stackalloc byte[T.Bytes];
        byte* at = Weights + row * RowBytes + k / T.Length * T.Bytes;
        for (int b = k / T.Length; count > 0; b++, at += T.Bytes, count -= T.Length)
        {
            byte* from = b < wholeBlocks ? at : CopyRest(at, rest);
            if (typeof(T) == typeof(BrainFloats))
            {
                Unsafe.CopyBlockUnaligned(target, from, EmulatedTiles.RowBytes); // as they are
                target += EmulatedTiles.StepBytes;
                continue;
            }
            var block = T.Open(from);
            for (int part = 0; part < T.Length / 32; part++, target += EmulatedTiles.StepBytes)
            {
                if (Avx512BW.IsSupported)
                {
                    var w = block.Wide(part);
                    // The upper halves of both vectors' numbers.
                    Avx512BW.PermuteVar32x16x2(Rounded(w.A).AsUInt16(), (Vector512<ushort>.Indices << 1) | Vector512<ushort>.One, Rounded(w.B).AsUInt16()).Store((ushort*)target);
                }
                else
                {
                    var f = block.Narrow(part);
                    Put(f.A, target);
                    Put(f.B, target + 16);
                    Put(f.C, target + 32);
                    Put(f.D, target + 48);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector512<float> Rounded(Vector512<float> v) => VectorMemory<float, Narrow.BF16>.Round(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Put(Vector256<float> v, byte* to) => VectorMemory<float, Narrow.BF16>.Store(VectorMemory<float, Narrow.BF16>.Round(v), (nint)to);
}
