using Ingot.Graph;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Onnx.Format;

/// <summary>Where a tensor's elements lie: in the model's file or in one beside it.</summary>
/// <param name="Memory">The file in memory.</param>
/// <param name="Start">First byte.</param>
/// <param name="Length">Bytes.</param>
readonly record struct Piece(Storage Memory, long Start, long Length);

/// <summary>
/// A tensor in a file. Its elements stay there until <see cref="ToValue"/>: what was read so far is where they are, and that dtype, shape and size fit together.
/// </summary>
sealed class TensorData
{
    /// <summary>The path for messages.</summary>
    public required string Path { get; init; }
    public required string Name { get; init; }
    public required OnnxDType DType { get; init; }
    public required Shape Shape { get; init; }

    /// <summary>The elements' little-endian bytes; null where the message has them as lists of numbers or strings.</summary>
    public Piece? Raw { get; init; }

    /// <summary>The whole TensorProto message, for lists of numbers.</summary>
    public Piece Message { get; init; }

    OnnxValue? value;

    /// <summary>Bytes of memory that the elements take once they are a tensor.</summary>
    public long Bytes => DType == OnnxDType.String ? Shape.Count * 32 : Shape.Count * (DType.IsComplex ? 2 : 1) * DType.Storage.Size;

    /// <summary>The tensor; made once. Elements that lie in the file as Ingot needs them are used where they lie.</summary>
    public OnnxValue ToValue()
    {
        if (Volatile.Read(ref value) is { } made) return made;
        var fresh = TensorDecoder.Decode(this);
        return Interlocked.CompareExchange(ref value, fresh, null) ?? fresh;
    }

    public FormatException Bad(string why) => new($"{Path}: tensor '{Name}' {DType}{Shape} {why}");

    internal static OnnxTensor Over(Storage storage, OnnxDType dtype, Shape shape)
    {
        var held = dtype.IsComplex ? new Shape([.. shape.Span, 2]) : shape;
        return new(new Tensor(Build.Buffer(dtype.Storage, held, storage)), dtype) { IsKnown = true };
    }
}

/// <summary>A sparse tensor in a file: values, and where they are.</summary>
/// <param name="Values">(n) values.</param>
/// <param name="Indices">(n) positions in row-major order, or (n, rank) coordinates.</param>
/// <param name="Shape">The dense shape.</param>
sealed record SparseData(TensorData Values, TensorData Indices, Shape Shape)
{
    /// <summary>Bytes of the dense tensor.</summary>
    public Int128 Bytes => (Int128)Shape.Count * Values.DType.Storage.Size;

    OnnxValue? value;

    /// <summary>The dense tensor; made once.</summary>
    /// <exception cref="FormatException">An index is outside the shape, or appears twice.</exception>
    public OnnxValue ToValue()
    {
        if (Volatile.Read(ref value) is { } made) return made;
        using var paused = Capture.Paused(); // a constant of a subgraph may be made inside a capture
        var fresh = TensorDecoder.Dense(this);
        return Interlocked.CompareExchange(ref value, fresh, null) ?? fresh;
    }
}
