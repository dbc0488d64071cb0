using System.Text.Json;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Training;

public class ProgressCurveTests
{
    [Theory]
    [InlineData("0:0,0.2:1,1:0.5", 0, 0)]
    [InlineData("0:0,0.2:1,1:0.5", 0.1, 0.5)]
    [InlineData("0:0,0.2:1,1:0.5", 0.2, 1)]
    [InlineData("0:0,0.2:1,1:0.5", 0.6, 0.75)]
    [InlineData("0:0,0.2:1,1:0.5", 1, 0.5)]
    [InlineData("0.5:3,0.75:1", 0.1, 3)]
    [InlineData("0.5:3,0.75:1", 0.9, 1)]
    [InlineData("0.7", 0.3, 0.7)]
    public void At_RunsStraightBetweenPoints(string curve, double progress, double value) => ProgressCurve.Parse(curve).At(progress).ShouldBe(value, 1e-12);

    [Theory]
    [InlineData("0.7", 0.7, 0.7, 0.7)]
    [InlineData("0:0.3,1:0.5", 0.3, 0.5, 0.4)]
    [InlineData("0:1,0.1:0", 0, 1, 0.05)]
    [InlineData("0.5:3,0.75:1", 1, 3, 2.25)]
    public void LeastMostAndMean_AreThoseOfAllProgress(string text, double least, double most, double mean)
    {
        var curve = ProgressCurve.Parse(text);
        (curve.Least, curve.Most).ShouldBe((least, most));
        curve.Mean.ShouldBe(mean, 1e-12);
        Enumerable.Range(0, 10_000).Average(i => curve.At((i + 0.5) / 10_000)).ShouldBe(mean, 1e-6);
    }

    [Theory]
    [InlineData("", "no number")]
    [InlineData("0:1,x:2", "'x'")]
    [InlineData("0:1,1:NaN", "'NaN'")]
    [InlineData("0.5:1,0.5:2", "0.5 does not")]
    [InlineData("0:1,1.5:2", "1.5 does not")]
    [InlineData("1,2", "has no progress")]
    public void Parse_OfWhatIsNoCurve_SaysWhy(string text, string why) => Should.Throw<IngotException>(() => ProgressCurve.Parse(text)).Message.ShouldContain(why);

    [Fact]
    public void Options_WithACurve_SurviveTheirFile()
    {
        var options = new StageOptions { Name = "base", Steps = 10, Rates = ProgressCurve.Parse("0:0.25,1:0.5") };
        var read = JsonSerializer.Deserialize<StageOptions>(JsonSerializer.Serialize(options, JsonSerializerOptions.Web), JsonSerializerOptions.Web)!;
        read.ShouldBe(options);
        read.RateAt(0.5).ShouldBe(0.375, 1e-12);
    }
}
