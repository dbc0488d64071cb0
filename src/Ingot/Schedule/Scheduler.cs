using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

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

    // ---- which values get memory ----

    void ChooseMade()
    {
        foreach (var n in order)
            foreach (var s in n.src)
            {
                if (!users.TryGetValue(s, out var list)) users[s] = list = [];
                list.Add(n);
            }
        made.UnionWith(targets.Where(t => t.Op != Op.Buffer));
        foreach (var n in order)
        {
            // A barrier is another name for what it stands before, which therefore has memory.
            if (IsBarrier(n)) made.UnionWith(n.src[..1].Where(s => s.Op != Op.Buffer));
            else if (n.Op is Op.Scan or Op.Sort or Op.Scatter or Op.ScatterAdd or Op.Contiguous or Op.Assign or Op.Custom) made.Add(n);
            if (n.Op is Op.Sort or Op.Custom) made.UnionWith(n.src.Where(s => s.Op != Op.Buffer)); // the host reads memory
        }
        var claimed = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        foreach (var n in order)
            if (n.Op == Op.Reduce && !JoinsReduce(n)) made.Add(EpilogueEnd(n, claimed));
        var sinks = Sinks();
        var weight = new Dictionary<Node, int>(ReferenceEqualityComparer.Instance);
        var reads = new Dictionary<Node, int>(ReferenceEqualityComparer.Instance);
        var depth = new Dictionary<Node, int>(ReferenceEqualityComparer.Instance);
        foreach (var n in order)
        {
            bool memory = n.Op == Op.Buffer || made.Contains(n);
            int w = Cost(n), r = 0, d = 0;
            foreach (var s in n.src) { w += weight[s]; r += reads[s]; d = Math.Max(d, depth[s]); }
            if (!memory && w > RecomputedInMany) w = Recompute(n).Operations;
            bool many = n.Op.IsElementwise && EffectiveUsers(n) > 1
                && (IsSpread(n) ? w > 2 || r > 1 : sinks[n] == SeveralSinks && (w > (IsReduced(n) ? 6 : RecomputedInMany) || (r > 3 && Recompute(n).Reads > 3)));
            many |= n.Op.IsElementwise && IsWindowed(n);
            if (!memory && n.Op != Op.Const && (many || d >= LongestChain || w > 400))
            {
                var kept = Kept(n);
                memory = kept == n;
                if (!memory) (w, r, d) = (1, 1, 0); // what is widened is read
                made.Add(kept);
                (weight[kept], reads[kept], depth[kept]) = (0, 1, 0);
            }
            (weight[n], reads[n], depth[n]) = memory ? (0, 1, 0) : (Math.Min(w, 1 << 20), Math.Min(r, 1 << 20), d + 1);
        }
    }

    /// <summary>
    /// Operations on an element that are done again in each kernel rather than kept: about what a core does while it writes four bytes and reads them again.
    /// The backward pass of an activation then reads the activation's input, not all the values in between.
    /// </summary>
    const int RecomputedInMany = 40;

    /// <summary>
    /// What is kept where n would be: a half precision rather than what it is widened to, which is half the bytes and what the matrix unit takes. Without one, a
    /// convolution reads float32 where it is.
    /// </summary>
    Node Kept(Node n)
    {
        if (!IsWidening(n) || !(Cpu.UsesMatrixUnit || !IsWindowed(n))) return n;
        var half = n.src[0];
        while (half.Op is Op.Reshape or Op.Permute or Op.Shrink) half = half.src[0];
        return half.Op.IsElementwise ? half : n;
    }

    static int Cost(Node n) => n.Op.IsTranscendental ? 12 : n.Op is Op.Div or Op.Sqrt or Op.Recip ? 3 : n.Op == Op.Random ? 60 : n.Op.IsElementwise ? 1 : 0;

    /// <summary>What a kernel does to have an element of n: operations, each counted once (up to some bound), and values it reads.</summary>
    (int Operations, int Reads) Recompute(Node n)
    {
        var seen = new HashSet<Node>(ReferenceEqualityComparer.Instance) { n };
        var stack = new Stack<Node>([n]);
        int operations = 0, reads = 0;
        while (stack.TryPop(out var x) && operations <= 400)
        {
            operations += Cost(x);
            foreach (var s in x.src)
            {
                if (!seen.Add(s)) continue;
                if (s.Op != Op.Buffer && !made.Contains(s)) stack.Push(s);
                else reads++;
            }
        }
        return (operations, reads);
    }

    /// <summary>Whether some user repeats n along a dimension, so that in that user's kernel an element of it would be computed many times.</summary>
    bool IsSpread(Node n) => UsersOf(n).Exists(u => u.Op == Op.Expand || (u.Op.IsMovement && !made.Contains(u) && IsSpread(u)));

    /// <summary>Whether windows of n are read, an element in many of them: a convolution reads memory best as it is.</summary>
    bool IsWindowed(Node n) => UsersOf(n).Exists(u => u.Op == Op.Window ? u.Windows.Size > u.Windows.Stride : u.Op.IsMovement && !made.Contains(u) && IsWindowed(u));

    /// <summary>Whether n is summed as it is: then its users are likely to be steps of one row program, where it may wait in a row of scratch.</summary>
    bool IsReduced(Node n) => UsersOf(n).Exists(u => u.Op == Op.Reduce || (u.Op.IsMovement && !made.Contains(u) && IsReduced(u)));

    static readonly Node SeveralSinks = Build.Const(DType.Bool, Shape.Scalar, 0L);

    /// <summary>The value with memory whose kernel would compute each node, <see cref="SeveralSinks"/> if more than one would, null if none.</summary>
    Dictionary<Node, Node?> Sinks()
    {
        var sinks = new Dictionary<Node, Node?>(ReferenceEqualityComparer.Instance);
        foreach (var n in Enumerable.Reverse(order))
        {
            Node? sink = null;
            foreach (var u in UsersOf(n))
            {
                var its = made.Contains(u) ? u : sinks[u];
                sink = sink is null || sink == its ? its : SeveralSinks;
            }
            sinks[n] = sink;
        }
        return sinks;
    }

    List<Node> UsersOf(Node n) => users.TryGetValue(n, out var list) ? list : [];

    /// <summary>Users, with movement looked through: a view used twice is two uses of what it shows.</summary>
    int EffectiveUsers(Node n)
    {
        int count = targets.Contains(n) ? 1 : 0;
        foreach (var u in UsersOf(n)) count += u.Op.IsMovement ? EffectiveUsers(u) : 1;
        return count;
    }

    /// <summary>A sum that only movement separates from a further sum is part of it (the gradient of a convolution).</summary>
    bool JoinsReduce(Node n)
    {
        var at = n;
        while (UsersOf(at) is [var u] && !made.Contains(at))
        {
            if (u.Op == Op.Reduce) return u.ReduceInfo.Kind == n.ReduceInfo.Kind && n.ReduceInfo.Kind == Op.Add && !n.DType.IsHalf() && at != n;
            if (u.Op is not (Op.Reshape or Op.Permute or Op.Unwindow or Op.Pad or Op.Flip)) return false;
            at = u;
        }
        return false;
    }

    static bool IsWidening(Node n) => n is { Op: Op.Cast, DType: DType.F32, src: [var half] } && half.DType.IsHalf();

    /// <summary>
    /// Whether a scatter's index is that of a gather which is computed as a whole, the look-up whose gradient it is: then it is the gather that finds a bad index, and
    /// the updates of a training step need not wait for the scatter at its end.
    /// </summary>
    bool IsCheckedByGather(Node scatter)
    {
        var index = Unshaped(scatter.src[1]);
        return order.Exists(n => n.Op == Op.Gather && n.src[0].Shape[0] == scatter.Shape[0] && (n.src[0].Op == Op.Buffer || made.Contains(n.src[0])) && Unshaped(n.src[1]) == index && IsWhole(n));

        static Node Unshaped(Node n)
        {
            while (n.Op is Op.Reshape or Op.Permute) n = n.src[0];
            return n;
        }

        // All elements go into something with memory, by operations that leave none out.
        bool IsWhole(Node n) => made.Contains(n) || UsersOf(n).Exists(u => (u.Op is Op.Reshape or Op.Permute or Op.Expand || (u.Op.IsElementwise && u.Op != Op.Where)) && IsWhole(u));
    }

    bool HoldsReduce(Node n)
    {
        var stack = new Stack<Node>();
        var seen = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        stack.Push(n);
        while (stack.TryPop(out var x))
        {
            if (x.Op == Op.Buffer || made.Contains(x) || !seen.Add(x)) continue;
            if (x.Op == Op.Reduce) return true;
            foreach (var s in x.src) stack.Push(s);
        }
        return false;
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

    /// <summary>Joins kernels that walk the same outer axes, so that what passes between them stays in registers or in a row of scratch.</summary>
    void Merge()
    {
        foreach (var consumer in groups.ToList())
        {
            if (!groups.Contains(consumer)) continue;
            bool again = true;
            while (again)
            {
                again = false;
                foreach (var producer in Producers(consumer).OrderByDescending(g => groups.IndexOf(g)).ToList())
                    if (TryMerge(producer, consumer)) { again = true; break; }
            }
        }
    }

    bool TryMerge(Group p, Group c)
    {
        if (p.IsFixed || c.IsFixed || p.IsRowBlock || c.IsRowBlock || (p.HasContraction && c.HasContraction)) return false;
        if (p.Members.Concat(c.Members).Sum(m => m.Size) > LargestKernel) return false;
        // Outer axes that every read of p from c walks in step.
        var pair = Enumerable.Repeat(-2, p.Extents.Count).ToArray(); // -2: unseen, -1: not shared
        foreach (var m in c.Members)
            foreach (var read in m.Reads)
            {
                var source = p.Members.Find(x => x.Node == ((ReadArg)read.Arg!).Source);
                if (source is null) continue;
                for (int d = 0; d < source.Ranges.Length; d++)
                {
                    int a = source.Axes[d];
                    if (a < 0) continue;
                    int j = read.src[d].Op == Op.Range ? Array.IndexOf(m.Ranges, read.src[d]) : -1;
                    int axis = j < 0 || Ir.Extent(m.Ranges[j]) != p.Extents[a] ? -1 : m.Axes[j];
                    pair[a] = pair[a] == -2 || pair[a] == axis ? axis : -1;
                }
                // An axis of p that this member does not have at all is not walked in step either.
            }
        for (int a = 0; a < pair.Length; a++)
            if (pair[a] >= 0 && Array.FindIndex(pair, x => x == pair[a]) < a) pair[a] = -1;
        var kept = Enumerable.Range(0, pair.Length).Where(a => pair[a] >= 0).ToList();
        long outer = kept.Aggregate(1L, (n, a) => n * p.Extents[a]);
        bool inRegisters = kept.Count == p.Extents.Count && kept.Count == c.Extents.Count;
        if ((p.HasContraction || c.HasContraction) && !(inRegisters && p.HasContraction)) return false;
        if (c.HasContraction) return false;
        var pAxis = kept.Select((a, i) => (a, i)).ToDictionary(x => x.a, x => x.i);
        var cAxis = kept.Select((a, i) => (pair[a], i)).ToDictionary(x => x.Item1, x => x.i);
        int[] MapAxes(Member m, Dictionary<int, int> map) => [.. m.Axes.Select(a => a >= 0 && map.TryGetValue(a, out int i) ? i : -1)];
        if (!inRegisters)
        {
            long row = 0;
            var readAgain = p.Members.Concat(c.Members).SelectMany(m => m.Reads).Select(r => ((ReadArg)r.Arg!).Source).ToHashSet();
            foreach (var (m, map) in p.Members.Select(m => (m, pAxis)).Concat(c.Members.Select(m => (m, cAxis))))
            {
                var axes = MapAxes(m, map);
                // Rows: outer axes first, what is inside a row is contiguous.
                bool inside = false;
                for (int d = 0; d < axes.Length; d++)
                {
                    if (m.Ranges[d].Op != Op.Range) continue;
                    if (axes[d] < 0) inside = true;
                    else if (inside) return false;
                }
                if (readAgain.Contains(m.Node)) row += Math.Max(1, m.Node.Shape.Count / Math.Max(1, outer)) * m.Node.DType.Size;
            }
            if (row > RowBytes) return false;
            long elements = c.Members.Concat(p.Members).Sum(m => Math.Max(m.Node.Shape.Count, Work(m)));
            if (outer < 8 && elements > 32768) return false;
        }
        if (PathBesides(p, c)) return false;
        foreach (var m in p.Members) { m.Axes = MapAxes(m, pAxis); groupOf[m.Node] = c; }
        foreach (var m in c.Members) m.Axes = MapAxes(m, cAxis);
        c.Extents = [.. kept.Select(a => p.Extents[a])];
        c.Members = [.. p.Members, .. c.Members];
        c.Members.Sort((x, y) => position[x.Node].CompareTo(position[y.Node]));
        c.HasContraction |= p.HasContraction;
        groups.Remove(p);
        return true;
    }

    /// <summary>Elements a member's loops walk, folds included.</summary>
    static long Work(Member m) => Ir.All(m.Value).Where(n => n.Op == Op.Fold).Select(f => m.Node.Shape.Count * f.src[1..].Aggregate(1L, (p, r) => p * Ir.Extent(r))).DefaultIfEmpty(0).Max();

    /// <summary>Whether c needs p through a kernel that is neither.</summary>
    bool PathBesides(Group p, Group c)
    {
        var seen = new HashSet<Group>();
        var stack = new Stack<Group>(Before(c).Where(g => g != p));
        while (stack.TryPop(out var g))
        {
            if (g == p) return true;
            if (!seen.Add(g)) continue;
            foreach (var s in Before(g)) stack.Push(s);
        }
        return false;
    }

    bool Reaches(Group from, Group to) => PathBesides(from, to) || Producers(to).Contains(from);

    /// <summary>Elementwise kernels over one shape that read the same memory and do not need each other (the moments and weights of an optimizer) become one.</summary>
    void MergeSiblings()
    {
        bool Elementwise(Group g) => !g.IsFixed && !g.IsRowBlock && g.Members.Exists(m => m.Node.Op == Op.Assign)
            && g.Members.TrueForAll(m => !Ir.All(m.Value).Exists(n => n.Op == Op.Fold) && m.Axes.Count(a => a >= 0) == m.Ranges.Count(r => r.Op == Op.Range));
        var candidates = groups.Where(Elementwise).ToList();
        for (int i = 0; i < candidates.Count; i++)
            for (int j = candidates.Count - 1; j > i; j--)
            {
                Group a = candidates[i], b = candidates[j];
                if (!a.Members[0].Node.Shape.Equals(b.Members[0].Node.Shape)) continue;
                // A common small value, such as a norm, is no reason: batches of launches serve those.
                var reads = a.Members.SelectMany(m => m.Reads).Select(r => ((ReadArg)r.Arg!).Source).Where(s => s.Shape.Count * 2 > a.Members[0].Node.Shape.Count).ToHashSet();
                if (!b.Members.SelectMany(m => m.Reads).Any(r => reads.Contains(((ReadArg)r.Arg!).Source))) continue;
                if (Reaches(a, b) || Reaches(b, a)) continue;
                foreach (var m in b.Members) { m.Axes = a.Members[0].Axes; groupOf[m.Node] = a; }
                a.Members.AddRange(b.Members);
                a.Members.Sort((x, y) => position[x.Node].CompareTo(position[y.Node]));
                groups.Remove(b);
                candidates.RemoveAt(j);
            }
    }

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
