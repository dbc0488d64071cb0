using Ingot.Graph;
using Ingot.Kernels;

namespace Ingot.Schedule;

/// <summary>
/// Decides which nodes become which kernels. Three steps: which values get memory at all (<see cref="ChooseMade"/>), which of those are
/// computed together (<see cref="Merge"/>), and the lowering of each group to a <see cref="KernelAst"/>.
/// </summary>
sealed partial class Scheduler
{
    /// <summary>Bytes of a row that a kernel may keep between its steps: half of a small second-level cache.</summary>
    const long RowBytes = 256 * 1024;

    /// <summary>A longer chain of unmaterialised operations is cut: expressions stay small, and recursion over them shallow.</summary>
    const int LongestChain = 150;

    /// <summary>Nodes of one kernel's expressions: beyond, its code would pass the JIT's 16 KB cliff.</summary>
    const int LargestKernel = 1000;

    readonly List<Node> targets;
    readonly List<Node> order;
    readonly Dictionary<Node, int> position = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<Node, List<Node>> users = new(ReferenceEqualityComparer.Instance);
    readonly HashSet<Node> made = new(ReferenceEqualityComparer.Instance);
    readonly Lowering lowering;

    /// <summary>One value with memory: its ranges, its expression over them, and what it reads.</summary>
    sealed class Member(Node node, Node[] ranges, Node value)
    {
        public readonly Node Node = node;
        public readonly Node[] Ranges = ranges;
        public readonly Node Value = value;
        public readonly int Size = Ir.All(value).Count;
        public readonly List<Node> Reads = [.. Ir.All(value).Where(n => n is { Op: Op.Load, Arg: ReadArg })];
        /// <summary>What is not read but must have been computed before.</summary>
        public List<Node> WaitsFor = [];
        /// <summary>The group's outer axis of each dimension, or -1.</summary>
        public int[] Axes = [];
        public bool IsContraction => Ir.All(Value).Exists(n => n.Op == Op.Fold && n.src[0] is { Op: Op.Mul } or { Op: Op.Where, src: [_, { Op: Op.Mul }, _] } && IsWide(n));

        /// <summary>A product whose factors do not depend on the same ranges: each is read many times.</summary>
        bool IsWide(Node fold)
        {
            var product = fold.src[0].Op == Op.Where ? fold.src[0].src[1] : fold.src[0];
            var free = new FreeRanges();
            HashSet<Node> a = [.. free.Of(product.src[0]).Except(fold.src[1..])], b = [.. free.Of(product.src[1]).Except(fold.src[1..])];
            return !a.IsSubsetOf(b) && !b.IsSubsetOf(a) && Node.Shape.Count * fold.src[1..].Aggregate(1L, (p, r) => p * Ir.Extent(r)) > 4096;
        }
    }

    /// <summary>Values computed in one kernel. Extents are those of the shared outer axes.</summary>
    sealed class Group
    {
        public required List<Member> Members;
        public required List<long> Extents;
        public bool HasContraction;
        public bool IsFixed; // scans, scatters, sorts: never merged
        public bool IsRowBlock; // made by FuseScores: complete
    }

    readonly Dictionary<Node, Group> groupOf = new(ReferenceEqualityComparer.Instance);
    readonly List<Group> groups = [];

    Scheduler(IReadOnlyList<Node> targets, Func<Node, int> slotOf, Func<Node, int> siteOf)
    {
        this.targets = [.. targets];
        order = Build.TopologicalOrder(this.targets);
        foreach (var n in order) position[n] = position.Count;
        lowering = new Lowering(n => n.Op == Op.Buffer || made.Contains(n), slotOf, siteOf);
    }

    /// <summary>What the plan needs of a kernel: its form, and which graph values its slots are.</summary>
    /// <param name="Ast">Null for what runs on the host: a sort, or a kernel of the user's own. Its buffers are its operands, then its output.</param>
    /// <param name="Buffers">Graph node behind each launch slot (outputs are the nodes themselves).</param>
    /// <param name="Outputs">Nodes this kernel makes.</param>
    internal sealed record Kernel(KernelAst? Ast, List<Node> Buffers, List<Node> Outputs)
    {
        /// <summary>Whether it may be the first to meet a bad index, where it checks one.</summary>
        public bool MayFail { get; init; } = true;
    }

