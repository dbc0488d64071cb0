using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;

namespace Ingot.Llm.Tests.Models;

public class LoadedModelTests
{
    [Fact]
    public void Load_Llama2c_WritesWhatLlama2cWrites()
    {
        var loaded = LoadedModel.Load(SharedData.Path("llama2c/stories260K.bin"), new() { Tokenizer = SharedData.Path("llama2c/tok512.bin") });
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/stories260K-golden.json")));
        int[] ids = GgufModelTests.UpToEnd(GgufModelTests.Ids(golden.RootElement.GetProperty("unprompted_200_ids")), loaded);
        GgufModelTests.Greedy(loaded, [1], ids.Length).ShouldBe(ids);
        foreach (var run in golden.RootElement.GetProperty("prompts").EnumerateArray())
        {
            var prompt = loaded.Tokenizer.Encode(run.GetProperty("prompt").GetString()!, addSpecial: true);
            prompt.ShouldBe(GgufModelTests.Ids(run.GetProperty("prompt_ids")));
            int[] expected = GgufModelTests.UpToEnd(GgufModelTests.Ids(run.GetProperty("ids")), loaded);
            GgufModelTests.Greedy(loaded, prompt, expected.Length).ShouldBe(expected);
        }
    }

    [Theory]
    [InlineData("tok512.bin", 512, "tok512")]
    [InlineData("tokenizer32000.bin", 32000, "tokenizer32000")]
    public void ToTokenizer_Llama2cVocabulary_GivesTheSameIds(string file, int size, string key)
    {
        var tokenizer = Llama2cTokenizer.Load(SharedData.Path("llama2c/" + file), size).ToTokenizer();
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/golden-llama2c-tokenizers.json")));
        int checkedCases = 0;
        foreach (var c in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            var text = c.GetProperty("text").GetString()!;
            // llama2.c finds marks of bytes and of the beginning and end of texts in what is written, which no other program does.
            if (!c.TryGetProperty(key, out var ids) || text.Contains("<0x", StringComparison.Ordinal) || text.Contains("s>", StringComparison.Ordinal) || text.Contains("<unk>", StringComparison.Ordinal)) continue;
            tokenizer.Encode(text, addSpecial: true, parseSpecial: false).ShouldBe(GgufModelTests.Ids(ids), text.Length > 60 ? text[..60] : text);
            checkedCases++;
        }
        checkedCases.ShouldBeGreaterThan(170);
    }

    [Fact]
    public void Load_Bf16Folder_KeepsItsPrecision()
    {
        var folder = Path.GetDirectoryName(SharedData.Path("hf-llama-tiny/config.json"))!;
        var single = LoadedModel.Load(folder);
        var half = LoadedModel.Load(Path.Combine(folder, "sharded-bf16"));
        half.Bytes.ShouldBeLessThan(single.Bytes * 51 / 100);
        (single.Family, single.BeginToken, single.IsChat).ShouldBe(("llama", 1, false));
        var tokens = Tensor.From(ModelFolderTests.GoldenIds(), 1, 64);
        var expected = LoadedModel.Load(Path.Combine(folder, "sharded-bf16"), new() { Dtype = GgmlType.F32 }).Model.Forward(tokens).ToArray<float>();
        half.Model.Forward(tokens).ToArray<float>().Zip(expected, (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(5e-5f);
        int[] ids = ModelFolderTests.GoldenIds();
        GgufModelTests.Greedy(single, [1], 64).ShouldBe(ids);
    }

    [Theory]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    [InlineData(GgmlType.Q8_0)]
    public void Load_Dtype_ConvertsTheMatrices(GgmlType type)
    {
        using var folder = new TemporaryFolder();
        var model = RandomDecoder.Of(RandomDecoder.Config with { Width = 64, Hidden = 96, HeadWidth = 16, Heads = 4 });
        new ModelFolder(model, null).Save(folder["model"]);
        var loaded = LoadedModel.Load(folder["model"], new() { Dtype = type });
        loaded.Bytes.ShouldBeLessThan((long)(model.Config.ParameterCount * type.BitsPerValue / 8 + 8000));
        var tokens = Tensor.From(RandomDecoder.Tokens(20), 1, 20);
        var (expected, actual) = (model.Forward(tokens).ToArray<float>(), loaded.Model.Forward(tokens).ToArray<float>());
        double error = expected.Zip(actual, (a, b) => (double)(a - b) * (a - b)).Sum() / expected.Sum(e => (double)e * e);
        error.ShouldBeInRange(1e-9, type == GgmlType.F16 ? 1e-5 : 5e-3);
    }

    [Fact]
    public void Load_ContextLength_ShortensLearnedPositions()
    {
        using var folder = new TemporaryFolder();
        var model = RandomDecoder.Of(DecoderTests.Shape("gpt2"));
        new ModelFolder(model, null).Save(folder["model"]);
        var loaded = LoadedModel.Load(folder["model"], new() { ContextLength = 32 });
        loaded.Model.ContextLength.ShouldBe(32);
        var tokens = Tensor.From(RandomDecoder.Tokens(32), 1, 32);
        loaded.Model.Forward(tokens).ToArray<float>().Zip(model.Forward(tokens).ToArray<float>(), (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(1e-5f);
    }

    [Fact]
    public void Load_WhatIsNoModel_SaysWhatToDo()
    {
        using var folder = new TemporaryFolder();
        void Refuses(string name, byte[] content, string expected)
        {
            File.WriteAllBytes(folder[name], content);
            Should.Throw<Ingot.FormatException>(() => LoadedModel.Load(folder[name])).Message.ShouldContain(expected);
        }
        Refuses("a.pt", [0x50, 0x4B, 3, 4], "convert it to safetensors");
        Refuses("pytorch_model.bin", [0x80, 2, 0x7D], "convert it to safetensors");
        Refuses("model.safetensors", new byte[16], "config.json");
        Refuses("model.onnx", new byte[16], "ONNX");
        Refuses("notes.txt", "hello"u8.ToArray(), "no model of a known kind");
        Refuses("short.bin", new byte[16], "16 bytes");
        Refuses("model.gguf", "GGUF"u8.ToArray(), "model.gguf");
        Should.Throw<Ingot.FormatException>(() => LoadedModel.Load(folder["nothing"])).Message.ShouldContain("no file or folder");
        Should.Throw<Ingot.FormatException>(() => LoadedModel.Load(folder.Path)).Message.ShouldContain("no config.json");
    }
}
