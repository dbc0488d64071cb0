using Ingot.Llm.Chat;
using Ingot.Llm.Corpus;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Pipeline;

/// <summary>What every stage's model is asked: the corpora's evaluation sets, the same questions for all stages, and a few prompts whose answers people read side by side.</summary>
public sealed class Examination
{
    /// <summary>Documents of the training text that copies are looked for in.</summary>
    const int SearchedDocuments = 8000;

    readonly IReadOnlyList<WeightedCorpus> corpora;
    readonly ulong seed;
    readonly Dictionary<int, IReadOnlyList<EvaluationTask>> tasks = [];

    /// <param name="corpora">Of the run.</param>
    /// <param name="seed">Of the run; the questions are of a seed of their own.</param>
    public Examination(IReadOnlyList<WeightedCorpus> corpora, ulong seed) => (this.corpora, this.seed) = (corpora, seed);

    /// <summary>The scores of a model.</summary>
    /// <param name="stage">Which.</param>
    /// <param name="model">Its weights.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="items">Items a set, at most.</param>
    /// <param name="cancellation">Ends it.</param>
    public IReadOnlyList<Metric> Scores(string stage, Decoder model, Tokenizer tokenizer, int items, CancellationToken cancellation) =>
        // Base models have seen conversations too, as a part of their documents: all stages are asked in the same way.
        Evaluator.Run(model, tokenizer, stage, Tasks(items), new(seed, Prompting.Chat), cancellation);

    /// <summary>What is measured with so many items a set.</summary>
    public IReadOnlyList<EvaluationTask> Tasks(int items)
    {
        if (tasks.TryGetValue(items, out var known)) return known;
        return tasks[items] = [.. corpora.SelectMany(c => c.Corpus is WorldCorpus world
            ? WorldTasks.Of(world, seed, items, world.Documents(StageRecipe.Base.StreamOf(seed)).Take(SearchedDocuments))
            : c.Corpus.Evaluations(seed, items).Where(s => s.Items.Count > 0).Select(s => (EvaluationTask)new ExactTask($"{c.Corpus.Name}: {s.Name}", s.Items)))];
    }

    /// <summary>Answers to the prompts that every stage gets, by the most likely tokens.</summary>
    public IReadOnlyList<Sample> Samples(string stage, int step, Decoder model, Tokenizer tokenizer, CancellationToken cancellation)
    {
        const int MostTokens = 160;
        var samples = new List<Sample>();
        foreach (var prompt in Prompts())
        {
            cancellation.ThrowIfCancellationRequested();
            using var session = new ChatSession(model, tokenizer);
            string text = string.Concat(session.Say(prompt, new(0) { MaxTokens = MostTokens }, "", cancellation)
                .Select(p => p.Kind switch { PartKind.ToolCall => $"[{p.Text}", PartKind.ToolResult => $" = {p.Text}]", _ => p.Text }));
            samples.Add(new(stage, step, prompt, text));
        }
        return samples;
    }

    IEnumerable<string> Prompts()
    {
        foreach (var (corpus, _) in corpora)
        {
            if (corpus is WorldCorpus world)
            {
                yield return "Who are you?";
                foreach (var (prompt, _) in world.StoryRequests(seed, 2)) yield return TextOf(prompt);
            }
            // The first question of each of a few sets, spread over all of them.
            var sets = corpus.Evaluations(seed, 1).Where(s => s.Items.Count > 0).ToList();
            foreach (var set in sets.Where((_, i) => i % Math.Max(1, sets.Count / 8) == 0)) yield return TextOf(set.Items[0].Prompt);
        }
    }

    static string TextOf(Conversation prompt) => string.Concat(prompt.Messages[^1].Parts.Select(p => p.Text));
}