    /// <summary>Kernels for the targets (clean nodes: no marks, computed nodes replaced by buffers), in an order that respects what they read.</summary>
    public static List<Kernel> Run(IReadOnlyList<Node> targets, Func<Node, int> slotOf, Func<Node, int> siteOf)
    {
        var s = new Scheduler(targets, slotOf, siteOf);
        s.ChooseMade();
        s.MakeGroups();
        s.FuseScores();
        s.Merge();
        s.MergeSiblings();
        return s.Kernels();
    }

    // ---- groups ----

    void MakeGroups()
    {
        bool hasBarriers = order.Exists(IsBarrier);
        foreach (var n in order)
        {
            if (!made.Contains(n) || n.Shape.Count == 0) continue; // nothing to compute, and nothing will be read
            var ranges = n.Shape.Select(d => Ir.Range(d)).ToArray();
            bool special = n.Op is Op.Scan or Op.Sort or Op.Scatter or Op.ScatterAdd or Op.Custom;
            var value = n.Op == Op.Assign ? lowering.Value(n.src[1], ranges) : special ? Special(n, ranges) : lowering.Compute(n, ranges);
            var member = new Member(n, ranges, value);
            var group = new Group { Members = [member], Extents = [], IsFixed = special };
            member.Axes = new int[ranges.Length];
            for (int d = 0; d < ranges.Length; d++)
            {
                member.Axes[d] = ranges[d].Op == Op.Range ? group.Extents.Count : -1;
                if (ranges[d].Op == Op.Range) group.Extents.Add(n.Shape[d]);
            }
            group.HasContraction = member.IsContraction;
            if (hasBarriers) member.WaitsFor = WaitsFor(n);
            groupOf[n] = group;
            groups.Add(group);
        }
    }

    /// <summary>For dependences only: everything a special kernel reads, if it has elements.</summary>
    Node Special(Node n, Node[] ranges)
    {
        Node At(Node s) => lowering.Value(s, [.. s.Shape.Select(d => Ir.Range(d))]);
        return n.Op switch
        {
            Op.Scan => lowering.Value(n.src[0], ranges),
            _ => n.src.Where(s => s.Shape.Count > 0).Select(At).Aggregate(Build.Const(DType.Bool, Shape.Scalar, 0L), (a, b) => Ir.Scalar(Op.Where, DType.Bool, a, b)),
        };
    }

    /// <summary>The second operand of such a Contiguous is not read, but must have been computed before anything that reads through it: see <see cref="Autograd.CheckpointMark"/>.</summary>
    static bool IsBarrier(Node n) => n is { Op: Op.Contiguous, src.Length: 2 };

    /// <summary>What must have been computed, though it is not read, before a value with memory.</summary>
    List<Node> WaitsFor(Node n)
    {
        var found = new List<Node>();
        var seen = new HashSet<Node>();
        var stack = new Stack<(Node Node, bool IsWaitedFor)>(n.src.Select(s => (s, false)));
        while (stack.TryPop(out var top))
        {
            var (x, isWaitedFor) = top;
            bool memory = x.Op == Op.Buffer || made.Contains(x);
            if (memory && isWaitedFor) found.Add(x);
            if (memory || !seen.Add(x)) continue;
            for (int i = 0; i < x.src.Length; i++) stack.Push((x.src[i], isWaitedFor || (IsBarrier(x) && i == 1)));
        }
        return found;
    }

    /// <summary>Groups that must run before this one: what it reads, and what it waits for.</summary>
    IEnumerable<Group> Before(Group g) => Producers(g).Concat(g.Members.SelectMany(m => m.WaitsFor).Where(groupOf.ContainsKey).Select(n => groupOf[n]).Where(p => p != g)).Distinct();

    IEnumerable<Group> Producers(Group g) => g.Members.SelectMany(m => m.Reads).Select(r => ((ReadArg)r.Arg!).Source)
        .Where(s => groupOf.TryGetValue(s, out var p) && p != g).Select(s => groupOf[s]).Distinct();

    // ---- lowering of groups ----

