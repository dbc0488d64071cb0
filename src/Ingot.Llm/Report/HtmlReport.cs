using System.Globalization;
using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Report;

/// <summary>The page: report.html, and the same in pieces that the live page replaces as they change.</summary>
static class HtmlReport
{
    /// <summary>Samples that the live page shows as they come.</summary>
    const int LatestSamples = 6;

    static readonly string style = Resource("page.css"), script = Resource("page.js");

    /// <summary>The page of a run.</summary>
    /// <param name="report">The run.</param>
    /// <param name="isLive">The page asks the server that sent it for what changes, and shows how far the run is.</param>
    /// <param name="version">Of the pieces, where the page is live.</param>
    public static string Page(RunReport report, bool isLive = false, long version = 0)
    {
        var (page, parts) = (new Markup(), Parts(report, isLive));
        page.Add($"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.Add($"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:{(isLive ? "; connect-src 'self'" : "")}\">\n");
        page.Add($"<meta name=\"color-scheme\" content=\"light dark\">\n<title>{Headline.Title(report)}</title>\n");
        page.AddRaw("<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M4 4h8l3 8H1z' fill='%23b8622a'/%3E%3C/svg%3E\">\n");
        page.AddRaw($"<style>\n{style}</style>\n</head>\n");
        page.Add($"<body{(isLive ? string.Create(CultureInfo.InvariantCulture, $" data-live={version}") : "")}>\n<main>\n");
        void Put(IEnumerable<(string Id, Markup Html)> parts)
        {
            foreach (var (id, html) in parts)
                page.AddRaw($"<div class=\"part\" id=\"{id}\"{(IsChart(id) ? $" style=\"order:{ChartOrder(id)}\"" : "")}>").Add($"{html}</div>\n");
        }
        Put(parts.TakeWhile(p => p.Id != "scores" && !IsChart(p.Id)));
        page.AddRaw("<section aria-labelledby=\"h-charts\"><h2 id=\"h-charts\">Training</h2><div class=\"charts\" id=\"charts\">");
        Put(parts.Where(p => IsChart(p.Id)));
        page.AddRaw("</div></section>\n");
        Put(parts.SkipWhile(p => p.Id != "scores"));
        page.Add($"</main>\n<footer>Made by Ingot from the files in the run folder.</footer>\n");
        page.AddRaw($"<div id=\"tip\" role=\"status\" hidden></div>\n<script>\n{script}</script>\n</body>\n</html>\n");
        return page.ToString();
    }

    /// <summary>The page's pieces by their element, in order. Charts come when there is something to draw; the others are always there, maybe empty.</summary>
    public static List<(string Id, Markup Html)> Parts(RunReport report, bool isLive)
    {
        List<(string, Markup)> parts = [("head", Head(report)), ("progress", isLive ? ProgressBar(report) : new()), ("warnings", Warnings(report)), ("latest", isLive ? Latest(report) : new())];
        parts.AddRange(RunCharts.Of(report).Select(c => ("chart-" + c.Id, Figure(c))));
        parts.AddRange([("scores", ScoreTable.Html(report)), ("samples", Samples(report)), ("plan", PlanTables.Html(report)), ("facts", Facts(report))]);
        return parts;
    }

    static bool IsChart(string id) => id.StartsWith("chart-", StringComparison.Ordinal);

    /// <summary>Where a chart stands among the others: charts that come later, as stages begin, take their place.</summary>
    public static int ChartOrder(string id) => Array.IndexOf(["chart-loss", "chart-bits", "chart-rewards", "chart-entropy", "chart-distinct", "chart-kl", "chart-preferences", "chart-margin", "chart-throughput", "chart-gflops", "chart-rate", "chart-norm"], id);

    static Markup Head(RunReport report)
    {
        var html = new Markup();
        html.Add($"<header><p class=\"eyebrow\"><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M4 4h8l3 8H1z\"/></svg>Ingot · {report.Name}");
        if ((report.Run?.Finished ?? report.Run?.Started) is { } time) html.Add($" · {Figures.Date(time)}");
        html.Add($"</p><h1>{Headline.Title(report)}</h1><p class=\"sub\">{Headline.Subtitle(report)}</p>");
        var tiles = Headline.Tiles(report);
        if (tiles.Count > 0)
        {
            html.Add($"<dl class=\"tiles\">");
            foreach (var (name, value, note) in tiles) html.Add($"<div><dt>{name}</dt><dd>{value}</dd><dd class=\"note\">{note}</dd></div>");
            html.Add($"</dl>");
        }
        return html.Add($"</header>");
    }

    static Markup ProgressBar(RunReport report)
    {
        var (html, progress, run) = (new Markup(), new Progress(report), report.Run);
        bool isOver = report.Outcome.IsFinished;
        string state = isOver ? "Finished" : progress.Current is { } current ? $"{current.Name}{(current.Step is { } step ? $" · step {step:N0}{(current.Steps is { } steps ? $" of {steps:N0}" : "")}" : "")}" : report.Stages.Count == 0 ? "Waiting for the first step" : "Evaluating";
        html.Add($"<section class=\"card progress\" aria-label=\"Progress\"><div class=\"state\"><strong>{(isOver ? new Markup() : new Markup().Add($"<i class=\"pulse\"></i>"))}{state}</strong><span>");
        if (isOver) html.Add($"{(report.Outcome.Seconds is { } s ? Figures.Duration(s) : "")}");
        else if (run?.Started is { } started) html.Add($"<span data-since=\"{started.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)}\"></span>");
        if (report.Plan?.Seconds is { } planned) html.Add($" of {Figures.Duration(planned)} planned");
        html.Add($"</span></div><div class=\"bar\" role=\"progressbar\" aria-valuenow=\"{(int)(progress.Part * 100)}\" aria-valuemin=\"0\" aria-valuemax=\"100\" aria-label=\"{state}\">");
        foreach (var stage in progress.Stages) html.Add($"<i style=\"flex-grow:{Figures.Place(stage.Weight)}\"><b style=\"width:{Figures.Place(stage.Part * 100)}%\"></b></i>");
        html.Add($"</div><ol class=\"stages\">");
        foreach (var stage in progress.Stages) html.Add($"<li class=\"{(stage.Part >= 1 ? "done" : stage == progress.Current ? "now" : "")}\">{stage.Name}</li>");
        return html.Add($"</ol></section>");
    }

    static Markup Warnings(RunReport report)
    {
        var html = new Markup();
        if (report.Warnings.Count == 0) return html;
        html.Add($"<section class=\"card warnings\" aria-labelledby=\"h-warnings\"><h2 id=\"h-warnings\">{(report.Warnings.Count == 1 ? "One thing" : $"{report.Warnings.Count} things")} to know first</h2><ul>");
        foreach (var w in report.Warnings) html.Add($"<li>{w}</li>");
        return html.Add($"</ul></section>");
    }

    static Markup Figure(Chart chart)
    {
        var html = new Markup();
        List<(string Name, int Color, double Last)> legend = [.. chart.Legend];
        html.Add($"<figure class=\"card chart\"><figcaption><h3>{chart.Title}</h3><span class=\"unit\">{chart.Unit}</span><ul class=\"legend\">");
        foreach (var (name, color, last) in legend) html.Add($"<li>{(legend.Count > 1 ? new Markup().Add($"<i class=\"s{color}\"></i>{name} ") : new Markup())}<b>{chart.Show(last)}</b></li>");
        return html.Add($"</ul></figcaption>").AddRaw(ChartSvg.Draw(chart)).Add($"</figure>");
    }

    static Markup Latest(RunReport report)
    {
        var html = new Markup();
        if (report.Samples.Count == 0 || report.Outcome.IsFinished) return html;
        html.Add($"<section aria-labelledby=\"h-latest\"><h2 id=\"h-latest\">What it says now</h2><div class=\"samples latest\">");
        foreach (var s in report.Samples.TakeLast(LatestSamples).Reverse())
            html.Add($"<article class=\"card said\"><h4>{s.Stage} · step {Figures.Count(s.Step)}</h4><p class=\"text\"><span class=\"prompt\">{s.Prompt}</span>{(s.Text.Length > 0 && char.IsLetterOrDigit(s.Text[0]) ? " " : "")}{s.Text}</p></article>");
        return html.Add($"</div></section>");
    }

    static Markup Samples(RunReport report)
    {
        var (html, prompts) = (new Markup(), SampleSheet.Of(report.Samples));
        if (prompts.Count == 0) return html;
        html.Add($"<section aria-labelledby=\"h-samples\"><h2 id=\"h-samples\">The same prompts at each stage</h2>");
        foreach (var p in prompts)
        {
            html.Add($"<article class=\"card sample\"><h3 class=\"text\">{(p.Prompt.Length == 0 ? "(no prompt)" : p.Prompt)}</h3><div class=\"answers\">");
            foreach (var s in p.ByStage) Said(s, s.Stage);
            html.Add($"</div>");
            if (p.Earlier.Count > 0)
            {
                html.Add($"<details><summary>{p.Earlier.Count} earlier {(p.Earlier.Count == 1 ? "answer" : "answers")}</summary><div class=\"answers\">");
                foreach (var s in p.Earlier) Said(s, $"{s.Stage} · step {s.Step:N0}");
                html.Add($"</div></details>");
            }
            html.Add($"</article>");
        }
        return html.Add($"</section>");

        void Said(Sample s, string name) => html.Add($"<div><h4>{name}</h4><p class=\"text\">{s.Text.TrimStart()}</p></div>");
    }

    static Markup Facts(RunReport report)
    {
        var html = new Markup();
        html.Add($"<section aria-labelledby=\"h-facts\"><h2 id=\"h-facts\">How it was made</h2><dl class=\"card facts\">");
        foreach (var (name, value) in Headline.Facts(report)) html.Add($"<dt>{name}</dt><dd>{(name is "command" or "commit" or "folder" ? new Markup().Add($"<code>{value}</code>") : new Markup().Add($"{value}"))}</dd>");
        return html.Add($"</dl></section>");
    }

    static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(HtmlReport).Assembly.GetManifestResourceStream($"Ingot.Report.{name}")!);
        return reader.ReadToEnd();
    }
}
