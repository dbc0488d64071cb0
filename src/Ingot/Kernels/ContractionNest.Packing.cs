using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>Stages that copy an operand, with everything fused into it, to where the innermost loop reads it best.</summary>
sealed partial class ContractionNest
{
    /// <summary>B in panels [batch][column tile][k][column in the tile]. Columns beyond the last repeat it; what they give is dropped.</summary>
    Node PackColumns(Node x)
    {
        long panel = ks * width;
        int slot = Scratch(DType.F32, bs * columnTiles * panel, false);
        var (loop, tile, map) = Panels(columnTiles);
        var at = IndexMath.Mul(loop.Var, panel);
        int runs = width / lanes;

        Node Index(Node within, Dictionary<Node, Node> atK) => IndexMath.Add(IndexMath.Add(at, within), IndexMath.Mul(Ir.Substitute(Flat(k), atK), width));

        Node Value(Node within, Dictionary<Node, Node> atK, bool clamp)
        {
            var column = IndexMath.Add(IndexMath.Mul(tile, width), within);
            var all = With(map, atK);
            IndexMath.Digits(n, clamp ? IndexMath.Min(column, Ir.Int(ns - 1)) : column, all);
            return Ir.Substitute(x, all);
        }

        // Vectors along the columns.
        void AlongColumns(List<Stmt> into) => OverK(into, k, None, (body, atK) =>
        {
            for (int j = 0; j < runs; j++)
            {
                var within = IndexMath.Add(Ir.Lane(lanes), j * lanes);
                body.Add(new Store(slot, DType.F32, Index(within, atK), Value(within, atK, false)));
            }
        });

        // Vectors along k, turned in registers.
        void AlongK(List<Stmt> into, bool clamp) => OverK(into, k.GetRange(0, k.Count - 1), None, (body, outer) =>
        {
            long extent = Ir.Extent(k[^1]), whole = extent - extent % lanes;
            var first = Ir.Range(extent);
            var loop = new For(first, Ir.Int(0), Ir.Int(whole), lanes);
            var start = With(outer, k[^1], first);
            var along = With(outer, k[^1], IndexMath.Add(first, Ir.Lane(lanes)));
            for (int j = 0; j < runs; j++)
            {
                var values = new Node[lanes];
                for (int c = 0; c < lanes; c++) values[c] = Value(Ir.Int(j * lanes + c), along, clamp);
                loop.Body.Add(new StoreTransposed(slot, Index(Ir.Int(j * lanes), start), width, values));
            }
            body.Add(loop);
            if (whole < extent) body.Add(OneByOne(outer, whole, clamp));
        });

        // Columns outside, k inside: where the unit stride is, if there is one.
        Stmt OneByOne(Dictionary<Node, Node> outer, long fromK, bool clamp)
        {
            var c = Ir.Range(width);
            var columns = new For(c, Ir.Int(0), Ir.Int(width));
            var body = columns.Body;
            var rest = k.FindAll(r => !outer.ContainsKey(r));
            if (fromK > 0)
            {
                var last = Ir.Range(Ir.Extent(k[^1]));
                var loop = new For(last, Ir.Int(fromK), Ir.Int(Ir.Extent(k[^1])));
                body.Add(loop);
                var atK = With(outer, k[^1], last);
                loop.Body.Add(new Store(slot, DType.F32, Index(c, atK), Value(c, atK, clamp)));
            }
            else OverK(body, rest, outer, (into, atK) => into.Add(new Store(slot, DType.F32, Index(c, atK), Value(c, atK, clamp))));
            return columns;
        }

        List<Stmt> Tile(bool full)
        {
            var into = new List<Stmt>();
            if (full && IsUnit(x, n[^1]) && HoldsVectors(n)) AlongColumns(into);
            else if (IsUnit(x, k[^1])) AlongK(into, !full);
            else into.Add(OneByOne(None, 0, !full));
            return into;
        }

        if (ns % width == 0) loop.Body.AddRange(Tile(true));
        else if (ns < width) loop.Body.AddRange(Tile(false));
        else loop.Body.Add(new If(IndexMath.Less(tile, Ir.Int(ns / width))) { Then = Tile(true), Else = Tile(false) });
        nest.Phases.Add(new("pack B", [loop], bs * columnTiles, 1, panel * 2));
        var read = IndexMath.Mul(IndexMath.Add(IndexMath.Mul(Flat(batch), columnTiles), TileVar("B")), panel);
        return Ir.Load(DType.F32, slot, IndexMath.Add(read, IndexMath.Add(WithinVar("B"), IndexMath.Mul(Flat(k), width))));
    }

