using Ingot.Graph;

namespace Ingot;

/// <summary>Normalisation, look-up, dropout and attention as functions; <c>Ingot.Nn</c> has them as modules with parameters.</summary>
public sealed partial class Tensor
{
    /// <summary>Each row brought to mean 0 and variance 1, then scaled and shifted. A row is the last dimensions, of the weight's rank; one if there is none.</summary>
    /// <exception cref="ShapeException">The weight's or the bias's shape is not that of the last dimensions.</exception>
    public Tensor LayerNorm(Tensor? weight = null, Tensor? bias = null, double epsilon = 1e-5)
    {
        int[] dims = Rows(weight ?? bias, "LayerNorm");
        if (weight is not null && bias is not null && !weight.Shape.Equals(bias.Shape)) throw new ShapeException($"LayerNorm's weight is {weight.Shape}, its bias {bias.Shape}");
        return Precisely(x => Affine(x.Standardized(dims, epsilon), weight, bias));
    }

    /// <summary>Each row divided by the root of its mean square, then scaled. A row is the last dimensions, of the weight's rank; one if there is none.</summary>
    /// <remarks>Zhang and Sennrich 2019, "Root mean square layer normalization".</remarks>
    /// <exception cref="ShapeException">The weight's shape is not that of the last dimensions.</exception>
    public Tensor RmsNorm(Tensor? weight = null, double epsilon = 1e-5)
    {
        int[] dims = Rows(weight, "RmsNorm");
        return Precisely(x => Affine(x * ((x * x).Mean(dims, true) + epsilon).Rsqrt(), weight, null));
    }

    /// <summary>(N, C, ..) with the C channels in groups, each example's group brought to mean 0 and variance 1; weight and bias (C,).</summary>
    /// <exception cref="ShapeException">The channels do not divide into the groups.</exception>
    public Tensor GroupNorm(int groups, Tensor? weight = null, Tensor? bias = null, double epsilon = 1e-5)
    {
        if (Rank < 2 || groups < 1 || Shape[1] % groups != 0) throw new ShapeException($"GroupNorm with {groups} groups needs (N, C, ..) with C a multiple of {groups}, this tensor is {Shape}");
        RequireChannels("GroupNorm", weight, bias);
        return Precisely(x => Affine(x.Reshape([Shape[0], groups, -1]).Standardized([2], epsilon).Reshape(Shape.Span), OfChannels(weight), OfChannels(bias)));
    }

    /// <summary>
    /// (N, C, ..) with each channel brought to mean 0 and variance 1 over everything else. In training the batch is measured, and the running statistics move towards it by
    /// <paramref name="momentum"/>: they are rebound to new values, which the backward pass's realise computes. Otherwise the running statistics are used.
    /// </summary>
    /// <remarks>Ioffe and Szegedy 2015, "Batch normalization". As in PyTorch the running variance is the unbiased one. weight, bias, runningMean and runningVar are (C,).</remarks>
    /// <exception cref="ShapeException">A statistic, weight or bias is not (C,), or training has one value a channel.</exception>
    public Tensor BatchNorm(Tensor? runningMean, Tensor? runningVar, Tensor? weight = null, Tensor? bias = null, bool training = false, double momentum = 0.1, double epsilon = 1e-5)
    {
        if (Rank < 2) throw new ShapeException($"BatchNorm needs (N, C, ..), this tensor is {Shape}");
        RequireChannels("BatchNorm", weight, bias, runningMean, runningVar);
        if (!training && (runningMean is null || runningVar is null)) throw new IngotException("BatchNorm needs running statistics when it is not in training");
        return Precisely(x =>
        {
            if (!training) return Affine((x - x.OfChannels(runningMean)!) * (x.OfChannels(runningVar)! + epsilon).Rsqrt(), x.OfChannels(weight), x.OfChannels(bias));
            int[] others = [0, .. Enumerable.Range(2, Rank - 2)];
            long n = Count / Math.Max(1, Shape[1]);
            if (n < 2) throw new ShapeException($"BatchNorm in training needs more than one value a channel, this tensor is {Shape}");
            var mean = x.Mean(others, true);
            var centred = x - mean;
            var variance = (centred * centred).Mean(others, true);
            Follow(runningMean, mean, mean, momentum);
            Follow(runningVar, variance, variance * (n / (n - 1.0)), momentum);
            return Affine(centred * (variance + epsilon).Rsqrt(), x.OfChannels(weight), x.OfChannels(bias));
        });
    }

