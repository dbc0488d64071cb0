using System.Text.Json;
using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Normalizers;
using Ingot.Llm.Tokenizers.Patterns;
using Ingot.Llm.Tokenizers.Pretokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>The steps before and after the model, as tokenizer.json describes them.</summary>
static class HuggingFaceSteps
{
    public static Normalizer Normalizer(JsonElement e) => e.Text("type") switch
    {
        "Sequence" => new SequenceNormalizer([.. e.Items("normalizers").Select(Normalizer)]),
        "NFC" => new FormNormalizer(NormalForm.Nfc, isNfc: true),
        "NFD" => new FormNormalizer(NormalForm.Nfd, isNfc: false),
        "NFKC" => new FormNormalizer(NormalForm.Nfkc, isNfc: false),
        "NFKD" => new FormNormalizer(NormalForm.Nfkd, isNfc: false),
        "Lowercase" => new LowercaseNormalizer(),
        "Strip" => new StripNormalizer(e.Flag("strip_left", true), e.Flag("strip_right", true)),
        "StripAccents" => new StripAccentsNormalizer(),
        "Nmt" => new NmtNormalizer(),
        "Replace" => new ReplaceNormalizer(Pattern(e), e.Text("content")),
        "Prepend" => new PrependNormalizer(e.Text("prepend")),
        "Precompiled" => new PrecompiledNormalizer(Base64(e.Text("precompiled_charsmap")), byCluster: true),
        "ByteLevel" => new ByteLevelNormalizer(),
        "BertNormalizer" => new BertNormalizer(e.Flag("clean_text", true), e.Flag("handle_chinese_chars", true), e.Flag("strip_accents", e.Flag("lowercase", true)), e.Flag("lowercase", true)),
        var other => throw new FormatException($"the normalizer '{other}' is not supported"),
    };

    /// <param name="e">The description.</param>
    /// <param name="writesAlphabet">Whether ByteLevel writes bytes in GPT-2's alphabet, or leaves them as they are for a model that takes bytes.</param>
    public static Pretokenizer Pretokenizer(JsonElement e, bool writesAlphabet) => e.Text("type") switch
    {
        "Sequence" => new SequencePretokenizer([.. e.Items("pretokenizers").Select(p => Pretokenizer(p, writesAlphabet))]),
        "ByteLevel" => new ByteLevelPretokenizer(e.Flag("add_prefix_space", true), e.Flag("use_regex", true), writesAlphabet),
        "Split" => new SplitPretokenizer(Pattern(e), Behavior(e), e.Flag("invert", false)),
        "Metaspace" => new MetaspacePretokenizer(NotEmpty(e, "replacement"), Scheme(e), e.Flag("split", true)),
        "Whitespace" => new SplitPretokenizer(new RunSplitter(c => CodePoint.Is(c, CodePoint.Word) || c is 0x200C or 0x200D, c => CodePoint.Is(c, CodePoint.White)), SplitBehavior.Removed, isInverted: true), // Rust's \w, which has the joiners
        "WhitespaceSplit" => new SplitPretokenizer(new CharacterSplitter(c => CodePoint.Is(c, CodePoint.White)), SplitBehavior.Removed),
        "Punctuation" => new SplitPretokenizer(new CharacterSplitter(OldUnicode.IsPunctuation), Behavior(e, "Isolated")),
        "Digits" => new SplitPretokenizer(new CharacterSplitter(c => CodePoint.Is(c, CodePoint.Number)), e.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "CharDelimiterSplit" => new SplitPretokenizer(new LiteralSplitter(Utf8.Bytes(e.Text("delimiter"))), SplitBehavior.Removed),
        "FixedLength" => new FixedLengthPretokenizer(e.Number("length", 5) is > 0 and var length ? length : throw new FormatException("\"length\" of FixedLength is not positive")),
        "BertPreTokenizer" => new SequencePretokenizer([
            new SplitPretokenizer(new CharacterSplitter(c => CodePoint.Is(c, CodePoint.White)), SplitBehavior.Removed),
            new SplitPretokenizer(new CharacterSplitter(OldUnicode.IsPunctuation), SplitBehavior.Isolated)]),
        var other => throw new FormatException($"the pre-tokenizer '{other}' is not supported"),
    };

    public static TokenDecoder Decoder(JsonElement e) => e.Text("type") switch
    {
        "Sequence" => new SequenceDecoder([.. e.Items("decoders").Select(Decoder)]),
        "ByteLevel" => new ByteLevelDecoder(),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new StripDecoder(e.Text("content") is [var only] ? only : throw new FormatException("\"content\" of the decoder Strip is not one character"), e.Number("start"), e.Number("stop")),
        "Replace" => new ReplaceDecoder(Pattern(e), e.Text("content")),
        "Metaspace" => new MetaspaceDecoder(NotEmpty(e, "replacement"), Scheme(e) != PrependScheme.Never),
        "WordPiece" => new WordPieceDecoder(e.Text("prefix"), e.Flag("cleanup", true)),
        "BPEDecoder" => new SuffixDecoder(e.OptionalText("suffix") ?? "</w>"),
        "CTC" => new CtcDecoder(e.Text("pad_token"), NotEmpty(e, "word_delimiter_token"), e.Flag("cleanup", true)),
        var other => throw new FormatException($"the decoder '{other}' is not supported"),
    };

    /// <summary>The ids that a post-processor puts before and after a text.</summary>
    public static (List<int> Before, List<int> After) Processor(JsonElement e)
    {
        switch (e.Text("type"))
        {
            case "ByteLevel":
                return ([], []); // it trims offsets, which are not kept here
            case "BertProcessing" or "RobertaProcessing":
                return ([Pair("cls")], [Pair("sep")]);
            case "Sequence":
                List<int> before = [], after = [];
                foreach (var processor in e.Items("processors"))
                {
                    var (b, a) = Processor(processor);
                    before.InsertRange(0, b);
                    after.AddRange(a);
                }
                return (before, after);
            case "TemplateProcessing":
                return Template(e);
            case var other:
                throw new FormatException($"the post-processor '{other}' is not supported");
        }

        int Pair(string name) => e.Items(name).ToList() is [_, { ValueKind: JsonValueKind.Number } id] && id.TryGetInt32(out int number) && number >= 0 ? number : throw new FormatException($"\"{name}\" is not a pair of a token and its id");
    }

    static (List<int>, List<int>) Template(JsonElement e)
    {
        List<int> before = [], after = [];
        bool isAfter = false;
        foreach (var item in e.Items("single"))
        {
            if (item.Field("Sequence") is not null)
            {
                if (isAfter) throw new FormatException("the template of the post-processor has the text twice");
                isAfter = true;
                continue;
            }
            string name = (item.Field("SpecialToken") ?? throw new FormatException($"{JsonFields.Excerpt(item)} of the post-processor is neither a text nor a special token")).Text("id");
            var token = e.Field("special_tokens")?.Field(name) ?? throw new FormatException($"the post-processor uses '{name}', which is not among its special tokens");
            foreach (var id in token.Items("ids"))
                (isAfter ? after : before).Add(id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int number) && number >= 0 ? number : throw new FormatException($"the special token '{name}' of the post-processor has {JsonFields.Excerpt(id)} as id"));
        }
        return isAfter ? (before, after) : throw new FormatException("the template of the post-processor has no place for the text");
    }

