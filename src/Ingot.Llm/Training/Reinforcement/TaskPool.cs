using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Training;

/// <summary>What reinforcement learning practises and what it is judged by.</summary>
/// <param name="Training">Tasks that are practised.</param>
/// <param name="HeldOut">Tasks that are only checked: not practised in any form.</param>
public sealed record TaskPool(IReadOnlyList<VerifiableTask> Training, IReadOnlyList<VerifiableTask> HeldOut)
{
    /// <summary>The reward of an answer that has ended; one that has not gets 0.</summary>
    public Func<VerifiableTask, string, double> Reward { get; init; } = (task, answer) => task.Reward(answer);

    /// <summary>Whether a held-out task's answer is right. Stricter than the reward, so that what games the one fails the other: the whole answer and nothing but it.</summary>
    public Func<VerifiableTask, string, bool> Check { get; init; } = (task, answer) => AnswerText.Matches(answer, task.Expected);

    /// <summary>Tasks of some kinds, equally many each.</summary>
    /// <param name="world">Who makes them.</param>
    /// <param name="kinds">Of <see cref="WorldCorpus.TaskKinds"/>.</param>
    /// <param name="seed">Of the tasks.</param>
    /// <param name="count">Tasks to practise.</param>
    /// <param name="heldOut">Tasks to check, of operands that no task to practise has.</param>
    /// <param name="digits">Of their numbers; 0: one to three.</param>
    public static TaskPool OfWorld(WorldCorpus world, IReadOnlyList<string> kinds, ulong seed, int count = 4096, int heldOut = 400, int digits = 0) =>
        OfWorld(world, [.. kinds.Select(k => new TaskLevel(k, digits))], seed, count, heldOut);

    /// <summary>Tasks of some kinds and levels, equally many each.</summary>
    /// <param name="world">Who makes them.</param>
    /// <param name="levels">Kinds of <see cref="WorldCorpus.TaskKinds"/>.</param>
    /// <param name="seed">Of the tasks.</param>
    /// <param name="count">Tasks to practise.</param>
    /// <param name="heldOut">Tasks to check, of operands that no task to practise has.</param>
    public static TaskPool OfWorld(WorldCorpus world, IReadOnlyList<TaskLevel> levels, ulong seed, int count = 4096, int heldOut = 400)
    {
        if (levels.Count == 0) throw new IngotException("reinforcement learning needs at least one kind of task");
        var known = WorldCorpus.TaskKinds.Demonstrated.Concat(WorldCorpus.TaskKinds.Undemonstrated).ToList();
        if (levels.FirstOrDefault(l => !known.Contains(l.Kind)) is { } unknown) throw new IngotException($"there are no tasks of the kind '{unknown.Kind}'; there are {string.Join(", ", known)}");
        IReadOnlyList<VerifiableTask> Of(Split split, int wanted)
        {
            var parts = levels.Select(level => world.Verifiable(level.Kind, split, seed, level.Digits).Take((wanted + levels.Count - 1) / levels.Count).ToList()).ToList();
            // In turn, so that any first part of the list has all kinds.
            return [.. Enumerable.Range(0, parts[0].Count).SelectMany(i => parts.Select(p => p[i]))];
        }
        return new(Of(Split.Train, count), Of(Split.HeldOut, heldOut));
    }

    /// <summary>Tasks of a corpus, of whatever kinds it has.</summary>
    /// <param name="corpus">Who makes them.</param>
    /// <param name="seed">Of the tasks.</param>
    /// <param name="count">Tasks to practise.</param>
    /// <param name="heldOut">Tasks to check, at most.</param>
    /// <exception cref="IngotException">The corpus has none.</exception>
    public static TaskPool Of(ICorpus corpus, ulong seed, int count = 4096, int heldOut = 400)
    {
        List<VerifiableTask> training = [.. corpus.Verifiable(Split.Train, seed).Take(count)], held = [.. corpus.Verifiable(Split.HeldOut, seed).Take(heldOut)];
        return training.Count > 0 && held.Count > 0 ? new(training, held) : throw new IngotException($"{corpus.Name} has no tasks whose answers a program can judge");
    }

    /// <summary>Tasks of a list, of which some are set aside to be checked.</summary>
    /// <param name="tasks">All.</param>
    /// <param name="part">How much of them is only checked.</param>
    /// <exception cref="IngotException">There are fewer than two.</exception>
    public static TaskPool Of(IReadOnlyList<VerifiableTask> tasks, double part = 0.1)
    {
        // The same question must not be on both sides.
        var groups = tasks.GroupBy(t => string.Join('\n', t.Prompt.Messages.SelectMany(m => m.Parts).Select(p => p.Text))).Select(g => g.ToList()).ToList();
        if (groups.Count < 2) throw new IngotException($"{groups.Count} different tasks are too few: some are practised, others set aside to be checked");
        int held = Math.Clamp((int)(part * groups.Count), 1, groups.Count - 1), every = groups.Count / held;
        var isHeld = groups.Select((_, i) => i % every == 0 && i / every < held).ToList();
        return new([.. groups.Where((_, i) => !isHeld[i]).SelectMany(g => g)], [.. groups.Where((_, i) => isHeld[i]).Select(g => g[0])]);
    }
}
