using Ingot.Llm.Models;

namespace Ingot.Llm.Generation;

/// <summary>
/// Generates several texts side by side with a <see cref="Decoder"/> and a key-value cache. Each step runs rows: the next token of every text that is being
/// written, and a part of the prompts that wait. What a text gets does not depend on its neighbours, bit for bit. Not for several threads at once.
/// </summary>
/// <remarks>
/// The number of rows is rounded up to powers of two, so that few plans are compiled; sequences, positions and lengths are data
/// (<see cref="CachedAttention"/>). Iteration-level batching as in Yu et al. 2022, "Orca"; chunked prefill as in Agrawal et al. 2023, "Sarathi".
/// </remarks>
public sealed class Engine
{
    readonly List<GeneratedSequence> sequences = [];
    readonly CachedAttention attention;
    readonly Compiled step;
    readonly int mostRows;

    public Decoder Model { get; }

    public KvCache Cache { get; }

    /// <summary>Runs of the model so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Graphs that were built and compiled for them: one a number of rows, not one a length.</summary>
    public int Traces => step.Traces;

    /// <param name="model">The weights; they may change between steps, but what is in the cache stays.</param>
    /// <param name="mostRows">Tokens in a step, at most: a longer prompt is computed in several.</param>
    public Engine(Decoder model, int mostRows = 256)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mostRows, 1);
        (Model, this.mostRows, Cache) = (model, mostRows, new(model.Config));
        attention = new(model.Config, Cache);
        step = new(a => [Step(a[0], a[1], a[2], a[3])]);
    }

    /// <summary>A text to be continued; <see cref="Step(CancellationToken)"/> does it. Dispose it to give its cache back.</summary>
    /// <param name="prompt">At least one token.</param>
    /// <param name="options">How to choose.</param>
    /// <exception cref="IngotException">The prompt is empty, does not fit into the context or has tokens that the model has not.</exception>
    public GeneratedSequence Start(ReadOnlySpan<int> prompt, SamplingOptions options)
    {
        if (prompt.Length == 0) throw new IngotException("the prompt is empty; generation needs at least one token to continue");
        var sequence = new GeneratedSequence(this, options);
        sequence.Append(prompt);
        sequences.Add(sequence);
        return sequence;
    }

    /// <summary>Another text that begins as one there is: what the cache holds of it is copied, not computed again. Dispose it to give its cache back.</summary>
    /// <param name="beginning">A text of this engine; as much of it as is in the cache is taken.</param>
    /// <param name="further">What follows in the new text, at least one token.</param>
    /// <param name="options">How to choose.</param>
    /// <exception cref="IngotException">Nothing follows, or it does not fit into the context.</exception>
    public GeneratedSequence Fork(GeneratedSequence beginning, ReadOnlySpan<int> further, SamplingOptions options)
    {
        if (further.Length == 0) throw new IngotException("nothing follows the beginning of the text; a fork needs at least one token to continue");
        var sequence = new GeneratedSequence(this, options);
        sequence.Append([.. beginning.Tokens.Take(beginning.Cached)]);
        sequence.Append(further);
        sequence.Pages.CopyOf(beginning.Pages, beginning.Cached);
        sequence.Cached = beginning.Cached;
        sequences.Add(sequence);
        return sequence;
    }

    /// <summary>The tokens that follow a prompt, one by one as they are chosen, without the one that ends the text.</summary>
    public IEnumerable<int> Continue(int[] prompt, SamplingOptions options)
    {
        using var sequence = Start(prompt, options);
        int given = prompt.Length;
        while (!sequence.IsDone)
        {
            Step();
            for (; given < sequence.Tokens.Count; given++)
                if (!(sequence.Finish == Finish.EndToken && given == sequence.Tokens.Count - 1)) yield return sequence.Tokens[given];
        }
    }

    /// <summary>Runs the model once for all that wait.</summary>
    /// <returns>False if nothing did.</returns>
    public bool Step(CancellationToken cancellation = default)
    {
        var rows = new List<(GeneratedSequence Sequence, int Position)>();
        var choosing = new List<(GeneratedSequence Sequence, int Row)>();
        // Texts being written first: a long prompt must not make them wait.
        foreach (var s in sequences.Where(s => !s.IsDone).OrderBy(s => s.Waiting == 1 ? 0 : 1))
        {
            int count = Math.Min(s.Waiting, mostRows - rows.Count);
            for (int i = 0; i < count; i++) rows.Add((s, s.Cached + i));
            if (count > 0 && count == s.Waiting) choosing.Add((s, rows.Count - 1));
        }
        if (rows.Count == 0) return false;
        var logits = Run(rows, choosing, cancellation);
        foreach (var (sequence, count) in rows.CountBy(r => r.Sequence)) sequence.Cached += count;
        foreach (var (i, (sequence, _)) in choosing.Index()) sequence.Take(logits.Memory!.Span<float>().Slice(i * Model.VocabularySize, Model.VocabularySize));
        GC.KeepAlive(logits);
        return true;
    }

    Tensor Run(List<(GeneratedSequence Sequence, int Position)> rows, List<(GeneratedSequence Sequence, int Row)> choosing, CancellationToken cancellation)
    {
        int n = RoundedUp(rows.Count), wanted = RoundedUp(choosing.Count);
        var (tokens, positions, pages, which) = (new int[n], new int[n], new KvCache.Pages?[n], new int[wanted]);
        foreach (var (i, (sequence, position)) in rows.Index())
        {
            (tokens[i], positions[i], pages[i]) = (sequence.Tokens[position], position, sequence.Pages);
            sequence.Pages.Reserve(position + 1);
        }
        foreach (var (i, (_, row)) in choosing.Index()) which[i] = row;
        attention.SetRows(pages, positions);
        var (cos, sin) = Model.RotationsAt(positions);
        using var noGrad = new NoGrad();
        Steps++;
        return step.Run([Tensor.From(tokens, 1, n), cos, sin, Tensor.From(which, wanted)], cancellation)[0];
    }

    /// <summary>At least four rows: of one or two the compiler makes other kernels, which add up in another order than those of many rows.</summary>
    static int RoundedUp(int count) => Math.Max(4, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count));

    /// <summary>What <see cref="step"/> compiles.</summary>
    /// <param name="tokens">(1, N).</param>
    /// <param name="cos">(N, D/2).</param>
    /// <param name="sin">(N, D/2).</param>
    /// <param name="which">(R): the rows whose next token is wanted.</param>
    /// <returns>(R, V).</returns>
    Tensor Step(Tensor tokens, Tensor cos, Tensor sin, Tensor which)
    {
        var hidden = Model.Hidden(tokens, cos, sin, attention.Attend).Reshape(-1, Model.Config.Width);
        return Model.Logits(which.Embedding(hidden));
    }

    internal void Remove(GeneratedSequence sequence) => sequences.Remove(sequence);
}