    List<Kernel> Kernels()
    {
        // Kahn's algorithm; a kernel that overwrites a buffer waits for the buffer's readers.
        var waits = groups.ToDictionary(g => g, g => Before(g).ToHashSet());
        foreach (var g in groups)
            foreach (var source in g.Members.SelectMany(m => m.Reads).Select(r => ((ReadArg)r.Arg!).Source))
                (readers.TryGetValue(source, out var list) ? list : readers[source] = []).Add(g);
        foreach (var g in groups)
            foreach (var m in g.Members.Where(m => m.Node.Op == Op.Assign)) waits[g].UnionWith(ReadersBeside(m.Node.src[0], g));
        var mayFail = groups.Where(MayFail).ToHashSet();
        var result = new List<Kernel>();
        var pending = groups.ToList();
        while (pending.Count > 0)
        {
            var ready = pending.Where(g => waits[g].Count == 0).ToList();
            if (ready.Count == 0)
            {
                // Two kernels each read what the other overwrites: one writes to memory of its own, and copies when the readers are done.
                var g = pending.First(g => Before(g).All(p => !pending.Contains(p)));
                putAside.UnionWith(g.Members.Where(m => m.Node.Op == Op.Assign).Select(m => m.Node));
                result.Add(Lower(g, delayed: true));
                Done(g);
                continue;
            }
            // What may still fail, by a bad index or in the user's own kernel, runs before anything is assigned, where it can: otherwise the old values must be kept to restore them.
            if (mayFail.Count > 0 && ready.Exists(g => !Assigns(g))) ready.RemoveAll(Assigns);
            foreach (var g in ready)
            {
                result.Add(Lower(g, delayed: false));
                Done(g);
            }
        }
        foreach (var assign in putAside) result.Add(CopyBack(assign));
        return result;

        void Done(Group g)
        {
            pending.Remove(g);
            mayFail.Remove(g);
            foreach (var w in waits.Values) w.Remove(g);
        }
    }

    /// <summary>The groups that read each value, once the groups are final.</summary>
    readonly Dictionary<Node, HashSet<Group>> readers = new(ReferenceEqualityComparer.Instance);

    IEnumerable<Group> ReadersBeside(Node value, Group g) => readers.TryGetValue(value, out var all) ? all.Where(r => r != g) : [];

    static bool Assigns(Group g) => g.Members.Exists(m => m.Node.Op == Op.Assign);

    bool MayFail(Group g) => g.Members.Exists(m => m.Node.Op == Op.Custom || (m.Node.Op is Op.Scatter or Op.ScatterAdd && !IsCheckedByGather(m.Node)) || Ir.All(m.Value).Exists(n => n.Op == Op.CheckIndex));

    /// <summary>Assignments whose value waits in memory of its own until they may overwrite their buffers.</summary>
    readonly HashSet<Node> putAside = new(ReferenceEqualityComparer.Instance);

    /// <summary>Where a kernel finds a value: an assigned one not yet in its buffer if that is put aside.</summary>
    Node MemoryOf(Node value) => putAside.Contains(value) ? Aside(value) : value;

    /// <summary>The value an assignment keeps aside until it may overwrite its buffer.</summary>
    static Node Aside(Node assign) => Node.Of(Op.Contiguous, assign.DType, assign.Shape, new LeafArg(assign), assign.src[1]);

    static Kernel CopyBack(Node assign)
    {
        var builder = new KernelBuilder(assign, value => value);
        var ranges = assign.Shape.Select(d => Ir.Range(d)).ToArray();
        int slot = builder.Slot(assign.src[0], assign.DType);
        var load = builder.Load(Aside(assign), ranges, null);
        builder.Outputs.Add(assign);
        return builder.Finish([.. ranges.Where(r => r.Op == Op.Range)], [new Step([], [new StoreSpec(slot, assign.DType, load.src[0], load)])]);
    }

