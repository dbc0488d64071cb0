using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>
/// The recipe for everything but contractions: outer loops in parallel, the axis with unit strides in vector lanes, reductions where their operands
/// are ready. Along a contiguous axis a reduction runs in fixed lanes (4 accumulators of one vector, then halves, then the rest in order);
/// otherwise strictly in order. Which of the two follows from the strides alone, never from sizes of other axes or from threads.
/// </summary>
sealed partial class GeneralNest
{
    KernelAst kernel;
    readonly int vectorBytes;
    readonly Recipe recipe;
    readonly FreeRanges free = new();

    GeneralNest(KernelAst kernel, int vectorBytes, Recipe recipe) => (this.kernel, this.vectorBytes, this.recipe) = (kernel, vectorBytes, recipe);

    public static LoopNest Build(KernelAst kernel, int vectorBytes, Recipe recipe) => new GeneralNest(kernel, vectorBytes, recipe).Build();

    /// <summary>The phases of a small kernel that runs before another: one store over some axes.</summary>
    public static IEnumerable<Phase> Stage(string name, List<Node> axes, StoreSpec store, List<SlotInfo> slots, int vectorBytes, Recipe recipe)
    {
        // A stage has no rows of scratch of its own, whatever the kernel around it has.
        var stage = new KernelAst { Name = name, Outer = [.. axes], Steps = [new Step([], [store])], Slots = slots.ConvertAll(s => s with { PerWorker = false }) };
        AxisTransforms.MergeContiguous(stage);
        return Build(stage, vectorBytes, recipe).Phases.Select(p => p with { Name = name });
    }

    LoopNest Build()
    {
        var nest = new LoopNest { Name = kernel.Name, Slots = kernel.Slots };
        bool scratch = kernel.Slots.Exists(s => s.PerWorker);
        if (!scratch && Narrower() is { } narrower) return narrower;
        CopyBorders(nest, !scratch && kernel.Steps.TrueForAll(s => s.Running is null && s.Stores.TrueForAll(t => IndexMath.Of(t.Index).FactorOf(kernel.Outer.FirstOrDefault(t.Index)) != 1)));
        ChooseFar();
        Node? outerVector = scratch || kernel.Steps.Exists(s => s.Running is not null) ? null : PickVector(kernel.Outer, kernel.Steps.SelectMany(s => s.Stores).ToList());
        MarkFolds(outerVector);
        var rows = kernel.Outer.Where(r => r != outerVector).ToList();
        long rowCount = rows.Aggregate(1L, (p, r) => p * Ir.Extent(r));
        int lanes = outerVector is null ? 1 : Lanes(kernel.Steps.SelectMany(s => s.Stores));
        double work = Work();
        var body = new List<Stmt>();
        if (outerVector is not null && inRows.Count == 0 && (rows.Count == 0 || (recipe.ShareVectorAxis ?? (rowCount < 8 && Ir.Extent(outerVector) >= 4096 ? 1 : 0)) != 0))
        {
            // The vector axis is the parallel one; other outer loops run inside.
            int unroll = Unroll(kernel.Steps.SelectMany(s => s.Stores), outerVector);
            Vectorise(body, outerVector, Chunk.Start, Chunk.End, lanes, unroll, (into, map, opened) => Steps(into, map, opened, rows));
            nest.Recipe.AddRange(Notes());
            nest.Recipe.Add($"parallel and vector axis {Ir.Extent(outerVector)}, {lanes} lanes x {unroll}");
            nest.Phases.Add(new("main", body, Ir.Extent(outerVector), lanes * unroll, work / Ir.Extent(outerVector)));
            return nest;
        }
        // One parallel index over as many outer rows as there is use for, each row's coordinates its digits; the other rows are loops.
        int shared = 0;
        long sharedCount = 1;
        while (shared < rows.Count && (inRows.Count > 0 ? shared == 0 : sharedCount < EnoughToShare)) sharedCount *= Ir.Extent(rows[shared++]);
        var p = Ir.Range(Math.Max(2, sharedCount));
        var digits = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        IndexMath.Digits(rows.GetRange(0, shared), p, digits);
        var loop = new For(p, Chunk.Start, Chunk.End);
        body.Add(loop);
        var open = new HashSet<Node>(ReferenceEqualityComparer.Instance) { p };
        foreach (var (axes, store) in inRows) CopyInRow(loop.Body, axes, store, digits, open);
        var within = OpenLoops(loop.Body, [.. rows.Skip(shared)], open);
        if (outerVector is null) Steps(within, digits, open, []);
        else
        {
            var stores = kernel.Steps.SelectMany(s => s.Stores);
            int unroll = Unroll(stores, outerVector);
            kernel.Substitute(digits);
            InParts(within, outerVector, lanes, unroll, open);
            nest.Recipe.Add($"vector axis {Ir.Extent(outerVector)}, {lanes} lanes x {unroll}");
        }
        if (shared == rows.Count && (recipe.FetchRow ?? 1) != 0) FetchNextRow(p, loop);
        nest.Recipe.Add(shared == rows.Count ? $"parallel over {rowCount} rows" : $"parallel over {sharedCount} of {rowCount} rows");
        nest.Recipe.AddRange(Notes());
        nest.Phases.Add(new("main", body, sharedCount, 1, work / sharedCount));
        return nest;
    }

