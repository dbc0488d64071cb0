using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>Stages that copy an operand, with everything fused into it, to where the innermost loop reads it best.</summary>
sealed partial class ContractionNest
{
    /// <summary>B in panels [batch][column tile][k][column in the tile], made before the product.</summary>
    Node PackColumns(Node x)
    {
        long panel = ks * width;
        int slot = Scratch(DType.F32, bs * columnTiles * panel, false);
        // Rows of B are read some panels' width at a time: one panel's part is a cache line of a page, and the next row is pages away.
        long together = AlongColumns(x) ? Math.Clamp(columnTiles / (4 * WorkerPool.Threads), 1, MostPanels) : 1, groups = (columnTiles + together - 1) / together;
        var (loop, group, map) = Panels(groups);
        var first = IndexMath.Mul(group, together);
        var (fullEnd, end) = (IndexMath.Min(IndexMath.Add(first, together), Size(ns / width)), IndexMath.Min(IndexMath.Add(first, together), Size(columnTiles)));
        Node At(Node tile) => IndexMath.Mul(IndexMath.Add(IndexMath.Mul(Ir.Substitute(Flat(batch), map), columnTiles), tile), panel);
        if (together == 1) ColumnTile(loop.Body, x, slot, At(group), group, map, null);
        else
        {
            OverK(loop.Body, k, None, (body, atK) =>
            {
                var tile = new For(Ir.Range(columnTiles), first, fullEnd);
                CopyColumns(tile.Body, x, slot, At(tile.Var), tile.Var, map, k, atK);
                body.Add(tile);
            });
            if (!IsWhole(ns, width))
            {
                var last = new For(Ir.Range(columnTiles), Ir.Scalar(Op.Where, DType.I64, IndexMath.Less(first, Size(ns / width)), Size(ns / width), first), end);
                ColumnTile(last.Body, x, slot, At(last.Var), last.Var, map, null);
                loop.Body.Add(last);
            }
        }
        nest.Phases.Add(new("pack B", [loop], bs * groups, 1, together * panel * 2));
        var read = IndexMath.Mul(IndexMath.Add(IndexMath.Mul(Flat(batch), columnTiles), TileVar("B")), panel);
        return Ir.Load(DType.F32, slot, IndexMath.Add(read, IndexMath.Add(WithinVar("B"), IndexMath.Mul(Flat(k), width))));
    }

    /// <summary>Panels of B that are filled side by side.</summary>
    const int MostPanels = 8;

    /// <summary>B is copied by vectors of columns.</summary>
    bool AlongColumns(Node x) => IsUnit(x, n[^1]) && HoldsVectors(n);

    /// <summary>All columns of a full tile at one k.</summary>
    void CopyColumns(List<Stmt> into, Node x, int slot, Node start, Node tile, Dictionary<Node, Node> map, List<Node> axes, Dictionary<Node, Node> atK)
    {
        for (int j = 0; j < width; j += lanes)
        {
            var within = IndexMath.Add(Ir.Lane(lanes), j);
            var all = With(map, atK);
            IndexMath.Digits(n, IndexMath.Add(IndexMath.Mul(tile, width), within), all);
            into.Add(new Store(slot, DType.F32, IndexMath.Add(IndexMath.Add(start, within), IndexMath.Mul(Ir.Substitute(Flat(axes), atK), width)), Ir.Substitute(x, all)));
        }
    }

