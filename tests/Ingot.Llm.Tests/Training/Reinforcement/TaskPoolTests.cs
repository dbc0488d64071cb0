using Ingot.Llm.Corpus.World;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Training.Reinforcement;

public class TaskPoolTests
{
    static readonly WorldCorpus World = new(WorldDefinition.BuiltIn);

    [Fact]
    public void OfWorld_Kinds_AreInTurnAndNotOnBothSides()
    {
        var pool = TaskPool.OfWorld(World, ["largest", "reverse"], 1, 100, 50);
        (pool.Training.Count, pool.HeldOut.Count).ShouldBe((100, 50));
        pool.Training.Take(4).Select(t => t.Kind).ShouldBe(["largest", "reverse", "largest", "reverse"]);
        static string Question(VerifiableTask t) => t.Prompt.Messages[0].Parts[0].Text;
        pool.Training.Select(Question).Intersect(pool.HeldOut.Select(Question)).ShouldBeEmpty();
        Should.Throw<IngotException>(() => TaskPool.OfWorld(World, ["largst"], 1)).Message.ShouldContain("largest");
    }

    [Fact]
    public void Of_List_SetsSomeAsideByQuestion()
    {
        VerifiableTask[] tasks = [.. Enumerable.Range(0, 100).Select(i => new VerifiableTask("list", DigitModel.Ask($"question {i % 50}"), $"{i}"))];
        var pool = TaskPool.Of(tasks);
        pool.HeldOut.Count.ShouldBe(5);
        pool.Training.Count.ShouldBe(90);
        pool.Training.ShouldAllBe(t => !pool.HeldOut.Any(h => h.Prompt.Messages[0].Parts[0].Text == t.Prompt.Messages[0].Parts[0].Text));
        Should.Throw<IngotException>(() => TaskPool.Of([tasks[0], tasks[50]])).Message.ShouldContain("1 different tasks");
    }

    [Fact]
    public void Check_IsStricterThanTheReward()
    {
        var pool = TaskPool.OfWorld(World, ["add three"], 1, 1, 1);
        var task = new VerifiableTask("add three", DigitModel.Ask("1 + 2 + 3?"), "6");
        (pool.Reward(task, "it is 6."), pool.Check(task, "it is 6.")).ShouldBe((1, false));
        (pool.Reward(task, "6."), pool.Check(task, "6.")).ShouldBe((1, true));
    }
}
