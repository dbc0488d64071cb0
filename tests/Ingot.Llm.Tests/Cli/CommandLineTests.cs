using Ingot.Llm.Corpus;
using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Cli;

public sealed class CommandLineTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    readonly string[] tiny;

    public CommandLineTests()
    {
        File.WriteAllText(folder["text.txt"], StoryCorpus.Generate(1, 2000));
        tiny = ["train", "--data", folder["text.txt"], "--out", folder["run"], "--layers", "1", "--heads", "1", "--width", "8", "--context", "8", "--batch", "2", "--steps", "4", "--log-every", "2"];
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Train_ThenSample_WritesARunAndContinuesThePrompt()
    {
        var train = IngotProcess.Run(tiny);
        train.Error.ShouldBe("");
        train.Code.ShouldBe(0);
        train.Output.ShouldContain("step 4/4  loss ");
        train.Output.ShouldContain("% of peak");
        File.ReadLines(folder["run", "log.jsonl"]).Count().ShouldBe(2);
        string[] sample = ["sample", "--model", folder["run"], "--prompt", "Once", "--tokens", "12", "--temperature", "1.5", "--top-k", "9", "--seed", "3"];
        var first = IngotProcess.Run(sample);
        (first.Code, first.Error).ShouldBe((0, ""));
        first.Output.ShouldStartWith("Once");
        first.Output.Length.ShouldBe(4 + 12 + Environment.NewLine.Length);
        IngotProcess.Run(sample).Output.ShouldBe(first.Output);
    }

    [Fact]
    public void Info_ShowsMachinePeaksAndSettings()
    {
        var (code, output, _) = IngotProcess.Run("info");
        code.ShouldBe(0);
        foreach (var word in new[] { "processor", "threads used   1", "vector level", "caches", "GFLOPS", "GB/s", "DEBUG", "INGOT_THREADS" }) output.ShouldContain(word);
    }

    [Theory]
    [InlineData("train", "--bogus")]
    [InlineData("train", "--steps", "many")]
    [InlineData("train", "--steps", "0")]
    [InlineData("train", "--steps", "99999999999")]
    [InlineData("train", "--lr", "1,5")]
    [InlineData("train", "--seed", "-1")]
    [InlineData("train", "--warmup", "-1")]
    [InlineData("train", "--data", "")]
    [InlineData("sample", "--model", "")]
    [InlineData("train", "--preset", "none")]
    [InlineData("train", "--data", "missing-file.txt")]
    [InlineData("train", "--resume", "--force")]
    [InlineData("sample")]
    [InlineData("sample", "--model", "missing-folder")]
    [InlineData("dance")]
    public void AnyCommand_WrongArguments_OneLineOnStderrExitCode1(params string[] arguments)
    {
        if (arguments[0] == "train") arguments = [.. arguments, "--out", folder["none"]];
        var (code, output, error) = IngotProcess.Run(arguments);
        code.ShouldBe(1);
        output.ShouldBe("");
        error.ShouldStartWith("ingot: ");
        error.TrimEnd().ShouldNotContain("\n");
        error.ShouldNotContain("System."); // the user's words, not the program's
        Directory.Exists(folder["none"]).ShouldBeFalse();
    }

    [Fact]
    public void Train_RunExists_RefusesAndKeepsIt()
    {
        IngotProcess.Run(tiny).Code.ShouldBe(0);
        var before = Directory.GetFiles(folder["run"]).ToDictionary(f => f, File.ReadAllBytes);
        var (code, _, error) = IngotProcess.Run(tiny);
        (code, error.Contains("has a run already", StringComparison.Ordinal)).ShouldBe((1, true));
        IngotProcess.Run("train", "--out", folder["run"], "--resume", "--width", "16").Error.ShouldContain("started with other settings");
        foreach (var (file, bytes) in before) File.ReadAllBytes(file).ShouldBe(bytes);
    }

    [Fact]
    public void Sample_UnknownCharacterOrTruncatedModel_SaysSo()
    {
        IngotProcess.Run(tiny).Code.ShouldBe(0);
        IngotProcess.Run("sample", "--model", folder["run"], "--prompt", "Ж").Error.ShouldContain("'Ж' (U+0416)");
        var weights = folder["run", "model-000004.safetensors"];
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..^10]);
        var (code, _, error) = IngotProcess.Run("sample", "--model", folder["run"]);
        (code, error.Contains(weights, StringComparison.Ordinal)).ShouldBe((1, true));
    }

    [Fact]
    public void Train_NoSpaceForTheCheckpoint_LeavesNothingHalfWritten()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("needs bash and ulimit");
        var (code, _, error) = IngotProcess.RunLimited(2, tiny); // 2 KB: enough for the log, too little for the weights
        error.ShouldStartWith($"ingot: cannot write {folder["run", "model-000004.safetensors"]}: ");
        error.TrimEnd().ShouldNotContain("\n");
        code.ShouldBe(1);
        Directory.GetFiles(folder["run"]).ShouldBe([folder["run", "log.jsonl"], folder["run", "started.json"]], ignoreOrder: true);
    }

    [Fact]
    public void Resume_FolderWithoutARun_IsAnErrorThatNamesIt()
    {
        Directory.CreateDirectory(folder["empty"]);
        foreach (string typo in new[] { folder["typo"], folder["empty"] })
        {
            var (code, output, error) = IngotProcess.Run("train", "--resume", "--out", typo, "--steps", "1");
            (code, output).ShouldBe((1, ""));
            error.ShouldStartWith($"ingot: there is no run in {typo} to resume");
        }
        Directory.Exists(folder["typo"]).ShouldBeFalse();
    }

    /// <summary>What it was started with is known, the data above all.</summary>
    [Fact]
    public void Resume_RunWithoutACheckpoint_TrainsWhatWasStarted()
    {
        Trainer.Start(folder["run"], TrainingOptions.Preset("char-tiny") with { Data = [folder["text.txt"]], Steps = 2, Layers = 1, Heads = 1, Width = 8, ContextLength = 8, Batch = 2, WarmupSteps = 0 });
        Directory.GetFiles(folder["run"]).ShouldBe([folder["run", "started.json"]]); // killed here
        var (code, output, error) = IngotProcess.Run("train", "--resume", "--out", folder["run"]);
        (code, error).ShouldBe((0, ""));
        output.ShouldContain("has no checkpoint yet: starting it");
        var checkpoint = new RunFolder(folder["run"]).Read();
        (checkpoint.Step, checkpoint.Options.Data.Single(), checkpoint.Options.Width).ShouldBe((2, folder["text.txt"], 8));
        File.Exists(folder["run", "started.json"]).ShouldBeFalse();
    }

    /// <summary>Kill -9 at random moments: every resume continues, and the end is that of the undisturbed run, to the bit. INGOT_KILLS=20 for the full number.</summary>
    [Fact]
    public void Train_KilledAndResumed_EndsWithTheBytesOfTheUndisturbedRun()
    {
        string[] options = [.. tiny[..^6], "--batch", "2", "--steps", "60", "--log-every", "1", "--checkpoint-every", "1"];
        IngotProcess.Run([.. options.Select(o => o == folder["run"] ? folder["whole"] : o)]).Code.ShouldBe(0);
        int kills = int.TryParse(Environment.GetEnvironmentVariable("INGOT_KILLS"), out int n) ? n : 3;
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        var resumeSteps = new List<int>();
        for (int kill = 0; kill < kills; kill++)
        {
            using var process = IngotProcess.Start(kill == 0 ? options : [.. options, "--resume"]);
            // After some lines of the log, or all kills would hit the start of the runtime; and once before the first.
            for (int lines = kill == 1 ? 1 : 2 + random.Next(1, 6); lines > 0 && process.StandardOutput.ReadLine() is not null; lines--) ;
            Thread.Sleep(random.Next(30));
            process.Kill();
            process.WaitForExit();
            var run = new RunFolder(folder["run"]);
            resumeSteps.Add(run.HasCheckpoint ? run.Read().Step : 0);
        }
        var (code, _, error) = IngotProcess.Run([.. options, "--resume"]);
        code.ShouldBe(0, $"seed {seed}, killed at {string.Join(' ', resumeSteps)}: {error}");
        foreach (var file in Directory.GetFiles(folder["whole"], "*.safetensors"))
            File.ReadAllBytes(folder["run", Path.GetFileName(file)]).ShouldBe(File.ReadAllBytes(file), $"seed {seed}, killed at {string.Join(' ', resumeSteps)}");
        Directory.GetFiles(folder["run"]).Length.ShouldBe(4);
        File.ReadLines(folder["run", "log.jsonl"]).Count().ShouldBe(60);
    }
}
