using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ingot.Runtime.Weights;

/// <summary>
/// Products with quantized weights in integers: each 32 values of x are rounded to 8 bits with a scale of their own, and multiplied with the weights' codes exactly.
/// </summary>
/// <remarks>
/// A result is the sum over the blocks of 32 in order, of (sum of the codes' products) * (scale of the weights * scale of x), and where codes have an offset, of offset * (sum of
/// these x): two fused additions a block. Sums inside a block are integers and exact, so it does not matter how a kernel takes them: one row reads eight rows of weights side by side, with
/// lanes along K, in bytes, and joins the lanes; several rows share panels with a row of weights in each lane. Both give the same bits, at every level of vectors.
/// </remarks>
public abstract unsafe class IntegerProduct : IChunkWork
{
    /// <summary>Rows of weights in the lanes of a vector.</summary>
    protected const int Lanes = 8;

    /// <summary>Values in a large block.</summary>
    protected const int Stretch = 256;

    /// <summary>Up to so many rows of x are taken one by one, as packing weights would take longer.</summary>
    const int FewRows = 2;

    /// <summary>Groups of eight rows that are packed before rows of x pass them.</summary>
    const int Groups = 4;

    /// <summary>Bytes of x's codes that stay in the second-level cache while panels pass them.</summary>
    const int BlockBytes = 160 << 10;

    readonly Storage weights;
    readonly nint rowBytes;

    /// <summary>Scratch of each worker. One job runs at a time, so all products share it.</summary>
    static readonly Storage?[] Scratch = new Storage?[WorkerPool.MaxThreads];

    /// <summary>The rounded x of the calling thread's job.</summary>
    [ThreadStatic] static Storage? rounded;

    // The job that runs: codes of x row by row, and for each row its blocks' scales, then what offsets are multiplied with.
    float* x, y;
    int rowsOfX, rowsInChunk;
    bool isRounding;
    byte* codesOfX;
    float* scalesOfX;

    protected IntegerProduct(Storage weights, int rows, int columns, long rowBytes)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfLessThan(weights.Bytes, rows * rowBytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(columns % 32, 0);
        (this.weights, Rows, Columns, this.rowBytes) = (weights, rows, columns, (nint)rowBytes);
    }

    /// <summary>Whether this processor has the instructions.</summary>
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported && Cpu.Level >= IsaLevel.Avx2;

    public int Rows { get; }
    public int Columns { get; }
    protected int Blocks => Columns / 32;
    protected nint RowBytes => rowBytes;

    /// <summary>Computes y. Not by two threads at once.</summary>
    /// <param name="x">(M, K), dense.</param>
    /// <param name="m">M.</param>
    /// <param name="y">(M, N), dense; overwritten.</param>
    public void Run(nint x, int m, nint y)
    {
        if (m == 0 || Rows == 0) return;
        this.x = (float*)x;
        this.y = (float*)y;
        rowsOfX = m;
        long codes = ((long)m * Columns + 63) & ~63L, bytes = codes + (long)m * Blocks * 2 * sizeof(float);
        var memory = rounded is { } r && r.Bytes >= bytes ? r : rounded = Storage.Allocate(bytes);
        codesOfX = (byte*)memory.Address;
        scalesOfX = (float*)(codesOfX + codes);
        if (m == 1) Round(0);
        else
        {
            isRounding = true;
            WorkerPool.Run(this, m);
            isRounding = false;
        }
        int least = (int)Math.Clamp((64L << 10) / rowBytes, 1, Math.Max(1, Rows / (4 * WorkerPool.Threads)));
        rowsInChunk = m <= FewRows ? (least + Lanes - 1) / Lanes * Lanes : Groups * Lanes;
        WorkerPool.Run(this, (Rows + rowsInChunk - 1) / rowsInChunk);
        GC.KeepAlive(weights);
        GC.KeepAlive(memory);
    }

