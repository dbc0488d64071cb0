using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot;

/// <summary>The gradients of a custom kernel's inputs, built from tensors.</summary>
/// <param name="inputs">The tensors the kernel was given.</param>
/// <param name="output">What it computed.</param>
/// <param name="gradient">Gradient of the output, of its shape and dtype.</param>
/// <returns>A gradient for each input, of that input's shape; null where none flows, as to indices.</returns>
public delegate Tensor?[] CustomGradient(Tensor[] inputs, Tensor output, Tensor gradient);

/// <summary>
/// A kernel of your own, for what cannot be composed of tensor operations: C# that reads its inputs as spans and writes its output to one.
/// <see cref="Tensor.Custom"/> puts it into a graph.
/// </summary>
/// <remarks>
/// It runs on the calling thread when its turn in the schedule comes, and what surrounds it is fused and compiled as ever. Make one instance and keep it, in a
/// static field for one: plans are found again by the instance. It must be a function of its inputs: equal calls in one graph run once, and a run that fails may
/// be repeated.
/// </remarks>
public sealed class CustomKernel
{
    readonly Action<CustomArguments> run;

    /// <param name="name">What listings and messages call it.</param>
    /// <param name="run">Writes the output. It may be called from any thread, though never by two at once, and must not compute tensors.</param>
    public CustomKernel(string name, Action<CustomArguments> run)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(run);
        (Name, this.run) = (name, run);
    }

    public string Name { get; }

    /// <summary>Null where there is none: a backward pass through the kernel is then an error.</summary>
    public CustomGradient? Gradient { get; init; }

    /// <summary>It writes every element of the output, which is then not filled with zeros first.</summary>
    internal bool WritesAll { get; init; }

    /// <summary>Runs the delegate on memory; not for an output without elements.</summary>
    /// <param name="node">The Custom node, for dtypes and shapes.</param>
    /// <param name="memory">The inputs, then the output.</param>
    /// <param name="origin">The user's line that built the node.</param>
    /// <exception cref="IngotException">The delegate threw; a cancellation passes as it is.</exception>
    internal void Run(Node node, Storage[] memory, string? origin)
    {
        if (node.Shape.Count == 0) return;
        if (!WritesAll) memory[^1].Clear();
        try { run(new CustomArguments(node, memory)); }
        catch (Exception e) when (e is not OperationCanceledException) { throw new IngotException($"{At(origin)} failed: {e.Message}", e); }
        GC.KeepAlive(memory);
    }

    /// <summary>The kernel in a message.</summary>
    internal string At(string? origin) => $"custom kernel {Name}{(origin is null ? "" : $", built at {origin},")}";

    /// <summary>The operands of a Custom node that gradients flow to, each with what this node adds to its gradient.</summary>
    /// <exception cref="IngotException">The kernel has no gradient, or one that does not fit its inputs.</exception>
    internal List<(Node Operand, Node Gradient)> Backward(Node n, Node g)
    {
        if (Gradient is null) throw new IngotException($"{At(n.Origin)} has no gradient; set its Gradient, or use Detach() on its result if none is wanted");
        var gradients = Gradient([.. n.src.Select(s => new Tensor(s))], new(n), new(g));
        if (gradients.Length != n.src.Length) throw new IngotException($"the gradient of {At(n.Origin)} returned {gradients.Length} tensors for {n.src.Length} inputs; return one for each, null where none flows");
        var flowing = new List<(Node, Node)>();
        for (int i = 0; i < gradients.Length; i++)
        {
            if (gradients[i] is not { } part) continue;
            var x = n.src[i];
            if (!x.DType.IsFloat) throw new DTypeException($"the gradient of {At(n.Origin)} returned one for input {i}, which is {x.DType.Name}{x.Shape}; only floating point tensors have gradients, return null");
            if (!part.Shape.Equals(x.Shape)) throw new ShapeException($"the gradient of {At(n.Origin)} returned {part.Shape} for input {i}, which is {x.DType.Name}{x.Shape}");
            if (x.RequiresGrad) flowing.Add((x, Build.Cast(part.Node, x.DType)));
        }
        return flowing;
    }
}
