using System.Runtime.CompilerServices;
using Ingot.Codegen.Il;
using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>
/// The recipe for Reduce(Add) of a product whose factors range over different axes: matrix multiplication in all its layouts, convolution, einsum, their gradients.
/// GotoBLAS in the loop IR: operands that are not already in a fit layout are packed into panels (a stage of its own), a register tile of
/// rows x vectors accumulates along K in order, and whatever follows the sum in the graph runs on the tile.
/// Every row is accumulated in the same order whatever the number of rows.
/// </summary>
sealed partial class ContractionNest
{
    readonly KernelAst kernel;
    readonly Recipe recipe;
    readonly FreeRanges free = new();
    readonly Node fold;
    Node a, b;
    List<Node> batch, m, n;
    readonly List<Node> k;
    long bs, ms, ns;
    readonly long ks;
    readonly int lanes;
    readonly LoopNest nest;

    /// <summary>The kernel will be wanted at other sizes: what it looks like depends on them as little as may be, rather than be the best for each.</summary>
    readonly bool varies = CodeFamily.Current is not null;

    Node Size(long value, [CallerArgumentExpression(nameof(value))] string name = "") => varies ? Ir.Size(value, name) : Ir.Int(value);

    /// <summary>Whether tiles of so many need no end of their own, at this size and at others.</summary>
    bool IsWhole(long extent, long tile) => extent % tile == 0 && !varies;

    // The register tile.
    int rows, width, tileVectors;
    long rowTiles, columnTiles;
    Copy copyA, copyB;

    /// <summary>An operand is read where it is, or copied: all of it by a stage before, or what a thread is about to use, into scratch of its own.</summary>
    enum Copy { None, Whole, Block }

    /// <summary>The columns are where the results' unit stride is; else a finished tile is turned, or stored element by element.</summary>
    bool storesVectors;

    ContractionNest(KernelAst kernel, Node fold, Node a, Node b, int vectorBytes, Recipe recipe)
    {
        (this.kernel, this.fold, this.a, this.b, this.recipe) = (kernel, fold, a, b, recipe);
        k = [.. fold.src[1..]];
        ks = Product(k);
        batch = m = n = [];
        lanes = vectorBytes / 4;
        nest = new LoopNest { Name = kernel.Name, Slots = [.. kernel.Slots] };
    }

    /// <summary>Null if the kernel is not a contraction worth tiling.</summary>
    /// <param name="kernel">What is computed.</param>
    /// <param name="vectorBytes">Width of vectors.</param>
    /// <param name="hasMatrixUnit">Products of bf16 may go to the matrix unit.</param>
    /// <param name="recipe">The choices.</param>
    public static LoopNest? TryBuild(KernelAst kernel, int vectorBytes, bool hasMatrixUnit, Recipe recipe)
    {
        if (kernel.Steps is not [{ Inner: [], Running: null }]) return null;
        var gathers = new List<Phase>();
        kernel = DenseOperands.Of(kernel, gathers, vectorBytes, recipe);
        var step = kernel.Steps[0];
        var folds = Ir.All(kernel.Roots).Where(x => x.Op == Op.Fold).ToList();
        if (folds is not [{ DType: DType.F32 } fold] || Ir.FoldKind(fold) != Op.Add || Product(fold.src[0]) is not var (a, b)) return null;
        if (!step.Stores.TrueForAll(s => s.DType.Size == 4 || s.DType is DType.BF16 or DType.F16)) return null;
        var contraction = new ContractionNest(kernel, fold, a, b, vectorBytes, recipe);
        contraction.nest.Phases.AddRange(gathers);
        return (hasMatrixUnit ? contraction.OnMatrixUnit() : null) ?? contraction.Build();
    }

    /// <summary>The two factors; a guard goes to the factor it speaks about.</summary>
    internal static (Node, Node)? Product(Node value) => value switch
    {
        { Op: Op.Mul, src: [var a, var b] } when a != b => (a, b),
        { Op: Op.Where, src: [var c, { Op: Op.Mul, src: [var a, var b] }, { Const: 0.0 } zero] } =>
            a.Op == Op.Load && a.src.Length == 2 ? (a, b) : b.Op == Op.Load && b.src.Length == 2 ? (b, a) : (Ir.Scalar(Op.Where, a.DType, c, a, zero), b),
        _ => null,
    };

