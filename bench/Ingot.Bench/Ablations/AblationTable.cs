using System.Globalization;
using System.Text;

namespace Ingot.Bench.Ablations;

/// <summary>The runs of an ablation: held-out bits per byte by seed, of each domain.</summary>
/// <param name="Ablation">What was tried.</param>
/// <param name="BitsPerByte">By seed, then by domain.</param>
public sealed record AblationRuns(Ablation Ablation, IReadOnlyDictionary<ulong, IReadOnlyDictionary<string, double>> BitsPerByte)
{
    internal IReadOnlyDictionary<ulong, double> Of(string domain) => BitsPerByte.Where(r => r.Value.ContainsKey(domain)).ToDictionary(r => r.Key, r => r.Value[domain]);
}

/// <summary>A Markdown table of ablations beside their base: for every domain the mean over seeds with its standard deviation, the difference in percent with its standard error, and what that says.</summary>
public static class AblationTable
{
    /// <param name="runs">The base first.</param>
    public static string Markdown(IReadOnlyList<AblationRuns> runs)
    {
        string[] domains = [.. runs.SelectMany(r => r.BitsPerByte.Values).SelectMany(d => d.Keys).Distinct()];
        var comparisons = domains.ToDictionary(d => d, d => Comparison.Of(runs[0].Of(d), [.. runs.Skip(1).Select(r => r.Of(d))]));
        var table = new StringBuilder();
        table.Append("| | deviation | seeds |").AppendJoin("", domains.Select(d => $" {d}, bits per byte | difference | |")).Append('\n');
        table.Append("|---|---|---|").AppendJoin("", domains.Select(_ => "---|---|---|")).Append('\n');
        foreach (var (i, run) in runs.Index())
        {
            table.Append(CultureInfo.InvariantCulture, $"| {run.Ablation.Name} | {(run.Ablation.Deviation.Count == 0 ? "" : $"`{string.Join(' ', run.Ablation.Deviation)}`")} | {run.BitsPerByte.Count} |");
            foreach (var domain in domains)
            {
                double[] values = [.. run.Of(domain).Values];
                table.Append(CultureInfo.InvariantCulture, $" {(values.Length == 0 ? "-" : $"{Number(values.Average())}{(values.Length > 1 ? $" ± {Number(Math.Sqrt(Comparison.Variance(values)))}" : "")}")} |");
                table.Append(i == 0 ? " | |" : $" {Difference(comparisons[domain][i - 1])} |");
            }
            table.Append('\n');
        }
        return table.ToString();
    }

    static string Difference(Comparison? c) => c switch
    {
        null => "- | not run",
        { Seeds: 1 } => $"{Percent(c.Mean)} | one seed",
        _ => $"{Percent(c.Mean)} ± {(100 * c.Error).ToString("0.00", CultureInfo.InvariantCulture)} % | {c.Verdict switch { Verdict.Better => "better", Verdict.Worse => "worse", _ => "no difference" }}",
    };

    static string Percent(double part) => (100 * part).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    static string Number(double x) => x.ToString("0.0000", CultureInfo.InvariantCulture);
}