    public void Run(int chunk, int worker)
    {
        if (isRounding)
        {
            Round(chunk);
            return;
        }
        int first = chunk * rowsInChunk, end = Math.Min(Rows, first + rowsInChunk);
        if (rowsOfX <= FewRows)
            for (int n = first; n < end; n += Lanes)
            {
                byte* rows = EightFrom(n, n + Lanes <= end ? null : Room(worker, Lanes * rowBytes));
                for (int m = 0; m < rowsOfX; m++)
                    Store(MultiplyRow(rows, codesOfX + m * (nint)Columns, scalesOfX + m * (nint)(2 * Blocks)), y + m * (nint)Rows + n, end - n);
            }
        else MultiplyBlocks(first, end, worker);
    }

    /// <summary>The results of eight rows of weights with one row of x, of which codes are bytes.</summary>
    protected abstract Vector256<float> MultiplyRow(byte* rows, byte* codesOfX, float* scalesOfX);

    /// <summary>Floats beside the codes of 32 values of a panel.</summary>
    protected abstract int ScalesInBlock { get; }

    /// <summary>Eight rows of weights with a row in each lane: four bytes of codes, block by block; and for each block eight scales, and what else belongs to it.</summary>
    protected abstract void Pack(byte* rows, byte* panel, float* scales);

    /// <summary>A panel with four rows of x.</summary>
    protected abstract void MultiplyTile(byte* panel, float* scales, byte* codesOfX, float* scalesOfX, float* y, int count);

    /// <summary>A panel with one row of x.</summary>
    protected abstract Vector256<float> MultiplyOne(byte* panel, float* scales, byte* codesOfX, float* scalesOfX);

    protected static void Store(Vector256<float> v, float* y, int count)
    {
        if (count >= Lanes) v.Store(y);
        else
            for (int i = 0; i < count; i++) y[i] = v[i];
    }

    /// <summary>Eight rows of weights: where they lie, or the last, fewer, copied with zeros after them.</summary>
    byte* EightFrom(int n, byte* room)
    {
        byte* at = (byte*)weights.Address + n * rowBytes;
        if (n + Lanes <= Rows) return at;
        nint there = (Rows - n) * rowBytes;
        Buffer.MemoryCopy(at, room, Lanes * rowBytes, there);
        new Span<byte>(room + there, (int)(Lanes * rowBytes - there)).Clear();
        return room;
    }

    static byte* Room(int worker, nint bytes)
    {
        if (Scratch[worker] is not { } scratch || scratch.Bytes < bytes) Scratch[worker] = scratch = Storage.Allocate(bytes);
        return (byte*)scratch.Address;
    }

    void MultiplyBlocks(int first, int end, int worker)
    {
        nint panelBytes = (nint)Columns * Lanes, scaleCount = (nint)Blocks * ScalesInBlock;
        byte* panels = Room(worker, Groups * (panelBytes + scaleCount * sizeof(float)) + Lanes * rowBytes);
        float* scales = (float*)(panels + Groups * panelBytes);
        byte* room = (byte*)(scales + Groups * scaleCount);
        for (int n = first, g = 0; n < end; n += Lanes, g++) Pack(EightFrom(n, room), panels + g * panelBytes, scales + g * scaleCount);
        nint xScales = (nint)Blocks * 2;
        int block = Math.Max(4, BlockBytes / Columns & ~3);
        for (int from = 0; from < rowsOfX; from += block)
        {
            int stop = Math.Min(rowsOfX, from + block);
            for (int n = first, g = 0; n < end; n += Lanes, g++)
            {
                byte* panel = panels + g * panelBytes;
                float* panelScales = scales + g * scaleCount;
                int m = from;
                for (; m + 4 <= stop; m += 4) MultiplyTile(panel, panelScales, codesOfX + m * (nint)Columns, scalesOfX + m * xScales, y + m * (nint)Rows + n, end - n);
                for (; m < stop; m++) Store(MultiplyOne(panel, panelScales, codesOfX + m * (nint)Columns, scalesOfX + m * xScales), y + m * (nint)Rows + n, end - n);
            }
        }
    }

