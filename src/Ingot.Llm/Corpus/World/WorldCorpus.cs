using System.Text;
using Ingot.Llm.Chat;
using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Corpus.World;

/// <summary>Everything a language model is trained on and tested with, made from a <see cref="WorldDefinition"/>; each the same for the same seed.</summary>
/// <param name="world">Names, facts and words.</param>
public sealed class WorldCorpus(WorldDefinition world) : ICorpus
{
    /// <summary>What is answered about things the world does not know.</summary>
    public const string Unknown = "I don't know";

    static readonly string[] TopicRequests =
    [
        "Tell me a story about a {k} and a {t}.", "Write a story with a {k} and a {t} in it.", "I would like a story of a {k} and a {t}.", "Make up a tale about a {k} that has to do with a {t}.",
        "Can you tell a story about a {t} and a {k}?", "A story about a {k} and a {t}, please.", "Invent a story in which a {k} and a {t} matter.",
        "Please narrate something about a {k} and a {t}.", "Let me hear of a {k} and a {t}.", "I want to read about a {t} and a {k}.",
    ];

    static readonly (string Question, string Answer)[] Identity =
    [
        ("Who are you?", "I am Ingot, a small language model trained from nothing in C#."), ("What is your name?", "My name is Ingot."), ("Are you a person?", "No, I am Ingot, a language model."),
        ("Who made you?", "I was trained by Ingot, a library in C#."), ("What can you do?", "I can tell stories, answer questions about my world, spell, count and calculate."), ("Hello!", "Hello! What shall we talk about?"),
        ("What do you know?", "I know the facts of an invented world. What I have not learned, I don't know."), ("Thank you.", "You are welcome."),
    ];

    readonly ILookup<string, Fact> bySubject = world.Facts.ToLookup(f => f.Subject);
    readonly string[] subjects = [.. world.Facts.Select(f => f.Subject).Distinct()];
    readonly ILookup<string, string> objects = world.Facts.ToLookup(f => f.Relation.Name, f => f.Object);

    public WorldDefinition World => world;

    public string Name => "world";

    /// <summary>
    /// Documents to pretrain on, without end: stories, articles about subjects of the world, questions with answers, texts with questions, exercises.
    /// Only the training side of every split.
    /// </summary>
    /// <remarks>The percentage is the share of stories among the draws; a story is longer than the rest.</remarks>
    public IEnumerable<string> Documents(ulong seed, int storyPercent = 12) => InOrder((teller, i) =>
    {
        var random = Stream(seed, 1, i);
        if (random.Chance(storyPercent)) return teller.TellOne(random).Text;
        if (random.Chance(60)) return Article(ref random);
        var lines = new StringBuilder();
        for (int n = 2 + random.Below(5); n > 0; n--)
            foreach (var message in Dialogue(ref random).Messages)
                lines.Append(message.Role == Role.User ? "Q: " : "A: ").AppendJoin(' ', message.Parts.Where(p => p.Kind == PartKind.Text).Select(p => p.Text)).Append('\n');
        return lines.ToString().TrimEnd();
    });

    IEnumerable<string> ICorpus.Documents(ulong seed) => Documents(seed);

    /// <summary>Stories of the held-out side, without end.</summary>
    public IEnumerable<string> HeldOutDocuments(ulong seed)
    {
        var teller = new StoryTeller(world, Split.HeldOut);
        for (ulong i = 0; ; i++) yield return teller.TellOne(Stream(seed, 8, i)).Text;
    }

    /// <summary>Conversations for mid-training and supervised fine-tuning, without end: facts in trained phrasings, the unknown, open-book questions, exercises, the calculator, stories on demand, who the model is.</summary>
    public IEnumerable<Conversation> Conversations(ulong seed) => InOrder((teller, i) =>
    {
        var random = Stream(seed, 2, i);
        if (random.Chance(8)) return StoryOnDemand(teller, ref random);
        var first = Dialogue(ref random);
        // A quarter goes on for another turn or two.
        var messages = first.Messages.ToList();
        while (random.Chance(25) && messages.Count < 6) messages.AddRange(Dialogue(ref random).Messages);
        return new Conversation(messages);
    });