    /// <summary>
    /// (N, C, L), (N, C, H, W), .. with each channel of each example brought to mean 0 and variance 1. With running statistics: where
    /// <paramref name="useInputStats"/>, they move towards the examples' mean statistics by <paramref name="momentum"/>, as in <see cref="BatchNorm"/>; otherwise they are used.
    /// </summary>
    /// <remarks>Ulyanov, Vedaldi and Lempitsky 2016, "Instance normalization". weight, bias, runningMean and runningVar are (C,).</remarks>
    /// <exception cref="ShapeException">A statistic, weight or bias is not (C,), or an example has one value a channel.</exception>
    public Tensor InstanceNorm(Tensor? runningMean = null, Tensor? runningVar = null, Tensor? weight = null, Tensor? bias = null, bool useInputStats = true, double momentum = 0.1, double epsilon = 1e-5)
    {
        if (Rank < 3) throw new ShapeException($"InstanceNorm needs (N, C, ..) with something to measure behind the channels, this tensor is {Shape}");
        if (!useInputStats) return BatchNorm(runningMean, runningVar, weight, bias, training: false, momentum, epsilon);
        RequireChannels("InstanceNorm", weight, bias, runningMean, runningVar);
        long n = Shape[0] * Shape[1] == 0 ? 2 : Count / ((long)Shape[0] * Shape[1]);
        if (n < 2) throw new ShapeException($"InstanceNorm needs more than one value a channel to measure, this tensor is {Shape}");
        int[] extents = [.. Enumerable.Range(2, Rank - 2)];
        return Precisely(x =>
        {
            var mean = x.Mean(extents, true);
            var centred = x - mean;
            var variance = (centred * centred).Mean(extents, true);
            Follow(runningMean, mean, mean.Mean(0), momentum);
            Follow(runningVar, variance, variance.Mean(0) * (n / (n - 1.0)), momentum);
            return Affine(centred * (variance + epsilon).Rsqrt(), x.OfChannels(weight), x.OfChannels(bias));
        });
    }

    /// <summary>running = (1 - momentum) running + momentum measured, computed with the loss that this batch leads to, which is computed from <paramref name="used"/>.</summary>
    static void Follow(Tensor? running, Tensor used, Tensor measured, double momentum)
    {
        if (running is null) return;
        running.Become((running * (1 - momentum) + measured.Reshape(-1).Detach() * momentum).To(running.DType));
        Autograd.Companions.Await(running, used);
    }

    /// <summary>Brought to mean 0 and variance 1 over these dimensions.</summary>
    Tensor Standardized(int[] dims, double epsilon)
    {
        var centred = this - Mean(dims, true);
        return centred * ((centred * centred).Mean(dims, true) + epsilon).Rsqrt();
    }

    static Tensor Affine(Tensor x, Tensor? weight, Tensor? bias)
    {
        if (weight is not null) x *= weight;
        return bias is null ? x : x + bias;
    }

    int[] Rows(Tensor? weight, string operation)
    {
        int rank = weight?.Rank ?? 1;
        if (rank < 1 || rank > Rank || (weight is not null && !Shape.Span[^rank..].SequenceEqual(weight.Shape.Span)))
            throw new ShapeException($"{operation} of {Shape} with a weight of {weight?.Shape ?? Shape.Scalar}: the weight must have the shape of the last dimensions");
        return [.. Enumerable.Range(Rank - rank, rank)];
    }

