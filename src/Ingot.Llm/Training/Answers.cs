using Ingot.Llm.Models;

namespace Ingot.Llm.Training;

/// <summary>A text of which a part is an answer to be learned from.</summary>
/// <param name="Tokens">Prompt and answer.</param>
/// <param name="IsOwn">Which of them the model says itself: not the prompt, not what a tool says.</param>
sealed record Answer(int[] Tokens, bool[] IsOwn)
{
    /// <summary>Tokens that the model says itself.</summary>
    public int OwnCount => IsOwn.Count(own => own);

    /// <summary>Positions that a row needs: the last token is only predicted.</summary>
    public int Positions => Tokens.Length - 1;
}

/// <summary>Answers as rows of tensors, and how likely a model finds them.</summary>
static class Answers
{
    /// <summary>The lengths that rows have: few, as each is compiled for.</summary>
    const int Granularity = 16;

    /// <summary>The length of rows that a number of positions fits into.</summary>
    /// <param name="positions">Of the longest row.</param>
    /// <param name="context">Of the model.</param>
    public static int RowLength(int positions, int context)
    {
        int length = Granularity;
        // Steps of a quarter at most, so that little is computed for nothing.
        while (length < positions) length += Math.Max(Granularity, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length + 1) / 8);
        return Math.Min(length, context);
    }

    /// <summary>Tokens and targets, each (rows, length); targets outside the answers' own tokens, and rows beyond the last answer, do not count.</summary>
    public static (Tensor Tokens, Tensor Targets) Rows(IReadOnlyList<Answer> answers, int rows, int length)
    {
        var (x, y) = (new int[rows * length], new int[rows * length]);
        Array.Fill(y, TokenSource.Ignored);
        for (int r = 0; r < answers.Count; r++)
        {
            var (tokens, own) = answers[r];
            tokens.AsSpan(0, tokens.Length - 1).CopyTo(x.AsSpan(r * length));
            for (int i = 1; i < tokens.Length; i++)
                if (own[i]) y[r * length + i - 1] = tokens[i];
        }
        return (Tensor.From(x, rows, length), Tensor.From(y, rows, length));
    }

    /// <summary>The log-probability of each target, 0 where it does not count: (B, T).</summary>
    /// <param name="model">Who is asked.</param>
    /// <param name="tokens">(B, T).</param>
    /// <param name="targets">(B, T).</param>
    /// <param name="temperature">The logits are divided by it.</param>
    public static Tensor LogProbabilities(Decoder model, Tensor tokens, Tensor targets, double temperature = 1) =>
        LogProbabilities(Logits(model, tokens, temperature), targets);

    /// <summary>(B T, V).</summary>
    public static Tensor Logits(Decoder model, Tensor tokens, double temperature)
    {
        var logits = model.Forward(tokens).Reshape(-1, model.VocabularySize);
        return temperature == 1 ? logits : logits * (1 / temperature);
    }

    /// <param name="logits">(B T, V).</param>
    /// <param name="targets">(B, T).</param>
    public static Tensor LogProbabilities(Tensor logits, Tensor targets) =>
        -logits.CrossEntropy(targets.Reshape(-1), ignoreIndex: TokenSource.Ignored, reduction: Reduction.None).Reshape(targets.Shape.Span);
}