    /// <summary>More parallel rows than the threads want chunks; a row's digits are then computed once for the loops inside, and so is what a row of weights gives all of them.</summary>
    static long EnoughToShare => 16 * WorkerPool.Threads;

    /// <summary>Scalar operations of one run, roughly: for the choice of chunks.</summary>
    double Work()
    {
        double total = 0;
        foreach (var n in Ir.All(kernel.Roots))
        {
            if (n.Op is Op.Const or Op.Range or Op.Arg) continue;
            double each = n.Op.IsTranscendental ? 12 : n.Op is Op.Div or Op.Sqrt or Op.Recip ? 4 : 1;
            if (n.Op == Op.Fold) foreach (var r in n.src[1..]) each *= Ir.Extent(r);
            foreach (var r in free.Of(n)) each *= Ir.Extent(r);
            total += each;
        }
        return total + kernel.Outer.Aggregate(1.0, (p, r) => p * Ir.Extent(r));
    }

    /// <summary>All steps inside the outer loops.</summary>
    void Steps(List<Stmt> into, Dictionary<Node, Node> map, HashSet<Node> opened, List<Node> rows)
    {
        var known = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        foreach (var step in kernel.Steps)
        {
            var stores = step.Stores.Select(s => s with { Index = Ir.Substitute(s.Index, map), Value = Ir.Substitute(s.Value, map) }).ToList();
            if (known.Count > 0) stores = stores.ConvertAll(s => s with { Index = Ir.Substitute(s.Index, known), Value = Ir.Substitute(s.Value, known) });
            if (step.Running is { } op) { Scan(into, step, stores, op, opened); continue; }
            bool vectorOpen = opened.Any(Ir.IsLane);
            var loops = rows.Concat(step.Inner).ToList();
            var v = vectorOpen ? null : PickVector(step.Inner, stores);
            if (v is not null) { loops.Remove(v); loops.Add(v); }
            stores = PlaceFolds(into, stores, opened, known);
            Open(into, stores, loops, opened, v);
            // What was summed before this step need not be summed again, unless the step overwrote what it was summed from.
            foreach (var fold in known.Keys.Where(f => Ir.All(f).Exists(n => n is { Op: Op.Load, Arg: BufferSlot b } && stores.Exists(s => s.Slot == b.Slot))).ToList()) known.Remove(fold);
        }
    }

    /// <summary>Opens loops one by one; reductions are placed as soon as everything they need is open.</summary>
    void Open(List<Stmt> into, List<StoreSpec> stores, List<Node> loops, HashSet<Node> opened, Node? v)
    {
        stores = PlaceFolds(into, stores, opened);
        if (loops.Count == 0)
        {
            foreach (var s in stores) into.Add(new Store(s.Slot, s.DType, s.Index, s.Value, far.Contains(s.Slot)));
            return;
        }
        var r = loops[0];
        var rest = loops.GetRange(1, loops.Count - 1);
        if (r == v)
        {
            Vectorise(into, r, Ir.Int(0), Ir.Int(Ir.Extent(r)), Lanes(stores), Unroll(stores, r), (body, map, inner) =>
                Open(body, stores.ConvertAll(s => s with { Index = Ir.Substitute(s.Index, map), Value = Ir.Substitute(s.Value, map) }), rest, [.. opened, .. inner], v));
            return;
        }
        var loop = new For(r, Ir.Int(0), Ir.Int(Ir.Extent(r)));
        into.Add(loop);
        Open(loop.Body, stores, rest, new(opened, ReferenceEqualityComparer.Instance) { r }, v);
    }

