using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Evaluation;

/// <summary>When an answer is right.</summary>
/// <param name="answer">What was written.</param>
/// <param name="expected">The right one.</param>
public delegate bool Verifier(string answer, string expected);

/// <summary>The rules by which answers are judged, by their names in task files.</summary>
public static class Verifiers
{
    /// <summary>The whole answer, but for case, spaces, an article before it and a stop behind it.</summary>
    public static bool Exact(string answer, string expected) => AnswerText.Matches(answer, expected);

    /// <summary>What follows the last <c>####</c>, or else the last whole number, as GSM8K has it.</summary>
    public static bool Number(string answer, string expected) => NumberOf(answer) is { } number && number == NumberOf(expected);

    /// <summary>The whole answer, or its last number where a number is expected: the reward of <see cref="VerifiableTask"/>.</summary>
    public static bool Reward(string answer, string expected) => new VerifiableTask("", new([]), expected).Reward(answer) > 0;

    /// <exception cref="IngotException">There is none of that name.</exception>
    public static Verifier Named(string name) => name switch
    {
        "exact" => Exact,
        "number" => Number,
        "reward" => Reward,
        _ => throw new IngotException($"there is no rule '{name}' to judge answers by; there are exact, number and reward"),
    };

    static string? NumberOf(string text) => text.LastIndexOf("####", StringComparison.Ordinal) is >= 0 and var at ? AnswerText.LastNumber(text[at..].Split('\n')[0]) : AnswerText.LastNumber(text);
}

/// <summary>Questions with one right answer each, which is written greedily and judged.</summary>
/// <param name="name">As the report shows it.</param>
/// <param name="items">Questions.</param>
/// <param name="verifier">When an answer is right.</param>
public class ExactTask(string name, IReadOnlyList<TaskItem> items, Verifier? verifier = null) : EvaluationTask(name)
{
    readonly Verifier verifier = verifier ?? Verifiers.Exact;

    public IReadOnlyList<TaskItem> Items => items;

    /// <summary>The share to compare with; the best of the items' rules, or else of always giving the commonest answer, unless given.</summary>
    public double? Baseline { get; init; } = BaselineOf(items, verifier ?? Verifiers.Exact);

    /// <summary>An answer whose share is measured beside the right ones', such as "I don't know" where everything is known.</summary>
    public (string Name, string Answer)? Watched { get; init; }

    public override IReadOnlyList<Request> Requests { get; } = [.. items.Select(i => new WriteRequest(i.Prompt, i.Answer))];

    public override Reply Right(int request) => Reply.Of(items[request].Answer + ".");

    public override Reply Chance(int request, Func<double> random) =>
        Reply.Of(items[request].Choices is { Count: > 0 } c ? c[(int)(random() * c.Count)] : items[(int)(random() * items.Count)].Answer);

    public override IEnumerable<Metric> Score(IReadOnlyList<Reply> replies, string stage)
    {
        var answers = replies.Select(r => r.Texts[0]).ToList();
        yield return Share(Name, stage, answers.Zip(items).Count(p => verifier(p.First, p.Second.Answer)), items.Count, Baseline);
        if (Watched is { } watched) yield return Share($"{Name}: {watched.Name}", stage, answers.Count(a => AnswerText.Matches(a, watched.Answer)), items.Count, null);
    }

    /// <summary>The share that each simple-minded rule gets, by its name.</summary>
    public IReadOnlyDictionary<string, double> Rules => items.SelectMany(i => i.Baselines.Keys).Distinct()
        .ToDictionary(rule => rule, rule => items.Count(i => i.Baselines.TryGetValue(rule, out var answer) && verifier(answer, i.Answer)) / (double)items.Count);

    static double? BaselineOf(IReadOnlyList<TaskItem> items, Verifier verifier)
    {
        if (items.Count == 0) return null;
        var answers = items.GroupBy(i => AnswerText.Plain(i.Answer)).ToList();
        if (answers.Count == 1 && items.Count > 1) return null; // "I don't know" throughout: always saying so is no feat to compare with
        double best = answers.Max(g => g.Count()) / (double)items.Count;
        foreach (var rule in items.SelectMany(i => i.Baselines.Keys).Distinct())
            best = Math.Max(best, items.Count(i => i.Baselines.TryGetValue(rule, out var answer) && verifier(answer, i.Answer)) / (double)items.Count);
        return best;
    }
}

/// <summary>Several answers a question at a temperature: pass@1, pass@k, and how many of the answers differ.</summary>
/// <param name="name">As the report shows it.</param>
/// <param name="items">Questions.</param>
/// <param name="verifier">When an answer is right.</param>
/// <param name="samples">Answers a question.</param>
/// <param name="k">Of pass@k.</param>
/// <param name="temperature">Of the choices.</param>
public sealed class SamplingTask(string name, IReadOnlyList<TaskItem> items, Verifier verifier, int samples = 10, int k = 8, double temperature = 1) : EvaluationTask(name)
{
    public override IReadOnlyList<Request> Requests { get; } = [.. items.Select(i => new WriteRequest(i.Prompt, i.Answer) { Samples = samples, Temperature = temperature })];

    public override Reply Right(int request) => Reply.Of([.. Enumerable.Repeat(items[request].Answer, samples)]);

    public override Reply Chance(int request, Func<double> random) => Reply.Of([.. Enumerable.Range(0, samples).Select(_ => items[(int)(random() * items.Count)].Answer)]);

    public override IEnumerable<Metric> Score(IReadOnlyList<Reply> replies, string stage)
    {
        var right = replies.Zip(items).Select(p => p.First.Texts.Count(t => verifier(t, p.Second.Answer))).ToList();
        yield return Mean($"{Name}, pass@1", right.Select(c => PassAtK.Estimate(samples, c, 1)));
        yield return Mean($"{Name}, pass@{k}", right.Select(c => PassAtK.Estimate(samples, c, k)));
        var (mean, low, high) = Interval.Normal([.. replies.Select(r => (double)r.Texts.Select(AnswerText.Plain).Distinct().Count())]);
        yield return new($"{Name}, distinct answers of {samples}", stage, mean, items.Count, low, high, null);

        // Values in [0, 1], whose interval by Wilson is on the safe side.
        Metric Mean(string name, IEnumerable<double> values)
        {
            double sum = values.Sum();
            var (least, most) = Interval.Wilson(sum, items.Count);
            return new(name, stage, items.Count == 0 ? 0 : sum / items.Count, items.Count, least, most, null);
        }
    }
}
