namespace Ingot.Onnx.Operators;

/// <summary>Functions of one number.</summary>
static class MathOperators
{
    [OnnxOperator("Abs")]
    static Tensor Abs(OperatorCall c) => c.Tensor(0).Abs();

    [OnnxOperator("Neg")]
    static Tensor Neg(OperatorCall c) => -c.Tensor(0);

    [OnnxOperator("Sign", Since = 9)]
    static Tensor Sign(OperatorCall c)
    {
        var x = c.Tensor(0);
        return x.DType.IsFloat ? x.IsNan().Where(x, x.Sign()) : x.Sign();
    }

    [OnnxOperator("Ceil")]
    static Tensor Ceil(OperatorCall c) => c.Tensor(0).Ceil();

    [OnnxOperator("Floor")]
    static Tensor Floor(OperatorCall c) => c.Tensor(0).Floor();

    [OnnxOperator("Round", Since = 11)]
    static Tensor Round(OperatorCall c) => c.Tensor(0).Round();

    [OnnxOperator("Sqrt")]
    static Tensor Sqrt(OperatorCall c) => c.Tensor(0).Sqrt();

    [OnnxOperator("Reciprocal")]
    static Tensor Reciprocal(OperatorCall c) => c.Tensor(0).Reciprocal();

    [OnnxOperator("Exp")]
    static Tensor Exp(OperatorCall c) => c.Tensor(0).Exp();

    [OnnxOperator("Log")]
    static Tensor Log(OperatorCall c) => c.Tensor(0).Log();

    [OnnxOperator("Erf", Since = 9)]
    static Tensor Erf(OperatorCall c) => c.Tensor(0).Widely(x => x.Erf());

    [OnnxOperator("Sin", Since = 7)]
    static Tensor Sin(OperatorCall c) => c.Tensor(0).Sin();

    [OnnxOperator("Cos", Since = 7)]
    static Tensor Cos(OperatorCall c) => c.Tensor(0).Cos();

    [OnnxOperator("Tan", Since = 7)]
    static Tensor Tan(OperatorCall c) => c.Tensor(0).Tan();

    [OnnxOperator("Asin", Since = 7)]
    static Tensor Asin(OperatorCall c) => c.Tensor(0).Asin();

    [OnnxOperator("Acos", Since = 7)]
    static Tensor Acos(OperatorCall c) => c.Tensor(0).Acos();

    [OnnxOperator("Atan", Since = 7)]
    static Tensor Atan(OperatorCall c) => c.Tensor(0).Atan();

    [OnnxOperator("Sinh", Since = 9)]
    static Tensor Sinh(OperatorCall c) => c.Tensor(0).Sinh();

    [OnnxOperator("Cosh", Since = 9)]
    static Tensor Cosh(OperatorCall c) => c.Tensor(0).Cosh();

    [OnnxOperator("Tanh")]
    static Tensor Tanh(OperatorCall c) => c.Tensor(0).Tanh();

    [OnnxOperator("Asinh", Since = 9)]
    static Tensor Asinh(OperatorCall c) => c.Tensor(0).Asinh();

    [OnnxOperator("Acosh", Since = 9)]
    static Tensor Acosh(OperatorCall c) => c.Tensor(0).Acosh();

    [OnnxOperator("Atanh", Since = 9)]
    static Tensor Atanh(OperatorCall c) => c.Tensor(0).Atanh();

    [OnnxOperator("IsNaN", Since = 9)]
    static Tensor IsNaN(OperatorCall c) => c.Tensor(0).IsNan();

    [OnnxOperator("IsInf", Since = 10)]
    static Tensor IsInf(OperatorCall c)
    {
        var x = c.Tensor(0);
        return (c.Flag("detect_positive", true), c.Flag("detect_negative", true)) switch
        {
            (true, true) => x.IsInf(),
            (true, false) => x.Eq(double.PositiveInfinity),
            (false, true) => x.Eq(double.NegativeInfinity),
            _ => Tensor.Zeros(x.Shape, DType.Bool),
        };
    }

    /// <summary>Limits as attributes in the first versions, as optional scalars since opset 11. The upper limit is applied last and wins.</summary>
    [OnnxOperator("Clip")]
    static Tensor Clip(OperatorCall c)
    {
        var x = c.Tensor(0);
        var (low, high) = c.Opset >= 11 ? (Limit(1), Limit(2)) : (Attribute("min"), Attribute("max"));
        return x.Clamp(low, high).To(x.DType);

        Tensor? Limit(int input) => c.OptionalTensor(input)?.Reshape().To(x.DType);
        Tensor? Attribute(string name) => c.OptionalFloat(name) is { } value ? Tensor.Scalar(value).To(x.DType) : null;
    }

    /// <summary>Running sums and products; "exclusive" leaves the element itself out, "reverse" runs from the end.</summary>
    [OnnxOperator("CumSum", Since = 11)]
    [OnnxOperator("CumProd", Since = 26)]
    static Tensor Cumulative(OperatorCall c)
    {
        var x = c.Tensor(0);
        int axis = c.Axis(c.ScalarOf<long>(1), x.Rank);
        bool isSum = c.Operator == "CumSum", isReverse = c.Flag("reverse");
        var run = isReverse ? x.Flip(axis) : x;
        if (c.Flag("exclusive") && x.Shape[axis] > 0)
        {
            var first = x.Shape.ToArray();
            first[axis] = 1;
            run = Tensor.Cat([isSum ? Tensor.Zeros(first, x.DType) : Tensor.Ones(first, x.DType), run.Narrow(axis, 0, x.Shape[axis] - 1)], axis);
        }
        run = run.Widened();
        var result = (isSum ? run.CumSum(axis) : run.CumProd(axis)).To(x.DType);
        return isReverse ? result.Flip(axis) : result;
    }

    /// <summary>Half precisions as float32, so that a running value is not rounded at every step.</summary>
    static Tensor Widened(this Tensor x) => x.DType is DType.F16 or DType.BF16 ? x.To(DType.F32) : x;

    /// <summary>alpha * x + beta, of opset 1; also with a tanh, and the other experimental operators of that time.</summary>
    [OnnxOperator("Affine")]
    static Tensor Affine(OperatorCall c) => c.Tensor(0) * c.Float("alpha", 1) + c.Float("beta", 0);

    [OnnxOperator("ScaledTanh")]
    static Tensor ScaledTanh(OperatorCall c) => (c.Tensor(0) * c.Float("beta", 1)).Tanh() * c.Float("alpha", 1);

    [OnnxOperator("ParametricSoftplus")]
    static Tensor ParametricSoftplus(OperatorCall c) => (c.Tensor(0) * c.Float("beta", 1)).Softplus() * c.Float("alpha", 1);

    [OnnxOperator("Scale")]
    static Tensor Scale(OperatorCall c) => c.Tensor(0) * c.Float("scale", 1);

    [OnnxOperator("ImageScaler")]
    static Tensor ImageScaler(OperatorCall c)
    {
        var x = c.Tensor(0) * c.Float("scale", 1);
        return c.Floats("bias") is { } bias ? x + Operands.OfChannels(Tensor.From(bias).To(x.DType), x.Rank) : x;
    }
}
