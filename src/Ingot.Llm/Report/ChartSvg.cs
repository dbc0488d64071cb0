using System.Text;
using System.Text.Json;

namespace Ingot.Llm.Report;

/// <summary>Draws a chart as SVG. Colours and text sizes are the style sheet's; beside it stand the numbers that the page's script shows under the pointer.</summary>
static class ChartSvg
{
    internal const double Width = 560, Height = 290;
    const double Top = 30, Bottom = 38, Left = 52, Right = 14, RightWithAxis = 48, Gap = 12;

    /// <summary>Points a line at most: more are averaged, as no screen shows them.</summary>
    const int MostPoints = 400;

    public static string Draw(Chart chart)
    {
        var svg = new StringBuilder();
        var (low, high) = Range(chart);
        double bottom = Height - Bottom, right = Width - (chart.Whole is null ? Right : RightWithAxis);
        double Y(double v) => bottom - (v - low) / (high - low) * (bottom - Top);

        svg.Append($"<svg viewBox=\"0 0 {P(Width)} {P(Height)}\" role=\"img\" tabindex=\"0\" aria-label=\"{Markup.Escape(Describe(chart))}\">");
        svg.Append($"<clipPath id=\"clip-{Markup.Escape(chart.Id)}\"><rect x=\"0\" y=\"{P(Top - 4)}\" width=\"{P(Width)}\" height=\"{P(bottom - Top + 8)}\"/></clipPath>");
        var widths = Widths(chart.Panels, right - Left - Gap * (chart.Panels.Count - 1));
        List<double> lefts = [.. widths.Select((_, i) => Left + widths.Take(i).Sum() + Gap * i)];
        for (int i = 0; i < widths.Count; i++) svg.Append($"<rect class=\"panel\" x=\"{P(lefts[i])}\" y=\"{P(Top)}\" width=\"{P(widths[i])}\" height=\"{P(bottom - Top)}\"/>");
        double step = Ticks.Step(low, high, 6);
        foreach (double t in Ticks.Between(low, high, 6))
        {
            svg.Append($"<line class=\"grid\" x1=\"{P(Left)}\" x2=\"{P(right)}\" y1=\"{P(Y(t))}\" y2=\"{P(Y(t))}\"/>");
            svg.Append($"<text class=\"y\" x=\"{P(Left - 8)}\" y=\"{P(Y(t) + 4)}\">{(chart.IsPart ? Figures.Percent(t, step < 0.0099 ? 1 : 0) : Ticks.Label(t, step))}</text>");
        }
        if (chart.Whole is { } whole)
            foreach (double t in Ticks.Between(low / whole, high / whole, 6))
                svg.Append($"<text class=\"y2\" x=\"{P(right + 8)}\" y=\"{P(Y(t * whole) + 4)}\">{Figures.Percent(t, Ticks.Step(low / whole, high / whole, 6) < 0.0099 ? 1 : 0)}</text>");
        if (chart.Reference is { } reference)
        {
            svg.Append($"<line class=\"reference\" x1=\"{P(Left)}\" x2=\"{P(right)}\" y1=\"{P(Y(reference.Value))}\" y2=\"{P(Y(reference.Value))}\"/>");
            svg.Append($"<text class=\"reference\" x=\"{P(right - 4)}\" y=\"{P(Y(reference.Value) - 5)}\">{Markup.Escape(reference.Name)}</text>");
        }

        var shown = new List<object>();
        for (int i = 0; i < chart.Panels.Count; i++) shown.Add(DrawPanel(svg, chart, chart.Panels[i], lefts[i], widths[i], Y));
        svg.Append($"<text class=\"axis\" x=\"{P(right)}\" y=\"{P(Height - 4)}\">step</text><line class=\"cross\" hidden/></svg>");
        // The serializer writes < as an escape, so that no text in it can end the element.
        return $"{svg}<script type=\"application/json\">{JsonSerializer.Serialize(new { part = chart.IsPart, unit = chart.Unit, panels = shown }, JsonSerializerOptions.Web)}</script>";
    }

    static object DrawPanel(StringBuilder svg, Chart chart, ChartPanel panel, double left, double width, Func<double, double> y)
    {
        double bottom = Height - Bottom, end = Math.Max(panel.End, 1);
        double X(double step) => left + step / end * width;
        svg.Append($"<text class=\"stage\" x=\"{P(left + width / 2)}\" y=\"{P(Top - 10)}\">{Markup.Escape(panel.Name)}</text>");
        int most = Math.Clamp((int)(width / 62), 1, 6);
        double step = Ticks.Step(0, end, most + 1);
        foreach (double t in Ticks.Between(0, end, most + 1))
            // A narrow panel's zero would stand on its neighbour's last label.
            if (t > 0 || width > 90) svg.Append($"<text class=\"x\" x=\"{P(X(t))}\" y=\"{P(bottom + 17)}\">{Ticks.Label(t, step)}</text>");

