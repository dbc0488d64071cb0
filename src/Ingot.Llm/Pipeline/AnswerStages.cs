using Ingot.Llm.Corpus.World;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;

namespace Ingot.Llm.Pipeline;

/// <summary>The two stages that learn from whole answers: preferences, and reinforcement learning on answers that a program judges. What they see, and how they are set in a run.</summary>
public static class AnswerStages
{
    const int MostPairs = 4096;

    /// <summary>Pairs of answers, of each corpus by its weight.</summary>
    /// <param name="corpora">Of the run.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="steps">That they are for: none is seen more than once, up to some thousands.</param>
    public static IReadOnlyList<PreferencePair> Pairs(IReadOnlyList<WeightedCorpus> corpora, ulong seed, int steps)
    {
        double count = Math.Clamp((double)steps * Dpo(steps, seed, TrainingPrecision.Fp32).Batch, 64, MostPairs), sum = corpora.Sum(c => c.Weight);
        return [.. corpora.SelectMany(c => c.Corpus.Preferences(seed).Take((int)Math.Ceiling(count * c.Weight / sum)))];
    }

    /// <summary>The world's tasks without demonstrations, so that what is learned is found and not copied, as far as they are within the model's reach; else its other tasks; of other corpora, all that a program can judge.</summary>
    /// <param name="corpora">Of the run.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="model">That is to practise, as it is before.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="note">Told what is practised and why.</param>
    /// <returns>Null if the largest corpus has none, as a text too short to ask about.</returns>
    public static TaskPool? Tasks(IReadOnlyList<WeightedCorpus> corpora, ulong seed, Decoder model, Tokenizer tokenizer, Action<string>? note = null)
    {
        var corpus = corpora.MaxBy(c => c.Weight)!.Corpus;
        if (!corpus.Verifiable(Split.Train, seed).Any() || !corpus.Verifiable(Split.HeldOut, seed).Any()) return null;
        if (corpus is not WorldCorpus world) return TaskPool.Of(corpus, seed);
        foreach (var kinds in (IReadOnlyList<string>[])[WorldCorpus.TaskKinds.Undemonstrated, WorldCorpus.TaskKinds.Demonstrated])
        {
            if (TaskReach.Choose(model, tokenizer, world, kinds, seed, note) is { Count: > 0 } levels) return TaskPool.OfWorld(world, levels, seed);
            note?.Invoke($"finds {TaskReach.Least:P0} of the samples right in none of {string.Join(", ", kinds)}");
        }
        return TaskPool.OfWorld(world, WorldCorpus.TaskKinds.Undemonstrated, seed);
    }

    public static DpoOptions Dpo(int steps, ulong seed, TrainingPrecision precision) => new() { Name = "dpo", Steps = steps, Seed = seed, Precision = precision };

    /// <summary>In float32 whatever the run's precision: the engine writes in float32, and what is learned from must have the probabilities that it was drawn with.</summary>
    public static GrpoOptions Rl(int steps, ulong seed) => new() { Name = "rl", Steps = steps, Seed = seed, CheckEvery = Math.Max(1, steps / 5) };
}
