using Ingot.Llm.Report;

namespace Ingot.Llm.Tests.Report;

public class RunReportTests
{
    [Fact]
    public void Write_MadeUpRun_ThreeFiles()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"]);
        RunReport.Read(folder["run"]).Write();
        File.Exists(folder["run", "report.html"]).ShouldBeTrue();
        File.Exists(folder["run", "report.md"]).ShouldBeTrue();
        File.Exists(folder["run", "report.json"]).ShouldBeTrue();
        if (Environment.GetEnvironmentVariable("INGOT_KEEP_REPORT") is { } keep)
        {
            MadeUpRun.Write(keep);
            RunReport.Read(keep).Write();
            MadeUpRun.Write(keep + "-half", 0.71);
        }
    }
}