    /// <summary>
    /// Copies one column tile, or its stretch of the outermost K axis, to slot[at + k * width + column], k counted from the stretch's start. Columns
    /// beyond the last repeat it; what they give is dropped.
    /// </summary>
    void ColumnTile(List<Stmt> into, Node x, int slot, Node at, Node tile, Dictionary<Node, Node> map, (Node From, Node To)? stretch)
    {
        (x, var axes, stretch) = AlongOne(x, stretch);
        int runs = width / lanes;
        var start = FromStretch(at, width, axes, stretch);
        Node Index(Node within, Dictionary<Node, Node> atK) => IndexMath.Add(IndexMath.Add(start, within), IndexMath.Mul(Ir.Substitute(Flat(axes), atK), width));

        Node Value(Node within, Dictionary<Node, Node> atK, bool clamp)
        {
            var column = IndexMath.Add(IndexMath.Mul(tile, width), within);
            var all = With(map, atK);
            IndexMath.Digits(n, clamp ? IndexMath.Min(column, Size(ns - 1)) : column, all);
            return Ir.Substitute(x, all);
        }

        void ByColumns(List<Stmt> into, (Node From, Node To)? part) => OverK(into, axes, None, (body, atK) => CopyColumns(body, x, slot, start, tile, map, axes, atK), part);

        // Vectors along k, turned in registers.
        void AlongK(List<Stmt> into, bool clamp) => OverK(into, axes.GetRange(0, axes.Count - 1), None, (body, outer) =>
        {
            var (squares, remainder) = InSquares(axes, stretch);
            var along = With(outer, axes[^1], IndexMath.Add(squares.Var, Ir.Lane(lanes)));
            for (int j = 0; j < runs; j++)
            {
                var values = new Node[lanes];
                for (int c = 0; c < lanes; c++) values[c] = Value(Ir.Int(j * lanes + c), along, clamp);
                squares.Body.Add(new StoreTransposed(slot, Index(Ir.Int(j * lanes), With(outer, axes[^1], squares.Var)), width, values));
            }
            body.Add(squares);
            if (remainder is null) return;
            // Columns outside, k inside, where the unit stride is.
            var column = new For(Ir.Range(width), Ir.Int(0), Ir.Int(width)) { Body = { remainder } };
            var atK = With(outer, axes[^1], remainder.Var);
            remainder.Body.Add(new Store(slot, DType.F32, Index(column.Var, atK), Value(column.Var, atK, clamp)));
            body.Add(column);
        }, stretch);

        void OneByOne(List<Stmt> into, bool clamp, (Node From, Node To)? part)
        {
            var c = Ir.Range(width);
            var columns = new For(c, Ir.Int(0), Ir.Int(width));
            into.Add(columns);
            OverK(columns.Body, axes, None, (body, atK) => body.Add(new Store(slot, DType.F32, Index(c, atK), Value(c, atK, clamp))), part);
        }

        List<Stmt> Tile(bool full)
        {
            var into = new List<Stmt>();
            if (full && AlongColumns(x)) ByColumns(into, stretch);
            else if (!full && IsUnit(x, n[^1]) && MayRunOver(x, axes[0], n, columnTiles * width - ns))
            {
                var (but, last) = ButLast(axes[0], stretch);
                ByColumns(into, but);
                OneByOne(into, true, last);
            }
            else if (IsUnit(x, axes[^1])) AlongK(into, !full);
            else OneByOne(into, !full, stretch);
            return into;
        }

        if (IsWhole(ns, width)) into.AddRange(Tile(true));
        else if (ns < width) into.AddRange(Tile(false));
        else into.Add(new If(IndexMath.Less(tile, Size(ns / width))) { Then = Tile(true), Else = Tile(false) });
    }

    /// <summary>
    /// Vectors may leave the axis, by so many elements at most, at every k but the last of the outermost K axis: what they then read is within the operand's memory, and
    /// what it gives is dropped.
    /// </summary>
    static bool MayRunOver(Node x, Node outermost, List<Node> axes, long excess)
    {
        if (axes.Count != 1 || Ir.Extent(outermost) == 1) return false;
        foreach (var v in Ir.All(x))
        {
            if (v.Op is Op.CheckIndex or Op.IDiv or Op.Mod) return false;
            if (v.Op != Op.Load) continue;
            var form = IndexMath.Of(v.src[0]);
            if (v.src.Length > 1 || form.Terms.Exists(t => !Ir.IsRange(t.Atom)) || (form.FactorOf(axes[0]) != 0 && form.FactorOf(outermost) < excess)) return false;
        }
        return true;
    }

    /// <summary>A stretch without the last k, and the last k if it is in the stretch.</summary>
    static ((Node From, Node To) But, (Node From, Node To) Last) ButLast(Node outermost, (Node From, Node To)? stretch)
    {
        long extent = Ir.Extent(outermost);
        var (from, to) = stretch ?? (Ir.Int(0), Ir.Int(extent));
        var end = IndexMath.Min(to, extent - 1);
        return ((from, end), (end, to));
    }

    /// <summary>K's axes as one, and a stretch of it, where the operand walks them as one (the window of a convolution's weights); else as they are.</summary>
    (Node X, List<Node> Axes, (Node From, Node To)? Stretch) AlongOne(Node x, (Node From, Node To)? stretch)
    {
        if (k.Count == 1 || !IsFlat(x, k)) return (x, k, stretch);
        var one = Ir.Range(ks);
        var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        foreach (var r in k) map[r] = Ir.Int(0);
        map[k[^1]] = one;
        long inside = ks / Ir.Extent(k[0]);
        return (Ir.Substitute(x, map), [one], stretch is { } s ? (IndexMath.Mul(s.From, inside), IndexMath.Mul(s.To, inside)) : null);
    }

