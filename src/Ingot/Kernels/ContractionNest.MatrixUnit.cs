using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>
/// Products of bf16 on the matrix unit: both factors are packed into panels of tiles, a thread multiplies panels block by block and continues the
/// float32 results over stretches of k, and what follows the sum runs on a finished block of 32 x 32 from the cache.
/// </summary>
/// <remarks>
/// What is computed does not depend on the recipe: each result adds up its k in steps of 32, in order, wherever stretches end. Beyond the last k panels hold
/// zeros; beyond the last row or column they repeat it, and what that gives is dropped.
/// </remarks>
sealed partial class ContractionNest
{
    const int Side = EmulatedTiles.Side, StepDepth = EmulatedTiles.RowBytes / 2, StepWords = EmulatedTiles.StepBytes / 4, TileWords = StepWords / 2, BlockWords = Side * Side;

    /// <summary>Elements of k in a stretch: a panel of B then takes 16 KB and stays in the first-level cache while A's panels pass through it.</summary>
    const int StretchOnUnit = 256;

    /// <summary>Steps of k in a panel.</summary>
    long steps;

    /// <summary>Null if the factors are not bf16, or too small for the unit to pay.</summary>
    LoopNest? OnMatrixUnit()
    {
        if (Bf16(a) is not { } x || Bf16(b) is not { } y || lanes != 16) return null;
        var stores = kernel.Steps[0].Stores;
        var unit = kernel.Outer.Find(r => stores.TrueForAll(s => IndexMath.Of(s.Index).FactorOf(r) == 1));
        var (inX, inY) = (free.Of(x), free.Of(y));
        if (unit is not null && inX.Contains(unit) && !inY.Contains(unit)) (x, y, inX, inY) = (y, x, inY, inX); // columns are where results have unit stride
        batch = kernel.Outer.FindAll(r => inX.Contains(r) == inY.Contains(r));
        m = kernel.Outer.FindAll(r => inX.Contains(r) && !inY.Contains(r));
        n = kernel.Outer.FindAll(r => inY.Contains(r) && !inX.Contains(r));
        if (batch.Exists(r => !inX.Contains(r))) return null;
        if (unit is not null && n.Remove(unit)) n.Add(unit);
        if (m.Find(r => IsUnit(x, r)) is { } along && m.Remove(along)) m.Add(along);
        (bs, ms, ns) = (Product(batch), Product(m), Product(n));
        if (ms < 8 || ns < 8 || ks < 16 || ms * ns * ks < 16384 || !PaysOnUnit(x, y)) return null;

        (rows, width, tileVectors) = (Side, Side, Side / lanes);
        (rowTiles, columnTiles) = ((ms + Side - 1) / Side, (ns + Side - 1) / Side);
        steps = (ks + StepDepth - 1) / StepDepth;
        int panelsB = PackTiles("pack B", y, n, ns, columnTiles, ofRows: false);
        int panelsA = PackTiles("pack A", x, m, ms, rowTiles, ofRows: true);
        MultiplyPanels(stores, panelsA, panelsB);
        nest.UsesMatrixUnit = true;
        nest.Recipe.Add($"matrix unit: batch {bs}, {ms} x {ks} x {ns}; blocks of {rowBlock} x {columnBlock} tiles{(depthBlocks > 1 ? $", K in {depthBlocks}" : "")}");
        return nest;
    }

    /// <summary>The bf16 value that a factor widens, of dtype bf16; null if it is anything else, for nothing is rounded here that the program does not round.</summary>
    static Node? Bf16(Node x) => x switch
    {
        { Op: Op.Cast, DType: DType.F32, src: [{ DType: DType.BF16 } half] } => half,
        { Op: Op.Cast, DType: DType.F32, src: [{ DType: DType.F32 } same] } => Bf16(same),
        { Op: Op.Where, src: [var guard, var value, { Const: 0.0 }] } when Bf16(value) is { } half =>
            Ir.Scalar(Op.Where, DType.BF16, guard, half, Graph.Build.Const(DType.BF16, Shape.Scalar, 0.0)),
        _ => null,
    };