    LoopNest? Build()
    {
        var stores = kernel.Steps[0].Stores;
        var unit = kernel.Outer.Find(r => stores.TrueForAll(s => IndexMath.Of(s.Index).FactorOf(r) == 1));
        a = Unguarded(a);
        b = Unguarded(b);
        // Either factor may be the one whose values lie side by side in vectors; a product is the same number either way.
        var (cost, turned) = (Arrange(a, b, unit), Arrange(b, a, unit));
        if (cost is null && turned is null) return null;
        bool turn = recipe.Turn is { } asked ? asked != 0 && turned is not null || cost is null : turned < (cost ?? double.MaxValue);
        if (turn) (a, b) = (b, a);
        nest.Cycles = Arrange(a, b, unit) ?? 0;
        if (copyB == Copy.Whole) b = PackColumns(b);
        if (copyA == Copy.Whole) a = PackRows(a);
        Main(OncePerRow(stores));
        static string Text(string name, Copy copy) => copy switch { Copy.Whole => $", {name} packed", Copy.Block => $", {name} packed in blocks", _ => "" };
        nest.Recipe.Add($"contraction batch {bs}, {ms} x {ks} x {ns}; tile {rows} x {width}, blocks {rowBlock * rows} x {columnBlock * width}{Text("A", copyA)}{Text("B", copyB)}{(depthBlocks > 1 ? $", K in {depthBlocks}" : "")}");
        return nest;
    }

    /// <summary>Sets up rows from x and columns from y; returns about how many cycles a core would take, null if it cannot be done so.</summary>
    double? Arrange(Node x, Node y, Node? unit)
    {
        var (inX, inY) = (free.Of(x), free.Of(y));
        batch = kernel.Outer.FindAll(r => inX.Contains(r) == inY.Contains(r));
        m = kernel.Outer.FindAll(r => inX.Contains(r) && !inY.Contains(r));
        n = kernel.Outer.FindAll(r => inY.Contains(r) && !inX.Contains(r));
        if (batch.Exists(r => !inX.Contains(r))) return null;
        (bs, ms, ns) = (Product(batch), Product(m), Product(n));
        if (ns < lanes || ks < 8 || ms * ns * ks < 4096) return null;
        // Columns: the unit stride innermost.
        storesVectors = unit is null || n.Contains(unit);
        if (unit is not null && storesVectors) { n.Remove(unit); n.Add(unit); }
        turnsResults = !storesVectors && m.Count > 0 && m[^1] == unit && StoresAreFlat(m) && ms >= lanes;
        ChooseTile();
        bool mayReadB = ns % width == 0 && Ir.Extent(n[^1]) % width == 0 && (ms == 1 ? IsUnit(y, n[^1]) : IsUnitStride(y, n));
        if (ms == 1 && !mayReadB) return null; // a copy costs more than the product
        streamsB = mayReadB && rowTiles <= 2 && ks * ns * sizeof(float) > Cpu.Caches.L2;
        ChooseBlocks();
        // One of a batch is used by its own rows only. Else few rows want a copy that may be kept from run to run (Plan.Packs), many hardly notice that each block makes its own.
        copyB = Asked(recipe.PackB, mayReadB, mayReadB && (streamsB || ks * ns <= 16384 || rowTiles <= 2 || StaysWhereItIs(y)) ? Copy.None : rowBlocks == 1 && bs > 1 || rowTiles >= 32 && rowBlocks <= 4 && IsUnit(y, k[^1]) ? Copy.Block : Copy.Whole);
        copyA = Asked(recipe.PackA, IsPlainRead(x), IsPlainRead(x) && IsCheapRow(x) ? Copy.None : IsDearToRepeat(x) ? Copy.Whole : Copy.Block);
        const double vector = 0.5, single = 6; // cycles an element, by vectors and one by one
        double cycles = rowTiles * columnTiles * (double)ks * CyclesOfStep;
        if (copyA != Copy.None) cycles += ms * (double)ks * (IsUnitAlongK(x) || (ms > 1 && IsUnit(x, m[^1])) ? vector : single);
        if (copyB != Copy.None) cycles += ns * (double)ks * (IsUnitAlongK(y) || AlongColumns(y) ? vector : single);
        if (!storesVectors) cycles += ms * (double)ns * (turnsResults ? 1 : 10);
        return bs * cycles;
    }

