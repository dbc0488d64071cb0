using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ingot.Llm.Report;

namespace Ingot.Llm.Tests.Report;

public partial class ChartSvgTests
{
    static readonly Chart chart = new("loss", "Loss", "nats",
    [
        new("base", 3, 400, [new("training", 1, [(0, 8), (100, 4), (200, 2.5), (400, 2)])]),
        new("sft", 1, 100, [new("training", 1, [(50, 1.5), (100, 1)])]),
    ]);

    [Fact]
    public void Draw_Points_StandWhereTheAxisSays()
    {
        var svg = ChartSvg.Draw(chart);
        // The axis: a label of the value 2 and one of 6 give the scale.
        double At(string label) => double.Parse(Regex.Match(svg, $"<text class=\"y\" x=\"[^\"]*\" y=\"([^\"]*)\">{label}</text>").Groups[1].Value, CultureInfo.InvariantCulture) - 4;
        double perUnit = (At("2") - At("6")) / 4, zero = At("2") + 2 * perUnit;
        var lines = Polyline().Matches(svg).Select(m => Points(m.Groups[1].Value)).ToList();
        lines.Count.ShouldBe(2);
        foreach (var (drawn, panel) in lines.Zip(chart.Panels))
        {
            var points = panel.Lines[0].Points;
            drawn.Count.ShouldBe(points.Count);
            for (int i = 0; i < points.Count; i++) drawn[i].Y.ShouldBe(zero - points[i].Y * perUnit, 0.02);
        }
        // Steps are even within a panel, and the second begins where the first has ended.
        double perStep = (lines[0][3].X - lines[0][0].X) / 400;
        lines[0][1].X.ShouldBe(lines[0][0].X + 100 * perStep, 0.02);
        lines[1][0].X.ShouldBeGreaterThan(lines[0][3].X);
        lines.SelectMany(l => l).ShouldAllBe(p => p.X >= 0 && p.X <= ChartSvg.Width && p.Y >= 0 && p.Y <= ChartSvg.Height);
    }

    [Fact]
    public void Draw_NumbersForThePointer_AreTheLines()
    {
        var svg = ChartSvg.Draw(chart);
        using var json = JsonDocument.Parse(Regex.Match(svg, "<script type=\"application/json\">(.*)</script>").Groups[1].Value);
        var panel = json.RootElement.GetProperty("panels")[0];
        panel.GetProperty("steps").EnumerateArray().Select(s => s.GetDouble()).ShouldBe([0, 100, 200, 400]);
        panel.GetProperty("lines")[0].GetProperty("values").EnumerateArray().Select(s => s.GetDouble()).ShouldBe([8, 4, 2.5, 2]);
    }

    [Fact]
    public void Draw_Described_InWords() => ChartSvg.Draw(chart).ShouldContain("aria-label=\"Loss in nats by step. base, training: from 8.00 at step 0 to 2.00 at step 400; sft, training: from 1.50 at step 50 to 1.00 at step 100.\"");

    [Fact]
    public void Draw_ManyPoints_AreAveraged()
    {
        var many = new Chart("a", "A", "", [new("base", 1, 10000, [new("a", 1, [.. Enumerable.Range(1, 10000).Select(i => ((double)i, (double)(i % 2)))])])]);
        var points = Points(Polyline().Match(ChartSvg.Draw(many)).Groups[1].Value);
        points.Count.ShouldBe(400);
        (points.Max(p => p.Y) - points.Min(p => p.Y)).ShouldBeInRange(1, 12); // a stretch of 25 has 12 or 13 ones, which is 1/25 of an axis 200 long
    }

    [Fact]
    public void Draw_OneValueForever_IsALineInTheMiddle()
    {
        var flat = ChartSvg.Draw(new("a", "A", "", [new("base", 1, 10, [new("a", 1, [(1, 5), (10, 5)])])]));
        flat.ShouldNotContain("NaN");
        Points(Polyline().Match(flat).Groups[1].Value).ShouldAllBe(p => p.Y > 100 && p.Y < 200);
    }

    [Theory]
    [InlineData(0, 10, 6, "0 2 4 6 8 10")]
    [InlineData(0.93, 2.31, 6, "1.0 1.2 1.4 1.6 1.8 2.0 2.2", 7)]
    [InlineData(0, 58000, 4, "0 20k 40k")]
    [InlineData(0, 1, 3, "0 0.5 1.0")]
    [InlineData(-0.02, 0.02, 5, "-0.02 -0.01 0 0.01 0.02")]
    public void Ticks_Range_AreRound(double low, double high, int most, string labels, int? all = null)
    {
        double step = Ticks.Step(low, high, all ?? most);
        string.Join(' ', Ticks.Between(low, high, all ?? most).Select(t => Ticks.Label(t, step))).ShouldBe(labels);
    }

    static List<(double X, double Y)> Points(string points) =>
        [.. points.Split(' ').Select(p => p.Split(',')).Select(p => (double.Parse(p[0], CultureInfo.InvariantCulture), double.Parse(p[1], CultureInfo.InvariantCulture)))];

    [GeneratedRegex("<polyline class=\"line[^\"]*\" points=\"([^\"]*)\"")]
    private static partial Regex Polyline();
}
