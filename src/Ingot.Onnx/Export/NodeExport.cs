using Ingot.Graph;

namespace Ingot.Onnx.Export;

/// <summary>Nodes of Ingot's graph as nodes of ONNX's.</summary>
sealed class NodeExport(ModelWriter model)
{
    readonly Dictionary<Node, string> names = new(ReferenceEqualityComparer.Instance);
    int made;

    public void Name(Node node, string name) => names[node] = name;

    /// <summary>Writes a node and all it needs.</summary>
    /// <returns>The name of its value.</returns>
    public string Export(Node root)
    {
        // An explicit stack: a model of a hundred layers must not depend on recursion depth.
        var open = new Stack<Node>([root]);
        while (open.TryPeek(out var node))
        {
            if (names.ContainsKey(node))
            {
                open.Pop();
                continue;
            }
            var missing = (node.Op is Op.Buffer or Op.Const or Op.Iota || node.Realized is not null ? [] : Sources(node)).Where(s => !names.ContainsKey(s)).ToList();
            if (missing.Count == 0) names[open.Pop()] = Write(node);
            else foreach (var s in missing) open.Push(s);
        }
        return names[root];
    }

    /// <summary>What a node's ONNX form reads: for a sum of products the factors before they were repeated.</summary>
    static IEnumerable<Node> Sources(Node node) => Factors(node) is { } factors ? factors.Select(Unexpanded) : node.src;

    static Node[]? Factors(Node node) => node is { Op: Op.Reduce, Arg: ReduceArg { Kind: Op.Add } } && node.src[0] is { Op: Op.Mul, Realized: null, DType: DType.F32 or DType.F64 } product ? product.src : null;

    static Node Unexpanded(Node factor) => factor is { Op: Op.Expand, Realized: null } ? factor.src[0] : factor;

    string New() => $"v{made++}";

    string Emit(string op, string[] inputs, params ReadOnlySpan<(string, object)> attributes)
    {
        string name = New();
        model.Node(op, inputs, [name], attributes);
        return name;
    }

    string Constant(Tensor tensor)
    {
        string name = New();
        model.Initializer(name, tensor);
        return name;
    }

    string Ints(params int[] values) => Constant(Tensor.From(Array.ConvertAll(values, v => (long)v), [values.Length]));

    string Scalar(DType dtype, double value) => Constant(Tensor.Full([], value, dtype));

    string Write(Node n)
    {
        if (n.Op is Op.Buffer or Op.Iota || n.Realized is not null) return Constant(new Tensor(n).Detach());
        string[] src = Factors(n) is null ? [.. n.src.Select(s => names[s])] : [];
        string Simple(string op) => Emit(op, src);
        return n.Op switch
        {
            Op.Const => Emit("Expand", [Constant(new Tensor(Build.Reshape(Build.Shrink(n, new Shape(new int[n.Shape.Rank]), new Shape([.. n.Shape.Select(d => d - 1)])), Shape.Scalar))), Ints(n.Shape.ToArray())]),
            Op.Exp => Simple("Exp"),
            Op.Exp2 => Emit("Exp", [Emit("Mul", [src[0], Scalar(n.DType, Math.Log(2))])]),
            Op.Log2 => Emit("Mul", [Simple("Log"), Scalar(n.DType, 1 / Math.Log(2))]),
            Op.Sin => Simple("Sin"),
            Op.Cos => Simple("Cos"),
            Op.Erf => Simple("Erf"),
            Op.Sqrt => Simple("Sqrt"),
            Op.Recip => Simple("Reciprocal"),
            Op.Trunc => Emit("Mul", [Simple("Sign"), Emit("Floor", [Simple("Abs")])]),
            Op.Neg => Simple("Neg"),
            Op.Add => Simple(n.DType == DType.Bool ? "Or" : "Add"),
            Op.Mul => Simple(n.DType == DType.Bool ? "And" : "Mul"),
            Op.Div => Simple("Div"),
            Op.Max => Simple(n.DType == DType.Bool ? "Or" : "Max"),
            // Mod has the sign of the divisor, as Python's: what is left divides without a rest.
            Op.IDiv => Emit("Div", [Emit("Sub", [src[0], Simple("Mod")]), src[1]]),
            Op.Mod => n.DType.IsFloat ? Emit("Sub", [src[0], Emit("Mul", [src[1], Emit("Floor", [Simple("Div")])])]) : Simple("Mod"),
            Op.CmpLt => n.src[0].DType == DType.Bool ? Emit("And", [Emit("Not", [src[0]]), src[1]]) : Simple("Less"),
            Op.CmpNe => Emit("Not", [Simple("Equal")]),
            Op.And or Op.Or or Op.Xor => Simple((n.DType == DType.Bool ? "" : "Bitwise") + n.Op),
            Op.Shl or Op.Shr => Emit("BitShift", src, ("direction", n.Op == Op.Shl ? "LEFT" : "RIGHT")),
            Op.Where => Simple("Where"),
            Op.Cast => Emit("Cast", src, ("to", (long)OnnxDTypes.Of(n.DType))),
            Op.Reduce => Reduce(n, src),
            Op.Scan when ((ReduceArg)n.Arg!).Kind == Op.Add => Emit("CumSum", [src[0], Scalar(DType.I64, ((ReduceArg)n.Arg).Axes[0])]),
            Op.Reshape => Emit("Reshape", [src[0], Ints(n.Shape.ToArray())], ("allowzero", 1L)),
            Op.Permute => Emit("Transpose", src, ("perm", ((AxesArg)n.Arg!).Axes.ToArray())),
            Op.Expand => Emit("Expand", [src[0], Ints(n.Shape.ToArray())]),
            Op.Pad => Pad(n, src[0]),
            Op.Shrink => Emit("Slice", [src[0], Ints(((MarginsArg)n.Arg!).Before.ToArray()), Ints([.. ((MarginsArg)n.Arg).Before.Select((b, i) => b + n.Shape[i])])]),
            Op.Flip => Flip(n, src[0]),
            Op.Window => Window(n, src[0]),
            Op.Gather => Emit("Gather", src),
            Op.Scatter => Emit("ScatterND", [src[0], Emit("Unsqueeze", [Wide(n.src[1], src[1]), Ints(1)]), src[2]]),
            Op.ScatterAdd => Emit("ScatterND", [src[0], Emit("Unsqueeze", [Wide(n.src[1], src[1]), Ints(1)]), src[2]], ("reduction", "add")),
            Op.Contiguous or Op.Leaf or Op.Detach => src[0],
            _ => throw new IngotException($"{n.Op} of {n.DType.Name}{n.Shape} has no counterpart in ONNX{(n.Origin is null ? "" : $" (at {n.Origin})")}"),
        };
    }

