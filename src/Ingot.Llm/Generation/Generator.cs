using Ingot.Graph;
using Ingot.Llm.Models;

namespace Ingot.Llm.Generation;

/// <summary>How the next token is chosen.</summary>
/// <param name="Temperature">The logits are divided by it; 0 takes the most likely token.</param>
/// <param name="TopK">Only this many of the most likely tokens are considered; 0: all.</param>
/// <param name="Seed">Of the random choices: the same seed gives the same text.</param>
public sealed record SamplingOptions(double Temperature = 0.8, int TopK = 0, ulong Seed = 1)
{
    /// <exception cref="IngotException">A number is out of range.</exception>
    public SamplingOptions Checked() =>
        !(Temperature >= 0) || !double.IsFinite(Temperature) ? throw new IngotException($"the temperature must be 0 or more, not {Temperature}")
        : TopK < 0 ? throw new IngotException($"top-k must be 0 (all tokens) or more, not {TopK}")
        : this;
}

/// <summary>Continues a sequence token by token.</summary>
public sealed class Generator(ILanguageModel model)
{
    /// <summary>Lengths are rounded up to a multiple of this, so that a growing text does not compile a kernel for every length.</summary>
    const int LengthStep = 32;

    /// <summary>The tokens that follow the prompt, one by one as they are chosen. Without an end; take as many as wanted.</summary>
    /// <param name="prompt">At least one token; of a prompt longer than the context the end counts.</param>
    /// <param name="options">How to choose.</param>
    /// <exception cref="IngotException">The prompt is empty.</exception>
    public IEnumerable<int> Continue(IReadOnlyList<int> prompt, SamplingOptions options)
    {
        if (prompt.Count == 0) throw new IngotException("the prompt is empty; generation needs at least one token to continue");
        options.Checked();
        return Tokens([.. prompt], options);
    }

    IEnumerable<int> Tokens(List<int> tokens, SamplingOptions options)
    {
        for (ulong i = 0; ; i++)
        {
            // Two draws make 64 bits, of which a double keeps 53.
            double draw = ((ulong)Threefry.Bits(options.Seed, 2 * i) << 32 | Threefry.Bits(options.Seed, 2 * i + 1)) * Math.Pow(2, -64);
            int next = Choose(NextLogits(tokens), options, draw);
            tokens.Add(next);
            yield return next;
        }
    }

    /// <summary>The scores of the token after these.</summary>
    float[] NextLogits(List<int> tokens)
    {
        using var noGrad = new NoGrad();
        int used = Math.Min(tokens.Count, model.ContextLength);
        // Padding comes after the text, where a causal model does not look.
        int padded = Math.Min(model.ContextLength, (used + LengthStep - 1) / LengthStep * LengthStep);
        var window = new int[padded];
        tokens.CopyTo(tokens.Count - used, window, 0, used);
        return model.Forward(Tensor.From(window, 1, padded)).Narrow(1, used - 1, 1).ToArray<float>();
    }

    /// <param name="logits">Scores; changed.</param>
    /// <param name="options">How to choose.</param>
    /// <param name="draw">Uniform in [0, 1).</param>
    internal static int Choose(Span<float> logits, SamplingOptions options, double draw)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
            if (logits[i] > logits[best]) best = i;
        if (options.Temperature == 0) return best;
        if (options.TopK > 0 && options.TopK < logits.Length) KeepLargest(logits, options.TopK);
        // Softmax in double, from the largest score, so that nothing overflows at any temperature.
        double top = logits[best], sum = 0;
        foreach (float l in logits) sum += Math.Exp((l - top) / options.Temperature);
        double left = draw * sum;
        for (int i = 0; i < logits.Length; i++)
        {
            left -= Math.Exp((logits[i] - top) / options.Temperature);
            if (left < 0) return i;
        }
        return best; // rounding has left a crumb
    }

    /// <summary>Scores below the k-th largest become minus infinity; of equal ones at the boundary the first stay.</summary>
    static void KeepLargest(Span<float> logits, int k)
    {
        var order = new int[logits.Length];
        for (int i = 0; i < order.Length; i++) order[i] = i;
        var scores = logits.ToArray();
        Array.Sort(order, (a, b) => scores[b].CompareTo(scores[a]) is var c && c != 0 ? c : a.CompareTo(b));
        foreach (int i in order.AsSpan(k)) logits[i] = float.NegativeInfinity;
    }
}