    Kernel Lower(Group g, bool delayed)
    {
        var builder = new KernelBuilder(g.Members[0].Node, MemoryOf);
        var first = g.Members[0].Node;
        switch (first.Op)
        {
            case Op.Sort or Op.Custom: return new(null, [.. first.src.Select(MemoryOf), first], [first]);
            case Op.Scatter or Op.ScatterAdd: return builder.Scatter(first, lowering) with { MayFail = MayFail(g) };
            case Op.Scan: return builder.Scan(first, g.Members[0].Ranges, g.Members[0].Value);
        }
        var outer = g.Extents.Select(e => Ir.Range(e)).ToList();
        var inGroup = g.Members.ToDictionary(m => m.Node, m => m, (IEqualityComparer<Node>)ReferenceEqualityComparer.Instance);
        bool NeedsMemory(Member m) => targets.Contains(m.Node) || m.Node.Op == Op.Assign
            || ReadersBeside(m.Node, g).Any(x => !(x.IsRowBlock && x.Members.Exists(y => y.Node == m.Node)));
        var values = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance); // in registers: member -> expression over the outer ranges
        var ends = new List<(List<Node> Inner, List<StoreSpec> Stores)>();
        foreach (var m in g.Members)
        {
            var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            var inner = new List<Node>();
            for (int d = 0; d < m.Ranges.Length; d++)
            {
                if (m.Ranges[d].Op != Op.Range) continue;
                if (m.Axes[d] >= 0) map[m.Ranges[d]] = outer[m.Axes[d]];
                else inner.Add(map[m.Ranges[d]] = Ir.Range(Ir.Extent(m.Ranges[d])));
            }
            var value = Ir.Rewrite(Ir.Substitute(m.Value, map), n => n is { Op: Op.Load, Arg: ReadArg } ? ResolveRead(n) : null);
            bool isRow = inner.Count > 0, memory = NeedsMemory(m);
            if (!isRow) values[m.Node] = value;
            if (!isRow && !memory) continue;
            var index = Ir.Int(0);
            int slot;
            if (memory)
            {
                slot = builder.Slot(m.Node.Op != Op.Assign ? m.Node : delayed ? Aside(m.Node) : m.Node.src[0], m.Node.DType);
                if (m.Node.Op == Op.Assign) builder.Alias(m.Node, slot);
                var strides = m.Node.Shape.Strides();
                for (int d = 0; d < m.Ranges.Length; d++)
                    if (m.Ranges[d].Op == Op.Range) index = IndexMath.Add(index, IndexMath.Mul(map[m.Ranges[d]], strides[d]));
                builder.Outputs.Add(m.Node);
            }
            else
            {
                slot = builder.Scratch(m.Node, inner.Aggregate(1L, (p, r) => p * Ir.Extent(r)));
                foreach (var r in inner) index = IndexMath.Add(IndexMath.Mul(index, Ir.Extent(r)), r);
            }
            ends.Add((inner, [new StoreSpec(slot, m.Node.DType, index, value)]));
        }
        // Stores without loops of their own share a step.
        var steps = new List<Step>();
        foreach (var (inner, stores) in ends)
            if (inner.Count == 0 && steps is [.., { Inner.Count: 0 } last]) last.Stores.AddRange(stores);
            else steps.Add(new Step(inner, stores));
        var kernel = builder.Finish(outer, steps);
        if (g.IsRowBlock) (kernel.Ast!.IsRowBlock, kernel.Ast.Mask) = (true, RowMask.Of(kernel.Ast));
        return kernel;

        Node? ResolveRead(Node read)
        {
            var source = ((ReadArg)read.Arg!).Source;
            int rank = source.Shape.Rank;
            var valid = read.src.Length > rank ? read.src[rank] : null;
            if (!inGroup.TryGetValue(source, out var m)) return builder.Load(source, read.src[..rank], valid);
            if (values.TryGetValue(source, out var inRegister))
                return valid is null ? inRegister : Ir.Scalar(Op.Where, read.DType, valid, inRegister, Build.Const(read.DType, Shape.Scalar, 0L));
            if (NeedsMemory(m)) return builder.Load(source, read.src[..rank], valid);
            var index = Ir.Int(0);
            for (int d = 0; d < rank; d++)
                if (m.Ranges[d].Op == Op.Range && m.Axes[d] < 0) index = IndexMath.Add(IndexMath.Mul(index, Ir.Extent(m.Ranges[d])), read.src[d]);
            return Ir.Load(source.DType, builder.Scratch(source, 0), index, valid);
        }
    }
}

static class HalfTypes
{
    public static bool IsHalf(this DType t) => t is DType.F16 or DType.BF16;
}
