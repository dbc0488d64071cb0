namespace Ingot.Bench.Ablations;

/// <summary>What a measured difference says.</summary>
public enum Verdict
{
    /// <summary>Within two standard errors, or too few runs to tell.</summary>
    NoDifference,
    Better,
    Worse,
}

/// <summary>How much something differs from the base, from runs with the same seeds.</summary>
/// <param name="Seeds">That both have.</param>
/// <param name="Mean">Of the differences, as parts of the base's mean: -0.01 is one percent less.</param>
/// <param name="Error">Standard error of it, in the same parts.</param>
/// <param name="Verdict">Less is better.</param>
public sealed record Comparison(int Seeds, double Mean, double Error, Verdict Verdict)
{
    /// <summary>So many standard errors are no chance.</summary>
    public const double Sigmas = 2;

    /// <summary>
    /// Compares each of several things with one base. The same seed means the same initial weights, batches and held-out text as far as shapes allow, so differences are taken seed by seed.
    /// </summary>
    /// <remarks>
    /// Three differences can agree by luck (of two degrees of freedom, two sigma is passed by chance in 18 % of all cases), so no standard error counts as less than the typical one of the whole list. Typical is the median of
    /// the variances, which one that diverged does not move, divided by what the median of such estimates is of the true one: (1 - 2/9k)^3 for k degrees of freedom (Wilson and Hilferty 1931, "The distribution of chi-square").
    /// </remarks>
    /// <param name="base">A figure for each seed.</param>
    /// <param name="others">Theirs.</param>
    /// <returns>In the order of <paramref name="others"/>; null where no seed has both figures.</returns>
    public static IReadOnlyList<Comparison?> Of(IReadOnlyDictionary<ulong, double> @base, IReadOnlyList<IReadOnlyDictionary<ulong, double>> others)
    {
        var differences = others.Select(o => o.Where(p => @base.ContainsKey(p.Key)).OrderBy(p => p.Key).Select(p => p.Value - @base[p.Key]).ToArray()).ToList();
        // The square of a standard deviation for each, made comparable over numbers of seeds.
        double[] variances = [.. differences.Where(d => d.Length > 1).Select(d => Variance(d) / MedianOfEstimates(d.Length - 1)).Order()];
        double typical = variances.Length == 0 ? double.NaN : (variances[(variances.Length - 1) / 2] + variances[variances.Length / 2]) / 2;
        double scale = @base.Count == 0 ? double.NaN : @base.Values.Average();
        return [.. differences.Select(d =>
        {
            if (d.Length == 0) return null;
            double mean = d.Average(), error = d.Length < 2 ? double.NaN : Math.Sqrt(Math.Max(Variance(d), typical) / d.Length);
            var verdict = !(Math.Abs(mean) > Sigmas * error) ? Verdict.NoDifference : mean < 0 ? Verdict.Better : Verdict.Worse;
            return new Comparison(d.Length, mean / scale, error / scale, verdict);
        })];
    }

    /// <summary>Of a sample, unbiased.</summary>
    public static double Variance(IReadOnlyList<double> values)
    {
        if (values.Count < 2) return double.NaN;
        double mean = values.Average();
        return values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1);
    }

    static double MedianOfEstimates(int degrees) => Math.Pow(1 - 2 / (9.0 * degrees), 3);
}
