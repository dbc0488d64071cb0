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
            Digits(n, clamp ? Min(column, Ir.Int(ns - 1)) : column, all);
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
            if (full && IsUnit(x, n[^1]) && (Ir.Extent(n[^1]) % lanes == 0 || n.Count == 1)) AlongColumns(into);
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
        var copy = new KernelAst { Name = "pack A", Outer = [.. batch, .. m, .. k], Steps = [new Step([], [new StoreSpec(slot, DType.F32, index, x)])], Slots = nest.Slots };
        AxisTransforms.MergeContiguous(copy);
        nest.Phases.AddRange(GeneralNest.Build(copy, lanes * 4, recipe).Phases.Select(p => p with { Name = "pack A" }));
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
                Digits(m, first, all);
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
                Digits(m, ms % rows == 0 ? row : Min(row, Ir.Int(ms - 1)), all);
                body.Add(new Store(slot, DType.F32, Index(i, atK), Ir.Substitute(x, all)));
            });
        }

        // Whole vectors must lie within a run of the innermost row axis.
        bool runs = IsUnit(x, m[^1]) && Ir.Extent(m[^1]) >= spread;
        if (runs)
        {
            var digits = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            Digits(m, first, digits);
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

    /// <summary>The parallel loop over panels, the tile number in it, and the batch digits.</summary>
    (For Loop, Node Tile, Dictionary<Node, Node> Batch) Panels(long tiles)
    {
        var p = Ir.Range(Math.Max(2, bs * tiles));
        var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        Digits(batch, IndexMath.Div(p, tiles), map);
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