    /// <summary>
    /// A in rows where its reads run along k; else in panels [batch][row tile][k][row in the tile]. A vector holds more rows than a tile: what it
    /// writes beyond the tile is overwritten by the next k.
    /// </summary>
    Node PackRows(Node x) => IsUnit(x, k[^1]) ? Materialise(x) : PackRowPanels(x);

    /// <summary>A kernel of its own that writes A row by row. A row's length is no multiple of 2 KB, so that the rows of a tile do not share cache sets.</summary>
    Node Materialise(Node x)
    {
        long row = ks % 512 == 0 ? ks + 16 : ks;
        int slot = Scratch(DType.F32, bs * ms * row, false);
        var index = IndexMath.Add(IndexMath.Mul(IndexMath.Add(IndexMath.Mul(Flat(batch), ms), Flat(m)), row), Flat(k));
        AddStage("pack A", [.. batch, .. m, .. k], new StoreSpec(slot, DType.F32, index, x));
        var at = IndexMath.Add(IndexMath.Mul(Flat(batch), ms), RowVar);
        return Ir.Load(DType.F32, slot, IndexMath.Add(IndexMath.Mul(at, row), Flat(k)));
    }

    Node PackRowPanels(Node x)
    {
        int spread = (rows + lanes - 1) / lanes * lanes;
        long panel = (ks * rows + spread - rows + 15) / 16 * 16;
        int slot = Scratch(DType.F32, bs * rowTiles * panel, false);
        var (loop, tile, map) = Panels(rowTiles);
        var at = IndexMath.Mul(loop.Var, panel);
        var first = IndexMath.Mul(tile, rows);

        Node Index(Node within, Dictionary<Node, Node> atK) => IndexMath.Add(IndexMath.Add(at, within), IndexMath.Mul(Ir.Substitute(Flat(k), atK), rows));

        void Vectors(List<Stmt> into) => OverK(into, k, None, (body, atK) =>
        {
            for (int j = 0; j < spread; j += lanes)
            {
                var within = IndexMath.Add(Ir.Lane(lanes), j);
                var all = With(map, atK);
                IndexMath.Digits(m, first, all);
                all[m[^1]] = IndexMath.Add(all[m[^1]], within);
                body.Add(new Store(slot, DType.F32, Index(within, atK), Ir.Substitute(x, all)));
            }
        });

        void OneByOne(List<Stmt> into)
        {
            var i = Ir.Range(rows);
            var each = new For(i, Ir.Int(0), Ir.Int(rows));
            into.Add(each);
            OverK(each.Body, k, None, (body, atK) =>
            {
                var all = With(map, atK);
                var row = IndexMath.Add(first, i);
                IndexMath.Digits(m, ms % rows == 0 ? row : IndexMath.Min(row, Ir.Int(ms - 1)), all);
                body.Add(new Store(slot, DType.F32, Index(i, atK), Ir.Substitute(x, all)));
            });
        }

        // Whole vectors must lie within a run of the innermost row axis.
        bool runs = IsUnit(x, m[^1]) && Ir.Extent(m[^1]) >= spread;
        if (runs)
        {
            var digits = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            IndexMath.Digits(m, first, digits);
            var fits = new If(IndexMath.Less(digits[m[^1]], Ir.Int(Ir.Extent(m[^1]) - spread + 1)));
            Vectors(fits.Then);
            OneByOne(fits.Else);
            loop.Body.Add(fits);
        }
        else OneByOne(loop.Body);
        nest.Phases.Add(new("pack A", [loop], bs * rowTiles, 1, ks * rows * 2));
        var read = IndexMath.Mul(IndexMath.Add(IndexMath.Mul(Flat(batch), rowTiles), TileVar("A")), panel);
        return Ir.Load(DType.F32, slot, IndexMath.Add(read, IndexMath.Add(WithinVar("A"), IndexMath.Mul(Flat(k), rows))));
    }

