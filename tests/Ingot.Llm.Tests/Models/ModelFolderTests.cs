using System.Text.Json.Nodes;
using Ingot.Formats;
using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Models;

public class ModelFolderTests
{
    static string Tiny => Path.GetDirectoryName(SharedData.Path("hf-llama-tiny/config.json"))!;

    [Fact]
    public void Load_HfLlamaTiny_GivesTheGoldenLogits()
    {
        var model = ModelFolder.Load(Tiny).Model;
        var ids = GoldenIds();
        var expected = Npy.Load(SharedData.Path("llama2c/stories260K-logits.npy")).ToArray<float>();
        var logits = model.Forward(Tensor.From(ids, 1, 64)).ToArray<float>();
        logits.Zip(expected).Max(p => Math.Abs(p.First - p.Second)).ShouldBeLessThan(5e-5f); // the data's README: a plain forward is within 2e-5
        model.Config.EndTokens.ShouldBe([2]);
    }

    [Fact]
    public void Load_Bf16Shards_HasTheRoundedWeights()
    {
        var rounded = Module.StateDict(ModelFolder.Load(Path.Combine(Tiny, "sharded-bf16")).Model);
        foreach (var (name, tensor) in Module.StateDict(ModelFolder.Load(Tiny).Model))
            rounded[name].ToArray<float>().ShouldBe(tensor.Detach().To(DType.BF16).To(DType.F32).ToArray<float>());
    }

    [Theory, MemberData(nameof(DecoderTests.Shapes), MemberType = typeof(DecoderTests))]
    public void Save_Load_IsTheSameModel(string shape)
    {
        using var folder = new TemporaryFolder();
        var config = DecoderTests.Shape(shape) with { EndTokens = [5, 9], BeginToken = 1 };
        if (shape == "plain") config = config with { KeyHeads = 2 };
        var model = RandomDecoder.Of(config);
        new ModelFolder(model, null, "{{ messages }}").Save(folder["model"]);
        var read = ModelFolder.Load(folder["model"]);
        read.ChatTemplate.ShouldBe("{{ messages }}");
        Comparable(read.Model.Config).ShouldBe(Comparable(config with { AdjacentRotation = false }));
        var state = Module.StateDict(read.Model);
        if (!config.AdjacentRotation)
            foreach (var (name, tensor) in Module.StateDict(model)) state[name].ToArray<float>().ShouldBe(tensor.ToArray<float>());
        var tokens = Tensor.From(RandomDecoder.Tokens(30), 1, 30);
        read.Model.Forward(tokens).ToArray<float>().Zip(model.Forward(tokens).ToArray<float>(), (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(config.AdjacentRotation ? 2e-5f : 0.5e-6f);
        Directory.EnumerateFileSystemEntries(folder.Path).Count().ShouldBe(1); // nothing temporary is left
    }

    /// <summary>A configuration as text, lists by their values.</summary>
    internal static string Comparable(DecoderConfig config) => System.Text.Json.JsonSerializer.Serialize(config) + System.Text.Json.JsonSerializer.Serialize<object?>(config.Scaling);

    [Theory]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Save_HalfPrecision_RoundsTheWeights(DType dtype)
    {
        using var folder = new TemporaryFolder();
        var model = RandomDecoder.Of(RandomDecoder.Config);
        new ModelFolder(model, null).Save(folder["model"], dtype);
        new FileInfo(folder["model", "model.safetensors"]).Length.ShouldBeLessThan((long)(2.2 * model.Config.ParameterCount));
        var state = Module.StateDict(ModelFolder.Load(folder["model"]).Model);
        foreach (var (name, tensor) in Module.StateDict(model)) state[name].ToArray<float>().ShouldBe(tensor.Detach().To(dtype).To(DType.F32).ToArray<float>());
    }

    [Fact]
    public void Save_OverAModel_ReplacesItAndKeepsOtherFiles()
    {
        using var folder = new TemporaryFolder();
        new ModelFolder(RandomDecoder.Of(RandomDecoder.Config), null, "old").Save(folder["model"]);
        File.WriteAllText(folder["model", "notes.txt"], "mine");
        new ModelFolder(RandomDecoder.Of(RandomDecoder.Config with { Layers = 1 }), null).Save(folder["model"]);
        var read = ModelFolder.Load(folder["model"]);
        (read.Model.Config.Layers, read.ChatTemplate).ShouldBe((1, null));
        File.ReadAllText(folder["model", "notes.txt"]).ShouldBe("mine");
    }

    [Fact]
    public void Save_FolderOfSomethingElse_IsLeftAlone()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["notes.txt"], "mine");
        Should.Throw<IngotException>(() => new ModelFolder(RandomDecoder.Of(RandomDecoder.Config), null).Save(folder.Path)).Message.ShouldContain("not a model's folder");
        Directory.EnumerateFileSystemEntries(folder.Path).Count().ShouldBe(1);
    }

