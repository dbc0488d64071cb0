using System.Buffers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Models;

/// <summary>How a byte-pair model differs from the plain one.</summary>
sealed record BpeOptions
{
    /// <summary>Token for what the vocabulary cannot express; -1: it is left out.</summary>
    public int Unknown { get; init; } = -1;

    /// <summary>Neighbouring unknowns are one.</summary>
    public bool FusesUnknown { get; init; }

    /// <summary>What the vocabulary lacks becomes tokens such as &lt;0x0A&gt;, where all of them exist.</summary>
    public bool HasByteFallback { get; init; }

    /// <summary>A piece that is a token is that token, whether merges lead there or not.</summary>
    public bool IgnoresMerges { get; init; }

    /// <summary>Before every symbol of a piece but the first, in the vocabulary.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>After the last symbol of a piece, in the vocabulary.</summary>
    public string Suffix { get; init; } = "";
}

/// <summary>Byte-pair encoding over bytes (GPT-2 and after) or over characters (Llama 2, Gemma), with merges by pairs of ids or by the rank of the union.</summary>
sealed class BpeModel : TokenModel
{
    readonly BpeOptions options;
    readonly TokenTable tokens; // by the bytes that they stand for
    readonly PairTable? pairs;
    readonly int[]? ranks;
    readonly int[]? byteIds, byteFallback;
    readonly byte[] isReached; // by id: 0 not known, 1 merges make the token from its bytes, 2 they do not

    BpeModel(TokenTable texts, TokenTable tokens, PairTable? pairs, int[]? ranks, bool isByteLevel, BpeOptions options) : base(texts)
    {
        (this.tokens, this.pairs, this.ranks, this.options) = (tokens, pairs, ranks, options);
        isReached = new byte[tokens.Count];
        if (isByteLevel) byteIds = [.. Enumerable.Range(0, 256).Select(b => tokens.Find([(byte)b]))];
        if (options.HasByteFallback) byteFallback = ByteTokens(texts);
    }

    /// <summary>Merges by pairs of ids, over bytes.</summary>
    /// <param name="texts">The tokens in GPT-2's byte alphabet.</param>
    /// <param name="pairs">The merges.</param>
    /// <param name="options">The rest.</param>
    public static BpeModel OfBytes(TokenTable texts, PairTable pairs, BpeOptions options)
    {
        var bytes = new byte[]?[texts.Count];
        for (int id = 0; id < bytes.Length; id++) bytes[id] = ByteAlphabet.Read(texts[id]);
        return new(texts, new(bytes), pairs, null, isByteLevel: true, options);
    }

    /// <summary>tiktoken's: neighbours merge where their union is a token, whose id is its rank; a piece that is a token stays whole.</summary>
    /// <param name="bytes">By id; null for ids without bytes.</param>
    public static BpeModel OfRanks(byte[]?[] bytes)
    {
        var texts = new byte[]?[bytes.Length];
        for (int id = 0; id < bytes.Length; id++) texts[id] = bytes[id] is { } b ? Utf8.Bytes(ByteAlphabet.Write(b)) : null;
        return new(new(texts), new(bytes), null, null, isByteLevel: true, new() { IgnoresMerges = true });
    }

    /// <summary>Merges by pairs of ids, over characters.</summary>
    public static BpeModel OfCharacters(TokenTable texts, PairTable pairs, BpeOptions options) => new(texts, texts, pairs, null, isByteLevel: false, options);

    /// <summary>SentencePiece's: characters merge where their union is a token, the best score first.</summary>
    /// <param name="texts">All tokens.</param>
    /// <param name="mergeable">Those that text can become, the others null.</param>
    /// <param name="scores">By id; the higher, the earlier.</param>
    /// <param name="options">The rest.</param>
    public static BpeModel OfScores(TokenTable texts, byte[]?[] mergeable, IReadOnlyList<float> scores, BpeOptions options) =>
        new(texts, new(mergeable), null, Ranks(scores), isByteLevel: false, options);

    /// <summary>The place of each score among them, the highest first; equal scores have equal ranks, so that the leftmost wins.</summary>
    public static int[] Ranks(IReadOnlyList<float> scores)
    {
        int[] ranks = new int[scores.Count];
        int rank = 0;
        float last = float.NaN;
        foreach (var (id, score) in scores.Index().OrderByDescending(s => s.Item))
        {
            if (score != last) rank++;
            (ranks[id], last) = (rank, score);
        }
        return ranks;
    }

    public override string Kind => "BPE";

    /// <summary>By id, the order in which unions merge; null if pairs or ids decide.</summary>
    public IReadOnlyList<int>? UnionRanks => ranks;

    /// <summary>The merges by pairs of ids; null if ranks or scores decide.</summary>
    public PairTable? Pairs => pairs;

    public BpeOptions Options => options;

    /// <summary>True if symbols are bytes, false if they are characters.</summary>
    public bool IsByteLevel => byteIds is not null;

    /// <summary>The bytes that tokens stand for.</summary>
    public TokenTable Bytes => tokens;

    bool HasAffixes => options.Prefix.Length + options.Suffix.Length > 0;

