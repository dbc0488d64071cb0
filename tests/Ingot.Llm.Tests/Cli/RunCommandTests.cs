using System.Text.Json;
using Ingot.Cli;
using Ingot.Llm.Generation;
using Ingot.Llm.Models;
using Ingot.Llm.Tests.Training;

namespace Ingot.Llm.Tests.Cli;

public sealed class RunCommandTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Run_Stories_ContinuesThem()
    {
        string path = SharedData.Path("gguf/stories260K-F32.gguf");
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedData.Path("llama2c/stories260K-golden.json")));
        string expected = golden.RootElement.GetProperty("unprompted_200_steps_expected_text").GetString()!;
        var (code, output, error) = IngotProcess.Run("run", path, "Once upon a time", "--temperature", "0", "--max-tokens", "60", "--stats");
        code.ShouldBe(0, error);
        output.Trim().Length.ShouldBeGreaterThan(100);
        expected.ShouldStartWith(output.Trim());
        error.ShouldContain("MB of weights read a token");
    }

    [Fact]
    public void Run_PromptThatEndsInOnnx_IsAPrompt()
    {
        var (code, output, error) = IngotProcess.Run("run", SharedData.Path("gguf/stories260K-F32.gguf"), "Tim saw a.onnx", "-t", "0", "-n", "3");
        code.ShouldBe(0, error);
        output.ShouldStartWith("Tim saw a.onnx");
        RunCommand.Create(["run", "--runs", "2", "a.onnx"]).Options.ShouldContain(o => o.Name == "--shape");
        RunCommand.Create(["run", "-i", "x=a.npy", "--shape", "N=1", "--dtype", "bf16", "a.ONNX"]).Options.ShouldContain(o => o.Name == "--shape");
        RunCommand.Create(["run", "--prefill", "a.onnx", "m.gguf"]).Options.ShouldNotContain(o => o.Name == "--shape");
    }

    [Fact]
    public void Speed_PromptFromTheCache_IsNotCounted()
    {
        var loaded = LoadedModel.Load(SharedData.Path("gguf/stories260K-F32.gguf"));
        int[] prompt = [1, .. Enumerable.Range(0, 200).Select(i => 300 + i % 100)];
        var speed = new RunSpeed(loaded);
        var engine = new Engine(loaded.Model, new EngineOptions { PrefixBytes = 64 << 20 });
        var options = new SamplingOptions { MaxTokens = 3, Temperature = 0 };
        speed.Tokens(engine, prompt, options).Count().ShouldBeGreaterThan(0);
        speed.Prompts.ShouldBe(201);
        _ = speed.Tokens(engine, prompt, options).Count();
        (speed.Prompts - 201).ShouldBeInRange(1, 100);
    }

    [Theory]
    [InlineData("lookup")]
    [InlineData("gguf/stories260K-Q4_0.gguf")]
    public void Run_Draft_WritesTheSame(string draft)
    {
        string[] said = ["run", SharedData.Path("gguf/stories260K-F32.gguf"), "Once upon a time", "-n", "30", "--seed", "3"];
        var plain = IngotProcess.Run(said);
        plain.Code.ShouldBe(0, plain.Error);
        IngotProcess.Run([.. said, "--draft", draft == "lookup" ? draft : SharedData.Path(draft)]).ShouldSatisfyAllConditions(r => r.Code.ShouldBe(0, r.Error), r => r.Output.ShouldBe(plain.Output));
    }

    [Fact]
    public void Export_Llama2c_BecomesGgufAndAFolder()
    {
        File.Copy(SharedData.Path("llama2c/stories260K.bin"), folder["stories.bin"]);
        File.Copy(SharedData.Path("llama2c/tok512.bin"), folder["tokenizer.bin"]);
        string[] said = ["The big dog", "-t", "0", "-n", "40"];
        var expected = IngotProcess.Run(["run", folder["stories.bin"], .. said]);
        expected.Code.ShouldBe(0, expected.Error);
        IngotProcess.Run("export", folder["stories.bin"], "--to", "gguf", "--out", folder["stories.gguf"]).ShouldSatisfyAllConditions(r => r.Code.ShouldBe(0, r.Error));
        IngotProcess.Run(["run", folder["stories.gguf"], .. said]).Output.ShouldBe(expected.Output);
        IngotProcess.Run("quantize", folder["stories.gguf"], "--to", "q8_0", "--out", folder["small.gguf"]).ShouldSatisfyAllConditions(r => r.Code.ShouldBe(0, r.Error));
        new FileInfo(folder["small.gguf"]).Length.ShouldBeLessThan(new FileInfo(folder["stories.gguf"]).Length / 2);
        IngotProcess.Run(["run", folder["small.gguf"], .. said]).Output.ShouldStartWith("The big dog");
        IngotProcess.Run("quantize", folder["stories.gguf"], "--to", "q9_9").Error.ShouldContain("there is no precision 'q9_9'; there are");
        IngotProcess.Run("run", folder["none.gguf"]).Error.ShouldContain("there is no file or folder");
    }

    [Fact]
    public void Run_ModelForConversations_Answers()
    {
        new ModelFolder(DigitModel.New(), DigitModel.Tokenizer).Save(folder["model"]);
        IngotProcess.Run("export", folder["model"], "--to", "safetensors", "--dtype", "bf16", "--out", folder["half"]).ShouldSatisfyAllConditions(r => r.Code.ShouldBe(0, r.Error));
        var (code, output, error) = IngotProcess.Run("run", folder["half"], "7", "--system", "Say digits.", "-n", "3", "-t", "0");
        code.ShouldBe(0, error);
        output.Trim().Length.ShouldBeGreaterThan(0);
        output.ShouldNotContain("<|");
    }

    [Fact]
    public void Perplexity_Stories_IsATable()
    {
        string text = File.ReadAllText(SharedData.Path("text/tinystories-valid.txt"))[..6000];
        File.WriteAllText(folder["stories.txt"], text);
        var (code, output, error) = IngotProcess.Run("eval", "perplexity", SharedData.Path("gguf/stories260K-F32.gguf"), "--data", folder["stories.txt"], "--types", "q8_0,q4_0", "--length", "128");
        code.ShouldBe(0, error);
        var lines = output.Trim().Split('\n');
        lines.Skip(2).Select(l => l.Split("  ")[0].Trim()).ShouldBe(["bf16", "q8_0", "q4_0", "int8 a row", "int4 a row"]);
        double[] perplexities = [.. lines.Skip(2).Select(l => double.Parse(l[41..54], System.Globalization.CultureInfo.InvariantCulture))];
        perplexities[0].ShouldBeInRange(3, 8); // exp(1.4) is 4 on whole stories
        (perplexities[1] / perplexities[0]).ShouldBeInRange(0.98, 1.02);
        perplexities[2].ShouldBeGreaterThan(perplexities[0]);
        perplexities[4].ShouldBeGreaterThan(perplexities[3]);
    }
}
