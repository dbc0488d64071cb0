using Ingot.Runtime;

namespace Ingot.Onnx.Format;

/// <summary>
/// From the bytes of a ModelProto to a <see cref="ModelFile"/>. Tensors stay where they lie; what else is made is counted against twice the file's size and 16 MB.
/// </summary>
/// <remarks>Field numbers as in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.</remarks>
sealed partial class ModelParser
{
    const long Allowance = 16 << 20;

    readonly Storage file;
    readonly string path;
    readonly string? folder;
    readonly Dictionary<string, Storage> beside = new(StringComparer.Ordinal);
    long budget;

    /// <param name="file">The whole file.</param>
    /// <param name="path">Its name for messages.</param>
    /// <param name="folder">Where external data may lie; null: nowhere.</param>
    ModelParser(Storage file, string path, string? folder)
    {
        (this.file, this.path, this.folder) = (file, path, folder);
        budget = file.Bytes + Allowance; // once the file itself, where it was given in memory
    }

    /// <summary>Reads a model.</summary>
    /// <exception cref="FormatException">It is not one.</exception>
    public static ModelFile Parse(Storage file, string path, string? folder)
    {
        var parser = new ModelParser(file, path, folder);
        return parser.Model(parser.Reader());
    }

    ProtoReader Reader() => file.Bytes <= int.MaxValue ? new(file.Span<byte>(), path)
        : throw new FormatException($"{path} has {file.Bytes:N0} bytes; a protobuf file has at most 2^31 - 1: weights beyond that belong into external data");

