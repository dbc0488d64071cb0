using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Kernels;

/// <summary>Axes that are short, cut or padded: vectors of half the length, parts between the places where a condition changes, copies with borders.</summary>
sealed partial class GeneralNest
{
    /// <summary>The same in vectors of half the length, where the axis that would lie in lanes is shorter than a vector (an image of 7 x 7) and no sum is.</summary>
    LoopNest? Narrower()
    {
        if (vectorBytes <= 16 || kernel.Steps.Exists(s => s.Running is not null || s.Inner.Count > 0)) return null;
        // Borders are copied first: a stride under a guard counts against vectors, a plain one does not.
        var half = new GeneralNest(new KernelAst { Name = kernel.Name, Outer = [.. kernel.Outer], Steps = [.. kernel.Steps], Slots = [.. kernel.Slots] }, vectorBytes / 2, recipe);
        half.CopyBorders(new LoopNest { Name = kernel.Name, Slots = half.kernel.Slots }, false);
        var stores = half.kernel.Steps.SelectMany(s => s.Stores).ToList();
        foreach (var fold in Ir.All(half.kernel.Roots).Where(n => n.Op == Op.Fold))
            if (fold.src[1..].Any(r => Ir.Extent(r) >= LanesOf(fold.DType) && half.LoadScore(fold.src[0], r) > 0)) return null;
        if (half.PickVector(half.kernel.Outer, stores) is not { } vector) return vectorBytes > 32 ? new GeneralNest(kernel, vectorBytes / 2, recipe).Narrower() : null;
        if (Ir.Extent(vector) >= Lanes(stores)) return null;
        half = new GeneralNest(kernel, vectorBytes / 2, recipe);
        var nest = half.Build();
        for (int i = 0; i < nest.Phases.Count; i++) nest.Phases[i] = nest.Phases[i] with { VectorBytes = nest.Phases[i].VectorBytes == 0 ? vectorBytes / 2 : nest.Phases[i].VectorBytes };
        return nest;
    }

    /// <summary>All steps along the vector axis.</summary>
    void InParts(List<Stmt> within, Node axis, int lanes, int unroll, HashSet<Node> open)
    {
        foreach (var (start, length) in Parts(axis))
        {
            if (length == 1)
            {
                Steps(Once(within), new(ReferenceEqualityComparer.Instance) { [axis] = Ir.Int(start) }, open, []);
                continue;
            }
            var part = length == Ir.Extent(axis) ? axis : Ir.Range(length);
            Vectorise(within, part, Ir.Int(0), Ir.Int(length), lanes, unroll, (into, map, opened) =>
            {
                opened.UnionWith(open);
                map[axis] = IndexMath.Add(map[part], start);
                Steps(into, map, opened, []);
            });
        }
    }

    /// <summary>Copies with borders that each parallel row makes of its own part (a channel's image), into scratch that stays in the cache: axes inside the row, and what is stored.</summary>
    readonly List<(List<Node> Axes, StoreSpec Store)> inRows = [];

    void CopyInRow(List<Stmt> into, List<Node> axes, StoreSpec store, Dictionary<Node, Node> digits, HashSet<Node> open)
    {
        var copy = new KernelAst { Name = kernel.Name, Outer = [.. axes], Steps = [new Step([], [store])], Slots = kernel.Slots };
        copy.Substitute(digits);
        var nest = new GeneralNest(copy, vectorBytes, recipe);
        var vector = nest.PickVector(copy.Outer, copy.Steps[0].Stores);
        var opened = new HashSet<Node>(open, ReferenceEqualityComparer.Instance);
        var within = OpenLoops(into, [.. copy.Outer.Where(r => r != vector)], opened);
        if (vector is null) nest.Steps(within, new(ReferenceEqualityComparer.Instance), opened, []);
        else nest.InParts(within, vector, nest.Lanes([store]), 1, opened);
    }

    /// <summary>What sums read under a guard, many times an element, is copied with a border of zeros first: vectors then need no guard.</summary>
    void CopyBorders(LoopNest nest, bool mayInRows)
    {
        var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        foreach (var load in Ir.All(Ir.All(kernel.Roots).Where(n => n.Op == Op.Fold).Select(f => f.src[0])))
        {
            if (load is not { Op: Op.Load, src.Length: 2, Arg: BufferSlot b } || kernel.Slots[b.Slot].ScratchElements > 0 || kernel.Roots.Any(r => r == load)) continue;
            if (kernel.Steps.Exists(s => s.Stores.Exists(t => t.Slot == b.Slot)) || BorderedCopy.Of(load, free) is not { } copy) continue;
            int slot = kernel.Slots.Count;
            if (mayInRows && kernel.Outer.Count > 1 && copy.Axes[0] == kernel.Outer[0] && Ir.Extent(copy.Axes[0]) is var images && images >= 4 * WorkerPool.Threads && copy.Elements / images * sizeof(float) <= Cpu.Caches.L2 / 4)
            {
                var atZero = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance) { [copy.Axes[0]] = Ir.Int(0) };
                kernel.Slots.Add(new SlotInfo(DType.F32, copy.Elements / images, true));
                inRows.Add((copy.Axes.GetRange(1, copy.Axes.Count - 1), new(slot, DType.F32, Ir.Substitute(copy.To, atZero), copy.Value)));
                map[load] = Ir.Load(DType.F32, slot, Ir.Substitute(copy.From, atZero));
                continue;
            }
            kernel.Slots.Add(new SlotInfo(DType.F32, copy.Elements));
            nest.Phases.AddRange(Stage("border", copy.Axes, new(slot, DType.F32, copy.To, copy.Value), kernel.Slots, vectorBytes, recipe));
            map[load] = Ir.Load(DType.F32, slot, copy.From);
        }
        if (map.Count == 0) return;
        // The kernel that was given stays as it is.
        kernel = new KernelAst { Name = kernel.Name, Outer = [.. kernel.Outer], Steps = [.. kernel.Steps], Slots = kernel.Slots };
        kernel.Substitute(map);
    }

    /// <summary>The vector axis cut where a condition on it alone changes (the borders of padding): within a part there is nothing left to ask.</summary>
    List<(long Start, long Length)> Parts(Node axis)
    {
        const int Most = 4;
        var cuts = new SortedSet<long> { 0, Ir.Extent(axis) };
        foreach (var n in Ir.All(kernel.Roots))
        {
            if (n.Op != Op.CmpLt || n.src[0].DType != DType.I64) continue;
            var difference = IndexMath.Of(IndexMath.Add(n.src[1], IndexMath.Mul(n.src[0], -1))); // > 0
            if (difference.Terms is not [(var atom, var factor)] || atom != axis) continue;
            long cut = factor > 0 ? OpTable.FloorDiv(-difference.Constant, factor) + 1 : -OpTable.FloorDiv(-difference.Constant, -factor);
            if (cut > 0 && cut < Ir.Extent(axis)) cuts.Add(cut);
        }
        if (cuts.Count > Most + 1) return [(0, Ir.Extent(axis))];
        return [.. cuts.Zip(cuts.Skip(1), (from, to) => (from, to - from))];
    }
}
