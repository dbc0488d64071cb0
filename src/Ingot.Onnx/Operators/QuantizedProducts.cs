namespace Ingot.Onnx.Operators;

/// <summary>Products of integers, with their scales and zero points.</summary>
static class QuantizedProducts
{
    /// <summary>The float whose sums of this many products of 8-bit numbers are exact: a product has at most 9 + 9 bits.</summary>
    public static DType Exact(long terms) => terms < 1 << 8 ? DType.F32 : DType.F64;

    [OnnxOperator("MatMulInteger", Since = 10)]
    static Tensor MatMulInteger(OperatorCall c) => ExactMatmul(c.Tensor(0), c.Tensor(1), c.OptionalTensor(2), c.OptionalTensor(3)).To(DType.I32);

    static Tensor ExactMatmul(Tensor a, Tensor b, Tensor? aZero, Tensor? bZero)
    {
        var dtype = Exact(a.Shape[^1]);
        var (x, y) = (a.To(dtype), b.To(dtype));
        if (aZero is not null) x -= OfRows(aZero.To(dtype), a.Rank);
        if (bZero is not null) y -= OfColumns(bZero.To(dtype), b.Rank);
        return x.Matmul(y);
    }

    /// <summary>One number, one a row (M,), or as the operand's batches have it (.., M, 1).</summary>
    static Tensor OfRows(Tensor t, int rank) => t.Count == 1 ? t.Reshape([]) : t.Rank == 1 && rank > 1 ? t.Unsqueeze(-1) : t;

    /// <summary>One number, one a column (N,), or as the operand's batches have it (.., 1, N).</summary>
    static Tensor OfColumns(Tensor t, int rank) => t.Count == 1 ? t.Reshape([]) : t.Rank == 1 && rank > 1 ? t.Unsqueeze(0) : t;

    [OnnxOperator("QLinearMatMul", Since = 10)]
    static OnnxValue QLinearMatMul(OperatorCall c)
    {
        var (a, b) = (c.Numbers(0), c.Numbers(3));
        Tensor scaleA = OfRows(c.Tensor(1).To(DType.F32), a.Shape.Rank), scaleB = OfColumns(c.Tensor(4).To(DType.F32), b.Shape.Rank), scaleY = OfRows(c.Tensor(6).To(DType.F32), a.Shape.Rank);
        var product = ExactMatmul(CastOperators.Numbers(a), CastOperators.Numbers(b), CastOperators.Numbers(c.Numbers(2)), CastOperators.Numbers(c.Numbers(5))).To(DType.F32);
        var zero = OfRows(CastOperators.Numbers(c.Numbers(7)), a.Shape.Rank);
        return Quantization.Quantized(product * (scaleA * scaleB / scaleY), zero, c.TypeOf(7), saturate: true);
    }

    [OnnxOperator("QLinearConv", Since = 10)]
    static OnnxValue QLinearConv(OperatorCall c)
    {
        var weight = c.Tensor(3);
        int outputs = weight.Shape[0];
        int[] perChannel = [outputs, .. Enumerable.Repeat(1, weight.Rank - 2)];
        var sum = ConvolutionOperators.ExactConv(c, c.Tensor(0), weight, c.Tensor(2), c.Tensor(5));
        if (c.OptionalTensor(8) is { } bias) sum += bias.To(sum.DType).Reshape(perChannel);
        var scaleW = c.Tensor(4).To(DType.F32);
        var scale = c.Tensor(1).To(DType.F32).Reshape([]) * (scaleW.Count == 1 ? scaleW.Reshape([]) : scaleW.Reshape(perChannel)) / c.Tensor(6).To(DType.F32).Reshape([]);
        return Quantization.Quantized(sum.To(DType.F32) * scale, CastOperators.Numbers(c.Numbers(7)).Reshape([]), c.TypeOf(7), saturate: true);
    }
}
