using System.Numerics;
using Ingot.Llm.Models;
using Ingot.Llm.Training;

namespace Ingot.Llm.Evaluation;

/// <summary>How likely given tokens are, in rows of a batch: nothing is chosen, and no cache is needed.</summary>
/// <param name="model">The weights; they may change between calls.</param>
public sealed class LikelihoodRows(Decoder model)
{
    /// <summary>Tokens in a batch, about.</summary>
    const int BatchTokens = 4096;

    /// <summary>Rows are at least this long: few lengths, few plans.</summary>
    const int ShortestRow = 16;

    readonly Compiled compiled = Compiled.Of((tokens, targets) =>
    {
        int b = tokens.Size(0), t = tokens.Size(1);
        return model.Forward(tokens).Reshape(b * t, model.VocabularySize).CrossEntropy(targets.Reshape(b * t), reduction: Reduction.None).Reshape(b, t).Sum(1);
    });

    /// <summary>Minus the log-probability of each row's targets.</summary>
    /// <param name="tokens">(B, T).</param>
    /// <param name="targets">(B, T); <see cref="TokenSource.Ignored"/> where none counts.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>B sums in nats.</returns>
    public float[] Nats(Tensor tokens, Tensor targets, CancellationToken cancellation = default)
    {
        using var noGrad = new NoGrad();
        return compiled.Run([tokens, targets], cancellation)[0].ToArray<float>();
    }

    /// <summary>Minus the log-probability of the ends of texts. One that is longer than the context is weighed in stretches, each with half a context before it.</summary>
    /// <param name="rows">Texts as tokens, and the first token that counts, at least 1.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>Nats a text.</returns>
    public double[] NatsOf(IReadOnlyList<(int[] Tokens, int From)> rows, CancellationToken cancellation = default)
    {
        var result = new double[rows.Count];
        var (texts, owners) = (rows, new List<int>());
        rows = Stretches(texts, owners);
        // Texts of like length share a batch; the length is rounded up, and what is behind a text is not seen by it.
        foreach (var group in Enumerable.Range(0, rows.Count).GroupBy(i => (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(ShortestRow, rows[i].Tokens.Length - 1))))
        {
            int length = Math.Min(group.Key, model.ContextLength);
            foreach (var batch in group.Chunk(Math.Max(1, BatchTokens / group.Key)))
            {
                int count = (int)BitOperations.RoundUpToPowerOf2((uint)batch.Length);
                var (x, y) = (new int[count * length], new int[count * length]);
                Array.Fill(y, TokenSource.Ignored);
                foreach (var (r, i) in batch.Index())
                {
                    var (tokens, from) = rows[i];
                    tokens.AsSpan(0, tokens.Length - 1).CopyTo(x.AsSpan(r * length));
                    tokens.AsSpan(from).CopyTo(y.AsSpan(r * length + from - 1));
                }
                var nats = Nats(Tensor.From(x, count, length), Tensor.From(y, count, length), cancellation);
                foreach (var (r, i) in batch.Index()) result[owners[i]] += nats[r];
            }
        }
        return result;
    }

    List<(int[] Tokens, int From)> Stretches(IReadOnlyList<(int[] Tokens, int From)> texts, List<int> owners)
    {
        var stretches = new List<(int[], int)>();
        int context = model.ContextLength;
        foreach (var (i, (tokens, first)) in texts.Index())
            for (int from = first; from < tokens.Length;)
            {
                int start = tokens.Length <= context + 1 ? 0 : Math.Max(0, from - Math.Max(1, context / 2)), end = Math.Min(tokens.Length, start + context + 1);
                stretches.Add((tokens[start..end], from - start));
                owners.Add(i);
                from = end;
            }
        return stretches;
    }

    /// <summary>Bits for each byte of a domain's text; the interval is the normal one over rows.</summary>
    /// <param name="source">The domain.</param>
    /// <param name="length">Tokens a row; at most the model's context.</param>
    /// <param name="stage">Goes into the metric.</param>
    /// <param name="batch">Rows at a time.</param>
    /// <param name="cancellation">Ends the work.</param>
    public Metric BitsPerByte(TokenSource source, int length, string stage, int batch = 16, CancellationToken cancellation = default)
    {
        var perToken = new List<double>();
        double nats = 0;
        long counted = 0;
        foreach (var (x, y, n) in source.InOrder(length, batch))
        {
            if (n == 0) continue;
            int rows = x.Size(0);
            var sums = Nats(x, y, cancellation);
            foreach (float sum in sums) perToken.Add(sum / ((double)n / rows));
            nats += sums.Sum(s => (double)s);
            counted += n;
        }
        double bits = 1 / Math.Log(2) * source.Count / source.Bytes, value = nats / counted * bits;
        var (mean, low, high) = Interval.Normal(perToken);
        return new($"bits per byte, {source.Name}", stage, value, perToken.Count, value + (low - mean) * bits, value + (high - mean) * bits, null);
    }
}
