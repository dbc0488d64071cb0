using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Tests.Corpus.World;

public sealed class WorldCorpusTests : IDisposable
{
    static readonly WorldDefinition World = WorldDefinition.BuiltIn;
    static readonly WorldCorpus Corpus = new(World);
    static readonly Lazy<IReadOnlyList<TaskSet>> Sets = new(() => Corpus.Evaluations(1, 300));
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    static IEnumerable<string> TrainingText() => Corpus.Documents(1).Take(3000).Concat(Corpus.Conversations(1).Take(3000).Select(Words));

    static string Words(Conversation c) => string.Join('\n', c.Messages.SelectMany(m => m.Parts).Select(p => p.Text));

    [Fact]
    public void World_BuiltIn_HasTheFactsRelationsAndPhrasingsOfTheIssue()
    {
        World.Facts.Count.ShouldBeGreaterThanOrEqualTo(1500);
        World.Relations.Count.ShouldBe(12);
        foreach (var relation in World.Relations)
        {
            relation.Phrasings.Select(p => p.Statement).Distinct().Count().ShouldBe(10);
            relation.Phrasings.Select(p => p.Question).Distinct().Count().ShouldBe(10);
            relation.On(Split.HeldOut).Count().ShouldBe(3);
        }
        World.Facts.Select(f => (f.Relation.Name, f.Subject)).Distinct().Count().ShouldBe(World.Facts.Count, "one answer a question");
    }

    [Fact]
    public void Everything_SameSeed_IsTheSameAndOtherSeedsDiffer()
    {
        Corpus.Documents(3).Take(50).ShouldBe(new WorldCorpus(World).Documents(3).Take(50));
        Corpus.Conversations(3).Take(50).Select(Words).ShouldBe(Corpus.Conversations(3).Take(50).Select(Words));
        Corpus.Conversations(4).Take(50).Select(Words).ShouldNotBe(Corpus.Conversations(3).Take(50).Select(Words));
    }

    [Fact]
    public void TrainingText_Never_HasWhatIsHeldOut()
    {
        var lines = TrainingText().SelectMany(t => t.Split('\n')).Select(l => l.StartsWith("Q: ") ? l[3..] : l).ToHashSet();
        foreach (var set in Sets.Value.Where(s => s.Name != "facts, trained phrasings"))
            foreach (var item in set.Items)
                lines.Contains(item.Prompt.Messages[0].Parts[0].Text.Split('\n')[^1]).ShouldBeFalse(set.Name);
        // Statements, too.
        var text = string.Join('\n', lines);
        foreach (var fact in World.Facts.Take(400))
            foreach (var phrasing in fact.Relation.On(Split.HeldOut)) text.Contains(phrasing.State(fact.Subject, fact.Object), StringComparison.Ordinal).ShouldBeFalse(fact.ToString());
    }

    [Fact]
    public void Corpus_Verifiable_HasEveryKindAndHalfWithoutDemonstrations()
    {
        ICorpus corpus = Corpus;
        var (demonstrated, undemonstrated) = WorldCorpus.TaskKinds;
        var tasks = corpus.Verifiable(Split.Train, 1).Take(600).ToList();
        tasks.Select(t => t.Kind).Distinct().Order().ShouldBe(demonstrated.Concat(undemonstrated).Order());
        tasks.Count(t => undemonstrated.Contains(t.Kind)).ShouldBeInRange(240, 360);
        tasks.Select(t => Words(t.Prompt)).Distinct().Count().ShouldBeGreaterThan(400);
        corpus.HeldOutDocuments(1).Take(50).Intersect(corpus.Documents(1).Take(500)).ShouldBeEmpty();
    }

    [Fact]
    public void Evaluations_Baselines_AreFarBelowTheAnswers()
    {
        foreach (var set in Sets.Value)
        {
            set.Items.ShouldNotBeEmpty(set.Name);
            set.Items.Select(i => i.Prompt.Messages[0].Parts[0].Text).Distinct().Count().ShouldBe(set.Items.Count);
            if (set.Name.StartsWith("open book")) set.BaselineAccuracy("last name mentioned").ShouldBeLessThan(0.3, set.Name);
            if (set.Name.StartsWith("open book")) set.Items.ShouldAllBe(i => i.Prompt.Messages[0].Parts[0].Text.Contains(i.Answer) && i.Choices.Contains(i.Answer));
        }
    }