    /// <summary>
    /// Whether packing costs less than the unit gains: the vector unit does 32 multiply-adds a cycle, the matrix unit about 500, and an element is packed
    /// in half a cycle by vectors, in eight alone.
    /// </summary>
    bool PaysOnUnit(Node x, Node y)
    {
        double Packing(Node operand, List<Node> side) => MayPackAlong(operand, k) || MayPackAlong(operand, side) ? 0.5 : 8;
        double whole = (double)((ms + Side - 1) / Side * Side) * ((ns + Side - 1) / Side * Side) * ks;
        return whole / 500 + ms * ks * Packing(x, m) + ns * ks * Packing(y, n) < (double)ms * ns * ks / 32;
    }

    /// <summary>Vectors of 16 lie within the innermost of these axes, where the operand has unit strides.</summary>
    bool MayPackAlong(Node x, List<Node> axes) => IsUnit(x, axes[^1]) && HoldsVectors(axes);

    // ---- packing ----

    /// <summary>An operand in panels [batch][tile][step], each step 2 KB of bf16 as the unit reads it; returns their slot, of 32-bit words.</summary>
    int PackTiles(string name, Node x, List<Node> side, long count, long tiles, bool ofRows)
    {
        int slot = Scratch(DType.F32, bs * tiles * steps * StepWords, false);
        var (loop, tile, map) = Panels(tiles);
        var packing = new TilePacking(this, x, side, count, map, IndexMath.Mul(tile, Side), slot, IndexMath.Mul(loop.Var, steps * StepWords), ofRows);
        if (count % Side == 0) packing.Panel(loop.Body, isWhole: true);
        else if (count < Side) packing.Panel(loop.Body, isWhole: false);
        else
        {
            var split = new If(IndexMath.Less(tile, Ir.Int(count / Side)));
            packing.Panel(split.Then, isWhole: true);
            packing.Panel(split.Else, isWhole: false);
            loop.Body.Add(split);
        }
        nest.Phases.Add(new(name, [loop], bs * tiles, 1, ks * Side));
        return slot;
    }

    /// <summary>One panel of an operand.</summary>
    /// <param name="nest">Whose operand.</param>
    /// <param name="x">Its value, bf16.</param>
    /// <param name="side">The axes that are rows or columns of the product.</param>
    /// <param name="count">Product of their extents.</param>
    /// <param name="batch">Digits of the batch.</param>
    /// <param name="first">The panel's first row or column.</param>
    /// <param name="slot">Where to.</param>
    /// <param name="at">Word at which the panel begins.</param>
    /// <param name="ofRows">A: word (row, pair) of a step is row * 16 + pair. Else B: word (pair, column) is (column / 16) * 256 + pair * 16 + column % 16.</param>
    sealed class TilePacking(ContractionNest nest, Node x, List<Node> side, long count, Dictionary<Node, Node> batch, Node first, int slot, Node at, bool ofRows)
    {
        const int Lanes = 16;
        static readonly Node Lane = Ir.Lane(Lanes);

        public void Panel(List<Stmt> into, bool isWhole)
        {
            long whole = nest.ks / StepDepth;
            if (whole > 0)
            {
                var step = Ir.Range(whole);
                var loop = new For(step, Ir.Int(0), Ir.Int(whole));
                if (isWhole && nest.MayPackAlong(x, side)) AlongSide(loop.Body, step);
                else if (nest.MayPackAlong(x, nest.k)) AlongDepth(loop.Body, step, isWhole);
                else OneByOne(loop.Body, step, isWhole, isFull: true);
                into.Add(loop);
            }
            if (whole < nest.steps) OneByOne(into, Ir.Int(whole), isWhole, isFull: false);
        }

