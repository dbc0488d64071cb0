using System.Text.Json;
using System.Text.RegularExpressions;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Report;

namespace Ingot.Llm.Tests.Report;

public partial class RunReportTests
{
    [Fact]
    public void Write_MadeUpRun_ThreeFilesThatStandAlone()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"]);
        RunReport.Read(folder["run"]).Write();
        var html = File.ReadAllText(folder["run", "report.html"]);
        File.ReadAllText(folder["run", "report.md"]).ShouldContain("| facts, held-out phrasings |");
        JsonDocument.Parse(File.ReadAllText(folder["run", "report.json"])).Dispose();
        // Nothing is loaded: what an attribute refers to is in the page itself.
        Reference().Matches(html).Select(m => m.Groups[1].Value).ShouldAllBe(v => v.StartsWith("data:", StringComparison.Ordinal) || v.StartsWith('#'));
        html.ShouldNotContain("@import");
        if (Environment.GetEnvironmentVariable("INGOT_KEEP_REPORT") is not { } keep) return;
        MadeUpRun.Write(keep);
        RunReport.Read(keep).Write();
        MadeUpRun.Write(keep + "-half", 0.71);
    }

    [Fact]
    public void Read_NoFolder_SaysWhatMakesOne() =>
        Should.Throw<IngotException>(() => RunReport.Read(Path.Combine(Path.GetTempPath(), "no-such-run-of-ingot"))).Message.ShouldContain("speedrun --out");

    [Fact]
    public void Read_EmptyFolder_IsAReportWithoutNumbers()
    {
        using var folder = new TemporaryFolder();
        var report = RunReport.Read(folder.Path);
        report.Metrics.ShouldBeEmpty();
        report.Warnings.ShouldBeEmpty();
        report.Html().ShouldNotContain("<svg viewBox=\"0 0 560");
        report.Html().ShouldContain("<h1>Run ");
        report.Markdown().ShouldNotContain("## Scores");
        report.Json().ShouldContain("\"metrics\": []");
    }

    [Fact]
    public void Html_HostileWords_AreOnlyText()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"]);
        var everywhere = JsonSerializer.Serialize(MadeUpRun.Hostile, JsonSerializerOptions.Web);
        File.AppendAllText(folder["run", "metrics.jsonl"], $"{{\"name\":{everywhere},\"stage\":{everywhere},\"value\":0.5,\"n\":1,\"low\":0,\"high\":1}}\n");
        File.AppendAllText(folder["run", "samples.jsonl"], $"{{\"stage\":{everywhere},\"step\":1,\"prompt\":{everywhere},\"text\":{everywhere}}}\n");
        File.AppendAllText(folder["run", "overlap.jsonl"], $"{{\"set\":{everywhere},\"items\":5,\"overlapping\":1}}\n");
        // A domain's name goes into a chart, its legend, its description and its numbers.
        MadeUpRun.Append(folder["run"], "base", $"{{\"step\":5000,\"loss\":1,\"bitsPerByte\":{{{everywhere}:0.5}}}}\n");
        File.WriteAllText(folder["run", "run.json"], $"{{\"command\":{everywhere},\"commit\":{everywhere},\"machine\":{everywhere},\"world\":{everywhere},\"warnings\":[{everywhere}]}}");
        var report = RunReport.Read(folder["run"]);
        foreach (var page in new[] { report.Html(), report.Markdown(), HtmlReport.Page(report, isLive: true) })
        {
            var text = page.Replace($"`` {MadeUpRun.Hostile} ``", "").Replace($"```` {MadeUpRun.Hostile} ````", ""); // a span of code in Markdown, where nothing is markup
            text.ShouldNotContain("<script>alert");
            text.ShouldNotContain("<img");
            text.ShouldContain("&lt;script&gt;alert(");
        }
        Regex.Count(report.Html(), "&lt;script&gt;alert").ShouldBeGreaterThan(10);
        Regex.Count(report.Html(), "</script>").ShouldBe(RunCharts.Of(report).Count + 1);
    }

    [Fact]
    public void Html_EveryMetric_IsShownWithItsIntervalAndBaseline()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"]);
        var report = RunReport.Read(folder["run"]);
        var html = report.Html();
        report.Metrics.Count.ShouldBe(MadeUpRun.Metrics.Count);
        foreach (var row in report.Table.Rows)
        {
            html.ShouldContain($"<th scope=\"row\">{Markup.Escape(row.Name)}");
            var line = html[html.IndexOf($"<th scope=\"row\">{Markup.Escape(row.Name)}", StringComparison.Ordinal)..];
            line = line[..line.IndexOf("</tr>", StringComparison.Ordinal)];
            foreach (var m in MadeUpRun.Metrics.Where(m => m.Name == row.Name))
                line.ShouldContain($"<span class=\"value\">{row.Show(m.Value)}</span><small>{row.Show(m.Low)} to {row.Show(m.High)}</small>");
            if (row.Baseline is { } b) line.ShouldContain($"<td class=\"n quiet\" data-is=\"baseline\">{row.Show(b)}</td>");
        }
        html.ShouldContain("ingot speedrun --minutes 10 --out runs/ten --seed 1");
        html.ShouldContain("ef41b16c0ffee");
    }

    [Fact]
    public void Json_ReadAgain_IsWhatWasMeasured()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"]);
        using var json = JsonDocument.Parse(RunReport.Read(folder["run"]).Json());
        var root = json.RootElement;
        root.GetProperty("metrics").Deserialize<List<Metric>>(JsonSerializerOptions.Web).ShouldBe(MadeUpRun.Metrics);
        root.GetProperty("metrics")[0].EnumerateObject().Select(p => p.Name).ShouldBe(["name", "stage", "value", "n", "low", "high", "baseline"]);
        root.GetProperty("format").GetInt32().ShouldBe(1);
        root.GetProperty("plan").GetProperty("seconds").GetDouble().ShouldBe(590);
        root.GetProperty("plan").GetProperty("stages").GetArrayLength().ShouldBe(7);
        root.GetProperty("outcome").GetProperty("seconds").GetDouble().ShouldBe(598);
        root.GetProperty("outcome").GetProperty("stageSeconds").GetProperty("rl").GetDouble().ShouldBe(84);
        root.GetProperty("commit").GetString().ShouldStartWith("ef41b16");
        var time = root.GetProperty("predictions").EnumerateArray().Single(p => p.GetProperty("name").GetString() == "time");
        time.GetProperty("isMet").GetBoolean().ShouldBeTrue();
        time.GetProperty("difference").GetDouble().ShouldBe(598 / 590.0 - 1, 1e-12);
    }

    [Fact]
    public void Markdown_EveryMetricAndSample_IsThere()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"]);
        var report = RunReport.Read(folder["run"]);
        var text = report.Markdown();
        foreach (var row in report.Table.Rows) text.ShouldContain($"| {MarkdownReport.Escape(row.Name)} |");
        text.ShouldContain("| time | 9 min 50 s | 9 min 58 s | +1.4% | met |");
        text.ShouldContain("- rl: 17 + 25 = 42.");
        text.Split('\n').Where(l => l.StartsWith("| facts", StringComparison.Ordinal)).First().Count(c => c == '|').ShouldBe(10);
    }

    [GeneratedRegex("(?:src|href)=\"([^\"]*)\"")]
    private static partial Regex Reference();
}
