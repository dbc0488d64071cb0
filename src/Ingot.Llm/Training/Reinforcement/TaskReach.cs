using System.Globalization;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Training;

/// <summary>A kind of the world's tasks, and how many digits its numbers have (0: one to three).</summary>
public sealed record TaskLevel(string Kind, int Digits);

/// <summary>
/// Chooses tasks by what a model can do before it practises: of each kind the hardest level at which some of its own samples are right, and not yet nearly all.
/// Answers that are never right all get the same reward, and nothing is learned from them.
/// </summary>
public static class TaskReach
{
    /// <summary>Share of samples that must be right.</summary>
    public const double Least = 0.05;

    /// <summary>A kind of which more is right needs no practice.</summary>
    public const double Most = 0.9;

    const int Prompts = 32, Samples = 8, MaxTokens = 32;

    /// <param name="model">Asked as it is.</param>
    /// <param name="tokenizer">With the special tokens of <see cref="ChatFormat"/>.</param>
    /// <param name="world">Who makes the tasks.</param>
    /// <param name="kinds">Of <see cref="WorldCorpus.TaskKinds"/>.</param>
    /// <param name="seed">Of tasks and samples.</param>
    /// <param name="note">Told what was chosen.</param>
    /// <returns>Levels within reach, if any.</returns>
    public static IReadOnlyList<TaskLevel> Choose(Decoder model, Tokenizer tokenizer, WorldCorpus world, IReadOnlyList<string> kinds, ulong seed, Action<string>? note = null)
    {
        var rollouts = new Rollouts(model, tokenizer, Prompts * Samples, MaxTokens);
        var format = new ChatFormat(tokenizer);
        double Share(string kind, int digits)
        {
            List<VerifiableTask> tasks = [.. world.Verifiable(kind, Split.Train, seed ^ 0x7265616368, digits).Take(Prompts)];
            int[][] prompts = [.. tasks.Select(t => format.Prompt(t.Prompt))];
            if (prompts.Any(p => p.Length + 2 > model.ContextLength)) return 0;
            var answers = rollouts.Generate(prompts, Samples, 1, i => seed << 20 | (uint)i);
            return answers.Index().Average(a => a.Item.HasEnded ? tasks[a.Index / Samples].Reward(a.Item.Text) : 0);
        }
        var chosen = new List<(TaskLevel Level, double Share)>();
        foreach (var kind in kinds)
        {
            double usual = Share(kind, 0);
            if (usual >= Least) chosen.Add((new(kind, 0), usual));
            else if (WorldCorpus.HasNumbers(kind) && Share(kind, 1) is var easy and >= Least) chosen.Add((new(kind, 1), easy));
        }
        chosen.RemoveAll(c => c.Share > Most);
        if (chosen.Count > 0) note?.Invoke("practises what is right now and then: " + string.Join(", ", chosen.Select(c => $"{c.Level.Kind}{(c.Level.Digits > 0 ? " of one digit" : "")} ({c.Share.ToString("P0", CultureInfo.InvariantCulture)})")));
        return [.. chosen.Select(c => c.Level)];
    }
}
