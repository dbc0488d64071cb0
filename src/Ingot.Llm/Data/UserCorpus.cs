using System.Text;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Data;

/// <summary>
/// The user's own files as an origin for every stage. What they have not is made from their text: without conversations, exercises of continuing it, of missing
/// words, of questions about a passage; without preferences, true continuations against those from elsewhere; without tasks, questions with one right word.
/// </summary>
/// <remarks>
/// A tenth is held out by the hash of the document, of the conversation's or preference's first words: adding files moves nothing to the other side. Fewer than
/// ten documents are split by stretches of paragraphs.
/// </remarks>
public sealed class UserCorpus : ICorpus
{
    /// <summary>Fewer are split within.</summary>
    const int FewDocuments = 10;

    /// <summary>Characters of an answer that a program can judge.</summary>
    const int LongestAnswer = 40;

    readonly List<string> train = [], heldOut = [];
    readonly List<Conversation> conversations = [], heldOutConversations = [];
    readonly List<PreferencePair> preferences = [], heldOutPreferences = [];
    readonly List<VerifiableTask> tasks, heldOutTasks;

    /// <param name="name">Of the domain.</param>
    /// <param name="items">Texts, conversations, preferences.</param>
    /// <exception cref="IngotException">There are none.</exception>
    public UserCorpus(string name, IEnumerable<DataItem> items)
    {
        Name = name;
        var texts = new List<string>();
        var talks = new List<string>();
        foreach (var item in items)
        {
            if (item.Preference is { } pair) (IsHeldOut(FirstWords(pair.Prompt)) ? heldOutPreferences : preferences).Add(pair);
            if (item.Conversation is { } c && c.Messages.Any(m => m.Role == Role.Assistant)) (IsHeldOut(FirstWords(c)) ? heldOutConversations : conversations).Add(c);
            if (item.Conversation is null && item.Preference is null) texts.Add(item.Text);
            else talks.Add(item.Text);
        }
        // Where everything is conversations, their words are the text.
        if (texts.Count == 0) texts = talks;
        if (texts.All(string.IsNullOrWhiteSpace)) throw new IngotException($"the data '{name}' has no text");
        if (texts.Count < FewDocuments) SplitWithin(texts);
        else SplitByDocument(texts);
        (tasks, heldOutTasks) = ([.. conversations.Select(Task).OfType<VerifiableTask>()], [.. heldOutConversations.Select(Task).OfType<VerifiableTask>()]);
    }

    /// <summary>Reads files and folders as <see cref="DataSource"/> does.</summary>
    /// <exception cref="IngotException">As there.</exception>
    public static UserCorpus Read(params IReadOnlyList<string> paths) => new("data", DataSource.Read(paths));

    public string Name { get; }

    /// <summary>What was found, and what will be made of the text as it is not there; one line.</summary>
    public string Note =>
        $"{Name}: {train.Count:N0} documents to train on, {train.Sum(t => (long)t.Length) / 1e6:0.0} million characters, {heldOut.Count:N0} held out; " +
        $"{Count(conversations.Count, "conversations")}, {Count(preferences.Count, "preferences")}, {Count(tasks.Count, "tasks with an answer")}";

    static string Count(int count, string what) => count == 0 ? $"{what} made of the text" : $"{count:N0} {what}";

    public IEnumerable<string> Documents(ulong seed) => Rounds.Of(train, seed);

    /// <summary>Each held-out document once; none if there is only one sentence in all.</summary>
    public IEnumerable<string> HeldOutDocuments(ulong seed) => heldOut;

    /// <summary>The conversations of the data, and made ones: all of them where there are none, else a quarter.</summary>
    public IEnumerable<Conversation> Conversations(ulong seed)
    {
        using var given = Rounds.Of(conversations, seed).GetEnumerator();
        using var made = Rounds.Made(train, seed, MakeConversation).GetEnumerator();
        var random = new StoryRandom(seed + 13);
        for (bool hasGiven = conversations.Count > 0; ;)
        {
            if (hasGiven && !random.Chance(25) && given.MoveNext()) yield return given.Current;
            else if (made.MoveNext()) yield return made.Current;
            else if (hasGiven && given.MoveNext()) yield return given.Current;
            else yield break;
        }
    }

