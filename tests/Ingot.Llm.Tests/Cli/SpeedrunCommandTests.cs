using System.Text.Json;
using Ingot.Llm.Planning;
using Ingot.Llm.Tests.Pipeline;

namespace Ingot.Llm.Tests.Cli;

public sealed class SpeedrunCommandTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    string[] Command(string run) => ["speedrun", "--depth", "1", "--no-page", "--out", folder[run]];

    /// <summary>Kill -9 at random moments of any stage: the same command goes on, and the end is that of the undisturbed run, to the bit. INGOT_KILLS=20 for more.</summary>
    [Fact]
    public void Speedrun_KilledAndRunAgain_EndsWithTheBytesOfTheUndisturbedRun()
    {
        foreach (var run in new[] { "straight", "killed" }) TinyPlan.Of(new() { Depth = 1 }).Write(folder[run]);
        var (code, _, error) = IngotProcess.Run(Command("straight"));
        (code, error).ShouldBe((0, ""));

        int seed = Random.Shared.Next(), kills = int.TryParse(Environment.GetEnvironmentVariable("INGOT_KILLS"), out int n) ? n : 2;
        var random = new Random(seed);
        for (int kill = 0; kill < kills; kill++)
        {
            using var process = IngotProcess.Start(Command("killed"));
            // After some lines, each a step of a stage or the start of an evaluation, and a little more.
            for (int lines = random.Next(10, 30); lines > 0 && process.StandardOutput.ReadLine() is not null; lines--) ;
            Thread.Sleep(random.Next(30));
            process.Kill();
            process.WaitForExit();
        }
        (code, _, error) = IngotProcess.Run(Command("killed"));
        code.ShouldBe(0, $"seed {seed}: {error}");
        foreach (string file in new[] { "tokenizer.json", "metrics.jsonl", "samples.jsonl", "overlap.jsonl", "base/model/model.safetensors", "model/model.safetensors" })
            File.ReadAllBytes(folder["killed", file]).ShouldBe(File.ReadAllBytes(folder["straight", file]), $"seed {seed}, {file}");
        using var report = JsonDocument.Parse(File.ReadAllText(folder["killed", "report.json"]));
        report.RootElement.GetRawText().ShouldContain("facts, held-out phrasings");
        Directory.GetFileSystemEntries(folder["killed"], "*.new", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    [Fact]
    public void Speedrun_OnAFullDisk_StopsWithOneLineAndKeepsThePlan()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("needs bash and ulimit");
        TinyPlan.Of(new() { Depth = 1 }).Write(folder["run"]);
        var (code, _, error) = IngotProcess.RunLimited(40, Command("run")); // room for the tokenizer, not for the weights
        code.ShouldBe(1);
        error.ShouldStartWith("ingot: cannot write");
        error.TrimEnd().ShouldNotContain("\n");
        SpeedrunPlan.Exists(folder["run"]).ShouldBeTrue();
        Directory.GetFiles(folder["run", "base"], "*.safetensors").ShouldBeEmpty();
    }

    [Theory]
    [InlineData("both", "--minutes or the size", "--minutes", "5", "--depth", "2")]
    [InlineData("little", "0.5 to 100,000", "--minutes", "0.01")]
    [InlineData("name", "name=value", "--depth", "1", "--set", "model.nrom=rms")]
    [InlineData("data", "no-such-file", "--depth", "1", "--data", "no-such-file")]
    public void Speedrun_Mistakes_AreNamedBeforeAnythingIsWritten(string run, string part, params string[] arguments)
    {
        var (code, _, error) = IngotProcess.Run(["speedrun", "--no-page", "--out", folder[run], .. arguments]);
        code.ShouldBe(1);
        error.ShouldStartWith("ingot: ");
        error.ShouldContain(part);
        Directory.Exists(folder[run]).ShouldBeFalse();
    }

    [Fact]
    public void Stages_OneAfterTheOther_EachFromTheModelBefore()
    {
        string[] small = ["--steps", "2", "--set", "train.batch=2"];
        string[][] commands =
        [
            ["pretrain", "--depth", "1", "--set", "tokenizer.vocabulary=400", "--set", "model.context=64", "--out", folder["base"], .. small],
            ["midtrain", "--from", folder["base"], "--out", folder["mid"], .. small],
            ["sft", "--from", folder["mid"], "--out", folder["sft"], .. small],
            ["dpo", "--from", folder["sft"], "--out", folder["dpo"], "--steps", "1"],
            ["rl", "--from", folder["dpo"], "--out", folder["rl"], "--steps", "1"],
        ];
        foreach (var command in commands)
        {
            var (code, output, error) = IngotProcess.Run(command);
            (code, error).ShouldBe((0, ""), command[0]);
            output.ShouldContain("done");
        }
        IngotProcess.Run("eval", "--model", folder["rl"], "--count", "3").Output.ShouldContain("facts, held-out phrasings");
        var (again, text, _) = IngotProcess.Run(commands[1]);
        (again, text.Contains("done already", StringComparison.Ordinal)).ShouldBe((0, true));
        IngotProcess.Run("sft", "--from", folder["nowhere"], "--out", folder["x"]).Error.ShouldContain("there is no model in");
    }

    /// <summary>A mistake on the command line must not cost the run that is there, and --force none of the user's files.</summary>
    [Fact]
    public void Force_RemovesWhatIngotWrote_AndOnlyOnceAllIsGood()
    {
        string[] train = ["pretrain", "--depth", "1", "--steps", "1", "--set", "train.batch=1", "--set", "model.context=32", "--set", "tokenizer.vocabulary=400", "--out", folder["base"]];
        IngotProcess.Run(train).Code.ShouldBe(0);
        File.WriteAllText(folder["base", "notes.txt"], "mine");
        var weights = File.ReadAllBytes(folder["base", "model", "model.safetensors"]);

        foreach (string[] mistake in new string[][] { [.. train, "--force", "--set", "model.norm=batch"], [.. train, "--force", "--data", folder["nowhere"]], ["sft", "--from", folder["base"], "--out", folder["base"], "--force", "--steps", "1"] })
        {
            IngotProcess.Run(mistake).Code.ShouldBe(1, string.Join(' ', mistake));
            File.ReadAllBytes(folder["base", "model", "model.safetensors"]).ShouldBe(weights);
        }
        File.WriteAllText(folder["base", "model", "notes.txt"], "mine");
        IngotProcess.Run([.. train, "--force", "--seed", "2"]).Error.ShouldContain("notes.txt is not a model's file");
        File.ReadAllBytes(folder["base", "model", "model.safetensors"]).ShouldBe(weights);
        File.Delete(folder["base", "model", "notes.txt"]);
        IngotProcess.Run([.. train, "--force", "--seed", "2"]).Code.ShouldBe(0);
        File.ReadAllBytes(folder["base", "model", "model.safetensors"]).ShouldNotBe(weights);
        File.ReadAllText(folder["base", "notes.txt"]).ShouldBe("mine");
        IngotProcess.Run("sft", "--from", folder["base"], "--out", folder["sft"], "--set", "model.norm=layernorm").Error.ShouldContain("has its shape already");
    }
}
