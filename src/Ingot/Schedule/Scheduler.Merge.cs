using Ingot.Graph;
using Ingot.Kernels;

namespace Ingot.Schedule;

/// <summary>Which values with memory are computed together.</summary>
sealed partial class Scheduler
{
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
}