    [Theory]
    [InlineData("num_hidden_layers", "2000000000", "2,000,000,000 layers")]
    [InlineData("num_hidden_layers", "-1", "num_hidden_layers")]
    [InlineData("hidden_size", "\"48\"", "hidden_size")]
    [InlineData("hidden_size", "2147483647", "parameters")]
    [InlineData("vocab_size", "null", "vocab_size")]
    [InlineData("vocab_size", "98", "embed_tokens.weight (the file has (97, 48), the model (98, 48))")]
    [InlineData("hidden_act", "\"gelu\"", "gelu")]
    [InlineData("architectures", "[\"MambaForCausalLM\"]", "MambaForCausalLM")]
    [InlineData("rope_scaling", "{\"rope_type\":\"dynamic\",\"factor\":2}", "dynamic")]
    [InlineData("num_local_experts", "8", "mixture of experts")]
    [InlineData("num_key_value_heads", "5", "6 query heads")]
    public void Load_WrongConfig_NamesWhatIsWrong(string field, string value, string expected)
    {
        using var folder = new TemporaryFolder();
        new ModelFolder(RandomDecoder.Of(RandomDecoder.Config), null).Save(folder["model"]);
        var json = JsonNode.Parse(File.ReadAllText(folder["model", "config.json"]))!;
        json[field] = JsonNode.Parse(value);
        File.WriteAllText(folder["model", "config.json"], json.ToJsonString());
        var error = Should.Throw<Exception>(() => ModelFolder.Load(folder["model"]));
        (error is IngotException or InsufficientMemoryException).ShouldBeTrue(error.ToString());
        error.Message.ShouldContain(expected);
    }

    [Fact]
    public void Load_IndexThatLeavesTheFolder_Refuses()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(Tiny, "config.json"), folder["config.json"]);
        foreach (string name in new[] { "../model.safetensors", "/etc/passwd", "..", "a\\\\b" })
        {
            File.WriteAllText(folder["model.safetensors.index.json"], $$"""{"weight_map": {"lm_head.weight": "{{name}}"} }""");
            Should.Throw<Ingot.FormatException>(() => ModelFolder.Load(folder.Path)).Message.ShouldContain("outside its folder");
        }
    }

    [Fact]
    public void Load_FolderWithoutAModel_SaysSo()
    {
        using var folder = new TemporaryFolder();
        Should.Throw<Ingot.FormatException>(() => ModelFolder.Load(folder.Path)).Message.ShouldContain("config.json");
        File.Copy(Path.Combine(Tiny, "config.json"), folder["config.json"]);
        File.WriteAllText(folder["pytorch_model.bin"], "");
        Should.Throw<Ingot.FormatException>(() => ModelFolder.Load(folder.Path)).Message.ShouldContain("convert them to safetensors");
    }

    internal static int[] GoldenIds() => [.. System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/stories260K-golden.json"))).RootElement
        .GetProperty("unprompted_200_ids").EnumerateArray().Take(64).Select(i => i.GetInt32())];
}
