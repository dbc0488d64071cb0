using Ingot.Onnx.Export;

namespace Ingot.Onnx.Fuzzing;

/// <summary>A valid model, different each time, with everything that a file can have: all element types in all forms, types of values, kinds of attribute, branches, functions, what belongs to other readers.</summary>
/// <param name="random">All that it is follows from it.</param>
/// <param name="hasFolder">Tensors may lie in w.bin, <see cref="FileBytes"/> long.</param>
sealed class OnnxSeed(Random random, bool hasFolder)
{
    /// <summary>Of the file beside the model.</summary>
    public const int FileBytes = 4096;

    readonly List<ProtoWriter> functions = [];
    int names;
    bool hasScaler;

    bool Sometimes(int one) => random.Next(one) == 0;

    public byte[] Model()
    {
        var main = Graph("main", ["x"], random.Next(1, 4));
        var model = new ProtoWriter();
        int ir = random.Next(3, 12);
        bool isOld = Sometimes(12);
        model.Int(1, isOld ? random.Next(1, 3) : ir);
        if (Sometimes(2)) model.Text(2, "Ingot").Text(3, "").Text(4, "org.example").Int(5, random.Next(5)).Text(6, "A model.");
        if (Sometimes(2)) model.Message(14, new ProtoWriter().Text(1, "key").Text(2, "value").Int(3, 1));
        if (Sometimes(6)) model.Bytes(20, [8, 1]).Int(99, 3).Float(98, 1); // of training; of the future
        model.Message(7, main);
        if (!isOld || functions.Count > 0 || hasScaler) model.Message(8, Opset(Sometimes(4) ? "ai.onnx" : "", random.Next(7, 22))).Message(8, Opset("own", 1)).Message(8, Opset("ai.onnx.ml", 3));
        foreach (var function in functions) model.Message(25, function);
        return model.ToArray();
    }

    static ProtoWriter Opset(string domain, int version) => new ProtoWriter().Text(1, domain).Int(2, version).Int(7, 1);

    string New() => $"v{names++}";

    ProtoWriter Graph(string name, string[] inputs, int nodes)
    {
        var graph = new ProtoWriter();
        var known = new List<string>(inputs);
        for (int i = random.Next(3); i > 0; i--) Initializer(graph, known);
        if (Sometimes(3))
        {
            string sparse = New();
            graph.Message(15, Sparse(sparse));
            known.Add(sparse);
        }
        var body = Nodes(known, nodes, depth: 0);
        foreach (var node in body) graph.Message(1, node);
        graph.Text(2, name);
        if (Sometimes(4)) graph.Text(10, "A graph.").Message(13, ValueInfo(known[^1])).Bytes(14, []);
        foreach (var input in inputs) graph.Message(11, ValueInfo(input));
        graph.Message(12, ValueInfo(known[^1]));
        return graph;
    }

    void Initializer(ProtoWriter graph, List<string> known)
    {
        string name = New();
        graph.Message(5, Tensor(name));
        if (Sometimes(3)) graph.Message(11, ValueInfo(name)); // one that may be given as well
        known.Add(name);
    }

    List<ProtoWriter> Nodes(List<string> known, int count, int depth)
    {
        var nodes = new List<ProtoWriter>();
        for (; count > 0; count--)
        {
            string output = New();
            nodes.Add(Node(known, output, depth));
            known.Add(output);
        }
        return nodes;
    }

    ProtoWriter Node(List<string> known, string output, int depth)
    {
        string input = known.Count > 0 ? known[random.Next(known.Count)] : "";
        var node = new ProtoWriter();
        if (Sometimes(2)) node.Text(3, "n" + output);
        if (Sometimes(6)) node.Text(6, "A node.").Int(9, 1);
        switch (random.Next(depth < 2 ? 6 : 3))
        {
            case 0:
                var (name, value) = ConstantValue();
                return node.Text(2, output).Text(4, "Constant").Message(5, value.Text(1, name));
            case 1:
                for (int i = random.Next(1, 4); i > 0; i--) node.Message(5, Attribute($"a{i}"));
                return node.Text(1, input).Text(1, "").Text(2, output).Text(2, "").Text(4, "Identity");
            case 2: return node.Text(1, input).Text(2, output).Text(4, Sometimes(2) ? "Relu" : "Neg").Text(7, Sometimes(3) ? "ai.onnx" : "");
            case 3:
                var (then, other) = (Branch(known, depth), Branch(known, depth));
                return node.Text(1, input).Text(2, output).Text(4, "If").Message(5, new ProtoWriter().Text(1, "then_branch").Message(6, then).Int(20, 5)).Message(5, new ProtoWriter().Text(1, "else_branch").Message(6, other).Int(20, 5));
            case 4: return node.Text(1, input).Text(2, output).Text(4, Function(depth)).Text(7, "own").Message(5, new ProtoWriter().Text(1, "alpha").Float(2, 1).Int(20, 1));
            default:
                hasScaler = true;
                return node.Text(1, input).Text(2, output).Text(4, "Scaler").Text(7, "ai.onnx.ml").Message(5, new ProtoWriter().Text(1, "offset").Float(7, 0).Int(20, 6)).Message(5, new ProtoWriter().Text(1, "scale").Bytes(7, BitConverter.GetBytes(2f)).Int(20, 6));
        }
    }

