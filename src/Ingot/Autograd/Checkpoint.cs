using Ingot.Graph;

namespace Ingot.Autograd;

/// <summary>Trades time for memory: what a function computes inside is computed again in the backward pass instead of being kept.</summary>
public static class Checkpoint
{
    /// <summary>f(inputs), whose intermediate values are recomputed from the inputs when its gradient is needed.</summary>
    /// <param name="f">Any function of tensors; it is called once. Parameters it uses besides its inputs get their gradients as usual.</param>
    /// <param name="inputs">The values that are kept.</param>
    public static Tensor Run(Func<Tensor[], Tensor> f, params Tensor[] inputs)
    {
        var result = f(inputs);
        if (!result.RequiresGrad) return result;
        return new(Build.Leaf(result.Node, new CheckpointMark([.. inputs.Select(x => x.Node)])));
    }

    /// <summary>f(x), recomputed in the backward pass.</summary>
    public static Tensor Run(Func<Tensor, Tensor> f, Tensor x) => Run((Tensor[] xs) => f(xs[0]), [x]);
}

/// <summary>
/// Owner of the mark on a checkpointed result. Equal nodes are one node, so a gradient that simply called the function again would be given the forward
/// pass's own nodes, and the scheduler would keep their values. Hence the second copy starts from barriers: <see cref="Op.Contiguous"/> with an identity,
/// which no rewrite may merge with its operand. Its second operand is the gradient that has come down to the result: the copy is not computed before that,
/// or every checkpoint would be computed again at once, as all that it reads is there. Random nodes keep their counters, so dropout draws the same mask again.
/// </summary>
sealed class CheckpointMark(Node[] inputs)
{
    /// <summary>Adds the gradients of the inputs, and of whatever the function used besides them.</summary>
    public void Backward(Node result, Node g, Dictionary<Node, Node> gradients)
    {
        var copies = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        var outside = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance); // where the copy meets the graph around it
        foreach (var x in inputs)
        {
            copies[x] = Node.Of(Op.Contiguous, x.DType, x.Shape, new LeafArg(new object()), x, g);
            outside[copies[x]] = x;
        }
        foreach (var n in Build.TopologicalOrder([result], copies.ContainsKey))
        {
            if (copies.ContainsKey(n)) continue;
            var src = Array.ConvertAll(n.src, s => copies[s]);
            bool isShared = src.AsSpan().SequenceEqual(n.src);
            copies[n] = isShared ? n : Node.Of(n.Op, n.DType, n.Shape, n.Arg, src);
            if (isShared) outside[n] = n;
        }

        var inner = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        Backpropagation.Run(copies[result], g, inner, outside.ContainsKey);
        foreach (var (copy, original) in outside)
            if (original.RequiresGrad && inner.TryGetValue(copy, out var gradient)) Backpropagation.Accumulate(gradients, original, gradient);
    }
}
