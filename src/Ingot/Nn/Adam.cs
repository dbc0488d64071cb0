using Ingot.Graph;

namespace Ingot.Nn;

/// <summary>Adam; its weight decay is added to the gradient, as <c>torch.optim.Adam</c>'s. See <see cref="AdamW"/>.</summary>
/// <remarks>Kingma and Ba 2015, "Adam: a method for stochastic optimization".</remarks>
public class Adam : Optimizer
{
    readonly Schedule beta1, beta2;
    readonly double epsilon;
    readonly bool isDecoupled;
    readonly HostValue kept1, taken1, kept2, taken2, root;
    readonly Dictionary<ParameterGroup, (HostValue Rate, HostValue Decay)> rates = [];

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
        : base(groups, learningRate ?? 1e-3, weightDecay, "exp_avg", "exp_avg_sq")
    {
        (this.beta1, this.beta2, this.epsilon, this.isDecoupled) = (beta1 ?? 0.9, beta2 ?? 0.999, epsilon, isDecoupled);
        (kept1, taken1) = (new(() => Now(this.beta1)), new(() => 1 - Now(this.beta1)));
        (kept2, taken2) = (new(() => Now(this.beta2)), new(() => 1 - Now(this.beta2)));
        root = new(() => 1 / Math.Sqrt(1 - Math.Pow(Now(this.beta2), Steps)));
    }

    private protected override bool HasOtherSchedules => !beta1.IsConstant || !beta2.IsConstant;

    private protected override (Tensor Value, Tensor[] State) Update(Tensor p, Tensor g, Tensor[] state, ParameterGroup group)
    {
        var (rate, decay) = RatesOf(group);
        bool decays = Decays(group);
        if (!isDecoupled && decays) g += p * Tensor.Host(decay);
        var m = state[0] * Of(beta1, kept1) + g * Of(beta1, taken1);
        var v = state[1] * Of(beta2, kept2) + g * g * Of(beta2, taken2);
        var step = m * Tensor.Host(rate) / (v.Sqrt() * Tensor.Host(root) + epsilon);
        return (isDecoupled && decays ? p - p * Tensor.Host(decay) - step : p - step, [m, v]);

        static Tensor Of(Schedule schedule, HostValue value) => schedule.IsConstant ? value.Now : Tensor.Host(value);
    }

    (HostValue Rate, HostValue Decay) RatesOf(ParameterGroup group)
    {
        if (rates.TryGetValue(group, out var known)) return known;
        var (learningRate, weightDecay) = (LearningRateOf(group), WeightDecayOf(group));
        return rates[group] = (new(() => Now(learningRate) / (1 - Math.Pow(Now(beta1), Steps))), new(() => isDecoupled ? Now(learningRate) * Now(weightDecay) : Now(weightDecay)));
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
