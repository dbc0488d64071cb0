using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Tests.Corpus.World;

public class StoryCheckerTests
{
    static readonly StoryChecker Checker = new(WorldDefinition.BuiltIn);

    const string Good = "There once was a kind fox named Mira who lived in a small mill. Mira had a friend named Tobin, an old owl.\nMira found a red lantern. Mira gave the lantern to Tobin.\nTobin held the lantern and felt happy.";

    [Fact]
    public void Check_ConsistentStory_FindsNothing() => Checker.Check(Good, "fox", "lantern").IsConsistent.ShouldBeTrue();

    [Fact]
    public void Check_TopicAbsent_NamesIt() => Checker.Check(Good, "fox", "kite").MissingTopics.ShouldBe(["kite"]);

    [Fact]
    public void Check_StrangerActs_NamesHim() => Checker.Check(Good + " Pelik walked home.", "fox").NotIntroduced.ShouldBe(["Pelik"]);

    [Fact]
    public void Check_GivingWhatWasGivenAway_IsNotOwned() => Checker.Check(Good.Replace("Tobin held", "Mira held"), "fox").NotOwned.ShouldBe(["Mira: lantern"]);

    [Fact]
    public void Check_UsingWhatWasLost_IsNotOwned() => Checker.Check(Good.Replace("Mira gave the lantern to Tobin.", "Mira lost the lantern."), "fox").NotOwned.ShouldBe(["Tobin: lantern"]);

    [Theory]
    [InlineData(Split.Train)]
    [InlineData(Split.HeldOut)]
    public void Check_GeneratedStories_AreConsistentAndOthersTopicsAreNot(Split split)
    {
        var stories = WorldStories.Each(WorldDefinition.BuiltIn, 5, 500, split).ToList();
        stories.Count(s => Checker.Check(s.Text, s.Kind, s.Thing).IsConsistent).ShouldBeGreaterThanOrEqualTo(495);
        // A story that goes on with another's middle speaks of people nobody introduced.
        stories.Zip(stories.Skip(1)).Count(p => Checker.Check(p.First.Text.Split('\n')[0] + "\n" + p.Second.Text.Split('\n')[1], p.First.Kind).IsConsistent).ShouldBeLessThan(75);
    }
}