        Node WordsOf(Node step) => IndexMath.Add(at, IndexMath.Mul(step, StepWords));

        Node Value(Node within, Node depth, bool isWhole, bool isFull)
        {
            var all = new Dictionary<Node, Node>(batch, ReferenceEqualityComparer.Instance);
            var place = IndexMath.Add(first, within);
            IndexMath.Digits(side, isWhole ? place : IndexMath.Min(place, Ir.Int(count - 1)), all);
            IndexMath.Digits(nest.k, isFull ? depth : IndexMath.Min(depth, Ir.Int(nest.ks - 1)), all);
            var value = Ir.Substitute(x, all);
            return isFull ? value : Ir.Scalar(Op.Where, DType.BF16, IndexMath.Less(depth, Ir.Int(nest.ks)), value, Graph.Build.Const(DType.BF16, Shape.Scalar, 0.0));
        }

        /// <summary>Vectors along rows or columns: values of an even and the next odd k make words. B's lie so; A's are squares of words to be turned.</summary>
        void AlongSide(List<Stmt> into, Node step)
        {
            Node Words(Node half, Node pair)
            {
                Node Bits(int odd) => Ir.Scalar(Op.Bitcast, DType.U32, Ir.Scalar(Op.Cast, DType.F32,
                    Value(IndexMath.Add(Lane, IndexMath.Mul(half, Lanes)), IndexMath.Add(IndexMath.Add(IndexMath.Mul(step, StepDepth), IndexMath.Mul(pair, 2)), odd), true, true)));
                return Ir.Scalar(Op.Bitcast, DType.F32, Ir.Scalar(Op.Or, DType.U32, Bits(1), Ir.Scalar(Op.Shr, DType.U32, Bits(0), Graph.Build.Const(DType.U32, Shape.Scalar, 16L))));
            }
            if (ofRows)
            {
                var half = Ir.Range(2);
                var halves = new For(half, Ir.Int(0), Ir.Int(2));
                halves.Body.Add(new StoreTransposed(slot, IndexMath.Add(WordsOf(step), IndexMath.Mul(half, TileWords)), Lanes, [.. Enumerable.Range(0, Lanes).Select(p => Words(half, Ir.Int(p)))]));
                into.Add(halves);
                return;
            }
            var pair = Ir.Range(Lanes);
            var pairs = new For(pair, Ir.Int(0), Ir.Int(Lanes));
            for (int half = 0; half < 2; half++)
                pairs.Body.Add(new Store(slot, DType.F32, IndexMath.Add(IndexMath.Add(WordsOf(step), half * TileWords), IndexMath.Add(IndexMath.Mul(pair, Lanes), Lane)), Words(Ir.Int(half), pair)));
            into.Add(pairs);
        }

        /// <summary>Vectors along k. A's lie so; B's go to rows first, unless memory has them so already, and are turned as squares of words.</summary>
        void AlongDepth(List<Stmt> into, Node step, bool isWhole)
        {
            Node Depth(int half) => IndexMath.Add(IndexMath.Add(IndexMath.Mul(step, StepDepth), half * Lanes), Lane);
            void Rows(int to, Node begin)
            {
                var row = Ir.Range(Side);
                var loop = new For(row, Ir.Int(0), Ir.Int(Side));
                for (int half = 0; half < 2; half++)
                    loop.Body.Add(new Store(to, DType.BF16, IndexMath.Add(IndexMath.Mul(begin, 2), IndexMath.Add(IndexMath.Mul(row, StepDepth), IndexMath.Add(Lane, half * Lanes))), Value(row, Depth(half), isWhole, true)));
                into.Add(loop);
            }
            if (ofRows) { Rows(slot, WordsOf(step)); return; }
            Func<Node, Node> word; // the words of a column along k
            if (InWords(step, isWhole) is { } direct) word = direct;
            else
            {
                int scratch = nest.Scratch(DType.F32, StepWords, true);
                Rows(scratch, Ir.Int(0));
                word = column => Ir.Load(DType.F32, scratch, IndexMath.Add(IndexMath.Mul(column, Lanes), Lane));
            }
            var half = Ir.Range(2);
            var halves = new For(half, Ir.Int(0), Ir.Int(2));
            halves.Body.Add(new StoreTransposed(slot, IndexMath.Add(WordsOf(step), IndexMath.Mul(half, TileWords)), Lanes,
                [.. Enumerable.Range(0, Lanes).Select(c => word(IndexMath.Add(IndexMath.Mul(half, Lanes), c)))]));
            into.Add(halves);
        }

