using System.Runtime.CompilerServices;
using Ingot.Codegen.Il;
using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// Programs over rows that hold products: scores = Q K^T for a row, what follows on the row, and products of the row with a matrix (attention, forward
/// and backward). A thread takes a block of rows; their wide values wait in its scratch, [position][row of the block], so that rows lie side by
/// side in vectors: a tile of scores is broadcasts of K times vectors of the block's Q, sums along a row are vertical, and a product of the row reads its
/// elements where they are. Nothing of K and V is copied, and memory grows with a row's length, not with its square.
/// The order of every sum follows from the kernel alone; there are no recipes here.
/// </summary>
sealed partial class RowBlockNest
{
    readonly KernelAst kernel;
    readonly FreeRanges free = new();
    readonly int lanes;
    readonly LoopNest nest;
    readonly List<Stmt> body = [];

    /// <summary>The axis whose rows are taken in blocks; placeholders of the first row of a block and of the row within it.</summary>
    readonly Node row, first, within;

    /// <summary>Rows of a block, also as a number of vectors; positions that a tile of scores takes at once; accumulators that fill the registers.</summary>
    readonly int rows, vectors, positions, registers;

    /// <summary>Where passes over the positions begin, and on the matrix unit end, unless it is the last: what a tile of scores writes beyond them has room in scratch.</summary>
    readonly int alignment;

    /// <summary>What the placeholder of the first row and the batch axes are in the code.</summary>
    readonly Dictionary<Node, Node> bound = new(ReferenceEqualityComparer.Instance);

    /// <summary>As in <see cref="ContractionNest"/>.</summary>
    readonly bool varies = CodeFamily.Current is not null;

    Node Size(long value, [CallerArgumentExpression(nameof(value))] string name = "") => varies ? Ir.Size(value, name) : Ir.Int(value);

    readonly List<(long OfRow, long OfPosition, long Constant)> limits;

    /// <summary>Axes were merged so that the mask's positions are not walked everywhere: nothing can be left out.</summary>
    bool isUneven;

    /// <summary>The kernel's steps, without values that are made where they are used.</summary>
    readonly List<Step> steps;

    RowBlockNest(KernelAst kernel, Node row, int vectorBytes, RowMask? mask, bool onUnit)
    {
        (this.kernel, this.row, limits) = (kernel, row, mask?.Row == row ? mask.Limits : []);
        lanes = vectorBytes / 4;
        registers = lanes == 16 ? 24 : 12;
        // A last block that is not full starts earlier, so that some rows are done twice: as few as possible.
        long extent = Ir.Extent(row);
        vectors = onUnit ? TilePacking.Side / lanes : varies ? extent >= 3 * lanes ? 3 : (int)(extent / lanes) : new[] { 3, 4, 2, 1 }.Where(v => v * lanes <= extent).MinBy(v => (extent + (v * lanes) - 1) / (v * lanes) * v * (v switch { 3 => 1, 4 => 1.04, 2 => 1.1, _ => 1.3 }));
        rows = vectors * lanes;
        positions = onUnit ? 8 : registers / vectors;
        (this.onUnit, alignment) = (onUnit, onUnit ? TilePacking.Side : positions);
        steps = onUnit ? WithoutSingleUse(kernel.Steps) : kernel.Steps;
        (first, within) = (Ir.Range(1L << 40), Ir.Range(Math.Max(2, rows)));
        nest = new LoopNest { Name = kernel.Name, Slots = kernel.Slots.ConvertAll(Widened) };
    }

    /// <summary>Null if the kernel does not have the form.</summary>
    public static LoopNest? TryBuild(KernelAst kernel, int vectorBytes, bool hasMatrixUnit)
    {
        if (!kernel.IsRowBlock || kernel.Steps.Exists(s => s.Running is not null)) return null;
        bool mayUseUnit = hasMatrixUnit && vectorBytes == 64 && Ir.All(kernel.Roots).Exists(n => n.DType == DType.BF16);
        foreach (var r in Enumerable.Reverse(kernel.Outer))
        {
            if (mayUseUnit && Ir.Extent(r) >= TilePacking.Side && Built(r, onUnit: true) is { UsesMatrixUnit: true } fast) return fast;
            if (Ir.Extent(r) >= vectorBytes / 4 && Built(r, onUnit: false) is { } nest) return nest;
        }
        return null;

        LoopNest? Built(Node row, bool onUnit)
        {
            var build = new RowBlockNest(kernel, row, vectorBytes, kernel.Mask, onUnit);
            if (!build.Build()) return null;
            if (!build.isUneven) return build.nest;
            build = new RowBlockNest(kernel, row, vectorBytes, null, onUnit);
            build.Build();
            return build.nest;
        }
    }