    public override void Encode(ReadOnlySpan<byte> piece, List<int> ids)
    {
        if (piece.Length <= tokens.Longest && (!HasAffixes || options.IgnoresMerges) && tokens.Find(piece) is var whole && whole >= 0 && (options.IgnoresMerges || IsReached(whole)))
        {
            ids.Add(whole);
            return;
        }
        EncodeParts(piece, ids);
    }

    /// <summary>True if merging the bytes of a token ends with the token: then a piece that is a token needs no merging. Tried once for each token.</summary>
    bool IsReached(int id)
    {
        if (isReached[id] != 0) return isReached[id] == 1;
        List<int> ids = [];
        EncodeParts(tokens[id], ids);
        bool isIt = ids is [var only] && only == id;
        isReached[id] = (byte)(isIt ? 1 : 2);
        return isIt;
    }

    void EncodeParts(ReadOnlySpan<byte> piece, List<int> result)
    {
        const int small = 256;
        int[]? rentedIds = null, rentedStarts = null;
        var ids = piece.Length <= small ? stackalloc int[piece.Length] : rentedIds = ArrayPool<int>.Shared.Rent(piece.Length);
        var starts = piece.Length <= small ? stackalloc int[piece.Length + 1] : rentedStarts = ArrayPool<int>.Shared.Rent(piece.Length + 1);
        int count = byteIds is not null && !HasAffixes ? ByteSymbols(piece, starts, ids) : CharacterSymbols(piece, starts, ids);
        count = pairs is not null ? MergeLoop.Run(new PairRule(pairs), piece, starts, ids, count) : MergeLoop.Run(new UnionRule(tokens, ranks), piece, starts, ids, count);
        bool wasUnknown = false;
        for (int i = 0; i < count; i++)
        {
            if (ids[i] >= 0) result.Add(ids[i]);
            else if (byteFallback is not null) foreach (byte b in piece[starts[i]..starts[i + 1]]) result.Add(byteFallback[b]);
            else if (options.Unknown >= 0 && !(wasUnknown && options.FusesUnknown)) result.Add(options.Unknown);
            wasUnknown = ids[i] < 0;
        }
        if (rentedIds is not null) ArrayPool<int>.Shared.Return(rentedIds);
        if (rentedStarts is not null) ArrayPool<int>.Shared.Return(rentedStarts);
    }

    int ByteSymbols(ReadOnlySpan<byte> piece, Span<int> starts, Span<int> ids)
    {
        var symbols = new Symbols(starts, ids);
        for (int i = 0; i < piece.Length; i++)
        {
            if (byteIds![piece[i]] is var id && id >= 0) symbols.Add(id, i);
            else Unknown(piece, i, i + 1, ref symbols);
        }
        return symbols.End(piece.Length);
    }

    int CharacterSymbols(ReadOnlySpan<byte> piece, Span<int> starts, Span<int> ids)
    {
        var symbols = new Symbols(starts, ids);
        for (int at = 0; at < piece.Length;)
        {
            int length = 1;
            if (!IsByteLevel) Utf8.Decode(piece, at, out length);
            int end = at + length, id = HasAffixes ? FindWithAffixes(piece, at, end) : tokens.Find(piece[at..end]);
            if (id >= 0) symbols.Add(id, at);
            else if (pairs is null) symbols.Add(-1, at); // with its neighbours it may still become a token
            else Unknown(piece, at, end, ref symbols);
            at = end;
        }
        return symbols.End(piece.Length);
    }

    int FindWithAffixes(ReadOnlySpan<byte> piece, int start, int end)
    {
        byte[] symbol = [.. start > 0 ? Utf8.Bytes(options.Prefix) : [], .. piece[start..end], .. end == piece.Length ? Utf8.Bytes(options.Suffix) : []];
        return tokens.Find(symbol);
    }

    /// <summary>What is not in the vocabulary, before merging, as Hugging Face has it: bytes if there are tokens for them, or the unknown token, or nothing.</summary>
    void Unknown(ReadOnlySpan<byte> piece, int start, int end, ref Symbols symbols)
    {
        if (byteFallback is not null)
            for (int i = start; i < end; i++) symbols.Add(byteFallback[piece[i]], i);
        else if (options.Unknown >= 0 && !(options.FusesUnknown && symbols.LastIsUnknown)) symbols.Add(options.Unknown, start, isUnknown: true);
    }

    ref struct Symbols(Span<int> starts, Span<int> ids)
    {
        readonly Span<int> starts = starts, ids = ids;
        int count;

        public bool LastIsUnknown { get; private set; }

        public void Add(int id, int start, bool isUnknown = false)
        {
            (ids[count], starts[count]) = (id, start);
            LastIsUnknown = isUnknown;
            count++;
        }

        public readonly int End(int length)
        {
            starts[count] = length;
            return count;
        }
    }

    readonly struct PairRule(PairTable pairs) : IMergeRule
    {
        public Merge Find(int left, int right, ReadOnlySpan<byte> union) => pairs.Find(left, right);
    }

    readonly struct UnionRule(TokenTable tokens, int[]? ranks) : IMergeRule
    {
        public Merge Find(int left, int right, ReadOnlySpan<byte> union)
        {
            int id = tokens.Find(union);
            return id < 0 ? new(Merge.None, -1) : new(ranks is null ? id : ranks[id], id);
        }
    }
}
