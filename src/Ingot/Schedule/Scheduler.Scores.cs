using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>
/// Attention, found in the graph: a product whose result ("scores", a value for each pair of positions) only feeds elementwise operations and sums over one
/// position of the pair, among them a softmax. The pairs are then never in memory: kernels over blocks of rows (<see cref="RowBlockNest"/>) make the
/// scores, sum them and go on to the products they feed. Forward and backward, whatever elementwise operations stand between; several
/// kernels that need the scores each make them again, which takes less than to write and read them.
/// </summary>
sealed partial class Scheduler
{
    /// <summary>The longest sum of products that is done again in each kernel that needs its result.</summary>
    const long LongestScore = 256;

    /// <summary>Values over pairs of positions: which dimension of the scores each of their ranges is (-1: of extent 1). What sums them: which dimensions of the scores are left.</summary>
    sealed record Pairs(List<long> Extents)
    {
        public Dictionary<Member, int[]> Wide { get; } = [];
        public Dictionary<Member, int[]> Sums { get; } = [];
        public Dictionary<Member, HashSet<int>> Summed { get; } = [];
    }

    Dictionary<Node, Member> memberOf = [];
    Dictionary<Node, List<Member>> readersOf = [];

    void FuseScores()
    {
        var members = groups.SelectMany(g => g.Members).ToList();
        if (!members.Exists(IsScore)) return;
        memberOf = members.ToDictionary(m => m.Node, m => m, (IEqualityComparer<Node>)ReferenceEqualityComparer.Instance);
        readersOf = new(ReferenceEqualityComparer.Instance);
        foreach (var m in members)
            foreach (var source in m.Reads.Select(SourceOf).Distinct())
            {
                if (!readersOf.TryGetValue(source, out var list)) readersOf[source] = list = [];
                list.Add(m);
            }
        var done = new HashSet<Member>();
        foreach (var m in members)
        {
            if (done.Contains(m) || !IsScore(m) || PairsOf(m) is not { } pairs) continue;
            if (TryFuse(pairs)) done.UnionWith(pairs.Wide.Keys.Concat(pairs.Sums.Keys));
        }
    }

    static Node SourceOf(Node read) => ((ReadArg)read.Arg!).Source;

    /// <summary>A product with a short sum and a result not much smaller than its operands.</summary>
    bool IsScore(Member m)
    {
        if (!m.IsContraction || m.Node.DType is not (DType.F32 or DType.BF16 or DType.F16) || targets.Contains(m.Node)) return false;
        var folds = Ir.All(m.Value).Where(n => n.Op == Op.Fold).ToList();
        if (folds is not [{ DType: DType.F32, src: [{ Op: Op.Mul }, ..] } fold]) return false;
        var free = new FreeRanges();
        static long Product(IEnumerable<Node> ranges) => ranges.Aggregate(1L, (p, r) => p * Ir.Extent(r));
        long operands = m.Reads.Where(r => Ir.All(fold).Contains(r)).Sum(r => Math.Min(SourceOf(r).Shape.Count, Product(free.Of(r)))), length = Product(fold.src[1..]);
        // Pairs within each sequence of a batch; without a batch it may as well be a layer over many classes, which is not cheap to do again.
        bool isBatched = m.Ranges.Any(r => r.Op == Op.Range && Array.TrueForAll(fold.src[0].src, f => free.Of(f).Contains(r)));
        return isBatched ? length <= LongestScore && 2 * m.Node.Shape.Count >= operands : length <= LongestScore / 2 && m.Node.Shape.Count >= operands;
    }

