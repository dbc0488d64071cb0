using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;

namespace Ingot.Llm.Tests.Models;

public class GgufModelTests
{
    internal static DecoderConfig Shape(string name) => DecoderTests.Shape(name) switch
    {
        { Family: "gemma3_text" } c => c with { WindowRopeTheta = 10000, AttentionScale = null, LogitCap = null }, // what the format can say
        { Family: "phi3" } c => c with { HeadWidth = 8, RotaryWidth = c.RotaryWidth is null ? null : 4, Scaling = c.Scaling is RopeScaling.LongRope s ? s with { Short = [.. s.Short.Take(4)], Long = [.. s.Long.Take(4)] } : null },
        { Family: "qwen2" } c => c with { HeadWidth = 8 },
        var c => c,
    };

    public static TheoryData<string> Families => ["qwen3", "llama3", "qwen2", "window", "plain", "gemma3", "phi3", "phi3-long", "gpt2", "smollm3", "yarn", "llama-adjacent"];

    [Theory, MemberData(nameof(Families))]
    public void Write_Load_IsTheSameModel(string shape)
    {
        using var folder = new TemporaryFolder();
        var config = Shape(shape);
        var model = RandomDecoder.Of(config);
        GgufExport.Write(folder["model.gguf"], model, null);
        var read = LoadedModel.Load(folder["model.gguf"], new() { ContextLength = 1000 }).Model;
        var tokens = Tensor.From(RandomDecoder.Tokens(40), 1, 40);
        var expected = model.Forward(tokens).ToArray<float>();
        read.Forward(tokens).ToArray<float>().Zip(expected, (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(5e-5f * expected.Max(Math.Abs));
        read.Config.ParameterCount.ShouldBe(config.ParameterCount);
        read.Config.Family.ShouldBe(config.Family);
        // And once more, from what was read.
        GgufExport.Write(folder["again.gguf"], read, null, name: "model");
        File.ReadAllBytes(folder["again.gguf"]).Length.ShouldBe(File.ReadAllBytes(folder["model.gguf"]).Length);
        var again = LoadedModel.Load(folder["again.gguf"], new() { ContextLength = 1000 }).Model;
        again.Forward(tokens).ToArray<float>().ShouldBe(read.Forward(tokens).ToArray<float>());
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("F16")]
    public void Load_Stories_WritesWhatLlamaCppWrites(string type)
    {
        var loaded = LoadedModel.Load(SharedData.Path($"gguf/stories260K-{type}.gguf"));
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("gguf/stories260K-llamacpp-golden.json")));
        var ids = golden.RootElement.GetProperty("ids").GetProperty(type);
        foreach (var (i, run) in golden.RootElement.GetProperty("runs").EnumerateArray().Index())
        {
            int[] prompt = Ids(run.GetProperty("prompt_ids"));
            if (run.TryGetProperty("prompt", out var text)) loaded.Tokenizer.Encode(text.GetString()!, addSpecial: true).ShouldBe(prompt);
            Greedy(loaded, prompt, run.GetProperty("steps").GetInt32()).ShouldBe(UpToEnd(Ids(ids[i]), loaded));
        }
    }

