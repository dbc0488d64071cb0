using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Pretokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Training;

/// <summary>What a trained vocabulary is to be.</summary>
public sealed record BpeTrainerOptions
{
    /// <summary>Special tokens for documents, chats and tools: a document's begin, turns of user and assistant, a call of the tool and its answer.</summary>
    public static IReadOnlyList<string> ChatTokens { get; } =
        ["<|bos|>", "<|user_start|>", "<|user_end|>", "<|assistant_start|>", "<|assistant_end|>", "<|tool_start|>", "<|tool_end|>", "<|output_start|>", "<|output_end|>"];

    /// <summary>Tokens in all: special ones, the 256 bytes, and one for each merge.</summary>
    public int VocabularySize { get; init; } = 32768;

    /// <summary>They take the first ids, in this order; where the text has them it is cut, and they are not counted.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ChatTokens;

    /// <summary>How text is split before tokens are found in it.</summary>
    public string Pattern { get; init; } = SplitPatterns.Cl100k;

    /// <summary>Pairs that occur less often do not become tokens, so that a small text may end with fewer tokens than asked for.</summary>
    public int MinimumCount { get; init; } = 2;

    /// <summary>Threads that count pieces; the result does not depend on them.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}

/// <summary>
/// Byte-pair encoding trained on text: the most frequent pair of neighbours becomes a token, again and again. Of pairs that are equally frequent the one that
/// is lexicographically greater by its bytes wins, so that the same text always gives the same vocabulary, whatever the threads.
/// </summary>
/// <remarks>
/// Pieces are counted once, in parallel, and pairs within different pieces only; each merge then touches the places of its pair and their neighbours. Sennrich
/// et al. 2016 is the algorithm, the incremental form is our own: see <see cref="MergeTrainer"/>.
/// </remarks>
public sealed class BpeTrainer
{
    /// <summary>Files are read in stretches of about this size, cut at a line's end.</summary>
    const int BlockBytes = 32 << 20;

    readonly BpeTrainerOptions options;
    readonly Splitter splitter;
    readonly AddedTokenFinder special;
    readonly PieceCounter counter = new();

    /// <exception cref="IngotException">The vocabulary is too small for the bytes and the special tokens, or these are empty, repeated or contain a line break.</exception>
    public BpeTrainer(BpeTrainerOptions options)
    {
        this.options = options;
        int least = 256 + options.SpecialTokens.Count;
        if (options.VocabularySize < least) throw new IngotException($"a vocabulary of {options.VocabularySize} has no room for 256 bytes and {options.SpecialTokens.Count} special tokens; it needs at least {least}");
        if (options.VocabularySize > 1 << 24) throw new IngotException($"a vocabulary of {options.VocabularySize} is more than the {1 << 24} that are supported");
        if (options.MinimumCount < 1 || options.Threads < 1) throw new IngotException($"the least count of a pair, {options.MinimumCount}, and the number of threads, {options.Threads}, are to be positive");
        foreach (string token in options.SpecialTokens)
            if (token.Length == 0 || token.AsSpan().IndexOfAny('\r', '\n') >= 0) throw new IngotException("a special token is empty or contains a line break");
        if (options.SpecialTokens.Distinct().Count() != options.SpecialTokens.Count) throw new IngotException("a special token is given twice");
        splitter = SplitPatterns.Of(options.Pattern);
        special = new([.. options.SpecialTokens.Select((t, id) => new AddedToken(id, t))], t => t);
    }

    /// <summary>Bytes of text so far.</summary>
    public long TextBytes { get; private set; }

    /// <summary>Different pieces so far.</summary>
    public int PieceCount => counter.Count;

    /// <summary>Counts the pieces of a text.</summary>
    public void Add(string text) => Add(Utf8.Bytes(text));

    /// <summary>Counts the pieces of a text in UTF-8; bytes that are none are learnt like any others.</summary>
    public void Add(ReadOnlyMemory<byte> text)
    {
        TextBytes += text.Length;
        var parts = Parts(text);
        if (parts.Count == 1) Count(text.Span, counter);
        else
        {
            var counters = new PieceCounter?[options.Threads];
            int next = -1;
            Parallel.For(0, options.Threads, new ParallelOptions { MaxDegreeOfParallelism = options.Threads }, thread =>
            {
                var own = counters[thread] = new();
                for (int part; (part = Interlocked.Increment(ref next)) < parts.Count;) Count(parts[part].Span, own);
            });
            foreach (var c in counters) if (c is not null) counter.Add(c);
        }
    }

