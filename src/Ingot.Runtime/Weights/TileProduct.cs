using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ingot.Runtime.Weights;

/// <summary>Addresses of the routines of a matrix unit, or of what takes its place and has no tiles: <see cref="EmulatedTiles"/> says what they do.</summary>
public readonly record struct TileRoutines(nint Configure, nint Release, nint MultiplyBf16, bool HaveTiles);

/// <summary>
/// Products of many rows of floats with stored weights on the matrix unit: y (M, N) = x (M, K) times the transpose of W (N, K). Both are rounded to bf16, products are added up in
/// float32.
/// </summary>
/// <remarks>
/// Weights are the left factor, as their rows lie along K like those of the unit's left tiles: a decoded row is put down 64 bytes a step, and nothing is transposed but x, once, and the results.
/// A thread decodes some panels of 32 rows into half of its second-level cache and passes all panels of x over them. Each result adds up its k in steps of 32, in order, and
/// a column of a tile is nothing to its neighbours, so a row's results have the same bits whatever rows are computed with it, and wherever blocks end.
/// </remarks>
public sealed unsafe class TileProduct : IChunkWork
{
    const int Side = EmulatedTiles.Side, StepBytes = EmulatedTiles.StepBytes, BlockFloats = Side * Side;

    /// <summary>Values of k in a step.</summary>
    const int StepDepth = 32;

    /// <summary>Bytes that a value of k takes in a panel of 32 rows.</summary>
    const int Column = StepBytes / StepDepth;

    /// <summary>Values of k that panels are multiplied over at a time: 16 KB of x stay in the first-level cache while panels of weights pass. No block of weights is longer.</summary>
    const int Depth = 256;

    /// <summary>Panels of weights that are decoded before x passes them: x then streams with two bytes for 256 multiply-adds, which the unit does in half a cycle.</summary>
    const int MostPanels = 8;

    /// <summary>Rows of x that are packed at a time.</summary>
    const int Group = 8;

    readonly WeightProduct weights;
    readonly int rows, columns, paddedColumns, panels;

    /// <summary>Scratch of each worker. One job runs at a time, so all products share it.</summary>
    static readonly Storage?[] Scratch = new Storage?[WorkerPool.MaxThreads];

    /// <summary>The packed x of the calling thread's job.</summary>
    [ThreadStatic] static Storage? packed;

    // The job that runs.
    TileRoutines unit;
    float* x, y;
    byte* packedX;
    int rowsOfX, panelsOfX, panelsInChunk, depthInChunk, panelsInBlock;
    bool isPacking;

    /// <param name="weights">W; kept alive.</param>
    public TileProduct(WeightProduct weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        (this.weights, rows, columns, paddedColumns) = (weights, weights.Rows, weights.Columns, weights.PaddedColumns);
        panels = (rows + Side - 1) / Side;
    }

    /// <summary>Computes y. Not by two threads at once.</summary>
    /// <param name="x">(M, K), dense.</param>
    /// <param name="m">M.</param>
    /// <param name="y">(M, N), dense; overwritten.</param>
    /// <param name="unit">What multiplies tiles.</param>
    public void Run(nint x, int m, nint y, TileRoutines unit)
    {
        if (m == 0 || rows == 0) return;
        this.x = (float*)x;
        this.y = (float*)y;
        this.unit = unit;
        (rowsOfX, panelsOfX) = (m, (m + Side - 1) / Side);
        long bytes = panelsOfX * PanelBytes;
        var memory = packed is { } p && p.Bytes >= bytes ? p : packed = Storage.Allocate(bytes);
        packedX = (byte*)memory.Address;

        panelsInChunk = Math.Clamp(panels / (4 * WorkerPool.Threads), 1, MostPanels);
        // A quarter of the second-level cache for decoded weights, another for results that wait for the rest of k.
        long quarter = Math.Max(Cpu.Caches.L2 / 4, 64 << 10);
        depthInChunk = (int)Math.Clamp(quarter / (panelsInChunk * Column) / Depth * Depth, Depth, (paddedColumns + Depth - 1) / Depth * Depth);
        panelsInBlock = (int)Math.Clamp(quarter / (panelsInChunk * BlockFloats * sizeof(float)), 1, panelsOfX);

        isPacking = true;
        WorkerPool.Run(this, (m + Group - 1) / Group);
        isPacking = false;
        WorkerPool.Run(this, (panels + panelsInChunk - 1) / panelsInChunk);
        GC.KeepAlive(memory);
        GC.KeepAlive(weights);
    }

    /// <summary>Of a panel of x.</summary>
    long PanelBytes => (long)paddedColumns * Column;

    public void Run(int chunk, int worker)
    {
        if (isPacking) Pack(chunk * Group);
        else Multiply(chunk * panelsInChunk, Math.Min(panelsInChunk, panels - chunk * panelsInChunk), worker);
    }