    [Theory]
    [InlineData("Q8_0")]
    [InlineData("Q4_0")]
    public void Load_QuantizedStories_BeginsAsTheyAreDecoded(string type)
    {
        // Products with quantized weights round activations to 8 bits, as llama.cpp's do; the reference here is the same file with its weights decoded.
        var path = SharedData.Path($"gguf/stories260K-{type}.gguf");
        var loaded = LoadedModel.Load(path);
        var decoded = LoadedModel.Load(path, new() { Dtype = GgmlType.F32 });
        loaded.Bytes.ShouldBeLessThan(decoded.Bytes / 2);
        var tokens = Tensor.From(ModelFolderTests.GoldenIds(), 1, 64);
        var expected = decoded.Model.Forward(tokens).ToArray<float>();
        double error = loaded.Model.Forward(tokens).ToArray<float>().Zip(expected, (a, b) => (double)(a - b) * (a - b)).Sum() / expected.Sum(e => (double)e * e);
        error.ShouldBeLessThan(1e-3);
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("gguf/stories260K-llamacpp-golden.json")));
        int[] theirs = Ids(golden.RootElement.GetProperty("ids").GetProperty(type)[0]);
        Greedy(loaded, [1], 12)[..8].ShouldBe(theirs[..8]);
    }

    [Theory]
    [InlineData("general.architecture", "mamba", "mamba")]
    [InlineData("llama.expert_count", 8u, "mixture of experts")]
    [InlineData("llama.block_count", 4000000u, "4,000,000 layers")]
    [InlineData("llama.attention.head_count", 5u, "keys 13")]
    [InlineData("llama.rope.scaling.type", "spiral", "spiral")]
    [InlineData("split.count", 3u, "part -1 (split.no, from 0) of 3")]
    public void Load_WrongMetadata_NamesWhatIsWrong(string key, object value, string expected)
    {
        using var folder = new TemporaryFolder();
        GgufExport.Write(folder["good.gguf"], RandomDecoder.Of(DecoderTests.Shape("llama-adjacent")), null);
        var good = Gguf.Open(folder["good.gguf"]);
        var writer = new GgufWriter();
        foreach (var (k, v) in good.Metadata) writer.Set(k, v.Value);
        writer.Set(key, value);
        if (key == "llama.attention.head_count") writer.Set("llama.attention.key_length", 13u);
        foreach (var t in good.Tensors) writer.Add(t.Name, t.Type, t.Shape, () => good.Bytes(t.Name));
        writer.Write(folder["bad.gguf"]);
        Should.Throw<Ingot.FormatException>(() => LoadedModel.Load(folder["bad.gguf"])).Message.ShouldContain(expected);
    }

    /// <summary>A model's file in parts.</summary>
    static string[] Split(string path, string prefix, int parts)
    {
        var whole = Gguf.Open(path);
        var writer = new GgufWriter();
        foreach (var (key, value) in whole.Metadata) writer.Set(key, value.Value);
        foreach (var t in whole.Tensors) writer.Add(t.Name, t.Type, t.Shape, () => whole.Bytes(t.Name));
        long size = new FileInfo(path).Length;
        for (long most = size / parts; most < size; most += size / 50)
            if (writer.WriteParts(prefix + ".gguf", most) is var files && files.Count == parts) return [.. files];
            else foreach (string file in files) File.Delete(file);
        throw new InvalidOperationException("no size gives so many parts");
    }

    [Fact]
    public void Write_InParts_IsAsGgufSplitWritesThem()
    {
        using var folder = new TemporaryFolder();
        var model = RandomDecoder.Of(DecoderTests.Shape("llama-adjacent"));
        GgufExport.Write(folder["whole.gguf"], model, null);
        const int Most = 20_000;
        var files = GgufExport.Write(folder["parts", "a.gguf"], model, null, name: "whole", partBytes: Most);
        files.Count.ShouldBeGreaterThan(2);
        files.ShouldBe(Enumerable.Range(1, files.Count).Select(n => folder["parts", $"a-{n:00000}-of-{files.Count:00000}.gguf"]));
        Directory.GetFiles(folder["parts"]).Order().ShouldBe(files); // and nothing else
        var whole = Gguf.Open(folder["whole.gguf"]);
        long largest = whole.Tensors.Max(t => t.ByteCount);
        foreach (string file in files) new FileInfo(file).Length.ShouldBeLessThanOrEqualTo(Math.Max(Most, largest + 1000));
        var read = Gguf.Open(files[0]); // with the others
        read.Tensors.Select(t => t.Name).ShouldBe(whole.Tensors.Select(t => t.Name));
        foreach (var t in read.Tensors)
            read.Bytes(t.Name).Span<byte>(0, (int)t.ByteCount).SequenceEqual(whole.Bytes(t.Name).Span<byte>(0, (int)t.ByteCount)).ShouldBeTrue(t.Name);
        read.Metadata.Keys.ShouldBe([.. whole.Metadata.Keys, "split.no", "split.count", "split.tensors.count"]);
        (read.Metadata["split.no"].Value, read.Metadata["split.count"].Value, read.Metadata["split.tensors.count"].Value).ShouldBe(((ushort)0, (ushort)files.Count, whole.Tensors.Count));
        Greedy(LoadedModel.Load(files[1]), [1, 2, 3], 10).ShouldBe(Greedy(LoadedModel.Load(folder["whole.gguf"]), [1, 2, 3], 10));
        GgufExport.Write(folder["one.gguf"], model, null, partBytes: 1_000_000).ShouldBe([folder["one.gguf"]]);
    }

    [Fact]
    public void WriteParts_ATensorThatCannotBeMade_LeavesNothing()
    {
        using var folder = new TemporaryFolder();
        var writer = new GgufWriter();
        writer.Add("a", Tensor.Zeros([4, 64]));
        writer.Add("b", GgmlType.F32, new Ingot.Shape(4, 64), () => throw new IngotException("broken"));
        Should.Throw<IngotException>(() => writer.WriteParts(folder["x.gguf"], 1000)).Message.ShouldBe("broken");
        Directory.GetFileSystemEntries(folder.Path).ShouldBeEmpty();
    }

    [Fact]
    public void Load_FileInParts_IsTheWholeModel()
    {
        using var folder = new TemporaryFolder();
        GgufExport.Write(folder["whole.gguf"], RandomDecoder.Of(DecoderTests.Shape("llama-adjacent")), null);
        var parts = Split(folder["whole.gguf"], folder["parts", "small"], 3);
        int[] expected = Greedy(LoadedModel.Load(folder["whole.gguf"]), [1, 2, 3], 10);
        foreach (var path in new[] { parts[0], parts[2], Path.GetDirectoryName(parts[0])! }) // any part will do, and the folder
        {
            var loaded = LoadedModel.Load(path);
            Greedy(loaded, [1, 2, 3], 10).ShouldBe(expected);
            loaded.Files.ShouldBe(parts);
        }
        LoadedModel.Load(parts[1]).Name.ShouldBe("small");
    }

    [Fact]
    public void Load_PartsThatAreNotWhole_SaysWhich()
    {
        using var folder = new TemporaryFolder();
        GgufExport.Write(folder["whole.gguf"], RandomDecoder.Of(DecoderTests.Shape("llama-adjacent")), null);
        var parts = Split(folder["whole.gguf"], folder["small"], 3);
        string Error(int part) => Should.Throw<Ingot.FormatException>(() => LoadedModel.Load(parts[part])).Message;
        File.Move(parts[1], folder["away"]);
        Error(0).ShouldBe($"the model has 3 parts, and part 2 is missing: {parts[1]}");
        Error(2).ShouldContain("part 2 is missing");
        File.Copy(parts[2], parts[1]);
        Error(0).ShouldContain("is part 3 of 3 of a model, but its name does not end with -00003-of-00003.gguf");
        File.Copy(folder["whole.gguf"], parts[1], overwrite: true);
        Error(0).ShouldContain("should be part 2 of 3, but its metadata (split.no, split.count) say nothing of parts");
        File.Delete(parts[1]);
        File.Move(folder["away"], folder["renamed.gguf"]);
        Should.Throw<Ingot.FormatException>(() => LoadedModel.Load(folder["renamed.gguf"])).Message.ShouldContain("its name does not end with -00002-of-00003.gguf");
    }

    [Fact]
    public void Write_WhatLlamaCppDoesNotHave_SaysSo()
    {
        using var folder = new TemporaryFolder();
        void Refuses(DecoderConfig config, string expected) => Should.Throw<IngotException>(() => GgufExport.Write(folder["x.gguf"], new Decoder(config, 1), null)).Message.ShouldContain(expected);
        Refuses(RandomDecoder.Config with { Family = "ingot", LayerNorm = true }, "ingot");
        Refuses(RandomDecoder.Config with { Window = 5 }, "window");
        Refuses(DecoderTests.Shape("smollm3") with { UnrotatedLayers = [1] }, "every fourth");
        Directory.EnumerateFiles(folder.Path).ShouldBeEmpty();
    }

    internal static int[] Ids(JsonElement list) => [.. list.EnumerateArray().Select(i => i.GetInt32())];

    /// <summary>Ids up to the first that ends a text, behind the first.</summary>
    internal static int[] UpToEnd(int[] ids, LoadedModel model)
    {
        int end = Array.FindIndex(ids, 1, id => model.EndTokens.Contains(id));
        return end < 0 ? ids : ids[..end];
    }

    internal static int[] Greedy(LoadedModel model, int[] prompt, int steps) =>
        [.. prompt, .. new Engine(model.Model).Continue(prompt, new SamplingOptions(Temperature: 0) { MaxTokens = steps - prompt.Length })];
}
