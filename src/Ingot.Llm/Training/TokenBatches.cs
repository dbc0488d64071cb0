using Ingot.Graph;

namespace Ingot.Llm.Training;

/// <summary>The tokens of a text, the last tenth kept for validation, as batches. What a step sees is a function of seed and step alone, so that a resumed run sees the same.</summary>
public sealed class TokenBatches
{
    readonly int[] tokens;
    readonly int trained; // tokens [0, trained) are for training
    readonly int length;

    /// <param name="tokens">The whole text.</param>
    /// <param name="length">T: tokens a sequence.</param>
    /// <exception cref="IngotException">Too few tokens for a sequence in either part.</exception>
    public TokenBatches(int[] tokens, int length)
    {
        (this.tokens, this.length) = (tokens, length);
        trained = (int)(0.9 * tokens.Length);
        int shorter = Math.Min(trained, tokens.Length - trained);
        if (shorter < length + 1)
            throw new IngotException($"the text has {tokens.Length} tokens, of which a tenth is kept for validation; with a context of {length} it needs at least {10 * (length + 1)}: give more text or a shorter context");
    }

    /// <summary>Sequences at random places of the training part, and the tokens that follow each of theirs.</summary>
    /// <returns>(B, T) each, int32.</returns>
    public (Tensor Tokens, Tensor Targets) Training(ulong seed, int step, int batch)
    {
        var starts = new int[batch];
        for (int i = 0; i < batch; i++)
        {
            ulong random = Threefry.Bits(seed ^ 0x62617463686573, (ulong)step * (ulong)batch + (ulong)i); // keyed apart from the weights' numbers
            starts[i] = (int)(random * (ulong)(trained - length) >> 32);
        }
        return Sequences(starts);
    }

    /// <summary>The validation part in blocks that do not overlap, all of them but a rest shorter than a block.</summary>
    public IEnumerable<(Tensor Tokens, Tensor Targets)> Validation(int batch)
    {
        int blocks = (tokens.Length - trained - 1) / length;
        for (int first = 0; first < blocks; first += batch)
            yield return Sequences([.. Enumerable.Range(first, Math.Min(batch, blocks - first)).Select(b => trained + b * length)]);
    }

    (Tensor, Tensor) Sequences(ReadOnlySpan<int> starts)
    {
        var x = new int[starts.Length * length];
        var y = new int[x.Length];
        for (int i = 0; i < starts.Length; i++)
        {
            tokens.AsSpan(starts[i], length).CopyTo(x.AsSpan(i * length));
            tokens.AsSpan(starts[i] + 1, length).CopyTo(y.AsSpan(i * length));
        }
        return (Tensor.From(x, starts.Length, length), Tensor.From(y, starts.Length, length));
    }
}
