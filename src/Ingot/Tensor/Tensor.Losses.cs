namespace Ingot;

/// <summary>What becomes of the losses of the elements.</summary>
public enum Reduction
{
    Mean,
    Sum,
    /// <summary>One loss an element.</summary>
    None,
    /// <summary>The sum divided by the first extent: for <see cref="Tensor.KlDiv"/> the mathematical definition.</summary>
    BatchMean,
}

/// <summary>Losses: this tensor is the prediction.</summary>
public sealed partial class Tensor
{
    /// <summary>
    /// Cross-entropy of logits (N, C), (N, C, ..) or (C,) against classes: -log softmax of the class. Targets are class numbers (integers, this shape without C), or
    /// probabilities (floats of this shape).
    /// </summary>
    /// <param name="target">Class numbers or probabilities. A class that does not exist makes the loss NaN.</param>
    /// <param name="weight">What a class counts, of shape (C,); the mean over class numbers is then one weighted by the targets' classes.</param>
    /// <param name="ignoreIndex">Targets of this value do not count, in the mean either.</param>
    /// <param name="reduction">What becomes of the losses.</param>
    /// <param name="labelSmoothing">The part of each target that is spread over all classes.</param>
    /// <exception cref="ShapeException">The target's or the weight's shape does not fit.</exception>
    public Tensor CrossEntropy(Tensor target, Tensor? weight = null, int ignoreIndex = -100, Reduction reduction = Reduction.Mean, double labelSmoothing = 0)
    {
        int dim = Rank == 1 ? 0 : 1;
        var logp = Floating().LogSoftmax(dim);
        if (!target.DType.IsFloat) return logp.Chosen(target, dim, weight, ignoreIndex, labelSmoothing, reduction, "CrossEntropy");
        if (!target.Shape.Equals(Shape)) throw new ShapeException($"CrossEntropy of {Shape} against probabilities needs a target of the same shape, not {target.Shape}");
        if (labelSmoothing != 0) target = target * (1 - labelSmoothing) + labelSmoothing / Shape[dim];
        if (weight is not null) logp *= logp.OfClasses(weight, dim, "CrossEntropy");
        var losses = -(target * logp).Sum(dim);
        return reduction == Reduction.None ? losses : reduction == Reduction.Sum ? losses.Sum() : losses.Sum() / (double)(Count / Shape[dim]);
    }

    /// <summary>Minus the log-probability of the class: <see cref="CrossEntropy"/> of what is log-softmaxed already.</summary>
    /// <exception cref="ShapeException">The target's or the weight's shape does not fit.</exception>
    public Tensor NllLoss(Tensor target, Tensor? weight = null, int ignoreIndex = -100, Reduction reduction = Reduction.Mean) =>
        Chosen(target, Rank == 1 ? 0 : 1, weight, ignoreIndex, 0, reduction, "NllLoss");

    /// <summary>
    /// The class is selected by comparing class numbers with the target and summing the one that is left: forward it fuses with the softmax, and backward it is a
    /// select again, where a gather would turn into a scatter.
    /// </summary>
    Tensor Chosen(Tensor target, int dim, Tensor? weight, int ignoreIndex, double smoothing, Reduction reduction, string operation)
    {
        Shape expected = Rank == 0 ? Shape : Without(Shape, [dim]);
        if (Rank == 0 || !target.Shape.Equals(expected)) throw new ShapeException($"{operation} of {Shape} has its {(Rank == 0 ? 0 : Shape[dim])} classes in dimension {dim} and needs targets of {expected}, not {target.Shape}");
        if (!target.DType.IsInteger) throw new DTypeException($"{operation} needs class numbers, the target is {target.DType.Name}");
        int classes = Shape[dim];
        if (target.DType.Size < 4) target = target.To(DType.I32);
        var number = Arange(0, classes, 1, target.DType).Reshape([-1, .. Enumerable.Repeat(1, Rank - 1 - dim)]);
        var isChosen = number.Eq(target.Unsqueeze(dim));
        var weights = weight is null ? null : OfClasses(weight, dim, operation);
        var weighted = weights is null ? this : this * weights;
        var losses = -isChosen.Where(weighted, 0).Sum(dim);
        if (smoothing != 0) losses = losses * (1 - smoothing) - weighted.Sum(dim) * (smoothing / classes);
        losses = ((target < 0) | (target >= classes)).Where(double.NaN, losses);
        var counts = target.Ne(ignoreIndex);
        losses = counts.Where(losses, 0);
        return reduction switch
        {
            Reduction.None => losses,
            Reduction.Sum => losses.Sum(),
            _ => losses.Sum() / (weights is null ? counts.To(losses.DType.ComputeType) : counts.Where(isChosen.Where(weights, 0).Sum(dim), 0)).Sum().To(losses.DType),
        };
    }

    /// <summary>A number a class, in this dtype and along the dimension of the classes.</summary>
    Tensor OfClasses(Tensor weight, int dim, string operation) => weight.Rank == 1 && weight.Shape[0] == Shape[dim]
        ? weight.To(DType).Reshape([-1, .. Enumerable.Repeat(1, Rank - 1 - dim)])
        : throw new ShapeException($"{operation} of {Shape} has {Shape[dim]} classes in dimension {dim} and needs a weight of ({Shape[dim]},), not {weight.Shape}");

