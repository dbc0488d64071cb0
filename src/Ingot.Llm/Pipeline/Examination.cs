using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Pipeline;

/// <summary>What every stage's model is asked: the corpora's evaluation sets, the same questions for all stages, and a few prompts whose answers people read side by side.</summary>
public sealed class Examination
{
    /// <summary>What answers to the prompts are not much longer than.</summary>
    static readonly string LongestAnswer = string.Concat(Enumerable.Repeat("and then ", 60));

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
        Evaluator.Run(model, tokenizer, stage, Tasks(items), new(seed), cancellation);

    /// <summary>What is measured with so many items a set.</summary>
    public IReadOnlyList<EvaluationTask> Tasks(int items)
    {
        if (tasks.TryGetValue(items, out var known)) return known;
        return tasks[items] = [.. corpora.SelectMany(c => c.Corpus is WorldCorpus world
            ? WorldTasks.Of(world, seed, items, world.Documents(StageRecipe.Base.StreamOf(seed)).Take(SearchedDocuments))
            : c.Corpus.Evaluations(seed, items).Where(s => s.Items.Count > 0).Select(s => (EvaluationTask)new ExactTask($"{c.Corpus.Name}: {s.Name}", s.Items)))];
    }

    /// <summary>How much of each set stands in the texts that a run is trained on.</summary>
    /// <param name="items">Items a set, at most.</param>
    /// <param name="training">All of these texts.</param>
    public IReadOnlyList<SetOverlap> Overlaps(int items, IEnumerable<string> training) => TrainingOverlap.Of(Tasks(items), training);

    /// <summary>Answers to the prompts that every stage gets, by the most likely tokens.</summary>
    public IReadOnlyList<Sample> Samples(string stage, int step, Decoder model, Tokenizer tokenizer, CancellationToken cancellation)
    {
        var prompts = Prompts().ToList();
        // As long as the longest of the stories, say; a model that cannot end would fill the context.
        var requests = prompts.ConvertAll(p => (Request)new WriteRequest(new([new(Role.User, p)]), p.Length > LongestAnswer.Length ? p : LongestAnswer));
        var replies = new ModelAnswerer(model, tokenizer, new(seed)).Answer(requests, cancellation);
        return [.. prompts.Zip(replies, (prompt, reply) => new Sample(stage, step, prompt, reply.Texts[0]))];
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