    bool IsUnitAlongK(Node x) => AlongOne(x, null) is var (straight, axes, _) && IsUnit(straight, axes[^1]);

    /// <summary>Multiplications by one element of B that may stand in the innermost loop side by side: its code stays in the first-level cache.</summary>
    const int LongestUnrolled = 12;

    /// <summary>A vector that starts at a multiple of its length does not leave the innermost axis.</summary>
    bool HoldsVectors(List<Node> columns) => columns.Count == 1 || Ir.Extent(columns[^1]) % lanes == 0;

    /// <summary>
    /// Accumulators fill the registers but for a row of B and one element of A. 16 registers: 6 rows x 2 vectors; 32: 14 x 2.
    /// </summary>
    void ChooseTile()
    {
        SetTile(Math.Clamp(recipe.Vectors ?? (ms == 1 ? 4 : 2), 1, 4));
        if (recipe.Vectors is not null || recipe.Rows is not null || ms == 1 || varies) return;
        // A tile of 4 x 24 wastes less than one of 6 x 16 where it divides the product and the other does not.
        double cycles = rowTiles * columnTiles * CyclesOfStep;
        SetTile(3);
        if (ns % width != 0 || rowTiles * columnTiles * CyclesOfStep > 0.98 * cycles) SetTile(2);
    }

    void SetTile(int vectors)
    {
        int registers = lanes == 16 ? 32 : 16;
        tileVectors = vectors;
        while (ms == 1 && tileVectors > 1 && ns % (lanes * tileVectors) != 0) tileVectors--;
        width = lanes * tileVectors;
        int most = Math.Max(1, (registers - 1 - tileVectors) / tileVectors);
        rows = (int)Math.Min(ms, recipe.Rows is { } r ? Math.Clamp(r, 1, most) : Rows(most));
        (rowTiles, columnTiles) = ((ms + rows - 1) / rows, (ns + width - 1) / width);
    }

    /// <summary>Of a tile at one k: two multiply-adds a cycle, two to three loads, and no accumulator sooner than four cycles after its last turn.</summary>
    double CyclesOfStep => Math.Max(4, Math.Max(rows * tileVectors / 2.0, (rows + tileVectors) / 2.5));

    /// <summary>Whether what is computed of each element while it is copied costs more when every block of columns does it again than a copy of all: some two cycles an element, for writing and reading it.</summary>
    bool IsDearToRepeat(Node x)
    {
        const double cyclesOfCopy = 2, cyclesOfOperation = 1.0 / 16; // two vectors of eight a cycle
        int operations = Ir.All(x).Sum(v => v.Op.IsTranscendental ? 20 : v.DType.IsFloat && (v.Op.IsUnary || v.Op.IsBinary || v.Op == Op.Where) ? 1 : 0);
        return (varies ? 4 : columnBlocks - 1) * operations * cyclesOfOperation > cyclesOfCopy; // not by the number of blocks where one form is for all sizes
    }

    /// <summary>What a recipe asks for, if it can be done.</summary>
    static Copy Asked(int? choice, bool mayRead, Copy heuristic) => choice switch
    {
        0 when mayRead => Copy.None,
        1 => Copy.Whole,
        2 => Copy.Block,
        _ => heuristic,
    };

    static long Product(List<Node> ranges) => ranges.Aggregate(1L, (p, r) => p * Ir.Extent(r));

