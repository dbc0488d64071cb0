using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Llm.Tests.Evaluation;

public class EvaluatorTests
{
    static readonly WorldCorpus World = new(WorldDefinition.BuiltIn);

    static readonly Lazy<IReadOnlyList<EvaluationTask>> Tasks = new(() => WorldTasks.Of(World, 5, 60));

    internal static readonly Lazy<Tokenizer> Tokens = new(() =>
    {
        var trainer = new BpeTrainer(new() { VocabularySize = 400 });
        foreach (var document in World.Documents(1).Take(40)) trainer.Add(document);
        return trainer.Train();
    });

    /// <summary>A model that has learned nothing, small enough to be asked hundreds of questions.</summary>
    internal static Decoder Untrained(int context = 256) => RandomDecoder.Of(new() { Width = 32, Hidden = 64, Layers = 2, Heads = 2, KeyHeads = 1, HeadWidth = 16, VocabularySize = Tokens.Value.VocabularySize, ContextLength = context });

    [Fact]
    public void Run_Oracle_IsRightInEverything()
    {
        var metrics = Evaluator.Run(new OracleAnswerer(Tasks.Value), "oracle", Tasks.Value, TestContext.Current.CancellationToken);
        foreach (var m in metrics.Where(m => !m.Name.Contains("answered") && !m.Name.Contains("distinct"))) (m.Name, m.Value).ShouldBe((m.Name, 1.0));
        metrics.Where(m => m.Name.Contains("answered")).ShouldAllBe(m => m.Value == 0); // nothing known is called unknown
        metrics.Single(m => m.Name.Contains("distinct")).Value.ShouldBe(1);
        metrics.ShouldAllBe(m => m.Low <= m.Value && m.Value <= m.High && m.N > 0);
        metrics.Select(m => m.Name).ShouldBeUnique();
    }

    [Fact]
    public void Run_AtRandom_IsWithinTheIntervalOfChance()
    {
        var tasks = Tasks.Value.OfType<ChoiceTask>().ToList();
        tasks.Count.ShouldBe(4);
        // Of many repetitions the mean is chance, and about 95% of the intervals hold it.
        var runs = Enumerable.Range(0, 200).SelectMany(seed => Evaluator.Run(new RandomAnswerer(tasks, (ulong)seed), "random", tasks)).ToList();
        runs.Average(m => m.Value).ShouldBe(0.25, 0.01);
        runs.Count(m => m.Low <= m.Baseline && m.Baseline <= m.High).ShouldBeInRange((int)(0.92 * runs.Count), (int)(0.98 * runs.Count));
    }

    [Fact]
    public void Run_UntrainedModel_IsAtChanceWhereItChoosesAndKnowsNothing()
    {
        var open = Tasks.Value.Where(t => t is ExactTask { Name: "facts, held-out phrasings" or "open book, one hop, unseen names" or "calculator" }).ToList();
        var choices = WorldTasks.Of(World, 5, 400).OfType<ChoiceTask>().ToList(); // more of them: an untrained model prefers some words, and its choices are not independent
        var metrics = Evaluator.Run(Untrained(), Tokens.Value, "random", [.. open, .. choices], cancellation: TestContext.Current.CancellationToken);
        metrics.Count(m => m.Baseline == 0.25).ShouldBe(4);
        foreach (var m in metrics)
            if (m.Baseline == 0.25) (m.Low <= 0.25 && m.High >= 0.25).ShouldBeTrue(m.ToString());
            else m.Value.ShouldBe(0);
    }

    [Fact]
    public void Run_PlainPrompts_WorkWithoutTheChatFormat()
    {
        var task = new ExactTask("sums", [new("What is 1 + 1?", "2"), new("What is 2 + 2?", "4")]);
        var metrics = Evaluator.Run(Untrained(), Tokens.Value, "base", [task], new(1, Prompting.Plain), TestContext.Current.CancellationToken);
        metrics.Single().N.ShouldBe(2);
    }

    [Fact]
    public void Answer_AnyCompany_GivesTheSameTexts()
    {
        List<Request> requests = [.. Tasks.Value.SelectMany(t => t.Requests.Take(2)).OfType<WriteRequest>().Select(r => r with { Most = r.Most ?? "a few words", Temperature = 0.7, Samples = 2 })];
        var together = new ModelAnswerer(Untrained(), Tokens.Value).Answer(requests);
        var few = new ModelAnswerer(Untrained(), Tokens.Value, new(MostAtOnce: 3)).Answer([.. requests.AsEnumerable().Reverse()]);
        for (int i = 0; i < requests.Count; i++) few[^(i + 1)].Texts.ShouldBe(together[i].Texts);
        together.ShouldContain(r => r.Texts[0] != r.Texts[1]); // samples differ
    }

    [Fact]
    public void Answer_LongPrompt_LosesItsBeginning()
    {
        var request = new WriteRequest(new Conversation([new(Role.User, string.Concat(Enumerable.Repeat("Mira has a kite. ", 100)) + "Who has a kite?")]), "Mira");
        new ModelAnswerer(Untrained(context: 64), Tokens.Value).Answer([request]).Single().Texts.Count.ShouldBe(1);
    }
}
