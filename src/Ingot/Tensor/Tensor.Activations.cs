namespace Ingot;

/// <summary>Activation functions.</summary>
public sealed partial class Tensor
{
    /// <summary>x where x > 0, else 0; NaN stays. The gradient at 0 is 0.</summary>
    // "Below the least positive number" is "not above 0", but for NaN, which compares false and passes. A maximum would give 0 half the gradient.
    public Tensor Relu() => DType.IsFloat ? (this < LeastPositive()).Where(0, this) : Maximum(0);

    /// <summary>x where x > 0, else slope * x.</summary>
    public Tensor LeakyRelu(double slope = 0.01) => (this > 0).Where(this, this * slope);

    /// <summary>x where x > 0, else alpha * (e^x - 1).</summary>
    public Tensor Elu(double alpha = 1) => Precisely(x =>
    {
        var isPositive = x > 0;
        return isPositive.Where(x, isPositive.Where(0, x).Expm1() * alpha); // e^x of a large x would bring 0 * infinity into the gradient
    });

    /// <summary>1 / (1 + e^-x).</summary>
    // With e^-|x| nothing overflows: the plain form has the gradient 0 * infinity below -88.
    public Tensor Sigmoid() => Precisely(x =>
    {
        var isNegative = x < 0;
        var e = ExpOf(isNegative.Where(x, -x));
        return isNegative.Where(e, 1) / (1 + e);
    });

    /// <summary>log(sigmoid(x)), without overflow.</summary>
    public Tensor LogSigmoid() => Precisely(x =>
    {
        var isNegative = x < 0;
        return isNegative.Where(x, 0) - ExpOf(isNegative.Where(x, -x)).Log1p();
    });

    /// <summary>log(1 + e^(beta x)) / beta; x itself where beta x > threshold.</summary>
    public Tensor Softplus(double beta = 1, double threshold = 20) => Precisely(x =>
    {
        var isLinear = x * beta > threshold;
        return isLinear.Where(x, ExpOf(isLinear.Where(0, x * beta)).Log1p() / beta);
    });

    /// <summary>x * sigmoid(x), also called swish.</summary>
    public Tensor Silu() => Precisely(x => x * x.Sigmoid());

    /// <summary>x times the probability that a normal variable is less than x.</summary>
    /// <param name="approximate">"none": exact, by <see cref="Erf"/>; "tanh": x * sigmoid(2u) = x * (1 + tanh(u)) / 2 with u = sqrt(2/pi) (x + 0.044715 x^3).</param>
    public Tensor Gelu(string approximate = "none") => approximate switch
    {
        "none" => Precisely(x => x * 0.5 * (1 + (x * Math.Sqrt(0.5)).Erf())),
        "tanh" => Precisely(x => x * ((x + x * x * x * 0.044715) * Math.Sqrt(8 / Math.PI)).Sigmoid()),
        _ => throw new ArgumentException($"Gelu is \"none\" (exact) or \"tanh\", not \"{approximate}\"", nameof(approximate)),
    };

    /// <summary>One half of a dimension times the sigmoid of the other.</summary>
    /// <exception cref="ShapeException">The dimension's extent is odd.</exception>
    public Tensor Glu(int dim = -1)
    {
        int half = Size(dim) / 2;
        if (Size(dim) != 2 * half) throw new ShapeException($"Glu halves dimension {dim} of {Shape}, which is odd");
        return Narrow(dim, 0, half) * Narrow(dim, half, half).Sigmoid();
    }

    /// <summary>x limited to min..max; unlike <see cref="Clamp"/> the gradient at the limits is 0.</summary>
    public Tensor Hardtanh(double min = -1, double max = 1) => (this <= min).Where(min, (this >= max).Where(max, this));

    /// <summary>x limited to 0..6.</summary>
    public Tensor Relu6() => Hardtanh(0, 6);

    /// <summary>x * tanh(softplus(x)).</summary>
    public Tensor Mish() => Precisely(x => x * x.Softplus().Tanh());

    /// <summary>relu6(x + 3) / 6.</summary>
    public Tensor Hardsigmoid() => Precisely(x => (x + 3).Relu6() / 6);

    /// <summary>x * relu6(x + 3) / 6.</summary>
    public Tensor Hardswish() => Precisely(x => x * (x + 3).Relu6() / 6);

    /// <summary>x / (1 + |x|).</summary>
    public Tensor Softsign() => Precisely(x => x / (1 + x.Abs()));

    /// <summary>The smallest number above 0 of this dtype.</summary>
    double LeastPositive() => DType switch
    {
        DType.F64 => double.Epsilon,
        DType.F32 => float.Epsilon,
        DType.F16 => Math.ScaleB(1, -24),
        _ => Math.ScaleB(1, -133),
    };
}
