using Ingot.Graph;

namespace Ingot.Llm.Generation;

/// <summary>Chooses the tokens of one text. What it chooses depends on the options, the text and the logits alone.</summary>
/// <remarks>
/// In the order that Hugging Face's samplers have: penalties and biases, the constraint, temperature, top-k, top-p, min-p, typical-p; the last three look at the
/// probabilities that what is before them has left. Of equally likely tokens the one with the lower number comes first.
/// </remarks>
public sealed class Sampler
{
    readonly SamplingOptions options;
    readonly ITokenConstraint? constraint;
    readonly KeyValuePair<int, double>[] biases;
    readonly Dictionary<int, int> generated = []; // how often, if that matters
    readonly HashSet<int> seen = []; // if that matters
    readonly Candidates candidates = new();
    float[] logits = [];
    ulong draws;

    public Sampler(SamplingOptions options)
    {
        this.options = options.Checked();
        constraint = options.Constraint?.Clone();
        biases = [.. options.LogitBias];
    }

    /// <summary>The text has the form that it must have; false where it may have any.</summary>
    public bool IsComplete => constraint is { IsComplete: true };

    /// <summary>Takes note of a token that was not chosen here: the prompt's, a tool's.</summary>
    public void Note(int token)
    {
        if (options.RepetitionPenalty != 1) seen.Add(token);
    }

    /// <summary>The next token, which is noted.</summary>
    /// <exception cref="IngotException">Biases and constraint leave none.</exception>
    public int Next(ReadOnlySpan<float> scores)
    {
        int token = Chosen(scores, 0, constraint);
        draws++;
        Note(token);
        if (options.PresencePenalty != 0 || options.FrequencyPenalty != 0) generated[token] = generated.GetValueOrDefault(token) + 1;
        constraint?.Accept(token);
        return token;
    }

    /// <summary>
    /// What would be chosen by somebody else's logits some tokens later, with the same random numbers: a guess of what will be. Penalties are those of now, and the
    /// constraint is not asked.
    /// </summary>
    /// <param name="scores">The logits.</param>
    /// <param name="ahead">Tokens that are chosen before.</param>
    public int Guess(ReadOnlySpan<float> scores, int ahead) => Chosen(scores, (ulong)ahead, null);

    int Chosen(ReadOnlySpan<float> scores, ulong ahead, ITokenConstraint? mask)
    {
        scores = scores[..Math.Min(scores.Length, options.VocabularySize)];
        if (options is { Temperature: 0, LeavesLogits: true }) return Best(scores);
        if (logits.Length != scores.Length) logits = new float[scores.Length];
        scores.CopyTo(logits);
        Adjust(logits, mask);
        return Choose(logits, options, options.Temperature == 0 ? 0 : Draw(options.Seed, draws + ahead), candidates);
    }

    /// <summary>Uniform in [0, 1): the i-th of a seed.</summary>
    internal static double Draw(ulong seed, ulong i) => // two draws make 64 bits, of which a double keeps 53
        (((ulong)Threefry.Bits(seed, 2 * i) << 32 | Threefry.Bits(seed, 2 * i + 1)) >> 11) * Math.Pow(2, -53);

    void Adjust(Span<float> logits, ITokenConstraint? mask)
    {
        if (options.RepetitionPenalty != 1)
            foreach (int t in seen)
                if (t < logits.Length) logits[t] = (float)(logits[t] > 0 ? logits[t] / options.RepetitionPenalty : logits[t] * options.RepetitionPenalty);
        foreach (var (t, count) in generated) logits[t] -= (float)(options.PresencePenalty + count * options.FrequencyPenalty);
        foreach (var (t, bias) in biases)
            if (t < logits.Length) logits[t] += (float)bias;
        mask?.Mask(logits);
    }

