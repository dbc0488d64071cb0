using Ingot.Llm.Corpus.World;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Training.Reinforcement;

public class TaskReachTests
{
    static readonly WorldCorpus World = new(WorldDefinition.BuiltIn);

    [Fact]
    public void Choose_TakesTheHardestLevelThatIsSometimesRight()
    {
        // The model says "7" or "0": now and then the largest of single digits, more seldom their sum, never a word backwards.
        string? note = null;
        var levels = TaskReach.Choose(DigitModel.New(), DigitModel.Tokenizer, World, ["reverse", "largest", "add"], 1, words => note = words);
        levels.ShouldBe([new("largest", 1)]);
        note!.ShouldContain("largest of one digit");
        var pool = TaskPool.OfWorld(World, levels, 1, 40, 20);
        pool.Training.Concat(pool.HeldOut).ShouldAllBe(t => t.Kind != "reverse" && t.Expected.Length <= 2);
    }

    [Fact]
    public void Choose_NothingWithinReach_IsEmpty() => TaskReach.Choose(DigitModel.New(), DigitModel.Tokenizer, World, ["reverse", "repeat"], 1).ShouldBeEmpty();
}
