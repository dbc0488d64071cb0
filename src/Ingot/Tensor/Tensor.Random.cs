using Ingot.Graph;
using Ingot.Schedule;

namespace Ingot;

/// <summary>Where the random numbers are: a seed, and how many have been handed out. Saved with a checkpoint, it continues a run bit for bit.</summary>
public readonly record struct RandomState(ulong Seed, ulong Counter);

/// <summary>
/// Random tensors, from a counter-based generator: every call takes the next stretch of one stream, so values depend on
/// the seed and the order of calls alone, never on threads or kernels.
/// </summary>
public sealed partial class Tensor
{
    static readonly Lock RandomGate = new();
    static RandomState randomState;

    /// <summary>Starts the stream of random numbers anew.</summary>
    public static void ManualSeed(ulong seed) => RandomState = new(seed, 0);

    /// <summary>The generator's state, to be saved and restored.</summary>
    public static RandomState RandomState
    {
        get { lock (RandomGate) return randomState; }
        set
        {
            Capture.Refuse("setting the random state", null);
            lock (RandomGate) randomState = value;
        }
    }

    /// <summary>Takes the next n numbers of the stream without making a tensor of them; returns where they begin.</summary>
    internal static RandomState TakeRandom(ulong n)
    {
        lock (RandomGate)
        {
            var start = randomState;
            randomState = start with { Counter = start.Counter + n };
            return start;
        }
    }

    /// <summary>Gives back the last numbers taken, if nobody has taken more or chosen another seed since.</summary>
    internal static void ReturnRandom(RandomState start, ulong n)
    {
        lock (RandomGate)
            if (randomState == start with { Counter = start.Counter + n }) randomState = start;
    }

    /// <summary>The next n random u32.</summary>
    static Tensor Bits(long n)
    {
        var start = TakeRandom((ulong)n);
        Capture.Current?.Drawn(start, (ulong)n);
        return new(Build.Random(checked((int)n), start.Seed, start.Counter));
    }

    /// <summary>Uniform in [0, 1), with as many random bits as the dtype has digits, so that 1 is never reached.</summary>
    public static Tensor Rand(ReadOnlySpan<int> shape, DType dtype = DType.F32)
    {
        var s = new Shape(shape);
        if (!dtype.IsFloat) throw new DTypeException($"Rand needs a floating dtype, not {dtype.Name}; RandInt makes integers");
        if (dtype == DType.F64)
        {
            var (high, low) = (Bits(s.Count) >> 5, Bits(s.Count) >> 6); // 27 and 26 bits
            return ((high.To(DType.F64) * Math.ScaleB(1, 26) + low.To(DType.F64)) * Math.ScaleB(1, -53)).Reshape(shape);
        }
        int digits = dtype switch { DType.F32 => 24, DType.F16 => 11, _ => 8 };
        return ((Bits(s.Count) >> (32 - digits)).To(DType.I32).To(DType.F32) * Math.ScaleB(1, -digits)).To(dtype).Reshape(shape);
    }

    public static Tensor Rand(params ReadOnlySpan<int> shape) => Rand(shape, DType.F32);

    /// <summary>Normal with mean 0 and variance 1.</summary>
    // Box and Muller: the radius from one uniform number, the angle from another; 1 - u is never 0.
    public static Tensor Randn(ReadOnlySpan<int> shape, DType dtype = DType.F32)
    {
        if (!dtype.IsFloat) throw new DTypeException($"Randn needs a floating dtype, not {dtype.Name}");
        var radius = ((1 - Rand(shape, dtype.ComputeType)).Log() * -2).Sqrt();
        return (radius * (Rand(shape, dtype.ComputeType) * (2 * Math.PI)).Sin()).To(dtype);
    }

    public static Tensor Randn(params ReadOnlySpan<int> shape) => Randn(shape, DType.F32);

    /// <summary>Integers from low to high - 1, all equally likely (to within 2^-32); int64 unless a dtype is given.</summary>
    /// <exception cref="TensorIndexException">The interval is empty or wider than 2^31.</exception>
    public static Tensor RandInt(long low, long high, ReadOnlySpan<int> shape, DType dtype = DType.I64)
    {
        if (high <= low || high - low > 1L << 31) throw new TensorIndexException($"RandInt from {low} to {high}: the interval must hold 1 to 2^31 integers");
        return (((Bits(new Shape(shape).Count).To(DType.I64) * (high - low)) >> 32) + low).To(dtype).Reshape(shape);
    }

