using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime.Weights;

/// <summary>
/// Products of rows of floats with a matrix of weights that stays in memory as it is stored: y (M, N) = x (M, K) times the transpose of W (N, K).
/// </summary>
/// <remarks>
/// Each result is a sum in vectors along K: lane l adds up the products at l, l + lanes, ... in order, fused, and the lanes are joined in a fixed tree at the end. One row reads
/// weights into registers and uses them there; several rows share stretches that are decoded once, into the cache. Both add the same numbers in the same order, so a row's results
/// have the same bits whatever is computed with it, by any number of threads. The number of lanes, 8 or 16, belongs to the level of vectors.
/// </remarks>
public abstract unsafe class WeightProduct : IChunkWork
{
    /// <summary>Weights of a row that are decoded at a time: four rows of it and what multiplies them fit the first-level cache.</summary>
    protected const int Stretch = 512;

    /// <summary>Rows of weights that are decoded at a time; a multiple of those in a tile.</summary>
    protected const int PanelRows = 32;

    /// <summary>Rows of x that a decoded panel is multiplied with before the next: their stretches and the sums under way fit the second-level cache.</summary>
    protected const int BlockRows = 120;

    /// <summary>Rows of weights that are read side by side for one row of x, and rows of a tile.</summary>
    protected const int Together = 4;

    /// <summary>Up to so many rows of x weights are decoded for each four of them, in registers: to put a panel into the cache and read it again would take longer.</summary>
    const int FewRows = 4;

    readonly Storage weights;
    Storage? padded;

    /// <summary>Scratch of each worker. One job runs at a time, so all products share it.</summary>
    static readonly Storage?[] Scratch = new Storage?[WorkerPool.MaxThreads];

    // The job that runs.
    protected float* x, y;
    protected int rowsOfX, rowsInChunk;
    protected nint xStride;
    protected bool isWide;

