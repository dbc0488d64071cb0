namespace Ingot.Onnx.Operators;

/// <summary>Values of subgraphs.</summary>
sealed partial class OperatorCall
{
    /// <summary>The elements of a value made on the way, computed now.</summary>
    public T[] Read<T>(OnnxTensor tensor) where T : unmanaged => run.Read<T>(tensor);

    /// <summary>Whether a condition is known to be true without computing anything that depends on the run's inputs.</summary>
    public bool IsGiven(OnnxTensor condition) => condition.IsConstant && run.Read<bool>(condition)[0];

    /// <summary>A text attribute that later opsets made a number; null where it is absent or a number.</summary>
    public string? OptionalName(string name) => node.Attributes.TryGetValue(name, out var attribute) && attribute.Kind == Format.OnnxAttributeKind.String ? attribute.Text : null;
}