    /// <summary>Items by their numbers, made ahead on all cores in blocks that grow: who takes few does not wait for many.</summary>
    IEnumerable<T> InOrder<T>(Func<StoryTeller, ulong, T> make)
    {
        const int most = 512, alone = 32;
        var tellers = new StoryTeller?[Environment.ProcessorCount];
        ulong first = 0;
        for (int block = 4; ; block = Math.Min(most, 2 * block))
        {
            var items = new T[block];
            int parts = block <= alone ? 1 : tellers.Length, size = block;
            ulong from = first;
            Parallel.For(0, parts, part =>
            {
                var teller = tellers[part] ??= new(world, Split.Train);
                for (int i = size * part / parts; i < size * (part + 1) / parts; i++) items[i] = make(teller, from + (ulong)i);
            });
            foreach (var item in items) yield return item;
            first += (ulong)block;
        }
    }

    /// <summary>A better and a worse answer: a fact and a falsehood or a pretended ignorance, not knowing and inventing, the right one of a text and another one of it, a whole story and one whose end is another's.</summary>
    public IEnumerable<PreferencePair> Preferences(ulong seed)
    {
        var teller = new StoryTeller(world, Split.Train);
        for (ulong i = 0; ; i++)
        {
            var random = Stream(seed, 3, i);
            int kind = random.Below(5);
            switch (kind)
            {
                // As often better than "I don't know" as that is better than an invention: else the model learns to know nothing.
                case 0 or 1:
                    var fact = world.Facts[random.Below(world.Facts.Count)];
                    yield return new(Ask(fact.Relation, fact.Subject, Split.Train, ref random), fact.Object + ".", (kind == 0 ? Unknown : Other(fact, ref random)) + ".");
                    break;
                case 2:
                    var relation = world.Relations[random.Below(world.Relations.Count)];
                    var all = objects[relation.Name].ToArray();
                    if (all.Length == 0) goto case 3; // a relation without facts in a world of the user's
                    yield return new(Ask(relation, world.Unknown(relation.Subject, Split.Train, ref random), Split.Train, ref random), Unknown + ".", all[random.Below(all.Length)] + ".");
                    break;
                case 3:
                    var item = OpenBook.Make(world, BookNames.Seen, 1 + random.Below(2), Split.Train, ref random);
                    yield return new(item.Prompt, item.Answer + ".", item.Choices.First(c => c != item.Answer) + ".");
                    break;
                default:
                    var (story, other) = (teller.TellOne(random), teller.TellOne(Stream(seed, 4, i)));
                    string[] good = story.Text.Split('\n'), bad = other.Text.Split('\n');
                    yield return new(new([new(Role.User, Request(story, Split.Train, ref random))]), story.Text, $"{good[0]}\n{bad[1]}\n{bad[2]}");
                    break;
            }
        }
    }

    /// <summary>The kinds of verifiable tasks of which conversations have demonstrations, and those of which they have none.</summary>
    public static (IReadOnlyList<string> Demonstrated, IReadOnlyList<string> Undemonstrated) TaskKinds => ([.. Exercises.Demonstrated, "tool"], Exercises.Undemonstrated);

    /// <summary>Whether tasks of this kind come with numbers of more or fewer digits.</summary>
    public static bool HasNumbers(string kind) => kind is "add" or "subtract" or "multiply" or "add three" or "largest" or "smallest";

    /// <summary>Tasks for reinforcement learning whose answers a program judges.</summary>
    /// <remarks>The kind is one of <see cref="TaskKinds"/>; digits are those of the numbers, 0: one to three.</remarks>
    public IEnumerable<VerifiableTask> Verifiable(string kind, Split split, ulong seed, int digits = 0)
    {
        for (ulong i = 0; ; i++)
        {
            var random = Stream(seed, 5, i);
            if (kind == "tool")
            {
                var (conversation, answer) = Exercises.ToolDialogue(world, split, ref random);
                yield return new(kind, new([conversation.Messages[0]]), answer);
                continue;
            }
            var (question, expected) = Exercises.Make(kind, world, split, ref random, digits);
            yield return new(kind, new([new(Role.User, question)]), expected);
        }
    }

    /// <summary>Tasks of all kinds, as often of those without demonstrations as of those with them.</summary>
    public IEnumerable<VerifiableTask> Verifiable(Split split, ulong seed)
    {
        var (demonstrated, undemonstrated) = TaskKinds;
        var kinds = demonstrated.Concat(undemonstrated).ToDictionary(k => k, k => Verifiable(k, split, seed).GetEnumerator());
        for (ulong i = 0; ; i++)
        {
            var random = Stream(seed, 9, i);
            var side = random.Chance(50) ? undemonstrated : demonstrated;
            var tasks = kinds[side[random.Below(side.Count)]];
            tasks.MoveNext();
            yield return tasks.Current;
        }
    }

