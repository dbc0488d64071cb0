using Ingot.Llm.Report;

namespace Ingot.Llm.Tests.Report;

public class OutcomeTests
{
    [Theory]
    [InlineData(100, 109, true)]
    [InlineData(100, 91, true)]
    [InlineData(100, 111, false)]
    [InlineData(100, 89, false)]
    public void Prediction_Time_IsMetWithinATenth(double planned, double real, bool isMet)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["plan.json"], $"{{\"seconds\":{planned}}}");
        File.WriteAllText(folder["run.json"], $"{{\"seconds\":{real},\"finished\":\"2026-11-22T10:00:00Z\"}}");
        var report = RunReport.Read(folder.Path);
        report.Outcome.Predictions.Single(p => p.Name == "time").IsMet.ShouldBe(isMet);
        report.Warnings.Any(w => w.StartsWith("The plan's time was missed", StringComparison.Ordinal)).ShouldBe(!isMet);
    }

    [Theory]
    [InlineData(2.09, true)]
    [InlineData(2.11, false)]
    public void Prediction_Loss_IsMetWithinATwentieth(double real, bool isMet)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["plan.json"], "{\"loss\":2,\"stages\":[{\"name\":\"base\",\"steps\":20}]}");
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(10, 3));
        RunReport.Read(folder.Path).Outcome.Predictions.Single(p => p.Name == "loss").IsMet.ShouldBeNull("pretraining goes on");
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(20, real));
        RunReport.Read(folder.Path).Outcome.Predictions.Single(p => p.Name == "loss").IsMet.ShouldBe(isMet);
    }

    [Fact]
    public void Outcome_TokensAndFlops_AreThoseOfTheLog()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["plan.json"], "{\"stages\":[{\"name\":\"base\",\"steps\":20,\"tokens\":2000}]}");
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(10, 3)); // 50 GFLOPS at 50,000 tokens/s: a million a token
        var outcome = RunReport.Read(folder.Path).Outcome;
        outcome.Tokens.ShouldBe(1000);
        outcome.Flops.ShouldBe(1e9);
    }

    [Fact]
    public void Findings_HalfOfThePlannedSpeed_IsSaid()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["plan.json"], "{\"machine\":{\"gflops\":101}}");
        MadeUpRun.Append(folder.Path, "base", MadeUpRun.Line(10, 3));
        RunReport.Read(folder.Path).Warnings.ShouldHaveSingleItem().ShouldContain("less than half of the 101");
        File.WriteAllText(folder["plan.json"], "{\"machine\":{\"gflops\":99}}");
        RunReport.Read(folder.Path).Warnings.ShouldBeEmpty();
    }

    [Fact]
    public void Findings_RewardUpAndCheckDown_IsAHack()
    {
        using var folder = new TemporaryFolder();
        for (int i = 1; i <= 20; i++) MadeUpRun.Append(folder.Path, "rl", FormattableString.Invariant($"{{\"step\":{i},\"reward\":{0.3 + 0.02 * i},\"check\":{0.5 - 0.01 * i},\"entropy\":1}}\n"));
        RunReport.Read(folder.Path).Warnings.ShouldHaveSingleItem().ShouldContain("gamed");
    }

    [Fact]
    public void Findings_OverlapWithTrainingData_IsSaid()
    {
        using var folder = new TemporaryFolder();
        MadeUpRun.Write(folder["run"]);
        RunReport.Read(folder["run"]).Warnings.ShouldContain("3 of 200 items of the evaluation set stories share 13 words in a row with the training data.");
    }

    [Theory]
    [InlineData(9.96, "10.0 s")]
    [InlineData(42.4, "42 s")]
    [InlineData(598, "9 min 58 s")]
    [InlineData(3599.6, "1 h 00 min")]
    [InlineData(86400 * 3, "3.0 days")]
    public void Duration_Seconds_AreReadable(double seconds, string text) => Figures.Duration(seconds).ShouldBe(text);

    [Theory]
    [InlineData(0.01234, "0.0123")]
    [InlineData(4.567, "4.57")]
    [InlineData(1234.5, "1,234")]
    [InlineData(3.15e23, "3.15 × 10²³")]
    [InlineData(-0.5, "-0.500")]
    [InlineData(0, "0")]
    public void Plain_Number_HasThreeDigits(double value, string text) => Figures.Plain(value).ShouldBe(text);
}