    /// <summary>Counts the pieces of a file.</summary>
    /// <exception cref="FormatException">The file cannot be read.</exception>
    public void AddFile(string path, CancellationToken cancel = default)
    {
        try
        {
            using var file = File.OpenRead(path);
            var buffer = new byte[(int)Math.Min(BlockBytes, file.Length + 1)];
            int held = 0;
            while (true)
            {
                cancel.ThrowIfCancellationRequested();
                int read = file.ReadAtLeast(buffer.AsSpan(held), buffer.Length - held, throwOnEndOfStream: false);
                held += read;
                bool isEnd = held < buffer.Length;
                int cut = isEnd ? held : LastCut(buffer.AsSpan(0, held));
                if (cut > 0) Add(buffer.AsMemory(0, cut));
                else Array.Resize(ref buffer, checked(2 * buffer.Length)); // not one line end in all of it
                if (isEnd) return;
                buffer.AsSpan(cut, held - cut).CopyTo(buffer);
                held -= cut;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }

    void Count(ReadOnlySpan<byte> text, PieceCounter into)
    {
        for (int at = 0; at < text.Length;)
        {
            special.Next(text, at, withSpecial: true, [], out int start, out int end);
            var segment = text[at..start];
            if (splitter is CoveringSplitter scanner)
            {
                for (int from = 0, to; from < segment.Length; from = to)
                {
                    to = scanner.End(segment, from);
                    into.Add(segment[from..to]);
                }
            }
            else CountMatches(segment, into);
            at = end;
        }
    }

    void CountMatches(ReadOnlySpan<byte> text, PieceCounter into)
    {
        object? memory = null;
        int at = 0;
        while (splitter.Next(text, at, ref memory, out int start, out int end))
        {
            if (start > at) into.Add(text[at..start]);
            into.Add(text[start..end]);
            at = end;
        }
        if (at < text.Length) into.Add(text[at..]);
    }

    /// <summary>Stretches that can be counted each by itself.</summary>
    List<ReadOnlyMemory<byte>> Parts(ReadOnlyMemory<byte> text)
    {
        const int least = 1 << 16;
        if (options.Threads == 1 || text.Length < 2 * least || splitter is not CoveringSplitter) return [text];
        int size = Math.Max(least, text.Length / (4 * options.Threads));
        List<ReadOnlyMemory<byte>> parts = [];
        while (text.Length > 0)
        {
            int cut = text.Length <= size ? text.Length : NextCut(text.Span, size);
            parts.Add(text[..cut]);
            text = text[cut..];
        }
        return parts;
    }

    /// <summary>True between a line feed and an ASCII letter or digit, where each of the scanners ends a piece: a piece may go on after line feeds only with more of them, or a slash.</summary>
    static bool IsCut(ReadOnlySpan<byte> text, int at) => text[at - 1] == '\n' && char.IsAsciiLetterOrDigit((char)text[at]);

    static int NextCut(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && !IsCut(text, at)) at++;
        return at;
    }

    int LastCut(ReadOnlySpan<byte> text)
    {
        int at = splitter is CoveringSplitter ? text.Length - 1 : 0; // of other patterns nothing is known, and the file is taken whole
        while (at > 0 && !IsCut(text, at)) at--;
        return at;
    }

    /// <summary>The tokenizer of the text so far.</summary>
    /// <param name="report">Told the number of tokens now and then.</param>
    /// <param name="cancel">Ends the training.</param>
    /// <exception cref="IngotException">There was no text.</exception>
    public Tokenizer Train(Action<int>? report = null, CancellationToken cancel = default)
    {
        if (TextBytes == 0) throw new IngotException("a vocabulary cannot be trained without text");
        // Special tokens, then the bytes in the order of GPT-2's alphabet, as Hugging Face numbers them too.
        int firstByte = options.SpecialTokens.Count;
        byte[] order = [.. Enumerable.Range(0, 256).Select(b => (byte)b).OrderBy(ByteAlphabet.Char)];
        var trainer = new MergeTrainer(counter, order);
        var merges = trainer.Run(options.VocabularySize - firstByte - 256, options.MinimumCount, report is null ? null : n => report(firstByte + 256 + n), cancel);
        var texts = new byte[]?[firstByte + trainer.Tokens.Count];
        for (int id = 0; id < firstByte; id++) texts[id] = Utf8.Bytes(options.SpecialTokens[id]);
        for (int i = 0; i < trainer.Tokens.Count; i++) texts[firstByte + i] = Utf8.Bytes(ByteAlphabet.Write(trainer.Tokens[i]));
        var pairs = new PairTable(merges.Count);
        foreach (var (rank, (left, right, union)) in merges.Index()) pairs.Set(firstByte + left, firstByte + right, new(rank, firstByte + union));
        return new(new(BpeModel.OfBytes(new(texts), pairs, new()))
        {
            Pretokenizer = new SplitPretokenizer(splitter, SplitBehavior.Isolated),
            Decoder = new ByteLevelDecoder(),
            Added = [.. options.SpecialTokens.Select((t, id) => new AddedToken(id, t))],
            SplitPattern = options.Pattern,
        });
    }
}
