using Ingot.Formats;
using Ingot.Nn;

namespace Ingot.Llm.Models;

/// <summary>A matrix (out, in), perhaps with a bias (out): float32 where it is trained, else in the precision of its file.</summary>
sealed class Projection(int rows, int columns, bool hasBias)
{
    /// <summary>(out, in), float32; null where the matrix stays as it is in its file.</summary>
    public Tensor? Weight { get; private set; } = Tensor.Zeros(rows, columns).WithGrad();

    public Tensor? Bias { get; } = hasBias ? Tensor.Zeros(rows).WithGrad() : null;

    /// <summary>The matrix as it is in its file: half precision or quantized, and read so in every product.</summary>
    [NotState]
    public QuantizedMatrix? Stored { get; private set; }

    /// <summary>The same, to be written again.</summary>
    [NotState]
    public Weight? Source { get; private set; }

    /// <summary>Takes on a matrix of a file as it lies there; it cannot be trained.</summary>
    /// <param name="weight">(out, in).</param>
    public void Take(Weight weight) => (Weight, Stored, Source) = weight.Type == GgmlType.F32
        ? (weight.Values(), (QuantizedMatrix?)null, (Weight?)null)
        : (null, QuantizedMatrix.Of(weight.Type, rows, columns, weight.Memory), weight);

    public Tensor Of(Tensor x)
    {
        if (Stored is null) return x.Linear(Weight!, Bias);
        var y = Stored.Linear(x);
        return Bias is null ? y : y + Bias;
    }

    /// <summary>Rows by number, as an embedding's.</summary>
    /// <param name="numbers">Of any shape.</param>
    public Tensor Rows(Tensor numbers) => Stored is null ? numbers.Embedding(Weight!) : Stored.RowsOf(numbers);
}
