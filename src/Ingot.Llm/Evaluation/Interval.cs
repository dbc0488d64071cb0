namespace Ingot.Llm.Evaluation;

/// <summary>95% intervals.</summary>
public static class Interval
{
    /// <summary>The normal distribution's quantile for 95%, two-sided.</summary>
    public const double Z = 1.959963984540054;

    /// <summary>
    /// Of a share of n independent items (Wilson 1927): never outside [0, 1], and not empty at 0 or n. For means of values in [0, 1] it is on the safe side, as
    /// their variance is at most that of a share.
    /// </summary>
    /// <param name="sum">Of the values: the number of items that are right.</param>
    /// <param name="n">Items.</param>
    public static (double Low, double High) Wilson(double sum, int n)
    {
        if (n == 0) return (0, 1);
        double p = sum / n, z2 = Z * Z, middle = (p + z2 / (2 * n)) / (1 + z2 / n), half = Z / (1 + z2 / n) * Math.Sqrt(p * (1 - p) / n + z2 / (4.0 * n * n));
        return (sum <= 0 ? 0 : Math.Max(0, middle - half), sum >= n ? 1 : Math.Min(1, middle + half)); // exact at the ends, where rounding leaves a crumb
    }

    /// <summary>Of a mean, by the normal distribution and the sample's deviation.</summary>
    public static (double Mean, double Low, double High) Normal(IReadOnlyList<double> values)
    {
        int n = values.Count;
        if (n == 0) return (0, 0, 0);
        double mean = values.Average(), half = n == 1 ? 0 : Z * Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (n - 1) / n);
        return (mean, mean - half, mean + half);
    }
}

/// <summary>Of several samples for a task, how likely it is that one of k is right.</summary>
public static class PassAtK
{
    /// <summary>1 - C(n - c, k) / C(n, k), without bias (Chen et al. 2021, "Evaluating large language models trained on code").</summary>
    /// <param name="n">Samples.</param>
    /// <param name="correct">c: of them right.</param>
    /// <param name="k">At most n.</param>
    public static double Estimate(int n, int correct, int k)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, n);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(correct, n);
        if (n - correct < k) return 1;
        double allWrong = 1;
        for (int i = n - correct + 1; i <= n; i++) allWrong *= 1 - (double)k / i;
        return 1 - allWrong;
    }
}
