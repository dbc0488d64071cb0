using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// Blocks of 32 rows on the matrix unit, for products whose factors are both bf16. What is wide lies as [position][row of the block], so 32 positions of it are one block of
/// the unit's results: a tile of scores is a panel of positions times the panel of the block's rows, written where it belongs. What is done to it position by
/// position is done while it is in the first-level cache. A product of the row takes the other matrix turned, positions along k, times the row's values, which
/// are rounded and packed in pairs of positions, a vector of rows each: nothing is turned but the finished results.
/// </summary>
sealed partial class RowBlockNest
{
    /// <summary>Positions whose values are packed at once; with the panels beside them they stay in the first-level cache.</summary>
    const int PositionsPacked = 256;

    const int BlockWords = TilePacking.Side * TilePacking.Side;

    readonly bool onUnit;

    /// <summary>
    /// Steps without those whose value only one product takes, rounded: that is computed as it is packed, and is never in scratch.
    /// </summary>
    List<Step> WithoutSingleUse(List<Step> all)
    {
        var kept = all.ToList();
        for (int i = kept.Count - 2; i >= 0; i--)
        {
            if (kept[i] is not { Inner.Count: > 0, Stores: [{ DType: DType.BF16 } store] } || !kernel.Slots[store.Slot].PerWorker) continue;
            if (Ir.All(store.Value).Exists(n => n.Op == Op.Fold && free.Of(n).Overlaps(kept[i].Inner))) continue;
            var users = kept.Skip(i + 1).Where(s => s.Stores.Exists(t => Ir.All(t.Value).Exists(Reads))).ToList();
            if (users is not [{ Stores: [var user] } step]) continue;
            var folds = Ir.All(user.Value).Where(n => n.Op == Op.Fold && Ir.All(n.src[0]).Exists(Reads)).ToList();
            if (folds is not [{ src: [{ Op: Op.Mul, src: [var a, var b] }, ..] } fold] || fold.src.Length - 1 != kept[i].Inner.Count) continue;
            var factor = Array.Find([a, b], x => TilePacking.Bf16(x) is { } half && Reads(half));
            if (factor is null || Ir.All(a == factor ? b : a).Exists(Reads)) continue;
            var load = TilePacking.Bf16(factor)!;
            var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            for (int d = 0; d < kept[i].Inner.Count; d++) map[kept[i].Inner[d]] = fold.src[1 + d];
            if (load.src.Length != 1 || Ir.Substitute(store.Index, map) != load.src[0] || Outside(user.Value, fold).Any(Reads)) continue;
            var value = Ir.Substitute(store.Value, map);
            if (value.DType != DType.BF16) value = Ir.Scalar(Op.Cast, DType.BF16, value);
            kept[kept.IndexOf(step)] = step with { Stores = [user with { Value = Ir.Substitute(user.Value, new(ReferenceEqualityComparer.Instance) { [load] = value }) }] };
            kept.RemoveAt(i);

            bool Reads(Node n) => n is { Op: Op.Load, Arg: BufferSlot s } && s.Slot == store.Slot;
        }
        return kept;

        static IEnumerable<Node> Outside(Node value, Node fold) => Ir.All(Ir.Substitute(value, new(ReferenceEqualityComparer.Instance) { [fold] = Ir.Int(0) }));
    }

    /// <summary>A factor as bf16: by itself, or scratch that holds what was rounded.</summary>
    Node? Half(Node x) => TilePacking.Bf16(x) ?? (x is { Op: Op.Load, DType: DType.F32 } && IsWide(x) && kernel.Slots[SlotOf(x)].DType == DType.BF16 ? Ir.Scalar(Op.Cast, DType.BF16, x) : null);

    /// <summary>Panels of the factor that is not of the row, made before the main kernel: rows of tiles are its axis `side`. Returns the word at which that of a tile begins.</summary>
    (int Slot, Func<Node, Node> At, TilePacking Packing) PanelsOf(Node other, Node side, List<Node> k, IEnumerable<Node> outside)
    {
        var packing = new TilePacking(nest, free, other, [side], k, ofRows: true);
        var depends = free.Of(other);
        List<Node> axes = [.. kernel.Outer.Where(depends.Contains), .. outside.Where(depends.Contains)];
        long tiles = (Ir.Extent(side) + TilePacking.Side - 1) / TilePacking.Side;
        int slot = packing.Phase("pack", Product(axes) * tiles, p =>
        {
            var given = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            IndexMath.Digits(axes, IndexMath.Div(p, tiles), given);
            return (given, IndexMath.Mod(p, tiles));
        });
        return (slot, tile => IndexMath.Mul(IndexMath.Add(IndexMath.Mul(Flat(axes), tiles), tile), packing.PanelWords), packing);
    }

