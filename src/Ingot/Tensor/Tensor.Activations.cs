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

    /// <summary>1.0507 (x where x > 0, else 1.6733 (e^x - 1)).</summary>
    /// <remarks>Klambauer et al. 2017, "Self-normalizing neural networks": the constants keep mean 0 and variance 1 from layer to layer.</remarks>
    public Tensor Selu() => Precisely(x => x.Elu(1.6732632423543772848170429916717) * 1.0507009873554804934193349852946);

    /// <summary>x where x > 0, else alpha * (e^(x / alpha) - 1): smooth at 0 for every alpha.</summary>
    /// <exception cref="IngotException">alpha is 0.</exception>
    public Tensor Celu(double alpha = 1) => alpha == 0 ? throw new IngotException("Celu divides by its alpha, which is 0") : Precisely(x =>
    {
        var isPositive = x > 0;
        return isPositive.Where(x, (isPositive.Where(0, x) / alpha).Expm1() * alpha);
    });

    /// <summary>x where x > 0, else weight * x.</summary>
    /// <param name="weight">One slope (1,), or one a channel (C,) of (N, C, ..).</param>
    /// <exception cref="ShapeException">The weight has another shape.</exception>
    public Tensor PRelu(Tensor weight)
    {
        int channels = Rank < 2 ? 1 : Shape[1];
        if (weight.Rank > 1 || (weight.Count != 1 && weight.Count != channels)) throw new ShapeException($"PRelu of {Shape} needs one slope, or one for each of {channels} channels, not {weight.Shape}");
        var slope = weight.Count == 1 ? weight.Reshape() : OfChannels(weight)!;
        return (this > 0).Where(this, this * slope);
    }

    /// <summary>x where x > 0, else a slope times x: in training a random one from lower to upper for each element, otherwise their mean.</summary>
    /// <exception cref="IngotException">lower is above upper.</exception>
    public Tensor RRelu(double lower = 1.0 / 8, double upper = 1.0 / 3, bool training = false)
    {
        if (!(lower <= upper)) throw new IngotException($"RRelu draws slopes from lower to upper, which are {lower} and {upper}");
        return training ? (this > 0).Where(this, this * Uniform(Shape.Span, lower, upper).To(DType)) : LeakyRelu((lower + upper) / 2);
    }

    /// <summary>x where x is above the threshold, else the value. NaN stays.</summary>
    public Tensor Threshold(double threshold, double value) => (this <= threshold).Where(value, this);

    /// <summary>x moved towards 0 by lambda; 0 from -lambda to lambda.</summary>
    /// <exception cref="IngotException">lambda is negative.</exception>
    public Tensor Softshrink(double lambda = 0.5) =>
        lambda < 0 ? throw new IngotException($"Softshrink needs a lambda of at least 0, not {lambda}") : (Abs() <= lambda).Where(0, this - WithoutGradient().Sign() * lambda);

    /// <summary>x, but 0 from -lambda to lambda.</summary>
    public Tensor Hardshrink(double lambda = 0.5) => ((this >= -lambda) & (this <= lambda)).Where(0, this);

    /// <summary>x - tanh(x).</summary>
    public Tensor Tanhshrink() => Precisely(x => x - x.Tanh());

    /// <summary>softmax(-x) along a dimension.</summary>
    public Tensor Softmin(int dim, DType? dtype = null) => (-(DType.IsFloat ? this : To(DType.F32))).Softmax(dim, dtype);

    /// <summary>softmax((x + noise) / tau) with noise of the Gumbel distribution: a differentiable draw of one class, x holding log-probabilities.</summary>
    /// <param name="tau">Temperature: the lower, the nearer to a choice of one.</param>
    /// <param name="hard">The result is 1 at the greatest and 0 elsewhere; its gradient is that of the soft one.</param>
    /// <param name="dim">The dimension of the classes.</param>
    /// <remarks>Jang, Gu and Poole 2017, "Categorical reparameterization with Gumbel-softmax".</remarks>
    public Tensor GumbelSoftmax(double tau = 1, bool hard = false, int dim = -1)
    {
        if (!(tau > 0)) throw new IngotException($"GumbelSoftmax needs a temperature above 0, not {tau}");
        var soft = Precisely(x =>
        {
            var u = Uniform(x.Shape.Span, 0, 1).To(x.DType).Clamp(min: 1.2e-38); // a draw of 0 would be infinite noise
            return ((x - (-u.Log()).Log()) / tau).Softmax(dim);
        });
        if (!hard) return soft;
        var fixedSoft = soft.WithoutGradient();
        var chosen = Positions(Shape, Shape.Axis(dim), DType.I64).Eq(fixedSoft.ArgMax(dim, true)).To(soft.DType);
        return chosen - fixedSoft + soft;
    }

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
