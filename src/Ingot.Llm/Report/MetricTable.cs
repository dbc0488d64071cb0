using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Report;

/// <summary>A metric of one stage as the table shows it.</summary>
/// <param name="Metric">The score.</param>
/// <param name="IsBest">No stage has a better one.</param>
/// <param name="IsWorse">Significantly worse than in the stage before.</param>
/// <param name="IsBetter">Significantly better than in the stage before.</param>
sealed record MetricCell(Metric Metric, bool IsBest, bool IsWorse, bool IsBetter);

/// <summary>A metric over the stages.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="IsPart">Values are parts of 1 and shown in percent.</param>
/// <param name="LowerIsBetter">By its name: the file does not say.</param>
/// <param name="Baseline">Of the last stage that has one.</param>
/// <param name="Cells">By stage; a stage without it is absent.</param>
sealed record MetricRow(string Name, bool IsPart, bool LowerIsBetter, double? Baseline, IReadOnlyDictionary<string, MetricCell> Cells)
{
    public string Show(double value) => IsPart ? Figures.Percent(value) : Figures.Plain(value);
}

/// <summary>All metrics, a row each, the stages side by side.</summary>
sealed record MetricTable(IReadOnlyList<string> Stages, IReadOnlyList<MetricRow> Rows)
{
    /// <summary>Words of a name that say its value is no part of a whole.</summary>
    static readonly string[] units = ["bits", "nats", "loss", "perplexity", "seconds", "milliseconds", "tokens/s", "entropy", "words per", "length", "distinct answers"];

    /// <summary>Words of a name that say less of it is better.</summary>
    static readonly string[] costs = ["bits per byte", "bits a byte", "loss", "perplexity", "copied", "copies", "copy of", "words in a row from", "memoris", "memoriz", "overlap", "known -> \"i don't know\"", "answered \"i don't know\"", "refused", "refusal", "error", "forgotten", "seconds"];

    public static MetricTable Of(IReadOnlyList<Metric> metrics)
    {
        List<string> stages = [.. metrics.Select(m => m.Stage).Distinct().OrderBy(StageLog.Rank).ThenBy(s => s, StringComparer.Ordinal)];
        return new(stages, [.. metrics.GroupBy(m => m.Name).Select(g => Row(g.Key, [.. g.OrderBy(m => StageLog.Rank(m.Stage)).ThenBy(m => m.Stage, StringComparer.Ordinal)]))]);
    }

    static MetricRow Row(string name, IReadOnlyList<Metric> byStage)
    {
        bool isPart = !Has(name, units) && byStage.All(m => m.Value is >= 0 and <= 1 && m.Low >= 0 && m.High <= 1), lower = IsCost(name);
        List<double> values = [.. byStage.Where(m => m.Stage != "random").Select(m => m.Value)];
        double? best = values.Count < 2 ? null : lower ? values.Min() : values.Max();
        var cells = new Dictionary<string, MetricCell>();
        for (int i = 0; i < byStage.Count; i++)
        {
            // The random start is a control, not a stage: that it copies nothing makes no stage after it worse.
            double z = i == 0 || byStage[i - 1].Stage == "random" ? 0 : Difference(byStage[i - 1], byStage[i]) * (lower ? -1 : 1);
            cells[byStage[i].Stage] = new(byStage[i], byStage[i].Value == best && byStage[i].Stage != "random", z < 0, z > 0);
        }
        return new(name, isPart, lower, byStage.Select(m => m.Baseline).LastOrDefault(b => b is not null), cells);
    }

    static bool IsCost(string name) => Has(name, costs) || name.Contains("known", StringComparison.OrdinalIgnoreCase) && !name.Contains("unknown", StringComparison.OrdinalIgnoreCase) && Has(name, ["don't know", "do not know"]);

    static bool Has(string name, string[] words) => words.Any(w => name.Contains(w, StringComparison.OrdinalIgnoreCase));

    /// <summary>1 or -1 if the second is significantly greater or smaller (95%), else 0: the interval of the difference, made of the two intervals, is all on one side of 0.</summary>
    /// <remarks>Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10.</remarks>
    internal static int Difference(Metric a, Metric b)
    {
        double d = b.Value - a.Value;
        double low = d - Distance(b.Value - b.Low, a.High - a.Value), high = d + Distance(b.High - b.Value, a.Value - a.Low);
        return low > 0 ? 1 : high < 0 ? -1 : 0;
    }

    /// <summary>Whether a score is above what its baseline gets, beyond chance; null without a baseline.</summary>
    internal static bool? BeatsBaseline(MetricRow row, Metric m) => m.Baseline is not { } b ? null : row.LowerIsBetter ? m.High < b : m.Low > b;

    static double Distance(double x, double y) => Math.Sqrt(x * x + y * y);
}
