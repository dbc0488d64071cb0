using System.Runtime.InteropServices;
using Ingot.Llm.Models;

namespace Ingot.Llm.Generation;

/// <summary>
/// Generates several texts side by side with a <see cref="Decoder"/> and a key-value cache. Each step runs rows: the next token of every text that is being
/// written, and a part of the prompts that wait. What a text gets does not depend on its neighbours, bit for bit. Not for several threads at once.
/// </summary>
/// <remarks>
/// The number of rows is rounded up to powers of two, so that few plans are compiled (<see cref="RowBuckets"/>); sequences, positions and lengths are data
/// (<see cref="CachedAttention"/>). Iteration-level batching as in Yu et al. 2022, "Orca"; chunked prefill as in Agrawal et al. 2023, "Sarathi".
/// </remarks>
public sealed class Engine
{
    /// <summary>What compiling a plan costs, about, in operations of a model.</summary>
    const double CompilingFlops = 1e10;

    readonly List<GeneratedSequence> sequences = [];
    readonly CachedAttention attention;
    readonly Compiled body, head; // two, as what each is compiled for, rows and wanted rows, would multiply
    readonly RowBuckets bodyRows, headRows;
    readonly int mostRows;
    // Of the step that runs: which sequence and position each row is, and which rows' next token is wanted.
    readonly List<(GeneratedSequence Sequence, int Position)> rows = [];
    readonly List<(GeneratedSequence Sequence, int Row)> choosing = [];
    float[] cosines = [], sines = []; // (positions, RotationWidth), as many as were needed
    float[] cos = [], sin = [], wanted = []; // the step's own, kept: large arrays of a step's life are what garbage collections come from

    public Decoder Model { get; }

    public KvCache Cache { get; }

    /// <summary>Runs of the model so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Graphs that were built and compiled for them: one a number of rows, and one a number of rows whose next token is wanted; not one a length.</summary>
    public int Traces => body.Traces + head.Traces;

    /// <param name="model">The weights; they may change between steps, but what is in the cache stays.</param>
    /// <param name="mostRows">Tokens in a step, at most: a longer prompt is computed in several.</param>
    public Engine(Decoder model, int mostRows = 256)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(mostRows, 1);
        (Model, this.mostRows, Cache) = (model, mostRows, new(model.Config));
        attention = new(model.Config, Cache);
        body = Compiled.Of((tokens, cos, sin) => model.Hidden(tokens, cos, sin, attention.Attend));
        head = Compiled.Of((Tensor hidden) => model.Logits(hidden));
        double patience = CompilingFlops / (2 * model.Config.ParameterCount);
        (bodyRows, headRows) = (new(mostRows, patience), new(mostRows, patience));
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
        rows.Clear();
        choosing.Clear();
        // Texts being written first: a long prompt must not make them wait.
        Collect(areWritten: true);
        Collect(areWritten: false);
        if (rows.Count == 0) return false;
        var logits = Run(cancellation);
        foreach (var (sequence, position) in CollectionsMarshal.AsSpan(rows)) sequence.Cached = position + 1; // a sequence's rows are in order
        var values = logits.Memory!.Span<float>();
        int size = Model.VocabularySize;
        for (int i = 0; i < choosing.Count; i++) choosing[i].Sequence.Take(values.Slice(i * size, size));
        GC.KeepAlive(logits);
        return true;
    }

    void Collect(bool areWritten)
    {
        foreach (var s in sequences)
        {
            if (rows.Count == mostRows) return;
            if (s.IsDone || s.Waiting == 1 != areWritten) continue;
            int count = Math.Min(s.Waiting, mostRows - rows.Count);
            for (int i = 0; i < count; i++) rows.Add((s, s.Cached + i));
            if (count > 0 && count == s.Waiting) choosing.Add((s, rows.Count - 1));
        }
    }

    /// <summary>The model, for the rows of the step.</summary>
    /// <returns>(at least the number of those choosing, V).</returns>
    Tensor Run(CancellationToken cancellation)
    {
        int n = bodyRows.For(rows.Count), width = Model.Config.Width;
        var (tokens, positions, pages) = (new int[n], new int[n], new KvCache.Pages?[n]);
        for (int i = 0; i < rows.Count; i++)
        {
            var (sequence, position) = rows[i];
            (tokens[i], positions[i], pages[i]) = (sequence.Tokens[position], position, sequence.Pages);
            sequence.Pages.Reserve(position + 1);
        }
        attention.SetRows(pages, positions);
        var (cosine, sine) = Rotations(positions);
        using var noGrad = new NoGrad();
        Steps++;
        var hidden = body.Run([Tensor.From(tokens, 1, n), cosine, sine], cancellation)[0];
        if (choosing.Count == 0) return hidden; // a part of a prompt: nobody chooses
        int count = headRows.For(choosing.Count);
        Grow(ref wanted, count * width);
        var all = hidden.Memory!.Span<float>();
        for (int i = 0; i < choosing.Count; i++) all.Slice(choosing[i].Row * width, width).CopyTo(wanted.AsSpan(i * width));
        GC.KeepAlive(hidden);
        return head.Run([Tensor.From<float>(wanted.AsSpan(0, count * width), count, width)], cancellation)[0];
    }

    static void Grow(ref float[] values, int count)
    {
        if (values.Length < count) values = new float[count];
    }

    /// <summary>Cosines and sines of positions, (N, RotationWidth) each, from a table that grows with the longest text.</summary>
    (Tensor Cos, Tensor Sin) Rotations(int[] positions)
    {
        int pairs = Model.RotationWidth, n = positions.Length, needed = positions.Max() + 1;
        if (cosines.Length < needed * pairs)
        {
            var (c, s) = Model.RotationsAt([.. Enumerable.Range(0, Math.Min(Model.ContextLength, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)needed)))]);
            (cosines, sines) = (c.ToArray<float>(), s.ToArray<float>());
        }
        Grow(ref cos, n * pairs);
        Grow(ref sin, n * pairs);
        for (int i = 0; i < n; i++)
        {
            cosines.AsSpan(positions[i] * pairs, pairs).CopyTo(cos.AsSpan(i * pairs));
            sines.AsSpan(positions[i] * pairs, pairs).CopyTo(sin.AsSpan(i * pairs));
        }
        return (Tensor.From<float>(cos.AsSpan(0, n * pairs), n, pairs), Tensor.From<float>(sin.AsSpan(0, n * pairs), n, pairs));
    }

    internal void Remove(GeneratedSequence sequence) => sequences.Remove(sequence);
}
