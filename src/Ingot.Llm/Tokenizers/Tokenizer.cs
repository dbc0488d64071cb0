using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Normalizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Pretokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers;

/// <summary>
/// Text to tokens in the steps that Hugging Face's tokenizers have: added tokens are taken out, the rest is normalized, cut into pieces, and made ids by a
/// model (byte pairs, WordPiece, unigram). <see cref="TokenizerFile"/> reads the files that tokenizers come in. Safe for use from several threads at once.
/// </summary>
public sealed class Tokenizer : ITokenizer
{
    readonly AddedTokenFinder rawFinder, normalizedFinder;
    readonly Dictionary<int, AddedToken> addedById = [];
    readonly Dictionary<string, int> addedByText = [];
    readonly CoveringSplitter? fastSplitter;
    readonly bool isUnsplit;

    internal Tokenizer(TokenizerParts parts)
    {
        Parts = parts;
        foreach (var token in parts.Added)
        {
            addedById[token.Id] = token;
            addedByText.TryAdd(token.Content, token.Id);
        }
        VocabularySize = Math.Max(parts.Model.Texts.Count, parts.Added.Count == 0 ? 0 : parts.Added.Max(t => t.Id) + 1);
        rawFinder = new([.. parts.Added.Where(t => !t.IsNormalized)], t => t);
        normalizedFinder = new([.. parts.Added.Where(t => t.IsNormalized)], t => parts.Normalizer?.Normalize(t) ?? t);
        isUnsplit = parts.Pretokenizer is null or ByteLevelPretokenizer { Splits: false, AddsSpace: false, WritesAlphabet: false };
        fastSplitter = Covering(parts.Pretokenizer);
    }

    internal TokenizerParts Parts { get; }

    /// <summary>The scanner that cuts texts into pieces, if that is all that is done before the model.</summary>
    internal CoveringSplitter? Scanner => fastSplitter;

    /// <summary>Number of ids, added tokens among them.</summary>
    public int VocabularySize { get; }

    /// <summary>Tokens that are found before anything else.</summary>
    public IReadOnlyList<AddedToken> AddedTokens => Parts.Added;

    /// <summary>"BPE", "WordPiece", "Unigram", "WordLevel".</summary>
    public string Kind => Parts.Model.Kind;

    /// <summary>The ids that <c>addSpecial</c> puts before a text.</summary>
    public IReadOnlyList<int> BeginIds => Parts.Before;

    /// <summary>The ids that <c>addSpecial</c> puts after a text.</summary>
    public IReadOnlyList<int> EndIds => Parts.After;

    /// <summary>The text's ids; where it contains special tokens these become their ids, and nothing is added. Lone surrogates are read as U+FFFD.</summary>
    /// <exception cref="IngotException">The text has something the vocabulary cannot express.</exception>
    public int[] Encode(string text) => Encode(text, addSpecial: false);

    /// <summary>The text's ids.</summary>
    /// <param name="text">Any text; lone surrogates are read as U+FFFD.</param>
    /// <param name="addSpecial">Put before and after it what the model expects there (Hugging Face's add_special_tokens).</param>
    /// <param name="parseSpecial">Text that looks like a special token is one. Give false for text that is not to be trusted.</param>
    /// <exception cref="IngotException">The text has something the vocabulary cannot express.</exception>
    public int[] Encode(string text, bool addSpecial, bool parseSpecial = true) => EncodeBytes(Utf8.Bytes(text), addSpecial, parseSpecial);

    /// <summary>The ids of bytes, which are UTF-8 or, for tokenizers over bytes, anything.</summary>
    /// <param name="utf8">The bytes.</param>
    /// <param name="addSpecial">As for text.</param>
    /// <param name="parseSpecial">As for text.</param>
    public int[] EncodeBytes(ReadOnlySpan<byte> utf8, bool addSpecial = false, bool parseSpecial = true) => EncodeBytes(utf8, addSpecial, parseSpecial, []);

