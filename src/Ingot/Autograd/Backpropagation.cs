using System.Runtime.InteropServices;
using Ingot.Graph;

namespace Ingot.Autograd;

/// <summary>Who owns a leaf node. Weak, so that a graph does not keep a tensor that its user has dropped.</summary>
sealed class LeafOwner(Tensor tensor)
{
    readonly WeakReference<Tensor> tensor = new(tensor);

    public Tensor? Tensor => tensor.TryGetTarget(out var t) ? t : null;
}

/// <summary>The walk from a result back to what it was computed from.</summary>
static class Backpropagation
{
    /// <summary>Gradients of every node on the way, by node.</summary>
    /// <param name="root">What is differentiated.</param>
    /// <param name="seed">Its gradient, of its shape and dtype.</param>
    public static Dictionary<Node, Node> Run(Node root, Node seed)
    {
        var gradients = new Dictionary<Node, Node>();
        Run(root, seed, gradients, _ => false);
        return gradients;
    }

    /// <summary>As above, added into <paramref name="gradients"/>, not going below nodes where <paramref name="stopsAt"/> holds.</summary>
    internal static void Run(Node root, Node seed, Dictionary<Node, Node> gradients, Func<Node, bool> stopsAt)
    {
        Accumulate(gradients, root, seed);
        var order = Build.TopologicalOrder([root], n => !n.RequiresGrad || n.Arg is LeafArg { Owner: LeafOwner } || stopsAt(n));
        for (int k = order.Count - 1; k >= 0; k--)
        {
            var n = order[k];
            if (!n.RequiresGrad || n.src.Length == 0 || stopsAt(n) || !gradients.TryGetValue(n, out var g)) continue;
            if (n.Op == Op.Leaf)
            {
                if (((LeafArg)n.Arg!).Owner is CheckpointMark mark) mark.Backward(n.src[0], g, gradients);
                continue;
            }
            if (n.Arg is CustomArg { Kernel: var kernel })
            {
                foreach (var (operand, contribution) in kernel.Backward(n, g)) Accumulate(gradients, operand, contribution);
                continue;
            }
            for (int i = 0; i < n.src.Length; i++)
                if (n.src[i].RequiresGrad && Gradient.Of(n, i, g) is { } contribution) Accumulate(gradients, n.src[i], contribution);
        }
    }

    internal static void Accumulate(Dictionary<Node, Node> gradients, Node n, Node g)
    {
        ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(gradients, n, out bool exists);
        sum = exists ? Gradient.Add(sum!, g) : g;
    }
}