    delegate void Body(List<Stmt> into, Dictionary<Node, Node> map, HashSet<Node> opened);

    /// <summary>Loops over an axis in vectors: unroll vectors at a time, then one, then single elements.</summary>
    void Vectorise(List<Stmt> into, Node axis, Node from, Node to, int lanes, int unroll, Body body)
    {
        long? extent = to.IntConst - from.IntConst;
        Node start = from;
        foreach (int count in unroll > 1 ? new[] { unroll, 1, 0 } : [1, 0])
        {
            int width = count == 0 ? 1 : count * lanes;
            if (extent < width || (extent is not null && start.IntConst == to.IntConst)) continue;
            if (count == 0 && extent >= lanes && MayRepeat)
            {
                // What does not fill a vector is done by one that begins earlier.
                Turn(IndexMath.Add(to, -lanes), Ir.Lane(lanes), 1);
                return;
            }
            if (from.IntConst == 0 && start.IntConst + width > extent) continue;
            if (from.IntConst == 0 && start.IntConst + 2 * width > extent)
            {
                // Of one turn the bounds are known.
                if (count == 0) Turn(start, Ir.Int(0), 1);
                else Turn(start, Ir.Lane(lanes), count);
                start = IndexMath.Add(start, width);
                continue;
            }
            var b = Ir.Range(from.IntConst == 0 && extent is { } n ? n - width + 1 : Ir.Extent(axis));
            var loop = new For(b, start, IndexMath.Add(to, 1 - width), width);
            var opened = new HashSet<Node>(ReferenceEqualityComparer.Instance) { b };
            if (count == 0) body(loop.Body, new(ReferenceEqualityComparer.Instance) { [axis] = b }, opened);
            else
            {
                var lane = Ir.Lane(lanes);
                opened.Add(lane);
                for (int u = 0; u < count; u++)
                    body(loop.Body, new(ReferenceEqualityComparer.Instance) { [axis] = IndexMath.Add(IndexMath.Add(b, lane), u * lanes) }, opened);
            }
            into.Add(loop);
            // Chunks start at multiples of the widest step, so what is left is what does not fill one.
            start = IndexMath.Add(to, IndexMath.Mul(IndexMath.Mod(IndexMath.Add(to, IndexMath.Mul(from, -1)) is { IntConst: not null } known ? known : to, width), -1));
        }

        void Turn(Node at, Node lane, int count)
        {
            var once = Once(into);
            for (int u = 0; u < count; u++)
                body(once, new(ReferenceEqualityComparer.Instance) { [axis] = IndexMath.Add(IndexMath.Add(at, lane), u * lanes) }, Ir.IsLane(lane) ? new(ReferenceEqualityComparer.Instance) { lane } : new(ReferenceEqualityComparer.Instance));
        }
    }

    /// <summary>A loop of one turn: what is equal in all parts of an axis then stands equally deep.</summary>
    static List<Stmt> Once(List<Stmt> into)
    {
        var loop = new For(Ir.Range(2), Ir.Int(0), Ir.Int(1));
        into.Add(loop);
        return loop.Body;
    }

    /// <summary>Storing an element twice gives what storing it once does: nothing that is stored is read, and nothing runs from element to element.</summary>
    bool MayRepeat => mayRepeat ??= kernel.Steps.TrueForAll(s => s.Running is null)
        && !Ir.All(kernel.Roots).Exists(n => n is { Op: Op.Load, Arg: BufferSlot b } && kernel.Steps.Exists(s => s.Stores.Exists(t => t.Slot == b.Slot)));

    bool? mayRepeat;

    // ---- reductions ----

