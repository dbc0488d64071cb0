using Ingot.Onnx.Execution;
using Ingot.Onnx.Format;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Onnx;

/// <summary>A model of ONNX, ready to run.</summary>
/// <example><code>
/// var model = OnnxModel.Load("mnist.onnx");
/// var scores = model.Run(("Input3", image))["Plus214_Output_0"];
/// </code></example>
public sealed partial class OnnxModel
{
    readonly ModelFile file;
    readonly OnnxOptions options;
    readonly ModelPrograms programs;

    OnnxModel(Storage bytes, string path, string? folder, OnnxOptions? options, ExpectedPlans? plans)
    {
        this.options = options ?? new();
        Path = path;
        file = ModelParser.Parse(bytes, path, folder);
        ModelCheck.Run(file, path);
        Inputs = [.. file.Graph.Inputs.Where(i => !file.Graph.Initializers.ContainsKey(i.Name) && !file.Graph.SparseInitializers.ContainsKey(i.Name))];
        Outputs = [.. file.Graph.Outputs];
        programs = new(file, this.options, plans);
        programs.CheckWeights();
    }

    /// <summary>Reads a model; its weights are used where they lie in the file.</summary>
    /// <param name="path">The file. External data must lie in its folder or below.</param>
    /// <param name="options">Precision and limits.</param>
    /// <exception cref="FormatException">It is not an ONNX model, or contradicts itself.</exception>
    /// <exception cref="IngotException">It needs operators that Ingot does not have, or more memory than allowed.</exception>
    public static OnnxModel Load(string path, OnnxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        MappedFile mapped;
        try { mapped = new(path); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
        if (mapped.Bytes == 0) throw new FormatException($"{path} is empty");
        var plans = options?.KeepsKernels == false ? null : new ExpectedPlans(path);
        return new(new MappedStorage(mapped, 0, mapped.Bytes), path, System.IO.Path.GetDirectoryName(mapped.Path), options, plans);
    }

    /// <summary>Reads a model from memory; it cannot have external data.</summary>
    /// <param name="bytes">The file's content; copied.</param>
    /// <param name="name">Its name for messages.</param>
    /// <param name="options">Precision and limits.</param>
    /// <exception cref="FormatException">It is not an ONNX model, or contradicts itself.</exception>
    public static OnnxModel Parse(ReadOnlySpan<byte> bytes, string name = "the model", OnnxOptions? options = null) => new(Storage.Of(bytes), name, null, options, options?.KeepsKernels == true ? new(null) : null);

    /// <summary>Reads a model from memory, with external data in a folder.</summary>
    internal static OnnxModel Parse(ReadOnlySpan<byte> bytes, string name, string? folder, OnnxOptions options) => new(Storage.Of(bytes), name, folder, options, null);

    /// <summary>Does what runs do once with a model's parts: constants in branches become tensors, last uses of names are found.</summary>
    internal void TakeIn()
    {
        Graph(file.Graph);
        foreach (var function in file.Functions.Values)
        {
            _ = function.LastUses;
            Nodes(function.Nodes);
        }

        static void Graph(OnnxGraph graph)
        {
            _ = graph.LastUses;
            foreach (var data in graph.Initializers.Values) data.ToValue();
            foreach (var data in graph.SparseInitializers.Values) data.ToValue();
            Nodes(graph.Nodes);
        }

        static void Nodes(OnnxNode[] nodes)
        {
            foreach (var attribute in nodes.SelectMany(n => n.Attributes.Values))
            {
                foreach (var data in attribute.Tensors.Append(attribute.Tensor).OfType<TensorData>()) data.ToValue();
                foreach (var graph in attribute.Graphs.Append(attribute.Graph).OfType<OnnxGraph>()) Graph(graph);
            }
        }
    }

    /// <summary>The file, or the name given for one in memory.</summary>
    public string Path { get; }

    /// <summary>What has to be given to a run, in the model's order. Inputs with an initializer may be given as well.</summary>
    public IReadOnlyList<OnnxValueInfo> Inputs { get; }

    /// <summary>What a run gives, in the model's order.</summary>
    public IReadOnlyList<OnnxValueInfo> Outputs { get; }

    /// <summary>producer_name and the like, and the model's own pairs.</summary>
    public IReadOnlyDictionary<string, string> Metadata => file.Metadata;

    /// <summary>Opset versions by domain; "" is ai.onnx.</summary>
    public IReadOnlyDictionary<string, long> Opsets => file.Opsets;

    /// <summary>All inputs that may be given, those with an initializer included.</summary>
    internal IReadOnlyList<OnnxValueInfo> AllInputs => file.Graph.Inputs;

    /// <summary>Captured runs that are kept.</summary>
    internal int Programs => programs.Count;

    public long IrVersion => file.IrVersion;

    /// <summary>Bytes of the weights in memory.</summary>
    public long WeightBytes => programs.WeightBytes;

    /// <summary>Runs the model; may be called from any thread.</summary>
    /// <param name="inputs">A value for each of <see cref="Inputs"/>.</param>
    /// <param name="cancellation">Checked between kernels.</param>
    /// <returns>The outputs by name, computed.</returns>
    /// <exception cref="IngotException">An input is missing, or of another type or shape; or an operator refuses what it is given.</exception>
    public IReadOnlyDictionary<string, OnnxValue> Run(IReadOnlyDictionary<string, OnnxValue> inputs, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var given = InputCheck.Check(this, file.Graph, inputs);
        var results = programs.Run(given, cancellation);
        var outputs = new Dictionary<string, OnnxValue>(StringComparer.Ordinal);
        for (int i = 0; i < Outputs.Count; i++)
            outputs[Outputs[i].Name] = results[i] ?? (Outputs[i].Type is OnnxType.OptionalOf ? new OnnxOptional(null) : throw new IngotException($"{Path}: nothing was made for the output '{Outputs[i].Name}'"));
        return outputs;
    }

    /// <inheritdoc cref="Run(IReadOnlyDictionary{string, OnnxValue}, CancellationToken)"/>
    public IReadOnlyDictionary<string, OnnxValue> Run(params ReadOnlySpan<(string Name, OnnxValue Value)> inputs)
    {
        var named = new Dictionary<string, OnnxValue>(StringComparer.Ordinal);
        foreach (var (name, value) in inputs) named[name] = value;
        return Run(named);
    }

    /// <summary>Runs the model and writes outputs into memory of the caller's.</summary>
    /// <param name="inputs">A value for each of <see cref="Inputs"/>.</param>
    /// <param name="buffers">By output name: exactly the output's bytes, in the dtype that holds it (see <see cref="OutputBuffer.Of{T}"/>).</param>
    /// <param name="cancellation">Checked between kernels.</param>
    /// <returns>All outputs, those written included.</returns>
    /// <exception cref="ShapeException">A buffer has another size than its output; none is written.</exception>
    public IReadOnlyDictionary<string, OnnxValue> Run(IReadOnlyDictionary<string, OnnxValue> inputs, IReadOnlyDictionary<string, Memory<byte>> buffers, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(buffers);
        var outputs = Run(inputs, cancellation);
        foreach (var (name, buffer) in buffers)
        {
            if (!outputs.TryGetValue(name, out var value)) throw new IngotException($"{Path} has no output '{name}'; it has {string.Join(", ", Outputs.Select(o => o.Name))}");
            if (value is not OnnxTensor tensor) throw new IngotException($"output '{name}' is {value.Describe()}, which has no bytes to write");
            if (buffer.Length != tensor.Storage.Count * tensor.Storage.DType.Size) throw new ShapeException($"output '{name}' is {value.Describe()} and takes {tensor.Storage.Count * tensor.Storage.DType.Size} bytes, its buffer has {buffer.Length}");
        }
        foreach (var (name, buffer) in buffers)
        {
            var memory = Schedule.Realizer.BufferOf(((OnnxTensor)outputs[name]).Storage.Realize(cancellation).Node).Storage;
            memory.Span<byte>(0, buffer.Length).CopyTo(buffer.Span);
            GC.KeepAlive(memory);
        }
        return outputs;
    }
}