    /// <summary>Eight rows of x as columns of the unit's right tiles: 16 words of two values down a column, 16 columns a tile. What lies in columns of no row is dropped in the end.</summary>
    [SkipLocalsInit]
    void Pack(int first)
    {
        const int Words = 8, Values = 2 * Words;
        ushort* rounded = stackalloc ushort[Group * Values];
        float* rest = stackalloc float[Values];
        new Span<ushort>(rounded, Group * Values).Clear();
        int count = Math.Min(Group, rowsOfX - first), column = first % Side;
        byte* to = packedX + first / Side * PanelBytes + column / 16 * (StepBytes / 2) + column % 16 * sizeof(uint);
        for (int k = 0; k < paddedColumns; k += Values)
        {
            for (int i = 0; i < count; i++)
            {
                float* from = x + (nint)(first + i) * columns + k;
                if (k + Values > columns)
                {
                    new Span<float>(rest, Values).Clear();
                    if (k < columns) new ReadOnlySpan<float>(from, columns - k).CopyTo(new(rest, Values));
                    from = rest;
                }
                Round(from, rounded + i * Values);
                Round(from + 8, rounded + i * Values + 8);
            }
            Square.Turn((byte*)rounded, Values * sizeof(ushort), to + k / StepDepth * StepBytes + k % StepDepth / 2 * EmulatedTiles.RowBytes, EmulatedTiles.RowBytes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Round(float* from, ushort* to) => VectorMemory<float, Narrow.BF16>.Store(VectorMemory<float, Narrow.BF16>.Round(Vector256.Load(from)), (nint)to);

    void Multiply(int first, int count, int worker)
    {
        long panelBytes = (long)depthInChunk * Column, need = count * (panelBytes + (long)panelsInBlock * BlockFloats * sizeof(float));
        if (Scratch[worker] is not { } scratch || scratch.Bytes < need) Scratch[worker] = scratch = Storage.Allocate(need);
        var decoded = (byte*)scratch.Address;
        var results = (float*)(decoded + count * panelBytes);
        var multiply = (delegate*<nint, nint, nint, long, long, void>)unit.MultiplyBf16;
        if (unit.HaveTiles) SignalStack.Prepare();
        ((delegate*<void>)unit.Configure)();
        for (int from = 0; from < panelsOfX; from += panelsInBlock)
        {
            int block = Math.Min(panelsInBlock, panelsOfX - from);
            for (int k = 0; k < paddedColumns; k += depthInChunk)
            {
                int depth = Math.Min(depthInChunk, paddedColumns - k);
                if (from == 0 || depth < paddedColumns) Decode(first, count, k, depth, decoded, panelBytes);
                for (int d = 0; d < depth; d += Depth)
                {
                    int steps = Math.Min(Depth, depth - d) / StepDepth;
                    for (int j = 0; j < block; j++)
                        for (int i = 0; i < count; i++)
                            multiply((nint)(decoded + i * panelBytes + d * Column), (nint)(packedX + (from + j) * PanelBytes + (k + d) * Column), (nint)(results + (j * count + i) * BlockFloats), steps, k + d > 0 ? 1 : 0);
                }
            }
            for (int j = 0; j < block; j++)
                for (int i = 0; i < count; i++) Store(results + (j * count + i) * BlockFloats, (first + i) * Side, (from + j) * Side);
        }
        ((delegate*<void>)unit.Release)();
        GC.KeepAlive(scratch);
    }

    /// <summary>Panels of the unit's left tiles: a step has 32 rows of 32 values. What lies in rows beyond the last is dropped in the end.</summary>
    void Decode(int first, int count, int k, int depth, byte* decoded, long panelBytes)
    {
        int end = Math.Min(rows, (first + count) * Side);
        for (int n = first * Side; n < end; n++)
            weights.DecodeTiles(n, k, depth, decoded + (n / Side - first) * panelBytes + n % Side * EmulatedTiles.RowBytes);
    }

    /// <summary>A block of 32 rows of weights by 32 of x, turned into y.</summary>
    void Store(float* block, int n, int m)
    {
        int inN = Math.Min(Side, rows - n), inM = Math.Min(Side, rowsOfX - m);
        float* to = y + m * (nint)rows + n;
        for (int c = 0; c < inM; c += 8)
            for (int r = 0; r < inN; r += 8)
            {
                if (c + 8 <= inM && r + 8 <= inN)
                {
                    Square.Turn((byte*)(block + r * Side + c), Side * sizeof(float), (byte*)(to + c * (nint)rows + r), (nint)rows * sizeof(float));
                    continue;
                }
                for (int i = c; i < Math.Min(c + 8, inM); i++)
                    for (int j = r; j < Math.Min(r + 8, inN); j++) to[i * (nint)rows + j] = block[j * Side + i];
            }
    }
}
