using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>Changes of loop variables that make index arithmetic linear (splitting) and loops long (merging).</summary>
static class AxisTransforms
{
    /// <summary>r with r/c or r%c somewhere becomes r0*c + r1, until no quotient of a single range is left.</summary>
    public static void SplitQuotients(KernelAst k)
    {
        for (int round = 0; round < 16; round++)
        {
            var splits = new Dictionary<Node, long>(ReferenceEqualityComparer.Instance);
            foreach (var n in Ir.All(k.Roots))
            {
                if (n.Op is not (Op.IDiv or Op.Mod) || n.DType != DType.I64 || n.src[1].IntConst is not { } c) continue;
                var r = n.src[0];
                if (!Ir.IsRange(r) || Ir.Extent(r) % c != 0 || c <= 1) continue;
                if (!splits.TryGetValue(r, out long old) || c < old) splits[r] = c;
            }
            if (splits.Count == 0) return;
            var map = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
            foreach (var (r, c) in splits) map[r] = IndexMath.Add(IndexMath.Mul(Ir.Range(Ir.Extent(r) / c), c), Ir.Range(c));
            k.Substitute(map);
            Replace(k.Outer, map);
            foreach (var s in k.Steps) Replace(s.Inner, map);
        }
    }

    static void Replace(List<Node> loops, Dictionary<Node, Node> map)
    {
        for (int i = 0; i < loops.Count; i++)
            if (map.TryGetValue(loops[i], out var sum))
            {
                var parts = IndexMath.Of(sum).Terms.OrderByDescending(t => t.Factor).Select(t => t.Atom).ToList();
                loops.RemoveAt(i);
                loops.InsertRange(i, parts);
                i += parts.Count - 1;
            }
    }

    /// <summary>Neighbouring loops (a, b) that every index uses as a*extent(b) + b become one.</summary>
    public static void MergeContiguous(KernelAst k)
    {
        bool again = true;
        while (again)
        {
            again = false;
            var usage = new Usage(k);
            foreach (var loops in k.Steps.Select(s => s.Running is null ? s.Inner : []).Prepend(k.Outer).ToList())
                for (int i = 0; i + 1 < loops.Count && !again; i++)
                    if (usage.Contiguous(loops[i], loops[i + 1]))
                    {
                        var merged = Ir.Range(Ir.Extent(loops[i]) * Ir.Extent(loops[i + 1]));
                        k.Substitute(new(ReferenceEqualityComparer.Instance) { [loops[i]] = Ir.Int(0), [loops[i + 1]] = merged });
                        loops[i] = merged;
                        loops.RemoveAt(i + 1);
                        again = true;
                    }
            foreach (var fold in again ? [] : Ir.All(k.Roots).Where(n => n.Op == Op.Fold && n.src.Length > 2).ToList())
                for (int i = 1; i + 1 < fold.src.Length && !again; i++)
                    if (usage.Contiguous(fold.src[i], fold.src[i + 1]))
                    {
                        // Only this fold binds the two, so a substitution everywhere reaches them alone.
                        var merged = Ir.Range(Ir.Extent(fold.src[i]) * Ir.Extent(fold.src[i + 1]));
                        k.Substitute(new(ReferenceEqualityComparer.Instance) { [fold.src[i]] = Ir.Int(0), [fold.src[i + 1]] = merged });
                        again = true;
                    }
        }
    }

    /// <summary>How ranges occur in the kernel's integer expressions.</summary>
    sealed class Usage
    {
        readonly List<IndexMath.Linear> forms = [];
        readonly HashSet<Node> bent = new(ReferenceEqualityComparer.Instance);

        public Usage(KernelAst k)
        {
            var free = new FreeRanges();
            var roots = new HashSet<Node>(k.Roots.Where(r => r.DType == DType.I64), ReferenceEqualityComparer.Instance);
            foreach (var n in Ir.All(k.Roots))
            {
                if (n.DType == DType.I64 && n.Op is Op.Add or Op.Mul) continue; // inside a linear form
                if (n.Op == Op.Fold) { if (n.src[0].DType == DType.I64) roots.Add(n.src[0]); continue; }
                foreach (var s in n.src) if (s.DType == DType.I64) roots.Add(s);
            }
            foreach (var root in roots)
            {
                var form = IndexMath.Of(root);
                forms.Add(form);
                foreach (var (atom, _) in form.Terms)
                    if (!Ir.IsRange(atom)) bent.UnionWith(free.Of(atom));
            }
        }

        public bool Contiguous(Node a, Node b)
        {
            if (bent.Contains(a) || bent.Contains(b)) return false;
            foreach (var f in forms)
                if (f.FactorOf(a) != f.FactorOf(b) * Ir.Extent(b)) return false;
            return true;
        }
    }
}
