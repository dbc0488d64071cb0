using System.Text;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Data;

namespace Ingot.Llm.Tests.Data;

public sealed class UserCorpusTests : IDisposable
{
    static readonly string[] Words = "river stone lantern walked garden quiet morning carried letter bridge orange window singing market golden winter".Split(' ');

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Sentences of words in a random order, which differ from each other.</summary>
    static string Text(int seed, int sentences)
    {
        var random = new Random(seed);
        return string.Concat(Enumerable.Range(0, sentences).Select(i => $"The {string.Join(' ', Enumerable.Range(0, 7).Select(_ => Words[random.Next(Words.Length)]))} number{seed}x{i}.{(i % 5 == 4 ? "\n\n" : " ")}"));
    }

    UserCorpus Of(string name, string text)
    {
        File.WriteAllText(folder[name], text);
        return UserCorpus.Read(folder[name]);
    }

    static string Said(Conversation c) => string.Join('\n', c.Messages.SelectMany(m => m.Parts).Select(p => p.Text));

    public static TheoryData<int, int> Shapes => new() { { 1, 100 }, { 1, 4 }, { 40, 12 } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Text_AnyNumberOfDocuments_FeedsEveryStageAndHoldsATenthOut(int documents, int sentences)
    {
        var all = string.Join("\n<|endoftext|>\n", Enumerable.Range(0, documents).Select(d => Text(d, sentences)));
        ICorpus corpus = Of("a.txt", all);
        string trained = string.Join('\n', corpus.Documents(1).Take(2 * documents + 20)), held = string.Join('\n', corpus.HeldOutDocuments(1));
        (held.Length / (double)all.Length).ShouldBeInRange(0.01, 0.45);
        foreach (int d in Enumerable.Range(0, documents))
            foreach (int i in Enumerable.Range(0, sentences))
                (trained.Contains($"number{d}x{i}.") ^ held.Contains($"number{d}x{i}.")).ShouldBeTrue($"sentence {i} of {d} is on one side");
        // What is made for training comes from its side alone, and without end.
        var made = corpus.Conversations(1).Take(300).Select(Said)
            .Concat(corpus.Preferences(1).Take(300).Select(p => Said(p.Prompt) + p.Chosen + p.Rejected))
            .Concat(corpus.Verifiable(Split.Train, 1).Take(300).Select(t => Said(t.Prompt) + t.Expected)).ToList();
        made.Count.ShouldBe(900);
        made.Distinct().Count().ShouldBeGreaterThan(sentences < 10 ? 5 : 300);
        foreach (var text in made)
            foreach (System.Text.RegularExpressions.Match m in System.Text.RegularExpressions.Regex.Matches(text, @"number\d+x\d+\."))
                held.Contains(m.Value).ShouldBeFalse(text);
        if (held.Length < 500) return;
        var sets = corpus.Evaluations(1, 20);
        sets.Select(s => s.Name).ShouldBe(["data, open book", "data, next sentence"]);
        foreach (var set in sets)
        {
            set.Items.Select(i => Said(i.Prompt)).Distinct().Count().ShouldBe(set.Items.Count);
            set.Items.ShouldAllBe(i => i.Choices.Count == 4 && i.Choices.Count(c => AnswerText.Matches(c, i.Answer)) == 1);
        }
    }

    [Fact]
    public void OpenBook_AnswersAreInThePassageAndNowhereElseToBeFound()
    {
        var corpus = Of("a.txt", Text(3, 200));
        foreach (var task in corpus.Verifiable(Split.Train, 4).Take(200))
        {
            var lines = Said(task.Prompt).Split('\n');
            string passage = lines[0], question = lines[1];
            if (question.StartsWith("Fill the gap: ")) passage.ShouldContain(question["Fill the gap: ".Length..].Replace("____", task.Expected));
            else
            {
                var two = question.Split('"')[1];
                var text = passage.Replace(".", "");
                text.Split(two + " ").Length.ShouldBe(2, "the two words stand there once");
                text.Split(two + " ")[1].Split(' ')[0].ShouldBe(task.Expected);
            }
            task.Reward(task.Expected + ".").ShouldBe(1);
        }
    }

    [Fact]
    public void Everything_SameSeed_IsTheSameAndOtherSeedsDiffer()
    {
        var corpus = Of("a.txt", Text(3, 100));
        corpus.Conversations(5).Take(50).Select(Said).ShouldBe(Of("b.txt", Text(3, 100)).Conversations(5).Take(50).Select(Said));
        corpus.Conversations(6).Take(50).Select(Said).ShouldNotBe(corpus.Conversations(5).Take(50).Select(Said));
        corpus.Documents(5).Take(20).ShouldNotBe(corpus.Documents(6).Take(20));
    }

    [Fact]
    public void Jsonl_QuestionsWithAnswers_AreConversationsTasksAndEvaluations()
    {
        var corpus = Of("q.jsonl", string.Join('\n', Enumerable.Range(0, 200).Select(i => $$"""{"question":"How much is {{i}} and 1000?","answer":"We add {{i}} and one thousand, which is easy.\n#### 1,{{i:000}}"}""")));
        var heldOut = corpus.Verifiable(Split.HeldOut, 1).Take(200).Select(t => Said(t.Prompt)).ToHashSet();
        heldOut.Count.ShouldBeInRange(5, 45);
        foreach (var task in corpus.Verifiable(Split.Train, 1).Take(400))
        {
            heldOut.ShouldNotContain(Said(task.Prompt));
            task.Reward($"so it is {1000 + int.Parse(Said(task.Prompt).Split(' ')[3])}").ShouldBe(1);
        }
        corpus.Conversations(1).Take(400).Count(c => c.Messages[0].Parts[0].Text.StartsWith("How much")).ShouldBeInRange(250, 350);
        corpus.Conversations(1).Take(400).ShouldAllBe(c => !heldOut.Contains(c.Messages[0].Parts[0].Text));
        corpus.Evaluations(1, 500).Single(s => s.Name == "data, questions").Items.Count.ShouldBe(heldOut.Count);
        corpus.Note.ShouldContain("preferences made of the text");
    }

    [Theory]
    [InlineData("""{"prompt":"q","chosen":"good","rejected":"bad"}""")]
    [InlineData("""{"messages":[{"role":"user","content":"q"}],"chosen":"good","rejected":"bad"}""")]
    [InlineData("""{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}],"edited":"good"}""")]
    public void Jsonl_Preferences_ArePairsAndTheBetterAnswerAConversation(string line)
    {
        File.WriteAllText(folder["p.jsonl"], line);
        var item = DataSource.Read(folder["p.jsonl"]).Single();
        (Said(item.Preference!.Prompt), item.Preference.Chosen, item.Preference.Rejected).ShouldBe(("q", "good", "bad"));
        Said(item.Conversation!).ShouldBe("q\ngood");
        var corpus = new UserCorpus("mine", Enumerable.Range(0, 50).Select(i => item with { Preference = new(new([new(Role.User, $"q{i}")]), "good", "bad") }));
        corpus.Preferences(1).Take(100).ShouldAllBe(p => p.Chosen == "good" && p.Rejected == "bad");
        corpus.Evaluations(1, 10).Single(s => s.Name == "mine, preferences").Items.ShouldAllBe(i => i.Answer == "good" && i.Choices.Count == 2);
    }

    [Theory]
    [InlineData("""{"chosen":"a","rejected":"b"}""", "neither prompt")]
    [InlineData("""{"prompt":"q","chosen":1,"rejected":"b"}""", "chosen and rejected are texts")]
    public void Jsonl_BrokenPreference_SaysWhat(string line, string words)
    {
        File.WriteAllText(folder["p.jsonl"], line);
        Should.Throw<IngotException>(() => DataSource.Read(folder["p.jsonl"]).ToList()).Message.ShouldContain(words);
    }

    [Fact]
    public void Text_OneSentence_IsTrainedOnAndNothingIsHeldOut()
    {
        var corpus = Of("a.txt", "One sentence alone.");
        corpus.Documents(1).First().ShouldBe("One sentence alone.");
        corpus.HeldOutDocuments(1).ShouldBeEmpty();
        corpus.Evaluations(1, 10).ShouldBeEmpty();
        corpus.Preferences(1).ShouldBeEmpty();
        Should.Throw<IngotException>(() => new UserCorpus("none", [])).Message.ShouldContain("no text");
    }

    [Fact]
    public void Text_OfCodeAndOfOtherScripts_IsCutWithoutHalfCharacters()
    {
        var corpus = Of("a.cs", string.Concat(Enumerable.Range(0, 300).Select(i => $"    var x{i} = Compute(x{i - 1}, 你好{i}, \"😀\"); // a line of code that says nothing\n")) + string.Concat(Enumerable.Repeat("😀", 3000)));
        foreach (var text in corpus.Documents(1).Take(50).Concat(corpus.HeldOutDocuments(1)).Concat(corpus.Conversations(1).Take(300).Select(Said)))
            new UTF8Encoding(false, throwOnInvalidBytes: true).GetByteCount(text).ShouldBePositive(); // throws on half a character
    }
}
