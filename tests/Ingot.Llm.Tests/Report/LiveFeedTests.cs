using System.Text.Json;
using Ingot.Llm.Report;

namespace Ingot.Llm.Tests.Report;

public class LiveFeedTests
{
    static List<string> Ids(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(p => p.GetProperty("id").GetString()!)];
    }

    [Fact]
    public void Changes_NewLine_OnlyWhatItChanges()
    {
        using var folder = new TemporaryFolder();
        var feed = new LiveFeed(folder["run"], TimeSpan.Zero);
        feed.Page().ShouldContain("Waiting for the first step");
        var (version, json) = feed.Changes(0);
        json.ShouldNotBeNull();

        MadeUpRun.Append(folder["run"], "base", MadeUpRun.Line(1, 4.25) + MadeUpRun.Line(2, 3.75));
        (version, json) = feed.Changes(version);
        Ids(json.ShouldNotBeNull()).ShouldBe(["progress", "chart-loss", "chart-throughput", "chart-gflops", "chart-rate", "chart-norm", "head", "plan"], ignoreOrder: true);
        json.ShouldContain("3.75");
        feed.Changes(version).Json.ShouldBeNull();

        File.WriteAllText(folder["run", "samples.jsonl"], "{\"stage\":\"base\",\"step\":2,\"prompt\":\"Once\",\"text\":\"upon\"}\n");
        (_, json) = feed.Changes(version);
        Ids(json.ShouldNotBeNull()).ShouldBe(["latest", "samples"], ignoreOrder: true);
    }

    [Fact]
    public void Page_GoesOn_ShowsHowFar()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"], 0.3);
        var page = new LiveFeed(folder["run"], TimeSpan.Zero).Page();
        page.ShouldContain("step 760 of 1,400");
        page.ShouldContain("of 9 min 50 s planned");
        page.ShouldContain("connect-src &#39;self&#39;");
        page.ShouldContain("What it says now");
    }

    [Fact]
    public void Progress_StagesBefore_AreOver()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"], 0.71);
        var progress = new Progress(RunReport.Read(folder["run"]));
        progress.Stages.Select(s => s.Name).ShouldBe(["tokenizer", "base", "mid", "sft", "dpo", "rl", "evaluation"]);
        progress.Stages.Take(3).ShouldAllBe(s => s.Part == 1);
        progress.Current!.Name.ShouldBe("sft");
        progress.Part.ShouldBe((4 + 328 + 76 + progress.Current.Part * 44) / 590, 1e-9);
        new Progress(RunReport.Read(Finished(folder))).Part.ShouldBe(1);
    }

    static string Finished(TemporaryFolder folder)
    {
        MadeUpRun.Write(folder["all"]);
        return folder["all"];
    }
}