    /// <summary>Rows of a tile: the largest count that divides the rows or wastes little; few rows are shared out evenly.</summary>
    int Rows(int most)
    {
        if (varies && ms > most) return most;
        for (int r = most; r >= most - 1 && r > 0; r--)
            if (ms % r == 0) return r;
        long tiles = (ms + most - 1) / most;
        // 49 rows are nine tiles of six, or ten of five: less work.
        if (most >= 6 && (ms + tiles - 1) / tiles * tiles * 19 >= (ms + most - 2) / (most - 1) * (most - 1) * 20L) return most - 1;
        return (int)((ms + tiles - 1) / tiles);
    }

    /// <summary>A single unguarded read whose innermost listed range has stride 1.</summary>
    static bool IsUnitStride(Node x, List<Node> ranges) =>
        x is { Op: Op.Load, DType: DType.F32, src.Length: 1 } && ranges.Count > 0 && IndexMath.Of(x.src[0]).FactorOf(ranges[^1]) == 1;

    /// <summary>A's elements may be broadcast from where they are.</summary>
    static bool IsPlainRead(Node x) => x is { Op: Op.Load, DType: DType.F32, src.Length: 1 } && IndexMath.Of(x.src[0]).Terms.TrueForAll(t => Ir.IsRange(t.Atom));

    /// <summary>
    /// And should be: few columns do not pay for a copy, unit strides along K need none, unless so many columns go by that it costs nothing. That is sooner
    /// where rows lie some pages apart, as they then share cache sets and take an entry each of the translation buffer.
    /// </summary>
    bool IsCheapRow(Node x)
    {
        if (!IsPlainRead(x)) return false;
        if (columnTiles <= 2 || streamsB) return true;
        var form = IndexMath.Of(x.src[0]);
        const int Page = 4096;
        bool collides = ms > 1 && form.FactorOf(m[^1]) * sizeof(float) % Page == 0;
        return form.FactorOf(k[^1]) == 1 && columnBlock * width < (collides ? 256 : 1024);
    }

    static Node Flat(List<Node> ranges)
    {
        var flat = Ir.Int(0);
        foreach (var r in ranges) flat = IndexMath.Add(IndexMath.Mul(flat, Ir.Extent(r)), r);
        return flat;
    }

    int Scratch(DType t, long elements, bool perWorker)
    {
        nest.Slots.Add(new SlotInfo(t, elements, perWorker));
        return nest.Slots.Count - 1;
    }