    string Wide(Node index, string name) => index.DType == DType.I64 ? name : Emit("Cast", [name], ("to", (long)OnnxDType.Int64));

    string Pad(Node n, string x)
    {
        var (before, after) = (MarginsArg)n.Arg!;
        // Pad of truth values came later than this opset.
        if (n.DType == DType.Bool) return Emit("Cast", [Emit("Pad", [Emit("Cast", [x], ("to", (long)OnnxDType.Int32)), Ints([.. before, .. after])])], ("to", (long)OnnxDType.Bool));
        return Emit("Pad", [x, Ints([.. before, .. after])]);
    }

    string Flip(Node n, string x)
    {
        int[] axes = ((AxesArg)n.Arg!).Axes.ToArray();
        return Emit("Slice", [x, Ints([.. axes.Select(_ => -1)]), Ints([.. axes.Select(_ => int.MinValue)]), Ints(axes), Ints([.. axes.Select(_ => -1)])]);
    }

    /// <summary>The windows' elements by their positions, and their dimension moved to the end.</summary>
    string Window(Node n, string x)
    {
        var w = (WindowArg)n.Arg!;
        int count = n.Shape[w.Axis], rank = n.src[0].Shape.Rank;
        var positions = new long[count * w.Size];
        for (int o = 0; o < count; o++)
            for (int k = 0; k < w.Size; k++) positions[(o * w.Size) + k] = (o * w.Stride) + (k * w.Dilation);
        var gathered = Emit("Gather", [x, Constant(Tensor.From(positions, count, w.Size))], ("axis", (long)w.Axis));
        int[] order = [.. Enumerable.Range(0, rank + 1).Where(d => d != w.Axis + 1), w.Axis + 1];
        return Emit("Transpose", [gathered], ("perm", order));
    }

    string Reduce(Node n, string[] src)
    {
        var (kind, axes) = (ReduceArg)n.Arg!;
        if (Factors(n) is { } factors) return Einsum(n, factors, axes);
        if (kind == Op.Max && n.DType == DType.Bool) return Emit("Cast", [Emit("ReduceMax", [Emit("Cast", src, ("to", (long)OnnxDType.Int32)), Ints(axes.ToArray())])], ("to", (long)OnnxDType.Bool));
        return Emit(kind switch { Op.Add => "ReduceSum", Op.Mul => "ReduceProd", _ => "ReduceMax" }, [src[0], Ints(axes.ToArray())]);
    }

    /// <summary>A sum of products over some dimensions; a factor does not have those along which it was repeated.</summary>
    string Einsum(Node n, Node[] factors, Shape axes)
    {
        int rank = n.Shape.Rank;
        var full = n.src[0].Shape;
        if (rank > 26) throw new IngotException($"a product of {rank} dimensions has more than Einsum has letters");
        var covered = new bool[rank];
        var operands = new List<(string Name, string Letters)>();
        foreach (var factor in factors)
        {
            var small = Unexpanded(factor);
            int[] kept = [.. Enumerable.Range(0, rank).Where(d => small.Shape[d] == full[d])];
            foreach (int d in kept) covered[d] = true;
            string name = kept.Length == rank ? names[small] : Emit("Reshape", [names[small], Ints([.. kept.Select(d => small.Shape[d])])], ("allowzero", 1L));
            operands.Add((name, string.Concat(kept.Select(d => (char)('a' + d)))));
        }
        for (int d = 0; d < rank; d++)
        {
            if (covered[d]) continue;
            // Both factors are repeated along it.
            operands.Add((Constant(Tensor.Ones([full[d]], n.DType)), ((char)('a' + d)).ToString()));
        }
        string result = string.Concat(Enumerable.Range(0, rank).Where(d => !axes.Contains(d)).Select(d => (char)('a' + d)));
        string sum = Emit("Einsum", [.. operands.Select(o => o.Name)], ("equation", $"{string.Join(',', operands.Select(o => o.Letters))}->{result}"));
        return Emit("Reshape", [sum, Ints(n.Shape.ToArray())], ("allowzero", 1L));
    }
}
