using System.Numerics;
using System.Runtime.InteropServices;

namespace Ingot.Llm.Compression;

/// <summary>A model's distribution over the next token as whole numbers: exp(logit - largest) in units of 2^-30, and one more, so that every token is possible.</summary>
/// <remarks>Sums of whole numbers do not depend on their order. The one more costs V / 2^30 of a nat at most.</remarks>
sealed class TokenFrequencies
{
    const float One = 1 << 30;

    /// <summary>Tokens whose frequencies are summed for the search.</summary>
    const int Block = 128;

    readonly int size;
    readonly float[] scores;
    readonly uint[] frequencies;
    readonly ulong[] blocks;
    float largest;
    double sum;

    /// <param name="size">V.</param>
    public TokenFrequencies(int size)
    {
        this.size = size;
        int padded = (size + Block - 1) / Block * Block;
        (scores, frequencies, blocks) = (new float[padded], new uint[padded], new ulong[padded / Block]);
        scores.AsSpan(size).Fill(float.NegativeInfinity);
    }

    /// <summary>Of all tokens.</summary>
    public ulong Total { get; private set; }

    public ReadOnlySpan<uint> Frequencies => frequencies.AsSpan(0, size);

    /// <param name="logits">(V).</param>
    /// <exception cref="IngotException">They are not numbers.</exception>
    public void Set(ReadOnlySpan<float> logits)
    {
        logits.CopyTo(scores);
        var from = MemoryMarshal.Cast<float, Vector<float>>(scores);
        var to = MemoryMarshal.Cast<uint, Vector<uint>>(frequencies.AsSpan());
        var most = from[0];
        foreach (var v in from) most = Vector.Max(most, v);
        largest = most[0];
        for (int i = 1; i < Vector<float>.Count; i++) largest = Math.Max(largest, most[i]);
        var (shift, one, sums) = (new Vector<float>(largest), new Vector<float>(One), Vector<float>.Zero);
        for (int i = 0; i < from.Length; i++)
        {
            var weight = Vector.Exp(from[i] - shift);
            sums += weight;
            to[i] = Vector.AsVectorUInt32(Vector.ConvertToInt32(weight * one)) + Vector<uint>.One;
        }
        sum = Vector.Sum(sums);
        if (!double.IsFinite(sum)) throw new IngotException("the model's logits are not finite numbers; it cannot be used to compress");
        frequencies.AsSpan(size).Clear();
        Total = 0;
        for (int b = 0; b < blocks.Length; b++) Total += blocks[b] = Sum(frequencies.AsSpan(b * Block, Block));
    }

    static ulong Sum(ReadOnlySpan<uint> numbers)
    {
        var vectors = MemoryMarshal.Cast<uint, Vector<uint>>(numbers);
        Vector<ulong> sum = default;
        foreach (var v in vectors) sum += Vector.WidenLower(v) + Vector.WidenUpper(v);
        ulong all = Vector.Sum(sum);
        foreach (uint n in numbers[(vectors.Length * Vector<uint>.Count)..]) all += n;
        return all;
    }

    /// <summary>The sum of the frequencies of the tokens before this one.</summary>
    public ulong Below(int token)
    {
        ulong below = 0;
        for (int b = 0; b < token / Block; b++) below += blocks[b];
        return below + Sum(frequencies.AsSpan(token / Block * Block, token % Block));
    }

    /// <summary>The token in whose share a number is, and the sum before it.</summary>
    /// <param name="number">Below <see cref="Total"/>.</param>
    public (int Token, ulong Below) Find(ulong number)
    {
        int block = 0;
        ulong below = 0;
        for (; below + blocks[block] <= number; block++) below += blocks[block];
        int token = block * Block;
        for (; below + frequencies[token] <= number; token++) below += frequencies[token];
        return (token, below);
    }

    /// <summary>-log2 of the probability that the model itself gives to a token, before anything is rounded.</summary>
    public double Bits(int token) => Math.Log2(sum) - ((double)scores[token] - largest) / Math.Log(2);
}
