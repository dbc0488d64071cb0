namespace Ingot.Llm.Models;

/// <summary>A matrix (out, in), perhaps with a bias (out): float32 where it is trained, else in the precision of its file.</summary>
sealed class Projection(int rows, int columns, bool hasBias)
{
    /// <summary>(out, in), of any float dtype.</summary>
    public Tensor Weight { get; private set; } = Tensor.Zeros(rows, columns).WithGrad();

    public Tensor? Bias { get; } = hasBias ? Tensor.Zeros(rows).WithGrad() : null;

    public Tensor Of(Tensor x) => x.Linear(Weight, Bias);

    /// <summary>Rows by number, as an embedding's.</summary>
    /// <param name="numbers">Of any shape.</param>
    public Tensor Rows(Tensor numbers) => numbers.Embedding(Weight);
}