    internal static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        return best;
    }

    /// <param name="logits">Scores; changed.</param>
    /// <param name="options">How to choose; the penalties are taken already.</param>
    /// <param name="draw">Uniform in [0, 1).</param>
    /// <param name="candidates">Memory to work in.</param>
    internal static int Choose(Span<float> logits, SamplingOptions options, double draw, Candidates? candidates = null)
    {
        int best = Best(logits);
        if (float.IsNegativeInfinity(logits[best])) throw new IngotException("no token is left to go on with: the text's constraint and its logit_bias exclude all of them");
        if (options.Temperature == 0) return best;
        candidates ??= new();
        Restrict(logits, logits[best], options, candidates);
        best = Best(logits); // the likeliest token need not be typical
        // Softmax in double, from the largest score, so that nothing overflows at any temperature.
        double top = logits[best], sum = 0;
        var weights = candidates.Weights(logits.Length);
        for (int i = 0; i < weights.Length; i++) sum += weights[i] = float.IsNegativeInfinity(logits[i]) ? 0 : Math.Exp((logits[i] - top) / options.Temperature);
        double left = draw * sum;
        for (int i = 0; i < weights.Length; i++)
            if ((left -= weights[i]) < 0) return i;
        return best; // rounding has left a crumb
    }

    /// <summary>Makes what is not considered minus infinity.</summary>
    static void Restrict(Span<float> logits, double top, SamplingOptions options, Candidates candidates)
    {
        double temperature = options.Temperature;
        if (options.TopK > 0 && options.TopK < logits.Length) KeepOnly(logits, candidates.Likeliest(logits, options.TopK), candidates);
        if (options.TopP < 1)
        {
            double sum = 0;
            foreach (float l in logits) sum += Math.Exp((l - top) / temperature);
            // Tokens less likely than (1 - p) / V sum to less than 1 - p: none of them is among the fewest that reach p, and they need no sorting (a little below, for rounding).
            double least = (1 - options.TopP) / logits.Length * sum;
            var order = candidates.AtLeast(logits, top + temperature * Math.Log(least) - 1e-3);
            double reached = 0;
            int count = 0;
            while (count < order.Length && reached < options.TopP * sum) reached += Math.Exp((logits[Candidates.Token(order[count++])] - top) / temperature);
            KeepOnly(logits, order[..Math.Max(1, count)], candidates);
        }
        if (options.MinP > 0)
        {
            double least = top + temperature * Math.Log(options.MinP);
            foreach (ref float l in logits)
                if (l < least) l = float.NegativeInfinity;
        }
        if (options.TypicalP < 1) KeepOnly(logits, Typical(logits, top, options, candidates), candidates);
    }

    /// <summary>The tokens whose -log p is nearest to its mean, the entropy, until their probabilities reach typical-p.</summary>
    static ReadOnlySpan<ulong> Typical(ReadOnlySpan<float> logits, double top, SamplingOptions options, Candidates candidates)
    {
        double sum = 0, entropy = 0;
        foreach (float l in logits) sum += Math.Exp((l - top) / options.Temperature);
        double log = Math.Log(sum);
        double Surprise(float l) => log - (l - top) / options.Temperature;
        foreach (float l in logits)
            if (!float.IsNegativeInfinity(l)) entropy += Math.Exp(-Surprise(l)) * Surprise(l);
        var order = candidates.Nearest(logits, l => Math.Abs(Surprise(l) - entropy));
        double reached = 0;
        int count = 0;
        while (count < order.Length && reached < options.TypicalP) reached += Math.Exp(-Surprise(logits[Candidates.Token(order[count++])]));
        return order[..Math.Max(1, count)];
    }

    /// <summary>All tokens but these become minus infinity.</summary>
    static void KeepOnly(Span<float> logits, ReadOnlySpan<ulong> kept, Candidates candidates)
    {
        var scores = candidates.Scores(kept.Length);
        for (int i = 0; i < kept.Length; i++) scores[i] = logits[Candidates.Token(kept[i])];
        logits.Fill(float.NegativeInfinity);
        for (int i = 0; i < kept.Length; i++) logits[Candidates.Token(kept[i])] = scores[i];
    }
}
