using System.Text;

namespace Ingot.Llm.Report;

/// <summary>report.md: the report as text.</summary>
static class MarkdownReport
{
    public static string Text(RunReport report)
    {
        var (text, outcome, table) = (new StringBuilder(), report.Outcome, report.Table);
        text.Append($"# {Escape(Headline.Title(report))}\n\n{Escape(Headline.Subtitle(report))}\n\n");
        foreach (var (name, value, note) in Headline.Tiles(report)) text.Append($"- **{Escape(name)}**: {Escape(value)}{(note.Length > 0 ? $" ({Escape(note)})" : "")}\n");
        if (report.Warnings.Count > 0) text.Append("\n## Warnings\n\n").AppendJoin("", report.Warnings.Select(w => $"- {Escape(w)}\n"));
        if (table.Rows.Count > 0)
        {
            text.Append($"\n## Scores\n\n95% intervals in brackets; **best** of the stages; ▲ ▼ significantly better or worse than the stage before.\n\n| measure | n | baseline | {string.Join(" | ", table.Stages.Select(Escape))} |\n|---|---:|---:|{string.Concat(table.Stages.Select(_ => "---:|"))}\n");
            foreach (var row in table.Rows)
                text.Append($"| {Escape(row.Name)} | {row.Cells.Values.Max(c => c.Metric.N):N0} | {(row.Baseline is { } b ? row.Show(b) : "")} | {string.Join(" | ", table.Stages.Select(s => row.Cells.TryGetValue(s, out var cell) ? Cell(row, cell) : ""))} |\n");
        }
        if (outcome.Predictions.Count > 0)
        {
            text.Append("\n## Plan against outcome\n\n| | planned | real | difference | |\n|---|---:|---:|---:|---|\n");
            foreach (var p in outcome.Predictions)
                text.Append($"| {p.Name} | {p.Show(p.Planned)} | {p.Show(p.Real)} | {(p.Difference is { } d ? Figures.Change(d) : "")} | {(p.IsMet is { } met ? met ? "met" : "missed" : "")} |\n");
        }
        var times = Headline.StageTimes(report);
        if (times.Count > 0)
        {
            text.Append("\n## Time by stage\n\n| stage | planned | real |\n|---|---:|---:|\n");
            foreach (var (name, planned, real) in times) text.Append($"| {Escape(name)} | {(planned is { } p ? Figures.Duration(p) : "")} | {(real is { } r ? Figures.Duration(r) : "")} |\n");
        }
        Samples(text, report);
        if (report.Overlaps.Count > 0)
        {
            text.Append("\n## Evaluation sets in the training data\n\n| set | items | found |\n|---|---:|---:|\n");
            foreach (var o in report.Overlaps) text.Append($"| {Escape(o.Set)} | {o.Items:N0} | {o.Overlapping:N0} ({o.Length} words in a row) |\n");
        }
        text.Append("\n## How it was made\n\n");
        foreach (var (name, value) in Headline.Facts(report)) text.Append($"- {name}: {Code(value)}\n");
        return text.ToString();
    }

    static string Cell(MetricRow row, MetricCell cell)
    {
        string value = row.Show(cell.Metric.Value);
        return $"{(cell.IsBest ? $"**{value}**" : value)}{(cell.IsBetter ? " ▲" : cell.IsWorse ? " ▼" : "")} [{row.Show(cell.Metric.Low)}, {row.Show(cell.Metric.High)}]";
    }

    static void Samples(StringBuilder text, RunReport report)
    {
        var prompts = SampleSheet.Of(report.Samples);
        if (prompts.Count == 0) return;
        text.Append("\n## Samples\n");
        foreach (var p in prompts)
        {
            text.Append($"\n**{Escape(p.Prompt)}**\n\n");
            foreach (var s in p.ByStage) text.Append($"- {Escape(s.Stage)}: {Escape(s.Text)}\n");
        }
    }

    /// <summary>Text that no reader of Markdown takes for markup: on one line, with what has a meaning escaped.</summary>
    internal static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char c in text.ReplaceLineEndings(" "))
            if (c == '<') escaped.Append("&lt;");
            else if (c == '>') escaped.Append("&gt;");
            else if (c == '&') escaped.Append("&amp;");
            else escaped.Append("\\`*_[]|#~".Contains(c, StringComparison.Ordinal) ? "\\" : "").Append(char.IsControl(c) ? ' ' : c);
        return escaped.ToString();
    }

    /// <summary>A span of code, whose fence is longer than any run of backticks in it.</summary>
    static string Code(string text)
    {
        text = text.ReplaceLineEndings(" ");
        string fence = "`";
        while (text.Contains(fence, StringComparison.Ordinal)) fence += "`";
        return fence.Length == 1 ? $"`{text}`" : $"{fence} {text} {fence}";
    }
}
