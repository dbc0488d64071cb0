using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// A read within bounds of a few sums of ranges (a convolution's row + offset), zero outside them: the sums' values become axes of a copy with its border of
/// zeros, and the read a plain one.
/// </summary>
/// <param name="Axes">The copy's axes, outermost first.</param>
/// <param name="Value">What is copied, guarded.</param>
/// <param name="To">Where to, in the copy.</param>
/// <param name="From">Where the read finds it.</param>
/// <param name="Elements">Of the copy.</param>
sealed record BorderedCopy(List<Node> Axes, Node Value, Node To, Node From, long Elements)
{
    /// <summary>Null if it is no such read, or elements are used less than once.</summary>
    public static BorderedCopy? Of(Node x, FreeRanges free)
    {
        if (x is not { Op: Op.Load, DType: DType.F32, src: [var index, var guard] } || Bounds(guard) is not { } sums) return null;
        var rest = IndexMath.Of(index);
        var value = Ir.Int(0);
        long elements = 1;
        var axes = new List<(Node Range, long Stride, Node At)>(); // the copy's axes, and what walks them
        foreach (var (sum, bound) in sums)
        {
            long stride = rest.FactorOf(sum.Terms[0].Atom) / sum.Terms[0].Factor;
            foreach (var (r, factor) in sum.Terms)
            {
                if (rest.FactorOf(r) != stride * factor) return null;
                rest.Add(r, -stride * factor);
            }
            var (least, greatest) = IndexMath.Bounds(sum.ToNode());
            var range = Ir.Range(greatest - least + 1);
            axes.Add((range, stride, IndexMath.Add(sum.ToNode(), -least)));
            var original = IndexMath.Add(range, least);
            value = IndexMath.Add(value, IndexMath.Mul(original, stride));
            guard = Ir.And(sum == sums[0].Sum ? null : guard, Ir.And(IndexMath.Less(Ir.Int(bound.Least - 1), original), IndexMath.Less(original, Ir.Int(bound.Greatest + 1))));
        }
        if (rest.Terms.Exists(t => !Ir.IsRange(t.Atom) || sums.Exists(s => s.Sum.FactorOf(t.Atom) != 0))) return null;
        foreach (var (r, stride) in rest.Terms) axes.Add((r, stride, r));
        foreach (var axis in axes) elements *= Ir.Extent(axis.Range);
        if (elements > free.Of(x).Aggregate(1L, (p, r) => p * Ir.Extent(r))) return null;
        axes.Sort((p, q) => q.Stride.CompareTo(p.Stride)); // in the order of the source's memory
        Node to = Ir.Int(0), from = Ir.Int(0);
        foreach (var axis in axes)
        {
            to = IndexMath.Add(IndexMath.Mul(to, Ir.Extent(axis.Range)), axis.Range);
            from = IndexMath.Add(IndexMath.Mul(from, Ir.Extent(axis.Range)), axis.At);
        }
        return new([.. axes.Select(axis => axis.Range)], Node.Of(Op.Load, x.DType, Shape.Scalar, x.Arg, IndexMath.Add(value, rest.ToNode()), guard), to, from, elements);
    }

    /// <summary>A guard as bounds of sums of ranges that share no range; null if it is something else.</summary>
    static List<(IndexMath.Linear Sum, (long Least, long Greatest) Bound)>? Bounds(Node guard)
    {
        var found = new List<(IndexMath.Linear Sum, (long Least, long Greatest) Bound)>();
        var parts = new Stack<Node>([guard]);
        while (parts.TryPop(out var part))
        {
            if (part.Op == Op.And) { parts.Push(part.src[1]); parts.Push(part.src[0]); continue; }
            if (part.Op != Op.CmpLt || part.src[0].DType != DType.I64) return null;
            var difference = IndexMath.Of(IndexMath.Add(part.src[1], IndexMath.Mul(part.src[0], -1))); // > 0
            if (difference.Terms.Count == 0 || difference.Terms.Exists(t => !Ir.IsRange(t.Atom))) return null;
            difference.Terms.Sort((s, t) => Ir.Id(s.Atom).CompareTo(Ir.Id(t.Atom)));
            bool upward = difference.Terms[0].Factor > 0;
            long constant = difference.Constant;
            difference.Constant = 0;
            var sum = upward ? difference : difference.Scaled(-1);
            int at = found.FindIndex(f => f.Sum.Terms.SequenceEqual(sum.Terms));
            if (at < 0)
            {
                if (found.Exists(f => f.Sum.Terms.Exists(t => sum.FactorOf(t.Atom) != 0))) return null;
                var (least, greatest) = IndexMath.Bounds(sum.ToNode());
                found.Add((sum, (least, greatest)));
                at = found.Count - 1;
            }
            var bound = found[at].Bound;
            found[at] = (found[at].Sum, upward ? (Math.Max(bound.Least, 1 - constant), bound.Greatest) : (bound.Least, Math.Min(bound.Greatest, constant - 1)));
        }
        return found;
    }
}
