using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot;

/// <summary>
/// What a <see cref="CustomKernel"/> works on, for the time of one call: its inputs and its output as spans, row-major. Element types are float for F32, double for F64,
/// <see cref="Half"/>, <see cref="BFloat16"/>, bool, and the integer of the dtype's size and sign.
/// </summary>
public readonly ref struct CustomArguments
{
    readonly Node node;
    readonly Storage[] memory;

    internal CustomArguments(Node node, Storage[] memory) => (this.node, this.memory) = (node, memory);

    /// <summary>Number of inputs.</summary>
    public int Count => node.src.Length;

    public Shape OutputShape => node.Shape;

    public DType OutputDType => node.DType;

    /// <exception cref="TensorIndexException">There is no such input.</exception>
    public Shape InputShape(int input) => Of(input).Shape;

    /// <exception cref="TensorIndexException">There is no such input.</exception>
    public DType InputDType(int input) => Of(input).DType;

    /// <summary>The elements of an input.</summary>
    /// <exception cref="DTypeException">They are not of this type.</exception>
    /// <exception cref="TensorIndexException">There is no such input.</exception>
    /// <exception cref="ShapeException">There are 2^31 or more: a span does not hold them.</exception>
    public ReadOnlySpan<T> Input<T>(int input) where T : unmanaged => Elements<T>(Of(input), memory[input], "input", input);

    /// <summary>The elements of the output, all zero at first.</summary>
    /// <exception cref="DTypeException">They are not of this type.</exception>
    /// <exception cref="ShapeException">There are 2^31 or more: a span does not hold them.</exception>
    public Span<T> Output<T>() where T : unmanaged => Elements<T>(node, memory[^1], "output", null);

    /// <summary>The memory of an input, for kernels that run on several threads; spans do not pass to them.</summary>
    internal Storage InputMemory(int input) => memory[input];

    /// <summary>The memory of the output.</summary>
    internal Storage OutputMemory => memory[^1];

    Node Of(int input) => (uint)input < (uint)Count ? node.src[input] : throw new TensorIndexException($"there is no input {input}: it was called with {Count}, numbered from 0");

    static readonly string[] ElementNames = ["bool", "byte", "sbyte", "short", "int", "long", "ushort", "uint", "ulong", "Half", "BFloat16", "float", "double"];

    static Span<T> Elements<T>(Node of, Storage memory, string what, int? number) where T : unmanaged
    {
        string Name() => $"{what}{(number is null ? "" : $" {number}")} is {of.DType.Name}{of.Shape}";
        if (DTypes.Of<T>() != of.DType) throw new DTypeException($"{Name()}, not {DTypes.Of<T>().Name}; its elements are {ElementNames[(int)of.DType]}");
        if (of.Shape.Count > int.MaxValue) throw new ShapeException($"{Name()}: a span holds at most {int.MaxValue:N0} elements; give it to the kernel in parts");
        return memory.Span<T>(0, (int)of.Shape.Count);
    }
}
