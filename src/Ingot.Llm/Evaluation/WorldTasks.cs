using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Evaluation;

/// <summary>Everything that is measured on the generated world.</summary>
public static class WorldTasks
{
    /// <summary>Stories to write, at most: each is as long as twenty short answers.</summary>
    const int MostStories = 200;

    /// <summary>Questions that ten answers are sampled for.</summary>
    const int MostSampled = 100;

    /// <summary>The evaluation sets of <see cref="WorldCorpus.Evaluations"/> and what is made from the same world beside them.</summary>
    /// <param name="world">The world.</param>
    /// <param name="seed">Of the questions.</param>
    /// <param name="count">Items a set, at most.</param>
    /// <param name="training">The documents that the model was trained on, for copies and memorisation; null: these are not measured.</param>
    public static IReadOnlyList<EvaluationTask> Of(WorldCorpus world, ulong seed, int count = 500, IEnumerable<string>? training = null)
    {
        var tasks = new List<EvaluationTask>();
        foreach (var set in world.Evaluations(seed, count).Where(s => s.Items.Count > 0))
        {
            bool isKnown = set.Name.StartsWith("facts", StringComparison.Ordinal);
            bool isOfTraining = isKnown && !set.Name.Contains("held-out", StringComparison.Ordinal);
            tasks.Add(new ExactTask(set.Name, set.Items) { IsOfTrainingText = isOfTraining, Watched = isKnown ? ("answered \"I don't know\"", WorldCorpus.Unknown) : null });
            var choosable = set.Items.Where(i => i.Choices.Count >= 2).ToList();
            if (isKnown && choosable.Count > 0)
            {
                tasks.Add(new ChoiceTask($"{set.Name}, four choices", choosable, ChoiceForm.Continuations) { IsOfTrainingText = isOfTraining });
                tasks.Add(new ChoiceTask($"{set.Name}, four letters", choosable, ChoiceForm.Letters) { IsOfTrainingText = isOfTraining });
            }
            if (isKnown && !isOfTraining) tasks.Add(WithTheText(world, set, seed));
        }
        foreach (var (place, name) in new[] { (0.0, "start"), (0.5, "middle"), (1.0, "end") })
            tasks.Add(new ExactTask($"long text, the answer at the {name}", LongTexts(world, place, seed, count)));
        var undemonstrated = Undemonstrated(world, seed, count);
        tasks.Add(new ExactTask("tasks without demonstrations", undemonstrated, Verifiers.Reward));
        tasks.Add(new SamplingTask("tasks without demonstrations", [.. undemonstrated.Take(MostSampled)], Verifiers.Reward));
        tasks.Add(new StoryTask("stories", world, seed, Math.Min(count, MostStories), training));
        if (training is not null) tasks.Add(new MemorisationTask("memorisation, training text", training, count) { IsOfTrainingText = true });
        tasks.Add(new MemorisationTask("memorisation, unseen text", world.StoryRequests(seed + 1, Math.Min(count, MostStories)).Select(r => r.Reference.Text), count));
        return tasks;
    }

    /// <summary>The same questions as a set of facts, with the fact and three others of its relation in front: what reading adds to memory.</summary>
    static ExactTask WithTheText(WorldCorpus world, TaskSet set, ulong seed)
    {
        var byQuestion = world.World.Facts.SelectMany(f => f.Relation.On(Split.HeldOut).Select(p => (Question: p.Ask(f.Subject), Fact: f))).DistinctBy(p => p.Question).ToDictionary(p => p.Question, p => p.Fact);
        var items = new List<TaskItem>();
        foreach (var item in set.Items)
        {
            string question = item.Prompt.Messages[^1].Parts[0].Text;
            if (!byQuestion.TryGetValue(question, out var fact)) continue;
            var random = new StoryRandom(seed * 0x9FB21C651E98DF25 + (ulong)items.Count);
            var others = world.World.Facts.Where(f => f.Relation == fact.Relation && f.Subject != fact.Subject && f.Object != fact.Object).ToList();
            OpenBook.Shuffle(others, ref random);
            var told = others.DistinctBy(f => f.Subject).Take(3).Append(fact).ToList();
            OpenBook.Shuffle(told, ref random);
            var phrasings = fact.Relation.On(Split.HeldOut).ToList();
            var lines = new List<string>();
            foreach (var f in told) lines.Add(phrasings[random.Below(phrasings.Count)].State(f.Subject, f.Object));
            items.Add(new(new([new(Role.User, string.Join(' ', lines) + "\n" + question)]), item.Answer, [.. told.Select(f => f.Object)], new Dictionary<string, string> { ["last name mentioned"] = told[^1].Object }));
        }
        return new($"{set.Name}, with the text", items);
    }

    static List<TaskItem> LongTexts(WorldCorpus world, double place, ulong seed, int count)
    {
        var items = new List<TaskItem>();
        for (int i = 0; i < count; i++)
        {
            // The same seeds for every place: only where the answer stands differs.
            var random = new StoryRandom((seed + 77) * 0xD1342543DE82EF95 + (ulong)i);
            items.Add(OpenBook.Long(world.World, BookNames.Unseen, place, Split.HeldOut, ref random));
        }
        return items;
    }

    static List<TaskItem> Undemonstrated(WorldCorpus world, ulong seed, int count)
    {
        var kinds = WorldCorpus.TaskKinds.Undemonstrated.Select(k => world.Verifiable(k, Split.HeldOut, seed).Take(10 * count).GetEnumerator()).ToList();
        var items = new Dictionary<string, TaskItem>();
        // Turn by turn; few operands of some kinds are held out, so that one may run out of new ones.
        for (bool any = true; any && items.Count < count;)
        {
            any = false;
            foreach (var kind in kinds)
            {
                if (items.Count == count || !kind.MoveNext()) continue;
                any = true;
                items.TryAdd(kind.Current.Prompt.Messages[0].Parts[0].Text, new(kind.Current.Prompt, kind.Current.Expected, [], new Dictionary<string, string>()));
            }
        }
        return [.. items.Values];
    }
}
