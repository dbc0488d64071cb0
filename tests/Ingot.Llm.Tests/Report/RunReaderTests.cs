using Ingot.Llm.Report;

namespace Ingot.Llm.Tests.Report;

public class RunReaderTests
{
    [Fact]
    public void Refresh_HalfWrittenLine_WaitsForItsEnd()
    {
        using var folder = new TemporaryFolder();
        var reader = new RunReader(folder.Path);
        var line = MadeUpRun.Line(2, 3.5);
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(1, 4) + line[..20]);
        reader.Refresh().ShouldBeTrue();
        reader.Report().Stages.Single().Points.Count.ShouldBe(1);
        reader.Refresh().ShouldBeFalse();
        MadeUpRun.Append(folder.Path, "base", line[20..]);
        reader.Refresh().ShouldBeTrue();
        reader.Report().Stages.Single().Series("loss").ShouldBe([(1, 4), (2, 3.5)]);
        reader.Report().Unreadable.ShouldBe(0);
    }

    [Fact]
    public void Refresh_LineThatIsNoJson_IsCountedAndLeftOut()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(1, 4) + "\0\0\0\n[1]\n\n" + MadeUpRun.Line(2, 3));
        var report = RunReport.Read(folder.Path);
        report.Stages.Single().Points.Count.ShouldBe(2);
        report.Warnings.ShouldHaveSingleItem().ShouldStartWith("2 lines of the run's files could not be read");
    }

    [Fact]
    public void Refresh_LossThatIsNoNumber_LeavesTheOthers()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Append(folder.Path, "base", "{\"step\":1,\"loss\":\"NaN\",\"gradNorm\":null,\"rate\":1,\"skipped\":3}\n" + MadeUpRun.Line(2, 3).Replace("\"skipped\":0", "\"skipped\":3"));
        var report = RunReport.Read(folder.Path);
        report.Stages.Single().Series("loss").ShouldBe([(2, 3)]);
        report.Stages.Single().Series("rate").Count.ShouldBe(2);
        report.Warnings.ShouldHaveSingleItem().ShouldStartWith("3 steps of stage base were skipped");
    }

    [Fact]
    public void Refresh_LogCutByAResumedRun_HasTheNewLinesOnly()
    {
        using var folder = new TemporaryFolder();
        var reader = new RunReader(folder.Path);
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(1, 4) + MadeUpRun.Line(2, 3) + MadeUpRun.Line(3, 2));
        reader.Refresh();
        File.WriteAllText(folder["base", "log.jsonl"], MadeUpRun.Line(1, 4));
        reader.Refresh().ShouldBeTrue();
        reader.Report().Stages.Single().Points.Count.ShouldBe(1);
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(2, 2.9));
        reader.Refresh();
        reader.Report().Stages.Single().Series("loss").ShouldBe([(1, 4), (2, 2.9)]);
    }

    [Fact]
    public void Refresh_StepsDoneAgain_StandForTheOldOnes()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(1, 4) + MadeUpRun.Line(2, 3) + MadeUpRun.Line(3, 2) + MadeUpRun.Line(2, 2.5));
        RunReport.Read(folder.Path).Stages.Single().Series("loss").ShouldBe([(1, 4), (2, 2.5)]);
    }

    [Fact]
    public void Refresh_MetricMeasuredAgain_StandsForTheOldOne()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["metrics.jsonl"], "{\"name\":\"a\",\"stage\":\"base\",\"value\":0.1,\"n\":5,\"low\":0,\"high\":1,\"baseline\":null}\n{\"name\":\"a\",\"stage\":\"base\",\"value\":0.2,\"n\":5,\"low\":0,\"high\":1,\"baseline\":null}\n");
        RunReport.Read(folder.Path).Metrics.ShouldHaveSingleItem().Value.ShouldBe(0.2);
    }

    [Fact]
    public void Refresh_NoFolderYet_ThenOne()
    {
        using var folder = new TemporaryFolder();
        var reader = new RunReader(folder["later"]);
        reader.Refresh().ShouldBeFalse();
        reader.Report().Stages.ShouldBeEmpty();
        MadeUpRun.Write(folder["later"], 0.3);
        reader.Refresh().ShouldBeTrue();
        reader.Report().Stages.Single().Name.ShouldBe("base");
        reader.Refresh().ShouldBeFalse();
    }

    [Theory]
    [InlineData("{\"minutes\":\"ten\",\"stages\":[{\"steps\":3},{\"name\":\"base\",\"seconds\":7}],\"machine\":5,\"memory\":null}")]
    [InlineData("{\"stages\":[{\"name\":\"base\",\"seconds\":7,\"tokens\":{}}],\"machine\":{\"gflops\":\"NaN\"}}")]
    public void Read_PlanOfAnotherShape_HasWhatItCanRead(string json)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["plan.json"], json);
        var report = RunReport.Read(folder.Path);
        report.Plan!.Stages.ShouldHaveSingleItem().ShouldBe(new PlannedStage("base", null, null, 7));
        report.Plan.Gflops.ShouldBeNull();
        report.Html().ShouldContain("7.0 s planned");
    }

    [Fact]
    public void Read_HalfWrittenPlan_IsNone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["plan.json"], "{\"minutes\":10,\"sta");
        RunReport.Read(folder.Path).Plan.ShouldBeNull();
    }
}
