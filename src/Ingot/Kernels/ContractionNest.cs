using Ingot.Graph;

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

    // The register tile.
    int rows, width, tileVectors;
    long rowTiles, columnTiles;
    bool packA, packB;

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
    public static LoopNest? TryBuild(KernelAst kernel, int vectorBytes, Recipe recipe)
    {
        if (kernel.Steps is not [{ Inner: [], Running: null } step]) return null;
        var folds = Ir.All(kernel.Roots).Where(x => x.Op == Op.Fold).ToList();
        if (folds is not [{ DType: DType.F32 } fold] || Ir.FoldKind(fold) != Op.Add || Product(fold.src[0]) is not var (a, b)) return null;
        if (!step.Stores.TrueForAll(s => s.DType.Size == 4 || s.DType is DType.BF16 or DType.F16)) return null;
        return new ContractionNest(kernel, fold, a, b, vectorBytes, recipe).Build();
    }

    /// <summary>The two factors; a guard goes to the factor it speaks about.</summary>
    static (Node, Node)? Product(Node value) => value switch
    {
        { Op: Op.Mul, src: [var a, var b] } when a != b => (a, b),
        { Op: Op.Where, src: [var c, { Op: Op.Mul, src: [var a, var b] }, { Const: 0.0 } zero] } =>
            a.Op == Op.Load && a.src.Length == 2 ? (a, b) : b.Op == Op.Load && b.src.Length == 2 ? (b, a) : (Ir.Scalar(Op.Where, a.DType, c, a, zero), b),
        _ => null,
    };

    LoopNest? Build()
    {
        var inA = free.Of(a);
        var inB = free.Of(b);
        var stores = kernel.Steps[0].Stores;
        // The columns are on the side that holds the stores' unit stride.
        var unit = kernel.Outer.Find(r => stores.TrueForAll(s => IndexMath.Of(s.Index).FactorOf(r) == 1));
        if (unit is not null && inA.Contains(unit) && !inB.Contains(unit))
        {
            (a, b) = (b, a);
            (inA, inB) = (inB, inA);
        }
        batch = kernel.Outer.FindAll(r => inA.Contains(r) == inB.Contains(r));
        m = kernel.Outer.FindAll(r => inA.Contains(r) && !inB.Contains(r));
        n = kernel.Outer.FindAll(r => inB.Contains(r) && !inA.Contains(r));
        if (batch.Exists(r => !inA.Contains(r))) return null;
        (bs, ms, ns) = (Product(batch), Product(m), Product(n));
        if (ns < lanes || ks < 8 || ms < 2 || ms * ns * ks < 4096) return null;
        if (unit is not null && !n.Contains(unit)) return null;
        // Columns: the unit stride innermost.
        if (unit is not null) { n.Remove(unit); n.Add(unit); }

        ChooseTile();
        bool mayReadB = IsUnitStride(b, n) && ns % width == 0 && Ir.Extent(n[^1]) % width == 0;
        packB = !mayReadB || (recipe.PackB ?? (ks * ns <= 16384 || rowTiles <= 2 ? 0 : 1)) != 0;
        packA = !IsPlainRead(a) || (recipe.PackA ?? (IsCheapRow(a) ? 0 : 1)) != 0;
        if (packB) b = PackColumns(b);
        if (packA) a = PackRows(a);
        Main(stores);
        nest.Recipe.Add($"contraction batch {bs}, {ms} x {ks} x {ns}; tile {rows} x {width}{(packA ? ", A packed" : "")}{(packB ? ", B packed" : "")}");
        return nest;
    }

    /// <summary>
    /// Accumulators fill the registers but for a row of B and one element of A. 16 registers: 6 rows x 2 vectors; 32: 14 x 2.
    /// </summary>
    void ChooseTile()
    {
        int registers = lanes == 16 ? 32 : 16;
        tileVectors = Math.Clamp(recipe.Vectors ?? 2, 1, 4);
        width = lanes * tileVectors;
        int most = Math.Max(1, (registers - 1 - tileVectors) / tileVectors);
        rows = (int)Math.Min(ms, recipe.Rows is { } r ? Math.Clamp(r, 1, most) : Rows(most));
        (rowTiles, columnTiles) = ((ms + rows - 1) / rows, (ns + width - 1) / width);
    }

    static long Product(List<Node> ranges) => ranges.Aggregate(1L, (p, r) => p * Ir.Extent(r));

    /// <summary>Rows of a tile: the largest count that divides the rows or wastes little.</summary>
    int Rows(int most)
    {
        if (ms <= most) return (int)ms;
        for (int r = most; r >= most - 1 && r > 0; r--)
            if (ms % r == 0) return r;
        return most;
    }

    /// <summary>A single unguarded read whose innermost listed range has stride 1.</summary>
    static bool IsUnitStride(Node x, List<Node> ranges) =>
        x is { Op: Op.Load, DType: DType.F32, src.Length: 1 } && ranges.Count > 0 && IndexMath.Of(x.src[0]).FactorOf(ranges[^1]) == 1;

    /// <summary>A's elements may be broadcast from where they are.</summary>
    static bool IsPlainRead(Node x) => x is { Op: Op.Load, DType: DType.F32, src.Length: 1 } && IndexMath.Of(x.src[0]).Terms.TrueForAll(t => Ir.IsRange(t.Atom));

    /// <summary>And should be: along K in unit stride, or so few that they stay in the cache.</summary>
    bool IsCheapRow(Node x) => IsPlainRead(x) && (columnTiles <= 2 || IndexMath.Of(x.src[0]).FactorOf(k[^1]) == 1);

    /// <summary>Mixed-radix digits of a flat index over ranges, outermost first.</summary>
    static void Digits(List<Node> ranges, Node flat, Dictionary<Node, Node> into)
    {
        long inner = 1;
        for (int i = ranges.Count - 1; i >= 0; i--)
        {
            long extent = Ir.Extent(ranges[i]);
            var q = IndexMath.Div(flat, inner);
            into[ranges[i]] = i == 0 ? q : IndexMath.Mod(q, extent);
            inner *= extent;
        }
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
        // A block of row tiles that keeps its part of A in the second-level cache, and enough blocks for the pool.
        long blockTiles = Math.Clamp(49152 / Math.Max(1, ks * rows), 1, rowTiles);
        long columnBlocks = 1;
        while (bs * ((rowTiles + blockTiles - 1) / blockTiles) * columnBlocks < 16 && (blockTiles > 2 || columnBlocks < columnTiles))
            if (blockTiles > 2) blockTiles = (blockTiles + 1) / 2;
            else columnBlocks = Math.Min(columnTiles, columnBlocks * 2);
        if (recipe.RowBlock is { } rowBlock0) blockTiles = Math.Clamp(rowBlock0, 1, rowTiles);
        if (recipe.ColumnBlock is { } columnBlock0) columnBlocks = (columnTiles + columnBlock0 - 1) / Math.Max(1, columnBlock0);
        long rowBlocks = (rowTiles + blockTiles - 1) / blockTiles;
        long columnsPerBlock = (columnTiles + columnBlocks - 1) / columnBlocks;
        columnBlocks = (columnTiles + columnsPerBlock - 1) / columnsPerBlock;

        var p = Ir.Range(Math.Max(2, bs * rowBlocks * columnBlocks));
        var columnBlock = IndexMath.Mod(p, columnBlocks);
        var rowBlock = IndexMath.Mod(IndexMath.Div(p, columnBlocks), rowBlocks);
        var atBatch = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        Digits(batch, IndexMath.Div(p, rowBlocks * columnBlocks), atBatch);

        var nt = Ir.Range(columnTiles);
        var mt = Ir.Range(rowTiles);
        var firstColumn = IndexMath.Mul(columnBlock, columnsPerBlock);
        var firstRow = IndexMath.Mul(rowBlock, blockTiles);
        var columnLoop = new For(nt, firstColumn, Min(IndexMath.Add(firstColumn, columnsPerBlock), columnTiles));
        var rowLoop = new For(mt, firstRow, Min(IndexMath.Add(firstRow, blockTiles), rowTiles));
        columnLoop.Body.Add(rowLoop);
        var lane = Ir.Lane(lanes);

        Dictionary<Node, Node> At(Node row, Node column)
        {
            var map = new Dictionary<Node, Node>(atBatch, ReferenceEqualityComparer.Instance);
            Digits(m, row, map);
            Digits(n, column, map);
            return map;
        }
        Node Row(int i) => IndexMath.Add(IndexMath.Mul(mt, rows), i);
        Node Column(int j) => IndexMath.Add(IndexMath.Add(IndexMath.Mul(nt, width), j * lanes), lane);
        bool rowTail = ms % rows != 0, columnTail = ns % width != 0;

        // The accumulators and the loops along K.
        var body = rowLoop.Body;
        var accs = new Node[rows, tileVectors];
        var zero = Graph.Build.Const(DType.F32, Shape.Scalar, 0L);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < tileVectors; j++)
                body.Add(new Init(accs[i, j] = Ir.Acc(DType.F32, lane), zero));
        var inner = body;
        for (int d = 0; d < k.Count; d++)
        {
            var loop = new For(k[d], Ir.Int(0), Ir.Int(Ir.Extent(k[d])));
            inner.Add(loop);
            inner = loop.Body;
        }
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < tileVectors; j++)
            {
                // Rows beyond the last read the last one again; their results are dropped.
                var row = rowTail && !packA ? Min(Row(i), Ir.Int(ms - 1)) : Row(i);
                var map = At(row, Column(j));
                if (packA) { map[TileVar("A")] = mt; map[WithinVar("A")] = Ir.Int(i); map[RowVar] = rowTail ? Min(Row(i), Ir.Int(ms - 1)) : Row(i); }
                if (packB) { map[TileVar("B")] = nt; map[WithinVar("B")] = IndexMath.Add(lane, j * lanes); }
                inner.Add(new Update(accs[i, j], Op.Add, Ir.Scalar(Op.Mul, DType.F32, Ir.Substitute(a, map), Ir.Substitute(b, map))));
            }

        // What follows the sum.
        int weight = stores.Sum(s => Ir.All(Ir.Substitute(s.Value, new(ReferenceEqualityComparer.Instance) { [fold] = zero })).Sum(x => x.Op is Op.Exp2 or Op.Log2 or Op.Sin ? 20 : x.Op is Op.Const or Op.Range ? 0 : 1));
        bool light = weight <= 8;
        bool straddles = n.Count > 1 && Ir.Extent(n[^1]) % width != 0;
        var direct = new List<Stmt>();
        if (light && !straddles)
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < tileVectors; j++)
                    foreach (var s in stores) direct.Add(Finish(s, At(Row(i), Column(j)), accs[i, j]));
        if (light && !straddles && !rowTail && !columnTail) body.AddRange(direct);
        else
        {
            var viaScratch = ThroughTile(stores, accs, mt, nt, At, straddles);
            if (light && !straddles)
            {
                Node full = Ir.True;
                if (rowTail) full = Ir.And(full, IndexMath.Less(mt, Ir.Int(rowTiles - 1)));
                if (columnTail) full = Ir.And(full, IndexMath.Less(nt, Ir.Int(columnTiles - 1)));
                body.Add(new If(full) { Then = direct, Else = viaScratch });
            }
            else body.AddRange(viaScratch);
        }
        var outer = new For(p, Chunk.Start, Chunk.End);
        outer.Body.Add(columnLoop);
        nest.Phases.Add(new("main", [outer], bs * rowBlocks * columnBlocks, 1, (double)blockTiles * rows * columnsPerBlock * width * ks / 8));
    }

    static Node Min(Node a, Node b) => IndexMath.Less(a, b) is var less && less == Ir.True ? a : Ir.Scalar(Op.Where, DType.I64, less, a, b);

    static Node Min(Node a, long b) => IndexMath.Bounds(a).Max <= b ? a : Min(a, Ir.Int(b));

    Store Finish(StoreSpec s, Dictionary<Node, Node> map, Node sum)
    {
        // The fold is replaced before ranges are, so that its own index arithmetic is not rebuilt for nothing.
        var value = Ir.Substitute(Ir.Substitute(s.Value, new(ReferenceEqualityComparer.Instance) { [fold] = sum }), map);
        return new Store(s.Slot, s.DType, Ir.Substitute(s.Index, map), value);
    }

    /// <summary>The tile goes to scratch in the first-level cache; loops over its valid part finish it.</summary>
    List<Stmt> ThroughTile(List<StoreSpec> stores, Node[,] accs, Node mt, Node nt, Func<Node, Node, Dictionary<Node, Node>> at, bool straddles)
    {
        var into = new List<Stmt>();
        int slot = Scratch(DType.F32, rows * width, true);
        var lane = Ir.Lane(lanes);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < tileVectors; j++)
                into.Add(new Store(slot, DType.F32, IndexMath.Add(lane, i * width + j * lanes), accs[i, j]));
        var firstRow = IndexMath.Mul(mt, rows);
        var firstColumn = IndexMath.Mul(nt, width);
        var rowsHere = Min(IndexMath.Add(IndexMath.Mul(firstRow, -1), ms), rows);
        var columnsHere = Min(IndexMath.Add(IndexMath.Mul(firstColumn, -1), ns), width);

        For Loops(bool vector)
        {
            var i = Ir.Range(rows);
            var rowLoop = new For(i, Ir.Int(0), rowsHere);
            void Element(List<Stmt> body, Node within)
            {
                var sum = Ir.Load(DType.F32, slot, IndexMath.Add(IndexMath.Mul(i, width), within));
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

        if (straddles || ns < width) into.Add(Loops(false));
        else if (ns % width == 0) into.Add(Loops(true));
        else into.Add(new If(IndexMath.Less(nt, Ir.Int(ns / width))) { Then = [Loops(true)], Else = [Loops(false)] });
        return into;
    }
}
