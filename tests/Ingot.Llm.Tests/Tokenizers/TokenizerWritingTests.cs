using System.Text;
using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Tokenizers;

/// <summary>Tokenizers that go from one file format to another encode and decode as before.</summary>
public sealed class TokenizerWritingTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    Tokenizer ThroughJson(Tokenizer tokenizer)
    {
        TokenizerFile.Save(tokenizer, folder["tokenizer.json"]);
        return TokenizerFile.Load(folder["tokenizer.json"]);
    }

    /// <summary>As a whole file: metadata and all.</summary>
    Tokenizer ThroughGguf(Tokenizer tokenizer)
    {
        GgufExport.Write(folder["model.gguf"], RandomDecoder.Of(DecoderTests.Shape("llama-adjacent") with { VocabularySize = tokenizer.VocabularySize, BeginToken = tokenizer.BeginIds is [var b, ..] ? b : null }), tokenizer);
        return LoadedModel.Load(folder["model.gguf"]).Tokenizer;
    }

    static void ShouldBeTheSame(Tokenizer written, Tokenizer original, IEnumerable<string> texts)
    {
        written.VocabularySize.ShouldBe(original.VocabularySize);
        foreach (string text in texts)
        {
            int[] ids = original.Encode(text, addSpecial: true, parseSpecial: false);
            written.Encode(text, addSpecial: true, parseSpecial: false).ShouldBe(ids, text.Length > 60 ? text[..60] : text);
            written.Decode(ids).ShouldBe(original.Decode(ids));
        }
    }

    internal static List<string> GoldenTexts()
    {
        using var golden = GoldenVectors.Read("mistral_v1");
        // Texts that look like tokens: what is one of the model's own differs from format to format.
        return [.. golden.RootElement.GetProperty("cases").EnumerateArray().Select(c => GoldenVectors.Text(c.GetProperty("text"))).Where(t => !t.Contains('<', StringComparison.Ordinal) && !t.Contains('[', StringComparison.Ordinal) && !t.Contains('\u2581'))];
    }

    [Fact]
    public void SentencePieceBpe_AsJson_IsTheSame()
    {
        var original = TokenizerFile.Load(SharedData.Path("llama2c/llama2-tokenizer.model"));
        var texts = GoldenTexts();
        texts.Count.ShouldBeGreaterThan(100);
        ShouldBeTheSame(ThroughJson(original), original, texts);
    }

    [Fact]
    public void GgufLlama_AsFolder_HasATokenizerJsonThatIsTheSame()
    {
        var loaded = LoadedModel.Load(SharedData.Path("gguf/stories260K-F32.gguf"));
        loaded.ToFolder().Save(folder["model"]);
        File.Exists(folder["model", "tokenizer.json"]).ShouldBeTrue();
        ShouldBeTheSame(LoadedModel.Load(folder["model"]).Tokenizer, loaded.Tokenizer, GoldenTexts());
    }

    [Fact]
    public void SentencePieceFile_InAFolder_GetsAJsonBesideIt()
    {
        var tokenizer = TokenizerFile.Load(SharedData.Path("llama2c/llama2-tokenizer.model"));
        var folderOf = new ModelFolder(RandomDecoder.Of(DecoderTests.Shape("llama") with { VocabularySize = tokenizer.VocabularySize }), tokenizer) { TokenizerFiles = [Copied("tokenizer.model")] };
        folderOf.Save(folder["model"]);
        File.ReadAllBytes(folder["model", "tokenizer.model"]).ShouldBe(File.ReadAllBytes(SharedData.Path("llama2c/llama2-tokenizer.model")));
        TokenizerFile.Load(folder["model", "tokenizer.json"]).Encode("Once upon a time").ShouldBe(tokenizer.Encode("Once upon a time"));
    }

    string Copied(string name)
    {
        File.Copy(SharedData.Path("llama2c/llama2-tokenizer.model"), folder[name]);
        return folder[name];
    }

    [Fact]
    public void WordPiece_AsJsonAndGguf_IsTheSame()
    {
        var original = TokenizerFile.Load(SharedData.Path("tokenizers/bert-base-uncased-vocab.txt"));
        var texts = GoldenTexts();
        ShouldBeTheSame(ThroughJson(original), original, texts);
        ShouldBeTheSame(ThroughGguf(original), original, texts);
        Gguf.Open(folder["model.gguf"]).Metadata.Text("tokenizer.ggml.model").ShouldBe("bert");
    }

    [Fact]
    public void WordPieceWithCase_AsGguf_IsRefused()
    {
        File.Copy(SharedData.Path("tokenizers/bert-base-uncased-vocab.txt"), folder["bert-cased.txt"]);
        var cased = TokenizerFile.Load(folder["bert-cased.txt"]);
        ShouldBeTheSame(ThroughJson(cased), cased, ["Hello HELLO hello café"]);
        Should.Throw<IngotException>(() => ThroughGguf(cased)).Message.ShouldContain("would encode");
    }

    /// <summary>A unigram vocabulary of words and characters, in tokenizer.json as T5's is.</summary>
    internal static Tokenizer Unigram(bool hasByteFallback)
    {
        List<object[]> vocabulary = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]];
        string[] bytes = hasByteFallback ? [.. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>")] : [];
        vocabulary.AddRange(bytes.Select(b => new object[] { b, -20.0 }));
        vocabulary.AddRange("\u2581 \u2581the \u2581quick \u2581hello hello \u2581world \u2581a ing er é 日本 語 , . ! ?".Split(' ').Select((w, i) => new object[] { w, -3.0 - i / 10.0 }));
        vocabulary.AddRange(Enumerable.Range('!', 94).Select(c => ((char)c).ToString()).Where(c => c is not ("," or "." or "!" or "?")).Select((c, i) => new object[] { c, -8.0 - i / 100.0 }));
        return TokenizerFile.FromJson(JsonSerializer.SerializeToUtf8Bytes(new
        {
            added_tokens = vocabulary.Take(3).Select((v, i) => new { id = i, content = v[0], single_word = false, lstrip = false, rstrip = false, normalized = false, special = true }),
            normalizer = new { type = "Sequence", normalizers = new object[] { new { type = "Replace", pattern = new { Regex = "\\A +| +\\z" }, content = "" }, new { type = "Replace", pattern = new { Regex = " {2,}" }, content = " " }, new { type = "Prepend", prepend = "\u2581" }, new { type = "Replace", pattern = new { String = " " }, content = "\u2581" } } },
            post_processor = new { type = "TemplateProcessing", single = new object[] { new { Sequence = new { id = "A", type_id = 0 } }, new { SpecialToken = new { id = "</s>", type_id = 0 } } }, pair = Array.Empty<object>(), special_tokens = new Dictionary<string, object> { ["</s>"] = new { id = "</s>", ids = new[] { 1 }, tokens = new[] { "</s>" } } } },
            decoder = new { type = "Sequence", decoders = new object[] { new { type = "Replace", pattern = new { String = "\u2581" }, content = " " }, new { type = "ByteFallback" }, new { type = "Fuse" }, new { type = "Strip", content = " ", start = 1, stop = 0 } } },
            model = new { type = "Unigram", unk_id = 2, vocab = vocabulary, byte_fallback = hasByteFallback },
        }), "unigram");
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void Unigram_AsGgufAndBackAsJson_IsTheSame(bool hasByteFallback)
    {
        var original = Unigram(hasByteFallback);
        original.Encode("hello  the world").Length.ShouldBe(3);
        string[] texts = ["hello world", " the quick,  hello! ", "naïve 日本語 x", "a", "", "aaaa bbbb"];
        var gguf = ThroughGguf(original);
        gguf.Kind.ShouldBe("Unigram");
        foreach (string text in texts) gguf.Encode(text, addSpecial: true).ShouldBe(original.Encode(text, addSpecial: true), text);
        if (hasByteFallback) ShouldBeTheSame(gguf, original, texts);
        var back = ThroughJson(gguf);
        foreach (string text in texts) back.Encode(text, addSpecial: true).ShouldBe(original.Encode(text, addSpecial: true), text);
    }

    [Fact]
    public void SentencePieceUnigram_AsJsonAndGguf_IsTheSame()
    {
        var bytes = new List<byte>();
        foreach (var (text, score, kind) in new[] { ("<unk>", 0f, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("▁", -2, 1), ("a", -3, 1), ("b", -3, 1), ("▁ab", -4, 1) })
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(text);
            byte[] piece = [0x0A, (byte)utf8.Length, .. utf8, 0x15, .. BitConverter.GetBytes(score), 0x18, (byte)kind];
            bytes.AddRange([0x0A, (byte)piece.Length, .. piece]);
        }
        var original = TokenizerFile.FromSentencePiece([.. bytes, 0x12, 2, 0x18, 1], "m");
        foreach (var written in new[] { ThroughJson(original), ThroughGguf(original) })
            foreach (string text in new[] { "ab  a", "abba ab", " b", "xx a" }) written.Encode(text, addSpecial: true).ShouldBe(original.Encode(text, addSpecial: true), text);
    }
}
