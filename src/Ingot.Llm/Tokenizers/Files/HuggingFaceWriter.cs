using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Tokenizers.Decoders;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Normalizers;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>Writes Hugging Face's tokenizer.json: byte-level BPE, SentencePiece's BPE and unigram vocabularies, WordPiece.</summary>
static class HuggingFaceWriter
{
    /// <param name="Normalizer">Null: none.</param>
    /// <param name="Pretokenizer">Null: none.</param>
    /// <param name="Decoder">How tokens become text.</param>
    /// <param name="Model">Its fields, without the vocabulary.</param>
    sealed record Steps(JsonNode? Normalizer, JsonNode? Pretokenizer, JsonNode Decoder, JsonObject Model);

    /// <summary>The tokenizer as tokenizer.json.</summary>
    /// <exception cref="IngotException">It is of a kind that cannot be written; the message says what of it.</exception>
    public static void Write(Tokenizer tokenizer, Stream stream)
    {
        if (tokenizer.Parts.Model is BpeModel { IsByteLevel: true })
        {
            WriteAs(StepsOf(tokenizer), tokenizer, stream);
            return;
        }
        // The steps say what is done, and are read again to see that they do it.
        using var memory = new MemoryStream();
        WriteAs(StepsOf(tokenizer), tokenizer, memory);
        var bytes = memory.ToArray();
        if (TokenizerProbes.FirstDifference(tokenizer, HuggingFaceFile.Read(bytes, "what was written")) is { } text)
            throw new IngotException($"this {tokenizer.Kind} tokenizer cannot be written as tokenizer.json: what can be said there would encode '{text}' otherwise");
        stream.Write(bytes);
    }

