using Ingot.Graph;

namespace Ingot;

/// <summary>Products of matrices and contractions: each is one Reduce(Add) of one Mul, which the compiler tiles.</summary>
public sealed partial class Tensor
{
    /// <summary>
    /// Matrix product by the rules of <c>torch.matmul</c>: (.., M, K) by (.., K, N) gives (.., M, N), leading dimensions broadcast; a vector on the left is a row,
    /// on the right a column, and its dimension is dropped from the result. Half precisions multiply and add in float32 and round once.
    /// </summary>
    /// <exception cref="ShapeException">The inner dimensions differ, the leading ones do not broadcast, or an operand is a scalar.</exception>
    public Tensor Matmul(Tensor other)
    {
        if (Rank == 0 || other.Rank == 0) throw new ShapeException($"cannot multiply {Shape} by {other.Shape}: a matrix product needs at least one dimension on each side; use * for scalars");
        int inner = Shape[^1], otherInner = other.Shape[other.Rank == 1 ? 0 : ^2];
        if (inner != otherInner) throw new ShapeException($"cannot multiply {Shape} by {other.Shape}: the inner dimensions are {inner} and {otherInner}");
        return Contract(this, other.Rank == 1 ? other : other.Transpose(-2, -1), other);
    }

    /// <summary>Rows of a against rows of b: (.., M, K) and (.., N, K) give (.., M, N).</summary>
    /// <param name="a">(.., M, K), or (K,).</param>
    /// <param name="b">(.., N, K), or (K,).</param>
    /// <param name="named">The right operand as the user wrote it, for the message.</param>
    static Tensor Contract(Tensor a, Tensor b, Tensor named)
    {
        var dtype = ResultType(a, b);
        if (dtype == DType.Bool) throw new DTypeException("a matrix product of two bool tensors has no meaning; cast one with To()");
        int m = a.Rank == 1 ? 1 : a.Shape[^2], n = b.Rank == 1 ? 1 : b.Shape[^2], k = a.Shape[^1];
        ReadOnlySpan<int> aBatch = a.Shape.Span[..Math.Max(0, a.Rank - 2)], bBatch = b.Shape.Span[..Math.Max(0, b.Rank - 2)];
        var batch = BatchOf(a, named, aBatch, bBatch);

        var full = new Shape([.. batch, m, n, k]);
        var left = Spread(Build.Reshape(Precision.Operand(a.As(dtype)), new Shape([.. aBatch, m, 1, k])), full);
        var right = Spread(Build.Reshape(Precision.Operand(b.As(dtype)), new Shape([.. bBatch, 1, n, k])), full);
        var sum = Precision.Product(Build.Reduce(Op.Add, Build.Binary(Op.Mul, left, right), full.Rank - 1), dtype);

        int[] dims = [.. batch, .. a.Rank == 1 ? [] : new[] { m }, .. b.Rank == 1 ? [] : new[] { n }];
        return new(Build.Cast(Build.Reshape(sum, new Shape(dims)), dtype));
    }

    static Shape BatchOf(Tensor a, Tensor b, ReadOnlySpan<int> aBatch, ReadOnlySpan<int> bBatch)
    {
        Shape x = new(aBatch), y = new(bBatch);
        for (int i = 1; i <= Math.Min(x.Rank, y.Rank); i++)
            if (x[^i] != y[^i] && x[^i] != 1 && y[^i] != 1)
                throw new ShapeException($"cannot multiply {a.Shape} by {b.Shape}: the leading dimensions {x} and {y} do not broadcast");
        return Shape.Broadcast(x, y);
    }

    /// <summary>x W^T + b: what a linear layer does.</summary>
    /// <param name="weight">(outputs, inputs).</param>
    /// <param name="bias">(outputs,), or none.</param>
    /// <returns>(.., outputs) for (.., inputs).</returns>
    /// <exception cref="ShapeException">The last dimension is not the weight's inputs.</exception>
    public Tensor Linear(Tensor weight, Tensor? bias = null)
    {
        if (weight.Rank != 2) throw new ShapeException($"a linear layer's weight is (outputs, inputs); this one is {weight.Shape}");
        if (Rank == 0 || Shape[^1] != weight.Shape[1])
            throw new ShapeException($"cannot apply a linear layer with weight {weight.Shape} to {Shape}: the last dimension must be {weight.Shape[1]}");
        var y = Contract(this, weight, weight);
        if (bias is null) return y;
        return bias.Rank == 1 && bias.Shape[0] == weight.Shape[0] ? y + bias
            : throw new ShapeException($"a linear layer with weight {weight.Shape} needs a bias of ({weight.Shape[0]},), not {bias.Shape}");
    }

    /// <summary>Einstein's summation: <c>Einsum("bij,bjk->bik", a, b)</c>. Several operands are contracted from left to right.</summary>
    /// <param name="equation">A letter a dimension; <c>...</c> stands for leading dimensions, which broadcast; without <c>-></c> the letters seen once, in order of the alphabet, are the result's.</param>
    /// <param name="operands">As many as the equation has terms.</param>
    /// <exception cref="ShapeException">The equation does not fit the operands; the message says where.</exception>
    public static Tensor Einsum(string equation, params Tensor[] operands) => new Einsum(equation, operands).Result();
}