        var lines = panel.Lines.Select(l => l with { Points = Thinned(l.Points) }).ToList();
        svg.Append($"<g clip-path=\"url(#clip-{Markup.Escape(chart.Id)})\">");
        foreach (var line in lines)
        {
            if (line.Points.Count == 0) continue;
            bool isNoisy = chart.IsNoisy && line.Points.Count > 12;
            if (isNoisy) Path(svg, $"raw s{line.Color}", line.Points);
            var smooth = isNoisy ? Smoothed(line.Points) : line.Points;
            Path(svg, $"line s{line.Color}", smooth);
            svg.Append($"<circle class=\"dot s{line.Color}\" cx=\"{P(X(smooth[^1].X))}\" cy=\"{P(y(smooth[^1].Y))}\" r=\"3\"/>");
        }
        svg.Append("</g>");

        List<double> steps = [.. lines.SelectMany(l => l.Points).Select(p => p.X).Distinct().Order()];
        return new
        {
            name = panel.Name,
            left = Round(left),
            right = Round(left + width),
            end,
            steps = steps.Select(s => Math.Round(s, 1)),
            lines = lines.Select(l =>
            {
                var at = l.Points.ToDictionary(p => p.X, p => p.Y);
                return new { name = l.Name, values = steps.Select(s => at.TryGetValue(s, out double v) ? Digits(v) : (double?)null) };
            }),
        };

        void Path(StringBuilder svg, string @class, IReadOnlyList<(double X, double Y)> points) =>
            svg.Append($"<polyline class=\"{@class}\" points=\"{string.Join(' ', points.Select(p => $"{P(X(p.X))},{P(y(p.Y))}"))}\"/>");
    }

    /// <summary>By weight, none below a share at which its labels can be read.</summary>
    static List<double> Widths(IReadOnlyList<ChartPanel> panels, double width)
    {
        double total = panels.Sum(p => p.Weight), least = Math.Min(0.18, 1.0 / Math.Max(1, panels.Count));
        List<double> shares = [.. panels.Select(p => Math.Max(total > 0 ? p.Weight / total : 1, least))];
        // What the small ones got is taken from those that have more than the least.
        double extra = shares.Sum() - 1, spare = shares.Sum(s => s - least);
        return [.. shares.Select(s => (spare > 0 ? s - extra * (s - least) / spare : s / shares.Sum()) * width)];
    }

    static (double Low, double High) Range(Chart chart)
    {
        List<double> values = [.. chart.Panels.SelectMany(p => p.Lines).SelectMany(l => l.Points).Select(p => p.Y)];
        if (values.Count == 0) return (0, 1);
        double low = values.Min(), high = values.Max();
        if (chart.CutsStart && values.Count >= 20)
        {
            double most = values.Order().ElementAt((int)(values.Count * 0.95));
            if (high - low > 1.3 * (most - low)) high = low + 1.15 * (most - low);
        }
        if (chart.Reference is { } r) (low, high) = (Math.Min(low, r.Value), Math.Max(high, r.Value));
        if (chart.FromZero) low = Math.Min(low, 0);
        double margin = high > low ? (high - low) * 0.06 : Math.Max(Math.Abs(high) * 0.1, 1e-6);
        high += margin;
        if (!(chart.FromZero && low == 0)) low -= margin;
        if (chart.IsPart) (low, high) = (Math.Max(low, 0), Math.Max(Math.Min(high, 1), low + 0.01));
        return (low, high);
    }

    static List<(double X, double Y)> Thinned(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count <= MostPoints) return [.. points];
        int each = (points.Count + MostPoints - 1) / MostPoints;
        // A stretch of points becomes their mean, at the step of its last one.
        return [.. points.Chunk(each).Select(c => (c[^1].X, c.Average(p => p.Y)))];
    }

    /// <summary>The mean of a window around each point that is a twelfth of the line wide; smaller at the ends, so that it leans to neither side.</summary>
    static List<(double X, double Y)> Smoothed(IReadOnlyList<(double X, double Y)> points)
    {
        int half = Math.Max(1, points.Count / 24);
        var sums = new double[points.Count + 1];
        for (int i = 0; i < points.Count; i++) sums[i + 1] = sums[i] + points[i].Y;
        return [.. points.Select((p, i) =>
        {
            int reach = Math.Min(half, Math.Min(i, points.Count - 1 - i));
            return (p.X, (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1));
        })];
    }

    /// <summary>The chart in words, for those who do not see it.</summary>
    static string Describe(Chart chart)
    {
        var parts = chart.Panels.SelectMany(p => p.Lines.Where(l => l.Points.Count > 0).Select(l =>
            $"{p.Name}{(l.Name == chart.Title ? "" : $", {l.Name}")}: from {chart.Show(l.Points[0].Y)} at step {l.Points[0].X:N0} to {chart.Show(l.Points[^1].Y)} at step {l.Points[^1].X:N0}"));
        return $"{chart.Title} in {chart.Unit} by step. {string.Join("; ", parts)}.";
    }

    /// <summary>Four significant digits: what is shown.</summary>
    static double Digits(double v) => v == 0 ? 0 : Math.Round(v, Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(v))), 0, 12));

    static double Round(double v) => Math.Round(v, 1);

    static string P(double v) => Figures.Place(v);
}
