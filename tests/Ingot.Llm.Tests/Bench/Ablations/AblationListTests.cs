using Ingot.Bench.Ablations;

namespace Ingot.Llm.Tests.Bench.Ablations;

public class AblationListTests
{
    [Fact]
    public void Lines_ShareThePlan_AndReplaceWhatTheyGiveThemselves()
    {
        var list = AblationList.Parse(["# a plan", "all: --depth 2 --set a=1 --flops 3e12", "", "base:", "deep: --depth 3 --set b=2  # deeper"]);
        list.Select(a => a.Name).ShouldBe(["base", "deep"]);
        list[0].Deviation.ShouldBeEmpty();
        list[0].Arguments.ShouldBe(["--depth", "2", "--set", "a=1", "--flops", "3e12"]);
        list[1].Deviation.ShouldBe(["--depth", "3", "--set", "b=2"]);
        list[1].Arguments.ShouldBe(["--set", "a=1", "--flops", "3e12", "--depth", "3", "--set", "b=2"]);
    }

    [Theory]
    [InlineData("base", "name: arguments")]
    [InlineData("../base: --depth 2", "a letter first")]
    [InlineData("base: --depth 2\nbase: --depth 3", "two ablations 'base'")]
    [InlineData("base: --seed 4", "--seed")]
    [InlineData("base:\nall: --depth 2", "too late")]
    [InlineData("all: --depth 2", "no ablations")]
    public void Mistakes_AreNamed(string text, string part) => Should.Throw<IngotException>(() => AblationList.Parse(text.Split('\n'))).Message.ShouldContain(part);

    /// <summary>The list that docs/LOG.md's table is made of.</summary>
    [Fact]
    public void ListOfTheRepository_IsOne()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Ingot.slnx"))) folder = folder.Parent;
        folder.ShouldNotBeNull();
        var list = AblationList.Parse(File.ReadLines(Path.Combine(folder.FullName, "bench", "ablations.txt")));
        list.Count.ShouldBeGreaterThan(10);
        foreach (var ablation in list)
        {
            var settings = ablation.Arguments.Select((a, i) => (a, i)).Where(p => p.a == "--set").Select(p => ablation.Arguments[p.i + 1]).ToList();
            var variation = new Ingot.Llm.Pipeline.Variation(settings);
            variation.Recipe(Ingot.Llm.Pipeline.StageRecipe.Base);
            variation.Course(variation.Options(new() { Name = "base", Steps = 5 }));
        }
    }
}
