using Ingot.Graph;

namespace Ingot.Onnx.Execution;

/// <summary>A shape, or which kernels run, depends on values of the run's inputs: the run cannot be captured. Never leaves the library.</summary>
/// <param name="read">What was to be read.</param>
sealed class DataDependentException(Node read) : Exception("a shape depends on the values of an input")
{
    /// <summary>Names of the inputs that what was to be read is computed from; empty until somebody looked, or where it cannot be told.</summary>
    public IReadOnlyList<string> Inputs { get; private set; } = [];

    /// <summary>Finds the inputs among the values that the read one is computed from.</summary>
    public void Find(IReadOnlyList<(string Name, Node Node)> inputs)
    {
        var seen = new HashSet<Node>(ReferenceEqualityComparer.Instance) { read };
        var open = new Stack<Node>([read]);
        while (open.TryPop(out var node))
            foreach (var source in node.Src)
                if (seen.Add(source)) open.Push(source);
        Inputs = [.. inputs.Where(i => seen.Contains(i.Node)).Select(i => i.Name)];
    }
}
