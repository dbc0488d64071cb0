namespace Ingot.Llm.Report;

/// <summary>The table of every metric by stage.</summary>
static class ScoreTable
{
    public static Markup Html(RunReport report)
    {
        var (html, table) = (new Markup(), report.Table);
        if (table.Rows.Count == 0) return html;
        html.Add($"<section aria-labelledby=\"h-scores\"><h2 id=\"h-scores\">Scores by stage</h2><p class=\"lead\">Each with its 95% interval; <b class=\"best\">the best</b> of its row is bold. <span class=\"up\">▲</span> <span class=\"down\">▼</span>: significantly better or worse than the stage before. In the bar: the interval, and the baseline as a tick.</p>");
        html.Add($"<div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"h-scores\"><table class=\"scores\"><thead><tr><th scope=\"col\">measure</th><th scope=\"col\" class=\"n\">n</th><th scope=\"col\" class=\"n\">baseline</th>");
        foreach (var stage in table.Stages) html.Add($"<th scope=\"col\" class=\"n\">{stage}</th>");
        html.Add($"</tr></thead><tbody>");
        foreach (var row in table.Rows)
        {
            html.Add($"<tr><th scope=\"row\">{row.Name}{(row.LowerIsBetter ? new Markup().Add($" <small>less is better</small>") : new Markup())}</th><td class=\"n quiet\">{row.Cells.Values.Max(c => c.Metric.N).ToString("N0", System.Globalization.CultureInfo.InvariantCulture)}</td><td class=\"n quiet\">{(row.Baseline is { } b ? row.Show(b) : "–")}</td>");
            foreach (var stage in table.Stages)
            {
                if (row.Cells.TryGetValue(stage, out var cell)) Cell(html, row, cell);
                else html.Add($"<td class=\"n quiet\">–</td>");
            }
            html.Add($"</tr>");
        }
        return html.Add($"</tbody></table></div></section>");
    }

    static void Cell(Markup html, MetricRow row, MetricCell cell)
    {
        var m = cell.Metric;
        html.Add($"<td class=\"n{(cell.IsBest ? " best" : "")}{(cell.IsWorse ? " worse" : "")}\">");
        if (cell.IsBetter) html.Add($"<span class=\"up\" title=\"significantly better than the stage before\" aria-label=\"better than before\">▲</span> ");
        if (cell.IsWorse) html.Add($"<span class=\"down\" title=\"significantly worse than the stage before\" aria-label=\"worse than before\">▼</span> ");
        html.Add($"<span class=\"value\">{row.Show(m.Value)}</span><small>{row.Show(m.Low)} to {row.Show(m.High)}</small>");
        if (row.IsPart)
        {
            html.Add($"<span class=\"interval\" aria-hidden=\"true\"><i style=\"left:{Percent(m.Low)};width:{Percent(m.High - m.Low)}\"></i><b style=\"left:{Percent(m.Value)}\"></b>");
            if (m.Baseline is { } baseline) html.Add($"<u style=\"left:{Percent(baseline)}\"></u>");
            html.Add($"</span>");
        }
        html.Add($"</td>");
    }

    static string Percent(double part) => Figures.Place(Math.Clamp(part, 0, 1) * 100) + "%";
}
