using System.Globalization;

namespace Ingot.Bench;

/// <summary>
/// The tables of docs/PERFORMANCE.md. A row that begins with a benchmark's name is its line: name, Ingot's figure, unit, fraction of the peak, the peer's
/// figure in the same unit, the ratio of the two, and whatever follows. A figure that is not there yet is a dash.
/// </summary>
public sealed class PerformancePage
{
    /// <summary>
    /// How far a fraction of the peak may be from the page's, either way, as a part of it: on a shared machine with what the probes do not see. A change that matters is larger.
    /// </summary>
    public const double Tolerance = 0.25;

    const int Name = 1, Value = 2, Unit = 3, Fraction = 4, Peer = 5, Ratio = 6;

    readonly string path;
    readonly string[] lines;
    readonly Dictionary<string, int> rows = []; // name -> line

    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="FormatException">Two rows have one name.</exception>
    public PerformancePage(string path)
    {
        this.path = path;
        lines = File.ReadAllLines(path);
        var names = Catalogue.All.Select(b => b.Name).ToHashSet();
        foreach (var (i, line) in lines.Index())
            if (Cells(line) is { Length: > Ratio } cells && names.Contains(cells[Name]) && !rows.TryAdd(cells[Name], i))
                throw new FormatException($"{path}, line {i + 1}: there is a row of {cells[Name]} already, in line {rows[cells[Name]] + 1}");
    }

    /// <summary>The benchmarks that have a row, in its order.</summary>
    public IReadOnlyCollection<string> Names => rows.Keys;

    /// <summary>The page's fraction of the peak; null where it has none.</summary>
    public double? FractionOf(string name) => Number(Cells(lines[rows[name]])![Fraction]);

    /// <summary>Writes a figure into its row, with the ratio to the peer's.</summary>
    /// <returns>There is such a row.</returns>
    public bool Fill(Figure figure)
    {
        if (!rows.TryGetValue(figure.Name, out int i)) return false;
        var cells = Cells(lines[i])!;
        cells[Value] = Digits(figure.Value);
        cells[Unit] = figure.Unit;
        cells[Fraction] = figure.PeakFraction is { } f ? f.ToString("F2", CultureInfo.InvariantCulture) : "-";
        if (Number(cells[Peer]) is { } peer) cells[Ratio] = (IsTime(figure.Unit) ? peer / figure.Value : figure.Value / peer).ToString("F2", CultureInfo.InvariantCulture);
        lines[i] = string.Join(" | ", cells).Trim();
        return true;
    }

    public void Save() => File.WriteAllLines(path, lines);

    /// <summary>What is wrong with the page, in a sentence for each row of a cheap benchmark whose fraction of the peak is not what it says; each is measured up to three times.</summary>
    /// <param name="measure">Runs a benchmark.</param>
    /// <param name="report">Called with each row's outcome.</param>
    public IReadOnlyList<string> Check(Func<Benchmark, Figure> measure, Action<string> report)
    {
        var wrong = new List<string>();
        foreach (var benchmark in Catalogue.All.Where(b => b.IsCheap && rows.ContainsKey(b.Name)))
        {
            if (FractionOf(benchmark.Name) is not { } stated) continue;
            double nearest = double.NaN;
            for (int attempt = 0; attempt < 3 && !IsNear(nearest, stated); attempt++)
                if (measure(benchmark).PeakFraction is { } f && !(Math.Abs(f - stated) > Math.Abs(nearest - stated))) nearest = f;
            string outcome = $"{benchmark.Name}: {nearest:F2} of the peak, {path} says {stated:F2}";
            report(outcome);
            if (!IsNear(nearest, stated)) wrong.Add(outcome);
        }
        return wrong;
    }

    static bool IsNear(double measured, double stated) => Math.Abs(measured / stated - 1) <= Tolerance;

    static bool IsTime(string unit) => unit is "s" or "ms" or "us";

    /// <summary>A table row's cells, the first and last empty; null for other lines.</summary>
    static string[]? Cells(string line) => line.StartsWith('|') ? [.. line.Split('|').Select(c => c.Trim())] : null;

    static double? Number(string cell) => double.TryParse(cell, NumberStyles.Float | NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out double x) ? x : null;

    static string Digits(double x) => x switch
    {
        >= 100 => x.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 => x.ToString("F1", CultureInfo.InvariantCulture),
        _ => x.ToString("F2", CultureInfo.InvariantCulture),
    };
}