    /// <summary>True if bytes are written in GPT-2's alphabet somewhere in the steps, and whether that is the last of them.</summary>
    public static bool HasByteLevel(JsonElement e, out bool isLast)
    {
        isLast = false;
        string type = e.Text("type");
        if (type == "ByteLevel") return isLast = true;
        if (type != "Sequence") return false;
        bool has = false;
        foreach (var step in e.Items(e.Field("pretokenizers") is null ? "normalizers" : "pretokenizers")) has |= HasByteLevel(step, out isLast);
        return has;
    }

    /// <summary>A text that is looked for, which nothing is everywhere.</summary>
    static string NotEmpty(JsonElement e, string name) => e.Text(name) is { Length: > 0 } text ? text : throw new FormatException($"\"{name}\" is empty in {JsonFields.Excerpt(e)}");

    static Splitter Pattern(JsonElement e)
    {
        // Old files have the text itself.
        var pattern = e.Field("pattern") ?? throw new FormatException($"\"pattern\" is missing in {JsonFields.Excerpt(e)}");
        if (pattern.ValueKind == JsonValueKind.String) return new LiteralSplitter(Utf8.Bytes(pattern.GetString()!));
        if (pattern.OptionalText("String") is { } literal) return new LiteralSplitter(Utf8.Bytes(literal));
        return SplitPatterns.Of(pattern.Text("Regex"));
    }

    static SplitBehavior Behavior(JsonElement e, string? standard = null) => (e.OptionalText("behavior") ?? standard) switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        var other => throw new FormatException($"the behavior '{other}' of a split is not known"),
    };

    static PrependScheme Scheme(JsonElement e) => (e.OptionalText("prepend_scheme") ?? (e.Flag("add_prefix_space", true) ? "always" : "never")) switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        var other => throw new FormatException($"\"prepend_scheme\" is '{other}', not always, first or never"),
    };

    static byte[] Base64(string text)
    {
        try { return Convert.FromBase64String(text); }
        catch (System.FormatException e) { throw new FormatException("\"precompiled_charsmap\" is not base64", e); }
    }
}