    /// <summary>
    /// A read within bounds of a few sums of ranges (a convolution's row + offset), zero outside them: the sums' values become axes of a copy
    /// with its border of zeros, and the read a plain one. Anything else stays as it is.
    /// </summary>
    Node Unguarded(Node x)
    {
        if (x is not { Op: Op.Load, DType: DType.F32, src: [var index, var guard] } || Bounds(guard) is not { } sums) return x;
        var rest = IndexMath.Of(index);
        var value = Ir.Int(0);
        long elements = 1;
        var axes = new List<(Node Range, long Stride, Node At)>(); // the copy's axes, and what walks them
        foreach (var (sum, bound) in sums)
        {
            long stride = rest.FactorOf(sum.Terms[0].Atom) / sum.Terms[0].Factor;
            foreach (var (r, factor) in sum.Terms)
            {
                if (rest.FactorOf(r) != stride * factor) return x;
                rest.Add(r, -stride * factor);
            }
            var (least, greatest) = IndexMath.Bounds(sum.ToNode());
            var range = Ir.Range(greatest - least + 1);
            axes.Add((range, stride, IndexMath.Add(sum.ToNode(), -least)));
            var original = IndexMath.Add(range, least);
            value = IndexMath.Add(value, IndexMath.Mul(original, stride));
            guard = Ir.And(sum == sums[0].Sum ? null : guard, Ir.And(IndexMath.Less(Ir.Int(bound.Least - 1), original), IndexMath.Less(original, Ir.Int(bound.Greatest + 1))));
        }
        if (rest.Terms.Exists(t => !Ir.IsRange(t.Atom) || sums.Exists(s => s.Sum.FactorOf(t.Atom) != 0))) return x;
        foreach (var (r, stride) in rest.Terms) axes.Add((r, stride, r));
        foreach (var axis in axes) elements *= Ir.Extent(axis.Range);
        // Not worth it where each element is used once or twice only.
        if (elements * 2 > free.Of(x).Aggregate(1L, (p, r) => p * Ir.Extent(r))) return x;
        axes.Sort((p, q) => q.Stride.CompareTo(p.Stride)); // in the order of the source's memory
        Node to = Ir.Int(0), from = Ir.Int(0);
        foreach (var axis in axes)
        {
            to = IndexMath.Add(IndexMath.Mul(to, Ir.Extent(axis.Range)), axis.Range);
            from = IndexMath.Add(IndexMath.Mul(from, Ir.Extent(axis.Range)), axis.At);
        }
        int slot = Scratch(DType.F32, elements, false);
        var read = Node.Of(Op.Load, x.DType, Shape.Scalar, x.Arg, IndexMath.Add(value, rest.ToNode()), guard);
        AddStage("border", [.. axes.Select(axis => axis.Range)], new StoreSpec(slot, DType.F32, to, read));
        return Ir.Load(DType.F32, slot, from);
    }

    /// <summary>A guard as bounds of sums of ranges that share no range; null if it is something else.</summary>
    static List<(IndexMath.Linear Sum, (long Least, long Greatest) Bound)>? Bounds(Node guard)
    {
        var found = new List<(IndexMath.Linear Sum, (long Least, long Greatest) Bound)>();
        var parts = new Stack<Node>([guard]);
        while (parts.TryPop(out var part))
        {
            if (part.Op == Op.And) { parts.Push(part.src[1]); parts.Push(part.src[0]); continue; }
            if (part.Op != Op.CmpLt || part.src[0].DType != DType.I64) return null;
            var difference = IndexMath.Of(IndexMath.Add(part.src[1], IndexMath.Mul(part.src[0], -1))); // > 0
            if (difference.Terms.Count == 0 || difference.Terms.Exists(t => !Ir.IsRange(t.Atom))) return null;
            difference.Terms.Sort((s, t) => Ir.Id(s.Atom).CompareTo(Ir.Id(t.Atom)));
            bool upward = difference.Terms[0].Factor > 0;
            long constant = difference.Constant;
            difference.Constant = 0;
            var sum = upward ? difference : difference.Scaled(-1);
            int at = found.FindIndex(f => f.Sum.Terms.SequenceEqual(sum.Terms));
            if (at < 0)
            {
                if (found.Exists(f => f.Sum.Terms.Exists(t => sum.FactorOf(t.Atom) != 0))) return null;
                var (least, greatest) = IndexMath.Bounds(sum.ToNode());
                found.Add((sum, (least, greatest)));
                at = found.Count - 1;
            }
            var bound = found[at].Bound;
            found[at] = (found[at].Sum, upward ? (Math.Max(bound.Least, 1 - constant), bound.Greatest) : (bound.Least, Math.Min(bound.Greatest, constant - 1)));
        }
        return found;
    }

