using Ingot.Bench;

namespace Ingot.Llm.Tests.Bench;

public sealed class PerformancePageTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Page(params string[] rows)
    {
        string path = folder["page.md"];
        File.WriteAllLines(path, ["# Page", "| name | Ingot | unit | of the peak | peer | ratio | asked |", "|---|---|---|---|---|---|---|", .. rows, "The end."]);
        return path;
    }

    static Figure NewFigure(string name, double value, string unit, double? fraction) => new(name, value, unit, fraction, value, value, 9, 9);

    [Fact]
    public void Fill_RateAndTime_WritesFigureFractionAndRatio()
    {
        string path = Page("| softmax | - | - | - | 15.4 | - | 1.9x |", "| bert | - | - | - | 88.2 | - | 1.15x |", "| resnet50 | 5 | ms | 0.1 | - | - | |");
        var page = new PerformancePage(path);
        page.Fill(NewFigure("softmax", 30.8, "GB/s", 0.8)).ShouldBeTrue();
        page.Fill(NewFigure("bert", 44.1, "ms", 0.5)).ShouldBeTrue();
        page.Fill(NewFigure("layernorm", 1, "GB/s", 0.5)).ShouldBeFalse();
        page.Save();
        File.ReadAllLines(path)[3..].ShouldBe([
            "| softmax | 30.8 | GB/s | 0.80 | 15.4 | 2.00 | 1.9x |", "| bert | 44.1 | ms | 0.50 | 88.2 | 2.00 | 1.15x |", "| resnet50 | 5 | ms | 0.1 | - | - | |", "The end."]);
    }

    [Fact]
    public void Page_NameTwice_IsAnError() =>
        Should.Throw<FormatException>(() => new PerformancePage(Page("| bert | - | - | - | - | - | |", "| bert | - | - | - | - | - | |"))).Message.ShouldContain("bert");

    [Fact]
    public void Check_WithinTheTolerance_IsRight()
    {
        int runs = 0;
        var page = new PerformancePage(Page("| softmax | 30 | GB/s | 0.80 | - | - | |", "| bert | 44 | ms | 0.50 | - | - | |", "| layernorm | - | - | - | - | - | |"));
        page.Check(b => { runs++; return NewFigure(b.Name, 1, "GB/s", 0.65); }, _ => { }).ShouldBeEmpty();
        runs.ShouldBe(1); // bert is not cheap, layernorm has no figure yet
    }

    [Fact]
    public void Check_OffInEveryAttempt_NamesTheRow()
    {
        var lines = new List<string>();
        var fractions = new Queue<double>([0.2, 0.5, 0.3]);
        var page = new PerformancePage(Page("| softmax | 30 | GB/s | 0.80 | - | - | |"));
        page.Check(b => NewFigure(b.Name, 1, "GB/s", fractions.Dequeue()), lines.Add).ShouldHaveSingleItem().ShouldContain("softmax: 0.50 of the peak");
        lines.Count.ShouldBe(1);
        fractions.ShouldBeEmpty();
    }

    [Fact]
    public void Check_RightAtTheSecondAttempt_IsRight()
    {
        var fractions = new Queue<double>([0.3, 0.9]);
        new PerformancePage(Page("| softmax | 30 | GB/s | 0.80 | - | - | |")).Check(b => NewFigure(b.Name, 1, "GB/s", fractions.Dequeue()), _ => { }).ShouldBeEmpty();
        fractions.ShouldBeEmpty();
    }

    [Fact]
    public void PerformanceMd_HasARowForEveryBenchmarkAndNoOther()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Ingot.slnx"))) at = at.Parent;
        at.ShouldNotBeNull("the tests run outside the repository");
        string path = Path.Combine(at.FullName, "docs", "PERFORMANCE.md");
        new PerformancePage(path).Names.ShouldBe(Catalogue.All.Select(b => b.Name), ignoreOrder: true);
        // A row with a name that the catalogue does not know is none to PerformancePage.
        string[] first = [.. File.ReadLines(path).Where(l => l.StartsWith("| ", StringComparison.Ordinal)).Select(l => l.Split('|')[1].Trim()).Where(n => n != "name")];
        first.ShouldBe(Catalogue.All.Select(b => b.Name), ignoreOrder: true);
    }
}