    static Steps StepsOf(Tokenizer tokenizer)
    {
        var parts = tokenizer.Parts;
        switch (parts.Model)
        {
            case BpeModel { IsByteLevel: true } model when parts.Normalizer is null && parts.Decoder is ByteLevelDecoder:
                var bytes = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = parts.SplitPattern is null };
                return new(null, parts.SplitPattern is { } pattern ? Sequence("pretokenizers", new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false }, bytes) : bytes,
                    new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = false }, Bpe(model, null));
            case BpeModel { IsByteLevel: false } model when parts.Normalizer is SentencePieceNormalizer n && parts.Pretokenizer is null:
                return SentencePiece(n, Bpe(model, model.Options.Unknown is >= 0 and var id ? tokenizer.TokenText(id) : null));
            case UnigramModel model when parts.Normalizer is SentencePieceNormalizer n && parts.Pretokenizer is null:
                return SentencePiece(n, new() { ["type"] = "Unigram", ["unk_id"] = model.Unknown >= 0 ? model.Unknown : null, ["byte_fallback"] = model.HasByteFallback });
            case WordPieceModel model when parts.Normalizer is BertNormalizer n && parts.Decoder is WordPieceDecoder:
                return new(new JsonObject { ["type"] = "BertNormalizer", ["clean_text"] = n.CleansText, ["handle_chinese_chars"] = n.SetsChineseApart, ["strip_accents"] = n.StripsAccents, ["lowercase"] = n.Lowers },
                    new JsonObject { ["type"] = "BertPreTokenizer" }, new JsonObject { ["type"] = "WordPiece", ["prefix"] = model.Prefix, ["cleanup"] = true },
                    new() { ["type"] = "WordPiece", ["unk_token"] = tokenizer.TokenText(model.Unknown), ["continuing_subword_prefix"] = model.Prefix, ["max_input_chars_per_word"] = model.MostCharacters });
            default:
                throw new IngotException($"this {tokenizer.Kind} tokenizer cannot be written as tokenizer.json: byte-level BPE without a normalizer, SentencePiece's vocabularies without pieces that users defined, and BERT's WordPiece can");
        }
    }

    static JsonObject Bpe(BpeModel model, string? unknown) => new()
    {
        ["type"] = "BPE",
        ["dropout"] = null,
        ["unk_token"] = unknown,
        ["continuing_subword_prefix"] = null,
        ["end_of_word_suffix"] = null,
        ["fuse_unk"] = model.Options.FusesUnknown,
        ["byte_fallback"] = model.Options.HasByteFallback,
        ["ignore_merges"] = model.Options.IgnoresMerges,
    };

    /// <summary>SentencePiece's treatment of spaces in steps, as Hugging Face's files for Llama have it.</summary>
    static Steps SentencePiece(SentencePieceNormalizer normalizer, JsonObject model)
    {
        const string Mark = "\u2581";
        var spaces = normalizer.Spaces;
        List<JsonNode> before = [];
        if (normalizer.Replacements is { } table) before.Add(new JsonObject { ["type"] = "Precompiled", ["precompiled_charsmap"] = Convert.ToBase64String(table.Table.Span) });
        if (spaces.RemovesExtra)
        {
            before.Add(Replace(new JsonObject { ["Regex"] = "\\A +| +\\z" }, ""));
            before.Add(Replace(new JsonObject { ["Regex"] = " {2,}" }, " "));
        }
        if (spaces.AddsPrefix) before.Add(new JsonObject { ["type"] = "Prepend", ["prepend"] = spaces.Escapes ? Mark : " " });
        if (spaces.Escapes) before.Add(Replace(new JsonObject { ["String"] = " " }, Mark));
        List<JsonNode> after = [Replace(new JsonObject { ["String"] = Mark }, " "), new JsonObject { ["type"] = "ByteFallback" }, new JsonObject { ["type"] = "Fuse" }];
        if (spaces.AddsPrefix || spaces.RemovesExtra) after.Add(new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 });
        return new(before.Count > 0 ? Sequence("normalizers", [.. before]) : null, null, Sequence("decoders", [.. after]), model);
    }

    static JsonObject Replace(JsonObject pattern, string content) => new() { ["type"] = "Replace", ["pattern"] = pattern, ["content"] = content };

    static JsonObject Sequence(string name, params JsonNode[] steps) => new() { ["type"] = "Sequence", [name] = new JsonArray(steps) };

    static void WriteAs(Steps steps, Tokenizer tokenizer, Stream stream)
    {
        var parts = tokenizer.Parts;
        using var json = new Utf8JsonWriter(stream, new() { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        foreach (var t in parts.Added.OrderBy(t => t.Id))
            WriteObject(json, null, ("id", t.Id), ("content", t.Content), ("single_word", t.IsSingleWord), ("lstrip", t.StripsLeft), ("rstrip", t.StripsRight), ("normalized", t.IsNormalized), ("special", t.IsSpecial));
        json.WriteEndArray();
        WriteNode("normalizer", steps.Normalizer);
        WriteNode("pre_tokenizer", steps.Pretokenizer);
        WriteTemplate(json, tokenizer);
        WriteNode("decoder", steps.Decoder);
        json.WriteStartObject("model");
        foreach (var (name, value) in steps.Model) WriteNode(name, value);
        if (parts.Model is UnigramModel unigram) WriteScores(json, unigram);
        else WriteIds(json, parts.Model);
        if (parts.Model is BpeModel bpe) WriteMerges(json, bpe);
        json.WriteEndObject();
        json.WriteEndObject();

        void WriteNode(string name, JsonNode? node)
        {
            json.WritePropertyName(name);
            if (node is null) json.WriteNullValue();
            else node.WriteTo(json);
        }
    }

    static void WriteIds(Utf8JsonWriter json, TokenModel model)
    {
        json.WriteStartObject("vocab");
        for (int id = 0; id < model.Texts.Count; id++)
            if (model.Texts[id].Length > 0) json.WriteNumber(model.Texts[id], id);
        json.WriteEndObject();
    }

    static void WriteScores(Utf8JsonWriter json, UnigramModel model)
    {
        json.WriteStartArray("vocab");
        for (int id = 0; id < model.Texts.Count; id++)
        {
            json.WriteStartArray();
            json.WriteStringValue(model.Texts[id]);
            json.WriteNumberValue(model.Scores[id]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }

    static void WriteMerges(Utf8JsonWriter json, BpeModel model)
    {
        json.WriteStartArray("merges");
        foreach (var (left, right) in Merges(model))
        {
            json.WriteStartArray();
            json.WriteStringValue(model.Texts[left]);
            json.WriteStringValue(model.Texts[right]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
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
        var order = Enumerable.Range(0, model.Bytes.Count);
        foreach (int id in model.UnionRanks is { } ranks ? order.OrderBy(id => ranks[id]) : order)
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
