using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Report;

/// <summary>Plan against outcome, time by stage, memory by kind, overlap of evaluation sets.</summary>
static class PlanTables
{
    public static Markup Html(RunReport report)
    {
        var html = new Markup();
        Predictions(html, report.Outcome);
        html.Add($"<div class=\"columns\">");
        Times(html, report);
        Memory(html, report.Plan);
        Overlaps(html, report.Overlaps);
        return html.Add($"</div>");
    }

    static void Predictions(Markup html, Outcome outcome)
    {
        if (outcome.Predictions.Count == 0) return;
        html.Add($"<section aria-labelledby=\"h-plan\"><h2 id=\"h-plan\">Plan against outcome</h2><div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"h-plan\"><table><thead><tr><th scope=\"col\"></th><th scope=\"col\" class=\"n\">planned</th><th scope=\"col\" class=\"n\">real</th><th scope=\"col\" class=\"n\">difference</th><th scope=\"col\"></th></tr></thead><tbody>");
        foreach (var p in outcome.Predictions)
        {
            html.Add($"<tr><th scope=\"row\">{p.Name} <small>{p.Note}</small></th><td class=\"n\">{p.Show(p.Planned)}</td><td class=\"n\">{p.Show(p.Real)}</td><td class=\"n\">{(p.Difference is { } d ? Figures.Change(d) : "–")}</td><td>");
            if (p.IsMet is { } met) html.Add($"<span class=\"badge {(met ? "met" : "missed")}\">{(met ? "✓ met" : "✗ missed")}</span> <small>within {Figures.Percent(p.Tolerance!.Value, 0)}</small>");
            html.Add($"</td></tr>");
        }
        html.Add($"</tbody></table></div></section>");
    }

    static void Times(Markup html, RunReport report)
    {
        var times = Headline.StageTimes(report);
        if (times.Count == 0) return;
        double most = times.Max(t => Math.Max(t.Planned ?? 0, t.Real ?? 0));
        html.Add($"<section aria-labelledby=\"h-time\"><h2 id=\"h-time\">Time by stage</h2><div class=\"card\"><ul class=\"bars\">");
        foreach (var (name, planned, real) in times)
        {
            html.Add($"<li><span>{name}</span><span class=\"track\"><i style=\"width:{Width(real, most)}\"></i>{(planned is { } p ? new Markup().Add($"<u style=\"left:{Width(p, most)}\"></u>") : new Markup())}</span><span class=\"n\">{(real is { } r ? Figures.Duration(r) : "–")}<small>{(planned is { } s ? $"{Figures.Duration(s)} planned" : "")}</small></span></li>");
        }
        html.Add($"</ul></div></section>");
    }

    static void Memory(Markup html, PlanSummary? plan)
    {
        if (plan?.TrainingBytes is not > 0) return;
        double most = plan.Memory.Where(m => m.Key != "total").Max(m => m.Value);
        html.Add($"<section aria-labelledby=\"h-memory\"><h2 id=\"h-memory\">Planned memory by kind</h2><div class=\"card\"><ul class=\"bars\">");
        foreach (var (name, bytes) in plan.Memory)
            if (name != "total") html.Add($"<li><span>{(name == "kvCache" ? "KV cache" : name)}</span><span class=\"track\"><i style=\"width:{Width(bytes, most)}\"></i></span><span class=\"n\">{Figures.Bytes(bytes)}</span></li>");
        html.Add($"</ul></div></section>");
    }

    static void Overlaps(Markup html, IReadOnlyList<SetOverlap> overlaps)
    {
        if (overlaps.Count == 0) return;
        html.Add($"<section aria-labelledby=\"h-overlap\"><h2 id=\"h-overlap\">Overlap with the training data</h2><div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"h-overlap\"><table><thead><tr><th scope=\"col\">set</th><th scope=\"col\" class=\"n\">items</th><th scope=\"col\" class=\"n\">found</th><th scope=\"col\" class=\"n\">words in a row</th></tr></thead><tbody>");
        foreach (var o in overlaps)
            html.Add($"<tr><th scope=\"row\">{o.Set}</th><td class=\"n\">{Figures.Count(o.Items)}</td><td class=\"n{(o.Overlapping > 0 ? " worse" : "")}\">{Figures.Count(o.Overlapping)}</td><td class=\"n\">{o.Length}</td></tr>");
        html.Add($"</tbody></table></div></section>");
    }

    static string Width(double? value, double most) => Figures.Place(most > 0 ? 100 * (value ?? 0) / most : 0) + "%";
}