    /// <summary>A kernel of its own before the product.</summary>
    void AddStage(string name, List<Node> axes, StoreSpec store)
    {
        var stage = new KernelAst { Name = name, Outer = axes, Steps = [new Step([], [store])], Slots = nest.Slots };
        AxisTransforms.MergeContiguous(stage);
        nest.Phases.AddRange(GeneralNest.Build(stage, lanes * 4, recipe).Phases.Select(p => p with { Name = name }));
    }

    /// <summary>The parallel loop over panels, the tile number in it, and the batch digits.</summary>
    (For Loop, Node Tile, Dictionary<Node, Node> Batch) Panels(long tiles)
    {
        var p = Ir.Range(Math.Max(2, bs * tiles));
        var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        IndexMath.Digits(batch, IndexMath.Div(p, tiles), map);
        return (new For(p, Chunk.Start, Chunk.End), IndexMath.Mod(p, tiles), map);
    }

    static readonly Dictionary<Node, Node> None = new(ReferenceEqualityComparer.Instance);

    /// <summary>Loops over fresh ranges in the place of some of K's; the body gets them with those already given.</summary>
    static void OverK(List<Stmt> into, List<Node> ranges, Dictionary<Node, Node> given, Action<List<Stmt>, Dictionary<Node, Node>> body)
    {
        var map = new Dictionary<Node, Node>(given, ReferenceEqualityComparer.Instance);
        foreach (var r in ranges)
        {
            var loop = new For(map[r] = Ir.Range(Ir.Extent(r)), Ir.Int(0), Ir.Int(Ir.Extent(r)));
            into.Add(loop);
            into = loop.Body;
        }
        body(into, map);
    }

    static Dictionary<Node, Node> With(Dictionary<Node, Node> map, Dictionary<Node, Node> more)
    {
        var all = new Dictionary<Node, Node>(map, ReferenceEqualityComparer.Instance);
        foreach (var (r, v) in more) all[r] = v;
        return all;
    }

    static Dictionary<Node, Node> With(Dictionary<Node, Node> map, Node range, Node value) =>
        new(map, ReferenceEqualityComparer.Instance) { [range] = value };

    /// <summary>All reads of x move with unit stride (or not at all) along r, which is long enough for a vector, and some do.</summary>
    bool IsUnit(Node x, Node r)
    {
        if (!Ir.IsRange(r) || Ir.Extent(r) < lanes) return false;
        bool some = false;
        foreach (var load in Ir.All(x))
        {
            if (load.Op != Op.Load) continue;
            var form = IndexMath.Of(load.src[0]);
            long factor = form.FactorOf(r);
            if (factor is not (0 or 1) || form.Terms.Exists(t => t.Atom != r && free.Of(t.Atom).Contains(r))) return false;
            some |= factor == 1;
        }
        return some;
    }

    // Placeholders that Main replaces: the tile number and the position within a tile of a packed operand, and the row of one in rows.
    readonly Dictionary<string, Node> placeholders = [];
    Node TileVar(string which) => Placeholder(which + " tile");
    Node WithinVar(string which) => Placeholder(which + " within");
    Node RowVar => Placeholder("A row");
    Node Placeholder(string name) => placeholders.TryGetValue(name, out var p) ? p : placeholders[name] = Ir.Range(1L << 40);
}
