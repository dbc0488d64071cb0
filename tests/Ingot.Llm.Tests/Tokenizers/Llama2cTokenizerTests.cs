using System.Text.Json;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Tokenizers;

public class Llama2cTokenizerTests
{
    [Theory]
    [InlineData("tok512.bin", 512, "tok512")]
    [InlineData("tokenizer32000.bin", 32000, "tokenizer32000")]
    public void Encode_GoldenStrings_GivesLlama2cIds(string file, int size, string key)
    {
        var tokenizer = Llama2cTokenizer.Load(SharedData.Path("llama2c/" + file), size);
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/golden-llama2c-tokenizers.json")));
        int checkedCases = 0;
        foreach (var c in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            if (!c.TryGetProperty(key, out var ids)) continue;
            var text = c.GetProperty("text").GetString()!;
            tokenizer.Encode(text).ShouldBe(ids.EnumerateArray().Select(i => i.GetInt32()), text.Length > 60 ? text[..60] : text);
            tokenizer.Decode(tokenizer.Encode(text)).ShouldBe(text);
            checkedCases++;
        }
        checkedCases.ShouldBe(187);
    }

    [Fact]
    public void Load_WrongVocabularySize_SaysSo()
    {
        var path = SharedData.Path("llama2c/tok512.bin");
        Should.Throw<Ingot.FormatException>(() => Llama2cTokenizer.Load(path, 513)).Message.ShouldContain("truncated or belongs to another model");
        Should.Throw<Ingot.FormatException>(() => Llama2cTokenizer.Load(path, 511)).Message.ShouldContain("belongs to another model");
    }
}
