using Ingot.Codegen;
using Ingot.Schedule;

namespace Ingot.Tests.Golden;

/// <summary>The ways a graph is executed; each golden case runs through all of them.</summary>
public enum Way
{
    /// <summary>The graph as written, in the interpreter.</summary>
    AsWritten,

    /// <summary>The graph after the compiler's rewrites, in the interpreter.</summary>
    Rewritten,

    /// <summary>What <see cref="Tensor.Realize(CancellationToken)"/> does.</summary>
    Realized,
}

static class Execution
{
    /// <summary>The values of some tensors, computed together.</summary>
    public static Interpreter.Value[] Run(this Way way, IReadOnlyList<Tensor> tensors)
    {
        switch (way)
        {
            case Way.AsWritten:
                var nodes = tensors.Select(t => t.Node).ToList();
                var values = Interpreter.Evaluate(nodes);
                return [.. nodes.Select(n => values[n])];
            case Way.Rewritten:
                var rewritten = Cleanup.Run([.. tensors.Select(t => t.Node)]);
                var results = Interpreter.Evaluate(rewritten);
                return [.. rewritten.Select(n => results[n])];
            case Way.Realized:
                Tensor.Realize(tensors);
                return [.. tensors.Select(t => Interpreter.Load(t.Node, Realizer.BufferOf(t.Node)))];
            default:
                throw new ArgumentOutOfRangeException(nameof(way), way, null);
        }
    }
}