    bool ScoresOnUnit(Node fold, Node mine, Node other, List<Node> inner, StoreSpec store)
    {
        var last = inner[^1];
        if (Half(mine) is not { } x || TilePacking.Bf16(other) is not { } y || !IsScratch(store.Slot) || IndexMath.Of(store.Index).FactorOf(last) != rows) return false;
        if (!free.Of(other).Contains(last) || free.Of(mine).Overlaps(inner) || HoldsFold(x)) return false;
        List<Node> k = [.. fold.src[1..]];
        if (pending is not null && (Joined(inner, [y]) is null || pending.Stores.Exists(s => s.Slot == store.Slot) || pending.Tiles.Exists(t => t.C.Slot == store.Slot)
            || Ir.All(pending.Stores.Select(s => s.Value).Concat(pending.Sums.Select(s => s.Value))).Exists(n => n is { Op: Op.Load, Arg: BufferSlot b } && b.Slot == store.Slot))) Flush();
        var (slot, at, packing) = PanelsOf(y, last, k, inner.SkipLast(1));
        int own = new TilePacking(nest, free, x, [within], k, ofRows: false).OfThread(body, bound);
        pending ??= new(inner, [], []);
        var here = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        for (int d = 0; d < inner.Count; d++) here[inner[d]] = pending.Ranges[d];
        var first = Ir.Substitute(store.Index, new(ReferenceEqualityComparer.Instance) { [within] = Ir.Int(0) });
        pending.Tiles.Add(new MatrixProduct((slot, at(IndexMath.Div(last, TilePacking.Side))), (own, Ir.Int(0)), (store.Slot, first), Ir.Int(packing.Steps), Ir.Int(0)).At(n => Ir.Substitute(n, here)));
        var sums = Ir.Load(DType.F32, store.Slot, store.Index);
        var value = Ir.Substitute(store.Value, new(ReferenceEqualityComparer.Instance) { [fold] = sums });
        if (value != sums) Elementwise(inner, [store with { Value = value }]);
        nest.UsesMatrixUnit = true;
        return true;
    }

    bool IsScratch(int slot) => slot < kernel.Slots.Count && kernel.Slots[slot].PerWorker;

