namespace Ingot.Onnx.Operators;

/// <summary>
/// Marks a static method as an operator of ONNX from an opset version on, up to the next method of the same name. It takes an <see cref="OperatorCall"/>
/// and returns a <see cref="Tensor"/>, an <see cref="OnnxValue"/>, or an array of either: one for each output, trailing ones may be left out.
/// </summary>
/// <param name="name">The operator's name in ONNX.</param>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class OnnxOperatorAttribute(string name) : Attribute
{
    public string Name { get; } = name;

    /// <summary>The domain; empty for ai.onnx itself.</summary>
    public string Domain { get; init; } = "";

    /// <summary>The first opset version of its domain that this method is for.</summary>
    public int Since { get; init; } = 1;

    /// <summary>The values differ from call to call even for the same inputs (random numbers): never folded.</summary>
    public bool IsRandom { get; init; }
}
