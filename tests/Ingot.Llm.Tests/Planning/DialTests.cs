using System.Diagnostics;
using Ingot.Llm.Planning;

namespace Ingot.Llm.Tests.Planning;

public class DialTests
{
    [Fact]
    public void Plan_OfADepth_LearnsFromTheAskedTokensAParameter()
    {
        var plan = Dial.Plan(new() { Depth = 1, TokensPerParameter = 3, Set = ["tokenizer.vocabulary=300", "model.context=32"] }, Stopwatch.StartNew());
        plan.Parameters.ShouldBe(plan.Model.Parameters);
        plan.Tokens.ShouldBe(3.0 * plan.Parameters, 0.1 * 3 * plan.Parameters); // whole steps
        plan.Flops6nd.ShouldBe(6 * plan.Parameters * plan.Tokens, 1);
        plan.FlopsExact.ShouldBeGreaterThan(0);
        plan.Machine.Gflops.ShouldBeGreaterThan(0);
        plan.Seconds.ShouldBeGreaterThan(plan.Stages.Sum(s => s.Seconds));
        plan.Stages.Select(s => s.Name).ShouldBe(["base", "mid", "sft", "dpo", "rl"]);
        plan.Stages.ShouldAllBe(s => s.Steps >= 1);

        string folder = Path.Combine(Path.GetTempPath(), $"ingot-plan-{Guid.NewGuid():N}");
        try
        {
            plan.Write(folder);
            var read = SpeedrunPlan.Read(folder);
            read.Settings.ShouldBe(plan.Settings);
            read.Model.ShouldBe(plan.Model);
            read.Stages.ShouldBe(plan.Stages);
            (read with { Stages = plan.Stages }).ShouldBe(plan);
            File.WriteAllText(Path.Combine(folder, "plan.json"), "{");
            Should.Throw<FormatException>(() => SpeedrunPlan.Read(folder)).Message.ShouldContain("plan.json");
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    [Fact]
    public void Plan_OfTooFewMinutes_SaysWhatIsMissing() =>
        Should.Throw<IngotException>(() => new SpeedrunSettings { Minutes = 0.1 }.Checked()).Message.ShouldContain("0.1");

    [Fact]
    public void Settings_NeedOneDial()
    {
        Should.Throw<IngotException>(() => new SpeedrunSettings().Checked()).Message.ShouldContain("--minutes");
        Should.Throw<IngotException>(() => new SpeedrunSettings { Minutes = 5, Depth = 3 }.Checked()).Message.ShouldContain("--depth");
    }

    [Fact]
    public void Depth_IsOneDialForAllSizes()
    {
        var shapes = Enumerable.Range(1, 40).Select(d => ModelShape.OfDepth(d)).ToList();
        foreach (var (small, large) in shapes.Zip(shapes.Skip(1))) large.Parameters.ShouldBeGreaterThan(small.Parameters);
        shapes.ShouldAllBe(s => s.Width == s.Heads * s.HeadWidth);
        (shapes[3].Width, shapes[15].Width).ShouldBe((128, 1024));
    }
}