    /// <summary>Uniform in [low, high).</summary>
    public static Tensor Uniform(ReadOnlySpan<int> shape, double low = 0, double high = 1, DType dtype = DType.F32) =>
        (Rand(shape, dtype.ComputeType) * (high - low) + low).To(dtype);

    /// <summary>Normal with this mean and standard deviation.</summary>
    public static Tensor Normal(ReadOnlySpan<int> shape, double mean = 0, double std = 1, DType dtype = DType.F32) =>
        (Randn(shape, dtype.ComputeType) * std + mean).To(dtype);

    /// <summary>Uniform weights that keep the variance of what passes a leaky ReLU (He et al. 2015): bound sqrt(6 / ((1 + slope^2) * inputs)).</summary>
    /// <param name="shape">(outputs, inputs, ...): a linear or convolutional weight.</param>
    /// <param name="slope">Negative slope of the activation; sqrt(5) gives PyTorch's default for its layers.</param>
    /// <param name="dtype">Element type.</param>
    public static Tensor KaimingUniform(ReadOnlySpan<int> shape, double slope = 0, DType dtype = DType.F32)
    {
        double bound = Math.Sqrt(6 / ((1 + slope * slope) * Fans(shape, nameof(KaimingUniform)).In));
        return Uniform(shape, -bound, bound, dtype);
    }

    /// <summary>Uniform weights that keep the variance in both directions (Glorot and Bengio 2010, also Xavier): bound gain * sqrt(6 / (inputs + outputs)).</summary>
    /// <param name="shape">(outputs, inputs, ...): a linear or convolutional weight.</param>
    /// <param name="gain">Factor for the activation that follows.</param>
    /// <param name="dtype">Element type.</param>
    public static Tensor GlorotUniform(ReadOnlySpan<int> shape, double gain = 1, DType dtype = DType.F32)
    {
        var (inputs, outputs) = Fans(shape, nameof(GlorotUniform));
        double bound = gain * Math.Sqrt(6 / (inputs + outputs));
        return Uniform(shape, -bound, bound, dtype);
    }

    static (double In, double Out) Fans(ReadOnlySpan<int> shape, string operation)
    {
        if (shape.Length < 2) throw new ShapeException($"{operation} needs a weight of shape (outputs, inputs, ...), not {new Shape(shape)}");
        double field = new Shape(shape[2..]).Count;
        return (shape[1] * field, shape[0] * field);
    }

    /// <summary>The integers 0 to n - 1 in random order; int64 unless a dtype is given.</summary>
    public static Tensor RandPerm(int n, DType dtype = DType.I64)
    {
        var keys = (Bits(n).To(DType.I64) << 31) ^ Bits(n).To(DType.I64); // 63 bits: ties would favour an order
        return keys.ArgSort().To(dtype);
    }

    /// <summary>Indices (int64) drawn with these weights.</summary>
    /// <param name="samples">How many of each row.</param>
    /// <param name="replacement">May an index be drawn again?</param>
    /// <returns>(samples) for weights (C), (N, samples) for (N, C). Weights are not negative and need not sum to 1.</returns>
    /// <exception cref="ShapeException">Neither one nor two dimensions, or more samples than weights without replacement.</exception>
    public Tensor Multinomial(int samples, bool replacement = false)
    {
        if (Rank is not (1 or 2)) throw new ShapeException($"Multinomial needs weights (C) or (N, C), not {Shape}");
        if (!replacement && samples > Shape[-1]) throw new ShapeException($"Multinomial cannot draw {samples} of {Shape[-1]} without replacement");
        var weights = To(DType.F64).WithoutGradient();
        if (!replacement)
        {
            // A race: the time until an index with rate w comes is exponential, and the first to come are the sample.
            var time = -(1 - Rand(Shape, DType.F64)).Log();
            return (weights / time.Maximum(1e-300)).TopK(samples).Indices;
        }
        var sums = weights.CumSum(-1); // (N, C)
        int[] drawn = [.. Shape.Span[..^1], samples, 1];
        var target = Rand(drawn, DType.F64) * sums.Narrow(-1, Shape[-1] - 1, 1).Unsqueeze(-2); // (N, samples, 1), below the total
        return (sums.Unsqueeze(-2) <= target).Sum(-1);
    }
}
