using Ingot.Llm.Corpus;

namespace Ingot.Llm.Tests.Cli;

public sealed class TokenizerCommandTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void TrainEncodeDecodeInfo_WorkTogether()
    {
        File.WriteAllText(folder["text.txt"], StoryCorpus.Generate(1, 30_000));
        string tokenizer = folder["tokenizer.json"];
        var train = IngotProcess.Run("tokenizer", "train", "--data", folder["text.txt"], "--vocab", "400", "--out", tokenizer);
        (train.Code, train.Error).ShouldBe((0, ""));
        train.Output.ShouldContain("400 tokens in " + tokenizer);
        const string text = "Once upon a <|bos|> naïve 漢字";
        var encode = IngotProcess.Run("tokenizer", "encode", "--tokenizer", tokenizer, text);
        (encode.Code, encode.Error).ShouldBe((0, ""));
        string[] ids = encode.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        ids.ShouldContain("0"); // <|bos|>
        IngotProcess.Run(["tokenizer", "decode", "-t", tokenizer, .. ids]).Output.ShouldBe(text);
        IngotProcess.Run("tokenizer", "encode", "--tokenizer", tokenizer, text, "--plain").Output.Split(' ').ShouldNotContain("0");
        IngotProcess.Run("tokenizer", "info", "-t", tokenizer, "--data", folder["text.txt"]).Output.ShouldContain("bytes a token");
    }

    [Theory]
    [InlineData("train")]
    [InlineData("train", "--data", "missing.txt")]
    [InlineData("train", "--data", "text.txt", "--vocab", "100")]
    [InlineData("train", "--data", "text.txt", "--pattern", "odd")]
    [InlineData("encode", "text")]
    [InlineData("encode", "text", "-t", "missing.json")]
    [InlineData("info", "-t", "text.txt")]
    [InlineData("decode", "-t", "missing.json", "1")]
    public void WrongArguments_OneLineOnStderrExitCode1(params string[] arguments)
    {
        File.WriteAllText(folder["text.txt"], "some text");
        var (code, output, error) = IngotProcess.Run(["tokenizer", .. arguments.Select(a => a is "text.txt" ? folder[a] : a), .. arguments[0] == "train" ? ["--out", folder["out.json"]] : Array.Empty<string>()]);
        (code, output).ShouldBe((1, ""));
        error.ShouldStartWith("ingot: ");
        error.TrimEnd().ShouldNotContain("\n");
        error.ShouldNotContain("System.");
        File.Exists(folder["out.json"]).ShouldBeFalse();
    }
}
