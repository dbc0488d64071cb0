using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Tokenizers;

public class GoldenTests
{
    [Theory]
    [InlineData("gpt2"), InlineData("r50k_base"), InlineData("p50k_base"), InlineData("cl100k_base"), InlineData("o200k_base")]
    public void Tiktoken_GoldenStrings_GivesItsIdsAndBytes(string encoding)
    {
        var tokenizer = GoldenVectors.Load(encoding);
        using var golden = GoldenVectors.Read(encoding);
        int count = 0;
        foreach (var c in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = GoldenVectors.Text(c.GetProperty("text")), label = $"case {c.GetProperty("id")} {c.GetProperty("category")}";
            int[] plain = GoldenVectors.Ids(c.GetProperty("plain"));
            tokenizer.Encode(text, addSpecial: false, parseSpecial: false).ShouldBe(plain, label);
            tokenizer.Encode(text).ShouldBe(c.TryGetProperty("allowed_special_all", out var all) ? GoldenVectors.Ids(all) : plain, label);
            tokenizer.Decode(plain, skipSpecial: false).ShouldBe(WithoutLoneSurrogates(text), label);
            count++;
        }
        count.ShouldBe(200);
        foreach (var d in golden.RootElement.GetProperty("decode").EnumerateArray())
            Convert.ToHexStringLower(tokenizer.DecodeBytes(GoldenVectors.Ids(d.GetProperty("ids")), skipSpecial: false)).ShouldBe(d.GetProperty("bytes_hex").GetString());
    }

    [Theory]
    [InlineData("qwen3"), InlineData("mistral_v1"), InlineData("bert_base_uncased")]
    public void HuggingFace_GoldenStrings_GivesItsIds(string encoding) => Check(GoldenVectors.Load(encoding), encoding);

    /// <summary>Vocabularies that may not lie beside the others; put them as llama3-tokenizer.json and gemma3-tokenizer.json into the folder to test them too.</summary>
    [Theory]
    [InlineData("llama3"), InlineData("gemma3")]
    public void HuggingFace_VocabularyFromElsewhere_GivesItsIds(string encoding)
    {
        string? folder = Environment.GetEnvironmentVariable("INGOT_TEST_TOKENIZERS");
        if (folder is null || !File.Exists(Path.Combine(folder, encoding + "-tokenizer.json"))) Assert.Skip("no data");
        Check(TokenizerFile.Load(Path.Combine(folder!, encoding + "-tokenizer.json")), encoding);
    }

    static void Check(Tokenizer tokenizer, string encoding)
    {
        using var golden = GoldenVectors.Read(encoding);
        int count = 0;
        foreach (var c in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = GoldenVectors.Text(c.GetProperty("text")), label = $"case {c.GetProperty("id")} {c.GetProperty("category")}";
            int[] plain = GoldenVectors.Ids(c.GetProperty("plain"));
            tokenizer.Encode(text).ShouldBe(plain, label);
            tokenizer.Encode(text, addSpecial: true).ShouldBe(c.TryGetProperty("with_special", out var special) ? GoldenVectors.Ids(special) : plain, label);
            count++;
        }
        count.ShouldBe(200);
    }

    static string WithoutLoneSurrogates(string text) => System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));
}