    void Main(List<StoreSpec> stores)
    {
        var p = Ir.Range(varies ? 1L << 40 : Math.Max(2, bs * rowBlocks * columnBlocks));
        var atBatch = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        IndexMath.Digits(batch, IndexMath.Div(p, Size(rowBlocks * columnBlocks)), atBatch);

        var nt = Ir.Range(columnTiles);
        var mt = Ir.Range(rowTiles);
        // Row blocks innermost: what threads take at one time shares its columns of B in the last-level cache.
        var firstColumn = IndexMath.Mul(IndexMath.Mod(IndexMath.Div(p, Size(rowBlocks)), Size(columnBlocks)), Size(columnBlock));
        var firstRow = IndexMath.Mul(IndexMath.Mod(p, Size(rowBlocks)), Size(rowBlock));
        var columnLoop = new For(nt, firstColumn, IndexMath.Min(IndexMath.Add(firstColumn, columnBlock), Size(columnTiles)));
        var endRow = IndexMath.Min(IndexMath.Add(firstRow, rowBlock), Size(rowTiles));
        var groupLoop = new For(Ir.Range(rowTiles), firstRow, endRow, Group);
        var rowLoop = turnsResults ? new For(mt, groupLoop.Var, IndexMath.Min(IndexMath.Add(groupLoop.Var, Group), endRow)) : new For(mt, firstRow, endRow);
        if (turnsResults) groupLoop.Body.Add(rowLoop);
        columnLoop.Body.Add(turnsResults ? groupLoop : rowLoop);
        var depth = Ir.Range(depthBlocks);
        var lane = Ir.Lane(lanes);

        Dictionary<Node, Node> At(Node row, Node column)
        {
            var map = new Dictionary<Node, Node>(atBatch, ReferenceEqualityComparer.Instance);
            IndexMath.Digits(m, row, map);
            IndexMath.Digits(n, column, map);
            return map;
        }
        Node Row(int i) => IndexMath.Add(IndexMath.Mul(mt, rows), i);
        Node Column(int j) => IndexMath.Add(IndexMath.Add(IndexMath.Mul(nt, width), j * lanes), lane);
        bool rowTail = !IsWhole(ms, rows), columnTail = copyB == Copy.None ? ns % width != 0 : !IsWhole(ns, width);

        // The loops of a block: over stretches of K, if there are several, around what follows.
        var outer = new For(p, Chunk.Start, Chunk.End);
        var block = outer.Body;
        if (depthBlocks > 1)
        {
            block.Add(new For(depth, Ir.Int(0), Ir.Int(depthBlocks)));
            block = ((For)block[0]).Body;
        }
        var from = IndexMath.Mul(depth, depthBlock);
        var stretch = (From: from, To: IndexMath.Min(IndexMath.Add(from, depthBlock), Ir.Extent(k[0])));
        if (copyA == Copy.Block) a = PackRowBlock(block, a, firstRow, endRow, atBatch, stretch);
        block.Add(columnLoop);
        if (copyB == Copy.Block)
        {
            var copy = new List<Stmt>();
            b = PackColumnTile(copy, b, nt, atBatch, stretch);
            columnLoop.Body.InsertRange(0, copy);
        }

        // The accumulators and the loops along K.
        var body = rowLoop.Body;
        if (streamsB && copyB == Copy.None && depthBlocks > 1 && recipe.Prefetch == 1) PrefetchRows(body, atBatch, nt, from);
        if (copyB == Copy.Whole && recipe.Prefetch != 0) PrefetchPanel(body, atBatch, nt, IndexMath.Add(mt, IndexMath.Mul(firstRow, -1)), from);
        if (copyB == Copy.None && !streamsB && k.Count == 1 && rowTiles > 2 && recipe.Prefetch != 0) PrefetchColumns(body, atBatch, nt, IndexMath.Add(mt, IndexMath.Mul(firstRow, -1)));
        if (recipe.Prefetch != 0) PrefetchEnd(body, stores, depth, At, mt, nt);
        var accs = new Node[rows, tileVectors];
        var zero = Graph.Build.Const(DType.F32, Shape.Scalar, 0L);
        int unfinished = depthBlocks > 1 ? Scratch(DType.F32, rowBlock * rows * columnBlock * width, true) : -1;
        var tile = IndexMath.Add(IndexMath.Mul(IndexMath.Add(nt, IndexMath.Mul(firstColumn, -1)), rowBlock), IndexMath.Add(mt, IndexMath.Mul(firstRow, -1)));
        Node Unfinished(int i, int j) => IndexMath.Add(IndexMath.Add(IndexMath.Mul(tile, rows * width), lane), i * width + j * lanes);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < tileVectors; j++)
            {
                var start = depthBlocks == 1 ? zero : Ir.Scalar(Op.Where, DType.F32, IndexMath.Less(depth, Ir.Int(1)), zero, Ir.Load(DType.F32, unfinished, Unfinished(i, j)));
                body.Add(new Init(accs[i, j] = Ir.Acc(DType.F32, lane), start));
            }
        // A convolution's window and other short axes are unrolled: their places are constants of the addresses.
        var turns = new List<Dictionary<Node, Node>> { None };
        int loops = k.Count;
        while (loops > (depthBlocks > 1 ? 1 : 0) && turns.Count * Ir.Extent(k[loops - 1]) <= LongestUnrolled)
        {
            var axis = k[--loops];
            turns = [.. Enumerable.Range(0, (int)Ir.Extent(axis)).SelectMany(i => turns.Select(t => With(t, axis, Ir.Int(i))))];
        }
        var inner = body;
        foreach (var axis in k.Take(loops - 1))
        {
            var loop = axis == k[0] ? new For(axis, stretch.From, stretch.To) : new For(axis, Ir.Int(0), Ir.Int(Ir.Extent(axis)));
            inner.Add(loop);
            inner = loop.Body;
        }
        if (loops == 0) Multiply(inner, None);
        else
        {
            var axis = k[loops - 1];
            var (first, end) = loops == 1 ? stretch : (Ir.Int(0), Ir.Int(Ir.Extent(axis)));
            int together = Math.Max(1, Math.Min(recipe.Together ?? SideBySide.Turns, LongestUnrolled / turns.Count));
            bool isWhole = IsWhole(Ir.Extent(axis), together) && (loops > 1 || depthBlock % together == 0);
            SideBySide.Loop(inner, axis, first, end, together, isWhole, (into, at) => Multiply(into, With(None, axis, at)));
        }

