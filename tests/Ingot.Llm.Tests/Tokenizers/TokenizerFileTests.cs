using System.Text;
using System.Text.Json.Nodes;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Files;

namespace Ingot.Llm.Tests.Tokenizers;

public class TokenizerFileTests
{
    const string Good = """
        {"added_tokens": [{"id": 6, "content": "<s>", "special": true}],
         "normalizer": {"type": "NFC"},
         "pre_tokenizer": {"type": "Split", "pattern": {"Regex": " ?\\w+"}, "behavior": "Isolated"},
         "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"<s>": {"ids": [6]}}},
         "decoder": {"type": "Fuse"},
         "model": {"type": "BPE", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2, " ": 3, "ab": 4, " ab": 5}, "merges": ["a b", [" ", "ab"]]}}
        """;

    static Tokenizer Read(string json) => TokenizerFile.FromJson(Encoding.UTF8.GetBytes(json), "t.json");

    [Fact]
    public void Json_Good_EncodesAndDecodes()
    {
        var tokenizer = Read(Good);
        tokenizer.Encode("ab ab<s>c", addSpecial: true).ShouldBe([6, 4, 5, 6, 0]);
        tokenizer.Decode([6, 4, 5]).ShouldBe("ab ab");
        tokenizer.BeginIds.ShouldBe([6]);
        Read("\uFEFF" + Good).VocabularySize.ShouldBe(7);
    }

