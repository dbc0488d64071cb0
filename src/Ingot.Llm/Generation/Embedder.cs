using Ingot.Llm.Models;

namespace Ingot.Llm.Generation;

/// <summary>How a text's hidden states become one vector.</summary>
public enum Pooling
{
    /// <summary>Their mean over all tokens.</summary>
    Mean,
    /// <summary>That of the last token, which has seen all others.</summary>
    LastToken,
}

/// <summary>
/// Vectors of texts: what goes into a decoder's head, pooled. Texts are computed side by side, of any lengths, and a text's vector does not depend on the others, bit
/// for bit. Not for several threads at once.
/// </summary>
public sealed class Embedder
{
    /// <summary>Texts whose keys and values are in memory at a time.</summary>
    const int SideBySide = 16;

    readonly Engine engine;

    /// <param name="model">The weights.</param>
    /// <param name="options">As for an <see cref="Engine"/>; prefixes are not kept.</param>
    public Embedder(Decoder model, EngineOptions? options = null) => engine = new(model, (options ?? new()) with { PrefixBytes = 0, Store = null });

    /// <summary>Components of a vector.</summary>
    public int Width => engine.Model.Config.Width;

    /// <summary>A vector each.</summary>
    /// <param name="texts">Tokens, at least one a text.</param>
    /// <param name="pooling">How.</param>
    /// <param name="isNormalised">Vectors of length 1.</param>
    /// <param name="cancellation">Ends the work, without a result.</param>
    /// <exception cref="IngotException">A text is empty, or longer than the model's context.</exception>
    public float[][] Embed(IReadOnlyList<int[]> texts, Pooling pooling, bool isNormalised = true, CancellationToken cancellation = default) =>
        EmbedInSteps(texts, pooling, isNormalised, cancellation).Last(r => r is not null)!;

    /// <summary>The same, a step of the model at a time, so that something else may be done between two: null as long as there is more to do, then the vectors.</summary>
    /// <inheritdoc cref="Embed"/>
    internal IEnumerable<float[][]?> EmbedInSteps(IReadOnlyList<int[]> texts, Pooling pooling, bool isNormalised = true, CancellationToken cancellation = default)
    {
        var results = new float[texts.Count][];
        var active = new List<GeneratedSequence>();
        try
        {
            for (int next = 0; next < texts.Count || active.Count > 0;)
            {
                for (; next < texts.Count && active.Count < SideBySide; next++) active.Add(Start(texts[next], results, next, pooling, isNormalised));
                engine.Step(cancellation);
                for (int i = active.Count - 1; i >= 0; i--)
                    if (active[i].IsDone)
                    {
                        active[i].Dispose();
                        active.RemoveAt(i);
                    }
                yield return null;
            }
        }
        finally
        {
            foreach (var s in active) s.Dispose();
        }
        yield return results;
    }

    /// <summary>Gives memory that no text uses back.</summary>
    public void Trim() => engine.Cache.Trim();

    GeneratedSequence Start(int[] tokens, float[][] results, int number, Pooling pooling, bool isNormalised)
    {
        if (tokens.Length == 0) throw new IngotException($"text {number} is empty; an embedding needs at least one token");
        var sum = new double[Width]; // in the order of positions, whatever the chunks
        var sequence = engine.Start(tokens, new(Temperature: 0));
        sequence.ReadHidden = (position, hidden) =>
        {
            bool isLast = position == tokens.Length - 1;
            if (pooling == Pooling.Mean || isLast)
                for (int i = 0; i < sum.Length; i++) sum[i] += hidden[i];
            if (isLast) results[number] = Vector(sum, pooling == Pooling.Mean ? tokens.Length : 1, isNormalised);
        };
        return sequence;
    }

    static float[] Vector(double[] sum, int count, bool isNormalised)
    {
        double by = count;
        if (isNormalised) by = Math.Sqrt(sum.Sum(x => x * x)) is > 0 and var length ? length : 1;
        return Array.ConvertAll(sum, x => (float)(x / by));
    }
}
