namespace Ingot.Llm.Generation;

/// <summary>How likely a token was, in nats, by the model's own distribution: before temperature, penalties and what else chooses.</summary>
/// <param name="Token">The token that was chosen.</param>
/// <param name="LogProbability">Of it.</param>
/// <param name="Likeliest">The likeliest tokens, the first first; the chosen one need not be among them.</param>
public sealed record TokenLogProbability(int Token, float LogProbability, IReadOnlyList<(int Token, float LogProbability)> Likeliest)
{
    /// <param name="logits">(V).</param>
    /// <param name="token">What was chosen.</param>
    /// <param name="count">How many of the likeliest.</param>
    internal static TokenLogProbability Of(ReadOnlySpan<float> logits, int token, int count)
    {
        double top = logits[Sampler.Best(logits)], sum = 0;
        foreach (float l in logits) sum += Math.Exp(l - top);
        double log = top + Math.Log(sum);
        var likeliest = new (int, float)[Math.Min(count, logits.Length)];
        if (count > 0)
        {
            var order = new Candidates().Likeliest(logits, likeliest.Length);
            for (int i = 0; i < likeliest.Length; i++) likeliest[i] = (Candidates.Token(order[i]), (float)(logits[Candidates.Token(order[i])] - log));
        }
        return new(token, (float)(logits[token] - log), likeliest);
    }
}