    /// <summary>A graph that reads names of the one around it.</summary>
    ProtoWriter Branch(List<string> around, int depth)
    {
        var known = new List<string>(around);
        var graph = new ProtoWriter().Text(2, "branch");
        if (Sometimes(3)) Initializer(graph, known);
        foreach (var node in Nodes(known, random.Next(1, 3), depth + 1)) graph.Message(1, node);
        return graph.Message(12, new ProtoWriter().Text(1, known[^1]));
    }

    string Function(int depth)
    {
        string name = $"F{functions.Count}_{names++}";
        var known = new List<string> { "a" };
        var body = Nodes(known, random.Next(1, 3), depth + 1);
        var function = new ProtoWriter().Text(1, name).Text(4, "a").Text(5, known[^1]).Text(6, "alpha").Text(8, "A function.").Text(10, "own");
        foreach (var node in body) function.Message(7, node);
        string output = New();
        function.Message(7, new ProtoWriter().Text(1, "a").Text(2, output).Text(4, "LeakyRelu").Message(5, new ProtoWriter().Text(1, "alpha").Text(21, "alpha").Int(20, 1)));
        function.Message(9, Opset("", 17)).Message(9, Opset("own", 1)).Message(9, Opset("ai.onnx.ml", 3));
        if (Sometimes(3)) function.Message(11, new ProtoWriter().Text(1, "beta").Int(3, 2).Int(20, 2));
        if (Sometimes(5)) function.Text(13, "");
        functions.Add(function);
        return name;
    }

    (string, ProtoWriter) ConstantValue() => random.Next(8) switch
    {
        0 => ("value_float", new ProtoWriter().Float(2, 0.5f).Int(20, 1)),
        1 => ("value_int", new ProtoWriter().Int(3, -1).Int(20, 2)),
        2 => ("value_string", new ProtoWriter().Text(4, "é").Int(20, 3)),
        3 => ("value_floats", Floats()),
        4 => ("value_ints", Ints()),
        5 => ("value_strings", new ProtoWriter().Text(9, "a").Text(9, "").Int(20, 8)),
        6 => ("sparse_value", new ProtoWriter().Message(22, Sparse("s")).Int(20, 11)),
        _ => ("value", new ProtoWriter().Message(5, Tensor("")).Int(20, 4)),
    };

    ProtoWriter Floats() => (Sometimes(2) ? new ProtoWriter().Float(7, 1).Float(7, float.NaN) : new ProtoWriter().Bytes(7, [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(2f)])).Int(20, 6);

    ProtoWriter Ints() => (Sometimes(2) ? new ProtoWriter().Int(8, 1).Int(8, -1) : new ProtoWriter().Bytes(8, [1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1])).Int(20, 7);

    /// <summary>Of any kind; some without saying which, as old files.</summary>
    ProtoWriter Attribute(string name)
    {
        var (kind, a) = random.Next(12) switch
        {
            0 => (1, new ProtoWriter().Float(2, 1)),
            1 => (2, new ProtoWriter().Int(3, 1)),
            2 => (3, new ProtoWriter().Text(4, "text")),
            3 => (4, new ProtoWriter().Message(5, Tensor("t"))),
            4 => (6, Floats()),
            5 => (7, Ints()),
            6 => (8, new ProtoWriter().Text(9, "a").Text(9, "b")),
            7 => (9, new ProtoWriter().Message(10, Tensor("")).Message(10, Tensor(""))),
            8 => (10, new ProtoWriter().Message(11, Closed()).Message(11, Closed())),
            9 => (11, new ProtoWriter().Message(22, Sparse("s"))),
            10 => (13, new ProtoWriter().Message(14, Type(0))),
            _ => (5, new ProtoWriter().Message(6, Closed())),
        };
        if (Sometimes(3)) a.Text(13, "An attribute.");
        return (Sometimes(4) ? a : a.Int(20, kind)).Text(1, name);
    }

    /// <summary>A graph that needs nothing from around it.</summary>
    ProtoWriter Closed()
    {
        string output = New();
        return new ProtoWriter().Message(1, new ProtoWriter().Text(2, output).Text(4, "Constant").Message(5, new ProtoWriter().Text(1, "value_int").Int(3, 1))).Message(12, new ProtoWriter().Text(1, output));
    }

