using System.Text.Json;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Pretokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>Reads Hugging Face's tokenizer.json. Truncation and padding, which belong to batches, are passed over.</summary>
static class HuggingFaceFile
{
    /// <exception cref="FormatException">The file is damaged, or uses what is not supported; the message names it.</exception>
    public static Tokenizer Read(ReadOnlySpan<byte> json, string name)
    {
        try { return Read(json); }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException) // the last: a text that is no UTF-8
        {
            throw new FormatException($"{name} is not a tokenizer.json that can be used: {e.Message}", e);
        }
    }

    static Tokenizer Read(ReadOnlySpan<byte> json)
    {
        if (json.StartsWith((byte[])[0xEF, 0xBB, 0xBF])) json = json[3..];
        var reader = new Utf8JsonReader(json);
        var fields = new Dictionary<string, JsonElement>();
        HuggingFaceModel? model = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new FormatException("it is not a JSON object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.GetString()!;
            reader.Read();
            if (field == "model") model = new(ref reader);
            else if (field is "added_tokens" or "normalizer" or "pre_tokenizer" or "post_processor" or "decoder") fields[field] = JsonElement.ParseValue(ref reader);
            else reader.Skip();
        }
        if (model is null) throw new FormatException("it has no \"model\"");

        JsonElement? Step(string field) => fields.TryGetValue(field, out var e) && e.ValueKind != JsonValueKind.Null ? e : null;
        bool normalizesToAlphabet = Step("normalizer") is { } n && HuggingFaceSteps.HasByteLevel(n, out _), isLast = false;
        bool splitsToAlphabet = Step("pre_tokenizer") is { } p && HuggingFaceSteps.HasByteLevel(p, out isLast);
        bool takesBytes = model.Kind == "BPE" && (normalizesToAlphabet || splitsToAlphabet);
        // Where nothing comes after it, ByteLevel and the model's reading of its alphabet cancel each other.
        bool cancels = takesBytes && !normalizesToAlphabet && isLast;
        var pretokenizer = Step("pre_tokenizer") is { } steps ? HuggingFaceSteps.Pretokenizer(steps, writesAlphabet: !cancels) : null;
        if (takesBytes && !cancels) pretokenizer = new SequencePretokenizer(pretokenizer is null ? [new AlphabetReader()] : [pretokenizer, new AlphabetReader()]);
        var built = model.Build(takesBytes);
        var (before, after) = Step("post_processor") is { } processor ? HuggingFaceSteps.Processor(processor) : ([], []);
        var added = Step("added_tokens") is { } list ? Added(list, built.Texts) : [];
        int count = Math.Max(built.Texts.Count, added.Count == 0 ? 0 : added.Max(t => t.Id) + 1);
        foreach (int id in before.Concat(after))
            if (id >= count) throw new FormatException($"the post-processor uses token {id}, in a vocabulary of {count}");
        return new(new(built)
        {
            Normalizer = Step("normalizer") is { } normalizer ? HuggingFaceSteps.Normalizer(normalizer) : null,
            Pretokenizer = pretokenizer,
            Decoder = Step("decoder") is { } decoder ? HuggingFaceSteps.Decoder(decoder) : null,
            Added = added,
            Before = before,
            After = after,
            SplitPattern = Step("pre_tokenizer") is { } s ? PatternOf(s) : null,
        });
    }

    static List<AddedToken> Added(JsonElement list, TokenTable vocabulary)
    {
        if (list.ValueKind != JsonValueKind.Array) throw new FormatException("\"added_tokens\" is not a list");
        var tokens = new List<AddedToken>();
        foreach (var e in list.EnumerateArray())
        {
            int id = e.Number("id");
            string content = e.Text("content");
            if (id < 0 || id > 2L * (vocabulary.Count + list.GetArrayLength()) + 500_000) throw new FormatException($"the added token '{content}' has the id {id}, beside a vocabulary of {vocabulary.Count} tokens");
            if (content.Length == 0) continue; // never found in a text
            if (vocabulary.Find(Utf8.Bytes(content)) is >= 0 and var known) id = known; // the model's vocabulary has the last word
            bool isSpecial = e.Flag("special", false);
            tokens.Add(new(id, content, isSpecial) { IsSingleWord = e.Flag("single_word", false), StripsLeft = e.Flag("lstrip", false), StripsRight = e.Flag("rstrip", false), IsNormalized = e.Flag("normalized", !isSpecial) });
        }
        return tokens;
    }

    /// <summary>The pattern of a pre-tokenizer that is one split and ByteLevel, as <see cref="HuggingFaceWriter"/> writes it.</summary>
    static string? PatternOf(JsonElement e) => e.OptionalText("type") == "Sequence" && e.Items("pretokenizers").First() is var first && first.Text("type") == "Split" ? first.Field("pattern")?.OptionalText("Regex") : null;
}