    bool Build()
    {
        var batch = kernel.Outer.FindAll(r => r != row);
        long count = batch.Aggregate(1L, (p, r) => p * Ir.Extent(r)), extent = Ir.Extent(row), blocks = (extent + rows - 1) / rows;
        var p = Ir.Range(varies ? 1L << 40 : Math.Max(2, count * blocks));
        IndexMath.Digits(batch, IndexMath.Div(p, Size(blocks)), bound);
        // Under a causal mask the last rows are the longest: those first, and the threads end together.
        var block = IndexMath.Add(IndexMath.Mul(IndexMath.Mod(p, Size(blocks)), -1), Size(blocks - 1));
        bound[first] = IndexMath.Min(IndexMath.Mul(block, rows), Size(extent - rows));
        ShareScratch();
        foreach (var step in steps)
            if (!Step(step.Inner, step.Stores.ConvertAll(Placed))) return false;
        Flush();
        var loop = new For(p, Chunk.Start, Chunk.End);
        loop.Body.AddRange(body);
        nest.Recipe.Add($"blocks of {rows} rows, {count} x {extent}{(limits.Count > 0 ? ", masked positions skipped" : "")}{(nest.UsesMatrixUnit ? ", matrix unit" : "")}");
        nest.Phases.Add(new("main", [loop], count * blocks, 1, Math.Max(1, (double)kernel.Flops() / 8 / (count * blocks))));
        return true;
    }

    // ---- places ----

    /// <summary>Scratch of a row holds a block of rows, as float32: what was rounded to a half precision is kept as its value.</summary>
    SlotInfo Widened(SlotInfo s) => s.PerWorker ? new SlotInfo(DType.F32, (s.ScratchElements + alignment) * rows, true) : s;

    bool IsWide(Node n) => n is { Op: Op.Load, Arg: BufferSlot b } && b.Slot < kernel.Slots.Count && kernel.Slots[b.Slot].PerWorker;

    bool HoldsWide(Node n) => Ir.All(n).Exists(IsWide);

    static bool HoldsFold(Node n) => Ir.All(n).Exists(x => x.Op == Op.Fold);

    /// <summary>Scratch slots that live in another's memory.</summary>
    readonly Dictionary<int, int> shared = [];

    int PlaceOf(int slot) => shared.GetValueOrDefault(slot, slot);

    /// <summary>A value computed position by position from another that nothing needs afterwards takes its place.</summary>
    void ShareScratch()
    {
        for (int i = 0; i < steps.Count; i++)
        {
            var step = steps[i];
            if (step.Inner.Count == 0 || step.Stores is not [var store] || !kernel.Slots[store.Slot].PerWorker) continue;
            if (Ir.All(store.Value).Exists(n => n.Op == Op.Fold && free.Of(n).Overlaps(step.Inner))) continue; // a product's raw sums come first
            var own = OutsideSums(store.Value).Where(IsWide).ToList();
            var last = own.Find(load => own.TrueForAll(l => l.Arg != load.Arg || l.src[0] == store.Index) && load.src.Length == 1
                && kernel.Slots[SlotOf(load)] == kernel.Slots[store.Slot]
                && !steps.Skip(i + 1).SelectMany(s => s.Stores).SelectMany(s => Ir.All(s.Value)).Any(n => IsWide(n) && PlaceOf(SlotOf(n)) == PlaceOf(SlotOf(load))));
            if (last is not null) shared[store.Slot] = PlaceOf(SlotOf(last));
        }
    }

    static int SlotOf(Node load) => ((BufferSlot)load.Arg!).Slot;

    /// <summary>What a value is made of, but for what its sums are made of.</summary>
    static IEnumerable<Node> OutsideSums(Node value)
    {
        var seen = new HashSet<Node>(ReferenceEqualityComparer.Instance) { value };
        var stack = new Stack<Node>([value]);
        while (stack.TryPop(out var n))
        {
            yield return n;
            if (n.Op == Op.Fold) continue;
            foreach (var s in n.src)
                if (seen.Add(s)) stack.Push(s);
        }
    }

