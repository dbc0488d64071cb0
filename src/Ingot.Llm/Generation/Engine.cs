using System.Numerics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Ingot.Llm.Models;
using Ingot.Runtime;

namespace Ingot.Llm.Generation;

/// <summary>
/// Generates several texts side by side with a <see cref="Decoder"/> and a key-value cache. Each step runs rows: the next token of every text that is being
/// written, and a part of the prompts that wait. What a text gets does not depend on its neighbours, bit for bit. Not for several threads at once.
/// </summary>
/// <remarks>
/// The number of rows is rounded up to powers of two, so that few plans are compiled (<see cref="RowBuckets"/>); sequences, positions and lengths are data
/// (<see cref="CachedAttention"/>). Iteration-level batching as in Yu et al. 2022, "Orca"; chunked prefill as in Agrawal et al. 2023, "Sarathi"; pages as in Kwon et al.
/// 2023, "PagedAttention". See docs/generation.md.
/// </remarks>
public sealed class Engine
{
    /// <summary>Texts that have ended and wait to be computed as prompts; more are not remembered.</summary>
    const int MostEnded = 8;

    /// <summary>What compiling a plan costs, about, in operations of a model.</summary>
    const double CompilingFlops = 1e10;

    readonly List<GeneratedSequence> sequences = [];
    readonly CachedAttention attention;
    readonly PrefixCache? prefixes;
    readonly MatrixUnitRows prompts = new(); // of the step's rows, those of tokens that were given
    readonly bool hasStored;
    readonly List<int[]> ended = []; // texts whose chosen tokens are to be computed as a prompt's, the latest last
    GeneratedSequence? again; // the one that is
    readonly Compiled body, head; // two, as what each is compiled for, rows and wanted rows, would multiply
    readonly RowBuckets bodyRows, headRows;
    readonly StepArguments?[] bodyArguments = new StepArguments?[32], headArguments = new StepArguments?[32]; // by log2 of the rows
    readonly int mostRows, turns; // turns: columns of the tables of cosines and sines
    // Of the step that runs: which sequence and position each row is, and which rows' next token is wanted.
    readonly List<(GeneratedSequence Sequence, int Position)> rows = [];
    readonly List<(GeneratedSequence Sequence, int Row)> choosing = [];
    int[] positions = [];
    bool[] areGiven = [];
    CachePages?[] pages = [];
    float[] cosines = [], sines = []; // (positions, RotationWidth), as many as were needed

    public Decoder Model { get; }

    public KvCache Cache { get; }

    /// <summary>Runs of the model so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Rows of them so far: tokens computed, guesses that were refused included.</summary>
    public long Rows { get; private set; }

    /// <summary>Graphs that were built and compiled for them: one a number of rows, and one a number of rows whose next token is wanted; not one a length.</summary>
    public int Traces => body.Traces + head.Traces;

    /// <summary>Texts that are not done.</summary>
    public int Active
    {
        get
        {
            int count = 0;
            foreach (var s in sequences) count += s.IsDone || ReferenceEquals(s, again) ? 0 : 1;
            return count;
        }
    }

    internal bool KeepsPrefixes => prefixes is not null;

    /// <summary>Pages of the cache that are kept for texts to come.</summary>
    public int PrefixPages => prefixes?.Count ?? 0;

    /// <param name="model">The weights; they may change between steps, but what is in the cache stays.</param>
    /// <param name="mostRows">Tokens in a step, at most: a longer prompt is computed in several.</param>
    public Engine(Decoder model, int mostRows = 256) : this(model, new EngineOptions { MostRows = mostRows }) { }

