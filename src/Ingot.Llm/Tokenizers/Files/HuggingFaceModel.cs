using System.Text.Json;
using Ingot.Llm.Tokenizers.Models;
using Ingot.Llm.Tokenizers.Unicode;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>The "model" of a tokenizer.json, which is nearly all of it: read token by token, never as a tree.</summary>
sealed class HuggingFaceModel
{
    readonly VocabularyBuilder vocabulary = new();
    readonly List<double> scores = [];
    readonly List<(byte[] Left, byte[] Right)> written = []; // merges that stand before the vocabulary
    readonly List<(int Left, int Right)> merges = [];
    TokenTable? texts;
    readonly Dictionary<string, JsonElement> fields = [];
    bool hasMerges;

    /// <param name="reader">At the opening brace of the model; afterwards at its closing one.</param>
    public HuggingFaceModel(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw new FormatException("\"model\" is not an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (name == "vocab" && reader.TokenType == JsonTokenType.StartObject) ReadIds(ref reader);
            else if (name == "vocab" && reader.TokenType == JsonTokenType.StartArray) ReadScores(ref reader);
            else if (name == "merges" && reader.TokenType == JsonTokenType.StartArray) ReadMerges(ref reader);
            else fields[name] = JsonElement.ParseValue(ref reader);
        }
    }

    void ReadIds(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            byte[] text = Bytes(ref reader);
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int id)) throw new FormatException($"the token '{Utf8.Text(text)}' of the vocabulary has no whole number as id");
            vocabulary.Add(id, text);
        }
    }

    void ReadScores(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.String) throw Broken();
            byte[] text = Bytes(ref reader);
            if (!reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetDouble(out double score)) throw Broken();
            vocabulary.Add(scores.Count, text);
            scores.Add(score);
            if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray) throw Broken();
        }
        if (reader.TokenType != JsonTokenType.EndArray) throw Broken();

        FormatException Broken() => new($"entry {scores.Count} of the vocabulary is not a pair of a text and a score");
    }

    void ReadMerges(ref Utf8JsonReader reader)
    {
        hasMerges = true;
        if (vocabulary.Count > 0) texts = new(vocabulary.ById()); // ids take less room than texts
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.String) Add(VocabularyBuilder.SplitMerge(Bytes(ref reader), Number));
            else
            {
                if (reader.TokenType != JsonTokenType.StartArray || !reader.Read() || reader.TokenType != JsonTokenType.String) throw Broken();
                byte[] left = Bytes(ref reader);
                if (!reader.Read() || reader.TokenType != JsonTokenType.String) throw Broken();
                Add((left, Bytes(ref reader)));
                if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray) throw Broken();
            }
        }

        FormatException Broken() => new($"merge {Number} is neither a text nor a pair of texts");
    }

    /// <summary>Of the next merge.</summary>
    int Number => written.Count + merges.Count;

    void Add((byte[] Left, byte[] Right) merge)
    {
        if (texts is null) written.Add(merge);
        else merges.Add((VocabularyBuilder.Find(merge.Left, texts, Number), VocabularyBuilder.Find(merge.Right, texts, Number)));
    }

    static byte[] Bytes(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped) return reader.ValueSpan.ToArray();
        var buffer = new byte[reader.ValueSpan.Length];
        return buffer[..reader.CopyString(buffer)];
    }

    JsonElement Fields => JsonSerializer.SerializeToElement(fields);

    /// <summary>The "type", or for old files without one what the fields tell.</summary>
    public string Kind => fields.TryGetValue("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString()!
        : hasMerges ? "BPE" : scores.Count > 0 ? "Unigram" : fields.ContainsKey("continuing_subword_prefix") ? "WordPiece" : "WordLevel";

    /// <summary>The model.</summary>
    /// <param name="isByteLevel">The pre-tokenizer writes bytes in GPT-2's alphabet.</param>
    public TokenModel Build(bool isByteLevel)
    {
        if (vocabulary.Count == 0) throw new FormatException("the model has no \"vocab\", or an empty one");
        var texts = this.texts ?? new TokenTable(vocabulary.ById());
        var fields = Fields;
        string kind = Kind;
        string prefix = fields.OptionalText("continuing_subword_prefix") ?? (kind == "WordPiece" ? "##" : "");
        if (kind == "Unigram" != scores.Count > 0) throw new FormatException($"the vocabulary of a {kind} model is {(scores.Count > 0 ? "a list with scores" : "not a list with scores")}");
        return kind switch
        {
            "BPE" => Bpe(),
            "WordPiece" => new WordPieceModel(texts, Unknown() is >= 0 and var id ? id : throw new FormatException("the unknown token of the WordPiece model is not in its vocabulary"), prefix, fields.Number("max_input_chars_per_word", 100)),
            "WordLevel" => new WordLevelModel(texts, Unknown()),
            "Unigram" => new UnigramModel(texts, [.. scores], Id("unk_id"), fields.Flag("byte_fallback", false)),
            _ => throw new FormatException($"the model is of the type '{kind}'; BPE, WordPiece, WordLevel and Unigram are supported"),
        };

        int Unknown() => fields.OptionalText("unk_token") is { } token ? texts.Find(Utf8.Bytes(token)) : -1;

        int Id(string name) => fields.Number(name, -1) is var id && id < texts.Count ? id : throw new FormatException($"\"{name}\" is {id}, in a vocabulary of {texts.Count} tokens");

        BpeModel Bpe()
        {
            var pairs = VocabularyBuilder.Pairs(written.Count > 0 ? VocabularyBuilder.Ids(written, texts) : merges, texts, prefix);
            var options = new BpeOptions
            {
                Unknown = Unknown(),
                FusesUnknown = fields.Flag("fuse_unk", false),
                HasByteFallback = fields.Flag("byte_fallback", false),
                IgnoresMerges = fields.Flag("ignore_merges", false),
                Prefix = prefix,
                Suffix = fields.OptionalText("end_of_word_suffix") ?? "",
            };
            return isByteLevel ? BpeModel.OfBytes(texts, pairs, options) : BpeModel.OfCharacters(texts, pairs, options);
        }
    }
}
