using Ingot.Onnx.Format;

namespace Ingot.Onnx.Execution;

/// <summary>A graph inside a node (the branches of If, the bodies of Loop and Scan), which sees the values of the graph around it.</summary>
sealed class Subgraph(OnnxGraph graph, GraphRun outer)
{
    public int InputCount => graph.Inputs.Length;

    public int OutputCount => graph.Outputs.Length;

    /// <summary>Whether all it reads from the graph around it is known before the run's inputs are.</summary>
    public bool ReadsOnlyConstants => graph.Captured.All(name => outer.Look(name) is not { IsConstant: false });

    public OnnxType? OutputType(int output) => graph.Outputs[output].Type;

    /// <summary>Builds the graph once more, with these inputs.</summary>
    /// <returns>The outputs, in their order.</returns>
    public OnnxValue?[] Run(params ReadOnlySpan<OnnxValue?> inputs)
    {
        if (inputs.Length != graph.Inputs.Length) throw new IngotException($"the subgraph '{graph.Name}' takes {graph.Inputs.Length} inputs, it is given {inputs.Length}");
        return outer.Nested(graph, inputs);
    }
}