        void Multiply(List<Stmt> into, Dictionary<Node, Node> at)
        {
            foreach (var turn in turns)
                for (int i = 0; i < rows; i++)
                    for (int j = 0; j < tileVectors; j++)
                    {
                        // Rows beyond the last read the last one again; their results are dropped.
                        var row = rowTail && copyA == Copy.None ? IndexMath.Min(Row(i), Size(ms - 1)) : Row(i);
                        var map = At(row, Column(j));
                        foreach (var (axis, value) in turn.Concat(at)) map[axis] = value;
                        if (copyA != Copy.None) { map[TileVar("A")] = mt; map[WithinVar("A")] = Ir.Int(i); map[RowVar] = rowTail ? IndexMath.Min(Row(i), Size(ms - 1)) : Row(i); }
                        if (copyB != Copy.None) { map[TileVar("B")] = nt; map[WithinVar("B")] = IndexMath.Add(lane, j * lanes); }
                        into.Add(new Update(accs[i, j], Op.Add, Ir.Scalar(Op.Mul, DType.F32, Ir.Substitute(a, map), Ir.Substitute(b, map))));
                    }
        }

        // What follows the sum, or keeps it for the next stretch.
        if (depthBlocks > 1)
        {
            var keep = new List<Stmt>();
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < tileVectors; j++) keep.Add(new Store(unfinished, DType.F32, Unfinished(i, j), accs[i, j]));
            var ends = new If(IndexMath.Less(depth, Ir.Int(depthBlocks - 1))) { Then = keep };
            body.Add(ends);
            body = ends.Else;
        }
        if (turnsResults)
        {
            int grouped = Scratch(DType.F32, Group * rows * width, true);
            var within = IndexMath.Add(mt, IndexMath.Mul(groupLoop.Var, -1));
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < tileVectors; j++)
                    body.Add(new Store(grouped, DType.F32, IndexMath.Add(IndexMath.Add(IndexMath.Mul(within, rows * width), lane), i * width + j * lanes), accs[i, j]));
            var finish = FinishGroup(stores, grouped, groupLoop.Var, nt, atBatch);
            if (depthBlocks > 1) groupLoop.Body.Add(new If(IndexMath.Less(Ir.Int(depthBlocks - 2), depth)) { Then = finish });
            else groupLoop.Body.AddRange(finish);
            nest.Phases.Add(MainPhase(outer));
            return;
        }
        int weight = stores.Sum(s => Ir.All(Ir.Substitute(s.Value, new(ReferenceEqualityComparer.Instance) { [fold] = zero })).Sum(x => x.Op.IsTranscendental ? 20 : IsRounding(x) ? 9 : x.Op is Op.Const or Op.Range ? 0 : 1));
        bool isDirect = weight <= 8 && storesVectors && HoldsVectors(n);
        var direct = new List<Stmt>();
        if (isDirect)
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < tileVectors; j++)
                    foreach (var s in stores) direct.Add(Finish(s, At(Row(i), Column(j)), accs[i, j]));
        if (isDirect && !rowTail && !columnTail) body.AddRange(direct);
        else
        {
            var viaScratch = ThroughTile(stores, accs, mt, nt, At);
            if (isDirect)
            {
                Node full = Ir.True;
                if (rowTail) full = Ir.And(full, IndexMath.Less(mt, Size(ms / rows)));
                if (columnTail) full = Ir.And(full, IndexMath.Less(nt, Size(ns / width)));
                body.Add(new If(full) { Then = direct, Else = viaScratch });
            }
            else body.AddRange(viaScratch);
        }
        nest.Phases.Add(MainPhase(outer));
    }

    Phase MainPhase(For blocks) => new("main", [blocks], bs * rowBlocks * columnBlocks, 1, (double)rowBlock * rows * columnBlock * width * ks / 8);

    /// <summary>Many instructions beside the accumulators, and the JIT's allocator spills two of those, in the loop along K too: half the speed.</summary>
    static bool IsRounding(Node x) => x.Op == Op.Cast && x.DType is DType.BF16 or DType.F16;

    Store Finish(StoreSpec s, Dictionary<Node, Node> map, Node sum)
    {
        // The fold is replaced before ranges are, so that its own index arithmetic is not rebuilt for nothing.
        var value = Ir.Substitute(Ir.Substitute(s.Value, new(ReferenceEqualityComparer.Instance) { [fold] = sum }), map);
        return new Store(s.Slot, s.DType, Ir.Substitute(s.Index, map), value);
    }

    /// <summary>The tile goes to scratch in the first-level cache; loops over its valid part finish it.</summary>
    List<Stmt> ThroughTile(List<StoreSpec> stores, Node[,] accs, Node mt, Node nt, Func<Node, Node, Dictionary<Node, Node>> at)
    {
        var into = new List<Stmt>();
        int slot = Scratch(DType.F32, rows * width, true);
        var lane = Ir.Lane(lanes);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < tileVectors; j++)
                into.Add(new Store(slot, DType.F32, IndexMath.Add(lane, i * width + j * lanes), accs[i, j]));
        into.AddRange(FinishTile(stores, slot, Ir.Int(0), mt, nt, at));
        return into;
    }

    /// <summary>Loops over the valid part of a tile in scratch, which begins at an index, row by row.</summary>
    List<Stmt> FinishTile(List<StoreSpec> stores, int slot, Node tile, Node mt, Node nt, Func<Node, Node, Dictionary<Node, Node>> at)
    {
        var into = new List<Stmt>();
        var lane = Ir.Lane(lanes);
        var firstRow = IndexMath.Mul(mt, rows);
        var firstColumn = IndexMath.Mul(nt, width);
        var rowsHere = IndexMath.Min(IndexMath.Add(IndexMath.Mul(firstRow, -1), Size(ms)), rows);
        var columnsHere = IndexMath.Min(IndexMath.Add(IndexMath.Mul(firstColumn, -1), Size(ns)), width);

        For Loops(bool vector)
        {
            var i = Ir.Range(rows);
            var rowLoop = new For(i, Ir.Int(0), rowsHere);
            void Element(List<Stmt> body, Node within)
            {
                var sum = Ir.Load(DType.F32, slot, IndexMath.Add(tile, IndexMath.Add(IndexMath.Mul(i, width), within)));
                foreach (var s in stores) body.Add(Finish(s, at(IndexMath.Add(firstRow, i), IndexMath.Add(firstColumn, within)), sum));
            }
            if (vector)
            {
                // No deeper loop than the one along K: the JIT weighs registers by loop depth.
                for (int j = 0; j < tileVectors; j++) Element(rowLoop.Body, IndexMath.Add(lane, j * lanes));
            }
            else
            {
                var j = Ir.Range(width);
                var columnLoop = new For(j, Ir.Int(0), columnsHere);
                Element(columnLoop.Body, j);
                rowLoop.Body.Add(columnLoop);
            }
            return rowLoop;
        }

        bool vectors = HoldsVectors(n), partly = vectors && MayPassTheEnd(stores);
        if (!vectors || ns < width) into.Add(partly ? PartOfTile(stores[0], slot, tile, mt, nt, at, rowsHere, columnsHere) : Loops(false));
        else if (copyB == Copy.None ? ns % width == 0 : IsWhole(ns, width)) into.Add(Loops(true));
        else into.Add(new If(IndexMath.Less(nt, Size(ns / width))) { Then = [Loops(true)], Else = [partly ? PartOfTile(stores[0], slot, tile, mt, nt, at, rowsHere, columnsHere) : Loops(false)] });
        return into;
    }
}
