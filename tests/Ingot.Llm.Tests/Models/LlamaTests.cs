using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Models;

public class LlamaTests
{
    static readonly Lazy<(Llama Model, JsonElement Golden)> Stories = new(() =>
        (Llama2cFile.Load(SharedData.Path("llama2c/stories260K.bin")), JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/stories260K-golden.json"))).RootElement));

    [Fact]
    public void Forward_Stories260K_GivesTheGoldenLogits()
    {
        var (model, golden) = Stories.Value;
        var ids = Ids(golden.GetProperty("unprompted_200_ids"))[..64];
        var logits = model.Forward(Tensor.From(ids, 1, 64)).ToArray<float>();
        var expected = Npy.Load(SharedData.Path("llama2c/stories260K-logits.npy")).ToArray<float>();
        logits.Length.ShouldBe(expected.Length);
        logits.Zip(expected).Max(p => Math.Abs(p.First - p.Second)).ShouldBeLessThan(1e-4f);
    }

    /// <summary>
    /// One pass over the golden ids: if the best next token at every position is the one that follows, choosing the best token step by step
    /// gives exactly these ids, by induction.
    /// </summary>
    [Fact]
    public void Forward_Stories260K_IsGreedyAlongTheGoldenText()
    {
        var (model, golden) = Stories.Value;
        var tokenizer = Llama2cTokenizer.Load(SharedData.Path("llama2c/tok512.bin"), 512);
        var ids = Ids(golden.GetProperty("unprompted_200_ids"));
        NextIds(model, ids).ShouldBe(ids[1..]);
        golden.GetProperty("unprompted_200_steps_expected_text").GetString()!.ShouldStartWith(tokenizer.Decode(ids));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Forward_Prompt_IsGreedyAlongTheGoldenText(int which)
    {
        var (model, golden) = Stories.Value;
        var tokenizer = Llama2cTokenizer.Load(SharedData.Path("llama2c/tok512.bin"), 512);
        var prompt = golden.GetProperty("prompts")[which];
        int[] ids = Ids(prompt.GetProperty("ids")), start = Ids(prompt.GetProperty("prompt_ids"));
        tokenizer.Encode(prompt.GetProperty("prompt").GetString()!).ShouldBe(start);
        NextIds(model, ids)[(start.Length - 1)..].ShouldBe(ids[start.Length..]);
    }

    [Fact]
    public void Load_TruncatedFile_SaysSo()
    {
        using var folder = new TemporaryFolder();
        var bytes = File.ReadAllBytes(SharedData.Path("llama2c/stories260K.bin"));
        foreach (int length in new[] { 0, 27, 28, 1000, bytes.Length - 1 })
        {
            File.WriteAllBytes(folder["cut.bin"], bytes[..length]);
            Should.Throw<Ingot.FormatException>(() => Llama2cFile.Load(folder["cut.bin"])).Message.ShouldContain(folder["cut.bin"]);
        }
    }

    /// <summary>The best next token after each but the last.</summary>
    static int[] NextIds(Llama model, int[] ids)
    {
        var logits = model.Forward(Tensor.From(ids[..^1], 1, ids.Length - 1)).ToArray<float>();
        return [.. Enumerable.Range(0, ids.Length - 1).Select(t => Best(logits.AsSpan(t * model.VocabularySize, model.VocabularySize)))];
    }

    static int Best(ReadOnlySpan<float> row)
    {
        int best = 0;
        for (int i = 1; i < row.Length; i++)
            if (row[i] > row[best]) best = i;
        return best;
    }

    static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(i => i.GetInt32())];
}
