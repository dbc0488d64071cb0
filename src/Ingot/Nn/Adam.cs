namespace Ingot.Nn;

/// <summary>Adam; its weight decay is added to the gradient, as <c>torch.optim.Adam</c>'s. See <see cref="AdamW"/>.</summary>
/// <remarks>Kingma and Ba 2015, "Adam: a method for stochastic optimization".</remarks>
public class Adam : Optimizer
{
    readonly Schedule beta1, beta2;
    readonly double epsilon;
    readonly bool isDecoupled;
    double currentBeta1, currentBeta2;
    long stepNumber;

    /// <param name="parameters">What is trained.</param>
    /// <param name="learningRate">Step size; 1e-3 by default.</param>
    /// <param name="beta1">Decay of the running mean of gradients; 0.9 by default.</param>
    /// <param name="beta2">Decay of the running mean of their squares; 0.999 by default.</param>
    /// <param name="epsilon">Added to the root of the squares.</param>
    /// <param name="weightDecay">Pull towards 0; none by default.</param>
    public Adam(IEnumerable<Tensor> parameters, Schedule? learningRate = null, Schedule? beta1 = null, Schedule? beta2 = null, double epsilon = 1e-8, Schedule? weightDecay = null)
        : this([new ParameterGroup(parameters)], learningRate, beta1, beta2, epsilon, weightDecay) { }

    /// <summary>With groups of parameters that have rates of their own.</summary>
    public Adam(IEnumerable<ParameterGroup> groups, Schedule? learningRate = null, Schedule? beta1 = null, Schedule? beta2 = null, double epsilon = 1e-8, Schedule? weightDecay = null)
        : this(groups, learningRate, beta1, beta2, epsilon, weightDecay ?? 0.0, isDecoupled: false) { }

    private protected Adam(IEnumerable<ParameterGroup> groups, Schedule? learningRate, Schedule? beta1, Schedule? beta2, double epsilon, Schedule weightDecay, bool isDecoupled)
        : base(groups, learningRate ?? 1e-3, weightDecay, "exp_avg", "exp_avg_sq") =>
        (this.beta1, this.beta2, this.epsilon, this.isDecoupled) = (beta1 ?? 0.9, beta2 ?? 0.999, epsilon, isDecoupled);

    private protected override void Prepare(long step, double progress) =>
        (stepNumber, currentBeta1, currentBeta2) = (step, beta1.At(progress), beta2.At(progress));

    private protected override (Tensor Value, Tensor[] State) Update(Tensor p, Tensor g, Tensor[] state, Rates rates)
    {
        double b1 = beta1.IsConstant ? currentBeta1 : Changing(currentBeta1, p.DType), b2 = beta2.IsConstant ? currentBeta2 : Changing(currentBeta2, p.DType);
        double rate = rates.LearningRate / (1 - Math.Pow(b1, stepNumber)), root = 1 / Math.Sqrt(1 - Math.Pow(b2, stepNumber));
        // A rate of 0 must not move a weight that is 0 itself: a huge divisor leaves nothing of the smallest rate.
        if (rate == 0) root = p.DType == DType.F64 ? 1e300 : 1e30;
        double decay = isDecoupled ? rates.LearningRate * rates.WeightDecay : rates.WeightDecay;
        bool decays = !rates.HasConstantDecay || rates.WeightDecay != 0;
        if (decays) decay = Changing(decay, p.DType);
        if (!isDecoupled && decays) g += p * decay;
        var m = state[0] * b1 + g * (1 - b1);
        var v = state[1] * b2 + g * g * (1 - b2);
        var step = m * Changing(rate, p.DType) / (v.Sqrt() * Changing(root, p.DType) + epsilon);
        return (isDecoupled && decays ? p - p * decay - step : p - step, [m, v]);
    }
}

/// <summary>Adam whose weight decay shrinks the parameters beside the step instead of entering the gradient, as <c>torch.optim.AdamW</c>.</summary>
/// <remarks>Loshchilov and Hutter 2019, "Decoupled weight decay regularization".</remarks>
public sealed class AdamW : Adam
{
    /// <param name="parameters">What is trained.</param>
    /// <param name="learningRate">Step size; 1e-3 by default.</param>
    /// <param name="beta1">Decay of the running mean of gradients; 0.9 by default.</param>
    /// <param name="beta2">Decay of the running mean of their squares; 0.999 by default.</param>
    /// <param name="epsilon">Added to the root of the squares.</param>
    /// <param name="weightDecay">Pull towards 0 a unit of learning rate; 0.01 by default.</param>
    public AdamW(IEnumerable<Tensor> parameters, Schedule? learningRate = null, Schedule? beta1 = null, Schedule? beta2 = null, double epsilon = 1e-8, Schedule? weightDecay = null)
        : this([new ParameterGroup(parameters)], learningRate, beta1, beta2, epsilon, weightDecay) { }

    /// <summary>With groups of parameters that have rates of their own.</summary>
    public AdamW(IEnumerable<ParameterGroup> groups, Schedule? learningRate = null, Schedule? beta1 = null, Schedule? beta2 = null, double epsilon = 1e-8, Schedule? weightDecay = null)
        : base(groups, learningRate, beta1, beta2, epsilon, weightDecay ?? 0.01, isDecoupled: true) { }
}
