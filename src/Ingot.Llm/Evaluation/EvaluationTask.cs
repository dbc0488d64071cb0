namespace Ingot.Llm.Evaluation;

/// <summary>Something that is measured: what is asked, and what the replies are worth.</summary>
/// <param name="name">As the report shows it.</param>
public abstract class EvaluationTask(string name)
{
    public string Name { get; } = name;

    /// <summary>It asks for what was trained on, on purpose: that it stands in the training data is no news.</summary>
    public bool IsOfTrainingText { get; init; }

    public abstract IReadOnlyList<Request> Requests { get; }

    /// <summary>The scores of replies to <see cref="Requests"/>.</summary>
    public abstract IEnumerable<Metric> Score(IReadOnlyList<Reply> replies, string stage);

    /// <summary>What someone who knows everything replies to a request; null where there is no right reply.</summary>
    public abstract Reply? Right(int request);

    /// <summary>What chance replies to a request: a choice of the candidates, or an answer that is right for another item.</summary>
    /// <param name="request">Index in <see cref="Requests"/>.</param>
    /// <param name="random">Uniform in [0, 1).</param>
    public abstract Reply Chance(int request, Func<double> random);

    /// <summary>Prompt and answer of each item, to be looked for in training data.</summary>
    public virtual IEnumerable<string> Texts => Requests.Select((r, i) => Right(i) is { Texts: [var first, ..] } ? $"{r.Text} {first}" : r.Text);

    /// <summary>A share of n that are right, with Wilson's interval.</summary>
    protected static Metric Share(string name, string stage, int right, int n, double? baseline)
    {
        var (low, high) = Interval.Wilson(right, n);
        return new(name, stage, n == 0 ? 0 : right / (double)n, n, low, high, baseline);
    }

    /// <summary>One candidate above all others.</summary>
    protected static Reply Certain(int index, int count) => Reply.Weights([.. Enumerable.Range(0, count).Select(i => i == index ? 0.0 : -1000)]);
}
