using Ingot.Formats;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Evaluation;

/// <summary>A way to keep matrices of weights in fewer bits.</summary>
public sealed class WeightRounding
{
    readonly Func<Weight, Weight> round;
    readonly Func<Weight, double> bits;

    WeightRounding(string name, Func<Weight, Weight> round, Func<Weight, double> bits) => (Name, this.round, this.bits) = (name, round, bits);

    public string Name { get; }

    /// <summary>A type of GGUF's; matrices whose rows are no whole blocks of it get the nearest that they are.</summary>
    public static WeightRounding Of(GgmlType type) => new(type.ToString().ToLowerInvariant(), w => Matrices.Converted(w, type), w => Matrices.TypeOf(w.Shape, type).BitsPerValue);

    /// <summary>
    /// The plain round trip through whole numbers with one scale a row: w becomes round(w / s) s with s = max |w| / (2^(bits - 1) - 1). What George Hotz asks of
    /// every format of fewer bits: what is lost if one only rounds?
    /// </summary>
    /// <param name="bits">2 to 8.</param>
    public static WeightRounding OfRows(int bits)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 8);
        float most = (1 << bits - 1) - 1;
        return new($"int{bits} a row", w =>
        {
            var values = w.Values().To(DType.F32);
            var scale = values.Abs().Amax([1], true) / most;
            return Weight.Of(((values / scale.Eq(0f).Where(1f, scale)).Round() * scale).Contiguous());
        }, w => bits + 16.0 / w.Shape[^1]); // a half precision scale a row
    }

    internal Weight Rounded(Weight weight) => round(weight);

    internal double BitsOf(Weight weight) => bits(weight) * weight.Shape.Count;
}

/// <summary>What a model is worth in a precision.</summary>
/// <param name="Name">Of the precision.</param>
/// <param name="BitsPerWeight">Mean over all weights, scales included.</param>
/// <param name="Megabytes">Of all weights.</param>
/// <param name="Perplexity">Exponential of the mean negative log-probability of a token.</param>
/// <param name="BitsPerByte">Of the text.</param>
public sealed record PrecisionFigures(string Name, double BitsPerWeight, double Megabytes, double Perplexity, double BitsPerByte);

/// <summary>Measures a model on a text with its weights in one precision after the other.</summary>
public sealed class PrecisionCost
{
    readonly LoadedModel loaded;
    readonly List<(int[] Tokens, int From)> rows = [];

    /// <param name="loaded">The model as it is in its file.</param>
    /// <param name="texts">Documents, each after what begins a text.</param>
    /// <param name="length">Tokens a row, which is measured on its own; at most the context.</param>
    /// <param name="most">Tokens in all, at most; 0: all.</param>
    /// <exception cref="IngotException">There is no text.</exception>
    public PrecisionCost(LoadedModel loaded, IReadOnlyList<string> texts, int length = 512, int most = 0)
    {
        this.loaded = loaded;
        length = Math.Min(length, loaded.Model.ContextLength);
        if (length < 2) throw new IngotException($"rows of {length} tokens have nothing to predict");
        var begin = TextBeginning.Of(loaded.Tokenizer, loaded.BeginToken);
        // Each row begins as a text does; where no token begins one, the first token is not counted.
        int from = Math.Max(1, begin.Count), words = length - begin.Count;
        if (words < 1) throw new IngotException($"rows of {length} tokens have nothing to predict");
        foreach (string text in texts)
        {
            var ids = loaded.Tokenizer.Encode(text, addSpecial: false, parseSpecial: false);
            for (int at = 0; at < ids.Length && (most == 0 || Tokens < most); at += words)
            {
                int[] row = [.. begin, .. ids.AsSpan(at, Math.Min(words, ids.Length - at))];
                if (row.Length <= from) continue;
                rows.Add((row, from));
                Tokens += row.Length - from;
                Bytes += loaded.Tokenizer.DecodeBytes(row.AsSpan(from), skipSpecial: false).Length;
            }
        }
        if (Tokens == 0) throw new IngotException("there is no text to measure on");
    }

    /// <summary>Tokens that are predicted.</summary>
    public int Tokens { get; }

    /// <summary>Bytes of text that they stand for.</summary>
    public long Bytes { get; }

    /// <summary>The figures in one precision.</summary>
    /// <param name="rounding">How the weights are kept.</param>
    /// <param name="cancellation">Ends the work.</param>
    public PrecisionFigures Of(WeightRounding rounding, CancellationToken cancellation = default)
    {
        var (model, bits, count) = loaded.With(rounding);
        double nats = new LikelihoodRows(model).NatsOf(rows, cancellation).Sum();
        return new(rounding.Name, bits / count, bits / 8e6, Math.Exp(nats / Tokens), nats / Math.Log(2) / Bytes);
    }
}
