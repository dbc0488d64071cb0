namespace Ingot.Onnx.Operators;

/// <summary>Activation functions; attributes have the defaults of ONNX.</summary>
static class ActivationOperators
{
    [OnnxOperator("Relu")]
    static Tensor Relu(OperatorCall c) => c.Tensor(0).Relu();

    [OnnxOperator("LeakyRelu")]
    static Tensor LeakyRelu(OperatorCall c) => c.Tensor(0).LeakyRelu(c.Float("alpha", 0.01f));

    [OnnxOperator("ThresholdedRelu")]
    static Tensor ThresholdedRelu(OperatorCall c)
    {
        var x = c.Tensor(0);
        return (x > c.Float("alpha", 1)).Where(x, Tensor.ZerosLike(x));
    }

    /// <summary>The slope broadcasts to x; before opset 7 it was one number or one for each channel.</summary>
    [OnnxOperator("PRelu")]
    static Tensor PRelu(OperatorCall c)
    {
        var (x, slope) = (c.Tensor(0), c.Tensor(1));
        if (c.Opset < 7 && slope.Rank == 1 && slope.Count > 1 && x.Rank > 1) slope = Operands.OfChannels(slope, x.Rank);
        return (x < 0).Where(x * slope, x).To(x.DType);
    }

    [OnnxOperator("Sigmoid")]
    static Tensor Sigmoid(OperatorCall c) => c.Tensor(0).Sigmoid();

    [OnnxOperator("HardSigmoid")]
    static Tensor HardSigmoid(OperatorCall c) => c.Tensor(0).Widely(x => (x * c.Float("alpha", 0.2f) + c.Float("beta", 0.5f)).Clamp(0, 1));

    [OnnxOperator("HardSwish", Since = 14)]
    static Tensor HardSwish(OperatorCall c) => c.Tensor(0).Widely(x => x * (x * (1.0 / 6) + 0.5).Clamp(0, 1));

    [OnnxOperator("Elu")]
    static Tensor Elu(OperatorCall c) => c.Tensor(0).Elu(c.Float("alpha", 1));

    [OnnxOperator("Celu", Since = 12)]
    static Tensor Celu(OperatorCall c) => c.Tensor(0).Celu(c.Float("alpha", 1));

    /// <summary>The constants of opset 6 have more digits than those of opset 1.</summary>
    [OnnxOperator("Selu")]
    static Tensor Selu(OperatorCall c)
    {
        double alpha = c.Float("alpha", c.Opset < 6 ? 1.6732f : 1.67326319217681884765625f);
        double gamma = c.Float("gamma", c.Opset < 6 ? 1.0507f : 1.05070102214813232421875f);
        return c.Tensor(0).Widely(x => x.Elu(alpha) * gamma);
    }

    [OnnxOperator("Gelu", Since = 20)]
    static Tensor Gelu(OperatorCall c) => c.Tensor(0).Gelu(c.Text("approximate", "none"));

    [OnnxOperator("Mish", Since = 18)]
    static Tensor Mish(OperatorCall c) => c.Tensor(0).Mish();

    [OnnxOperator("Swish", Since = 24)]
    static Tensor Swish(OperatorCall c) => c.Tensor(0).Widely(x => x * (x * c.Float("alpha", 1)).Sigmoid());

    [OnnxOperator("Softplus")]
    static Tensor Softplus(OperatorCall c)
    {
        var x = c.Tensor(0);
        return x.Softplus(1, x.DType == DType.F64 ? 40 : 20); // beyond it log(1 + e^x) is x to the last bit
    }

    [OnnxOperator("Softsign")]
    static Tensor Softsign(OperatorCall c) => c.Tensor(0).Softsign();

    /// <summary>0 within lambda of 0, moved towards it by the bias beyond; of integers in float64.</summary>
    [OnnxOperator("Shrink", Since = 9)]
    static Tensor Shrink(OperatorCall c)
    {
        var input = c.Tensor(0);
        var x = input.DType.IsFloat ? input : input.To(DType.F64);
        double lambda = c.Float("lambd", 0.5f), bias = c.Float("bias", 0);
        return (x < -lambda).Where(x + bias, (x > lambda).Where(x - bias, Tensor.ZerosLike(x))).To(input.DType);
    }

    // ---- over an axis ----

    [OnnxOperator("Softmax")]
    static Tensor Softmax(OperatorCall c) => AlongAxis(c, x => x.Softmax(-1));

    [OnnxOperator("LogSoftmax")]
    static Tensor LogSoftmax(OperatorCall c) => AlongAxis(c, x => x.LogSoftmax(-1));

    /// <summary>1 at the first greatest element, 0 elsewhere.</summary>
    [OnnxOperator("Hardmax")]
    static Tensor Hardmax(OperatorCall c) =>
        AlongAxis(c, x => Operands.Positions(x.Rank, x.Rank - 1, x.Shape[^1]).Eq(x.ArgMax(-1, true)).To(x.DType));

    /// <summary>A function along the last dimension. Before opset 13 the axis (1 by default) split the shape in two, and all that followed was one dimension.</summary>
    static Tensor AlongAxis(OperatorCall c, Func<Tensor, Tensor> f)
    {
        var x = c.Tensor(0);
        if (x.Count == 0) return x;
        if (c.Opset >= 13)
        {
            if (x.Rank == 0) return f(x.Reshape(1)).Reshape();
            int axis = c.Axis("axis", -1, x.Rank);
            return axis == x.Rank - 1 ? f(x) : f(x.MoveDim(axis, -1)).MoveDim(-1, axis);
        }
        int split = c.Int("axis", 1) == x.Rank ? x.Rank : c.Axis("axis", 1, Math.Max(1, x.Rank));
        return f(x.Reshape(Operands.Product(x.Shape.Span[..split]), Operands.Product(x.Shape.Span[split..]))).Reshape(x.Shape);
    }
}
