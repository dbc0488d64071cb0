using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>What follows the sum: values of rows or columns alone, and the last columns of a product.</summary>
sealed partial class ContractionNest
{
    /// <summary>Elements of the result that must share a value before it is computed beforehand.</summary>
    const int SharedBy = 16;

    /// <summary>
    /// What follows the sum with values of a row alone, or of a column, that take a division or a root (a channel's deviation) computed once, by a stage before,
    /// instead of once a tile: the latency of both is that of many multiplications.
    /// </summary>
    List<StoreSpec> OncePerRow(List<StoreSpec> stores)
    {
        var written = stores.Select(s => s.Slot).ToHashSet();
        var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        var sum = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance) { [fold] = Graph.Build.Const(DType.F32, Shape.Scalar, 0L) };
        var seen = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        void Visit(Node x)
        {
            if (x == fold || !seen.Add(x)) return;
            var side = x.DType != DType.F32 || free.Of(x).Count == 0 ? null : free.Of(x).SetEquals(m) ? m : free.Of(x).SetEquals(n) ? n : null;
            if (side is not null && bs * ms * ns >= SharedBy * Product(side) && IsSlow(x))
            {
                int slot = Scratch(DType.F32, Product(side), false);
                var fresh = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
                foreach (var r in side) fresh[r] = Ir.Range(Ir.Extent(r));
                AddStage("once a row", [.. side.Select(r => fresh[r])], new StoreSpec(slot, DType.F32, Ir.Substitute(Flat(side), fresh), Ir.Substitute(x, fresh)));
                map[x] = Ir.Load(DType.F32, slot, Flat(side));
                return;
            }
            foreach (var s in x.src) Visit(s);
        }
        foreach (var s in stores) Visit(s.Value);
        return map.Count == 0 ? stores : stores.ConvertAll(s => s with { Value = Ir.Substitute(s.Value, map) });

        bool IsSlow(Node x)
        {
            var all = Ir.All(x);
            return all.Exists(v => v.Op is Op.Div or Op.Recip or Op.Sqrt || v.Op.IsTranscendental)
                && !all.Exists(v => v == fold || v.Op is Op.CheckIndex or Op.Fold || (v is { Op: Op.Load, Arg: BufferSlot b } && (written.Contains(b.Slot) || nest.Slots[b.Slot].PerWorker)));
        }
    }

    /// <summary>What follows the sum may be computed in vectors that pass the last column, if what they read there is asked for first.</summary>
    bool MayPassTheEnd(List<StoreSpec> stores)
    {
        if (stores is not [{ DType: DType.F32, Value: var value }]) return false;
        var after = Ir.All(Ir.Substitute(value, new(ReferenceEqualityComparer.Instance) { [fold] = Graph.Build.Const(DType.F32, Shape.Scalar, 0L) }));
        return after.TrueForAll(x => x.Op is not (Op.CheckIndex or Op.IDiv or Op.Mod or Op.Fold)
            && (x.Op != Op.Load || !n.Exists(free.Of(x).Contains) || (x.DType == DType.F32 && IndexMath.Of(x.src[0]).Terms.TrueForAll(t => Ir.IsRange(t.Atom)))));
    }

    /// <summary>The valid columns of a last tile: finished in whole vectors, into a row of scratch, and copied from there.</summary>
    For PartOfTile(StoreSpec store, int slot, Node tile, Node mt, Node nt, Func<Node, Node, Dictionary<Node, Node>> at, Node rowsHere, Node columnsHere)
    {
        int finished = Scratch(DType.F32, width, true);
        var lane = Ir.Lane(lanes);
        var (i, c) = (Ir.Range(rows), Ir.Range(width));
        var loop = new For(i, Ir.Int(0), rowsHere);
        Node row = IndexMath.Add(IndexMath.Mul(mt, rows), i), firstColumn = IndexMath.Mul(nt, width);
        for (int j = 0; j < tileVectors; j++)
        {
            Node within = IndexMath.Add(lane, j * lanes), column = IndexMath.Add(firstColumn, within);
            var inside = IndexMath.Less(column, Ir.Int(ns));
            var sum = Ir.Load(DType.F32, slot, IndexMath.Add(tile, IndexMath.Add(IndexMath.Mul(i, width), within)));
            var memo = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance) { [fold] = sum };
            // Reads at columns ask first whether there is one.
            foreach (var x in Ir.All(store.Value))
                if (x.Op == Op.Load && n.Exists(free.Of(x).Contains) && !Ir.All(fold).Contains(x)) memo[x] = Node.Of(Op.Load, x.DType, Shape.Scalar, x.Arg, x.src[0], Ir.And(x.src.Length > 1 ? x.src[1] : null, inside));
            var value = Ir.Substitute(Ir.Substitute(store.Value, memo), at(row, column));
            loop.Body.Add(new Store(finished, DType.F32, within, value));
        }
        var copy = new For(c, Ir.Int(0), columnsHere);
        copy.Body.Add(new Store(store.Slot, store.DType, Ir.Substitute(store.Index, at(row, IndexMath.Add(firstColumn, c))), Ir.Load(DType.F32, finished, c)));
        loop.Body.Add(copy);
        return loop;
    }
}
