using Ingot.Onnx.Format;

namespace Ingot.Onnx.Execution;

/// <summary>Attributes of nodes in a function's body that take their value from the node that calls the function.</summary>
static class FunctionAttributes
{
    /// <summary>The body's node with references replaced by the caller's attributes, or by the function's defaults; a reference to neither is left out.</summary>
    public static OnnxNode Bind(OnnxNode body, OnnxNode caller, OnnxFunction function)
    {
        if (!body.Attributes.Values.Any(NeedsBinding)) return body;
        var bound = new Dictionary<string, OnnxAttribute>(StringComparer.Ordinal);
        foreach (var attribute in body.Attributes.Values)
            if (Bind(attribute, caller, function) is { } value) bound[attribute.Name] = value;
        return body with { Attributes = bound };
    }

    static bool NeedsBinding(OnnxAttribute a) => a.Reference is not null || a.Graphs.Append(a.Graph).Any(g => g is not null && g.Nodes.Any(n => n.Attributes.Values.Any(NeedsBinding)));

    static OnnxAttribute? Bind(OnnxAttribute attribute, OnnxNode caller, OnnxFunction function)
    {
        if (attribute.Reference is { } name)
            return (caller.Attributes.GetValueOrDefault(name) ?? function.Defaults.GetValueOrDefault(name)) is { } given ? given with { Name = attribute.Name } : null;
        return attribute with { Graph = attribute.Graph is { } g ? Bind(g, caller, function) : null, Graphs = Array.ConvertAll(attribute.Graphs, x => Bind(x, caller, function)) };
    }

    static OnnxGraph Bind(OnnxGraph graph, OnnxNode caller, OnnxFunction function) => graph with { Nodes = Array.ConvertAll(graph.Nodes, n => Bind(n, caller, function)) };
}