    /// <summary>A row of x: codes of 8 bits, the scale of each 32, and the scaled sum of their codes. What is not finite makes its block's scale so.</summary>
    void Round(int m)
    {
        float* from = x + (nint)m * Columns, scales = scalesOfX + (nint)m * 2 * Blocks;
        byte* to = codesOfX + (nint)m * Columns;
        for (int b = 0; b < Blocks; b++, from += 32)
        {
            Vector256<float> v0 = Vector256.Load(from), v1 = Vector256.Load(from + 8), v2 = Vector256.Load(from + 16), v3 = Vector256.Load(from + 24);
            var most = Vector256.Max(Vector256.Max(Vector256.Abs(v0), Vector256.Abs(v1)), Vector256.Max(Vector256.Abs(v2), Vector256.Abs(v3)));
            var half = Vector128.Max(most.GetLower(), most.GetUpper());
            half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
            float largest = MathF.Max(half[0], half[1]), inverse = largest == 0 ? 0 : 127 / largest;
            var by = Vector256.Create(inverse);
            Vector256<int> c0 = Avx.ConvertToVector256Int32(v0 * by), c1 = Avx.ConvertToVector256Int32(v1 * by), c2 = Avx.ConvertToVector256Int32(v2 * by), c3 = Avx.ConvertToVector256Int32(v3 * by);
            float scale = largest / 127;
            scales[b] = scale;
            scales[Blocks + b] = scale * Vector256.Sum(c0 + c1 + (c2 + c3));
            Vector256.Narrow(Vector256.Narrow(c0, c1), Vector256.Narrow(c2, c3)).Store((sbyte*)to + 32 * b);
        }
    }

    /// <summary>Asks for what the next eight rows have here: rows are too short for the processor to see far ahead in each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void Fetch(byte* at, int bytes)
    {
        for (int i = 0; i < bytes; i += 64) Sse.Prefetch0(at + Lanes * rowBytes + i);
    }

    /// <summary>The halves of eight rows so far apart: four from each address on. They are put together by shifts, as vectors have enough to do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static Vector256<float> HalvesAt(byte* at, byte* at4, nint s, nint s3)
    {
        return Halves.Eight(Vector128.Create(Four(at, s, s3), Four(at4, s, s3)).AsInt16());

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static ulong Four(byte* at, nint s, nint s3) => *(ushort*)at | ((ulong)*(ushort*)(at + s) << 16) | ((ulong)*(ushort*)(at + 2 * s) << 32) | ((ulong)*(ushort*)(at + s3) << 48);
    }

    /// <summary>The sums of the eight vectors' lanes, a vector a lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static Vector256<int> Join(Vector256<int> v0, Vector256<int> v1, Vector256<int> v2, Vector256<int> v3, Vector256<int> v4, Vector256<int> v5, Vector256<int> v6, Vector256<int> v7) =>
        Pairs(Pairs(Ends(v0, v4), Ends(v1, v5)), Pairs(Ends(v2, v6), Ends(v3, v7)));

    /// <summary>The halves of a vector added, and those of another after them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static Vector256<int> Ends(Vector256<int> a, Vector256<int> b) => Avx2.Blend(a, b, 0xF0) + Avx2.Permute2x128(a, b, 0x21);

    /// <summary>The sums of the eight vectors' first four lanes and of their last four, a vector a lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static void Join(
        Vector256<int> v0, Vector256<int> v1, Vector256<int> v2, Vector256<int> v3, Vector256<int> v4, Vector256<int> v5, Vector256<int> v6, Vector256<int> v7,
        out Vector256<int> first, out Vector256<int> last)
    {
        Vector256<int> a = Pairs(Pairs(v0, v1), Pairs(v2, v3)), b = Pairs(Pairs(v4, v5), Pairs(v6, v7));
        (first, last) = (Avx2.Permute2x128(a, b, 0x20), Avx2.Permute2x128(a, b, 0x31));
    }

    /// <summary>Sums of neighbours, as a horizontal addition gives them, in fewer steps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<int> Pairs(Vector256<int> a, Vector256<int> b) =>
        Avx.Shuffle(a.AsSingle(), b.AsSingle(), 0x88).AsInt32() + Avx.Shuffle(a.AsSingle(), b.AsSingle(), 0xDD).AsInt32();
}
