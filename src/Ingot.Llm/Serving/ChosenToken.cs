namespace Ingot.Llm.Serving;

/// <summary>A token that was chosen, and how likely the model found it.</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProbability">In nats, of the model's own distribution; NaN if it was not asked for.</param>
/// <param name="Likeliest">The likeliest tokens at this place, likeliest first; as many as were asked for.</param>
public readonly record struct ChosenToken(int Id, double LogProbability, IReadOnlyList<(int Id, double LogProbability)> Likeliest)
{
    /// <summary>The token's place in the softmax of some logits.</summary>
    /// <param name="id">The token.</param>
    /// <param name="logits">One a token.</param>
    /// <param name="likeliest">How many of the likeliest are wanted.</param>
    internal static ChosenToken Of(int id, ReadOnlySpan<float> logits, int likeliest)
    {
        double top = double.NegativeInfinity, sum = 0;
        foreach (float l in logits) top = Math.Max(top, l);
        foreach (float l in logits) sum += Math.Exp(l - top);
        double all = top + Math.Log(sum);
        var best = new PriorityQueue<int, (float, int)>(); // the least of the best in front
        for (int i = 0; i < logits.Length && likeliest > 0; i++)
        {
            if (best.Count < likeliest) best.Enqueue(i, (logits[i], -i));
            else if (best.TryPeek(out _, out var least) && logits[i] > least.Item1) best.EnqueueDequeue(i, (logits[i], -i));
        }
        var ordered = new (int, double)[best.Count];
        for (int i = ordered.Length - 1; i >= 0; i--) ordered[i] = best.Dequeue() is var t ? (t, logits[t] - all) : default;
        return new(id, logits[id] - all, ordered);
    }
}