        /// <summary>Reads of whole words, where the operand is a plain read of memory in which each pair along k begins at an even place.</summary>
        Func<Node, Node>? InWords(Node step, bool isWhole)
        {
            if (x is not { Op: Op.Load, DType: DType.BF16, src: [_], Arg: BufferSlot source } || nest.k.Count != 1) return null;
            Node Index(Node column) => Value(column, IndexMath.Add(IndexMath.Mul(step, StepDepth), IndexMath.Mul(Lane, 2)), isWhole, true).src[0];
            var form = IndexMath.Of(Index(Ir.Range(Side)));
            if (form.Constant % 2 != 0 || form.Terms.Exists(t => t.Factor % 2 != 0)) return null;
            return column => Ir.Load(DType.F32, source.Slot, IndexMath.Div(Index(column), 2));
        }

        void OneByOne(List<Stmt> into, Node step, bool isWhole, bool isFull)
        {
            Node within = Ir.Range(Side), pair = Ir.Range(StepDepth / 2);
            var pairs = new For(pair, Ir.Int(0), Ir.Int(StepDepth / 2));
            var places = new For(within, Ir.Int(0), Ir.Int(Side)) { Body = { pairs } };
            var word = ofRows
                ? IndexMath.Add(IndexMath.Mul(within, Lanes), pair)
                : IndexMath.Add(IndexMath.Add(IndexMath.Mul(IndexMath.Div(within, Lanes), TileWords), IndexMath.Mul(pair, Lanes)), IndexMath.Mod(within, Lanes));
            for (int odd = 0; odd < 2; odd++)
            {
                var depth = IndexMath.Add(IndexMath.Add(IndexMath.Mul(step, StepDepth), IndexMath.Mul(pair, 2)), odd);
                pairs.Body.Add(new Store(slot, DType.BF16, IndexMath.Add(IndexMath.Mul(IndexMath.Add(WordsOf(step), word), 2), odd), Value(within, depth, isWhole, isFull)));
            }
            into.Add(places);
        }
    }

    // ---- the product ----

