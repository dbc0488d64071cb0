namespace Ingot.Onnx.Format;

/// <summary>One operator of a graph with the names of what it reads and writes. Empty names are absent inputs and unused outputs.</summary>
sealed record OnnxNode(string Operator, string Domain, string Overload, string Name, string[] Inputs, string[] Outputs, Dictionary<string, OnnxAttribute> Attributes)
{
    /// <summary>How messages name the node.</summary>
    public string Title => $"{(Domain.Length == 0 ? "" : Domain + ".")}{Operator} node {(Name.Length > 0 ? $"'{Name}'" : $"writing '{Outputs.FirstOrDefault(o => o.Length > 0)}'")}";
}

/// <summary>The kinds of attribute with the numbers of the file.</summary>
enum OnnxAttributeKind
{
    Undefined, Float, Int, String, Tensor, Graph, Floats, Ints, Strings, Tensors, Graphs, SparseTensor, SparseTensors, Type, Types,
}

/// <summary>An attribute of a node; the field of its kind is set.</summary>
sealed record OnnxAttribute(string Name)
{
    public OnnxAttributeKind Kind { get; set; }
    public float Float { get; set; }
    public long Int { get; set; }
    public byte[] Bytes { get; set; } = [];
    public string Text => System.Text.Encoding.UTF8.GetString(Bytes);
    public TensorData? Tensor { get; set; }
    public SparseData? Sparse { get; set; }
    public OnnxGraph? Graph { get; set; }
    public OnnxType? Type { get; set; }
    public float[] Floats { get; set; } = [];
    public long[] Ints { get; set; } = [];
    public string[] Texts { get; set; } = [];
    public TensorData[] Tensors { get; set; } = [];
    public OnnxGraph[] Graphs { get; set; } = [];

    /// <summary>In a function's body: the attribute of the function's caller that this one takes its value from.</summary>
    public string? Reference { get; set; }
}

/// <summary>A graph: nodes in an order in which each follows what it reads.</summary>
sealed record OnnxGraph(string Name, OnnxNode[] Nodes, OnnxValueInfo[] Inputs, OnnxValueInfo[] Outputs, Dictionary<string, TensorData> Initializers, Dictionary<string, SparseData> SparseInitializers)
{
    /// <summary>Names that the nodes of this graph, or of graphs inside it, read and that are not its own: those of the graph around it.</summary>
    public IReadOnlySet<string> Captured => captured ??= FindCaptured();

    IReadOnlySet<string>? captured;

    /// <summary>For each node the names that nobody reads after it; the graph's outputs are not among them.</summary>
    public string[][] LastUses => lastUses ??= NameUses.Last(Nodes, Outputs.Select(o => o.Name));

    string[][]? lastUses;

    HashSet<string> FindCaptured()
    {
        var own = new HashSet<string>(Inputs.Select(i => i.Name).Concat(Initializers.Keys).Concat(SparseInitializers.Keys).Concat(Nodes.SelectMany(n => n.Outputs)), StringComparer.Ordinal);
        var reads = Nodes.SelectMany(n => n.Inputs.Concat(n.Attributes.Values.SelectMany(a => a.Graphs.Append(a.Graph).OfType<OnnxGraph>()).SelectMany(g => g.Captured)))
            .Concat(Outputs.Select(o => o.Name));
        return [.. reads.Where(name => name.Length > 0 && !own.Contains(name))];
    }
}

/// <summary>A function that the model brings: an operator made of operators.</summary>
sealed record OnnxFunction(string Name, string Domain, string Overload, string[] Inputs, string[] Outputs, OnnxNode[] Nodes, Dictionary<string, OnnxAttribute> Defaults, Dictionary<string, long> Opsets)
{
    /// <inheritdoc cref="OnnxGraph.LastUses"/>
    public string[][] LastUses => lastUses ??= NameUses.Last(Nodes, Outputs);

    string[][]? lastUses;
}

/// <summary>A model as its file has it.</summary>
sealed record ModelFile(long IrVersion, OnnxGraph Graph, Dictionary<string, long> Opsets, Dictionary<(string Domain, string Name, string Overload), OnnxFunction> Functions, Dictionary<string, string> Metadata);
