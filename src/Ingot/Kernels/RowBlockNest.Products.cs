using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>The products of a block of rows: scores, which it makes, and sums of the block's own values times a matrix.</summary>
sealed partial class RowBlockNest
{
    /// <summary>A tile of a few positions by all rows of the block: broadcasts of the other factor times vectors of the block's own, which is copied with its rows side by side.</summary>
    bool Scores(Node fold, Node mine, Node other, List<Node> inner, StoreSpec store)
    {
        if (!kernel.Slots[store.Slot].PerWorker || !free.Of(other).Overlaps(inner) || free.Of(mine).Overlaps(inner)) return false;
        Node[] k = fold.src[1..];
        int block = CopyRows(mine, k);
        if (!IsPlain(other)) other = Copied(other, [.. inner, .. k]);
        var last = inner[^1];
        long extent = Ir.Extent(last);
        var (from, to) = Limits(last);
        var tile = new For(Ir.Range(extent), from, to, positions);
        Open(body, inner.SkipLast(1)).Add(tile);
        // Positions beyond the last are the last again.
        Node Position(int i) => extent % positions == 0 && !varies ? IndexMath.Add(tile.Var, i) : IndexMath.Min(IndexMath.Add(tile.Var, i), Size(extent - 1));
        var accs = new Node[positions, vectors];
        var zero = Graph.Build.Const(DType.F32, Shape.Scalar, 0L);
        for (int i = 0; i < positions; i++)
            for (int v = 0; v < vectors; v++) tile.Body.Add(new Init(accs[i, v] = Ir.Acc(DType.F32, Ir.Lane(lanes)), zero));
        var along = k[^1];
        int together = HasFewProducts ? SideBySide.Turns : 1;
        SideBySide.Loop(Open(tile.Body, k.SkipLast(1)), along, Ir.Int(0), Ir.Int(Ir.Extent(along)), together, Ir.Extent(along) % together == 0 && !varies, (sums, at) =>
        {
            for (int i = 0; i < positions; i++)
                for (int v = 0; v < vectors; v++)
                {
                    var own = Ir.Load(DType.F32, block, At(IndexMath.Add(IndexMath.Mul(Flat(k), rows), Lane(v)), (along, at)));
                    sums.Add(new Update(accs[i, v], Op.Add, Ir.Scalar(Op.Mul, DType.F32, own, At(other, (last, Position(i)), (along, at)))));
                }
        });
        // What follows on the tile itself, if it is little; else in a pass over the scores.
        var self = Ir.Load(DType.F32, store.Slot, store.Index);
        bool isDirect = Ir.All(Ir.Substitute(store.Value, new(ReferenceEqualityComparer.Instance) { [fold] = zero })).Count(n => n.Op is not (Op.Const or Op.Range) && n.DType.IsFloat) <= 6
            && !Ir.All(store.Value).Exists(n => n.Op == Op.Load && n != fold && !Ir.All(fold).Contains(n));
        for (int i = 0; i < positions; i++)
            for (int v = 0; v < vectors; v++)
            {
                var value = isDirect ? Ir.Substitute(store.Value, new(ReferenceEqualityComparer.Instance) { [fold] = accs[i, v] }) : accs[i, v];
                tile.Body.Add(new Store(store.Slot, DType.F32, At(store.Index, (last, Position(i)), (within, Lane(v))), At(value, (last, Position(i)), (within, Lane(v)))));
            }
        if (!isDirect) Elementwise(inner, [store with { Value = Ir.Substitute(store.Value, new(ReferenceEqualityComparer.Instance) { [fold] = self }) }]);
        return true;
    }

    /// <summary>
    /// In a kernel of four products whose scores took several turns side by side, the JIT's allocator kept accumulators on the stack (41 such operands to 10 multiply-adds): half
    /// the speed. In one of two it does not.
    /// </summary>
    bool HasFewProducts => Ir.All(kernel.Roots).Count(n => n is { Op: Op.Fold, src: [{ Op: Op.Mul }, ..] } && Ir.FoldKind(n) == Op.Add) <= 2;

    /// <summary>The block's rows of a factor, [k][row].</summary>
    int CopyRows(Node mine, Node[] k)
    {
        int slot = Scratch(Product(k) * rows);
        var last = k[^1];
        if (free.IsUnit(mine, last) && Ir.Extent(last) % lanes == 0)
        {
            // What is computed from a single read is computed on the copy: a vector at a time, not a row, in a twentieth of the code.
            var loads = Ir.All(mine).FindAll(n => n.Op == Op.Load);
            if (loads is [{ DType: DType.F32, src.Length: 1 } read] && mine != read && IsFunctionOf(mine, read))
            {
                int copy = CopyRows(read, k);
                var at = IndexMath.Add(IndexMath.Mul(Flat(k), rows), within);
                var value = Ir.Substitute(mine, new(ReferenceEqualityComparer.Instance) { [read] = Ir.Load(DType.F32, copy, at) });
                var points = Open(body, k);
                for (int v = 0; v < vectors; v++) points.Add(new Store(copy, DType.F32, At(at, (within, Lane(v))), At(value, (within, Lane(v)))));
                return copy;
            }
            var into = Open(body, k.SkipLast(1));
            var loop = new For(Ir.Range(Ir.Extent(last)), Ir.Int(0), Ir.Int(Ir.Extent(last)), lanes);
            into.Add(loop);
            for (int v = 0; v < vectors; v++)
            {
                Node[] values = [.. Enumerable.Range(0, lanes).Select(c => At(mine, (within, Ir.Int(v * lanes + c)), (last, IndexMath.Add(loop.Var, Ir.Lane(lanes)))))];
                loop.Body.Add(new StoreTransposed(slot, At(IndexMath.Add(IndexMath.Mul(Flat(k), rows), v * lanes), (last, loop.Var)), rows, values));
            }
            return slot;
        }
        var each = Ir.Range(rows);
        Open(body, [.. k, each]).Add(new Store(slot, DType.F32, IndexMath.Add(IndexMath.Mul(Flat(k), rows), each), At(mine, (within, each))));
        return slot;
    }

