using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Evaluation;

/// <summary>How questions become tokens.</summary>
public enum Prompting
{
    /// <summary><see cref="Chat"/> where the tokenizer has the special tokens, which all stages of Ingot's own models have seen; else <see cref="Plain"/>.</summary>
    Auto,
    /// <summary>As a conversation.</summary>
    Chat,
    /// <summary>As text: <c>Q: </c> and the question, a line below <c>A:</c>, and the answer ends with the line.</summary>
    Plain,
}

/// <summary>How a model is evaluated.</summary>
/// <param name="Seed">Of what is sampled.</param>
/// <param name="Prompting">How questions become tokens.</param>
/// <param name="MostAtOnce">Texts that are written side by side, if the cache's memory allows.</param>
public sealed record EvaluationOptions(ulong Seed = 1, Prompting Prompting = Prompting.Auto, int MostAtOnce = 256);

/// <summary>Asks and scores.</summary>
public static class Evaluator
{
    /// <summary>The scores of a model, in the order of the tasks.</summary>
    /// <param name="model">What is evaluated.</param>
    /// <param name="tokenizer">Its own.</param>
    /// <param name="stage">Goes into every <see cref="Metric"/>.</param>
    /// <param name="tasks">What is measured.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<Metric> Run(Decoder model, Tokenizer tokenizer, string stage, IReadOnlyList<EvaluationTask> tasks, EvaluationOptions? options = null, CancellationToken cancellation = default) =>
        Run(new ModelAnswerer(model, tokenizer, options), stage, tasks, cancellation);

    /// <summary>The same for anything that answers.</summary>
    public static IReadOnlyList<Metric> Run(IAnswerer answerer, string stage, IReadOnlyList<EvaluationTask> tasks, CancellationToken cancellation = default)
    {
        // All at once: a model that writes hundreds of texts side by side should never wait for the last ones of a task.
        var replies = answerer.Answer([.. tasks.SelectMany(t => t.Requests)], cancellation);
        var metrics = new List<Metric>();
        int at = 0;
        foreach (var task in tasks)
        {
            metrics.AddRange(task.Score([.. replies.Skip(at).Take(task.Requests.Count)], stage));
            at += task.Requests.Count;
        }
        return metrics;
    }
}

/// <summary>Knows every right reply: what a task gives it must be 100%, or the task is broken.</summary>
/// <param name="tasks">Those that will be asked, in their order.</param>
public sealed class OracleAnswerer(IReadOnlyList<EvaluationTask> tasks) : IAnswerer
{
    public IReadOnlyList<Reply> Answer(IReadOnlyList<Request> requests, CancellationToken cancellation = default) =>
        [.. tasks.SelectMany(t => Enumerable.Range(0, t.Requests.Count).Select(i => t.Right(i) ?? t.Chance(i, () => 0)))];
}

/// <summary>Replies at random, as each task's chance has it: what a task gives it must be the chance that the task states.</summary>
/// <param name="tasks">Those that will be asked, in their order.</param>
/// <param name="seed">Of the choices.</param>
public sealed class RandomAnswerer(IReadOnlyList<EvaluationTask> tasks, ulong seed) : IAnswerer
{
    public IReadOnlyList<Reply> Answer(IReadOnlyList<Request> requests, CancellationToken cancellation = default)
    {
        ulong draws = 0;
        return [.. tasks.SelectMany(t => Enumerable.Range(0, t.Requests.Count).Select(i => t.Chance(i, () => Generation.Sampler.Draw(seed, draws++))))];
    }
}