    ModelFile Model(ProtoReader reader)
    {
        long ir = 0;
        OnnxGraph? graph = null;
        var opsets = new Dictionary<string, long>(StringComparer.Ordinal);
        var functions = new Dictionary<(string, string, string), OnnxFunction>();
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: ir = reader.Varint(); break;
                case 2: Fact("producer_name", ref reader); break;
                case 3: Fact("producer_version", ref reader); break;
                case 4: Fact("domain", ref reader); break;
                case 5: metadata["model_version"] = reader.Varint().ToString(); break;
                case 6: Fact("doc_string", ref reader); break;
                case 7: graph = Graph(reader.Message()); break;
                case 8: Opset(reader.Message(), opsets); break;
                case 14:
                    var (key, value) = Pair(reader.Message());
                    metadata[key] = value;
                    break;
                case 25:
                    var function = Function(reader.Message());
                    if (!functions.TryAdd((function.Domain, function.Name, function.Overload), function)) throw reader.Bad($"it has two functions {function.Domain}.{function.Name}");
                    break;
                default: reader.Skip(); break;
            }
        }
        if (graph is null) throw reader.Bad("it has no graph");
        if (ir is < 1 or > 100) throw reader.Bad($"its IR version is {ir}");
        if (opsets.Count == 0)
        {
            if (ir >= 3) throw reader.Bad("it does not say which opset its operators are of");
            opsets[""] = 1; // files of IR 1 and 2 could not say
        }
        return new(ir, graph, opsets, functions, metadata);

        void Fact(string name, ref ProtoReader from)
        {
            var text = Text(ref from);
            if (text.Length > 0) metadata[name] = text;
        }
    }

    void Opset(ProtoReader reader, Dictionary<string, long> opsets)
    {
        string domain = "";
        long version = 0;
        while (reader.Next())
        {
            if (reader.Field == 1) domain = Text(ref reader);
            else if (reader.Field == 2) version = reader.Varint();
            else reader.Skip();
        }
        domain = Operators.OperatorTable.Canonical(domain);
        if (version < 1) throw reader.Bad($"opset {version} of domain '{domain}'");
        opsets[domain] = version;
    }

    (string, string) Pair(ProtoReader reader)
    {
        string key = "", value = "";
        Account(120);
        while (reader.Next())
        {
            if (reader.Field == 1) key = Text(ref reader);
            else if (reader.Field == 2) value = Text(ref reader);
            else reader.Skip();
        }
        return (key, value);
    }

    OnnxGraph Graph(ProtoReader reader)
    {
        string name = "";
        var nodes = new List<OnnxNode>();
        List<OnnxValueInfo> inputs = [], outputs = [];
        var initializers = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        var sparse = new Dictionary<string, SparseData>(StringComparer.Ordinal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: nodes.Add(Node(reader.Message())); break;
                case 2: name = Text(ref reader); break;
                case 5:
                    var tensor = Tensor(reader.Message());
                    if (!initializers.TryAdd(tensor.Name, tensor)) throw reader.Bad($"it has two initializers '{tensor.Name}'");
                    break;
                case 11: inputs.Add(ValueInfo(reader.Message())); break;
                case 12: outputs.Add(ValueInfo(reader.Message())); break;
                case 15:
                    var dense = Sparse(reader.Message());
                    if (!sparse.TryAdd(dense.Values.Name, dense)) throw reader.Bad($"it has two sparse initializers '{dense.Values.Name}'");
                    break;
                default: reader.Skip(); break;
            }
        }
        Account(500);
        return new(name, [.. nodes], [.. inputs], [.. outputs], initializers, sparse);
    }

    OnnxNode Node(ProtoReader reader)
    {
        List<string> inputs = [], outputs = [];
        string op = "", domain = "", overload = "", name = "";
        var attributes = new Dictionary<string, OnnxAttribute>(StringComparer.Ordinal);
        Account(480);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: inputs.Add(Text(ref reader)); break;
                case 2: outputs.Add(Text(ref reader)); break;
                case 3: name = Text(ref reader); break;
                case 4: op = Text(ref reader); break;
                case 5:
                    var attribute = Attribute(reader.Message());
                    if (!attributes.TryAdd(attribute.Name, attribute)) throw reader.Bad($"node '{name}' has two attributes '{attribute.Name}'");
                    break;
                case 7: domain = Text(ref reader); break;
                case 8: overload = Text(ref reader); break;
                default: reader.Skip(); break;
            }
        }
        if (op.Length == 0) throw reader.Bad($"node '{name}' has no operator");
        return new(op, Operators.OperatorTable.Canonical(domain), overload, name, [.. inputs], [.. outputs], attributes);
    }

    OnnxFunction Function(ProtoReader reader)
    {
        string name = "", domain = "", overload = "";
        List<string> inputs = [], outputs = [];
        var nodes = new List<OnnxNode>();
        var defaults = new Dictionary<string, OnnxAttribute>(StringComparer.Ordinal);
        var opsets = new Dictionary<string, long>(StringComparer.Ordinal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: name = Text(ref reader); break;
                case 4: inputs.Add(Text(ref reader)); break;
                case 5: outputs.Add(Text(ref reader)); break;
                case 7: nodes.Add(Node(reader.Message())); break;
                case 9: Opset(reader.Message(), opsets); break;
                case 10: domain = Text(ref reader); break;
                case 11:
                    var attribute = Attribute(reader.Message());
                    defaults[attribute.Name] = attribute;
                    break;
                case 13: overload = Text(ref reader); break;
                default: reader.Skip(); break;
            }
        }
        Account(1000);
        return new(name, Operators.OperatorTable.Canonical(domain), overload, [.. inputs], [.. outputs], [.. nodes], defaults, opsets);
    }

    string Text(ref ProtoReader reader)
    {
        var bytes = reader.Bytes();
        if (bytes.Length == 0) return "";
        Account(40 + (2 * bytes.Length));
        return System.Text.Encoding.UTF8.GetString(bytes);
    }

    void Account(long bytes)
    {
        budget -= bytes;
        if (budget < 0) throw new FormatException($"{path} describes more than its size allows: reading it takes over twice its {file.Bytes:N0} bytes and {Allowance:N0} more");
    }
}
