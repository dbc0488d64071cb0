namespace Ingot.Onnx;

/// <summary>The type of a graph's input or output.</summary>
public abstract record OnnxType
{
    /// <summary>A tensor; the shape is null where the model does not say its rank.</summary>
    public sealed record TensorOf(OnnxDType DType, IReadOnlyList<OnnxDimension>? Shape, bool IsSparse = false) : OnnxType
    {
        public override string ToString() => $"{DType.ToString().ToLowerInvariant()}{(Shape is null ? "(..)" : Shape.Count == 1 ? $"({Shape[0]},)" : $"({string.Join(", ", Shape)})")}";
    }

    public sealed record SequenceOf(OnnxType? Element) : OnnxType
    {
        public override string ToString() => $"seq({Element})";
    }

    public sealed record OptionalOf(OnnxType? Element) : OnnxType
    {
        public override string ToString() => $"optional({Element})";
    }

    public sealed record MapOf(OnnxDType Key, OnnxType? Value) : OnnxType
    {
        public override string ToString() => $"map({Key.ToString().ToLowerInvariant()}, {Value})";
    }
}

/// <summary>An extent: a number, a name that stands for one, or neither.</summary>
/// <param name="Value">The extent; null if it is not fixed.</param>
/// <param name="Name">The symbol, as "batch"; null if there is none.</param>
public readonly record struct OnnxDimension(long? Value, string? Name)
{
    public override string ToString() => Value?.ToString() ?? Name ?? "?";
}

/// <summary>An input or output of a model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type; null where the model does not say.</param>
public sealed record OnnxValueInfo(string Name, OnnxType? Type);