    /// <summary>Everything over the pairs of a score that can be computed where it is needed, and what sums it; null if some of it needs memory.</summary>
    Pairs? PairsOf(Member score)
    {
        var pairs = new Pairs([]);
        var dims = new int[score.Ranges.Length];
        for (int d = 0; d < dims.Length; d++)
        {
            dims[d] = score.Ranges[d].Op == Op.Range ? pairs.Extents.Count : -1;
            if (dims[d] >= 0) pairs.Extents.Add(Ir.Extent(score.Ranges[d]));
        }
        pairs.Wide[score] = dims;
        var waiting = new Queue<Member>([score]);
        while (waiting.TryDequeue(out var wide))
        {
            if (targets.Contains(wide.Node) || groupOf[wide.Node].IsFixed || wide.Node.Op == Op.Assign) return null;
            foreach (var reader in readersOf.GetValueOrDefault(wide.Node) ?? [])
            {
                if (pairs.Wide.ContainsKey(reader) || pairs.Sums.ContainsKey(reader)) continue;
                if (!Visit(reader)) return null;
            }
        }
        bool isSoftmax = pairs.Sums.Keys.Any(m => Ir.All(m.Value).Exists(n => n.Op == Op.Fold && Ir.FoldKind(n) == Op.Max)) && pairs.Sums.Keys.Any(m => m.IsContraction);
        return isSoftmax ? pairs : null;

        bool Visit(Member reader)
        {
            if (groupOf[reader.Node].IsFixed || reader.Node.Op == Op.Assign) return false;
            var dims = Enumerable.Repeat(-1, reader.Ranges.Length).ToArray();
            HashSet<int>? summed = null;
            foreach (var read in reader.Reads)
            {
                if (!memberOf.TryGetValue(SourceOf(read), out var source) || !pairs.Wide.TryGetValue(source, out var its)) continue;
                if (read.src.Length > its.Length) return false; // under a guard
                var here = new HashSet<int>();
                for (int d = 0; d < its.Length; d++)
                {
                    if (its[d] < 0) continue;
                    if (read.src[d].Op != Op.Range || Ir.Extent(read.src[d]) != pairs.Extents[its[d]]) return false;
                    int own = Array.IndexOf(reader.Ranges, read.src[d]);
                    if (own < 0) here.Add(its[d]);
                    else if (dims[own] >= 0 && dims[own] != its[d]) return false;
                    else dims[own] = its[d];
                }
                if (summed is not null && !summed.SetEquals(here)) return false;
                summed = here;
            }
            if (summed!.Count > 0)
            {
                pairs.Sums[reader] = dims;
                pairs.Summed[reader] = summed;
                return true;
            }
            if (Ir.All(reader.Value).Exists(n => n.Op == Op.Fold) || dims.Count(d => d >= 0) != pairs.Extents.Count || reader.Ranges.Where((r, d) => r.Op == Op.Range && dims[d] < 0).Any()) return false;
            if (reader.Node.DType is not (DType.F32 or DType.BF16 or DType.F16)) return false;
            AddWide(reader, dims);
            // Other scores that meet these here (in a gradient: those of the values).
            foreach (var read in reader.Reads)
            {
                if (!memberOf.TryGetValue(SourceOf(read), out var other) || pairs.Wide.ContainsKey(other) || !IsScore(other)) continue;
                int[] places = Array.ConvertAll(read.src[..other.Ranges.Length], i => Array.IndexOf(reader.Ranges, i));
                int[] its = Array.ConvertAll(places, i => i < 0 ? -1 : dims[i]);
                if (read.src.Length > its.Length || its.Count(d => d >= 0) != pairs.Extents.Count || other.Ranges.Where((r, d) => (r.Op == Op.Range) != (its[d] >= 0)).Any()) continue;
                AddWide(other, its);
            }
            return true;
        }

        void AddWide(Member m, int[] dims)
        {
            pairs.Wide[m] = dims;
            waiting.Enqueue(m);
        }
    }

