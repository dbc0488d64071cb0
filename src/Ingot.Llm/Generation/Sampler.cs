using System.Buffers;
using Ingot.Graph;

namespace Ingot.Llm.Generation;

/// <summary>Chooses the tokens of one text. What it chooses depends on the options, the text and the logits alone.</summary>
/// <remarks>
/// In the order that Hugging Face's and vLLM's samplers share: penalties and biases, temperature, top-k, top-p, min-p; top-p and min-p look at the
/// probabilities that what is before them has left. Of equally likely tokens the one with the lower number comes first.
/// </remarks>
public sealed class Sampler(SamplingOptions options)
{
    readonly SamplingOptions options = options.Checked();
    readonly Dictionary<int, int> generated = []; // how often
    readonly HashSet<int> seen = [];
    float[] logits = [];
    ulong draws;

    /// <summary>Takes note of a token that was not chosen here: the prompt's, a tool's.</summary>
    public void Note(int token) => seen.Add(token);

    /// <summary>The next token, which is noted.</summary>
    public int Next(ReadOnlySpan<float> scores)
    {
        scores = scores[..Math.Min(scores.Length, options.VocabularySize)];
        int token;
        if (options is { Temperature: 0, LeavesLogits: true }) token = Best(scores);
        else
        {
            if (logits.Length != scores.Length) logits = new float[scores.Length];
            scores.CopyTo(logits);
            Adjust(logits);
            token = Choose(logits, options, Draw(options.Seed, draws));
        }
        draws++;
        seen.Add(token);
        generated[token] = generated.GetValueOrDefault(token) + 1;
        return token;
    }

    /// <summary>Uniform in [0, 1): the i-th of a seed.</summary>
    internal static double Draw(ulong seed, ulong i) => // two draws make 64 bits, of which a double keeps 53
        (((ulong)Threefry.Bits(seed, 2 * i) << 32 | Threefry.Bits(seed, 2 * i + 1)) >> 11) * Math.Pow(2, -53);

    void Adjust(Span<float> logits)
    {
        if (options.LeavesLogits) return;
        if (options.RepetitionPenalty != 1)
            foreach (int t in seen)
                if (t < logits.Length) logits[t] = (float)(logits[t] > 0 ? logits[t] / options.RepetitionPenalty : logits[t] * options.RepetitionPenalty);
        foreach (var (t, count) in generated) logits[t] -= (float)(options.PresencePenalty + count * options.FrequencyPenalty);
        foreach (var (t, bias) in options.LogitBias)
            if (t < logits.Length) logits[t] += (float)bias;
    }

    static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    /// <param name="logits">Scores; changed.</param>
    /// <param name="options">How to choose; the penalties are taken already.</param>
    /// <param name="draw">Uniform in [0, 1).</param>
    internal static int Choose(Span<float> logits, SamplingOptions options, double draw)
    {
        int best = Best(logits);
        if (options.Temperature == 0) return best;
        Restrict(logits, logits[best], options);
        // Softmax in double, from the largest score, so that nothing overflows at any temperature.
        double top = logits[best], sum = 0;
        double[] weights = ArrayPool<double>.Shared.Rent(logits.Length);
        try
        {
            for (int i = 0; i < logits.Length; i++) sum += weights[i] = Math.Exp((logits[i] - top) / options.Temperature);
            double left = draw * sum;
            for (int i = 0; i < logits.Length; i++)
                if ((left -= weights[i]) < 0) return i;
        }
        finally { ArrayPool<double>.Shared.Return(weights); }
        return best; // rounding has left a crumb
    }

    /// <summary>Makes what is not considered minus infinity.</summary>
    static void Restrict(Span<float> logits, double top, SamplingOptions options)
    {
        if (options.TopK > 0 && options.TopK < logits.Length) KeepFirst(logits, Ordered(logits, double.NegativeInfinity), options.TopK);
        if (options.TopP < 1)
        {
            double sum = 0;
            foreach (float l in logits) sum += Math.Exp((l - top) / options.Temperature);
            // Tokens less likely than (1 - p) / V sum to less than 1 - p: none of them is among the fewest that reach p, and they need no sorting (a little below, for rounding).
            double least = (1 - options.TopP) / logits.Length * sum;
            var order = Ordered(logits, top + options.Temperature * Math.Log(least) - 1e-3);
            double reached = 0;
            int count = 0;
            while (count < order.Length && reached < options.TopP * sum) reached += Math.Exp((logits[order[count++]] - top) / options.Temperature);
            KeepFirst(logits, order, Math.Max(1, count));
        }
        if (options.MinP > 0)
        {
            double least = top + options.Temperature * Math.Log(options.MinP);
            foreach (ref float l in logits)
                if (l < least) l = float.NegativeInfinity;
        }
    }

    /// <summary>The tokens with a score of at least some value, most likely first.</summary>
    static int[] Ordered(ReadOnlySpan<float> logits, double least)
    {
        int count = 0;
        foreach (float l in logits)
            if (l >= least) count++;
        var (keys, tokens) = (new (float Score, int Token)[count], new int[count]);
        int at = 0;
        for (int i = 0; i < logits.Length; i++)
            if (logits[i] >= least) (keys[at], tokens[at++]) = ((logits[i], i), i);
        Array.Sort(keys, tokens, Likelier);
        return tokens;
    }

    static readonly Comparer<(float Score, int Token)> Likelier =
        Comparer<(float Score, int Token)>.Create((a, b) => b.Score.CompareTo(a.Score) is var c && c != 0 ? c : a.Token.CompareTo(b.Token));

    /// <summary>All tokens but the first of an order become minus infinity.</summary>
    static void KeepFirst(Span<float> logits, int[] order, int count)
    {
        var kept = new (int Token, float Score)[Math.Min(count, order.Length)];
        for (int i = 0; i < kept.Length; i++) kept[i] = (order[i], logits[order[i]]);
        logits.Fill(float.NegativeInfinity);
        foreach (var (token, score) in kept) logits[token] = score;
    }
}