    /// <summary>Emits loops for the folds whose operands are ready, innermost first, siblings of one shape in one loop; returns the stores with accumulators in their place. The results are kept in known, if given.</summary>
    List<StoreSpec> PlaceFolds(List<Stmt> into, List<StoreSpec> stores, HashSet<Node> opened, Dictionary<Node, Node>? known = null)
    {
        while (true)
        {
            var ready = Ir.All(stores.SelectMany(s => new[] { s.Index, s.Value })).Where(n => n.Op == Op.Fold && free.Of(n).IsSubsetOf(opened)).ToList();
            if (ready.Count == 0) return stores;
            var first = ready[0]; // operands come first, so nothing ready is inside it
            var siblings = ready.Where(f => Same(f, first) && !Ir.All(f.src[0]).Any(ready.Contains)).ToList();
            var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            Loops(into, siblings, opened, map);
            if (known is not null)
                foreach (var (f, result) in map) known[f] = result;
            stores = stores.ConvertAll(s => s with { Index = Ir.Substitute(s.Index, map), Value = Ir.Substitute(s.Value, map) });
        }
    }

    bool Same(Node f, Node g)
    {
        if (f.src.Length != g.src.Length || LanesOf(f.DType) != LanesOf(g.DType) || ((FoldArg)f.Arg!).Lanes != ((FoldArg)g.Arg!).Lanes) return false;
        for (int i = 1; i < f.src.Length; i++) if (Ir.Extent(f.src[i]) != Ir.Extent(g.src[i])) return false;
        return true;
    }

    void Loops(List<Stmt> into, List<Node> folds, HashSet<Node> opened, Dictionary<Node, Node> results)
    {
        var ranges = folds[0].src[1..];
        var bodies = folds.ConvertAll(f =>
        {
            var rename = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            for (int i = 1; i < f.src.Length; i++) rename[f.src[i]] = ranges[i - 1];
            return Ir.Substitute(f.src[0], rename);
        });
        if (((FoldArg)folds[0].Arg!).Lanes) { LaneLoops(into, folds, bodies, ranges, opened, results); return; }
        var totals = new List<Node>();
        for (int i = 0; i < folds.Count; i++)
        {
            var lane = free.Of(bodies[i]).FirstOrDefault(Ir.IsLane);
            totals.Add(Ir.Acc(folds[i].DType, lane));
            into.Add(new Init(totals[i], Lowering.Identity(Ir.FoldKind(folds[i]), folds[i].DType)));
            results[folds[i]] = totals[i];
        }
        if (ranges.Aggregate(1L, (p, r) => p * Ir.Extent(r)) is var turns && turns <= LongestUnrolled && bodies.Sum(b => Ir.All(b).Count) * turns <= LargestUnrolled)
        {
            for (long turn = 0; turn < turns; turn++)
            {
                var at = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
                IndexMath.Digits(ranges, Ir.Int(turn), at);
                UpdateAll(into, [.. folds.Select((f, i) => (totals[i], Ir.FoldKind(f), Ir.Substitute(bodies[i], at)))], opened);
            }
            return;
        }
        var last = ranges[^1];
        bool blocks = Ir.Extent(last) > Stretch;
        var inner = new HashSet<Node>(opened, ReferenceEqualityComparer.Instance);
        into = OpenLoops(into, ranges[..(blocks ? ranges.Length - 1 : StretchDepth(ranges, 1))], inner);
        InStretches(into, folds, totals, ranges.Aggregate(1L, (p, r) => p * Ir.Extent(r)), blocks ? last : null, Ir.Extent(last), 1, (body, accs, from, to) =>
        {
            var within = new HashSet<Node>(inner, ReferenceEqualityComparer.Instance);
            if (blocks)
            {
                var loop = new For(last, from, to);
                body.Add(loop);
                body = loop.Body;
                within.Add(last);
            }
            else body = OpenLoops(body, ranges[StretchDepth(ranges, 1)..], within);
            UpdateAll(body, [.. folds.Select((f, i) => (accs[i], Ir.FoldKind(f), bodies[i]))], within);
        });
    }

    /// <summary>Terms of a sum that stand side by side without a loop (a small window), and nodes of all of them.</summary>
    const int LongestUnrolled = 12, LargestUnrolled = 300;

    /// <summary>Additions of floats that go into one accumulator before it is added to the next: a long sum loses digits with the length of a stretch and with their number, not with its own.</summary>
    const int Stretch = 256;

    /// <summary>How many of the loops are outside of stretches, if one pass of what is in all of them adds so many times.</summary>
    static int StretchDepth(Node[] loops, long perPass)
    {
        int depth = loops.Length;
        while (depth > 0 && perPass * Ir.Extent(loops[depth - 1]) <= Stretch) perPass *= Ir.Extent(loops[--depth]);
        return depth;
    }

