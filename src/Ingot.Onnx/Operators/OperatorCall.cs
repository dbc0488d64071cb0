using Ingot.Onnx.Execution;
using Ingot.Onnx.Format;

namespace Ingot.Onnx.Operators;

/// <summary>
/// One call of an operator: its inputs by position, its attributes by name, the opset version its model means. Operators build graph; a value that decides about
/// shapes is read with <see cref="Constant{T}"/>, which computes it now.
/// </summary>
sealed partial class OperatorCall
{
    readonly OnnxNode node;
    readonly OnnxValue?[] inputs;
    readonly GraphRun run;

    internal OperatorCall(OnnxNode node, OnnxValue?[] inputs, int opset, GraphRun run) => (this.node, this.inputs, Opset, this.run) = (node, inputs, opset, run);

    /// <summary>The opset version of the operator's domain that the model was written for.</summary>
    public int Opset { get; }

    /// <summary>The operator's name.</summary>
    public string Operator => node.Operator;

    /// <summary>Number of inputs named, absent ones in the middle included.</summary>
    public int InputCount
    {
        get
        {
            asked = int.MaxValue;
            return inputs.Length;
        }
    }

    int asked;

    /// <summary>The first input that is given and that the operator has no use for; null if there is none. An operator asks for every input it may have, absent or not.</summary>
    internal int? Superfluous => inputs.Length > asked && Array.FindIndex(inputs, Math.Max(0, asked), i => i is not null) is var i and >= 0 ? i : null;

    /// <summary>Number of outputs that the node names, unused ones in the middle included.</summary>
    public int OutputCount => node.Outputs.Length;

    /// <summary>Whether the node gives this output a name, so that somebody may read it.</summary>
    public bool Wants(int output) => output < node.Outputs.Length && node.Outputs[output].Length > 0;

    // ---- inputs ----

    public bool Has(int input)
    {
        if (input >= asked) asked = input + 1;
        return input < inputs.Length && inputs[input] is not null;
    }

    /// <summary>An input of any kind.</summary>
    /// <exception cref="IngotException">It is absent.</exception>
    public OnnxValue Input(int input) => Optional(input) ?? throw new IngotException($"input {input} is needed and absent");

    /// <summary>An input of any kind, null where absent.</summary>
    public OnnxValue? Optional(int input) => Has(input) ? inputs[input] : null;

    /// <summary>All inputs of any kind; the absent ones are left out.</summary>
    public OnnxValue[] Inputs()
    {
        asked = int.MaxValue;
        return [.. inputs.OfType<OnnxValue>()];
    }

    /// <summary>An input to compute with.</summary>
    /// <exception cref="DTypeException">It is not a tensor, or of a type without arithmetic (fp8, int4, complex).</exception>
    public Tensor Tensor(int input) => Numbers(input).Tensor;

    public Tensor? OptionalTensor(int input) => Has(input) ? Tensor(input) : null;

    /// <summary>All inputs to compute with.</summary>
    public Tensor[] Tensors() => [.. Enumerable.Range(0, InputCount).Where(Has).Select(Tensor)];

    /// <summary>A tensor input of any element type but strings.</summary>
    /// <exception cref="DTypeException">It is not a tensor of numbers.</exception>
    public OnnxTensor Numbers(int input) => Input(input) as OnnxTensor ?? throw new DTypeException($"input {input} must be a tensor of numbers, it is {Input(input).Describe()}");

    /// <summary>A tensor input of strings.</summary>
    public StringTensor Strings(int input) => Input(input) as StringTensor ?? throw new DTypeException($"input {input} must be a tensor of strings, it is {Input(input).Describe()}");

    public OnnxSequence Sequence(int input) => Input(input) as OnnxSequence ?? throw new DTypeException($"input {input} must be a sequence, it is {Input(input).Describe()}");

    /// <summary>The shape of a tensor input of any element type.</summary>
    public Shape Shape(int input) => Input(input) switch
    {
        OnnxTensor t => t.Shape,
        StringTensor s => s.Shape,
        var other => throw new DTypeException($"input {input} must be a tensor, it is {other.Describe()}"),
    };

    /// <summary>The element type of a tensor input.</summary>
    public OnnxDType TypeOf(int input) => Input(input) switch
    {
        OnnxTensor t => t.DType,
        StringTensor => OnnxDType.String,
        var other => throw new DTypeException($"input {input} must be a tensor, it is {other.Describe()}"),
    };

