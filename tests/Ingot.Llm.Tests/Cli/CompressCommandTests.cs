using Ingot.Llm.Models;
using Ingot.Llm.Tests.Models;
using Ingot.Llm.Tokenizers.Training;

namespace Ingot.Llm.Tests.Cli;

public sealed class CompressCommandTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public CompressCommandTests()
    {
        var trainer = new BpeTrainer(new() { VocabularySize = 280 });
        trainer.Add("the text that the tokenizer of the test is trained on, on and on");
        // In a run's folder, of which the model is a part.
        new ModelFolder(RandomDecoder.Of(RandomDecoder.Config with { VocabularySize = 280, ContextLength = 32 }), trainer.Train()).Save(folder["run", "model"]);
        File.WriteAllText(folder["a.txt"], "the text on the test, and bytes that are none: \u0001\u0002 ÄÖ");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void CompressDecompress_GiveTheFileBack()
    {
        var (code, output, error) = IngotProcess.Run("compress", folder["a.txt"], "--model", folder["run"]);
        (code, error).ShouldBe((0, ""));
        foreach (var word in new[] { "bits per byte", "promised", "compressed", "ratio", "MB/s", "a.txt.ilm" }) output.ShouldContain(word);
        IngotProcess.Run("decompress", folder["a.txt.ilm"], "--model", folder["run", "model"], "-o", folder["b.txt"]).Code.ShouldBe(0);
        File.ReadAllBytes(folder["b.txt"]).ShouldBe(File.ReadAllBytes(folder["a.txt"]));
        // Neither the original nor an older compressed file is replaced without being named.
        foreach (var arguments in new[] { new[] { "decompress", folder["a.txt.ilm"] }, ["compress", folder["a.txt"]], ["compress", folder["a.txt"], "-o", folder["a.txt"]], ["decompress", folder["b.txt"]], ["compress", folder["none"]] })
        {
            (code, output, error) = IngotProcess.Run([.. arguments, "--model", folder["run"]]);
            (code, output).ShouldBe((1, ""));
            error.ShouldStartWith("ingot: ");
            error.TrimEnd().ShouldNotContain("\n");
        }
        // A damaged file leaves nothing behind.
        var bytes = File.ReadAllBytes(folder["a.txt.ilm"]);
        File.WriteAllBytes(folder["cut.ilm"], bytes[..^1]);
        IngotProcess.Run("decompress", folder["cut.ilm"], "--model", folder["run"]).Error.ShouldContain("not whole");
        Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order().ShouldBe(["a.txt", "a.txt.ilm", "b.txt", "cut.ilm"]);
    }
}
