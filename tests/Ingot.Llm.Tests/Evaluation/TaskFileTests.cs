using Ingot.Llm.Corpus.World;
using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Tests.Evaluation;

public sealed class TaskFileTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("ingot-tasks-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    EvaluationTask Read(string name, string text, TaskFileOptions? options = null)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return TaskFile.Read(path, options).Single();
    }

    static double OracleScore(EvaluationTask task) => Evaluator.Run(new OracleAnswerer([task]), "oracle", [task])[0].Value;

    [Fact]
    public void Read_OwnLines_HasNameKindAndBaselines()
    {
        var task = Read("a.jsonl", """
            {"task": "capitals", "kind": "exact"}
            {"prompt": "What is the capital of Borland?", "answer": "Tulum", "baselines": {"largest city": "Marrow"}}
            {"prompt": "What is the capital of Tuvania?", "answer": "Marrow", "baselines": {"largest city": "Marrow"}}
            """).ShouldBeOfType<ExactTask>();
        (task.Name, task.Items.Count, task.Baseline, task.Rules["largest city"]).ShouldBe(("capitals", 2, 0.5, 0.5));
        OracleScore(task).ShouldBe(1);
    }

    [Fact]
    public void Read_Choices_AreWeighed()
    {
        var letters = Read("b.jsonl", """
            {"task": "sizes", "kind": "letters"}
            {"prompt": "Which is larger?", "choices": ["an ant", "a house"], "answer": 1}
            """);
        letters.Requests.Single().Text.ShouldBe("Which is larger?\nA. an ant\nB. a house");
        OracleScore(letters).ShouldBe(1);
        var core = Read("c.jsonl", """{"query": "The house is larger than", "choices": ["the ant.", "the hill."], "gold": 0}""");
        var request = core.Requests.Single().ShouldBeOfType<WeighRequest>();
        (request.IsText, request.Candidates[0]).ShouldBe((true, " the ant."));
        OracleScore(core).ShouldBe(1);
    }

    [Fact]
    public void Read_Csv_TakesQuotesLettersAndNumbers()
    {
        var task = Read("animals_test.csv", "question,choice0,choice1,answer\n\"Which \"\"animal\"\" is, as said,\nlarge?\",ant,\"cow, big\",1\nWhich is small?,ant,cow,A\n");
        task.Name.ShouldBe("animals");
        task.Requests[0].Text.ShouldBe("Which \"animal\" is, as said,\nlarge?\nA. ant\nB. cow, big");
        OracleScore(task).ShouldBe(1);
        Should.Throw<IngotException>(() => Read("bad.csv", "Which?,ant,cow,C\n")).Message.ShouldContain("row 1 has the answer 'C'");
    }

    [Fact]
    public void Read_Shots_AreSolvedQuestionsBefore()
    {
        File.WriteAllText(Path.Combine(folder, "x_dev.csv"), "Dev?,a,b,B\n");
        File.WriteAllText(Path.Combine(folder, "x_test.csv"), "Test?,a,b,A\n");
        TaskFile.Read(folder, new(Shots: 1)).Single().Requests.Single().Text.ShouldBe("Dev?\nA. a\nB. b\nB\nTest?\nA. a\nB. b");
        TaskFile.Read(folder).Single().Requests.Single().Text.ShouldBe("Test?\nA. a\nB. b");
    }

    [Theory]
    [InlineData("the sum is 1,072", true)]
    [InlineData("<<3=3>> #### 1072", true)]
    [InlineData("#### 1072\nand 5 more", true)]
    [InlineData("1072 and 5", false)]
    [InlineData("#### 10721", false)]
    [InlineData("", false)]
    public void Read_Gsm8k_ComparesTheLastNumber(string answer, bool isRight)
    {
        var task = Read("gsm.jsonl", """{"question": "How many?", "answer": "1000 + 72 = <<1000+72=1072>>1072\n#### 1,072"}""");
        task.Score([Reply.Of(answer)], "x").Single().Value.ShouldBe(isRight ? 1 : 0);
    }

    [Fact]
    public void Read_Count_IsASeededChoice()
    {
        string text = string.Join('\n', Enumerable.Range(0, 50).Select(i => $$"""{"prompt": "Number {{i}}?", "answer": "{{i}}"}"""));
        string[] Chosen(ulong seed) => [.. Read("d.jsonl", text, new(Count: 10, Seed: seed)).Requests.Select(r => r.Text)];
        Chosen(1).Distinct().Count().ShouldBe(10);
        Chosen(1).ShouldBe(Chosen(1));
        Chosen(1).ShouldNotBe(Chosen(2));
    }

    [Theory]
    [InlineData("{\"prompt\": \"a\"}", "item 1 has no answer")]
    [InlineData("{\"prompt\": \"a\", \"answer\": 7, \"choices\": [\"x\", \"y\"]}", "none of the 2 choices")]
    [InlineData("{\"task\": \"t\", \"kind\": \"odd\"}\n{\"prompt\": \"a\", \"answer\": \"b\"}", "kind 'odd'")]
    [InlineData("{\"prompt\": ", "line 1 is not JSON")]
    public void Read_Broken_SaysWhere(string text, string message) => Should.Throw<IngotException>(() => Read("e.jsonl", text)).Message.ShouldContain(message);

    [Theory]
    [InlineData("mmlu-dev-and-19-subjects.tar.gz", 1)]
    [InlineData("bbh-18-tasks.tar.gz", 18)]
    [InlineData("gsm8k-train.jsonl.gz", 1)]
    [InlineData("humaneval-first20.jsonl", 1)]
    public void Read_PublishedSets_OracleIsPerfectAndChanceIsChance(string name, int count)
    {
        var tasks = TaskFile.Read(SharedData.Path("evals/" + name), new(Count: 200));
        tasks.Count.ShouldBe(count);
        double perfect = name.StartsWith("humaneval") ? 0 : 1; // bits per byte
        Evaluator.Run(new OracleAnswerer(tasks), "oracle", tasks).ShouldAllBe(m => m.Value == perfect);
        var choices = tasks.Where(t => t is ChoiceTask).ToList();
        if (choices.Count == 0) return;
        var runs = Enumerable.Range(0, 40).SelectMany(s => Evaluator.Run(new RandomAnswerer(choices, (ulong)s), "random", choices)).ToList();
        runs.Average(m => m.Value - m.Baseline!.Value).ShouldBe(0, 0.01);
    }

    [Fact]
    public void Overlap_TrainingData_IsFoundPerTask()
    {
        var known = new ExactTask("known", [new("Who of all the people in the little town by the sea has the red kite today?", "Mira"), new("Who?", "Tobin")]);
        var fresh = new ExactTask("fresh", [new("Which of the many houses in the long street at the hill is the oldest of them all?", "that one")]);
        var asksForIt = new ExactTask("asks for it", known.Items) { IsOfTrainingText = true };
        var overlaps = TrainingOverlap.Of([known, asksForIt, fresh], ["She asked: who of all the people in the little town by the sea has the red kite today? Nobody knew."]);
        overlaps.ShouldBe([new("known", 2, 1, 13), new("fresh", 1, 0, 13)]);
        TrainingOverlap.AsMetrics(overlaps).Select(m => (m.Name, m.Value)).ShouldBe([("13-gram overlap, known", 0.5), ("13-gram overlap, fresh", 0)]);
    }
}
