using Ingot.Onnx.Operators;

namespace Ingot.Onnx.Format;

/// <summary>What has to be true of a graph before anything runs: Ingot has its operators, every name is made once and before it is read.</summary>
sealed class ModelCheck
{
    /// <summary>The newest opset version of each domain that Ingot was written to.</summary>
    static readonly Dictionary<string, int> Newest = new(StringComparer.Ordinal) { [""] = 27, ["ai.onnx.ml"] = 5, ["ai.onnx.preview"] = 1, ["ai.onnx.preview.training"] = 1 };

    /// <summary>Nodes of a model once every function stands in the place of its calls: real models have thousands, and functions that call each other twice multiply.</summary>
    const long MostNodes = 1_000_000;

    readonly ModelFile model;
    readonly string path;
    readonly HashSet<OnnxFunction> active = new(ReferenceEqualityComparer.Instance);

    /// <summary>Functions that were looked at, with the nodes that one call of them becomes.</summary>
    readonly Dictionary<OnnxFunction, long> expanded = new(ReferenceEqualityComparer.Instance);
    readonly SortedSet<string> unsupported = new(StringComparer.Ordinal);

    /// <summary>Nodes so far of what is looked at.</summary>
    long nodes;

    ModelCheck(ModelFile model, string path) => (this.model, this.path) = (model, path);

    /// <exception cref="FormatException">The graph contradicts itself.</exception>
    /// <exception cref="IngotException">It needs operators that Ingot does not have; all are named, with opset and node.</exception>
    public static void Run(ModelFile model, string path)
    {
        foreach (var (domain, version) in model.Opsets)
            if (Newest.TryGetValue(domain, out int newest) && version > newest)
                throw new IngotException($"{path} is of opset {version}{(domain.Length == 0 ? "" : $" of {domain}")}; the newest that Ingot knows is {newest}");
        var check = new ModelCheck(model, path);
        check.Graph(model.Graph, [], model.Opsets);
        if (check.nodes > MostNodes) throw check.TooMany();
        if (check.unsupported.Count > 0)
            throw new IngotException($"{path} needs what Ingot does not have: {string.Join("; ", check.unsupported.Take(10))}{(check.unsupported.Count > 10 ? $"; and {check.unsupported.Count - 10} more" : "")}");
    }

    void Graph(OnnxGraph graph, HashSet<string> around, Dictionary<string, long> opsets)
    {
        var known = new HashSet<string>(around, StringComparer.Ordinal);
        var own = new HashSet<string>(StringComparer.Ordinal);
        foreach (var input in graph.Inputs)
        {
            if (!own.Add(input.Name)) throw Bad($"graph '{graph.Name}' has two inputs '{input.Name}'");
        }
        known.UnionWith(own);
        known.UnionWith(graph.Initializers.Keys);
        known.UnionWith(graph.SparseInitializers.Keys);
        own.UnionWith(graph.Initializers.Keys);
        Nodes(graph.Nodes, known, own, opsets);
        foreach (var output in graph.Outputs)
            if (!known.Contains(output.Name)) throw Bad($"nothing makes the output '{output.Name}' of graph '{graph.Name}'");
    }

    void Nodes(OnnxNode[] list, HashSet<string> known, HashSet<string> own, Dictionary<string, long> opsets)
    {
        foreach (var node in list)
        {
            foreach (var input in node.Inputs)
                if (input.Length > 0 && !known.Contains(input)) throw Bad($"{node.Title} reads '{input}', which nothing before it makes");
            foreach (var output in node.Outputs)
            {
                if (output.Length == 0) continue;
                if (!own.Add(output)) throw Bad($"{node.Title} makes '{output}', which is made already");
            }
            foreach (var attribute in node.Attributes.Values)
                foreach (var graph in attribute.Graphs.Append(attribute.Graph).OfType<OnnxGraph>()) Graph(graph, known, opsets);
            known.UnionWith(node.Outputs);
            nodes++;
            if (model.Functions.TryGetValue((node.Domain, node.Operator, node.Overload), out var function)) Function(function);
            else if (!opsets.TryGetValue(node.Domain, out long opset)) throw Bad($"{node.Title} is of domain '{(node.Domain.Length == 0 ? "ai.onnx" : node.Domain)}', and the model does not say which opset of it");
            else if (OperatorTable.Look(node.Domain, node.Operator, opset) is null)
                unsupported.Add($"operator {(node.Domain.Length == 0 ? "" : node.Domain + ".")}{node.Operator} of opset {opset} ({node.Title})");
        }
    }

    void Function(OnnxFunction function)
    {
        if (expanded.TryGetValue(function, out long known))
        {
            nodes += known;
            if (nodes > MostNodes) throw TooMany();
            return;
        }
        long before = nodes;
        if (!active.Add(function)) throw Bad($"function {function.Domain}.{function.Name} calls itself");
        if (active.Count > ProtoReader.MostDepth) throw Bad($"functions call each other more than {ProtoReader.MostDepth} deep");
        var names = new HashSet<string>(function.Inputs, StringComparer.Ordinal);
        // A body may use operators of domains that only the model names.
        var opsets = new Dictionary<string, long>(model.Opsets, StringComparer.Ordinal);
        foreach (var (domain, version) in function.Opsets) opsets[domain] = version;
        Nodes(function.Nodes, names, new(function.Inputs, StringComparer.Ordinal), opsets);
        foreach (var output in function.Outputs)
            if (!names.Contains(output)) throw Bad($"nothing makes the output '{output}' of function {function.Name}");
        active.Remove(function);
        expanded[function] = nodes - before;
    }

    FormatException TooMany() => Bad($"it has more than {MostNodes:N0} nodes once its functions are put in the places of their calls");

    FormatException Bad(string why) => new($"{path} is not a valid model: {why}");
}
