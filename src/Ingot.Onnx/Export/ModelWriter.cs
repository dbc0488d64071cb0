using Ingot.Schedule;

namespace Ingot.Onnx.Export;

/// <summary>A model of ONNX built node by node, for export and for tests.</summary>
/// <param name="opset">The opset version of ai.onnx.</param>
/// <param name="ir">The version of the file format.</param>
public sealed class ModelWriter(int opset, int ir = 8)
{
    readonly ProtoWriter graph = new();
    readonly List<ProtoWriter> nodes = [], functions = [];
    readonly List<(string Domain, int Version)> domains = [("", opset)];

    /// <summary>Operators of another domain may be used.</summary>
    public ModelWriter Domain(string name, int version)
    {
        domains.Add((name, version));
        return this;
    }

    /// <summary>An input of a fixed shape; -1 stands for an extent that is not fixed.</summary>
    public ModelWriter Input(string name, OnnxDType dtype, params ReadOnlySpan<int> shape)
    {
        graph.Message(11, ValueInfo(name, dtype, shape));
        return this;
    }

    public ModelWriter Output(string name, OnnxDType dtype, params ReadOnlySpan<int> shape)
    {
        graph.Message(12, ValueInfo(name, dtype, shape));
        return this;
    }

    /// <summary>An output of a type that the graph decides.</summary>
    public ModelWriter Output(string name)
    {
        graph.Message(12, new ProtoWriter().Text(1, name));
        return this;
    }

    /// <summary>A constant: the tensor's values now.</summary>
    public ModelWriter Initializer(string name, Tensor tensor)
    {
        graph.Message(5, TensorMessage(name, tensor));
        return this;
    }

    /// <summary>A node; attributes are long, float, string, arrays of them, tensors, or graphs (the nodes, inputs and outputs of another writer).</summary>
    public ModelWriter Node(string op, string[] inputs, string[] outputs, params ReadOnlySpan<(string Name, object Value)> attributes) => Node(op, "", inputs, outputs, attributes);

    /// <summary>A node of a domain.</summary>
    public ModelWriter Node(string op, string domain, string[] inputs, string[] outputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        var node = new ProtoWriter();
        foreach (var input in inputs) node.Text(1, input);
        foreach (var output in outputs) node.Text(2, output);
        node.Text(4, op);
        foreach (var (name, value) in attributes) node.Message(5, Attribute(name, value));
        if (domain.Length > 0) node.Text(7, domain);
        graph.Message(1, node);
        nodes.Add(node);
        return this;
    }

    /// <summary>An operator made of operators, the nodes of another writer. Its domain has to be named with <see cref="Domain"/>.</summary>
    public ModelWriter Function(string domain, string name, string[] inputs, string[] outputs, ModelWriter body)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        ArgumentNullException.ThrowIfNull(body);
        var function = new ProtoWriter().Text(1, name).Text(10, domain);
        foreach (var input in inputs) function.Text(4, input);
        foreach (var output in outputs) function.Text(5, output);
        foreach (var node in body.nodes) function.Message(7, node);
        foreach (var (used, version) in body.domains) function.Message(9, new ProtoWriter().Text(1, used).Int(2, version));
        functions.Add(function);
        return this;
    }

    /// <summary>The file.</summary>
    public byte[] ToArray()
    {
        var model = new ProtoWriter().Int(1, ir).Text(2, "Ingot").Message(7, graph.Text(2, "main"));
        foreach (var (domain, version) in domains) model.Message(8, new ProtoWriter().Text(1, domain).Int(2, version));
        foreach (var function in functions) model.Message(25, function);
        return model.ToArray();
    }

    static ProtoWriter ValueInfo(string name, OnnxDType dtype, ReadOnlySpan<int> shape)
    {
        var dims = new ProtoWriter();
        foreach (int d in shape) dims.Message(1, d < 0 ? new ProtoWriter() : new ProtoWriter().Int(1, d));
        return new ProtoWriter().Text(1, name).Message(2, new ProtoWriter().Message(1, new ProtoWriter().Int(1, (int)dtype).Message(2, dims)));
    }

    static ProtoWriter Attribute(string name, object value)
    {
        var a = new ProtoWriter().Text(1, name);
        switch (value)
        {
            case long i: return a.Int(3, i).Int(20, 2);
            case int i: return a.Int(3, i).Int(20, 2);
            case float f: return a.Float(2, f).Int(20, 1);
            case string s: return a.Text(4, s).Int(20, 3);
            case Tensor t: return a.Message(5, TensorMessage("", t)).Int(20, 4);
            case ModelWriter g: return a.Message(6, g.graph).Int(20, 5);
            case float[] floats:
                foreach (float f in floats) a.Float(7, f);
                return a.Int(20, 6);
            case string[] texts:
                foreach (string s in texts) a.Text(9, s);
                return a.Int(20, 8);
            case int[] ints:
                foreach (int i in ints) a.Int(8, i);
                return a.Int(20, 7);
            case long[] longs:
                foreach (long i in longs) a.Int(8, i);
                return a.Int(20, 7);
            default: throw new IngotException($"an attribute cannot be a {value.GetType().Name}");
        }
    }

    static ProtoWriter TensorMessage(string name, Tensor tensor)
    {
        var message = new ProtoWriter();
        foreach (int d in tensor.Shape) message.Int(1, d);
        var storage = Realizer.BufferOf(tensor.Realize().Node).Storage;
        message.Int(2, (int)OnnxDTypes.Of(tensor.DType)).Text(8, name).Bytes(9, storage.Span<byte>(0, checked((int)(tensor.Count * tensor.DType.Size))));
        GC.KeepAlive(storage);
        return message;
    }
}