    /// <summary>Those of the data; where there are none, the true continuation of a passage against one from elsewhere, and the right word against another one of the passage.</summary>
    public IEnumerable<PreferencePair> Preferences(ulong seed) =>
        preferences.Count > 0 ? Rounds.Of(preferences, seed) : Rounds.Made(train, seed ^ 0x9E, (Passage passage, ref StoryRandom random) => MakePreference(train, passage, ref random));

    /// <summary>Questions of the data whose answers are short or end in "#### 42"; where there are none, questions about a passage in the prompt.</summary>
    public IEnumerable<VerifiableTask> Verifiable(Split split, ulong seed)
    {
        var given = split == Split.Train ? tasks : heldOutTasks;
        return given.Count > 0 ? Rounds.Of(given, seed) : Rounds.Made(split == Split.Train ? train : heldOut, seed ^ 0x7A,
            (Passage passage, ref StoryRandom random) => passage.OpenBookQuestion(ref random) is { } item ? new VerifiableTask("open book", item.Prompt, item.Answer) : null);
    }

    /// <summary>Of the held-out part alone: questions about a passage, which sentence comes next, and the data's own questions and preferences.</summary>
    public IReadOnlyList<TaskSet> Evaluations(ulong seed, int count)
    {
        IEnumerable<TaskItem> Made(Rounds.Maker<TaskItem> make) => Rounds.Made(heldOut, seed ^ 0xE7, make).Take(3 * count).DistinctBy(i => i.Prompt.Messages[0].Parts[0].Text).Take(count);
        IEnumerable<T> Some<T>(IReadOnlyList<T> given) => Rounds.Of(given, seed).Take(Math.Min(count, given.Count));
        var none = new Dictionary<string, string>();
        TaskSet[] sets =
        [
            new($"{Name}, open book", [.. Made((Passage passage, ref StoryRandom random) => passage.OpenBookQuestion(ref random))]),
            new($"{Name}, next sentence", [.. Made(NextSentence)]),
            new($"{Name}, questions", [.. Some(heldOutTasks).Select(t => new TaskItem(t.Prompt, t.Expected, [], none))]),
            new($"{Name}, preferences", [.. Some(heldOutPreferences).Select(p => new TaskItem(p.Prompt, p.Chosen, [p.Chosen, p.Rejected], none))]),
        ];
        return [.. sets.Where(s => s.Items.Count > 0)];
    }

    static Conversation? MakeConversation(Passage passage, ref StoryRandom random)
    {
        int kind = random.Below(3);
        if (kind == 2) return passage.OpenBookQuestion(ref random) is { } item ? Answered(item.Prompt.Messages[0], item.Answer + ".") : null;
        return (kind == 0 ? passage.Next(ref random) : passage.MissingWord(ref random)) is var (prompt, answer) ? Answered(new(Role.User, prompt), kind == 0 ? answer : answer + ".") : null;
    }

    static Conversation Answered(Message question, string answer) => new([question, new(Role.Assistant, answer)]);

    static PreferencePair? MakePreference(List<string> texts, Passage passage, ref StoryRandom random)
    {
        if (random.Chance(50)) return passage.OpenBookQuestion(ref random) is { } item ? new(item.Prompt, item.Answer + ".", item.Choices.First(c => c != item.Answer) + ".") : null;
        if (passage.Next(ref random) is not var (prompt, answer) || Elsewhere(texts, [answer], 1, ref random) is not [var other]) return null;
        return new(new([new(Role.User, prompt)]), answer, other);
    }

    /// <summary>The true continuation among three from elsewhere.</summary>
    TaskItem? NextSentence(Passage passage, ref StoryRandom random)
    {
        if (passage.Next(ref random) is not var (prompt, answer)) return null;
        var choices = Elsewhere(heldOut, [answer], 3, ref random);
        if (choices.Count < 3) return null;
        choices.Add(answer);
        OpenBook.Shuffle(choices, ref random);
        return new(new([new(Role.User, prompt)]), answer, choices, new Dictionary<string, string> { ["longest"] = choices.MaxBy(c => c.Length)! });
    }