    void RequireChannels(string operation, params ReadOnlySpan<Tensor?> perChannel)
    {
        foreach (var t in perChannel)
            if (t is not null && !(t.Rank == 1 && t.Shape[0] == Shape[1])) throw new ShapeException($"{operation} of {Shape} needs weights and statistics of ({Shape[1]},), not {t.Shape}");
    }

    /// <summary>(C,) to (C, 1, ..), which broadcasts against this tensor's channels.</summary>
    Tensor? OfChannels(Tensor? t) => t?.Reshape([-1, .. Enumerable.Repeat(1, Rank - 2)]);

    /// <summary>Rows of a table by number: this tensor holds the numbers.</summary>
    /// <param name="weight">(V, D).</param>
    /// <returns>This tensor's shape with D behind it.</returns>
    /// <exception cref="DTypeException">This tensor is not of integers.</exception>
    /// <exception cref="TensorIndexException">When computed: a number is not in 0 to V - 1.</exception>
    public Tensor Embedding(Tensor weight)
    {
        if (!DType.IsInteger) throw new DTypeException($"Embedding looks rows up by integers, this tensor is {DType.Name}");
        if (weight.Rank != 2) throw new ShapeException($"an embedding's weight is (V, D); this one is {weight.Shape}");
        return new(Pick(weight.Node, DType is DType.I32 or DType.I64 ? Node : Build.Cast(Node, DType.I32)));
    }

    /// <summary>In training, zeroes each element with probability p and scales the others by 1 / (1 - p); otherwise changes nothing.</summary>
    /// <exception cref="IngotException">p is not from 0 to 1.</exception>
    public Tensor Dropout(double p = 0.5, bool training = true)
    {
        if (p is not (>= 0 and <= 1)) throw new IngotException($"a dropout probability is from 0 to 1, not {p}");
        if (!training || p == 0) return this;
        if (p == 1) return this * 0;
        return (Rand(Shape.Span) < p).Where(0, this * (1 / (1 - p)));
    }

    /// <summary>softmax(q k^T scale + mask) v, written as it reads; the compiler recognises it.</summary>
    /// <param name="key">(.., S, D), where this tensor, the query, is (.., L, D).</param>
    /// <param name="value">(.., S, E).</param>
    /// <param name="mask">Broadcasts to (.., L, S): of bool, where true takes part; of floats, added to the scores.</param>
    /// <param name="dropoutP">Each weight of the softmax is dropped with this probability, and the others scaled up; whoever calls passes 0 outside of training.</param>
    /// <param name="isCausal">Position i sees positions up to i only; no mask beside it.</param>
    /// <param name="scale">1 / sqrt(D) if not given.</param>
    /// <returns>(.., L, E).</returns>
    /// <exception cref="ShapeException">Shapes that do not fit.</exception>
    public Tensor ScaledDotProductAttention(Tensor key, Tensor value, Tensor? mask = null, double dropoutP = 0, bool isCausal = false, double? scale = null)
    {
        if (Rank < 2 || key.Rank < 2 || value.Rank < 2 || Shape[^1] != key.Shape[^1] || key.Shape[^2] != value.Shape[^2])
            throw new ShapeException($"attention needs a query (.., L, D), a key (.., S, D) and a value (.., S, E); they are {Shape}, {key.Shape} and {value.Shape}");
        if (isCausal && mask is not null) throw new IngotException("attention takes a mask or isCausal, not both; combine them into one mask");
        var scores = Contract(this, key, key) * (scale ?? 1 / Math.Sqrt(Shape[^1])); // (.., L, S)
        if (isCausal)
        {
            int l = Shape[^2], s = key.Shape[^2];
            mask = Arange(l).Reshape(l, 1) >= Arange(s);
        }
        if (mask is not null) scores = mask.DType == DType.Bool ? mask.Where(scores, double.NegativeInfinity) : scores + mask;
        return scores.Softmax(-1).Dropout(dropoutP).Matmul(value);
    }
}