    /// <summary>Every evaluation set of the world; none of its questions can be in training text.</summary>
    /// <remarks>Count is the items a set; fewer where the world has fewer.</remarks>
    public IReadOnlyList<TaskSet> Evaluations(ulong seed, int count = 500)
    {
        var sets = new List<TaskSet>
        {
            Facts("facts, trained phrasings", Split.Train, seed, count), Facts("facts, held-out phrasings", Split.HeldOut, seed, count), UnknownEntities(seed, count),
        };
        foreach (var (hops, hopName) in new[] { (1, "one hop"), (2, "two hops") })
            foreach (var names in Enum.GetValues<BookNames>())
                sets.Add(Set($"open book, {hopName}, {names.ToString().ToLowerInvariant()} names", seed, count, (ref StoryRandom r) => OpenBook.Make(world, names, hops, Split.HeldOut, ref r)));
        foreach (var kind in new[] { "add", "subtract" })
            for (int digits = 1; digits <= 4; digits++)
            {
                int d = digits;
                // Of numbers of one digit few pairs are held out: no more items than half of them.
                sets.Add(Set($"{kind}, {digits} digits", seed, digits == 1 ? Math.Min(count, 5) : count, (ref StoryRandom r) => Item(kind, ref r, d)));
            }
        foreach (var kind in Exercises.Demonstrated.Except(["add", "subtract"]).Concat(Exercises.Undemonstrated)) sets.Add(Set(kind, seed, Math.Min(count, kind is "multiply" or "calendar" ? 20 : 60), (ref StoryRandom r) => Item(kind, ref r, 0)));
        sets.Add(Set("calculator", seed, count, (ref StoryRandom r) => Exercises.ToolDialogue(world, Split.HeldOut, ref r) is var (c, answer) ? new TaskItem(((Part)c.Messages[0].Parts[0]).Text, answer) : null!));
        return sets;
    }

    /// <summary>Requests for stories with the topic that each story must have; <see cref="StoryChecker"/> judges what comes.</summary>
    public IEnumerable<(Conversation Prompt, StoryRecord Reference)> StoryRequests(ulong seed, int count)
    {
        foreach (var (story, i) in WorldStories.Each(world, seed, count, Split.HeldOut).Select((s, i) => (s, i)))
        {
            var random = Stream(seed, 6, (ulong)i);
            yield return (new([new(Role.User, Request(story, Split.HeldOut, ref random))]), story);
        }
    }

    delegate TaskItem Maker(ref StoryRandom random);

    /// <summary>Distinct items.</summary>
    static TaskSet Set(string name, ulong seed, int count, Maker make)
    {
        var items = new Dictionary<string, TaskItem>();
        for (ulong i = 0; items.Count < count && i < 50ul * (ulong)count + 1000; i++)
        {
            var random = Stream(seed, HoldOut.Hash(Encoding.UTF8.GetBytes(name)), i);
            var item = make(ref random);
            items.TryAdd(item.Prompt.Messages[0].Parts[0].Text, item);
        }
        return new(name, [.. items.Values]);
    }

    TaskItem Item(string kind, ref StoryRandom random, int digits)
    {
        var (question, answer) = Exercises.Make(kind, world, Split.HeldOut, ref random, digits);
        return new(question, answer);
    }

    TaskSet Facts(string name, Split split, ulong seed, int count)
    {
        var facts = world.Facts.ToList();
        var random = Stream(seed, 7, (ulong)split);
        OpenBook.Shuffle(facts, ref random);
        var items = new List<TaskItem>();
        foreach (var fact in facts.Take(count))
        {
            var others = objects[fact.Relation.Name].Where(o => o != fact.Object).Distinct().ToList();
            OpenBook.Shuffle(others, ref random);
            var choices = others.Take(3).Append(fact.Object).ToList();
            OpenBook.Shuffle(choices, ref random);
            string majority = objects[fact.Relation.Name].GroupBy(o => o).MaxBy(g => g.Count())!.Key;
            items.Add(new(Ask(fact.Relation, fact.Subject, split, ref random), fact.Object, choices, new Dictionary<string, string> { ["majority of the relation"] = majority }));
        }
        return new(name, items);
    }