    /// <summary>Continuations of other passages.</summary>
    static List<string> Elsewhere(List<string> texts, List<string> but, int count, ref StoryRandom random)
    {
        var found = new List<string>();
        for (int tries = 0; found.Count < count && tries < 20 * count; tries++)
            if (Passage.From(texts[random.Below(texts.Count)], ref random).Next(ref random) is var (_, other) && !found.Contains(other) && !but.Contains(other)) found.Add(other);
        return found;
    }

    /// <summary>A question whose answer a program can judge.</summary>
    static VerifiableTask? Task(Conversation c)
    {
        if (c.Messages is not [.., { Role: Role.User }, { Role: Role.Assistant, Parts: [{ Kind: PartKind.Text, Text: var answer }] }]) return null;
        int mark = answer.LastIndexOf("####", StringComparison.Ordinal); // as GSM8K ends its solutions
        var expected = (mark >= 0 ? answer[(mark + 4)..].Replace(",", "") : answer).Trim();
        return expected.Length is > 0 and <= LongestAnswer && !expected.Contains('\n') ? new("question", new([.. c.Messages.SkipLast(1)]), expected) : null;
    }

    void SplitByDocument(List<string> texts)
    {
        foreach (var text in texts) (IsHeldOut(text) ? heldOut : train).Add(text);
        Balance();
    }

    /// <summary>Stretches of paragraphs are held out; those between them stay together.</summary>
    void SplitWithin(List<string> texts)
    {
        int length = (int)Math.Clamp(texts.Sum(t => (long)t.Length) / 50, 200, 2000);
        var run = new StringBuilder();
        foreach (var text in texts)
        {
            for (int at = 0; at < text.Length;)
            {
                int end = EndOfStretch(text, at, length);
                var stretch = text[at..end];
                at = end;
                if (!IsHeldOut(stretch)) run.Append(stretch);
                else
                {
                    heldOut.Add(stretch.Trim());
                    Flush();
                }
            }
            Flush();
        }
        Balance();

        void Flush()
        {
            if (!string.IsNullOrWhiteSpace(run.ToString())) train.Add(run.ToString().Trim());
            run.Clear();
        }
    }

    /// <summary>The first end of a paragraph behind a length; of a line, of a sentence, of a word, if it is far.</summary>
    static int EndOfStretch(string text, int from, int length)
    {
        if (from + 2 * length >= text.Length) return text.Length;
        foreach (var mark in new[] { "\n\n", "\n", ". ", " " })
            if (text.IndexOf(mark, from + length, length, StringComparison.Ordinal) is >= 0 and var found) return found + mark.Length;
        return from + 2 * length - (char.IsHighSurrogate(text[from + 2 * length - 1]) ? 1 : 0);
    }

    /// <summary>Both sides get something, though hashes put everything on one; training alone gets a single sentence.</summary>
    void Balance()
    {
        if (train.Count == 0)
        {
            train.AddRange(heldOut);
            heldOut.Clear();
        }
        if (heldOut.Count > 0) return;
        if (train.Count > 1)
        {
            heldOut.Add(train[^1]);
            train.RemoveAt(train.Count - 1);
        }
        else if (Passage.Sentences(train[0]) is { Count: > 1 } sentences)
        {
            int keep = Math.Max(1, sentences.Count * 9 / 10);
            train[0] = string.Join(' ', sentences.Take(keep));
            heldOut.Add(string.Join(' ', sentences.Skip(keep)));
        }
    }

    static string FirstWords(Conversation c) => c.Messages.FirstOrDefault(m => m.Role == Role.User)?.Parts[0].Text ?? c.Messages[0].Parts[0].Text;

    static bool IsHeldOut(string text) => HoldOut.Hash(Encoding.UTF8.GetBytes(text.Trim())) % 10 == 0;
}