    static List<Stmt> OpenLoops(List<Stmt> into, Node[] ranges, HashSet<Node> opened)
    {
        foreach (var r in ranges)
        {
            var loop = new For(r, Ir.Int(0), Ir.Int(Ir.Extent(r)));
            into.Add(loop);
            into = loop.Body;
            opened.Add(r);
        }
        return into;
    }

    delegate void StretchBody(List<Stmt> into, List<Node> accumulators, Node from, Node to);

    /// <summary>
    /// A stretch of a sum, in accumulators of its own where it is one of floats and there is more than one stretch; blocked: the axis that is longer than a
    /// stretch, walked to end in steps, or null.
    /// </summary>
    static void InStretches(List<Stmt> into, List<Node> folds, List<Node> totals, long additions, Node? blocked, long end, int step, StretchBody body)
    {
        if (additions <= 2 * Stretch)
        {
            body(into, totals, Ir.Int(0), Ir.Int(end));
            return;
        }
        Node from = Ir.Int(0), to = Ir.Int(end);
        if (blocked is not null)
        {
            var block = new For(Ir.Range(end), Ir.Int(0), Ir.Int(end), (long)Stretch * step);
            into.Add(block);
            into = block.Body;
            from = block.Var;
            to = IndexMath.Min(IndexMath.Add(from, (long)Stretch * step), end);
        }
        var accs = totals.ToList();
        for (int i = 0; i < totals.Count; i++)
        {
            var f = folds[i % folds.Count];
            if (Ir.FoldKind(f) != Op.Add || !f.DType.IsFloat) continue;
            accs[i] = Ir.Acc(f.DType, totals[i].src.Length > 0 ? totals[i].src[0] : null);
            into.Add(new Init(accs[i], Lowering.Identity(Op.Add, f.DType)));
        }
        body(into, accs, from, to);
        for (int i = 0; i < totals.Count; i++)
            if (accs[i] != totals[i]) into.Add(new Update(totals[i], Op.Add, accs[i]));
    }

    /// <summary>The accumulators' updates, with folds inside their values placed first.</summary>
    void UpdateAll(List<Stmt> into, List<(Node Acc, Op Kind, Node Value)> updates, HashSet<Node> opened)
    {
        var values = PlaceFolds(into, updates.ConvertAll(u => new StoreSpec(-1, u.Value.DType, Ir.Int(0), u.Value)), opened);
        for (int i = 0; i < updates.Count; i++) into.Add(new Update(updates[i].Acc, updates[i].Kind, values[i].Value));
    }

