using Ingot.Codegen;
using Ingot.Graph;

namespace Ingot.Schedule;

/// <summary>From tensors to computed buffers: the one entry to the compiler.</summary>
static class Realizer
{
    static readonly Lock Gate = new();

    public static void Realize(IReadOnlyList<Tensor> tensors, CancellationToken cancellation)
    {
        lock (Gate)
        {
            var targets = tensors.Concat(Tensor.TakeCompanions(tensors)).Select(t => Unmarked(t.Node)).Where(n => BufferOrNull(n) is null).Distinct().ToList();
            if (targets.Count == 0) return;
            foreach (var n in Build.TopologicalOrder(targets, n => n.Realized is not null)) CheckVersion(n);
            cancellation.ThrowIfCancellationRequested();
            Interpreter.Realize(targets);
            Node.NewEpoch();
        }
    }

    /// <summary>The buffer behind a computed node; marks (Leaf, Detach) are looked through.</summary>
    public static Node? BufferOrNull(Node n)
    {
        while (true)
        {
            if (n.Op == Op.Buffer) return n;
            if (n.Realized is { } r) return r;
            if (!n.Op.IsMark) return null;
            n = n.src[0];
        }
    }

    /// <exception cref="IngotException">The memory has been overwritten since the node was made.</exception>
    public static Node BufferOf(Node n)
    {
        var buffer = BufferOrNull(n) ?? throw new InvalidOperationException($"{n} has not been realised");
        CheckVersion(buffer);
        return buffer;
    }

    /// <summary>The node below Leaf and Detach marks: what is computed, and remembered as computed, is the same for all of them.</summary>
    static Node Unmarked(Node n)
    {
        while (n.Op.IsMark) n = n.src[0];
        return n;
    }

    static void CheckVersion(Node n)
    {
        if (n.Op == Op.Buffer && ((BufferArg)n.Arg!).Version is var version && version != n.Storage.Version)
            throw new IngotException($"this computation reads a {n.DType.Name}{n.Shape} tensor as it was before Assign, an optimizer's step for one, overwrote it; Realize() what depends on the old values before the step");
    }
}