    bool OfRowOnUnit(Node fold, Node mine, Node other, List<Node> inner, StoreSpec store)
    {
        if (inner is not [var column] || Half(mine) is not { } x || TilePacking.Bf16(other) is not { } y) return false;
        List<Node> k = [.. fold.src[1..]];
        var last = k[^1];
        if (!free.Of(other).Contains(column) || free.Of(mine).Contains(column) || HoldsFold(x) || IsScratch(store.Slot)) return false;
        Flush();
        long columns = Ir.Extent(column), extent = Ir.Extent(last), tiles = (columns + TilePacking.Side - 1) / TilePacking.Side;
        var (slot, panel, packing) = PanelsOf(y, column, [last], k.SkipLast(1));
        int results = Scratch(tiles * BlockWords), words = Scratch(PositionsPacked / TilePacking.StepDepth * TilePacking.StepWords);
        Node lane = Ir.Lane(lanes), zero = Graph.Build.Const(DType.F32, Shape.Scalar, 0L);
        var clear = new For(Ir.Range(tiles * BlockWords), Ir.Int(0), Ir.Int(tiles * BlockWords), lanes);
        clear.Body.Add(new Store(results, DType.F32, IndexMath.Add(clear.Var, lane), zero));
        body.Add(clear);

        var (from, to) = Limits(last);
        var stretch = new For(Ir.Range(extent), from, to, PositionsPacked);
        Open(body, k.SkipLast(1)).Add(stretch);
        var end = IndexMath.Min(IndexMath.Add(stretch.Var, PositionsPacked), to);
        var length = IndexMath.Add(end, IndexMath.Mul(stretch.Var, -1));
        var stepsHere = IndexMath.Div(IndexMath.Add(length, TilePacking.StepDepth - 1), TilePacking.StepDepth);
        var pair = new For(Ir.Range((extent + 1) / 2), IndexMath.Div(stretch.Var, 2), IndexMath.Div(IndexMath.Add(end, 1), 2));
        for (int v = 0; v < vectors; v++)
        {
            Node Bits(int odd)
            {
                var position = IndexMath.Add(IndexMath.Mul(pair.Var, 2), odd);
                bool isBeyond = odd == 1 && extent % 2 == 1;
                var value = At(x, (last, isBeyond ? IndexMath.Min(position, Ir.Int(extent - 1)) : position), (within, Lane(v)));
                if (isBeyond) value = Ir.Scalar(Op.Where, DType.BF16, IndexMath.Less(position, Ir.Int(extent)), value, Graph.Build.Const(DType.BF16, Shape.Scalar, 0.0));
                return Ir.Scalar(Op.Bitcast, DType.U32, Ir.Scalar(Op.Cast, DType.F32, value));
            }
            var word = Ir.Scalar(Op.Or, DType.U32, Bits(1), Ir.Scalar(Op.Shr, DType.U32, Bits(0), Graph.Build.Const(DType.U32, Shape.Scalar, 16L)));
            pair.Body.Add(new Store(words, DType.F32, Word(pair.Var, v), Ir.Scalar(Op.Bitcast, DType.F32, word)));
        }
        stretch.Body.Add(pair);
        if (extent % TilePacking.StepDepth != 0)
        {
            var stretchEnd = IndexMath.Add(IndexMath.Div(stretch.Var, 2), IndexMath.Mul(stepsHere, TilePacking.StepDepth / 2));
            var rest = new For(Ir.Range(extent), IndexMath.Div(IndexMath.Add(end, 1), 2), stretchEnd);
            for (int v = 0; v < vectors; v++) rest.Body.Add(new Store(words, DType.F32, Word(rest.Var, v), zero));
            stretch.Body.Add(rest);
        }
        var tile = new For(Ir.Range(Math.Max(2, tiles)), Ir.Int(0), Ir.Int(tiles));
        var firstStep = IndexMath.Mul(IndexMath.Div(stretch.Var, TilePacking.StepDepth), TilePacking.StepWords);
        tile.Body.Add(new MatrixProduct((slot, At(IndexMath.Add(panel(tile.Var), firstStep))), (words, Ir.Int(0)), (results, IndexMath.Mul(tile.Var, BlockWords)), stepsHere, Ir.Int(1)));
        stretch.Body.Add(tile);
        Finish(fold, column, store, results, tiles);
        nest.UsesMatrixUnit = true;
        return true;

        // Word (pair, row) of the stretch: steps of 16 pairs, two halves of 16 rows each.
        Node Word(Node pairs, int v)
        {
            var within = IndexMath.Add(pairs, IndexMath.Mul(IndexMath.Div(stretch.Var, 2), -1));
            int perStep = TilePacking.StepDepth / 2;
            return IndexMath.Add(IndexMath.Add(IndexMath.Mul(IndexMath.Div(within, perStep), TilePacking.StepWords), IndexMath.Mul(IndexMath.Mod(within, perStep), lanes)),
                IndexMath.Add(lane, v * TilePacking.StepWords / 2));
        }
    }

    /// <summary>Results lie as [column][row]: turned to rows, and on to what follows the sum.</summary>
    void Finish(Node fold, Node column, StoreSpec store, int results, long tiles)
    {
        long columns = Ir.Extent(column), width = tiles * TilePacking.Side;
        int slot = Scratch(rows * width);
        var lane = Ir.Lane(lanes);
        var group = new For(Ir.Range(width), Ir.Int(0), Ir.Int(width), lanes);
        for (int v = 0; v < vectors; v++)
            group.Body.Add(new StoreTransposed(slot, IndexMath.Add(group.Var, v * lanes * width), width,
                [.. Enumerable.Range(0, lanes).Select(c => Ir.Load(DType.F32, results, IndexMath.Add(IndexMath.Add(IndexMath.Mul(group.Var, rows), c * rows), Lane(v))))]));
        body.Add(group);
        var row = new For(Ir.Range(rows), Ir.Int(0), Ir.Int(rows));
        var value = Ir.Substitute(store.Value, new(ReferenceEqualityComparer.Instance) { [fold] = Ir.Load(DType.F32, slot, IndexMath.Add(IndexMath.Mul(within, width), column)) });
        void Columns(long from, long to, int step)
        {
            if (from == to) return;
            var loop = new For(Ir.Range(columns), Ir.Int(from), Ir.Int(to), step);
            var at = step == 1 ? loop.Var : IndexMath.Add(loop.Var, lane);
            loop.Body.Add(new Store(store.Slot, store.DType, At(store.Index, (within, row.Var), (column, at)), At(value, (within, row.Var), (column, at))));
            row.Body.Add(loop);
        }
        long whole = columns / lanes * lanes;
        Columns(0, whole, lanes);
        Columns(whole, columns, 1);
        body.Add(row);
    }
}
