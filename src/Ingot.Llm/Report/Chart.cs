namespace Ingot.Llm.Report;

/// <summary>A line of a chart.</summary>
/// <param name="Name">In the legend; lines of one name in several panels are one thing.</param>
/// <param name="Color">1 to 6: a colour of the style sheet.</param>
/// <param name="Points">(step, value), by step.</param>
sealed record ChartLine(string Name, int Color, IReadOnlyList<(double X, double Y)> Points);

/// <summary>A stage's stretch of a chart, with an axis of steps of its own.</summary>
/// <param name="Name">Of the stage.</param>
/// <param name="Weight">Width beside the other panels'.</param>
/// <param name="End">Last step, also of those that are to come.</param>
/// <param name="Lines">What it shows.</param>
sealed record ChartPanel(string Name, double Weight, double End, IReadOnlyList<ChartLine> Lines);

/// <summary>What is drawn: panels for the stages side by side, with one axis of values.</summary>
/// <param name="Id">Names the element of the page.</param>
/// <param name="Title">What is shown.</param>
/// <param name="Unit">Of the values.</param>
/// <param name="Panels">The stages, in order.</param>
sealed record Chart(string Id, string Title, string Unit, IReadOnlyList<ChartPanel> Panels)
{
    /// <summary>Values are parts of 1 and shown in percent.</summary>
    public bool IsPart { get; init; }

    /// <summary>The axis begins at 0.</summary>
    public bool FromZero { get; init; }

    /// <summary>Lines are drawn faint, with their moving average over them.</summary>
    public bool IsNoisy { get; init; }

    /// <summary>The first steps, which stand far above all others, may leave the chart at its top.</summary>
    public bool CutsStart { get; init; }

    /// <summary>A level to compare with.</summary>
    public (double Value, string Name)? Reference { get; init; }

    /// <summary>The value that an axis on the right calls 100%.</summary>
    public double? Whole { get; init; }

    /// <summary>Lines by name, with the last value of the last stage that has them.</summary>
    public IEnumerable<(string Name, int Color, double Last)> Legend =>
        Panels.SelectMany(p => p.Lines).Where(l => l.Points.Count > 0).GroupBy(l => l.Name).Select(g => (g.Key, g.First().Color, g.Last().Points[^1].Y));

    public string Show(double value) => IsPart ? Figures.Percent(value) : Figures.Plain(value);
}

/// <summary>Round numbers on an axis.</summary>
static class Ticks
{
    /// <summary>Multiples of 1, 2 or 5 times a power of ten within [low, high]: at most <paramref name="most"/>, two at least where there is room.</summary>
    public static List<double> Between(double low, double high, int most)
    {
        double step = Step(low, high, most);
        var ticks = new List<double>();
        for (double i = Math.Ceiling(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.Add(i * step);
        return ticks;
    }

    public static double Step(double low, double high, int most)
    {
        double rough = Math.Max(high - low, 1e-12) / Math.Max(1, most), power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        foreach (double m in new[] { 1.0, 2, 5, 10 })
            if (Math.Floor(high / (m * power) + 1e-9) - Math.Ceiling(low / (m * power) - 1e-9) + 1 <= most) return m * power;
        return 20 * power;
    }

    /// <summary>A tick's label, with as many digits as its neighbours need.</summary>
    public static string Label(double value, double step)
    {
        var culture = System.Globalization.CultureInfo.InvariantCulture;
        if (Math.Abs(value) < step * 1e-6) return "0";
        if (step >= 500_000) return (value / 1e6).ToString("0.#", culture) + "M";
        if (Math.Abs(value) >= 1000 && step >= 100) return (value / 1e3).ToString("0.#", culture) + "k";
        return value.ToString("F" + Math.Clamp((int)-Math.Floor(Math.Log10(step) + 1e-9), 0, 6), culture);
    }
}
