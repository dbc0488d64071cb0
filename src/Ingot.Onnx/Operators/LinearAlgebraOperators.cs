using System.Numerics;

namespace Ingot.Onnx.Operators;

/// <summary>Products of matrices, and determinants.</summary>
static class LinearAlgebraOperators
{
    [OnnxOperator("MatMul")]
    static Tensor MatMul(OperatorCall c) => c.Tensor(0).Matmul(c.Tensor(1));

    /// <summary>alpha A B + beta C, where either matrix may be transposed and C broadcasts to the product.</summary>
    [OnnxOperator("Gemm")]
    static Tensor Gemm(OperatorCall c)
    {
        var (a, b) = (c.Tensor(0), c.Tensor(1));
        if (a.Rank != 2 || b.Rank != 2) throw c.Bad($"needs two matrices, not {a.Shape} and {b.Shape}");
        double alpha = c.Float("alpha", 1), beta = c.Float("beta", 1);
        var product = (c.Flag("transA") ? a.T() : a).Matmul(c.Flag("transB") ? b.T() : b);
        var y = Scaled(product, alpha);
        return c.OptionalTensor(2) is { } bias && beta != 0 ? y + Scaled(bias, beta) : y;
    }

    static Tensor Scaled(Tensor x, double factor) => factor == 1 ? x : x.DType.IsFloat ? x * factor : (x.To(DType.F64) * factor).To(x.DType);

    [OnnxOperator("Einsum", Since = 12)]
    static Tensor Einsum(OperatorCall c) => Tensor.Einsum(c.OptionalText("equation") ?? throw c.Bad("needs an equation"), c.Tensors());

    static readonly CustomKernel Determinant = new("determinant", a =>
    {
        if (a.OutputDType == DType.F64) Determinants(a.Input<double>(0), a.InputShape(0)[^1], a.Output<double>());
        else Determinants(a.Input<float>(0), a.InputShape(0)[^1], a.Output<float>());
    });

    [OnnxOperator("Det", Since = 11)]
    static Tensor Det(OperatorCall c)
    {
        var input = c.Tensor(0);
        if (input.Rank < 2 || input.Shape[^1] != input.Shape[^2]) throw c.Bad($"needs square matrices, not {input.Shape}");
        return input.Widely(x => x.Shape[^1] == 0 ? Tensor.Ones(x.Shape.Span[..^2], x.DType) : Tensor.Custom(Determinant, x.Shape.Span[..^2], x.DType, x));
    }

    /// <summary>By elimination with the greatest pivot of each column, in float64.</summary>
    static void Determinants<T>(ReadOnlySpan<T> matrices, int n, Span<T> results) where T : unmanaged, INumber<T>
    {
        var m = new double[n * n];
        for (int which = 0; which < results.Length; which++)
        {
            for (int i = 0; i < m.Length; i++) m[i] = double.CreateChecked(matrices[which * n * n + i]);
            results[which] = T.CreateSaturating(DeterminantOf(m, n));
        }
    }

    static double DeterminantOf(Span<double> m, int n)
    {
        double product = 1;
        for (int k = 0; k < n; k++)
        {
            int pivot = k;
            for (int i = k + 1; i < n; i++)
                if (Math.Abs(m[i * n + k]) > Math.Abs(m[pivot * n + k])) pivot = i;
            if (m[pivot * n + k] == 0) return 0;
            if (pivot != k)
            {
                for (int j = 0; j < n; j++) (m[k * n + j], m[pivot * n + j]) = (m[pivot * n + j], m[k * n + j]);
                product = -product;
            }
            product *= m[k * n + k];
            for (int i = k + 1; i < n; i++)
            {
                double factor = m[i * n + k] / m[k * n + k];
                for (int j = k; j < n; j++) m[i * n + j] -= factor * m[k * n + j];
            }
        }
        return product;
    }
}