    /// <summary>A store in terms of the block: its rows, and scratch that holds them all.</summary>
    StoreSpec Placed(StoreSpec s)
    {
        var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance) { [row] = IndexMath.Add(first, within) };
        var value = Ir.Rewrite(Ir.Substitute(s.Value, map), n => n switch
        {
            { Op: Op.Load } when IsWide(n) && n.src.Length == 1 => n.DType == DType.F32 ? Wide(n.DType, n) : Ir.Scalar(Op.Cast, n.DType, Wide(DType.F32, n)),
            { Op: Op.Cast, DType: DType.F32, src: [{ Op: Op.Cast, src: [var load] }] } when IsWide(load) && kernel.Slots[((BufferSlot)load.Arg!).Slot].DType is DType.BF16 or DType.F16 => load, // rounded when it was stored
            { Op: Op.Cast, DType: DType.F32, src: [{ DType: DType.F32 } same] } => same,
            _ => null,
        });
        if (!kernel.Slots[s.Slot].PerWorker) return s with { Index = Ir.Substitute(s.Index, map), Value = value };
        if (value.DType != DType.F32) value = Ir.Scalar(Op.Cast, DType.F32, value);
        return new StoreSpec(PlaceOf(s.Slot), DType.F32, IndexMath.Add(IndexMath.Mul(Ir.Substitute(s.Index, map), rows), within), value);

