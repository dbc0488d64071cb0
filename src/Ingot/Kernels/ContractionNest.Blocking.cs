using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>Blocks that fit the caches, and what is fetched before it is used.</summary>
sealed partial class ContractionNest
{
    /// <summary>An extent of which a loop may be made even if it is 1 just now.</summary>
    long Several(long extent) => varies ? Math.Max(2, extent) : extent;

    /// <summary>B is larger than the cache and used by few rows: it is read once, where it is, a few of its rows side by side.</summary>
    bool streamsB;

    // What a thread takes at once, in tiles, and a stretch of K: blocks of the outermost K axis, each this long.
    long rowBlock, rowBlocks, columnBlock, columnBlocks, depthBlock, depthBlocks;

    /// <summary>
    /// A stretch of a column panel of B fills the first-level cache and goes past the block's row tiles, whose part of A fills three quarters of the second:
    /// the more rows, the fewer times B comes from further away. Sums of a block that are not finished wait in scratch, read and written once in a stretch,
    /// in order. Where that makes too few blocks for the pool, the longer side is halved.
    /// </summary>
    void ChooseBlocks()
    {
        long outermost = Ir.Extent(k[0]), inside = ks / outermost, fit = Math.Max(64, Cpu.Caches.L1Data / 4 / width);
        long depth = recipe.Depth ?? (streamsB ? RowsOfStream : 2 * ks > 3 * fit && ms > 4 * rows ? fit : 0);
        depthBlock = depth == 0 ? outermost : Math.Clamp((depth + inside - 1) / inside, 1, outermost);
        depthBlocks = (outermost + depthBlock - 1) / depthBlock;
        depthBlock = (outermost + depthBlocks - 1) / depthBlocks; // of equal length
        if (depthBlocks > 1 && k.Count == 1) depthBlock = Math.Min(outermost, (depthBlock + lanes - 1) / lanes * lanes); // copies take whole vectors along it
        depthBlocks = (outermost + depthBlock - 1) / depthBlock;

        long cache = Cpu.Caches.L2 / sizeof(float);
        rowBlock = Clamp(recipe.RowBlock, cache * 3 / 4 / (depthBlock * inside * rows), rowTiles);
        columnBlock = Clamp(recipe.ColumnBlock, columnTiles, columnTiles);
        if (depthBlocks > 1) columnBlock = Math.Min(columnBlock, Math.Max(1, cache / 2 / (rowBlock * rows * width)));
        long wanted = (streamsB ? 2 : 4) * WorkerPool.Threads; // a stream in short pieces is none
        if (recipe.RowBlock is null && recipe.ColumnBlock is null)
            while (bs * Blocks(rowTiles, rowBlock) * Blocks(columnTiles, columnBlock) < wanted && (rowBlock > 2 || columnBlock > 1))
                if (rowBlock <= 2 || (columnBlock > 1 && columnBlock * width >= rowBlock * rows)) columnBlock = (columnBlock + 1) / 2;
                else rowBlock = (rowBlock + 1) / 2;
        // Of equal size, and so few of them as many for each thread.
        (rowBlocks, columnBlocks) = (Blocks(rowTiles, rowBlock), Blocks(columnTiles, columnBlock));
        for (int more = 1; more < WorkerPool.Threads && recipe.ColumnBlock is null && bs * rowBlocks * columnBlocks < 2 * wanted && bs * rowBlocks * columnBlocks % WorkerPool.Threads != 0 && columnBlocks < columnTiles; more++) columnBlocks++;
        (rowBlock, columnBlock) = (Blocks(rowTiles, rowBlocks), Blocks(columnTiles, columnBlocks));
        if (turnsResults && rowBlocks > 1) rowBlock = Blocks(rowBlock, Group) * Group;
        (rowBlocks, columnBlocks) = (Blocks(rowTiles, rowBlock), Blocks(columnTiles, columnBlock));

        static long Blocks(long tiles, long block) => (tiles + block - 1) / block;
        static long Clamp(int? asked, long heuristic, long most) => Math.Clamp(asked ?? heuristic, 1, most);
    }

    /// <summary>
    /// While a row tile is multiplied with a panel of B, its part of the next panel is fetched into the second-level cache: panels come from
    /// further away, each just once in the time of a block, and the first row tile would wait for all of it.
    /// </summary>
    void PrefetchPanel(List<Stmt> into, Dictionary<Node, Node> atBatch, Node nt, Node tile, Node from)
    {
        const int Line = 16; // floats
        long panel = ks * width, inside = ks / Ir.Extent(k[0]), part = depthBlock * inside * width;
        long each = (part / Line + rowBlock - 1) / rowBlock;
        var start = IndexMath.Mul(IndexMath.Add(IndexMath.Add(IndexMath.Mul(Ir.Substitute(Flat(batch), atBatch), columnTiles), nt), 1), panel);
        start = IndexMath.Add(IndexMath.Add(start, IndexMath.Mul(from, inside * width)), IndexMath.Mul(tile, each * Line));
        var q = new For(Ir.Range(Several(each)), Ir.Int(0), Size(each));
        q.Body.Add(new Prefetch(((BufferSlot)b.Arg!).Slot, DType.F32, IndexMath.Add(start, IndexMath.Mul(q.Var, Line))));
        into.Add(q);
    }

