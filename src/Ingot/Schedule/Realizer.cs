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
            var targets = tensors.Select(t => t.Node).Where(n => BufferOrNull(n) is null).Distinct().ToList();
            if (targets.Count == 0) return;
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

    public static Node BufferOf(Node n) => BufferOrNull(n) ?? throw new InvalidOperationException($"{n} has not been realised");
}
