using Ingot.Llm.Generation;

namespace Ingot.Llm.Serving;

/// <summary>How likely a model finds each token of a given text.</summary>
static class PromptScores
{
    /// <summary>Positions whose logits are computed at once: a large vocabulary makes them large.</summary>
    const int LogitRows = 64;

    /// <summary>Each token with its log-probability after those before it; the first has none. In parts: null as long as there is more to do, which the engine's next step does some of.</summary>
    /// <param name="engine">Texts in progress go on beside; whoever owns it steps it.</param>
    /// <param name="tokens">At least one.</param>
    /// <param name="vocabulary">Tokens from this one on do not count.</param>
    /// <param name="likeliest">How many of the likeliest are wanted at each place.</param>
    public static IEnumerable<IReadOnlyList<ChosenToken>?> InSteps(Engine engine, int[] tokens, int vocabulary, int likeliest)
    {
        int width = engine.Model.Config.Width;
        var hidden = new float[tokens.Length * width];
        using (var sequence = engine.Start(tokens, new(Temperature: 0)))
        {
            sequence.MayTakePrefix = false; // of what is in the cache nothing is computed, and so nothing read
            sequence.ReadHidden = (position, row) => row.CopyTo(hidden.AsSpan(position * width));
            while (!sequence.IsDone) yield return null;
        }
        List<ChosenToken> scored = [new(tokens[0], null)];
        for (int from = 0; from < tokens.Length - 1; from += LogitRows)
        {
            Score(engine, tokens, hidden, from, vocabulary, likeliest, scored);
            yield return null;
        }
        yield return scored;
    }

    static void Score(Engine engine, int[] tokens, float[] hidden, int from, int vocabulary, int likeliest, List<ChosenToken> scored)
    {
        int width = engine.Model.Config.Width, size = engine.Model.VocabularySize;
        using var noGrad = new NoGrad();
        var rows = new float[LogitRows * width];
        int count = Math.Min(LogitRows, tokens.Length - 1 - from);
        hidden.AsSpan(from * width, count * width).CopyTo(rows);
        var logits = engine.Model.Logits(Tensor.From(rows, LogitRows, width)).ToArray<float>();
        for (int i = 0; i < count; i++) scored.Add(new(tokens[from + i + 1], TokenLogProbability.Of(logits.AsSpan(i * size, vocabulary), tokens[from + i + 1], likeliest)));
    }
}