    [Theory]
    [InlineData("\"vocab\"", "\"vocabulary\"", "vocab")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"XYZ\"", "'XYZ'")]
    [InlineData("\"a b\"", "\"ab\"", "merge 0")]
    [InlineData("\"a b\"", "\"a c\"", "'c'")]
    [InlineData("[\" \", \"ab\"]", "[\" \", 7]", "merge 1")]
    [InlineData("\"ab\": 4", "\"ab\": -4", "-4")]
    [InlineData("\"ab\": 4", "\"ab\": 2000000000", "2000000000")]
    [InlineData("\"ab\": 4", "\"ab\": 4.5", "'ab'")]
    [InlineData("\"NFC\"", "\"NFX\"", "'NFX'")]
    [InlineData("\"Split\"", "\"Splat\"", "'Splat'")]
    [InlineData("\"Fuse\"", "\"Fuze\"", "'Fuze'")]
    [InlineData("TemplateProcessing", "Template", "'Template'")]
    [InlineData("\"ids\": [6]", "\"ids\": [99]", "99")]
    [InlineData("\"ids\": [6]", "\"ids\": 6", "ids")]
    [InlineData("?\\\\w+", "?(\\\\w+", "pattern")]
    [InlineData("\"Isolated\"", "\"Isolate\"", "'Isolate'")]
    [InlineData("\"id\": 6", "\"id\": \"6\"", "\"id\"")]
    [InlineData("\"id\": 6", "\"id\": 2000000000", "2000000000")]
    [InlineData("\"model\"", "\"modell\"", "\"model\"")]
    [InlineData("}}\n", "}", "t.json")]
    [InlineData("{\"added_tokens\"", "[\"added_tokens\"", "not a JSON object")]
    [InlineData("\"unk_token\": \"?\"", "\"unk_token\": 5", "unk_token")]
    public void Json_Damaged_NamesTheFileAndWhatIsWrong(string part, string damaged, string named)
    {
        (Good + "\n").ShouldContain(part);
        string message = Should.Throw<Ingot.FormatException>(() => Read((Good + "\n").Replace(part, damaged))).Message;
        message.ShouldStartWith("t.json is not a tokenizer.json that can be used");
        message.ShouldContain(named);
    }

    [Fact]
    public void Json_CutAnywhereOrFlipped_IsAFormatExceptionOrLoads()
    {
        byte[] good = Encoding.UTF8.GetBytes(Good);
        for (int length = 0; length < good.Length - 1; length++) Should.Throw<Ingot.FormatException>(() => TokenizerFile.FromJson(good.AsSpan(0, length), "t.json"));
        var random = new Random(1);
        for (int i = 0; i < 3000; i++)
        {
            byte[] damaged = [.. good];
            for (int k = random.Next(1, 4); k > 0; k--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try { TokenizerFile.FromJson(damaged, "t.json").Decode([1, 2]); }
            catch (IngotException) { } // anything else fails the test
        }
    }

    [Fact]
    public void Json_DeeplyNested_IsRefused()
    {
        string nested = string.Concat(Enumerable.Repeat("""{"type":"Sequence","normalizers":[""", 10_000)) + string.Concat(Enumerable.Repeat("]}", 10_000));
        Should.Throw<Ingot.FormatException>(() => Read(Good.Replace("""{"type": "NFC"}""", nested)));
    }

    [Theory]
    [InlineData("YQ== 0\nx\n", "line 2")]
    [InlineData("YQ== 0\n!!== 1\n", "line 2")]
    [InlineData("YQ== 0 1\n", "line 1")]
    [InlineData("YQ== -1\n", "-1")]
    [InlineData("YQ== 2000000000\n", "2000000000")]
    [InlineData("YQ== 0\n", "byte 0 has no token")]
    [InlineData("\n", "empty")]
    public void Tiktoken_Damaged_NamesTheLine(string file, string named) =>
        Should.Throw<Ingot.FormatException>(() => TokenizerFile.FromTiktoken(Encoding.UTF8.GetBytes(file), "x.tiktoken", TiktokenEncoding.Known[0])).Message.ShouldContain(named);

    [Fact]
    public void Load_NoTokenizer_SaysSo()
    {
        using var folder = new TemporaryFolder();
        Should.Throw<Ingot.FormatException>(() => TokenizerFile.Load(folder["none.json"])).Message.ShouldContain("none.json");
        Should.Throw<Ingot.FormatException>(() => TokenizerFile.Load(folder.Path)).Message.ShouldContain("no tokenizer.json");
        File.WriteAllText(folder["empty.json"], "");
        Should.Throw<Ingot.FormatException>(() => TokenizerFile.Load(folder["empty.json"])).Message.ShouldContain("empty");
        File.WriteAllText(folder["odd.bin"], "odd");
        Should.Throw<Ingot.FormatException>(() => TokenizerFile.Load(folder["odd.bin"])).Message.ShouldContain("no tokenizer of a known kind");
        File.WriteAllText(folder["my.tiktoken"], "YQ== 0");
        Should.Throw<Ingot.FormatException>(() => TokenizerFile.Load(folder["my.tiktoken"])).Message.ShouldContain("cl100k_base");
        File.WriteAllText(folder["vocab.txt"], "a\nb\n");
        Should.Throw<Ingot.FormatException>(() => TokenizerFile.Load(folder["vocab.txt"])).Message.ShouldContain("[UNK]");
    }

    [Fact]
    public void SentencePiece_Llama2_GivesLlama2cIds()
    {
        var tokenizer = TokenizerFile.Load(SharedData.Path("llama2c/llama2-tokenizer.model"));
        tokenizer.VocabularySize.ShouldBe(32000);
        using var golden = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/golden-llama2c-tokenizers.json")));
        List<string> different = [];
        foreach (var c in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            if (!c.TryGetProperty("tokenizer32000", out var ids)) continue;
            string text = GoldenVectors.Text(c.GetProperty("text"));
            int[] encoded = tokenizer.Encode(text, addSpecial: true, parseSpecial: false);
            if (!encoded.AsSpan().SequenceEqual(GoldenVectors.Ids(ids))) different.Add(text);
            tokenizer.Decode(encoded).ShouldBe(text.Replace('\u2581', ' ')); // a word mark in the text cannot be told from a space
        }
        // llama2.c makes a byte's token of the text "<0x0A>", and bytes of a word mark; SentencePiece does neither.
        different.ShouldAllBe(t => t.Contains("<0x0A>") || t.Contains('\u2581'));
    }

    [Fact]
    public void SentencePiece_CutOrFlipped_IsAFormatExceptionOrLoads()
    {
        byte[] model = SmallSentencePiece(1);
        TokenizerFile.FromSentencePiece(model, "m").VocabularySize.ShouldBe(7);
        Should.Throw<Ingot.FormatException>(() => TokenizerFile.FromSentencePiece(model.AsSpan(0, 20), "m.model")).Message.ShouldContain("m.model");
        var random = new Random(2);
        for (int i = 0; i < 5000; i++)
        {
            byte[] damaged = model[..random.Next(1, model.Length + 1)];
            damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try { TokenizerFile.FromSentencePiece(damaged, "m").Encode("ab a"); }
            catch (IngotException) { }
        }
    }

    [Fact]
    public void SentencePiece_Unigram_TakesTheLikeliestCover()
    {
        var tokenizer = TokenizerFile.FromSentencePiece(SmallSentencePiece(1), "m");
        tokenizer.Encode("ab  a", addSpecial: true).ShouldBe([1, 6, 3, 4]); // "▁ab", "▁", "a": extra spaces go
        tokenizer.Encode("xx", addSpecial: false).ShouldBe([3, 0]); // neighbours that are unknown are one
        tokenizer.Decode([1, 6, 3, 4]).ShouldBe("ab a");
        tokenizer.Decode([3, 0]).ShouldBe(" \u2047 ");
    }

    /// <summary>unk, s, /s, ▁, a, b, ▁ab.</summary>
    static byte[] SmallSentencePiece(byte type)
    {
        var bytes = new List<byte>();
        foreach (var (text, score, kind) in new[] { ("<unk>", 0f, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("▁", -2, 1), ("a", -3, 1), ("b", -3, 1), ("▁ab", -4, 1) })
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            byte[] piece = [0x0A, (byte)utf8.Length, .. utf8, 0x15, .. BitConverter.GetBytes(score), 0x18, (byte)kind];
            bytes.AddRange([0x0A, (byte)piece.Length, .. piece]);
        }
        return [.. bytes, 0x12, 2, 0x18, type];
    }

    [Fact]
    public void Gguf_Llama_GivesLlama2cIds()
    {
        byte[] file = File.ReadAllBytes(SharedData.Path("llama2c/tok512.bin"));
        List<string> tokens = [];
        List<float> scores = [];
        for (int at = 4; at < file.Length;)
        {
            scores.Add(BitConverter.ToSingle(file, at));
            int length = BitConverter.ToInt32(file, at + 4);
            tokens.Add(tokens.Count switch { 0 => "<unk>", 1 => "<s>", 2 => "</s>", _ => Encoding.UTF8.GetString(file, at + 8, length).Replace(' ', '\u2581') });
            at += 8 + length;
        }
        var types = tokens.Select((_, id) => id == 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1).ToList();
        var tokenizer = new GgufVocabulary("llama", tokens) { Scores = scores, TokenTypes = types, BeginId = 1, EndId = 2 }.ToTokenizer();
        using var golden = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/golden-llama2c-tokenizers.json")));
        foreach (var c in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            if (!c.TryGetProperty("tok512", out var ids)) continue;
            string text = GoldenVectors.Text(c.GetProperty("text"));
            if (text.Contains("<0x0A>") || text.Contains('\u2581')) continue; // llama2.c makes bytes of a word mark in the text
            tokenizer.Encode(text, addSpecial: true, parseSpecial: false).ShouldBe(GoldenVectors.Ids(ids), text.Length > 60 ? text[..60] : text);
        }
    }

    [Fact]
    public void Gguf_Gpt2_GivesTheIdsOfItsJson()
    {
        var json = JsonNode.Parse(GoldenVectors.Unzipped("tokenizers/qwen3-tokenizer.json.gz"))!;
        string[] tokens = [.. json["model"]!["vocab"]!.AsObject().OrderBy(p => (int)p.Value!).Select(p => p.Key)];
        string[] merges = [.. json["model"]!["merges"]!.AsArray().Select(m => $"{m![0]} {m[1]}")];
        var tokenizer = new GgufVocabulary("gpt2", tokens) { Pre = "qwen2", Merges = merges }.ToTokenizer();
        using var golden = GoldenVectors.Read("qwen3");
        foreach (var c in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = GoldenVectors.Text(c.GetProperty("text"));
            if (text.Contains("<|", StringComparison.Ordinal) || text.Contains('<') || !text.IsNormalizedNfc()) continue; // llama.cpp does not normalize
            tokenizer.Encode(text).ShouldBe(GoldenVectors.Ids(c.GetProperty("plain")));
        }
    }

    [Fact]
    public void Gguf_ArraysThatDoNotFit_NameTheKey()
    {
        Should.Throw<Ingot.FormatException>(() => new GgufVocabulary("llama", ["a"]).ToTokenizer()).Message.ShouldContain("tokenizer.ggml.scores");
        Should.Throw<Ingot.FormatException>(() => new GgufVocabulary("llama", ["a"]) { Scores = [1, 2] }.ToTokenizer()).Message.ShouldContain("tokenizer.ggml.scores has 2");
        Should.Throw<Ingot.FormatException>(() => new GgufVocabulary("gpt2", ["a"]) { Merges = [], Pre = "new" }.ToTokenizer()).Message.ShouldContain("'new'");
        Should.Throw<Ingot.FormatException>(() => new GgufVocabulary("rwkv", ["a"]).ToTokenizer()).Message.ShouldContain("'rwkv'");
        Should.Throw<Ingot.FormatException>(() => new GgufVocabulary("llama", ["a"]) { Scores = [1], BeginId = 1 }.ToTokenizer()).Message.ShouldContain("bos_token_id");
    }
}

static class NormalText
{
    public static bool IsNormalizedNfc(this string text) => Ingot.Llm.Tokenizers.Unicode.NormalForm.Nfc(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text))) == text;
}
