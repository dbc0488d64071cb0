using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Normalizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Pretokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>The vocabulary in a GGUF file's metadata: the values of its tokenizer.ggml.* keys.</summary>
/// <param name="Model">tokenizer.ggml.model: "llama" (SentencePiece BPE), "gpt2" (byte-level BPE), "bert" (WordPiece), "t5" (unigram).</param>
/// <param name="Tokens">tokenizer.ggml.tokens.</param>
public sealed record GgufVocabulary(string Model, IReadOnlyList<string> Tokens)
{
    /// <summary>tokenizer.ggml.pre: which split pattern, for "gpt2".</summary>
    public string? Pre { get; init; }

    /// <summary>tokenizer.ggml.scores, for "llama" and "t5".</summary>
    public IReadOnlyList<float>? Scores { get; init; }

    /// <summary>tokenizer.ggml.token_type; the numbers are those of SentencePiece's kinds. Null: all are normal.</summary>
    public IReadOnlyList<int>? TokenTypes { get; init; }

    /// <summary>tokenizer.ggml.merges, "a b", for "gpt2".</summary>
    public IReadOnlyList<string>? Merges { get; init; }

    /// <summary>tokenizer.ggml.bos_token_id.</summary>
    public int? BeginId { get; init; }

    /// <summary>tokenizer.ggml.eos_token_id.</summary>
    public int? EndId { get; init; }

    /// <summary>tokenizer.ggml.seperator_token_id (the format spells it so), for "bert".</summary>
    public int? SeparatorId { get; init; }

    /// <summary>tokenizer.ggml.add_bos_token; null: as llama.cpp has it for the model.</summary>
    public bool? AddsBegin { get; init; }

    /// <summary>tokenizer.ggml.add_eos_token.</summary>
    public bool? AddsEnd { get; init; }

    /// <summary>tokenizer.ggml.add_space_prefix; null: true for "llama" and "t5".</summary>
    public bool? AddsSpacePrefix { get; init; }

    /// <summary>tokenizer.ggml.remove_extra_whitespaces.</summary>
    public bool RemovesExtraSpaces { get; init; }

    /// <summary>tokenizer.ggml.precompiled_charsmap.</summary>
    public byte[]? Replacements { get; init; }

    /// <summary>The tokenizer.</summary>
    /// <exception cref="FormatException">The arrays do not fit together, or the model or split is not supported; the message names the key.</exception>
    public Tokenizer ToTokenizer()
    {
        if (Tokens.Count == 0) throw new FormatException("tokenizer.ggml.tokens is empty");
        RequireLength("scores", Scores?.Count);
        RequireLength("token_type", TokenTypes?.Count);
        foreach (var (key, id) in new[] { ("bos", BeginId), ("eos", EndId), ("seperator", SeparatorId) })
            if (id is < 0 || id >= Tokens.Count) throw new FormatException($"tokenizer.ggml.{key}_token_id is {id}, in a vocabulary of {Tokens.Count}");
        return Model switch
        {
            "llama" or "t5" => SentencePiece(),
            "gpt2" => ByteLevel(),
            "bert" => WordPiece(),
            _ => throw new FormatException($"tokenizer.ggml.model is '{Model}'; llama, gpt2, bert and t5 are supported"),
        };

        void RequireLength(string key, int? count)
        {
            if (count is { } n && n != Tokens.Count) throw new FormatException($"tokenizer.ggml.{key} has {n} entries, tokenizer.ggml.tokens {Tokens.Count}");
        }
    }

    SentencePieceKind Kind(int id) => TokenTypes is null ? SentencePieceKind.Normal : TokenTypes[id] is >= 1 and <= 6 and var kind ? (SentencePieceKind)kind : SentencePieceKind.Unused;

    /// <summary>Control tokens are special; those of users are found like them, but stand for text.</summary>
    List<AddedToken> Added() => [.. Tokens.Index().Where(t => t.Item.Length > 0 && Kind(t.Index) is SentencePieceKind.Control or SentencePieceKind.UserDefined or SentencePieceKind.Unknown)
        .Select(t => new AddedToken(t.Index, t.Item, Kind(t.Index) != SentencePieceKind.UserDefined))];

    List<int> Begin(bool standard) => (AddsBegin ?? standard) && BeginId is { } id ? [id] : [];

    List<int> End(bool standard) => (AddsEnd ?? standard) && EndId is { } id ? [id] : [];

    Tokenizer SentencePiece()
    {
        if (Scores is null) throw new FormatException($"tokenizer.ggml.scores is missing, which the model '{Model}' needs");
        bool isUnigram = Model == "t5";
        var spaces = new SentencePieceSpaces(AddsSpacePrefix ?? true, RemovesExtraSpaces);
        SentencePieceKind[] kinds = [.. Enumerable.Range(0, Tokens.Count).Select(Kind)];
        var all = new HashSet<string>(Tokens);
        bool hasBytes = Enumerable.Range(0, 256).All(b => all.Contains($"<0x{b:X2}>"));
        // Those that users defined are found in the text as it comes, as llama.cpp does it.
        SentencePieceKind[] inText = [.. kinds.Select(k => k == SentencePieceKind.UserDefined ? SentencePieceKind.Normal : k)];
        return new(new(SentencePieceFile.SentencePieceModel(isUnigram ? 1 : 2, [.. Tokens.Select(Utf8.Bytes)], [.. Scores], inText, hasBytes))
        {
            Normalizer = new SentencePieceNormalizer(Replacements is { Length: > 0 } r ? new PrecompiledNormalizer(r, byCluster: false) : null, spaces),
            Decoder = new SentencePieceDecoder(null, "", spaces),
            Added = Added(),
            Before = Begin(!isUnigram),
            After = End(isUnigram),
        });
    }

    Tokenizer ByteLevel()
    {
        if (Merges is null) throw new FormatException("tokenizer.ggml.merges is missing, which the model 'gpt2' needs");
        var texts = new TokenTable([.. Tokens.Select(Utf8.Bytes)]);
        var pairs = VocabularyBuilder.Pairs(VocabularyBuilder.Ids(Merges.Select((m, rank) => VocabularyBuilder.SplitMerge(Utf8.Bytes(m), rank)), texts), texts, "");
        var pre = GgufSplits.Of(Pre ?? "default");
        return new(new(BpeModel.OfBytes(texts, pairs, new() { IgnoresMerges = pre.IgnoresMerges }))
        {
            Pretokenizer = new SequencePretokenizer([.. pre.Patterns.Select(p => new SplitPretokenizer(SplitPatterns.Of(p), SplitBehavior.Isolated))]),
            Decoder = new ByteLevelDecoder(),
            Added = Added(),
            Before = Begin(false),
            After = End(false),
            SplitPattern = pre.Patterns is [var only] ? only : null,
            GgufSplit = Pre ?? "default",
        });
    }

    /// <summary>Tokens of words begin with a mark here, and continuations with nothing, where BERT has nothing and ##.</summary>
    Tokenizer WordPiece()
    {
        var tokens = Tokens.Select((t, id) => Utf8.Bytes(t.StartsWith(SentencePieceSpaces.Mark) ? t[1..] : t.StartsWith('[') && t.EndsWith(']') ? t : "##" + t)).ToArray();
        var tokenizer = WordPieceFile.Build(tokens, "the vocabulary", lowers: true);
        return new(tokenizer.Parts with { Before = BeginId is { } b ? [b] : tokenizer.Parts.Before, After = (SeparatorId ?? EndId) is { } s ? [s] : tokenizer.Parts.After });
    }
}
