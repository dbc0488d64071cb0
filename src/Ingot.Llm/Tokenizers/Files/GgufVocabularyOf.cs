using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Normalizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>A tokenizer as GGUF keeps it: the reverse of <see cref="GgufVocabulary.ToTokenizer"/>.</summary>
static class GgufVocabularyOf
{
    /// <param name="tokenizer">Byte-level BPE with a split that llama.cpp has, or SentencePiece's kind of BPE.</param>
    /// <param name="size">Rows of the model's embedding; those that no token has are filled with unused ones.</param>
    /// <exception cref="IngotException">GGUF has no word for such a tokenizer; the message says for what of it.</exception>
    public static GgufVocabulary Of(Tokenizer tokenizer, int size)
    {
        string[] tokens = [.. Enumerable.Range(0, size).Select(id => (id < tokenizer.VocabularySize ? tokenizer.TokenText(id) : null) ?? $"[PAD{id}]")];
        int[] kinds = [.. Enumerable.Range(0, size).Select(id => (int)KindOf(tokenizer, id))];
        if (tokenizer.Parts.Model is UnigramModel unigram) return Checked(tokenizer, Unigram(tokenizer, unigram, tokens, kinds));
        if (tokenizer.Parts.Model is WordPieceModel) return Checked(tokenizer, WordPiece(tokenizer, tokens, kinds));
        if (tokenizer.Parts.Model is not BpeModel model) throw new IngotException($"a {tokenizer.Kind} tokenizer cannot be written to a GGUF file; byte-pair, unigram and WordPiece tokenizers can");
        int? begin = tokenizer.BeginIds is [var first, ..] ? first : null;
        if (model.IsByteLevel)
        {
            return new("gpt2", tokens)
            {
                Pre = SplitOf(tokenizer, model),
                TokenTypes = kinds,
                Merges = [.. HuggingFaceWriter.Merges(model).Select(m => $"{Utf8.Text(model.Texts[m.Left])} {Utf8.Text(model.Texts[m.Right])}")],
                BeginId = begin,
                AddsBegin = begin is not null,
                AddsEnd = tokenizer.EndIds.Count > 0,
            };
        }
        return new("llama", tokens)
        {
            Scores = ScoresOf(model, size),
            TokenTypes = kinds,
            BeginId = begin,
            AddsBegin = begin is not null,
            AddsEnd = tokenizer.EndIds.Count > 0,
            // As it behaves: several kinds of normalizers do it.
            AddsSpacePrefix = BeginsWithSpace(tokenizer),
        };
    }

    static GgufVocabulary Unigram(Tokenizer tokenizer, UnigramModel model, string[] tokens, int[] kinds)
    {
        if (model.Unknown >= 0) kinds[model.Unknown] = (int)SentencePieceKind.Unknown;
        for (int id = 0; id < tokenizer.VocabularySize && model.HasByteFallback; id++)
            if (kinds[id] == (int)SentencePieceKind.Normal && IsByte(tokens[id])) kinds[id] = (int)SentencePieceKind.Byte;
        return new("t5", tokens)
        {
            Scores = [.. tokens.Select((_, id) => id < model.Scores.Count ? (float)model.Scores[id] : 0)],
            TokenTypes = kinds,
            BeginId = tokenizer.BeginIds is [var begin, ..] ? begin : null,
            EndId = tokenizer.EndIds is [var end, ..] ? end : null,
            AddsBegin = tokenizer.BeginIds.Count > 0,
            AddsEnd = tokenizer.EndIds.Count > 0,
            // As it behaves: several kinds of steps do it.
            AddsSpacePrefix = BeginsWithSpace(tokenizer),
            RemovesExtraSpaces = tokenizer.Encode("a  a", addSpecial: false).SequenceEqual(tokenizer.Encode("a a", addSpecial: false)),
            Replacements = Replacements(tokenizer.Parts.Normalizer)?.Table.ToArray(),
        };
    }