    /// <summary>The elements of an input, computed now: for what shapes or the choice of kernels depend on.</summary>
    public T[] Constant<T>(int input) where T : unmanaged => run.Read<T>(Numbers(input));

    /// <summary>The elements of an input, computed now; null where absent.</summary>
    public T[]? OptionalConstant<T>(int input) where T : unmanaged => Has(input) ? Constant<T>(input) : null;

    /// <summary>The elements of an integer input as int, clamped to its range: ONNX writes 2^63 - 1 for "to the end".</summary>
    public int[] ConstantInts(int input) => Array.ConvertAll(Constant<long>(input), Clamped);

    /// <summary>The elements of an integer input as int, null where absent.</summary>
    public int[]? OptionalConstantInts(int input) => Has(input) ? ConstantInts(input) : null;

    /// <summary>The elements of a tensor made on the way, computed now.</summary>
    public T[] Compute<T>(Tensor tensor) where T : unmanaged => run.Read<T>(new OnnxTensor(tensor) { IsKnown = inputs.All(i => i is null || i.IsConstant) });

    /// <summary>A long as int, clamped to its range.</summary>
    public static int Clamped(long value) => (int)Math.Clamp(value, int.MinValue, int.MaxValue);

    // ---- attributes ----

    public bool HasAttribute(string name) => node.Attributes.ContainsKey(name);

    public long Int(string name, long otherwise) => Attribute(name, OnnxAttributeKind.Int)?.Int ?? otherwise;

    public bool Flag(string name, bool otherwise = false) => Int(name, otherwise ? 1 : 0) != 0;

    public long? OptionalInt(string name) => Attribute(name, OnnxAttributeKind.Int)?.Int;

    public float Float(string name, float otherwise) => Attribute(name, OnnxAttributeKind.Float)?.Float ?? otherwise;

    public float? OptionalFloat(string name) => Attribute(name, OnnxAttributeKind.Float)?.Float;

    public string Text(string name, string otherwise) => OptionalText(name) ?? otherwise;

    public string? OptionalText(string name) => Attribute(name, OnnxAttributeKind.String)?.Text;

    /// <summary>A list of integers as int (clamped); null where absent.</summary>
    public int[]? Ints(string name) => Longs(name) is { } longs ? Array.ConvertAll(longs, Clamped) : null;

    public long[]? Longs(string name) => Attribute(name, OnnxAttributeKind.Ints)?.Ints;

    public float[]? Floats(string name) => Attribute(name, OnnxAttributeKind.Floats)?.Floats;

    public string[]? Texts(string name) => Attribute(name, OnnxAttributeKind.Strings)?.Texts;

    /// <summary>A tensor attribute (numbers or strings), null where absent.</summary>
    public OnnxValue? TensorAttribute(string name) => Attribute(name, OnnxAttributeKind.Tensor)?.Tensor?.ToValue();

    /// <summary>A sparse tensor attribute made dense, null where absent.</summary>
    public OnnxValue? SparseAttribute(string name)
    {
        if (Attribute(name, OnnxAttributeKind.SparseTensor)?.Sparse is not { } sparse) return null;
        Afford(sparse.Bytes, 1);
        return sparse.ToValue();
    }

    /// <summary>A type attribute (of Optional and SequenceEmpty-like operators), null where absent.</summary>
    public OnnxType? TypeAttribute(string name) => Attribute(name, OnnxAttributeKind.Type)?.Type;

    /// <summary>A dtype attribute: TensorProto's numbers.</summary>
    public OnnxDType DType(string name, OnnxDType otherwise) => (OnnxDType)Int(name, (long)otherwise);

    /// <summary>A subgraph, ready to be called; null where absent.</summary>
    public Subgraph? Graph(string name) => Attribute(name, OnnxAttributeKind.Graph)?.Graph is { } graph ? new(graph, run) : null;

    OnnxAttribute? Attribute(string name, OnnxAttributeKind kind)
    {
        if (!node.Attributes.TryGetValue(name, out var attribute)) return null;
        return attribute.Kind == kind ? attribute : throw new IngotException($"attribute {name} must be {kind}, it is {attribute.Kind}");
    }

    /// <summary>An error about this call, with the operator's and the node's names.</summary>
    public IngotException Bad(string why) => new($"{node.Title}: {why}");
}
