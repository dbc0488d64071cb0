using Ingot.Graph;

namespace Ingot.Schedule;

/// <summary>What follows a reduction in its own kernel.</summary>
sealed partial class Scheduler
{
    /// <summary>
    /// The last of the elementwise operations that follow a reduction, one user each: they run on its result in registers. If dimensions are
    /// permuted after them, the result is written in that order at once: whoever reads it then finds unit strides. So is one whose view is wanted in memory.
    /// </summary>
    Node EpilogueEnd(Node reduce, HashSet<Node> claimed)
    {
        Node at = reduce, last = reduce;
        Node? permuted = null;
        while (!made.Contains(at) && UsersOf(at).Count > 0)
        {
            if (UsersOf(at) is not [var u])
            {
                // What is used several times by one further value, as an activation uses its input, goes on there.
                if (Joined(at) is not { } inside || inside.Exists(claimed.Contains) || inside.Exists(x => x.src.Any(s => s != at && !inside.Contains(s) && HoldsReduce(s)))) break;
                claimed.UnionWith(inside);
                (at, last, permuted) = (inside[^1], inside[^1], null);
                continue;
            }
            bool view = u.Op is Op.Reshape or Op.Permute;
            if (at != last && IsWidening(u)) break; // what is moved is moved as it is kept
            if (!view && (!u.Op.IsElementwise || !claimed.Add(u))) break;
            // Another reduction that has not been given memory yet would have to be recomputed for every element.
            if (!view && u.src.Any(s => s != at && HoldsReduce(s))) break;
            at = u;
            if (!view) (last, permuted) = (u, null);
            else if (u.Op == Op.Permute) permuted = u;
        }
        if (made.Contains(at)) return at;
        if (permuted is null || ReadsWindows(reduce.src[0])) return Kept(last);
        // A reshape after the permutation is a view of the same memory: dimensions that it merges stay apart here, unless what follows walks them merged.
        return UsersOf(at).TrueForAll(u => u.Op.IsMovement || (IsWidening(u) && UsersOf(u).TrueForAll(v => v.Op.IsMovement))) ? permuted : at;
    }

    /// <summary>The elementwise operations between a value and the first one that all its uses go into, which is the last of them; null if there is none nearby.</summary>
    List<Node>? Joined(Node value)
    {
        const int Most = 24;
        var open = new HashSet<Node>(UsersOf(value), ReferenceEqualityComparer.Instance);
        var inside = new List<Node>();
        while (inside.Count < Most)
        {
            var first = open.MinBy(x => position[x])!;
            if (!first.Op.IsElementwise || first.Op.IsTranscendental) return null;
            inside.Add(first);
            if (open.Count == 1) return inside;
            // One with memory of its own is read there.
            if (made.Contains(first) || UsersOf(first).Count == 0) return null;
            open.Remove(first);
            open.UnionWith(UsersOf(first));
        }
        return null;
    }

    /// <summary>A pool, a depthwise convolution or another reduction of windows that lie one over the other: what it reads, in vectors along rows, decides its order.</summary>
    static bool ReadsWindows(Node n)
    {
        while (n.Op.IsMovement && n.Op != Op.Window) n = n.src[0];
        return n.Op == Op.Window || (n.Op == Op.Mul && n.src.Any(ReadsWindows));
    }
}
