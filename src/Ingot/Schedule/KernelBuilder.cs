using Ingot.Graph;
using Ingot.Kernels;

namespace Ingot.Schedule;

/// <summary>Collects the slots of one kernel while its expressions are resolved to reads of memory.</summary>
/// <param name="first">A value the kernel makes, for its name.</param>
/// <param name="memoryOf">What holds a value that is read.</param>
sealed class KernelBuilder(Node first, Func<Node, Node> memoryOf)
{
    readonly List<SlotInfo> slots = [];
    readonly List<Node> buffers = [];
    readonly Dictionary<Node, int> slotOf = new(ReferenceEqualityComparer.Instance);
    readonly List<(Node Node, long Elements)> scratch = [];

    public List<Node> Outputs { get; } = [];

    /// <summary>The slot of a value in memory.</summary>
    public int Slot(Node value, DType dtype)
    {
        if (slotOf.TryGetValue(value, out int slot)) return slot;
        slots.Add(new SlotInfo(dtype));
        buffers.Add(value);
        return slotOf[value] = slots.Count - 1;
    }

    /// <summary>An assigned node is its buffer's memory.</summary>
    public void Alias(Node value, int slot) => slotOf[value] = slot;

    /// <summary>Scratch of this many elements for one outer iteration; 0: made before.</summary>
    public int Scratch(Node value, long elements)
    {
        int i = scratch.FindIndex(s => s.Node == value);
        if (i < 0) { scratch.Add((value, elements)); i = scratch.Count - 1; }
        return -1 - i; // numbered after the launch's slots are known
    }

    public Node Load(Node source, Node[] index, Node? valid)
    {
        var flat = Ir.Int(0);
        var strides = source.Shape.Strides();
        for (int d = 0; d < index.Length; d++) flat = IndexMath.Add(flat, IndexMath.Mul(index[d], strides[d]));
        return Ir.Load(source.DType, Slot(memoryOf(source), source.DType), flat, valid);
    }

    public Scheduler.Kernel Finish(List<Node> outer, List<Step> steps)
    {
        int launch = slots.Count;
        foreach (var (node, elements) in scratch) slots.Add(new SlotInfo(node.DType, Math.Max(1, elements), true));
        int Final(int slot) => slot >= 0 ? slot : launch + (-1 - slot);
        if (scratch.Count > 0)
        {
            Node Renumber(Node root) => Ir.Rewrite(root, n => n is { Op: Op.Load, Arg: BufferSlot { Slot: < 0 } b } ? Node.Of(Op.Load, n.DType, Shape.Scalar, new BufferSlot(Final(b.Slot)), n.src) : null);
            steps = steps.ConvertAll(s => s with { Stores = s.Stores.ConvertAll(t => t with { Slot = Final(t.Slot), Index = Renumber(t.Index), Value = Renumber(t.Value) }) });
        }
        var ast = new KernelAst { Name = Name(steps), Outer = outer, Steps = steps, Slots = slots };
        return new(ast, buffers, Outputs);
    }

    /// <summary>A name a person can find in a listing: what the kernel reduces or computes, and its shape.</summary>
    string Name(List<Step> steps)
    {
        var ops = Ir.All(steps.SelectMany(s => s.Stores).Select(s => s.Value));
        string kind = ops.Exists(n => n.Op == Op.Fold) ? (ops.Count(n => n.Op == Op.Fold) > 1 ? "rows" : ops.Exists(n => n.Op == Op.Fold && n.src[0].Op == Op.Mul) ? "dot" : "reduce") : "map";
        return $"{kind}_{string.Join("x", Outputs.Count > 0 ? Outputs[^1].Shape : first.Shape)}";
    }

    /// <summary>base, then rows replaced or added in index order; parallel over columns.</summary>
    public Scheduler.Kernel Scatter(Node n, Lowering lowering)
    {
        Node target = n.src[0], index = n.src[1], src = n.src[2];
        var columns = n.Shape.Span[1..].ToArray().Select(d => Ir.Range(d)).ToArray();
        Node row = Ir.Range(n.Shape[0]), i = Ir.Range(index.Shape[0]);
        Node Resolve(Node x) => Ir.Rewrite(x, y => y is { Op: Op.Load, Arg: ReadArg r } ? Load(r.Source, y.src[..r.Source.Shape.Rank], y.src.Length > r.Source.Shape.Rank ? y.src[^1] : null) : null);
        int slot = Slot(n, n.DType);
        Outputs.Add(n);
        var strides = n.Shape.Strides();
        Node At(Node first)
        {
            var flat = IndexMath.Mul(first, strides[0]);
            for (int d = 0; d < columns.Length; d++) flat = IndexMath.Add(flat, IndexMath.Mul(columns[d], strides[d + 1]));
            return flat;
        }
        List<Node> Loop(Node r) => r.Op == Op.Range ? [r] : [];
        var steps = new List<Step> { new(Loop(row), [new(slot, n.DType, At(row), Resolve(lowering.Value(target, [row, .. columns])))]) };
        if (index.Shape.Count > 0)
        {
            var at = lowering.ScatterRow(n, i);
            var value = lowering.Value(src, [i, .. columns]);
            if (n.Op == Op.ScatterAdd) value = Lowering.Plus(n.DType, Ir.Load(n.DType, slot, At(at)), value);
            steps.Add(new(Loop(i), [new(slot, n.DType, Resolve(At(at)), Resolve(value))]));
        }
        return Finish([.. columns.Where(c => c.Op == Op.Range)], steps);
    }

    public Scheduler.Kernel Scan(Node n, Node[] ranges, Node value)
    {
        int axis = n.Axes[0];
        Node Resolve(Node x) => Ir.Rewrite(x, y => y is { Op: Op.Load, Arg: ReadArg r } ? Load(r.Source, y.src[..r.Source.Shape.Rank], y.src.Length > r.Source.Shape.Rank ? y.src[^1] : null) : null);
        int slot = Slot(n, n.DType);
        Outputs.Add(n);
        var flat = Ir.Int(0);
        var strides = n.Shape.Strides();
        for (int d = 0; d < ranges.Length; d++) flat = IndexMath.Add(flat, IndexMath.Mul(ranges[d], strides[d]));
        var wide = Resolve(value);
        if (wide.DType.IsHalf()) wide = Ir.Scalar(Op.Cast, DType.F32, wide);
        var outer = ranges.Where((r, d) => d != axis && r.Op == Op.Range).ToList();
        var store = new StoreSpec(slot, n.DType, flat, wide);
        return Finish(outer, [ranges[axis].Op == Op.Range ? new Step([ranges[axis]], [store], n.ReduceInfo.Kind) : new Step([], [store])]);
    }
}
