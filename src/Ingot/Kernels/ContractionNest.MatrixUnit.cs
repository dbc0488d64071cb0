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
    const int Side = TilePacking.Side, StepDepth = TilePacking.StepDepth, StepWords = TilePacking.StepWords, BlockWords = Side * Side;

    /// <summary>Elements of k in a stretch: a panel of B then takes 16 KB and stays in the first-level cache while A's panels pass through it.</summary>
    const int StretchOnUnit = 256;

    /// <summary>Steps of k in a panel.</summary>
    long steps;

    /// <summary>Null if the factors are not bf16, or too small for the unit to pay.</summary>
    LoopNest? OnMatrixUnit()
    {
        if (TilePacking.Bf16(a) is not { } x || TilePacking.Bf16(b) is not { } y || lanes != 16) return null;
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
        int panelsB = PackTiles("pack B", y, n, columnTiles, ofRows: false);
        int panelsA = PackTiles("pack A", x, m, rowTiles, ofRows: true);
        MultiplyPanels(stores, panelsA, panelsB);
        nest.UsesMatrixUnit = true;
        nest.Recipe.Add($"matrix unit: batch {bs}, {ms} x {ks} x {ns}; blocks of {rowBlock} x {columnBlock} tiles{(depthBlocks > 1 ? $", K in {depthBlocks}" : "")}");
        return nest;
    }

    /// <summary>
    /// Whether packing costs less than the unit gains: the vector unit does 32 multiply-adds a cycle, the matrix unit about 500, and an element is packed
    /// in half a cycle by vectors, in eight alone.
    /// </summary>
    bool PaysOnUnit(Node x, Node y)
    {
        double Packing(Node operand, List<Node> side) => TilePacking.MayPackAlong(free, operand, k) || TilePacking.MayPackAlong(free, operand, side) ? 0.5 : 8;
        double whole = (double)((ms + Side - 1) / Side * Side) * ((ns + Side - 1) / Side * Side) * ks;
        return whole / 500 + ms * ks * Packing(x, m) + ns * ks * Packing(y, n) < (double)ms * ns * ks / 32;
    }

    // ---- packing ----

    /// <summary>An operand in panels [batch][tile][step]; returns their slot.</summary>
    int PackTiles(string name, Node x, List<Node> side, long tiles, bool ofRows) =>
        new TilePacking(nest, free, x, side, k, ofRows).Phase(name, bs * tiles, p =>
        {
            var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            IndexMath.Digits(batch, IndexMath.Div(p, tiles), map);
            return (map, IndexMath.Mod(p, tiles));
        });

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