    /// <param name="model">The weights. If prefixes are kept they may not change, or <see cref="ForgetPrefixes"/> must be called.</param>
    /// <param name="options">What it may take.</param>
    /// <exception cref="IngotException">Options are out of range.</exception>
    public Engine(Decoder model, EngineOptions options)
    {
        options = options.Checked();
        (Model, mostRows, turns, Cache) = (model, options.MostRows, model.RotationWidth, new(model.Config, options.CacheType));
        attention = new(model.Config, Cache);
        if (options.PrefixBytes > 0) prefixes = new(Cache, model.Config, options.PrefixBytes, options.Store);
        // Gradients are switched off inside: doing so around each replay would allocate.
        hasStored = model.Projections().Any(p => p.Matrix.Stored is not null);
        body = Compiled.Of((tokens, cos, sin) => { using var noGrad = new NoGrad(); using var onUnit = prompts.Use(); return model.Hidden(tokens, cos, sin, attention.Attend); });
        head = Compiled.Of((Tensor hidden) => { using var noGrad = new NoGrad(); return model.Logits(hidden); });
        double patience = CompilingFlops / (2 * model.Config.ParameterCount);
        int fewest = RowBuckets.FewestOf(model);
        (bodyRows, headRows) = (new(mostRows, patience, fewest), new(mostRows, patience, fewest));
    }

    /// <summary>A text to be continued; <see cref="Step(CancellationToken)"/> does it. Dispose it to give its cache back.</summary>
    /// <param name="prompt">At least one token.</param>
    /// <param name="options">How to choose.</param>
    /// <exception cref="IngotException">The prompt is empty, does not fit into the context or has tokens that the model has not.</exception>
    public GeneratedSequence Start(ReadOnlySpan<int> prompt, SamplingOptions options)
    {
        if (prompt.Length == 0) throw new IngotException("the prompt is empty; generation needs at least one token to continue");
        var sequence = new GeneratedSequence(this, options) { MayTakePrefix = prefixes is not null };
        sequence.Append(prompt);
        sequences.Add(sequence);
        return sequence;
    }

    /// <summary>Several texts that continue the same prompt, which is computed once. The i-th has the seed of the options + i. Dispose each.</summary>
    /// <param name="prompt">At least one token.</param>
    /// <param name="options">How to choose.</param>
    /// <param name="count">How many texts.</param>
    /// <exception cref="IngotException">As for <see cref="Start(ReadOnlySpan{int}, SamplingOptions)"/>.</exception>
    public GeneratedSequence[] Start(ReadOnlySpan<int> prompt, SamplingOptions options, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var texts = new GeneratedSequence[count];
        for (int i = 0; i < count; i++)
        {
            texts[i] = Start(prompt, options with { Seed = options.Seed + (ulong)i });
            if (i > 0 && prompt.Length > 1) texts[i].WaitFor(texts[0], prompt.Length - 1);
        }
        return texts;
    }