    [Fact]
    public void Unknown_Entities_AreInNoFact()
    {
        var known = World.Facts.SelectMany(f => new[] { f.Subject, f.Object }).ToHashSet();
        foreach (var item in Sets.Value.Single(s => s.Name == "unknown entities").Items)
            item.Prompt.Messages[0].Parts[0].Text.Split(' ', '?', '.').ShouldAllBe(w => w.Length < 3 || !char.IsUpper(w[0]) || !known.Contains(w));
    }

    [Fact]
    public void Conversations_Calculator_CallComesBeforeResultBeforeAnswer()
    {
        var tools = Corpus.Conversations(1).Take(500).SelectMany(c => c.Messages).Where(m => m.Parts.Count > 1).ToList();
        tools.Count.ShouldBeGreaterThan(10);
        tools.ShouldAllBe(m => m.Parts[0].Kind == PartKind.ToolCall && m.Parts[1].Kind == PartKind.ToolResult && m.Parts[2].Text == m.Parts[1].Text + ".");
    }

    [Fact]
    public void Verifiable_EveryKind_RewardsTheRightAnswerOnly()
    {
        var (demonstrated, undemonstrated) = WorldCorpus.TaskKinds;
        foreach (var kind in demonstrated.Concat(undemonstrated))
            foreach (var split in new[] { Split.Train, Split.HeldOut })
                foreach (var task in Corpus.Verifiable(kind, split, 1).Take(5))
                {
                    task.Reward(task.Expected + ".").ShouldBe(1);
                    task.Reward(task.Expected + "7").ShouldBe(0);
                    task.Reward("").ShouldBe(0);
                }
        Corpus.Verifiable("add", Split.Train, 1).First().Reward("so it is " + Corpus.Verifiable("add", Split.Train, 1).First().Expected + ".").ShouldBe(1);
        var asked = Corpus.Conversations(1).Take(3000).Select(Words).ToList();
        asked.ShouldNotContain(c => System.Text.RegularExpressions.Regex.IsMatch(c, @"Write \w+ backwards|Which is the (largest|smallest)|Which word is the longest"));
    }

    [Fact]
    public void Preferences_Chosen_DiffersFromRejected() => Corpus.Preferences(1).Take(400).ShouldAllBe(p => p.Chosen != p.Rejected);

    [Fact]
    public void Load_AWorldOfOnesOwn_AsksForItsFacts()
    {
        File.WriteAllText(folder["w.json"], """
            { "name": "mine", "words": { "toy": ["orb", "cog", "gem", "fan", "mop", "tub", "jar", "urn", "axe"] },
              "facts": [ { "relation": "capital", "subject": "Borland", "object": "Tulum" }, { "relation": "coin", "subject": "Borland", "object": "quid" } ] }
            """);
        var corpus = new WorldCorpus(WorldDefinition.Load(folder["w.json"]));
        corpus.World.Facts.Count.ShouldBe(2);
        corpus.Evaluations(1, 20)[1].Items.Select(i => i.Answer).Order().ShouldBe(["Tulum", "quid"], ignoreOrder: true);
        corpus.Preferences(1).Take(100).Count().ShouldBe(100);
        WorldStories.Each(corpus.World, 1, 30).ShouldAllBe(s => s.Thing.Length == 3);
    }

    [Theory]
    [InlineData("{", "not a world file")]
    [InlineData("""{ "colour": 1 }""", "colour")]
    [InlineData("""{ "words": { "toys": [] } }""", "there are: act")]
    [InlineData("""{ "words": { "toy": ["a"] } }""", "at least 8")]
    [InlineData("""{ "facts": [ { "relation": "mood", "subject": "a", "object": "b" } ] }""", "the relation 'mood'")]
    [InlineData("""{ "relations": [ { "name": "mood", "subject": "person", "object": "good", "phrasings": [] } ] }""", "needs 10")]
    public void Load_ImpossibleWorld_SaysWhat(string json, string words)
    {
        File.WriteAllText(folder["w.json"], json);
        Should.Throw<IngotException>(() => WorldDefinition.Load(folder["w.json"])).Message.ShouldContain(words);
    }

    [Theory]
    [InlineData("The Lantern. ", "lantern", true)]
    [InlineData("lanterns", "lantern", false)]
    public void AnswerText_Matches_IgnoresCaseArticleAndStop(string answer, string expected, bool same) => AnswerText.Matches(answer, expected).ShouldBe(same);

    [Theory]
    [InlineData("12 + 3 = 15.", "15")]
    [InlineData("it is -7", "-7")]
    [InlineData("1,024 apples", "1024")]
    [InlineData("3.5", null)]
    [InlineData("none", null)]
    public void AnswerText_LastNumber_ReadsWholeNumbers(string text, string? number) => AnswerText.LastNumber(text).ShouldBe(number);
}