    ProtoWriter ValueInfo(string name)
    {
        var info = new ProtoWriter().Text(1, name);
        if (Sometimes(8)) return info;
        info.Message(2, Type(0));
        return Sometimes(4) ? info.Text(3, "A value.") : info;
    }

    ProtoWriter Type(int depth)
    {
        var type = new ProtoWriter();
        switch (random.Next(depth < 3 ? 7 : 3))
        {
            case 0: type.Message(8, TensorType()); break;
            case 3: type.Message(4, new ProtoWriter().Message(1, Type(depth + 1)).Int(9, 1)); break;
            case 4: type.Message(9, new ProtoWriter().Message(1, Type(depth + 1))); break;
            case 5: type.Message(5, new ProtoWriter().Int(1, (int)OnnxDType.Int64).Message(2, Type(depth + 1)).Int(9, 1)); break;
            default: type.Message(1, TensorType()); break;
        }
        return Sometimes(4) ? type.Text(6, "IMAGE") : type;
    }

    ProtoWriter TensorType()
    {
        var type = new ProtoWriter().Int(1, random.Next(1, 27));
        if (Sometimes(5)) return type;
        var shape = new ProtoWriter();
        for (int rank = random.Next(4); rank > 0; rank--)
        {
            var dim = new ProtoWriter();
            if (Sometimes(3)) dim.Text(2, "N");
            else if (!Sometimes(4)) dim.Int(1, random.Next(-1, 4));
            shape.Message(1, Sometimes(5) ? dim.Text(3, "DATA_BATCH") : dim);
        }
        return type.Message(2, Sometimes(5) ? shape.Int(9, 1) : shape).Int(9, 1);
    }

    /// <summary>Of any type; its elements as bytes, as a list with one length, as a list of single numbers, or in the file beside.</summary>
    public ProtoWriter Tensor(string name)
    {
        var dtype = (OnnxDType)random.Next(1, 27);
        int[] dims = [.. Enumerable.Range(0, random.Next(4)).Select(_ => Sometimes(8) ? 0 : random.Next(1, 4))];
        return Tensor(name, dtype, dims);
    }

    ProtoWriter Tensor(string name, OnnxDType dtype, int[] dims)
    {
        var tensor = new ProtoWriter();
        if (Sometimes(2)) foreach (int d in dims) tensor.Int(1, d);
        else if (dims.Length > 0) tensor.Bytes(1, [.. dims.Select(d => (byte)d)]);
        tensor.Int(2, (int)dtype);
        if (name.Length > 0 || Sometimes(2)) tensor.Text(8, name);
        if (Sometimes(6)) tensor.Text(12, "A tensor.");
        int count = dims.Aggregate(1, (n, d) => n * d);
        if (dtype == OnnxDType.String)
        {
            for (int i = 0; i < count; i++) tensor.Text(6, $"s{i}");
            return tensor;
        }
        int bytes = (count * dtype.Bits + 7) / 8;
        switch (random.Next(hasFolder ? 4 : 3))
        {
            case 0:
                var raw = new byte[bytes];
                random.NextBytes(raw);
                return tensor.Bytes(9, raw);
            case 3:
                int at = random.Next(4) * 8;
                tensor.Message(13, Pair("location", "w.bin")).Message(13, Pair("length", $"{bytes}")).Int(14, 1);
                if (at > 0) tensor.Message(13, Pair("offset", $"{at}"));
                return Sometimes(3) ? tensor.Message(13, Pair("checksum", "0")) : tensor;
            default: return List(tensor, dtype, dtype.Bits < 8 ? bytes : count * (dtype.IsComplex ? 2 : 1));
        }
    }

    static ProtoWriter Pair(string key, string value) => new ProtoWriter().Text(1, key).Text(2, value);

    ProtoWriter List(ProtoWriter tensor, OnnxDType dtype, int numbers)
    {
        bool isPacked = Sometimes(2);
        int field = dtype switch
        {
            OnnxDType.Float or OnnxDType.Complex64 => 4,
            OnnxDType.Double or OnnxDType.Complex128 => 10,
            OnnxDType.Int64 => 7,
            OnnxDType.UInt32 or OnnxDType.UInt64 => 11,
            _ => 5,
        };
        int size = field switch { 4 => 4, 10 => 8, _ => 1 };
        if (isPacked) return tensor.Bytes(field, [.. Enumerable.Range(0, numbers * size).Select(_ => (byte)random.Next(size == 1 ? 128 : 256))]);
        for (int i = 0; i < numbers; i++)
        {
            if (field == 4) tensor.Float(field, i);
            else if (field == 10) tensor.Double(field, i);
            else tensor.Int(field, random.Next(3));
        }
        return tensor;
    }

