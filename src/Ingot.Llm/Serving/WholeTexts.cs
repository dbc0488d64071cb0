using Ingot.Llm.Models;

namespace Ingot.Llm.Serving;

/// <summary>How the vectors of a text's tokens become one.</summary>
public enum Pooling
{
    /// <summary>Their mean.</summary>
    Mean,
    /// <summary>The last token's, which alone has seen all of the text.</summary>
    Last,
}

/// <summary>What a model says of whole texts, without writing any: vectors, and how likely each token was.</summary>
static class WholeTexts
{
    /// <summary>Positions whose logits are computed at once: a large vocabulary makes them large.</summary>
    const int LogitRows = 64;

    /// <summary>A vector of length 1 for a text.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokens">At least one.</param>
    /// <param name="pooling">How the tokens' vectors become one.</param>
    public static float[] Embed(Decoder model, int[] tokens, Pooling pooling)
    {
        int width = model.Config.Width;
        var hidden = Hidden(model, tokens);
        var sum = new double[width];
        for (int t = pooling == Pooling.Last ? tokens.Length - 1 : 0; t < tokens.Length; t++)
            for (int i = 0; i < width; i++) sum[i] += hidden[t * width + i];
        double norm = Math.Sqrt(sum.Sum(v => v * v));
        return [.. sum.Select(v => norm == 0 ? 0 : (float)(v / norm))];
    }

    /// <summary>Each token of a text with its log-probability after those before it; the first has none (NaN).</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokens">At least one.</param>
    /// <param name="vocabulary">Tokens from this one on do not count.</param>
    /// <param name="likeliest">How many of the likeliest are wanted at each place.</param>
    public static IReadOnlyList<ChosenToken> Score(Decoder model, int[] tokens, int vocabulary, int likeliest)
    {
        int width = model.Config.Width, size = model.VocabularySize;
        var hidden = Hidden(model, tokens);
        List<ChosenToken> scored = [new(tokens[0], double.NaN, [])];
        using var noGrad = new NoGrad();
        for (int from = 0; from < tokens.Length - 1; from += LogitRows)
        {
            var rows = new float[LogitRows * width];
            int count = Math.Min(LogitRows, tokens.Length - 1 - from);
            hidden.AsSpan(from * width, count * width).CopyTo(rows);
            var logits = model.Logits(Tensor.From(rows, LogitRows, width)).ToArray<float>();
            for (int i = 0; i < count; i++) scored.Add(ChosenToken.Of(tokens[from + i + 1], logits.AsSpan(i * size, vocabulary), likeliest));
        }
        return scored;
    }

    /// <summary>(T, C), and perhaps more rows, which do not count.</summary>
    static float[] Hidden(Decoder model, int[] tokens)
    {
        // Lengths in powers of two, so that few plans are compiled; what is behind a text is not seen by it.
        var padded = new int[Math.Min(model.ContextLength, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)tokens.Length))];
        tokens.CopyTo(padded, 0);
        using var noGrad = new NoGrad();
        return model.Hidden(Tensor.From(padded, 1, padded.Length)).ToArray<float>();
    }
}