    /// <summary>Replaces the groups of the pairs by those of row blocks; undone if a kernel turns out not to have the form.</summary>
    bool TryFuse(Pairs pairs)
    {
        var (oldGroups, oldGroupOf) = (groups.ToList(), new Dictionary<Node, Group>(groupOf, ReferenceEqualityComparer.Instance));
        var made = new List<(Group Group, string Outer, List<Member> Sums)>();
        foreach (var sum in pairs.Sums.Keys.OrderBy(m => position[m.Node]))
        {
            int[] outer = [.. Enumerable.Range(0, pairs.Extents.Count).Except(pairs.Summed[sum])];
            string key = string.Join(' ', outer);
            int at = made.FindLastIndex(m => m.Outer == key && !NeedsFromOutside(sum, m.Sums, pairs));
            if (at < 0)
            {
                at = made.Count;
                made.Add((new Group { Members = [], Extents = [.. outer.Select(d => pairs.Extents[d])], IsRowBlock = true, HasContraction = true }, key, []));
            }
            made[at].Sums.Add(sum);
        }
        foreach (var m in pairs.Wide.Keys.Concat(pairs.Sums.Keys))
        {
            groups.Remove(groupOf[m.Node]);
            groupOf.Remove(m.Node);
        }
        foreach (var (group, _, sums) in made)
        {
            int[] outer = [.. Enumerable.Range(0, pairs.Extents.Count).Except(pairs.Summed[sums[0]])];
            foreach (var wide in WideBehind(sums, pairs))
                group.Members.Add(new Member(wide.Node, wide.Ranges, wide.Value) { WaitsFor = wide.WaitsFor, Axes = Array.ConvertAll(pairs.Wide[wide], d => Array.IndexOf(outer, d)) });
            foreach (var sum in sums)
            {
                sum.Axes = Array.ConvertAll(pairs.Sums[sum], d => d < 0 ? -1 : Array.IndexOf(outer, d));
                group.Members.Add(sum);
                groupOf[sum.Node] = group;
            }
            group.Members.Sort((x, y) => position[x.Node].CompareTo(position[y.Node]));
            groups.Add(group);
        }
        if (made.TrueForAll(m => HasForm(m.Group))) return true;
        groups.Clear();
        groups.AddRange(oldGroups);
        groupOf.Clear();
        foreach (var (n, g) in oldGroupOf) groupOf[n] = g;
        foreach (var sum in pairs.Sums.Keys) sum.Axes = AllAxes(sum);
        return false;
    }

    static int[] AllAxes(Member m)
    {
        int next = 0;
        return Array.ConvertAll(m.Ranges, r => r.Op == Op.Range ? next++ : -1);
    }

    bool HasForm(Group g)
    {
        var ast = Lower(g, delayed: false).Ast!;
        CompiledKernel.Prepare(ast);
        return RowBlockNest.TryBuild(ast, Cpu.VectorBytes, Cpu.UsesMatrixUnit) is not null;
    }

    /// <summary>Values over pairs that these sums need, themselves or for others.</summary>
    HashSet<Member> WideBehind(List<Member> sums, Pairs pairs)
    {
        var found = new HashSet<Member>();
        var stack = new Stack<Member>(sums);
        while (stack.TryPop(out var m))
            foreach (var read in m.Reads)
                if (memberOf.TryGetValue(SourceOf(read), out var source) && pairs.Wide.ContainsKey(source) && found.Add(source)) stack.Push(source);
        return found;
    }

    /// <summary>Whether a sum needs, by way of something outside of them and of the pairs, one of these sums.</summary>
    bool NeedsFromOutside(Member sum, List<Member> sums, Pairs pairs)
    {
        var inside = new HashSet<Member>(sums);
        var seen = new HashSet<(Member, bool)>();
        var stack = new Stack<(Member Member, bool IsOutside)>([(sum, false)]);
        while (stack.TryPop(out var top))
            foreach (var source in top.Member.Reads.Select(SourceOf).Concat(top.Member.WaitsFor))
            {
                if (!memberOf.TryGetValue(source, out var m)) continue;
                if (inside.Contains(m))
                {
                    if (top.IsOutside) return true;
                    continue;
                }
                bool isOutside = top.IsOutside || !pairs.Wide.ContainsKey(m);
                if (seen.Add((m, isOutside))) stack.Push((m, isOutside));
            }
        return false;
    }
}
