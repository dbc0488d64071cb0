using Ingot.Graph;

namespace Ingot.Llm.Training;

/// <summary>How much of each domain a batch has at some point of the training.</summary>
/// <param name="progress">From 0 to 1.</param>
/// <returns>Weights by name, not negative; they need not add up to 1, and a domain that is not named gets none.</returns>
public delegate IReadOnlyDictionary<string, double> Mix(double progress);

/// <summary>
/// Batches drawn from several domains in proportions that are a function of progress, so that stages are one continuum. What a step sees is a function of seed and step alone.
/// </summary>
public sealed class Mixture
{
    readonly Mix mix;
    readonly int length;

    /// <param name="sources">The domains.</param>
    /// <param name="mix">Their weights.</param>
    /// <param name="length">T: tokens a sequence.</param>
    /// <exception cref="IngotException">Two domains have one name, or the mix names one that is not there.</exception>
    public Mixture(IReadOnlyList<TokenSource> sources, Mix mix, int length)
    {
        (Sources, this.mix, this.length) = (sources, mix, length);
        if (sources.Select(s => s.Name).Distinct(StringComparer.Ordinal).Count() != sources.Count) throw new IngotException($"two domains have the same name: {string.Join(", ", sources.Select(s => s.Name))}");
        WeightsAt(0);
        WeightsAt(1);
    }

    /// <summary>One domain alone.</summary>
    public Mixture(TokenSource source, int length) : this([source], _ => new Dictionary<string, double> { [source.Name] = 1 }, length) { }

    public IReadOnlyList<TokenSource> Sources { get; }

    /// <summary>T.</summary>
    public int Length => length;

    /// <summary>The part of each domain, in the order of <see cref="Sources"/>; together 1.</summary>
    /// <exception cref="IngotException">A weight is negative or none is positive, or a name is unknown.</exception>
    public double[] WeightsAt(double progress)
    {
        var named = mix(progress);
        if (named.Keys.FirstOrDefault(name => !Sources.Any(s => s.Name == name)) is { } unknown) throw new IngotException($"the mix names a domain '{unknown}' at progress {progress:0.###}; there are {string.Join(", ", Sources.Select(s => s.Name))}");
        double[] weights = [.. Sources.Select(s => named.GetValueOrDefault(s.Name))];
        double sum = weights.Sum();
        if (weights.Any(w => !(w >= 0)) || !(sum > 0) || !double.IsFinite(sum)) throw new IngotException($"the mix at progress {progress:0.###} is {string.Join(", ", named.Select(p => $"{p.Key} {p.Value}"))}; weights must not be negative, and one must be positive");
        return [.. weights.Select(w => w / sum)];
    }

    /// <summary>The rows of one micro-batch.</summary>
    /// <param name="seed">Of the run.</param>
    /// <param name="step">Of the optimizer.</param>
    /// <param name="steps">In all.</param>
    /// <param name="first">Number of the first row within the step.</param>
    /// <param name="rows">B.</param>
    /// <returns>(B, T) each, int32; targets that do not count are <see cref="TokenSource.Ignored"/>.</returns>
    public (Tensor Tokens, Tensor Targets) Batch(ulong seed, int step, int steps, int first, int rows)
    {
        var weights = WeightsAt((double)step / steps);
        var (x, y) = (new int[rows * length], new int[rows * length]);
        for (int r = 0; r < rows; r++)
        {
            // Two draws choose the place, one the domain; the key keeps them apart from the weights' numbers.
            ulong key = seed ^ 0x6d697874757265, at = ((ulong)step << 24 | (uint)(first + r)) * 3;
            double chosen = Threefry.Bits(key, at) * Math.Pow(2, -32);
            int source = 0;
            while (source < weights.Length - 1 && (chosen >= weights[source] || weights[source] == 0)) chosen -= weights[source++];
            while (weights[source] == 0) source--; // rounding has left a crumb at the end
            ulong place = (ulong)Threefry.Bits(key, at + 1) << 32 | Threefry.Bits(key, at + 2);
            Sources[source].Row(place, x.AsSpan(r * length, length), y.AsSpan(r * length, length));
        }
        return (Tensor.From(x, rows, length), Tensor.From(y, rows, length));
    }
}