    static PrecompiledNormalizer? Replacements(Normalizer? normalizer) => normalizer switch
    {
        PrecompiledNormalizer p => p,
        SentencePieceNormalizer s => s.Replacements,
        SequenceNormalizer s => s.Steps.Select(Replacements).FirstOrDefault(p => p is not null),
        _ => null,
    };

    static GgufVocabulary WordPiece(Tokenizer tokenizer, string[] tokens, int[] kinds) =>
        new("bert", [.. tokens.Select(t => t.StartsWith("##", StringComparison.Ordinal) ? t[2..] : t.StartsWith('[') && t.EndsWith(']') ? t : SentencePieceSpaces.Mark + t)])
        {
            TokenTypes = kinds,
            BeginId = tokenizer.BeginIds is [var begin, ..] ? begin : null,
            SeparatorId = tokenizer.EndIds is [var end, ..] ? end : null,
            AddsBegin = tokenizer.BeginIds.Count > 0,
            AddsEnd = tokenizer.EndIds.Count > 0,
        };

    /// <summary>Reads what would be written, to see that it is the same tokenizer.</summary>
    static GgufVocabulary Checked(Tokenizer tokenizer, GgufVocabulary vocabulary)
    {
        string? difference;
        try { difference = TokenizerProbes.FirstDifference(tokenizer, vocabulary.ToTokenizer()); }
        catch (FormatException e) { throw new IngotException($"this {tokenizer.Kind} tokenizer cannot be written to a GGUF file: {e.Message}", e); }
        return difference is null ? vocabulary : throw new IngotException($"this {tokenizer.Kind} tokenizer cannot be written to a GGUF file: what can be said there would encode '{difference}' otherwise");
    }

    static bool BeginsWithSpace(Tokenizer tokenizer) => tokenizer.Encode("a", addSpecial: false) is [var start, ..] && tokenizer.TokenText(start)!.StartsWith(SentencePieceSpaces.Mark);

    static bool IsByte(string text) => text.Length == 6 && text.StartsWith("<0x", StringComparison.Ordinal) && text[5] == '>';

    static SentencePieceKind KindOf(Tokenizer tokenizer, int id)
    {
        if (id >= tokenizer.VocabularySize || tokenizer.TokenText(id) is not { } text) return SentencePieceKind.Unused;
        if (tokenizer.IsSpecial(id)) return text is "<unk>" ? SentencePieceKind.Unknown : SentencePieceKind.Control;
        if (tokenizer.AddedTokens.Any(t => t.Id == id)) return SentencePieceKind.UserDefined;
        bool isByte = tokenizer.Parts.Model is BpeModel { IsByteLevel: false } && IsByte(text);
        return isByte ? SentencePieceKind.Byte : SentencePieceKind.Normal;
    }

    static string SplitOf(Tokenizer tokenizer, BpeModel model)
    {
        if (tokenizer.Parts.GgufSplit is { } known) return known;
        return tokenizer.Scanner switch
        {
            Gpt2Splitter => "gpt-2",
            Cl100kSplitter { MostDigits: 1 } => "qwen2",
            Cl100kSplitter { MostDigits: 3 } => model.Options.IgnoresMerges ? "llama-bpe" : "dbrx",
            O200kSplitter => "gpt-4o",
            _ => throw new IngotException($"llama.cpp has no name for this tokenizer's way of cutting text into pieces{(tokenizer.Parts.SplitPattern is { } pattern ? $" ({pattern})" : "")}; a GGUF file could not say it"),
        };
    }

    /// <summary>The earlier something merges, the higher its score.</summary>
    static float[] ScoresOf(BpeModel model, int size)
    {
        const float Never = -1e6f;
        var scores = new float[size];
        Array.Fill(scores, Never);
        if (model.UnionRanks is { } ranks)
        {
            for (int id = 0; id < ranks.Count; id++) scores[id] = -ranks[id];
            return scores;
        }
        foreach (var (rank, (left, right)) in HuggingFaceWriter.Merges(model).Index())
            if (model.Texts.Find([.. model.Texts[left], .. model.Texts[right]]) is >= 0 and var id) scores[id] = Math.Max(scores[id], -rank - 1);
        return scores;
    }
}
