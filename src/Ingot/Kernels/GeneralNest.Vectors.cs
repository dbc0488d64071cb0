using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>Which axis lies in lanes, how many steps of it at a time, and how each fold accumulates: decided from strides.</summary>
sealed partial class GeneralNest
{
    /// <summary>Decides, from strides alone, how each fold accumulates: in lanes along a range, or in order.</summary>
    void MarkFolds(Node? outerVector)
    {
        for (int i = 0; i < kernel.Steps.Count; i++)
        {
            var step = kernel.Steps[i];
            var v = outerVector ?? (step.Running is null ? PickVector(step.Inner, step.Stores) : null);
            Node? Mark(Node n)
            {
                if (n.Op != Op.Fold || (v is not null && free.Of(n).Contains(v)) || !IsVectorType(n.DType)) return null;
                Node? best = null;
                int bestScore = 0;
                foreach (var r in n.src[1..])
                {
                    int score = Ir.Extent(r) >= LanesOf(n.DType) ? LoadScore(n.src[0], r) : 0;
                    if (score > bestScore) (best, bestScore) = (r, score);
                }
                if (best is null) return null;
                return Node.Of(Op.Fold, n.DType, Shape.Scalar, new FoldArg(Ir.FoldKind(n), true), [n.src[0], .. n.src[1..].Where(r => r != best), best]);
            }
            kernel.Steps[i] = step with { Stores = [.. step.Stores.Select(s => s with { Value = Ir.Rewrite(s.Value, Mark) })] };
        }
    }

    /// <summary>The loop to put in lanes: unit stride in the stores, and more unit strides than strided reads. Null: none is worth it.</summary>
    Node? PickVector(List<Node> loops, List<StoreSpec> stores)
    {
        if (stores.Count == 0 || !stores.TrueForAll(s => IsVectorType(s.DType))) return null;
        if (stores.Select(s => LanesOf(s.DType)).Distinct().Count() > 1) return null;
        Node? best = null;
        int bestScore = 0;
        foreach (var r in loops)
        {
            if (Ir.Extent(r) < LanesOf(stores[0].DType)) continue;
            int score = 0;
            foreach (var s in stores)
            {
                // A loaded index that moves with r as well makes the store a scatter.
                var place = IndexMath.Of(s.Index);
                score += place.FactorOf(r) == 1 && !place.Terms.Exists(t => t.Atom != r && free.Of(t.Atom).Contains(r)) ? 3 : -100;
                score += LoadScore(s.Value, r);
            }
            if (score > bestScore && stores.TrueForAll(s => VectorsAfterFolds(s.Value, r, LanesOf(s.DType)))) (best, bestScore) = (r, score);
        }
        return best;
    }

    /// <summary>Whether everything between a vector accumulator and the store has vector instructions: there is no going back to single elements.</summary>
    bool VectorsAfterFolds(Node value, Node r, int lanes)
    {
        var above = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        foreach (var n in Ir.All(value))
        {
            if (!(n.Op == Op.Fold && free.Of(n).Contains(r)) && !Array.Exists(n.src, above.Contains)) continue;
            above.Add(n);
            if (n.Op is Op.IDiv or Op.Mod or Op.CheckIndex or Op.Load || (n.DType != DType.Bool && LanesOf(n.DType) != lanes)) return false;
            if (n.Op is Op.Shl or Op.Shr || (n.DType.Size < 4 && n.DType is not (DType.Bool or DType.BF16 or DType.F16) && n.Op != Op.Cast)) return false;
        }
        return true;
    }

    /// <summary>Reads with unit stride in r count for it, strided ones against; inside a fold they weigh more.</summary>
    int LoadScore(Node value, Node r)
    {
        int score = 0;
        foreach (var n in Ir.All(value))
        {
            int weight = n.Op == Op.Load ? 1 : 0;
            if (n.Op == Op.Fold) score += 2 * LoadScore(n.src[0], r);
            if (weight == 0 || !free.Of(n).Contains(r)) continue;
            var form = IndexMath.Of(n.src[0]);
            bool bent = form.Terms.Exists(t => t.Atom != r && free.Of(t.Atom).Contains(r));
            if (!bent && form.FactorOf(r) == 2 && n.DType == DType.F32 && n.src.Length == 1) continue; // every second element costs two loads
            score += !bent && form.FactorOf(r) == 1 ? weight : -weight;
        }
        return score;
    }

    int Unroll(IEnumerable<StoreSpec> stores, Node axis) =>
        recipe.Unroll is { } u && Ir.Extent(axis) >= Math.Clamp(u, 1, 8) * Lanes(stores) ? Math.Clamp(u, 1, 8)
        : Ir.Extent(axis) >= 4 * Lanes(stores) && stores.Any(s => Ir.All(s.Value).Any(n => n.Op == Op.Fold && free.Of(n).Contains(axis))) ? 4 : 1;

    int Lanes(IEnumerable<StoreSpec> stores) => LanesOf(stores.First().DType);

    int LanesOf(DType t) => vectorBytes / (t.Size == 8 ? 8 : 4);

    static bool IsVectorType(DType t) => t is not DType.U64;
}