    /// <summary>
    /// A short K: a panel of B is few cache lines, one of each row, and they stay in the first-level cache where they are. Not if many of them share cache sets, or
    /// take more pages than the translation buffer should give to one operand.
    /// </summary>
    bool StaysWhereItIs(Node y)
    {
        const int Page = 4096, Line = 64, MostPages = 40, MostInASet = 4;
        if (k.Count != 1 || n.Count != 1 || ks > MostPages) return false;
        long stride = IndexMath.Of(y.src[0]).FactorOf(k[0]) * sizeof(float), places = Page / Line;
        if (stride <= 0) return false;
        while (places > 1 && stride % (Page / places * 2) == 0) places /= 2;
        return (ks + places - 1) / places * Math.Max(1, width * sizeof(float) / Line) <= MostInASet;
    }

    /// <summary>While a row tile is multiplied with a panel of B that is read where it is, its part of the next panel's rows is fetched.</summary>
    void PrefetchColumns(List<Stmt> into, Dictionary<Node, Node> atBatch, Node nt, Node tile)
    {
        if (b is not { Op: Op.Load, Arg: BufferSlot slot, src: [var index] }) return;
        long each = (ks + rowBlock - 1) / rowBlock;
        var q = new For(Ir.Range(Several(each)), Ir.Int(0), Size(each));
        var map = new Dictionary<Node, Node>(atBatch, ReferenceEqualityComparer.Instance) { [k[0]] = IndexMath.Min(IndexMath.Add(IndexMath.Mul(tile, Size(each)), q.Var), Size(ks - 1)) };
        for (int column = 0; column < width; column += 64 / b.DType.Size)
        {
            IndexMath.Digits(n, IndexMath.Add(IndexMath.Mul(IndexMath.Add(nt, 1), width), column), map);
            q.Body.Add(new Prefetch(slot.Slot, b.DType, Ir.Substitute(index, map)));
        }
        into.Add(q);
    }

    /// <summary>What the end of a tile reads at the tile's own places (a weight and its optimizer's state, a residual) is fetched while the tile is multiplied.</summary>
    void PrefetchEnd(List<Stmt> into, List<StoreSpec> stores, Node depth, Func<Node, Node, Dictionary<Node, Node>> at, Node mt, Node nt)
    {
        var zero = Graph.Build.Const(DType.F32, Shape.Scalar, 0L);
        var loads = stores.SelectMany(s => Ir.All(Ir.Substitute(s.Value, new(ReferenceEqualityComparer.Instance) { [fold] = zero }))).Where(IsOfTile).DistinctBy(l => ((BufferSlot)l.Arg!).Slot).ToList();
        if (loads.Count == 0 || ms * ns * sizeof(float) * loads.Count < Cpu.Caches.L2) return;
        var row = new For(Ir.Range(rows), Ir.Int(0), Ir.Int(rows));
        foreach (var load in loads)
            for (int column = 0; column < width; column += 64 / load.DType.Size)
            {
                var map = at(IndexMath.Add(IndexMath.Mul(mt, rows), row.Var), IndexMath.Add(IndexMath.Mul(nt, width), column));
                row.Body.Add(new Prefetch(((BufferSlot)load.Arg!).Slot, load.DType, Ir.Substitute(load.src[0], map)));
            }
        if (depthBlocks == 1) into.Add(row);
        else into.Add(new If(IndexMath.Less(Ir.Int(depthBlocks - 2), depth)) { Then = [row] });

        bool IsOfTile(Node x) =>
            // No looked-up index: the last tile's rows go beyond the operand, which a fetch may and a read may not.
            x is { Op: Op.Load, src: [var index] } && n.Count > 0 && !Ir.All(index).Exists(i => i.Op is Op.Load or Op.CheckIndex)
            && IndexMath.Of(index) is var form && form.FactorOf(n[^1]) == 1 && m.Exists(r => form.FactorOf(r) != 0);
    }

    /// <summary>Rows of a streamed B that are read side by side: sums then go to scratch and back once in so many.</summary>
    const int RowsOfStream = 8;

    /// <summary>While rows of a streamed B are multiplied, the next ones are fetched. On the machine measured its own prefetchers do better (27 against 24 GB/s), so a recipe must ask for it.</summary>
    void PrefetchRows(List<Stmt> into, Dictionary<Node, Node> atBatch, Node nt, Node from)
    {
        if (k.Count != 1 || b is not { Op: Op.Load, Arg: BufferSlot slot, src: [var index] }) return;
        var row = new For(Ir.Range(depthBlock), Ir.Int(0), Ir.Int(depthBlock));
        var map = new Dictionary<Node, Node>(atBatch, ReferenceEqualityComparer.Instance) { [k[0]] = IndexMath.Add(IndexMath.Add(from, depthBlock), row.Var) };
        for (int column = 0; column < width; column += 64 / b.DType.Size)
        {
            IndexMath.Digits(n, IndexMath.Add(IndexMath.Mul(nt, width), column), map);
            row.Body.Add(new Prefetch(slot.Slot, b.DType, Ir.Substitute(index, map)));
        }
        into.Add(row);
    }
}
