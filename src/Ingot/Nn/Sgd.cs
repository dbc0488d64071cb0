using Ingot.Graph;

namespace Ingot.Nn;

/// <summary>Stochastic gradient descent, with momentum if it is not 0, as <c>torch.optim.SGD</c>.</summary>
public sealed class Sgd : Optimizer
{
    readonly Schedule momentum;
    readonly double dampening;
    readonly bool nesterov;
    readonly HostValue kept, taken;
    readonly Dictionary<ParameterGroup, (HostValue Rate, HostValue Decay)> rates = [];

    /// <param name="parameters">What is trained.</param>
    /// <param name="learningRate">Step size.</param>
    /// <param name="momentum">Part of the last step that is kept.</param>
    /// <param name="dampening">Part of the gradient that momentum leaves out.</param>
    /// <param name="nesterov">Looks ahead along the momentum; needs momentum and no dampening.</param>
    /// <param name="weightDecay">Pull towards 0, added to the gradient.</param>
    public Sgd(IEnumerable<Tensor> parameters, Schedule learningRate, Schedule? momentum = null, double dampening = 0, bool nesterov = false, Schedule? weightDecay = null)
        : this([new ParameterGroup(parameters)], learningRate, momentum, dampening, nesterov, weightDecay) { }

    /// <summary>With groups of parameters that have rates of their own.</summary>
    public Sgd(IEnumerable<ParameterGroup> groups, Schedule learningRate, Schedule? momentum = null, double dampening = 0, bool nesterov = false, Schedule? weightDecay = null)
        : base(groups, learningRate, weightDecay ?? 0.0, HasMomentum(momentum) ? ["momentum_buffer"] : [])
    {
        if (nesterov && (!HasMomentum(momentum) || dampening != 0)) throw new IngotException("Nesterov needs a momentum and no dampening");
        (this.momentum, this.dampening, this.nesterov) = (momentum ?? 0.0, dampening, nesterov);
        kept = new(() => Now(this.momentum));
        taken = new(() => Steps == 1 ? 1 : 1 - dampening); // PyTorch's first step takes the gradient whole
    }

    static bool HasMomentum(Schedule? momentum) => momentum is not null && !(momentum.IsConstant && momentum.At(0) == 0);

    private protected override bool HasOtherSchedules => !momentum.IsConstant;

    private protected override (Tensor Value, Tensor[] State) Update(Tensor p, Tensor g, Tensor[] state, ParameterGroup group)
    {
        var (rate, decay) = RatesOf(group);
        if (Decays(group)) g += p * Tensor.Host(decay);
        if (state.Length == 0) return (p - g * Tensor.Host(rate), []);
        // Without dampening the first step has the form of the others, as the buffer starts at 0.
        var buffer = state[0] * Tensor.Host(kept) + (dampening == 0 ? g : g * Tensor.Host(taken));
        return (p - (nesterov ? g + buffer * Tensor.Host(kept) : buffer) * Tensor.Host(rate), [buffer]);
    }

    (HostValue Rate, HostValue Decay) RatesOf(ParameterGroup group)
    {
        if (rates.TryGetValue(group, out var known)) return known;
        var (learningRate, weightDecay) = (LearningRateOf(group), WeightDecayOf(group));
        return rates[group] = (new(() => Now(learningRate)), new(() => Now(weightDecay)));
    }
}