    /// <summary>All that a value reads lies along the ranges as along one, or does not depend on them; and nothing else of it does.</summary>
    bool IsFlat(Node value, List<Node> ranges)
    {
        foreach (var v in Ir.All(value))
        {
            if (v is { Op: Op.Load, src: [var index] } && IsFlatIndex(index, ranges)) continue;
            // A value of the index itself, or under a guard.
            if (v.Op is Op.Load or Op.CheckIndex or Op.Cast or Op.CmpLt && ranges.Exists(free.Of(v).Contains) && (v.Op is Op.Load or Op.CheckIndex || !v.src[0].DType.IsFloat)) return false;
        }
        return true;
    }

    bool IsFlatIndex(Node index, List<Node> ranges)
    {
        var form = IndexMath.Of(index);
        if (form.Terms.Exists(t => !Ir.IsRange(t.Atom) && ranges.Exists(free.Of(t.Atom).Contains))) return false;
        for (int i = 0; i + 1 < ranges.Count; i++)
            if (form.FactorOf(ranges[i]) != form.FactorOf(ranges[i + 1]) * Ir.Extent(ranges[i + 1])) return false;
        return true;
    }

    /// <summary>The place where k = 0 would lie, if the stretch begins at the given one.</summary>
    Node FromStretch(Node at, long perK, List<Node> axes, (Node From, Node To)? stretch) =>
        stretch is { } s ? IndexMath.Add(at, IndexMath.Mul(s.From, -(ks / Ir.Extent(axes[0])) * perK)) : at;

    /// <summary>A loop along the innermost K axis by vectors, and one over what is left, if anything may be.</summary>
    (For Squares, For? Remainder) InSquares(List<Node> axes, (Node From, Node To)? stretch)
    {
        long extent = Ir.Extent(axes[^1]);
        var (from, to) = axes.Count == 1 && stretch is { } s ? s : (Ir.Int(0), Ir.Int(extent));
        var squares = new For(Ir.Range(extent), from, IndexMath.Add(to, 1 - lanes), lanes);
        bool whole = IsWhole(extent, lanes) && (to.IntConst is not null || depthBlock * (extent / Ir.Extent(k[0])) % lanes == 0);
        var left = IndexMath.Mod(IndexMath.Add(to, IndexMath.Mul(from, -1)), lanes);
        return (squares, whole ? null : new For(Ir.Range(extent), IndexMath.Add(to, IndexMath.Mul(left, -1)), to));
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
        int slot = Scratch(DType.F32, bs * rowTiles * RowPanel(ks), false);
        var (loop, tile, map) = Panels(rowTiles);
        RowTile(loop.Body, x, slot, IndexMath.Mul(loop.Var, RowPanel(ks)), tile, map, null);
        nest.Phases.Add(new("pack A", [loop], bs * rowTiles, 1, ks * rows * 2));
        var read = IndexMath.Mul(IndexMath.Add(IndexMath.Mul(Flat(batch), rowTiles), TileVar("A")), RowPanel(ks));
        return Ir.Load(DType.F32, slot, IndexMath.Add(read, IndexMath.Add(WithinVar("A"), IndexMath.Mul(Flat(k), rows))));
    }

    /// <summary>Elements of a panel of one row tile and so much of K, with what the last vector of it writes too much; no multiple of 4 KB, lest panels that are written side by side share cache sets.</summary>
    long RowPanel(long depth)
    {
        long elements = (depth * rows + (rows + lanes - 1) / lanes * lanes - rows + 15) / 16 * 16;
        return elements % 1024 == 0 ? elements + 16 : elements;
    }

