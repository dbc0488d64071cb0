namespace Ingot.Onnx;

/// <summary>What flows along an edge of an ONNX graph: a tensor, a tensor of strings, a sequence, an optional or a map.</summary>
public abstract class OnnxValue
{
    /// <summary>A tensor of one of Ingot's dtypes.</summary>
    public static implicit operator OnnxValue(Tensor tensor) => new OnnxTensor(tensor);

    /// <summary>The type in words, for messages and for printing: float(1, 3), seq(int64(?)).</summary>
    public abstract string Describe();

    public override string ToString() => Describe();

    /// <summary>Whether the value is known before the inputs of a run are: constants, shapes, and what is computed from these.</summary>
    internal abstract bool IsConstant { get; }

    /// <summary>All tensors inside.</summary>
    internal abstract IEnumerable<OnnxTensor> Tensors { get; }

    /// <summary>
    /// A value whose elements are moved about by a function of tensors: works for every element type, strings included, as the function never looks at the elements.
    /// </summary>
    /// <param name="values">Tensors of one element type.</param>
    /// <param name="move">Reshapes, slices, gathers, joins...; what it adds of its own (padding) must come in through <paramref name="values"/>.</param>
    public static OnnxValue Move(IReadOnlyList<OnnxValue> values, Func<Tensor[], Tensor> move)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(move);
        if (values.OfType<StringTensor>().ToArray() is { Length: > 0 } strings) return StringTensor.Move(strings, move);
        var tensors = values.Select(v => v as OnnxTensor ?? throw new DTypeException($"a tensor is needed, this is {v.Describe()}")).ToArray();
        return new OnnxTensor(move(Array.ConvertAll(tensors, t => t.Storage)), tensors[0].DType);
    }
}

/// <summary>A tensor of numbers or truth values; computed when it is asked for.</summary>
/// <param name="storage">The elements, in the dtype that holds <paramref name="dtype"/> (see <see cref="OnnxDTypes"/>).</param>
/// <param name="dtype">ONNX's element type.</param>
public sealed class OnnxTensor(Tensor storage, OnnxDType dtype) : OnnxValue
{
    public OnnxTensor(Tensor tensor) : this(tensor, OnnxDTypes.Of(tensor.DType)) { }

    public OnnxDType DType { get; } = dtype;

    /// <summary>The tensor that holds the elements, whatever their type: fp8 as bit patterns, int4 as values in int8, complex with a last dimension of two.</summary>
    public Tensor Storage { get; internal set; } = storage.DType == dtype.Storage ? storage
        : throw new DTypeException($"{dtype} is held in {dtype.Storage.Name}, not in {storage.DType.Name}");

    /// <summary>The shape as ONNX sees it.</summary>
    public Shape Shape => DType.IsComplex ? new(Storage.Shape.Span[..^1]) : Storage.Shape;

    /// <summary>The tensor to compute with.</summary>
    /// <exception cref="DTypeException">Ingot does not compute in this type.</exception>
    public Tensor Tensor => DType.IsNative ? Storage : throw new DTypeException($"there is no arithmetic in {DType}; cast it first");

    internal bool IsKnown { get; set; }

    /// <summary>The elements, once they have been read.</summary>
    internal Array? Read { get; set; }

    internal override bool IsConstant => IsKnown;

    internal override IEnumerable<OnnxTensor> Tensors => [this];

    public override string Describe() => $"{DType.ToString().ToLowerInvariant()}{Shape}";
}

/// <summary>A tensor of strings.</summary>
/// <param name="values">The strings, row-major.</param>
/// <param name="shape">As many elements.</param>
public sealed class StringTensor(string[] values, Shape shape) : OnnxValue
{
    public IReadOnlyList<string> Values { get; } = values.Length == shape.Count ? values : throw new ShapeException($"{values.Length} strings do not have the shape {shape}");

    public Shape Shape { get; } = shape;

    internal bool IsKnown { get; set; }

    internal override bool IsConstant => IsKnown;

    internal override IEnumerable<OnnxTensor> Tensors => [];

    public override string Describe() => $"string{Shape}";

    /// <summary>Moves strings about by moving their numbers.</summary>
    internal static StringTensor Move(StringTensor[] values, Func<Tensor[], Tensor> move)
    {
        var all = values.SelectMany(v => v.Values).ToArray();
        var numbers = new Tensor[values.Length];
        int start = 0;
        for (int i = 0; i < values.Length; i++)
        {
            int count = values[i].Values.Count;
            numbers[i] = Ingot.Tensor.From(Enumerable.Range(start, count).Select(n => (long)n).ToArray(), [count]).Reshape(values[i].Shape);
            start += count;
        }
        var moved = move(numbers);
        return new(Array.ConvertAll(moved.ToArray<long>(), n => all[n]), moved.Shape);
    }
}

/// <summary>A sequence of values of one type.</summary>
/// <param name="items">The values.</param>
/// <param name="type">The sequence's type; matters where it is empty.</param>
public sealed class OnnxSequence(IReadOnlyList<OnnxValue> items, OnnxType? type = null) : OnnxValue
{
    public IReadOnlyList<OnnxValue> Items { get; } = items;

    public OnnxType? Type { get; } = type;

    internal override bool IsConstant => Items.All(i => i.IsConstant);

    internal override IEnumerable<OnnxTensor> Tensors => Items.SelectMany(i => i.Tensors);

    public override string Describe() => $"seq({(Items.Count == 0 ? "" : $"{Items[0].Describe()} x {Items.Count}")})";
}

/// <summary>A value that may be absent.</summary>
/// <param name="value">The value; null where there is none.</param>
public sealed class OnnxOptional(OnnxValue? value) : OnnxValue
{
    public OnnxValue? Value { get; } = value;

    internal override bool IsConstant => Value?.IsConstant ?? true;

    internal override IEnumerable<OnnxTensor> Tensors => Value?.Tensors ?? [];

    public override string Describe() => $"optional({Value?.Describe()})";
}

/// <summary>A map from integers or strings to numbers, as ai.onnx.ml has them.</summary>
/// <param name="entries">Keys are <see cref="long"/> or <see cref="string"/>; values <see cref="long"/>, <see cref="float"/>, <see cref="double"/> or <see cref="string"/>.</param>
public sealed class OnnxMap(IReadOnlyDictionary<object, object> entries) : OnnxValue
{
    public IReadOnlyDictionary<object, object> Entries { get; } = entries;

    internal override bool IsConstant => false;

    internal override IEnumerable<OnnxTensor> Tensors => [];

    public override string Describe() => $"map({Entries.Count})";
}