    void MultiplyPanels(List<StoreSpec> stores, int panelsA, int panelsB)
    {
        ChooseBlocksOnUnit();
        var p = Ir.Range(Math.Max(2, bs * rowBlocks * columnBlocks));
        var atBatch = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        var batchOf = IndexMath.Div(p, rowBlocks * columnBlocks);
        IndexMath.Digits(batch, batchOf, atBatch);
        Node nt = Ir.Range(columnTiles), mt = Ir.Range(rowTiles), depth = Ir.Range(depthBlocks);
        var firstColumn = IndexMath.Mul(IndexMath.Mod(p, columnBlocks), columnBlock);
        var firstRow = IndexMath.Mul(IndexMath.Mod(IndexMath.Div(p, columnBlocks), rowBlocks), rowBlock);
        var rowLoop = new For(mt, firstRow, IndexMath.Min(IndexMath.Add(firstRow, rowBlock), rowTiles));
        var columnLoop = new For(nt, firstColumn, IndexMath.Min(IndexMath.Add(firstColumn, columnBlock), columnTiles)) { Body = { rowLoop } };

        int results = Scratch(DType.F32, (depthBlocks > 1 ? rowBlock * columnBlock : 1) * BlockWords, true);
        var block = depthBlocks == 1 ? Ir.Int(0)
            : IndexMath.Mul(IndexMath.Add(IndexMath.Mul(IndexMath.Add(nt, IndexMath.Mul(firstColumn, -1)), rowBlock), IndexMath.Add(mt, IndexMath.Mul(firstRow, -1))), BlockWords);
        var firstStep = IndexMath.Mul(depth, depthBlock);
        var stepsHere = IndexMath.Min(IndexMath.Add(IndexMath.Mul(firstStep, -1), steps), depthBlock);
        Node Panel(Node tile, long tiles) => IndexMath.Mul(IndexMath.Add(IndexMath.Mul(IndexMath.Add(IndexMath.Mul(batchOf, tiles), tile), steps), firstStep), StepWords);
        rowLoop.Body.Add(new MatrixProduct((panelsA, Panel(mt, rowTiles)), (panelsB, Panel(nt, columnTiles)), (results, block), stepsHere, depth));

        var finish = FinishTile(stores, results, block, mt, nt, (row, column) =>
        {
            var map = new Dictionary<Node, Node>(atBatch, ReferenceEqualityComparer.Instance);
            IndexMath.Digits(m, row, map);
            IndexMath.Digits(n, column, map);
            return map;
        });
        if (depthBlocks == 1) rowLoop.Body.AddRange(finish);
        else rowLoop.Body.Add(new If(IndexMath.Less(Ir.Int(depthBlocks - 2), depth)) { Then = finish });
        var outer = new For(p, Chunk.Start, Chunk.End);
        outer.Body.Add(depthBlocks == 1 ? columnLoop : new For(depth, Ir.Int(0), Ir.Int(depthBlocks)) { Body = { columnLoop } });
        nest.Phases.Add(new("main", [outer], bs * rowBlocks * columnBlocks, 1, (double)rowBlock * columnBlock * BlockWords * ks / 128));
    }

    /// <summary>
    /// What a thread takes at once: results that wait for the next stretch fill half of the second-level cache, in a square, which reads the fewest panels for
    /// its products; enough blocks for the pool.
    /// </summary>
    void ChooseBlocksOnUnit()
    {
        long stretch = recipe.Depth ?? StretchOnUnit;
        depthBlocks = stretch == 0 ? 1 : Math.Max(1, (2 * ks + stretch) / (2 * stretch)); // the nearest number: a short rest is no stretch of its own
        depthBlock = (steps + depthBlocks - 1) / depthBlocks;
        depthBlocks = (steps + depthBlock - 1) / depthBlock;
        long half = Cpu.Caches.L2 / 2;
        long square = Math.Max(2, (long)Math.Sqrt(half / (depthBlocks > 1 ? BlockWords * 4 : 2 * Side * 2 * ks)));
        rowBlock = Math.Clamp(recipe.RowBlock ?? square, 1, rowTiles);
        columnBlock = Math.Clamp(recipe.ColumnBlock ?? square, 1, columnTiles);
        long Blocks() => bs * ((rowTiles + rowBlock - 1) / rowBlock) * ((columnTiles + columnBlock - 1) / columnBlock);
        if (recipe.RowBlock is null && recipe.ColumnBlock is null)
            while (Blocks() < 16 && (rowBlock > 1 || columnBlock > 1))
                if (columnBlock >= rowBlock) columnBlock = (columnBlock + 1) / 2;
                else rowBlock = (rowBlock + 1) / 2;
        (rowBlocks, columnBlocks) = ((rowTiles + rowBlock - 1) / rowBlock, (columnTiles + columnBlock - 1) / columnBlock);
        if (depthBlocks > 1 && rowBlock * columnBlock * BlockWords * 4 > 16 * half) (depthBlocks, depthBlock) = (1, steps); // a recipe asked for more than can wait
    }
}