    protected WeightProduct(Storage weights, int rows, int columns, long rowBytes)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfLessThan(weights.Bytes, rows * rowBytes);
        (this.weights, Rows, Columns, RowBytes) = (weights, rows, columns, (nint)rowBytes);
    }

    /// <summary>N.</summary>
    public int Rows { get; }

    /// <summary>K.</summary>
    public int Columns { get; }

    /// <summary>Bytes of a row of weights.</summary>
    protected nint RowBytes { get; }

    /// <summary>K up to a multiple of 32.</summary>
    protected internal int PaddedColumns => (Columns + 31) & ~31;

    protected byte* Weights => (byte*)weights.Address;

    /// <summary>Computes y. Not by two threads at once.</summary>
    /// <param name="x">(M, K), dense.</param>
    /// <param name="m">M.</param>
    /// <param name="y">(M, N), dense; overwritten.</param>
    public void Run(nint x, int m, nint y)
    {
        if (m == 0 || Rows == 0) return;
        this.x = (float*)x;
        this.y = (float*)y;
        (rowsOfX, xStride, isWide) = (m, Columns, Cpu.Level >= IsaLevel.Avx512);
        if (PaddedColumns != Columns) Pad();
        // Chunks of 64 KB of weights or more, but at least some for each thread to choose from.
        long least = Math.Max(1, (64L << 10) / RowBytes);
        rowsInChunk = m <= FewRows ? (int)Math.Clamp(least, 1, Math.Max(1, Rows / (4 * WorkerPool.Threads))) : PanelRows;
        rowsInChunk = (rowsInChunk + Together - 1) / Together * Together;
        WorkerPool.Run(this, (Rows + rowsInChunk - 1) / rowsInChunk);
        GC.KeepAlive(weights);
        GC.KeepAlive(padded);
    }

    /// <summary>Writes rows of weights as floats.</summary>
    /// <param name="row">The row.</param>
    /// <param name="target">Room for K floats.</param>
    public void Decode(int row, Span<float> target)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)Rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Length, Columns);
        float* values = stackalloc float[Stretch];
        for (int k = 0; k < Columns; k += Stretch)
        {
            int count = Math.Min(Stretch, Columns - k);
            DecodeStretch(row, k, (count + 31) & ~31, values);
            new ReadOnlySpan<float>(values, count).CopyTo(target[k..]);
        }
        GC.KeepAlive(weights);
    }

    public void Run(int chunk, int worker)
    {
        int first = chunk * rowsInChunk, end = Math.Min(Rows, first + rowsInChunk);
        if (rowsOfX == 1) MultiplyRow(first, end);
        else if (rowsOfX <= FewRows) MultiplyFew(first, end);
        else MultiplyBlocks(first, end, worker);
    }

    /// <summary>One row of x with rows of weights.</summary>
    protected abstract void MultiplyRow(int first, int end);

    /// <summary>A few rows of x with rows of weights.</summary>
    protected abstract void MultiplyFew(int first, int end);

    /// <summary>A stretch of a row, from a multiple of <see cref="Stretch"/>; zeros beyond its end.</summary>
    /// <param name="row">The row.</param>
    /// <param name="k">Where it begins.</param>
    /// <param name="count">A multiple of 32.</param>
    /// <param name="target">Room for so many.</param>
    protected abstract void DecodeStretch(int row, int k, int count, float* target);

    /// <summary>A part of a row rounded to bf16, 32 values (64 bytes) at a time, a step of tiles apart; zeros beyond the row's end.</summary>
    /// <param name="row">The row.</param>
    /// <param name="k">Where it begins: a multiple of 256.</param>
    /// <param name="count">A multiple of 32.</param>
    /// <param name="target">Where the first 32 go; the next go <see cref="EmulatedTiles.StepBytes"/> further.</param>
    internal abstract void DecodeTiles(int row, int k, int count, byte* target);

    void MultiplyBlocks(int first, int end, int worker)
    {
        int lanes = isWide ? 16 : 8;
        long panelBytes = PanelRows * Stretch * sizeof(float), sumBytes = (long)BlockRows * PanelRows * lanes * sizeof(float);
        if (Scratch[worker] is not { } scratch || scratch.Bytes < panelBytes + sumBytes) Scratch[worker] = scratch = Storage.Allocate(panelBytes + sumBytes);
        float* panel = (float*)scratch.Address, sums = panel + PanelRows * Stretch;
        int panels = (end - first + Together - 1) / Together * Together;
        for (int m = 0; m < rowsOfX; m += BlockRows)
        {
            int block = Math.Min(BlockRows, rowsOfX - m);
            for (int k = 0; k < PaddedColumns; k += Stretch)
            {
                int count = Math.Min(Stretch, PaddedColumns - k);
                for (int n = 0; n < panels; n++)
                    if (first + n < end) DecodeStretch(first + n, k, count, panel + n * Stretch);
                    else new Span<float>(panel + n * Stretch, count).Clear(); // rows of the last tile that are none
                for (int n = 0; n < panels; n += Together)
                {
                    if (isWide) WideTiles(panel + n * Stretch, x + m * xStride + k, block, count, k == 0, sums + n * lanes);
                    else NarrowTiles(panel + n * Stretch, x + m * xStride + k, block, count, k == 0, sums + n * lanes);
                }
            }
            for (int i = 0; i < block; i++)
                for (int n = first; n < end; n++)
                {
                    float* at = sums + ((nint)i * PanelRows + n - first) * lanes;
                    y[(m + i) * (nint)Rows + n] = isWide ? Sum(Vector512.Load(at)) : Sum(Vector256.Load(at));
                }
        }
        GC.KeepAlive(scratch);
    }

    /// <summary>Four rows of a panel with rows of x, three at a time: twelve sums, three factors and a fourth in the sixteen registers.</summary>
    void NarrowTiles(float* panel, float* from, int block, int count, bool isFirst, float* sums)
    {
        int i = 0;
        for (; i + 3 <= block; i += 3)
        {
            float* x0 = from + i * xStride, x1 = x0 + xStride, x2 = x1 + xStride, w0 = panel;
            float* s0 = sums + i * PanelRows * 8, s1 = s0 + PanelRows * 8, s2 = s1 + PanelRows * 8;
            Vector256<float> a00, a01, a02, a10, a11, a12, a20, a21, a22, a30, a31, a32;
            if (isFirst) a00 = a01 = a02 = a10 = a11 = a12 = a20 = a21 = a22 = a30 = a31 = a32 = default;
            else
            {
                (a00, a10, a20, a30) = (Vector256.Load(s0), Vector256.Load(s0 + 8), Vector256.Load(s0 + 16), Vector256.Load(s0 + 24));
                (a01, a11, a21, a31) = (Vector256.Load(s1), Vector256.Load(s1 + 8), Vector256.Load(s1 + 16), Vector256.Load(s1 + 24));
                (a02, a12, a22, a32) = (Vector256.Load(s2), Vector256.Load(s2 + 8), Vector256.Load(s2 + 16), Vector256.Load(s2 + 24));
            }
            for (float* stop = x0 + count; x0 < stop; x0 += 8, x1 += 8, x2 += 8, w0 += 8)
            {
                Vector256<float> v0 = Vector256.Load(x0), v1 = Vector256.Load(x1), v2 = Vector256.Load(x2), w = Vector256.Load(w0);
                a00 = Vector256.FusedMultiplyAdd(w, v0, a00);
                a01 = Vector256.FusedMultiplyAdd(w, v1, a01);
                a02 = Vector256.FusedMultiplyAdd(w, v2, a02);
                w = Vector256.Load(w0 + Stretch);
                a10 = Vector256.FusedMultiplyAdd(w, v0, a10);
                a11 = Vector256.FusedMultiplyAdd(w, v1, a11);
                a12 = Vector256.FusedMultiplyAdd(w, v2, a12);
                w = Vector256.Load(w0 + 2 * Stretch);
                a20 = Vector256.FusedMultiplyAdd(w, v0, a20);
                a21 = Vector256.FusedMultiplyAdd(w, v1, a21);
                a22 = Vector256.FusedMultiplyAdd(w, v2, a22);
                w = Vector256.Load(w0 + 3 * Stretch);
                a30 = Vector256.FusedMultiplyAdd(w, v0, a30);
                a31 = Vector256.FusedMultiplyAdd(w, v1, a31);
                a32 = Vector256.FusedMultiplyAdd(w, v2, a32);
            }
            a00.Store(s0); a10.Store(s0 + 8); a20.Store(s0 + 16); a30.Store(s0 + 24);
            a01.Store(s1); a11.Store(s1 + 8); a21.Store(s1 + 16); a31.Store(s1 + 24);
            a02.Store(s2); a12.Store(s2 + 8); a22.Store(s2 + 16); a32.Store(s2 + 24);
        }
        for (; i < block; i++)
        {
            float* x0 = from + i * xStride, w0 = panel, s0 = sums + i * PanelRows * 8;
            Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
            if (!isFirst) (a0, a1, a2, a3) = (Vector256.Load(s0), Vector256.Load(s0 + 8), Vector256.Load(s0 + 16), Vector256.Load(s0 + 24));
            for (float* stop = x0 + count; x0 < stop; x0 += 8, w0 += 8)
            {
                var v = Vector256.Load(x0);
                a0 = Vector256.FusedMultiplyAdd(Vector256.Load(w0), v, a0);
                a1 = Vector256.FusedMultiplyAdd(Vector256.Load(w0 + Stretch), v, a1);
                a2 = Vector256.FusedMultiplyAdd(Vector256.Load(w0 + 2 * Stretch), v, a2);
                a3 = Vector256.FusedMultiplyAdd(Vector256.Load(w0 + 3 * Stretch), v, a3);
            }
            a0.Store(s0); a1.Store(s0 + 8); a2.Store(s0 + 16); a3.Store(s0 + 24);
        }
    }

    /// <summary>Four rows of a panel with rows of x, five at a time: twenty sums in the thirty-two registers.</summary>
    void WideTiles(float* panel, float* from, int block, int count, bool isFirst, float* sums)
    {
        const int Row = PanelRows * 16;
        int i = 0;
        for (; i + 5 <= block; i += 5)
        {
            float* x0 = from + i * xStride, x1 = x0 + xStride, x2 = x1 + xStride, x3 = x2 + xStride, x4 = x3 + xStride, w0 = panel;
            Vector512<float> a00 = default, a01 = default, a02 = default, a03 = default, a04 = default, a10 = default, a11 = default, a12 = default, a13 = default, a14 = default;
            Vector512<float> a20 = default, a21 = default, a22 = default, a23 = default, a24 = default, a30 = default, a31 = default, a32 = default, a33 = default, a34 = default;
            float* s = sums + i * Row;
            if (!isFirst)
            {
                (a00, a10, a20, a30) = (Vector512.Load(s), Vector512.Load(s + 16), Vector512.Load(s + 32), Vector512.Load(s + 48));
                (a01, a11, a21, a31) = (Vector512.Load(s + Row), Vector512.Load(s + Row + 16), Vector512.Load(s + Row + 32), Vector512.Load(s + Row + 48));
                (a02, a12, a22, a32) = (Vector512.Load(s + 2 * Row), Vector512.Load(s + 2 * Row + 16), Vector512.Load(s + 2 * Row + 32), Vector512.Load(s + 2 * Row + 48));
                (a03, a13, a23, a33) = (Vector512.Load(s + 3 * Row), Vector512.Load(s + 3 * Row + 16), Vector512.Load(s + 3 * Row + 32), Vector512.Load(s + 3 * Row + 48));
                (a04, a14, a24, a34) = (Vector512.Load(s + 4 * Row), Vector512.Load(s + 4 * Row + 16), Vector512.Load(s + 4 * Row + 32), Vector512.Load(s + 4 * Row + 48));
            }
            for (float* stop = x0 + count; x0 < stop; x0 += 16, x1 += 16, x2 += 16, x3 += 16, x4 += 16, w0 += 16)
            {
                Vector512<float> v0 = Vector512.Load(x0), v1 = Vector512.Load(x1), v2 = Vector512.Load(x2), v3 = Vector512.Load(x3), v4 = Vector512.Load(x4), w = Vector512.Load(w0);
                a00 = Vector512.FusedMultiplyAdd(w, v0, a00);
                a01 = Vector512.FusedMultiplyAdd(w, v1, a01);
                a02 = Vector512.FusedMultiplyAdd(w, v2, a02);
                a03 = Vector512.FusedMultiplyAdd(w, v3, a03);
                a04 = Vector512.FusedMultiplyAdd(w, v4, a04);
                w = Vector512.Load(w0 + Stretch);
                a10 = Vector512.FusedMultiplyAdd(w, v0, a10);
                a11 = Vector512.FusedMultiplyAdd(w, v1, a11);
                a12 = Vector512.FusedMultiplyAdd(w, v2, a12);
                a13 = Vector512.FusedMultiplyAdd(w, v3, a13);
                a14 = Vector512.FusedMultiplyAdd(w, v4, a14);
                w = Vector512.Load(w0 + 2 * Stretch);
                a20 = Vector512.FusedMultiplyAdd(w, v0, a20);
                a21 = Vector512.FusedMultiplyAdd(w, v1, a21);
                a22 = Vector512.FusedMultiplyAdd(w, v2, a22);
                a23 = Vector512.FusedMultiplyAdd(w, v3, a23);
                a24 = Vector512.FusedMultiplyAdd(w, v4, a24);
                w = Vector512.Load(w0 + 3 * Stretch);
                a30 = Vector512.FusedMultiplyAdd(w, v0, a30);
                a31 = Vector512.FusedMultiplyAdd(w, v1, a31);
                a32 = Vector512.FusedMultiplyAdd(w, v2, a32);
                a33 = Vector512.FusedMultiplyAdd(w, v3, a33);
                a34 = Vector512.FusedMultiplyAdd(w, v4, a34);
            }
            a00.Store(s); a10.Store(s + 16); a20.Store(s + 32); a30.Store(s + 48);
            a01.Store(s + Row); a11.Store(s + Row + 16); a21.Store(s + Row + 32); a31.Store(s + Row + 48);
            a02.Store(s + 2 * Row); a12.Store(s + 2 * Row + 16); a22.Store(s + 2 * Row + 32); a32.Store(s + 2 * Row + 48);
            a03.Store(s + 3 * Row); a13.Store(s + 3 * Row + 16); a23.Store(s + 3 * Row + 32); a33.Store(s + 3 * Row + 48);
            a04.Store(s + 4 * Row); a14.Store(s + 4 * Row + 16); a24.Store(s + 4 * Row + 32); a34.Store(s + 4 * Row + 48);
        }
        for (; i < block; i++)
        {
            float* x0 = from + i * xStride, w0 = panel, s = sums + i * Row;
            Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
            if (!isFirst) (a0, a1, a2, a3) = (Vector512.Load(s), Vector512.Load(s + 16), Vector512.Load(s + 32), Vector512.Load(s + 48));
            for (float* stop = x0 + count; x0 < stop; x0 += 16, w0 += 16)
            {
                var v = Vector512.Load(x0);
                a0 = Vector512.FusedMultiplyAdd(Vector512.Load(w0), v, a0);
                a1 = Vector512.FusedMultiplyAdd(Vector512.Load(w0 + Stretch), v, a1);
                a2 = Vector512.FusedMultiplyAdd(Vector512.Load(w0 + 2 * Stretch), v, a2);
                a3 = Vector512.FusedMultiplyAdd(Vector512.Load(w0 + 3 * Stretch), v, a3);
            }
            a0.Store(s); a1.Store(s + 16); a2.Store(s + 32); a3.Store(s + 48);
        }
    }

    /// <summary>Rows of x with zeros behind them, up to a multiple of 32.</summary>
    void Pad()
    {
        long bytes = (long)rowsOfX * PaddedColumns * sizeof(float);
        if (padded is null || padded.Bytes < bytes) padded = Storage.Allocate(bytes);
        float* to = (float*)padded.Address;
        for (int m = 0; m < rowsOfX; m++)
        {
            new ReadOnlySpan<float>(x + (nint)m * Columns, Columns).CopyTo(new Span<float>(to + (nint)m * PaddedColumns, Columns));
            new Span<float>(to + (nint)m * PaddedColumns + Columns, PaddedColumns - Columns).Clear();
        }
        x = to;
        xStride = PaddedColumns;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static float Sum(Vector512<float> v) => Sum(v.GetLower() + v.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static float Sum(Vector256<float> v)
    {
        var half = v.GetLower() + v.GetUpper();
        half += Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1));
        return half[0] + half[1];
    }
}
