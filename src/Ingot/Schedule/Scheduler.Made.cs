using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>Which values get memory.</summary>
sealed partial class Scheduler
{
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
}