    /// <summary>The ids of a text of which some bytes came from elsewhere: special tokens are found only where none of those is part of them.</summary>
    /// <param name="utf8">The text.</param>
    /// <param name="isGiven">As long as the text: true for bytes that are words and nothing else.</param>
    internal int[] EncodeMarked(ReadOnlySpan<byte> utf8, ReadOnlySpan<bool> isGiven) => EncodeBytes(utf8, addSpecial: false, parseSpecial: true, isGiven);

    int[] EncodeBytes(ReadOnlySpan<byte> utf8, bool addSpecial, bool parseSpecial, ReadOnlySpan<bool> isGiven)
    {
        var ids = new List<int>(utf8.Length / 3 + 8);
        if (addSpecial) ids.AddRange(Parts.Before);
        for (int at = 0; at < utf8.Length;)
        {
            var token = rawFinder.Next(utf8, at, parseSpecial, isGiven, out int start, out int end);
            // Of normalized text it is not known which bytes came from where: no special token is made of it if any did.
            if (start > at) EncodeSegment(utf8[at..start], at == 0, parseSpecial && !(isGiven.Length > 0 && isGiven[at..start].Contains(true)), ids);
            if (token is not null) ids.Add(token.Id);
            at = end;
        }
        if (addSpecial) ids.AddRange(Parts.After);
        return [.. ids];
    }

    void EncodeSegment(ReadOnlySpan<byte> segment, bool isFirst, bool parseSpecial, List<int> ids)
    {
        if (Parts.Normalizer is { } normalizer && !(normalizer.KeepsLatin && segment.IndexOfAnyInRange((byte)0xCC, (byte)0xFF) < 0) // CC: the first byte of U+0300
            && System.Text.Unicode.Utf8.IsValid(segment)) segment = Utf8.Bytes(normalizer.Normalize(Utf8.Text(segment)));
        for (int at = 0; at < segment.Length;)
        {
            var token = normalizedFinder.Next(segment, at, parseSpecial, [], out int start, out int end);
            if (start > at) EncodePieces(segment[at..start], isFirst && at == 0, ids);
            if (token is not null) ids.Add(token.Id);
            at = end;
        }
    }

    void EncodePieces(ReadOnlySpan<byte> text, bool isFirst, List<int> ids)
    {
        if (isUnsplit) Parts.Model.Encode(text, ids);
        else if (fastSplitter is not null)
        {
            for (int start = 0, end; start < text.Length; start = end)
            {
                end = fastSplitter.End(text, start);
                Parts.Model.Encode(text[start..end], ids);
            }
        }
        else
        {
            List<Piece> pieces = [];
            Parts.Pretokenizer!.Split(new(text.ToArray(), isFirst), pieces);
            foreach (var piece in pieces)
                if (!piece.Bytes.IsEmpty) Parts.Model.Encode(piece.Bytes.Span, ids);
        }
    }

    /// <summary>The scanner that does all that a pre-tokenizer does; null if there is more to it.</summary>
    static CoveringSplitter? Covering(Pretokenizer? pretokenizer) => pretokenizer switch
    {
        ByteLevelPretokenizer { AddsSpace: false, WritesAlphabet: false } p => ByteLevelPretokenizer.SplitterOf(p) as CoveringSplitter,
        SplitPretokenizer { IsMatches: true, Splitter: CoveringSplitter s } => s,
        SequencePretokenizer { Steps: [var only] } => Covering(only),
        SequencePretokenizer { Steps: [var split, ByteLevelPretokenizer { AddsSpace: false, WritesAlphabet: false, Splits: false }] } => Covering(split),
        _ => null,
    };

    /// <summary>The text that ids stand for, special tokens left out; U+FFFD where they make no UTF-8.</summary>
    /// <exception cref="IngotException">An id is out of range.</exception>
    public string Decode(ReadOnlySpan<int> ids) => Decode(ids, skipSpecial: true);

    /// <summary>The text that ids stand for; U+FFFD where they make no UTF-8.</summary>
    /// <param name="ids">Ids from 0 to VocabularySize - 1.</param>
    /// <param name="skipSpecial">Leave special tokens out.</param>
    /// <exception cref="IngotException">An id is out of range.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial)
    {
        if (Parts.Decoder is ByteLevelDecoder) return Utf8.Text(DecodeBytes(ids, skipSpecial));
        List<string> tokens = new(ids.Length);
        foreach (int id in ids)
            if (!(skipSpecial && IsSpecial(id)) && TokenText(id) is { } text) tokens.Add(text);
        return Parts.Decoder is null ? string.Join(' ', tokens) : string.Concat(Parts.Decoder.Decode(tokens));
    }