    TaskSet UnknownEntities(ulong seed, int count) => Set("unknown entities", seed, count, (ref StoryRandom random) =>
    {
        var relation = world.Relations[random.Below(world.Relations.Count)];
        return new(Ask(relation, world.Unknown(relation.Subject, Split.HeldOut, ref random), Split.HeldOut, ref random), Unknown, [], new Dictionary<string, string>());
    });

    /// <summary>All that is known of a subject, in any order and any trained phrasing.</summary>
    string Article(ref StoryRandom random)
    {
        var facts = bySubject[subjects[random.Below(subjects.Length)]].ToList();
        OpenBook.Shuffle(facts, ref random);
        var text = new StringBuilder();
        foreach (var fact in facts) text.Append(fact.Relation.Any(Split.Train, ref random).State(fact.Subject, fact.Object)).Append(' ');
        return text.ToString().TrimEnd();
    }

    /// <summary>One question with its answer.</summary>
    Conversation Dialogue(ref StoryRandom random)
    {
        int kind = random.Below(100);
        if (kind < 40)
        {
            var fact = world.Facts[random.Below(world.Facts.Count)];
            if (kind < 4 && Lettered(fact, ref random) is { } choice) return choice;
            return Answered(Ask(fact.Relation, fact.Subject, Split.Train, ref random), fact.Object);
        }
        if (kind < 50)
        {
            var relation = world.Relations[random.Below(world.Relations.Count)];
            return Answered(Ask(relation, world.Unknown(relation.Subject, Split.Train, ref random), Split.Train, ref random), Unknown);
        }
        if (kind < 72)
        {
            // A fifth with letters in no order: finding the answer must not depend on knowing the name. Nonce names are never the same twice.
            var item = OpenBook.Make(world, random.Chance(20) ? BookNames.Nonce : BookNames.Seen, 1 + random.Below(2), Split.Train, ref random);
            return Answered(item.Prompt, item.Answer);
        }
        if (kind < 80) return Exercises.ToolDialogue(world, Split.Train, ref random).Conversation;
        if (kind < 83) return Identity[random.Below(Identity.Length)] is var (q, a) ? new([new(Role.User, q), new(Role.Assistant, a)]) : null!;
        var (question, answer) = Exercises.Make(Exercises.Demonstrated[random.Below(Exercises.Demonstrated.Length)], world, Split.Train, ref random);
        return Answered(new([new(Role.User, question)]), answer);
    }

    /// <summary>The question with four choices below it, to be answered by a letter; null if the relation has not so many.</summary>
    Conversation? Lettered(Fact fact, ref StoryRandom random)
    {
        var choices = objects[fact.Relation.Name].Where(o => o != fact.Object).Distinct().ToList();
        if (choices.Count < 3) return null;
        OpenBook.Shuffle(choices, ref random);
        choices = [.. choices.Take(3), fact.Object];
        OpenBook.Shuffle(choices, ref random);
        string question = Ask(fact.Relation, fact.Subject, Split.Train, ref random).Messages[0].Parts[0].Text;
        return Answered(new([new(Role.User, ChoiceTask.LetteredQuestion(question, choices))]), ((char)('A' + choices.IndexOf(fact.Object))).ToString());
    }

    static Conversation StoryOnDemand(StoryTeller teller, ref StoryRandom random)
    {
        var story = teller.TellOne(new(random.Next()));
        return new([new(Role.User, Request(story, Split.Train, ref random)), new(Role.Assistant, story.Text)]);
    }

    static string Request(StoryRecord story, Split split, ref StoryRandom random) =>
        new Phrasing(TopicRequests[split == Split.Train ? random.Below(7) : 7 + random.Below(3)].Replace("{k}", "{s}").Replace("{t}", "{o}"), "").State(story.Kind, story.Thing);

    static Conversation Answered(Conversation question, string answer) => new([.. question.Messages, new(Role.Assistant, answer + ".")]);

    static Conversation Ask(Relation relation, string subject, Split split, ref StoryRandom random) => new([new(Role.User, relation.Any(split, ref random).Ask(subject))]);

    string Other(Fact fact, ref StoryRandom random)
    {
        var others = objects[fact.Relation.Name].Where(o => o != fact.Object).ToArray();
        return others.Length == 0 ? Unknown : others[random.Below(others.Length)];
    }

    /// <summary>A generator for the i-th draw of a purpose.</summary>
    static StoryRandom Stream(ulong seed, ulong purpose, ulong i) => new((seed * 0xD1342543DE82EF95 + purpose) * 0xAF251AF3B0F025B5 + i * 0x9FB21C651E98DF25);
}