    /// <summary>Copies a block's row tiles to scratch of the thread, panel after panel; returns the read of an element.</summary>
    Node PackRowBlock(List<Stmt> into, Node x, Node firstTile, Node endTile, Dictionary<Node, Node> map, (Node From, Node To) stretch)
    {
        long panel = RowPanel(depthBlock * (ks / Ir.Extent(k[0])));
        int slot = Scratch(DType.F32, rowBlock * panel, true);
        var from = firstTile;
        Node Panel(Node tile) => IndexMath.Mul(IndexMath.Add(tile, IndexMath.Mul(firstTile, -1)), panel);
        int spread = (rows + lanes - 1) / lanes * lanes;
        if (m.Count == 1 && ms >= spread && IsUnit(x, m[0]) && !IsUnit(x, k[^1]))
        {
            // Row by row of the transposed operand, all tiles of the block: each of its cache lines is read once.
            var careful = Ir.Int((ms - spread) / rows + 1); // from this tile on vectors leave the axis
            from = IndexMath.Less(firstTile, careful) is var some && some == Ir.True ? IndexMath.Min(endTile, careful) : Ir.Scalar(Op.Where, DType.I64, some, IndexMath.Min(endTile, careful), firstTile);
            OverK(into, k, None, (body, atK) =>
            {
                var t = new For(Ir.Range(rowTiles), firstTile, from);
                CopyRows(t.Body, x, slot, FromStretch(Panel(t.Var), rows, k, stretch), t.Var, k, map, atK);
                body.Add(t);
            }, stretch);
        }
        var tiles = new For(Ir.Range(rowTiles), from, endTile);
        RowTile(tiles.Body, x, slot, Panel(tiles.Var), tiles.Var, map, stretch);
        into.Add(tiles);
        var read = FromStretch(Panel(TileVar("A")), rows, k, stretch);
        return Ir.Load(DType.F32, slot, IndexMath.Add(IndexMath.Add(read, WithinVar("A")), IndexMath.Mul(Flat(k), rows)));
    }

    /// <summary>All rows of a tile at one k, by vectors along them.</summary>
    void CopyRows(List<Stmt> into, Node x, int slot, Node start, Node tile, List<Node> axes, Dictionary<Node, Node> map, Dictionary<Node, Node> atK)
    {
        for (int j = 0; j < rows; j += lanes)
        {
            var within = IndexMath.Add(Ir.Lane(lanes), j);
            var all = With(map, atK);
            IndexMath.Digits(m, IndexMath.Mul(tile, rows), all);
            all[m[^1]] = IndexMath.Add(all[m[^1]], within);
            into.Add(new Store(slot, DType.F32, IndexMath.Add(IndexMath.Add(start, within), IndexMath.Mul(Ir.Substitute(Flat(axes), atK), rows)), Ir.Substitute(x, all)));
        }
    }

    /// <summary>Copies a stretch of one column tile to scratch of the thread, to be used at once; returns the read of an element.</summary>
    Node PackColumnTile(List<Stmt> into, Node x, Node tile, Dictionary<Node, Node> map, (Node From, Node To) stretch)
    {
        int slot = Scratch(DType.F32, depthBlock * (ks / Ir.Extent(k[0])) * width, true);
        ColumnTile(into, x, slot, Ir.Int(0), tile, map, stretch);
        return Ir.Load(DType.F32, slot, IndexMath.Add(IndexMath.Add(FromStretch(Ir.Int(0), width, k, stretch), WithinVar("B")), IndexMath.Mul(Flat(k), width)));
    }

    /// <summary>Copies one row tile, or its stretch of the outermost K axis, to slot[at + k * rows + row], k counted from the stretch's start.</summary>
    void RowTile(List<Stmt> into, Node x, int slot, Node at, Node tile, Dictionary<Node, Node> map, (Node From, Node To)? stretch)
    {
        (x, var axes, stretch) = AlongOne(x, stretch);
        int spread = (rows + lanes - 1) / lanes * lanes;
        var first = IndexMath.Mul(tile, rows);
        var start = FromStretch(at, rows, axes, stretch);
        Node Index(Node within, Dictionary<Node, Node> atK) => IndexMath.Add(IndexMath.Add(start, within), IndexMath.Mul(Ir.Substitute(Flat(axes), atK), rows));

        void AlongRows(List<Stmt> into, (Node From, Node To)? part) => OverK(into, axes, None, (body, atK) => CopyRows(body, x, slot, start, tile, axes, map, atK), part);

        // Squares turned in registers, the last rows first: what a square writes beyond the tile is overwritten by the next k.
        void AlongK(List<Stmt> into) => OverK(into, axes.GetRange(0, axes.Count - 1), None, (body, outer) =>
        {
            var (squares, remainder) = InSquares(axes, stretch);
            var along = With(outer, axes[^1], IndexMath.Add(squares.Var, Ir.Lane(lanes)));
            for (int g = spread - lanes; g >= 0; g -= lanes)
            {
                var values = new Node[lanes];
                for (int c = 0; c < lanes; c++) values[c] = Value(Ir.Int(g + c < rows ? g + c : 0), along);
                squares.Body.Add(new StoreTransposed(slot, Index(Ir.Int(g), With(outer, axes[^1], squares.Var)), rows, values));
            }
            body.Add(squares);
            if (remainder is null) return;
            var atK = With(outer, axes[^1], remainder.Var);
            for (int i = 0; i < rows; i++) remainder.Body.Add(new Store(slot, DType.F32, Index(Ir.Int(i), atK), Value(Ir.Int(i), atK)));
            body.Add(remainder);
        }, stretch);

        void OneByOne(List<Stmt> into, (Node From, Node To)? part)
        {
            var i = Ir.Range(rows);
            var each = new For(i, Ir.Int(0), Ir.Int(rows));
            into.Add(each);
            OverK(each.Body, axes, None, (body, atK) => body.Add(new Store(slot, DType.F32, Index(i, atK), Value(i, atK))), part);
        }

        Node Value(Node within, Dictionary<Node, Node> atK)
        {
            var all = With(map, atK);
            var row = IndexMath.Add(first, within);
            IndexMath.Digits(m, IsWhole(ms, rows) ? row : IndexMath.Min(row, Size(ms - 1)), all);
            return Ir.Substitute(x, all);
        }

        if (IsUnit(x, axes[^1])) { AlongK(into); return; }
        // Whole vectors must lie within a run of the innermost row axis.
        if (ms == 1 || !IsUnit(x, m[^1]) || Ir.Extent(m[^1]) < spread) { OneByOne(into, stretch); return; }
        var digits = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        IndexMath.Digits(m, first, digits);
        var fits = new If(IndexMath.Less(digits[m[^1]], Ir.Int(Ir.Extent(m[^1]) - spread + 1)));
        AlongRows(fits.Then, stretch);
        if (MayRunOver(x, axes[0], m, rowTiles * rows - rows + spread - ms))
        {
            var (but, last) = ButLast(axes[0], stretch);
            AlongRows(fits.Else, but);
            OneByOne(fits.Else, last);
        }
        else OneByOne(fits.Else, stretch);
        into.Add(fits);
    }