    /// <summary>Another text that begins as one there is: what the cache holds of it is shared, not computed again. Dispose it to give its cache back.</summary>
    /// <param name="beginning">A text of this engine; as much of it as is in the cache is taken.</param>
    /// <param name="further">What follows in the new text, at least one token.</param>
    /// <param name="options">How to choose.</param>
    /// <exception cref="IngotException">Nothing follows, or it does not fit into the context.</exception>
    public GeneratedSequence Fork(GeneratedSequence beginning, ReadOnlySpan<int> further, SamplingOptions options)
    {
        if (further.Length == 0) throw new IngotException("nothing follows the beginning of the text; a fork needs at least one token to continue");
        var sequence = new GeneratedSequence(this, options);
        sequence.AppendFrom(beginning, beginning.Cached);
        sequence.Append(further);
        sequence.Pages.Share(beginning.Pages, beginning.Cached);
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

    /// <summary>Forgets the prefixes in memory; those of texts in progress stay. For a model whose weights change.</summary>
    public void ForgetPrefixes()
    {
        ForgetEnded();
        prefixes?.Clear();
    }

    /// <summary>Does not compute again what has ended.</summary>
    internal void ForgetEnded()
    {
        Interrupt();
        ended.Clear();
    }

    /// <summary>There is a text for <see cref="StepAgain"/>.</summary>
    public bool HasEnded => ended.Count > 0 || again is not null;

    /// <summary>
    /// For when nobody waits: computes a part of a text that has ended as what it will be in the prompt of a conversation's next turn, and keeps that as a prefix. Only where a matrix unit computes
    /// prompts in another way than tokens that were chosen (elsewhere what was computed first is kept). A text that begins meanwhile does not wait for more than one such part.
    /// </summary>
    /// <returns>False if there is no such text.</returns>
    public bool StepAgain(CancellationToken cancellation = default)
    {
        if (again is null)
        {
            if (ended.Count == 0) return false;
            int[] tokens = ended[^1];
            ended.RemoveAt(ended.Count - 1);
            again = Start(tokens, new(0) { MaxTokens = 0 });
        }
        try { RunOnce(cancellation); }
        catch
        {
            Remove(again);
            again = null;
            throw;
        }
        if (again.IsDone)
        {
            again.Dispose();
            again = null;
        }
        return true;
    }

    /// <summary>What is computed again goes on later, from what is kept of it.</summary>
    void Interrupt()
    {
        if (again is not { } text) return;
        again = null;
        ended.Add([.. text.All]);
        text.Dispose();
    }

    /// <summary>
    /// Runs the model once for all that wait. Where a text's next token cannot be chosen (nothing is left that its constraint allows), that text ends with its
    /// <see cref="GeneratedSequence.Error"/>, the others get theirs, and then the first such error is thrown.
    /// </summary>
    /// <returns>False if nothing did.</returns>
    /// <exception cref="IngotException">Of a text; others may go on.</exception>
    public bool Step(CancellationToken cancellation = default)
    {
        Interrupt();
        return RunOnce(cancellation);
    }

    bool RunOnce(CancellationToken cancellation)
    {
        rows.Clear();
        choosing.Clear();
        // Texts being written first: a long prompt must not make them wait.
        Collect(areWritten: true);
        Collect(areWritten: false);
        if (rows.Count == 0) return false;
        var logits = Run(cancellation);
        foreach (var (sequence, position) in CollectionsMarshal.AsSpan(rows))
            if (position < sequence.Tokens.Count) sequence.Cached = position + 1; // a sequence's rows are in order; those of guesses count once they have come true
        int size = Model.VocabularySize;
        Exception? error = null;
        for (int i = 0; i < choosing.Count; i++)
        {
            var sequence = choosing[i].Sequence;
            bool goesOn = sequence.TryTake(logits.Slice(i * size, size), isGuessed: false);
            while (i + 1 < choosing.Count && ReferenceEquals(choosing[i + 1].Sequence, sequence))
            {
                i++;
                if (goesOn) goesOn = sequence.TryTake(logits.Slice(i * size, size), isGuessed: true);
            }
            error ??= sequence.Error;
        }
        foreach (var (sequence, position) in CollectionsMarshal.AsSpan(rows))
        {
            if (sequence.ReadHidden is not null && sequence.Waiting == 0) sequence.Stop();
            if (position % KvCache.PagePositions == KvCache.PagePositions - 1) Keep(sequence, sequence.Cached / KvCache.PagePositions * KvCache.PagePositions);
        }
        if (error is not null) ExceptionDispatchInfo.Throw(error);
        return true;
    }

    void Collect(bool areWritten)
    {
        int written = 0; // texts that are still to get a row, before another's guesses
        if (areWritten)
            foreach (var s in sequences) written += s.IsDone || s.Waiting != 1 ? 0 : 1;
        foreach (var s in sequences)
        {
            if (rows.Count == mostRows) return;
            if (s.IsDone || s.IsWaiting) continue;
            if (s.MayTakePrefix)
            {
                s.Cached = s.Reused = prefixes!.Take(s.All, s.Tokens.Count - 1, s.Pages);
                s.MayTakePrefix = false;
            }
            if (s.Waiting == 1 != areWritten) continue;
            if (areWritten) written--;
            int count = Math.Min(s.Waiting, mostRows - rows.Count);
            for (int i = 0; i < count; i++) rows.Add((s, s.Cached + i));
            if (count == 0 || count < s.Waiting || s.ReadHidden is not null) continue;
            choosing.Add((s, rows.Count - 1));
            int guesses = s.Guess(mostRows - rows.Count - Math.Max(0, written));
            for (int i = 0; i < guesses; i++)
            {
                rows.Add((s, s.Tokens.Count + i));
                choosing.Add((s, rows.Count - 1));
            }
        }
    }

    /// <summary>The model, for the rows of the step.</summary>
    /// <returns>(at least the number of those choosing, V), until the next run.</returns>
    ReadOnlySpan<float> Run(CancellationToken cancellation)
    {
        int n = bodyRows.For(rows.Count), width = Model.Config.Width;
        var arguments = bodyArguments[BitOperations.Log2((uint)n)] ??= new((DType.I32, [1, n]), (DType.F32, [n, turns]), (DType.F32, [n, turns]));
        if (positions.Length < n) (positions, pages, areGiven) = (new int[n], new CachePages?[n], new bool[n]);
        var tokens = arguments.Of<int>(0);
        for (int i = 0; i < n; i++)
        {
            // A row of nobody is a token 0 at position 0.
            var (sequence, position) = i < rows.Count ? rows[i] : (null!, 0);
            (tokens[i], positions[i], pages[i]) = (sequence?.TokenAt(position) ?? 0, position, sequence?.Pages);
            areGiven[i] = sequence?.IsGiven(position) ?? false;
            sequence?.Pages.Reserve(position, position + 1);
        }
        prompts.Set(areGiven.AsSpan(0, rows.Count));
        attention.SetRows(pages, positions, rows.Count);
        Rotate(positions.AsSpan(0, n), arguments.Of<float>(1), arguments.Of<float>(2));
        var hidden = body.RunInPlace(arguments.Tensors, cancellation)[0].Span<float>();
        Steps++;
        Rows += rows.Count;
        for (int i = 0; i < rows.Count; i++) rows[i].Sequence.ReadHidden?.Invoke(rows[i].Position, hidden.Slice(i * width, width));
        if (choosing.Count == 0) return default; // a part of a prompt: nobody chooses
        int count = headRows.For(choosing.Count);
        arguments = headArguments[BitOperations.Log2((uint)count)] ??= new((DType.F32, [count, width]));
        var wanted = arguments.Of<float>(0);
        for (int i = 0; i < choosing.Count; i++) hidden.Slice(choosing[i].Row * width, width).CopyTo(wanted[(i * width)..]);
        return head.RunInPlace(arguments.Tensors, cancellation)[0].Span<float>();
    }

    /// <summary>Cosines and sines of positions, (N, RotationWidth) each, from a table that grows with the longest text.</summary>
    void Rotate(ReadOnlySpan<int> positions, Span<float> cos, Span<float> sin)
    {
        int needed = 1;
        foreach (int p in positions) needed = Math.Max(needed, p + 1);
        if (cosines.Length < needed * turns)
        {
            var (c, s) = Model.RotationsAt([.. Enumerable.Range(0, Math.Min(Model.ContextLength, (int)BitOperations.RoundUpToPowerOf2((uint)needed)))]);
            (cosines, sines) = (c.ToArray<float>(), s.ToArray<float>());
        }
        for (int i = 0; i < positions.Length; i++)
        {
            cosines.AsSpan(positions[i] * turns, turns).CopyTo(cos[(i * turns)..]);
            sines.AsSpan(positions[i] * turns, turns).CopyTo(sin[(i * turns)..]);
        }
    }

    void Keep(GeneratedSequence sequence, int positions)
    {
        // Texts to come have these tokens in their prompts, which the matrix unit computes in another way than tokens that were chosen.
        if (hasStored && Cpu.UsesMatrixUnit) positions = Math.Min(positions, sequence.GivenFirst);
        if (positions > 0 && !sequence.MayTakePrefix) prefixes?.Keep(sequence.All, positions, sequence.Pages);
    }

    internal void Remove(GeneratedSequence sequence)
    {
        if (!sequences.Remove(sequence)) return;
        Keep(sequence, sequence.Cached);
        if (prefixes is not null && hasStored && Cpu.UsesMatrixUnit && sequence.GivenFirst < sequence.Cached)
        {
            if (ended.Count == MostEnded) ended.RemoveAt(0);
            ended.Add([.. sequence.All[..sequence.Cached]]);
        }
        foreach (var s in sequences) s.Lost(sequence);
    }
}
