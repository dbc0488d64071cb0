using System.Text;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Evaluation;

/// <summary>How well a model foretells given continuations of texts: bits for each of their bytes.</summary>
/// <param name="name">As the report shows it.</param>
/// <param name="items">Texts and what follows them.</param>
public sealed class ContinuationTask(string name, IReadOnlyList<(string Beginning, string Ending)> items) : EvaluationTask(name)
{
    public override IReadOnlyList<Request> Requests { get; } = [.. items.Select(i => new WeighRequest(new([new(Role.User, i.Beginning)]), [i.Ending]) { IsText = true })];

    public override IEnumerable<string> Texts => items.Select(i => i.Beginning + i.Ending);

    public override Reply? Right(int request) => Reply.Weights([0]);

    /// <summary>Every byte as likely as any other.</summary>
    public override Reply Chance(int request, Func<double> random) => Reply.Weights([-8 * Math.Log(2) * Encoding.UTF8.GetByteCount(items[request].Ending)]);

    public override IEnumerable<Metric> Score(IReadOnlyList<Reply> replies, string stage)
    {
        var bits = replies.Select(r => -r.LogLikelihoods[0] / Math.Log(2)).ToList();
        var bytes = items.Select(i => (double)Encoding.UTF8.GetByteCount(i.Ending)).ToList();
        double value = bits.Sum() / bytes.Sum(), scale = items.Count / bytes.Sum();
        // Of a quotient of two means, by the deviation of what is left of each item's bits.
        var (_, low, high) = Interval.Normal([.. bits.Zip(bytes, (b, n) => b - value * n)]);
        yield return new(Name, stage, value, items.Count, value + low * scale, value + high * scale, 8);
    }
}