    /// <summary>The bytes that ids stand for: exactly those that were encoded if the tokenizer is over bytes and does not normalize, the UTF-8 of <see cref="Decode(ReadOnlySpan{int}, bool)"/> otherwise.</summary>
    /// <param name="ids">Ids from 0 to VocabularySize - 1.</param>
    /// <param name="skipSpecial">Leave special tokens out.</param>
    /// <exception cref="IngotException">An id is out of range.</exception>
    public byte[] DecodeBytes(ReadOnlySpan<int> ids, bool skipSpecial = true)
    {
        if (Parts.Decoder is not ByteLevelDecoder) return Utf8.Bytes(Decode(ids, skipSpecial));
        var bytes = new List<byte>(4 * ids.Length);
        foreach (int id in ids)
            if (!(skipSpecial && IsSpecial(id))) bytes.AddRange(BytesOf(id));
        return [.. bytes];
    }

    /// <summary>Decodes ids as they come, piece by piece.</summary>
    /// <param name="skipSpecial">Leave special tokens out.</param>
    public StreamingDecoder NewStream(bool skipSpecial = true) => new(this, skipSpecial);

    /// <summary>True if the decoder joins bytes, so that each token's bytes can be written as soon as the token is there.</summary>
    internal bool DecodesBytes => Parts.Decoder is ByteLevelDecoder;

    /// <summary>The bytes of a token of a byte-level tokenizer.</summary>
    internal ReadOnlySpan<byte> BytesOf(int id)
    {
        RequireId(id);
        if (!addedById.TryGetValue(id, out var added)) return Parts.Model is BpeModel { IsByteLevel: true } bpe ? bpe.Bytes[id] : Raw(Parts.Model.Texts[id]);
        return Raw(Utf8.Bytes(added.Content));

        static ReadOnlySpan<byte> Raw(ReadOnlySpan<byte> text) => ByteAlphabet.Read(text) is { } bytes ? bytes : text;
    }

    /// <summary>True for special tokens, which stand for no text.</summary>
    public bool IsSpecial(int id) => addedById.TryGetValue(id, out var token) && token.IsSpecial;

    /// <summary>A token as its file writes it; null if the id is one of those between others that no token has.</summary>
    /// <exception cref="IngotException">The id is out of range.</exception>
    public string? TokenText(int id)
    {
        RequireId(id);
        if (addedById.TryGetValue(id, out var added)) return added.Content;
        return id < Parts.Model.Texts.Count && Parts.Model.Texts[id] is { IsEmpty: false } text ? Utf8.Text(text) : null;
    }

    /// <summary>The id of a token as its file writes it; null if there is none.</summary>
    public int? TokenId(string text) => addedByText.TryGetValue(text, out int id) ? id : Parts.Model.Texts.Find(Utf8.Bytes(text)) is >= 0 and var found ? found : null;

    void RequireId(int id)
    {
        if ((uint)id >= (uint)VocabularySize) throw new IngotException($"token {id} is not in a vocabulary of {VocabularySize}");
    }
}

/// <summary>What a tokenizer is made of.</summary>
sealed record TokenizerParts(TokenModel Model)
{
    public Normalizer? Normalizer { get; init; }

    public Pretokenizer? Pretokenizer { get; init; }

    /// <summary>Null: token texts are joined by spaces.</summary>
    public TokenDecoder? Decoder { get; init; }

    public IReadOnlyList<AddedToken> Added { get; init; } = [];

    /// <summary>Ids before a text, and after it.</summary>
    public IReadOnlyList<int> Before { get; init; } = [];

    public IReadOnlyList<int> After { get; init; } = [];

    /// <summary>tokenizer.ggml.pre of the GGUF file that it came in.</summary>
    public string? GgufSplit { get; init; }

    /// <summary>The split pattern, where there is one, for writing it to a file; null: GPT-2's within ByteLevel.</summary>
    public string? SplitPattern { get; init; }
}