    /// <summary>A read that a border of zeros makes plain; anything else stays as it is.</summary>
    Node Unguarded(Node x)
    {
        if (BorderedCopy.Of(x, free) is not { } copy) return x;
        int slot = Scratch(DType.F32, copy.Elements, false);
        AddStage("border", copy.Axes, new StoreSpec(slot, DType.F32, copy.To, copy.Value));
        return Ir.Load(DType.F32, slot, copy.From);
    }

    /// <summary>A kernel of its own before the product.</summary>
    void AddStage(string name, List<Node> axes, StoreSpec store) => nest.Phases.AddRange(GeneralNest.Stage(name, axes, store, nest.Slots, lanes * 4, recipe));

    /// <summary>The parallel loop over panels, the tile number in it, and the batch digits.</summary>
    (For Loop, Node Tile, Dictionary<Node, Node> Batch) Panels(long tiles)
    {
        var p = Ir.Range(varies ? 1L << 40 : Math.Max(2, bs * tiles));
        var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        IndexMath.Digits(batch, IndexMath.Div(p, Size(tiles)), map);
        return (new For(p, Chunk.Start, Chunk.End), IndexMath.Mod(p, Size(tiles)), map);
    }

    static readonly Dictionary<Node, Node> None = new(ReferenceEqualityComparer.Instance);

    /// <summary>Loops over fresh ranges in the place of some of K's, the first over a stretch of it; the body gets them with those already given.</summary>
    static void OverK(List<Stmt> into, List<Node> ranges, Dictionary<Node, Node> given, Action<List<Stmt>, Dictionary<Node, Node>> body, (Node From, Node To)? stretch = null)
    {
        var map = new Dictionary<Node, Node>(given, ReferenceEqualityComparer.Instance);
        foreach (var r in ranges)
        {
            var (from, to) = r == ranges[0] && stretch is { } part ? part : (Ir.Int(0), Ir.Int(Ir.Extent(r)));
            var loop = new For(map[r] = Ir.Range(Ir.Extent(r)), from, to);
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

    /// <summary>Vectors can be read of x along r.</summary>
    bool IsUnit(Node x, Node r) => Ir.IsRange(r) && Ir.Extent(r) >= lanes && free.IsUnit(x, r);

    // Placeholders that Main replaces: the tile number and the position within a tile of a packed operand, and the row of one in rows.
    readonly Dictionary<string, Node> placeholders = [];
    Node TileVar(string which) => Placeholder(which + " tile");
    Node WithinVar(string which) => Placeholder(which + " within");
    Node RowVar => Placeholder("A row");
    Node Placeholder(string name) => placeholders.TryGetValue(name, out var p) ? p : placeholders[name] = Ir.Range(1L << 40);
}