        Node Wide(DType t, Node load) => Ir.Load(t, PlaceOf(SlotOf(load)), IndexMath.Add(IndexMath.Mul(load.src[0], rows), within));
    }

    /// <summary>An expression as code: batch axes, the block's first row, and what else is given.</summary>
    Node At(Node n, params ReadOnlySpan<(Node Range, Node Value)> given)
    {
        var map = new Dictionary<Node, Node>(bound, ReferenceEqualityComparer.Instance);
        foreach (var (r, v) in given) map[r] = v;
        return Ir.Substitute(n, map);
    }

    /// <summary>Rows of vector v, in its lanes.</summary>
    Node Lane(int v) => IndexMath.Add(Ir.Lane(lanes), v * lanes);

    int Scratch(long elements, bool perWorker = true)
    {
        nest.Slots.Add(new SlotInfo(DType.F32, elements, perWorker));
        return nest.Slots.Count - 1;
    }

    static Node Flat(IEnumerable<Node> ranges) => ranges.Aggregate(Ir.Int(0), (flat, r) => IndexMath.Add(IndexMath.Mul(flat, Ir.Extent(r)), r));

    static long Product(IEnumerable<Node> ranges) => ranges.Aggregate(1L, (p, r) => p * Ir.Extent(r));

    static List<Stmt> Open(List<Stmt> into, IEnumerable<Node> ranges)
    {
        foreach (var r in ranges)
        {
            var loop = new For(r, Ir.Int(0), Ir.Int(Ir.Extent(r)));
            into.Add(loop);
            into = loop.Body;
        }
        return into;
    }

    // ---- steps ----

    /// <summary>Sums along rows that have been taken: each is a vector of the block's rows in scratch.</summary>
    readonly Dictionary<Node, Node> known = new(ReferenceEqualityComparer.Instance);

    bool Step(List<Node> inner, List<StoreSpec> stores)
    {
        if (inner.Any(r => !Ir.IsRange(r))) return false;
        // Sums along a row, those inside others first.
        while (true)
        {
            stores = stores.ConvertAll(s => s with { Value = Ir.Substitute(s.Value, known) });
            var sum = Ir.All(stores.Select(s => s.Value)).Find(n => n.Op == Op.Fold && !free.Of(n).Overlaps(inner) && !HoldsFold(n.src[0]));
            if (sum is null) break;
            if (sum.DType != DType.F32 || free.Of(sum).Any(r => r != within && r != first && !kernel.Outer.Contains(r))) return false;
            known[sum] = AlongRow(sum);
        }
        if (inner.Count == 0)
        {
            Flush();
            // A loop, as neighbouring stores take place at once: these read what was stored before.
            var loop = new For(Ir.Range(Math.Max(2, rows)), Ir.Int(0), Ir.Int(rows), lanes);
            var at = IndexMath.Add(loop.Var, Ir.Lane(lanes));
            loop.Body.AddRange(stores.Select(s => new Store(s.Slot, s.DType, At(s.Index, (within, at)), At(s.Value, (within, at)))));
            body.Add(loop);
            return !stores.Exists(s => HoldsFold(s.Value) || HoldsWide(s.Value));
        }
        var folds = Ir.All(stores.Select(s => s.Value)).Where(n => n.Op == Op.Fold).ToList();
        if (folds.Count == 0)
        {
            if (stores.Exists(s => s.Slot < kernel.Slots.Count && !kernel.Slots[s.Slot].PerWorker)) return false;
            Elementwise(inner, stores);
            return true;
        }
        if (folds is not [var fold] || ProductOf(fold) is not var (mine, other) || stores is not [var store]) return false;
        bool isOfRow = HoldsWide(mine);
        if (onUnit && (isOfRow ? OfRowOnUnit(fold, mine, other, inner, store) : ScoresOnUnit(fold, mine, other, inner, store))) return true;
        if (isOfRow && !IsWide(mine)) mine = Kept(mine, [.. fold.src[1..]]);
        Flush();
        return isOfRow ? OfRow(fold, mine, other, inner, store) : Scores(fold, mine, other, inner, store);
    }

    /// <summary>The factor that belongs to the row, and the one that does not.</summary>
    (Node Mine, Node Other)? ProductOf(Node fold)
    {
        if (fold is not { DType: DType.F32, src: [{ Op: Op.Mul, src: [var a, var b] }, ..] } || Ir.FoldKind(fold) != Op.Add || HoldsFold(fold.src[0])) return null;
        foreach (var (mine, other) in new[] { (a, b), (b, a) })
            if (!free.Of(other).Contains(within) && !HoldsWide(other) && free.Of(mine).Contains(within)) return (mine, other);
        return null;
    }

    // ---- passes along the positions ----

    /// <summary>Stores and sums of one pass over the positions, and the tiles of scores that the matrix unit makes as it goes.</summary>
    sealed record Pass(List<Node> Ranges, List<StoreSpec> Stores, List<(Node Fold, Node Value, int Slot)> Sums)
    {
        public List<MatrixProduct> Tiles { get; } = [];
    }

    Pass? pending;

    /// <summary>Rewrites values for the pending pass, what it stores being at hand; null if they need what it has yet to finish.</summary>
    List<Node>? Joined(IReadOnlyList<Node> ranges, IEnumerable<Node> values)
    {
        if (pending is null || pending.Ranges.Count != ranges.Count) return null;
        var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < ranges.Count; i++)
        {
            if (Ir.Extent(ranges[i]) != Ir.Extent(pending.Ranges[i])) return null;
            map[ranges[i]] = pending.Ranges[i];
        }
        var joined = new List<Node>();
        foreach (var value in values)
        {
            bool waits = false;
            joined.Add(Ir.Rewrite(Ir.Substitute(value, map), n =>
            {
                if (n is not { Op: Op.Load, Arg: BufferSlot b }) return null;
                waits |= pending.Sums.Exists(s => s.Slot == b.Slot);
                var store = pending.Stores.FindLast(s => s.Slot == b.Slot);
                if (store is null) return null;
                waits |= store.Index != n.src[0];
                return store.Value;
            }));
            if (waits) return null;
        }
        return joined;
    }

    void Elementwise(List<Node> inner, List<StoreSpec> stores)
    {
        if (Joined(inner, stores.SelectMany(s => new[] { s.Value, s.Index })) is { } joined)
            for (int i = 0; i < stores.Count; i++)
            {
                pending!.Stores.RemoveAll(s => s.Slot == stores[i].Slot && s.Index == joined[2 * i + 1]); // overwritten before anybody reads it
                pending.Stores.Add(stores[i] with { Value = joined[2 * i], Index = joined[2 * i + 1] });
            }
        else
        {
            Flush();
            pending = new(inner, stores, []);
        }
    }

    /// <summary>A value computed from those in scratch, as one of them.</summary>
    Node Kept(Node value, List<Node> ranges)
    {
        int slot = Scratch((Product(ranges) + alignment) * rows);
        var index = IndexMath.Add(IndexMath.Mul(Flat(ranges), rows), within);
        Elementwise(ranges, [new StoreSpec(slot, DType.F32, index, value)]);
        return Ir.Load(DType.F32, slot, index);
    }

    /// <summary>A sum, or maximum, along each row of the block.</summary>
    Node AlongRow(Node fold)
    {
        int slot = Scratch(rows);
        Node[] ranges = fold.src[1..];
        if (Joined(ranges, [fold.src[0]]) is [var value]) pending!.Sums.Add((fold, value, slot));
        else
        {
            Flush();
            pending = new([.. ranges], [], [(fold, fold.src[0], slot)]);
        }
        return Ir.Load(DType.F32, slot, within);
    }

    /// <summary>Additions that go into one accumulator before it is added to the next: see <see cref="GeneralNest"/>.</summary>
    const int Stretch = 256;

    void Flush()
    {
        if (pending is not { } pass) return;
        pending = null;
        bool isWide = pass.Tiles.Count > 0 || pass.Stores.Count > 0 || pass.Sums.Exists(s => HoldsWide(s.Value));
        var last = pass.Ranges[^1];
        var (from, to) = isWide ? Limits(last) : (Ir.Int(0), Ir.Int(Ir.Extent(last)));
        Node[] Accumulators(List<Stmt> into, Op kind)
        {
            var accs = new Node[vectors];
            for (int v = 0; v < vectors; v++) into.Add(new Init(accs[v] = Ir.Acc(DType.F32, Ir.Lane(lanes)), Lowering.Identity(kind, DType.F32)));
            return accs;
        }
        var totals = pass.Sums.ConvertAll(s => Accumulators(body, Ir.FoldKind(s.Fold)));
        var into = Open(body, pass.Ranges.SkipLast(1));
        bool inStretches = Ir.Extent(last) > 2 * Stretch && pass.Sums.Exists(s => Ir.FoldKind(s.Fold) == Op.Add);
        var accs = totals;
        if (inStretches)
        {
            var block = new For(Ir.Range(Ir.Extent(last)), from, to, Stretch);
            into.Add(block);
            into = block.Body;
            accs = [.. pass.Sums.Select((s, i) => Ir.FoldKind(s.Fold) == Op.Add ? Accumulators(block.Body, Op.Add) : totals[i])];
            (from, to) = (block.Var, IndexMath.Min(IndexMath.Add(block.Var, Stretch), to));
        }
        var afterStretch = into;
        if (pass.Tiles.Count > 0)
        {
            var tile = new For(Ir.Range(Ir.Extent(last)), from, to, alignment);
            into.Add(tile);
            into = tile.Body;
            into.AddRange(pass.Tiles.Select(t => t.At(n => At(n, (last, tile.Var)))));
            (from, to) = (tile.Var, IndexMath.Min(IndexMath.Add(tile.Var, alignment), to));
        }
        var loop = new For(last, from, to);
        if (pass.Stores.Count + pass.Sums.Count > 0) into.Add(loop);
        for (int v = 0; v < vectors; v++)
        {
            // A sum may want what a store overwrites; what it wants of what is stored is in its own value.
            for (int i = 0; i < pass.Sums.Count; i++) loop.Body.Add(new Update(accs[i][v], Ir.FoldKind(pass.Sums[i].Fold), At(pass.Sums[i].Value, (within, Lane(v)))));
            foreach (var s in pass.Stores) loop.Body.Add(new Store(s.Slot, s.DType, At(s.Index, (within, Lane(v))), At(s.Value, (within, Lane(v)))));
        }
        for (int i = 0; i < totals.Count; i++)
            for (int v = 0; v < vectors; v++)
            {
                if (accs[i] != totals[i]) afterStretch.Add(new Update(totals[i][v], Op.Add, accs[i][v]));
                body.Add(new Store(pass.Sums[i].Slot, DType.F32, Lane(v), totals[i][v]));
            }
    }

    // ---- positions that a mask leaves ----

    /// <summary>The first and one past the last position that some row of the block may see; never none.</summary>
    (Node From, Node To) Limits(Node range)
    {
        long extent = Ir.Extent(range);
        Node from = Ir.Int(0), to = Ir.Int(extent);
        isUneven |= limits.Count > 0 && extent != kernel.Mask!.Positions;
        static Node Larger(Node a, Node b) => IndexMath.Less(a, b) is var less && less == Ir.True ? b : less.IntConst == 0 ? a : Ir.Scalar(Op.Where, DType.I64, less, b, a);
        foreach (var (ofRow, ofPosition, constant) in limits)
        {
            // ofRow * row + constant, at its largest in the block.
            var most = At(IndexMath.Add(IndexMath.Mul(IndexMath.Add(first, ofRow > 0 ? rows - 1 : 0), ofRow), constant));
            if (ofPosition < 0) to = IndexMath.Min(to, most);
            else from = Larger(from, IndexMath.Add(IndexMath.Mul(most, -1), 1));
        }
        from = IndexMath.Min(from, Ir.Int(extent - 1));
        if (onUnit || from.IntConst is null) from = IndexMath.Add(from, IndexMath.Mul(IndexMath.Mod(from, alignment), -1));
        if (to.IntConst is null) to = Larger(to, IndexMath.Add(from, 1));
        if (onUnit) to = IndexMath.Min(IndexMath.Mul(IndexMath.Div(IndexMath.Add(to, alignment - 1), alignment), alignment), Ir.Int(extent));
        return (from, to);
    }
}
