using System.Text.Json;
using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Pretokenizers;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>Hugging Face's tokenizer.json. Truncation and padding, which belong to batches, are passed over.</summary>
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

    /// <summary>The pattern of a pre-tokenizer that is one split and ByteLevel, as <see cref="Write"/> writes it.</summary>
    static string? PatternOf(JsonElement e) => e.OptionalText("type") == "Sequence" && e.Items("pretokenizers").First() is var first && first.Text("type") == "Split" ? first.Field("pattern")?.OptionalText("Regex") : null;

    /// <summary>The tokenizer as tokenizer.json, for byte-level BPE without a normalizer.</summary>
    /// <exception cref="IngotException">The tokenizer is of another kind.</exception>
    public static void Write(Tokenizer tokenizer, Stream stream)
    {
        var parts = tokenizer.Parts;
        if (parts.Model is not BpeModel { IsByteLevel: true } model || parts.Normalizer is not null || parts.Decoder is not ByteLevelDecoder)
            throw new IngotException($"only byte-level BPE tokenizers without a normalizer can be written as tokenizer.json; this one is {tokenizer.Kind}{(parts.Normalizer is null ? "" : " with a normalizer")}");
        using var json = new Utf8JsonWriter(stream, new() { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        foreach (var t in parts.Added.OrderBy(t => t.Id))
            WriteObject(json, null, ("id", t.Id), ("content", t.Content), ("single_word", t.IsSingleWord), ("lstrip", t.StripsLeft), ("rstrip", t.StripsRight), ("normalized", t.IsNormalized), ("special", t.IsSpecial));
        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WriteStartObject("pre_tokenizer");
        if (parts.SplitPattern is { } pattern)
        {
            json.WriteString("type", "Sequence");
            json.WriteStartArray("pretokenizers");
            json.WriteStartObject();
            json.WriteString("type", "Split");
            WriteObject(json, "pattern", ("Regex", pattern));
            json.WriteString("behavior", "Isolated");
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
            WriteObject(json, null, ("type", "ByteLevel"), ("add_prefix_space", false), ("trim_offsets", false), ("use_regex", false));
            json.WriteEndArray();
        }
        else WriteFields(json, ("type", "ByteLevel"), ("add_prefix_space", false), ("trim_offsets", false), ("use_regex", true));
        json.WriteEndObject();
        WriteTemplate(json, tokenizer);
        WriteObject(json, "decoder", ("type", "ByteLevel"), ("add_prefix_space", false), ("trim_offsets", false), ("use_regex", false));
        json.WriteStartObject("model");
        WriteFields(json, ("type", "BPE"), ("dropout", null), ("unk_token", null), ("continuing_subword_prefix", null), ("end_of_word_suffix", null), ("fuse_unk", false), ("byte_fallback", false), ("ignore_merges", model.Options.IgnoresMerges));
        json.WriteStartObject("vocab");
        for (int id = 0; id < model.Texts.Count; id++)
            if (model.Texts[id].Length > 0) json.WriteNumber(model.Texts[id], id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in Merges(model))
        {
            json.WriteStartArray();
            json.WriteStringValue(model.Texts[left]);
            json.WriteStringValue(model.Texts[right]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteTemplate(Utf8JsonWriter json, Tokenizer tokenizer)
    {
        if (tokenizer.BeginIds.Count + tokenizer.EndIds.Count == 0)
        {
            json.WriteNull("post_processor");
            return;
        }
        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        foreach (var (name, sequences) in new[] { ("single", new[] { "A" }), ("pair", ["A", "B"]) })
        {
            json.WriteStartArray(name);
            foreach (string sequence in sequences)
            {
                int type = sequence == "A" ? 0 : 1;
                foreach (int id in tokenizer.BeginIds) Item("SpecialToken", tokenizer.TokenText(id)!, type);
                Item("Sequence", sequence, type);
                foreach (int id in tokenizer.EndIds) Item("SpecialToken", tokenizer.TokenText(id)!, type);
            }
            json.WriteEndArray();
        }
        json.WriteStartObject("special_tokens");
        foreach (int id in tokenizer.BeginIds.Concat(tokenizer.EndIds).Distinct())
        {
            string text = tokenizer.TokenText(id)!;
            json.WriteStartObject(text);
            json.WriteString("id", text);
            json.WriteStartArray("ids");
            json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteStartArray("tokens");
            json.WriteStringValue(text);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.WriteEndObject();

        void Item(string kind, string id, int type)
        {
            json.WriteStartObject();
            WriteObject(json, kind, ("id", id), ("type_id", type));
            json.WriteEndObject();
        }
    }

    static void WriteObject(Utf8JsonWriter json, string? name, params ReadOnlySpan<(string, object?)> fields)
    {
        if (name is null) json.WriteStartObject();
        else json.WriteStartObject(name);
        WriteFields(json, fields);
        json.WriteEndObject();
    }

    static void WriteFields(Utf8JsonWriter json, params ReadOnlySpan<(string Name, object? Value)> fields)
    {
        foreach (var (name, value) in fields)
        {
            json.WritePropertyName(name);
            JsonSerializer.Serialize(json, value);
        }
    }

    /// <summary>The pairs in the order of their ranks; where the union's rank decides, every way to make a token of two others.</summary>
    public static IEnumerable<(int Left, int Right)> Merges(BpeModel model)
    {
        if (model.Pairs is { } pairs) return pairs.All().OrderBy(p => p.Merge.Rank).Select(p => (p.Left, p.Right));
        List<(int, int)> merges = [];
        for (int id = 0; id < model.Bytes.Count; id++)
        {
            var token = model.Bytes[id];
            var ways = new List<(int Left, int Right)>();
            for (int cut = 1; cut < token.Length; cut++)
                if (model.Bytes.Find(token[..cut]) is >= 0 and var left && model.Bytes.Find(token[cut..]) is >= 0 and var right) ways.Add((left, right));
            merges.AddRange(ways.Order());
        }
        return merges;
    }
}