    public ProtoWriter Sparse(string name)
    {
        var dtype = random.GetItems([OnnxDType.Float, OnnxDType.Double, OnnxDType.UInt8, OnnxDType.Float16], 1)[0];
        int rows = random.Next(1, 4), columns = random.Next(1, 4), count = random.Next(rows * columns + 1);
        int[] places = [.. Enumerable.Range(0, rows * columns).OrderBy(_ => random.Next()).Take(count).Order()];
        bool isLinear = Sometimes(2);
        var indices = new ProtoWriter().Int(1, count).Int(2, (int)OnnxDType.Int64);
        if (!isLinear) indices.Int(1, 2);
        indices.Bytes(9, [.. places.SelectMany(p => isLinear ? [p] : new long[] { p / columns, p % columns }).SelectMany(BitConverter.GetBytes)]);
        var sparse = new ProtoWriter().Message(1, Tensor(name, dtype, [count])).Message(2, indices).Int(3, rows).Int(3, columns);
        return Sometimes(5) ? sparse.Int(9, 1) : sparse;
    }

    /// <summary>A value in a file of its own, of a kind of <see cref="ProtoKind"/>.</summary>
    public byte[] Value(ProtoKind kind)
    {
        ProtoWriter value;
        switch (kind)
        {
            case ProtoKind.Sparse: return Sparse("s").ToArray();
            case ProtoKind.SequenceValue:
                value = new ProtoWriter().Text(1, "list").Int(2, 1);
                for (int i = random.Next(4); i > 0; i--) value.Message(3, Tensor($"t{i}", OnnxDType.Float, [2]));
                return value.ToArray();
            case ProtoKind.OptionalValue:
                value = new ProtoWriter().Text(1, "maybe").Int(2, 1);
                return (Sometimes(3) ? value : value.Message(3, Tensor("t"))).ToArray();
            case ProtoKind.MapValue:
                int count = random.Next(1, 4);
                value = new ProtoWriter().Text(1, "map").Int(2, 7);
                for (int i = 0; i < count; i++)
                {
                    if (count % 2 == 0) value.Text(4, $"k{i}");
                    else value.Int(3, i);
                }
                var types = random.GetItems([OnnxDType.Float, OnnxDType.Double, OnnxDType.Int64, OnnxDType.String], 1)[0];
                return value.Message(5, new ProtoWriter().Message(3, Tensor("v", types, [count]))).ToArray();
            default: return Tensor("t").ToArray();
        }
    }

    /// <summary>Small parts in such numbers that they would take more than a file of its size may.</summary>
    public byte[] Crowd()
    {
        var crowd = new ProtoWriter();
        var graph = new ProtoWriter();
        int count = random.Next(40_000, 70_000);
        switch (random.Next(3))
        {
            case 0:
                for (int i = 0; i < count; i++) crowd.Bytes(10, [16, 1]);
                return Held(graph.Message(1, new ProtoWriter().Text(2, "x").Text(4, "Identity").Message(5, crowd.Text(1, "a"))));
            case 1:
                for (int i = 0; i < 12; i++) graph.Message(1, new ProtoWriter().Text(2, $"x{i}").Text(4, $"Unheard{i}"));
                return Held(graph);
            default:
                // Each calls the next one twice, or once; too many nodes, or too deep.
                bool doubles = Sometimes(2);
                int depth = doubles ? random.Next(15, 25) : random.Next(95, 110);
                var model = new ProtoWriter().Int(1, 8).Message(8, Opset("", 17)).Message(8, Opset("own", 1));
                for (int f = 0; f < depth; f++)
                {
                    var function = new ProtoWriter().Text(1, $"F{f}").Text(10, "own").Text(4, "a").Text(5, "c");
                    function.Message(7, Call(f + 1, "a", "b")).Message(7, doubles ? Call(f + 1, "b", "c") : Call(depth, "b", "c"));
                    model.Message(25, function);
                }
                graph.Message(11, new ProtoWriter().Text(1, "x")).Message(1, Call(0, "x", "y")).Message(12, new ProtoWriter().Text(1, "y"));
                if (Sometimes(2)) graph.Message(1, Call(0, "x", "z"));
                return model.Message(7, graph).ToArray();

                ProtoWriter Call(int f, string from, string to) => f == depth ? new ProtoWriter().Text(1, from).Text(2, to).Text(4, "Neg") : new ProtoWriter().Text(1, from).Text(2, to).Text(4, $"F{f}").Text(7, "own");
        }

        static byte[] Held(ProtoWriter graph) => new ProtoWriter().Int(1, 8).Message(7, graph).Message(8, Opset("", 17)).ToArray();
    }
}