    /// <summary>Nothing in the value depends on a range but by way of the read.</summary>
    bool IsFunctionOf(Node value, Node read)
    {
        var without = Ir.Substitute(value, new(ReferenceEqualityComparer.Instance) { [read] = Graph.Build.Const(DType.F32, Shape.Scalar, 0L) });
        return free.Of(without).Count == 0;
    }

    /// <summary>What a stretch of positions takes of the matrix: half of the first-level cache, whose sets a stride of a power of two does not share well.</summary>
    const int FloatsInCache = 4096;

    /// <summary>
    /// Sums along the positions of the block's own values times rows of a matrix: tiles of rows by columns, taken by stretches of positions so that
    /// both stay in the first-level cache; unfinished sums wait in scratch.
    /// </summary>
    bool OfRow(Node fold, Node mine, Node other, List<Node> inner, StoreSpec store)
    {
        Node[] k = fold.src[1..];
        if (inner is not [var column] || Ir.Extent(column) % lanes != 0 || !free.Of(other).Contains(column) || free.Of(mine).Contains(column)) return false;
        if (!IsPlain(other) || IndexMath.Of(other.src[0]).FactorOf(column) != 1) other = Copied(other, [.. k, column]);
        long columns = Ir.Extent(column);
        int wide = columns % (2 * lanes) == 0 ? 2 : 1, high = Enumerable.Range(1, registers / wide).Last(h => rows % h == 0);
        int slot = Scratch(rows * columns);
        var lane = Ir.Lane(lanes);

        Node r = Ir.Range(rows), c = Ir.Range(columns);
        var clear = new For(r, Ir.Int(0), Ir.Int(rows)) { Body = { new For(c, Ir.Int(0), Ir.Int(columns), lanes) { Body = { new Store(slot, DType.F32, Sum(r, IndexMath.Add(c, lane)), Graph.Build.Const(DType.F32, Shape.Scalar, 0L)) } } } };
        body.Add(clear);

        var last = k[^1];
        var (from, to) = Limits(last);
        long depth = Math.Clamp(FloatsInCache / columns, 32, Stretch);
        var stretch = new For(Ir.Range(Ir.Extent(last)), from, to, depth);
        Open(body, k.SkipLast(1)).Add(stretch);
        var columnTile = new For(Ir.Range(columns), Ir.Int(0), Ir.Int(columns), wide * lanes);
        var rowTile = new For(Ir.Range(rows), Ir.Int(0), Ir.Int(rows), high);
        stretch.Body.Add(columnTile);
        columnTile.Body.Add(rowTile);
        var accs = new Node[high, wide];
        Node Place(int i, int j) => Sum(IndexMath.Add(rowTile.Var, i), IndexMath.Add(IndexMath.Add(columnTile.Var, lane), j * lanes));
        for (int i = 0; i < high; i++)
            for (int j = 0; j < wide; j++) rowTile.Body.Add(new Init(accs[i, j] = Ir.Acc(DType.F32, lane), Ir.Load(DType.F32, slot, Place(i, j))));
        SideBySide.Loop(rowTile.Body, last, stretch.Var, IndexMath.Min(IndexMath.Add(stretch.Var, depth), to), SideBySide.Turns, false, (sums, at) =>
        {
            for (int i = 0; i < high; i++)
                for (int j = 0; j < wide; j++)
                    sums.Add(new Update(accs[i, j], Op.Add, Ir.Scalar(Op.Mul, DType.F32, At(mine, (within, IndexMath.Add(rowTile.Var, i)), (last, at)),
                        At(other, (column, IndexMath.Add(IndexMath.Add(columnTile.Var, lane), j * lanes)), (last, at)))));
        });
        for (int i = 0; i < high; i++)
            for (int j = 0; j < wide; j++) rowTile.Body.Add(new Store(slot, DType.F32, Place(i, j), accs[i, j]));

        Node r2 = Ir.Range(rows), c2 = Ir.Range(columns);
        var at = IndexMath.Add(c2, lane);
        var value = Ir.Substitute(store.Value, new(ReferenceEqualityComparer.Instance) { [fold] = Ir.Load(DType.F32, slot, Sum(within, column)) });
        body.Add(new For(r2, Ir.Int(0), Ir.Int(rows)) { Body = { new For(c2, Ir.Int(0), Ir.Int(columns), lanes) { Body = { new Store(store.Slot, store.DType, At(store.Index, (within, r2), (column, at)), At(value, (within, r2), (column, at))) } } } });
        return true;

        Node Sum(Node row, Node column) => IndexMath.Add(IndexMath.Mul(row, columns), column);
    }

    // ---- the other factor ----

    static bool IsPlain(Node n) => n is { Op: Op.Load, DType: DType.F32, src.Length: 1 };

    /// <summary>A kernel of its own before the main one computes the factor once, as float32, in the order in which it is read.</summary>
    Node Copied(Node other, List<Node> ranges)
    {
        List<Node> axes = [.. kernel.Outer.Where(r => free.Of(other).Contains(r)), .. ranges.Where(r => free.Of(other).Contains(r))];
        int slot = Scratch(Product(axes), perWorker: false);
        nest.Phases.AddRange(GeneralNest.Stage("copy", axes, new(slot, DType.F32, Flat(axes), other), nest.Slots, lanes * 4, new Recipe()));
        return Ir.Load(DType.F32, slot, Flat(axes));
    }
}
