using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// Positions that a row program need not compute, since a mask over indices alone replaces them by a value that makes no difference to any sum
/// (minus infinity before a softmax; then exp is 0, and 0 times anything finite adds nothing).
/// </summary>
/// <param name="Row">The outer axis that the limits speak of.</param>
/// <param name="Positions">Extent of the positions.</param>
/// <param name="Limits">Positions count where OfRow * row + OfPosition * position + Constant > 0, for all of them.</param>
sealed record RowMask(Node Row, long Positions, List<(long OfRow, long OfPosition, long Constant)> Limits)
{
    /// <summary>The mask of a row program, before functions are expanded; null if there is none.</summary>
    public static RowMask? Of(KernelAst kernel)
    {
        RowMask? found = null;
        var tried = new HashSet<Node>();
        foreach (var n in Ir.All(kernel.Roots))
        {
            if (n.Op != Op.Where || !tried.Add(n.src[0])) continue;
            foreach (bool isHidden in new[] { false, true })
            {
                if (Parse(n.src[0], kernel, isHidden) is not { } mask || (found is not null && (found.Row, found.Positions) != (mask.Row, mask.Positions)) || !IsNeutral(kernel, mask)) continue;
                found = found is null ? mask : found with { Limits = [.. found.Limits.Union(mask.Limits)] };
            }
        }
        return found;
    }

    /// <summary>A conjunction of comparisons between one outer axis and one other; isHidden: the condition says what does not count, as a disjunction of such.</summary>
    static RowMask? Parse(Node condition, KernelAst kernel, bool isHidden = false)
    {
        var limits = new List<(long, long, long)>();
        Node? row = null, position = null;
        var parts = new Stack<(Node, bool)>([(condition, isHidden)]);
        while (parts.TryPop(out var top))
        {
            var (part, negated) = top;
            if (part.DType == DType.Bool && part.Op == (negated ? Op.Or : Op.And)) { parts.Push((part.src[1], negated)); parts.Push((part.src[0], negated)); continue; }
            if (part is { Op: Op.Xor, DType: DType.Bool, src: [var inner, { IntConst: 1 }] }) { parts.Push((inner, !negated)); continue; }
            if (part.Op != Op.CmpLt) return null;
            // a < b: b - a > 0; not: a - b + 1 > 0
            var sum = new IndexMath.Linear();
            if (!Collect(part.src[0], negated ? 1 : -1, sum) || !Collect(part.src[1], negated ? -1 : 1, sum)) return null;
            if (negated) sum.Constant++;
            long ofRow = 0, ofPosition = 0;
            foreach (var (atom, factor) in sum.Terms)
                if (kernel.Outer.Contains(atom))
                {
                    if ((row ??= atom) != atom) return null;
                    ofRow = factor;
                }
                else
                {
                    if ((position ??= atom) != atom) return null;
                    ofPosition = factor;
                }
            if (ofPosition is not (1 or -1)) return null;
            limits.Add((ofRow, ofPosition, sum.Constant));
        }
        return row is null || position is null ? null : new(row, Ir.Extent(position), limits);
    }

    /// <summary>Adds a signed integer expression of ranges to a sum, through casts: positions are far from overflow.</summary>
    static bool Collect(Node n, long factor, IndexMath.Linear into)
    {
        switch (n)
        {
            case { IntConst: { } c }: into.Constant += c * factor; return true;
            case { Op: Op.Range, Arg: RangeArg }: into.Add(n, factor); return true;
            case { Op: Op.Cast, DType: DType.I32 or DType.I64 } when n.src[0].DType is DType.I32 or DType.I64: return Collect(n.src[0], factor, into);
            case { Op: Op.Add, DType: DType.I32 or DType.I64 }: return Collect(n.src[0], factor, into) && Collect(n.src[1], factor, into);
            case { Op: Op.Neg, DType: DType.I32 or DType.I64 }: return Collect(n.src[0], -factor, into);
            case { Op: Op.Mul, DType: DType.I32 or DType.I64, src: [var x, { IntConst: { } m }] }: return Collect(x, factor * m, into);
            default: return false;
        }
    }

    /// <summary>Whether no store and no sum differs if positions outside the mask are left out.</summary>
    static bool IsNeutral(KernelAst kernel, RowMask mask)
    {
        var outside = new Dictionary<int, double?>();
        bool isNeutral = true;
        foreach (var step in kernel.Steps)
            foreach (var store in step.Stores)
            {
                double? value = Outside(store.Value);
                if (kernel.Slots[store.Slot].ScratchElements > 0) outside[store.Slot] = value;
                else if (step.Inner.Count > 0 && !Ir.All(store.Value).Exists(IsSumOfScratch) && Ir.All(store.Value).Exists(n => IsScratch(n) || n.Op == Op.Fold)) return false; // a wide value in memory is wanted whole
            }
        return isNeutral;

        bool IsScratch(Node n) => n is { Op: Op.Load, Arg: BufferSlot b } && kernel.Slots[b.Slot].ScratchElements > 0;
        bool IsSumOfScratch(Node n) => n.Op == Op.Fold && Ir.All(n.src[0]).Exists(IsScratch);

        double? Outside(Node root)
        {
            var known = new Dictionary<Node, double?>(ReferenceEqualityComparer.Instance);
            foreach (var n in Ir.All(root))
            {
                double? Of(int i) => known[n.src[i]];
                known[n] = n.Op switch
                {
                    Op.Const when n.DType.IsFloat => n.Const!.Value,
                    Op.Const => n.IntConst,
                    Op.Load when IsScratch(n) => outside.GetValueOrDefault(((BufferSlot)n.Arg!).Slot),
                    Op.Where when IsMask(Parse(n.src[0], kernel)) => Of(2),
                    Op.Where when IsMask(Parse(n.src[0], kernel, isHidden: true)) => Of(1),
                    Op.Where => Of(1) is { } a && a.Equals(Of(2)) ? a : null,
                    Op.Fold => Sum(n, Of(0)),
                    Op.Mul => Of(0) == 0 || Of(1) == 0 ? 0 : Of(0) * Of(1),
                    Op.Div => Of(0) == 0 ? 0 : null,
                    Op.Add => Of(0) is double.NegativeInfinity || Of(1) is double.NegativeInfinity ? double.NegativeInfinity : Of(0) + Of(1),
                    Op.Exp => Of(0) is { } x ? Math.Exp(x) : null,
                    Op.Exp2 => Of(0) is { } x ? Math.Pow(2, x) : null,
                    Op.Neg => -Of(0),
                    Op.Cast when n.DType.IsFloat && n.src[0].DType.IsFloat => Of(0),
                    _ => null,
                };
            }
            return known[root];
        }

        bool IsMask(RowMask? m) => m is not null && m.Row == mask.Row && m.Limits.SequenceEqual(mask.Limits);

        double? Sum(Node fold, double? body)
        {
            if (IsSumOfScratch(fold)) isNeutral &= body == (Ir.FoldKind(fold) switch { Op.Add => 0, Op.Max => double.NegativeInfinity, _ => double.NaN });
            return null;
        }
    }
}
