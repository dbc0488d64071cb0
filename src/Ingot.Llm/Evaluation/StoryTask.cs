using Ingot.Llm.Corpus.World;
using Ingot.Llm.Data;

namespace Ingot.Llm.Evaluation;

/// <summary>Stories on demand, which <see cref="StoryChecker"/> judges: the topic, who is introduced, who has what; and how many are copied.</summary>
public sealed class StoryTask : EvaluationTask
{
    /// <summary>A run of this many words that also stands in training text is a copy.</summary>
    const int CopiedWords = 12;

    readonly List<(Chat.Conversation Prompt, StoryRecord Reference)> items;
    readonly StoryChecker checker;
    readonly IEnumerable<string>? training;

    /// <param name="name">As the report shows it.</param>
    /// <param name="world">Whose stories.</param>
    /// <param name="seed">Of the topics.</param>
    /// <param name="count">Stories.</param>
    /// <param name="training">The documents that the model was trained on, to look for copies in; null: copies are not counted.</param>
    public StoryTask(string name, WorldCorpus world, ulong seed, int count, IEnumerable<string>? training = null) : base(name)
    {
        checker = new(world.World);
        this.training = training;
        // Two of a thousand true stories are false alarms of the checker: their topics are not asked for.
        items = [.. world.StoryRequests(seed, count + count / 10 + 10).Where(r => Check(r.Reference, r.Reference.Text).IsConsistent).Take(count)];
        Requests = [.. items.Select(i => new WriteRequest(i.Prompt, null))];
    }

    public override IReadOnlyList<Request> Requests { get; }

    public override Reply Right(int request) => Reply.Of(items[request].Reference.Text);

    /// <summary>A story about something else.</summary>
    public override Reply Chance(int request, Func<double> random) => Reply.Of(items[(int)(random() * items.Count)].Reference.Text);

    StoryVerdict Check(StoryRecord asked, string text) => checker.Check(text, asked.Kind, asked.Thing);

    public override IEnumerable<Metric> Score(IReadOnlyList<Reply> replies, string stage)
    {
        var texts = replies.Select(r => r.Texts[0]).ToList();
        var verdicts = items.Zip(texts).Select(p => Check(p.First.Reference, p.Second)).ToList();
        int n = items.Count;
        yield return Share($"{Name}: consistent", stage, verdicts.Count(v => v.IsConsistent), n, null);
        yield return Share($"{Name}: on the topic", stage, verdicts.Count(v => v.MissingTopics.Count == 0), n, null);
        yield return Share($"{Name}: everyone introduced", stage, verdicts.Count(v => v.NotIntroduced.Count == 0), n, null);
        yield return Share($"{Name}: nobody uses what they do not have", stage, verdicts.Count(v => v.NotOwned.Count == 0), n, null);
        if (training is null) yield break;
        var copies = new OverlapCheck(texts, CopiedWords);
        foreach (var document in training) copies.Add(document);
        yield return Share($"{Name}: {CopiedWords} words in a row from training text", stage, copies.Report.Overlapping, n, null);
    }
}

/// <summary>Whether a model goes on as a text does, word by word: on training text memory, on other text what the language foretells.</summary>
/// <remarks>After Carlini et al. 2023, "Quantifying memorization across neural language models", with characters in place of tokens, so that vocabularies compare.</remarks>
public sealed class MemorisationTask : EvaluationTask
{
    readonly List<(string Beginning, string Ending)> items;

    /// <param name="name">As the report shows it.</param>
    /// <param name="texts">Documents; shorter ones than both parts together are passed over.</param>
    /// <param name="count">The most documents to take.</param>
    /// <param name="given">Characters that are given, about: to the end of a word.</param>
    /// <param name="wanted">Characters that must follow.</param>
    public MemorisationTask(string name, IEnumerable<string> texts, int count, int given = 120, int wanted = 50) : base(name)
    {
        items = [.. texts.Select(t => (Text: t, Cut: t.Length < given + wanted ? -1 : t.IndexOf(' ', given))).Where(t => t.Cut >= 0 && t.Cut + wanted <= t.Text.Length)
            .Select(t => (t.Text[..t.Cut], t.Text.Substring(t.Cut, wanted))).Take(count)];
        Requests = [.. items.Select(i => new WriteRequest(new([new(Chat.Role.User, i.Item1)]), i.Item2) { IsText = true })];
    }

    public override IReadOnlyList<Request> Requests { get; }

    public override Reply Right(int request) => Reply.Of(items[request].Ending);

    public override Reply Chance(int request, Func<double> random) => Reply.Of(items[(int)(random() * items.Count)].Ending);

    public override IEnumerable<Metric> Score(IReadOnlyList<Reply> replies, string stage)
    {
        yield return Share(Name, stage, replies.Zip(items).Count(p => p.First.Texts[0].StartsWith(p.Second.Ending, StringComparison.Ordinal)), items.Count, null);
    }
}
