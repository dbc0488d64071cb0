using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Data;
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

    /// <summary>How much of each set stands in the documents and conversations that a run is trained on: the share of items of which 13 words in a row do.</summary>
    /// <param name="items">Items a set, at most.</param>
    /// <param name="bytes">Of training text that is searched, for each stage and corpus.</param>
    public IReadOnlyList<SetOverlap> Overlaps(int items, long bytes)
    {
        // What asks for training text on purpose is no news.
        var tasks = Tasks(items).Where(t => !t.Name.Contains("trained phrasings", StringComparison.Ordinal) && !t.Name.Contains("training text", StringComparison.Ordinal)).ToList();
        var check = new OverlapCheck([.. tasks.Select(t => (IReadOnlyList<string>)[.. t.Texts])]);
        foreach (var (recipe, _) in StageRecipe.InOrder)
            foreach (var (corpus, _) in corpora)
            {
                foreach (var text in Some(corpus.Documents(recipe.StreamOf(seed)), bytes)) check.Add(text);
                foreach (var text in Some(corpus.Conversations(recipe.StreamOf(seed)).Select(c => string.Join('\n', c.Messages.Select(m => string.Concat(m.Parts.Select(p => p.Text))))), bytes)) check.Add(text);
            }
        return [.. tasks.Zip(check.Reports, (t, r) => new SetOverlap(t.Name, r.Items, r.Overlapping, r.Length))];

        static IEnumerable<string> Some(IEnumerable<string> texts, long bytes)
        {
            foreach (var text in texts)
            {
                yield return text;
                if ((bytes -= text.Length) <= 0) yield break;
            }
        }
    }

    /// <summary>Answers to the prompts that every stage gets, by the most likely tokens.</summary>
    public IReadOnlyList<Sample> Samples(string stage, int step, Decoder model, Tokenizer tokenizer, CancellationToken cancellation)
    {
        var prompts = Prompts().ToList();
        // As long as the longest of the stories, say; a model that cannot end would fill the context.
        var requests = prompts.ConvertAll(p => (Request)new WriteRequest(new([new(Role.User, p)]), p.Length > LongestAnswer.Length ? p : LongestAnswer));
        var replies = new ModelAnswerer(model, tokenizer, new(seed, Prompting.Chat)).Answer(requests, cancellation);
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