    /// <summary>Squared difference.</summary>
    public Tensor MseLoss(Tensor target, Reduction reduction = Reduction.Mean) => Reduced((this - Fitting(target, "MseLoss")).Square(), reduction);

    /// <summary>Absolute difference; the gradient where they are equal is 0.</summary>
    public Tensor L1Loss(Tensor target, Reduction reduction = Reduction.Mean) => Reduced((this - Fitting(target, "L1Loss")).Abs(), reduction);

    /// <summary>Squared difference over 2 beta up to beta, beyond it the absolute difference less beta / 2.</summary>
    public Tensor SmoothL1Loss(Tensor target, Reduction reduction = Reduction.Mean, double beta = 1)
    {
        if (beta < 0) throw new IngotException($"SmoothL1Loss needs a beta of at least 0, not {beta}");
        if (beta == 0) return L1Loss(target, reduction);
        var d = this - Fitting(target, "SmoothL1Loss");
        var distance = d.Abs();
        return Reduced((distance < beta).Where(d * d * (0.5 / beta), distance - 0.5 * beta), reduction);
    }

    /// <summary>Binary cross-entropy of probabilities; logarithms are cut off at -100, as in PyTorch.</summary>
    /// <param name="target">Probabilities, of this shape.</param>
    /// <param name="weight">What an element counts; broadcasts to this shape.</param>
    /// <param name="reduction">What becomes of the losses; the mean is over the number of elements, whatever they count.</param>
    /// <exception cref="ShapeException">The target has another shape, or the weight does not broadcast.</exception>
    public Tensor BceLoss(Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean)
    {
        Fitting(target, "BceLoss");
        var losses = -(target * CutLog(this) + (1 - target) * CutLog(1 - this));
        return Reduced(weight is null ? losses : losses * Weighing(weight, "BceLoss", "weight"), reduction);

        static Tensor CutLog(Tensor x) // a select on both sides of the logarithm: its gradient at 0 would be 0 / 0
        {
            var isPositive = x > 1.2e-38;
            return isPositive.Where(isPositive.Where(x, 1).Log(), -100);
        }
    }

    /// <summary>Binary cross-entropy of logits.</summary>
    /// <param name="target">Probabilities, of this shape.</param>
    /// <param name="weight">What an element counts; broadcasts to this shape.</param>
    /// <param name="reduction">What becomes of the losses; the mean is over the number of elements, whatever they count.</param>
    /// <param name="posWeight">What the positive part of a target counts against the negative one, to trade recall for precision; broadcasts to this shape.</param>
    /// <exception cref="ShapeException">The target has another shape, or a weight does not broadcast.</exception>
    public Tensor BceWithLogitsLoss(Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean, Tensor? posWeight = null)
    {
        Fitting(target, "BceWithLogitsLoss");
        // log(1 + e^-x) without overflow: max(-x, 0) + log(1 + e^-|x|)
        var softplus = (-this).Maximum(0) + ((-Abs()).Exp() + 1).Log();
        if (posWeight is not null) softplus *= 1 + (Weighing(posWeight, "BceWithLogitsLoss", "posWeight") - 1) * target;
        var losses = (1 - target) * this + softplus;
        return Reduced(weight is null ? losses : losses * Weighing(weight, "BceWithLogitsLoss", "weight"), reduction);
    }

    /// <summary>What elements count, if it broadcasts to this shape.</summary>
    Tensor Weighing(Tensor weight, string operation, string name)
    {
        bool fits = weight.Rank <= Rank;
        for (int i = 1; i <= weight.Rank && fits; i++) fits = weight.Shape[^i] == Shape[^i] || weight.Shape[^i] == 1;
        return fits ? weight.To(DType) : throw new ShapeException($"{operation} of {Shape} needs a {name} that broadcasts to it, not {weight.Shape}");
    }

    /// <summary>Kullback-Leibler divergence of the target from this tensor, which holds log-probabilities: target (log target - this), 0 where the target is 0.</summary>
    /// <param name="target">Probabilities, or their logarithms.</param>
    /// <param name="reduction"><see cref="Reduction.BatchMean"/> is the mathematical definition, <see cref="Reduction.Mean"/> PyTorch's default.</param>
    /// <param name="logTarget">The target holds logarithms.</param>
    public Tensor KlDiv(Tensor target, Reduction reduction = Reduction.Mean, bool logTarget = false)
    {
        Fitting(target, "KlDiv");
        if (logTarget) return Reduced(target.Exp() * (target - this), reduction);
        var isZero = target.Eq(0);
        return Reduced(isZero.Where(1, target).Log() * target - target * this, reduction);
    }

    /// <summary>The target, if its shape is this one: a target that broadcasts is a mistake in nearly every program.</summary>
    Tensor Fitting(Tensor target, string operation) => target.Shape.Equals(Shape) ? target
        : throw new ShapeException($"{operation} compares tensors of one shape; the prediction is {Shape}, the target {target.Shape}");

    static Tensor Reduced(Tensor losses, Reduction reduction) => reduction switch
    {
        Reduction.Mean => losses.Mean(),
        Reduction.Sum => losses.Sum(),
        Reduction.BatchMean => losses.Sum() / (double)(losses.Rank == 0 ? 1 : losses.Shape[0]),
        _ => losses,
    };
}
