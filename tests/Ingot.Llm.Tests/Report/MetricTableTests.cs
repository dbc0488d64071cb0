using Ingot.Llm.Evaluation;
using Ingot.Llm.Report;

namespace Ingot.Llm.Tests.Report;

public class MetricTableTests
{
    static MetricRow Row(string name, params (string Stage, double Value, double Half)[] values) =>
        MetricTable.Of([.. values.Select(v => new Metric(name, v.Stage, v.Value, 100, v.Value - v.Half, v.Value + v.Half, null))]).Rows.ShouldHaveSingleItem();

    [Fact]
    public void Of_StagesInAnyOrder_AreInThatOfTheRun() =>
        MetricTable.Of([new("a", "rl", 1, 1, 1, 1, null), new("a", "base", 1, 1, 1, 1, null), new("a", "own", 1, 1, 1, 1, null), new("a", "sft", 1, 1, 1, 1, null)]).Stages.ShouldBe(["base", "sft", "rl", "own"]);

    [Fact]
    public void Of_AccuracyThatFalls_IsWorseWhereTheIntervalsSaySo()
    {
        var row = Row("facts", ("base", 0.5, 0.03), ("sft", 0.9, 0.02), ("dpo", 0.88, 0.02), ("rl", 0.7, 0.03));
        row.Cells["sft"].IsBest.ShouldBeTrue();
        row.Cells["sft"].IsBetter.ShouldBeTrue();
        row.Cells["dpo"].IsWorse.ShouldBeFalse();
        row.Cells["rl"].IsWorse.ShouldBeTrue();
        row.Cells["rl"].IsBest.ShouldBeFalse();
        row.IsPart.ShouldBeTrue();
    }

    [Fact]
    public void Of_BitsPerByte_LessIsBetterAndNoPercent()
    {
        var row = Row("stories, bits per byte", ("base", 0.8, 0.01), ("mid", 0.7, 0.01), ("sft", 0.75, 0.01));
        row.LowerIsBetter.ShouldBeTrue();
        row.Show(0.7).ShouldBe("0.700");
        row.Cells["mid"].IsBest.ShouldBeTrue();
        row.Cells["mid"].IsBetter.ShouldBeTrue();
        row.Cells["sft"].IsWorse.ShouldBeTrue();
    }

    [Theory]
    [InlineData("unknown entities -> \"I don't know\"", false)]
    [InlineData("known entities -> \"I don't know\"", true)]
    [InlineData("stories copied from the training data", true)]
    [InlineData("arithmetic, 2 digits", false)]
    public void Of_Name_SaysWhichWayIsBetter(string name, bool lower) => Row(name, ("base", 0.5, 0.1)).LowerIsBetter.ShouldBe(lower);

    [Fact]
    public void Of_RandomStart_IsNoStageBefore()
    {
        var row = Row("stories copied", ("random", 0, 0), ("base", 0.1, 0.02), ("mid", 0.05, 0.02));
        row.Cells["base"].IsWorse.ShouldBeFalse();
        row.Cells["random"].IsBest.ShouldBeFalse();
        row.Cells["mid"].IsBest.ShouldBeTrue();
    }

    [Fact]
    public void Difference_NewcombesExample_IsHis()
    {
        // Newcombe 1998, table II (a), method 10: 56/70 - 48/80 lies in 0.0524 to 0.3339, so it is above 0; 9/10 - 3/10 in 0.1705 to 0.8090 too.
        Metric Of(int right, int n)
        {
            double p = (double)right / n, z2 = 1.959964 * 1.959964, middle = (p + z2 / (2 * n)) / (1 + z2 / n), half = 1.959964 / (1 + z2 / n) * Math.Sqrt(p * (1 - p) / n + z2 / (4.0 * n * n));
            return new("a", "base", p, n, middle - half, middle + half, null);
        }
        MetricTable.Difference(Of(48, 80), Of(56, 70)).ShouldBe(1);
        MetricTable.Difference(Of(56, 70), Of(48, 80)).ShouldBe(-1);
        MetricTable.Difference(Of(48, 80), Of(50, 80)).ShouldBe(0);
    }
}