    void LaneLoops(List<Stmt> into, List<Node> folds, List<Node> bodies, Node[] ranges, HashSet<Node> opened, Dictionary<Node, Node> results)
    {
        var axis = ranges[^1];
        long extent = Ir.Extent(axis);
        int lanes = LanesOf(folds[0].DType);
        var lane = Ir.Lane(lanes);
        int unroll = extent >= 4 * lanes ? 4 : 1;
        long wide = extent - extent % (unroll * lanes), single = extent - extent % lanes;
        // Accumulator u of fold i is number u * folds + i; that of single elements comes last.
        var vectors = new List<Node>();
        var tails = new List<Node>();
        for (int u = 0; u < unroll; u++)
            foreach (var f in folds)
            {
                vectors.Add(Ir.Acc(f.DType, lane));
                into.Add(new Init(vectors[^1], Lowering.Identity(Ir.FoldKind(f), f.DType)));
            }
        foreach (var f in folds)
        {
            tails.Add(Ir.Acc(f.DType, null));
            if (single < extent) into.Add(new Init(tails[^1], Lowering.Identity(Ir.FoldKind(f), f.DType)));
        }
        // What is left of a short axis, or at the end of each pass, may be more for its accumulator than the vectors are for theirs.
        List<Node> all = single < extent ? [.. vectors, .. tails] : vectors;
        long perPass = extent / (unroll * lanes), rest = Math.Max(extent - single, (single - wide) / lanes), most = Math.Max(1, Math.Max(perPass, rest));
        bool blocks = perPass > Stretch;
        var before = ranges[..^1];
        long passes = before.Aggregate(1L, (p, r) => p * Ir.Extent(r));
        int depth = blocks ? before.Length : StretchDepth(before, most);
        var inner = new HashSet<Node>(opened, ReferenceEqualityComparer.Instance);
        into = OpenLoops(into, before[..depth], inner);
        InStretches(into, folds, blocks ? vectors : all, most * passes, blocks ? axis : null, wide, unroll * lanes, (body, accs, from, to) =>
        {
            var within = new HashSet<Node>(inner, ReferenceEqualityComparer.Instance);
            body = OpenLoops(body, before[depth..], within);
            if (unroll > 1) Segment(body, within, accs, from, to, unroll * lanes, unroll);
            if (blocks) return;
            Segment(body, within, accs, Ir.Int(unroll > 1 ? wide : 0), Ir.Int(single), lanes, 1);
            Segment(body, within, accs, Ir.Int(single), Ir.Int(extent), 1, 0);
        });
        if (blocks && wide < extent)
            InStretches(into, folds, all, rest * passes, null, 0, 1, (body, accs, _, _) =>
            {
                Segment(body, inner, accs, Ir.Int(wide), Ir.Int(single), lanes, 1);
                Segment(body, inner, accs, Ir.Int(single), Ir.Int(extent), 1, 0);
            });

        void Segment(List<Stmt> body, HashSet<Node> within, List<Node> accs, Node from, Node to, int width, int count)
        {
            if (from.IntConst >= to.IntConst) return;
            var b = Ir.Range(extent);
            var loop = new For(b, from, to, width);
            var open = new HashSet<Node>(within, ReferenceEqualityComparer.Instance) { b };
            if (count > 0) open.Add(lane);
            var updates = new List<(Node, Op, Node)>();
            for (int u = 0; u < Math.Max(1, count); u++)
                for (int i = 0; i < folds.Count; i++)
                {
                    var at = count == 0 ? b : IndexMath.Add(IndexMath.Add(b, lane), u * lanes);
                    updates.Add((accs[(count == 0 ? unroll : u) * folds.Count + i], Ir.FoldKind(folds[i]), Ir.Substitute(bodies[i], new(ReferenceEqualityComparer.Instance) { [axis] = at })));
                }
            UpdateAll(loop.Body, updates, open);
            body.Add(loop);
        }

        for (int i = 0; i < folds.Count; i++)
        {
            var kind = Ir.FoldKind(folds[i]);
            Node[] v = [.. Enumerable.Range(0, unroll).Select(u => vectors[u * folds.Count + i])];
            Node Join(Node a, Node b) => Ir.Scalar(kind, folds[i].DType, a, b);
            var sum = unroll == 4 ? Join(Join(v[0], v[1]), Join(v[2], v[3])) : v[0];
            var total = Ir.Elementwise(Op.Across, folds[i].DType, new FoldArg(kind), sum);
            results[folds[i]] = single < extent ? Join(total, tails[i]) : total;
        }
    }

    /// <summary>A running fold: one accumulator along the step's loops (one axis, which may have been split), stored at each iteration.</summary>
    void Scan(List<Stmt> into, Step step, List<StoreSpec> stores, Op op, HashSet<Node> opened)
    {
        var inner = new HashSet<Node>(opened, ReferenceEqualityComparer.Instance);
        // In double, as the last of a million running sums would else have lost the digits that a sum of a million keeps.
        var accs = stores.ConvertAll(s => Ir.Acc(Wide(s.Value.DType), null));
        for (int i = 0; i < stores.Count; i++) into.Add(new Init(accs[i], Lowering.Identity(op, Wide(stores[i].Value.DType))));
        into = OpenLoops(into, [.. step.Inner], inner);
        stores = PlaceFolds(into, stores, inner);
        for (int i = 0; i < stores.Count; i++)
        {
            Node Cast(Node x, DType to) => x.DType == to ? x : Ir.Scalar(Op.Cast, to, x);
            into.Add(new Update(accs[i], op, Cast(stores[i].Value, Wide(stores[i].Value.DType))));
            into.Add(new Store(stores[i].Slot, stores[i].DType, stores[i].Index, Cast(accs[i], stores[i].Value.DType)));
        }

        static DType Wide(DType t) => t == DType.F32 ? DType.F64 : t;
    }
}
