using System.Text.Json;
using Ingot.Llm.Corpus;
using Ingot.Llm.Training;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    readonly TemporaryFolder folder = new();
    readonly TrainingOptions tiny;

    public TrainerTests()
    {
        File.WriteAllText(folder["text.txt"], StoryCorpus.Generate(1, 2000));
        tiny = new() { Data = [folder["text.txt"]], Layers = 1, Heads = 2, Width = 8, ContextLength = 8, Batch = 2, Steps = 9, WarmupSteps = 2, LogEvery = 2, CheckpointEvery = 4, LearningRate = 1e-2 };
    }

    public void Dispose() => folder.Dispose();

    /// <summary>Everything the steps have made: the bytes of weights and optimizer.</summary>
    static Dictionary<string, byte[]> Tensors(string run) => Directory.GetFiles(run, "*.safetensors").ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes);

    static List<LogLine> Log(string run) => [.. File.ReadLines(Path.Combine(run, "log.jsonl")).Select(l => JsonSerializer.Deserialize<LogLine>(l, JsonSerializerOptions.Web)!)];

    [Fact]
    public void Run_FewSteps_LowersTheLossAndLogsIt()
    {
        var trainer = Trainer.Start(folder["run"], tiny with { Steps = 40, LogEvery = 1, EvaluateEvery = 20, Batch = 4 });
        double before = trainer.ValidationLoss();
        before.ShouldBe(Math.Log(trainer.Tokenizer.VocabularySize), 0.2); // untrained: all characters equally likely
        var reports = new List<TrainingStatus>();
        trainer.Run(reports.Add, peakGflops: 100).ShouldBeTrue();
        var log = Log(folder["run"]);
        log.Select(l => l.Step).ShouldBe(Enumerable.Range(1, 40));
        log.ShouldBe(reports.Select(r => r.Line));
        log.Where(l => l.ValLoss is not null).Select(l => l.Step).ShouldBe([20, 40]);
        log[^1].ValLoss!.Value.ShouldBeLessThan(before - 0.3);
        log.ShouldAllBe(l => l.TokensPerSecond > 0 && l.PeakFraction > 0);
        using var line = JsonDocument.Parse(File.ReadLines(folder["run", "log.jsonl"]).First());
        line.RootElement.EnumerateObject().Select(p => p.Name).ShouldBe(["step", "loss", "valLoss", "tokensPerSecond", "peakFraction"]);
    }

    [Fact]
    public void Run_CancelledAndResumed_EndsWithTheSameBytes()
    {
        Trainer.Start(folder["whole"], tiny).Run().ShouldBeTrue();
        using var stop = new CancellationTokenSource();
        Trainer.Start(folder["parts"], tiny).Run(s => { if (s.Line.Step == 6) stop.Cancel(); }, cancellation: stop.Token).ShouldBeFalse();
        new RunFolder(folder["parts"]).Read().Step.ShouldBe(6, "stopping writes a checkpoint");
        var resumed = Trainer.Resume(folder["parts"], new());
        resumed.FirstStep.ShouldBe(6);
        resumed.Run().ShouldBeTrue();
        var (whole, parts) = (Tensors(folder["whole"]), Tensors(folder["parts"]));
        parts.Keys.ShouldBe(["model-000009.safetensors", "optimizer-000009.safetensors"], ignoreOrder: true);
        foreach (var (name, bytes) in whole) parts[name].ShouldBe(bytes, name);
        Log(folder["parts"]).Select(l => (l.Step, l.Loss, l.ValLoss)).ShouldBe(Log(folder["whole"]).Select(l => (l.Step, l.Loss, l.ValLoss)));
    }

    [Fact]
    public void Resume_LinesAfterTheCheckpoint_AreDropped()
    {
        using var stop = new CancellationTokenSource();
        Trainer.Start(folder["run"], tiny).Run(s => { if (s.Line.Step == 4) stop.Cancel(); }, cancellation: stop.Token);
        File.AppendAllText(folder["run", "log.jsonl"], "{\"step\":6,\"loss\":1}\n{\"step\":8,\"lo"); // killed while writing
        File.WriteAllText(folder["run", "model-000008.safetensors.123.tmp"], "half");
        Trainer.Resume(folder["run"], new()).Run().ShouldBeTrue();
        Log(folder["run"]).Select(l => l.Step).ShouldBe([2, 4, 6, 8, 9]);
        Directory.GetFiles(folder["run"]).Length.ShouldBe(4);
    }

    [Fact]
    public void Resume_BeforeTheFirstCheckpoint_StartsAnew()
    {
        Trainer.Start(folder["whole"], tiny).Run();
        Directory.CreateDirectory(folder["run"]);
        File.WriteAllText(folder["run", "log.jsonl"], "{\"step\":2,");
        Trainer.Resume(folder["run"], tiny).Run().ShouldBeTrue();
        Tensors(folder["run"])["model-000009.safetensors"].ShouldBe(Tensors(folder["whole"])["model-000009.safetensors"]);
        Log(folder["run"]).Count.ShouldBe(5);
    }

    [Fact]
    public void Resume_FinishedRun_ChangesNothing()
    {
        Trainer.Start(folder["run"], tiny).Run();
        var before = Tensors(folder["run"]);
        Trainer.Resume(folder["run"], new()).Run().ShouldBeTrue();
        foreach (var (name, bytes) in Tensors(folder["run"])) bytes.ShouldBe(before[name]);
    }

    [Fact]
    public void Start_FolderWithARun_RefusesUnlessForced()
    {
        Trainer.Start(folder["run"], tiny with { Steps = 1 }).Run();
        File.WriteAllText(folder["run", "notes.txt"], "mine");
        var before = Directory.GetFiles(folder["run"]).Order().ToList();
        Should.Throw<IngotException>(() => Trainer.Start(folder["run"], tiny)).Message.ShouldContain("--resume");
        Directory.GetFiles(folder["run"]).Order().ShouldBe(before);
        Trainer.Start(folder["run"], tiny with { Steps = 2 }, force: true).Run();
        new RunFolder(folder["run"]).Read().Step.ShouldBe(2);
        File.Exists(folder["run", "notes.txt"]).ShouldBeTrue();
        Log(folder["run"]).Select(l => l.Step).ShouldBe([2]);
    }

    [Fact]
    public void Start_BadData_CreatesNothing()
    {
        File.WriteAllBytes(folder["bad.txt"], [(byte)'a', 0xFF]);
        Should.Throw<IngotException>(() => Trainer.Start(folder["run"], tiny with { Data = [folder["bad.txt"]] })).Message.ShouldContain("offset 1");
        Should.Throw<IngotException>(() => Trainer.Start(folder["run"], tiny with { ContextLength = 5000 })).Message.ShouldContain("needs at least 50010");
        Directory.Exists(folder["run"]).ShouldBeFalse();
    }

    [Fact]
    public void Resume_ChangedData_SaysSo()
    {
        Trainer.Start(folder["run"], tiny with { Steps = 1 }).Run();
        File.AppendAllText(folder["text.txt"], "!");
        Should.Throw<IngotException>(() => Trainer.Resume(folder["run"], new())).Message.ShouldContain("not the one the run");
    }

    [Fact]
    public void Run_LearningRateFarTooHigh_StopsWithTheStep()
    {
        var trainer = Trainer.Start(folder["run"], tiny with { LearningRate = 1e30, WarmupSteps = 0, LogEvery = 1 });
        Should.Throw<IngotException>(() => trainer.Run()).Message.ShouldContain("lower the learning rate");
    }

    [Theory]
    [InlineData("checkpoint.json")]
    [InlineData("model-000001.safetensors")]
    [InlineData("optimizer-000001.safetensors")]
    public void Resume_TruncatedFile_NamesIt(string name)
    {
        Trainer.Start(folder["run"], tiny with { Steps = 1 }).Run();
        var path = folder["run", name];
        var bytes = File.ReadAllBytes(path);
        foreach (int length in new[] { 0, 5, bytes.Length / 2, bytes.Length - 3 })
        {
            File.WriteAllBytes(path, bytes[..length]);
            Should.Throw<Ingot.FormatException>(() => Trainer.Resume(folder["run"], new())).Message.ShouldContain(path);
        }
        File.Delete(path);
        if (name != "checkpoint.json") Should.Throw<Ingot.FormatException>(() => Trainer.Resume(folder["run"], new())).Message.ShouldContain(path);
    }

    [Theory]
    [InlineData("\"step\": 1", "\"step\": -1")]
    [InlineData("\"step\": 1", "\"step\": 7")]
    [InlineData("\"width\": 8", "\"width\": -8")]
    [InlineData("\"width\": 8", "\"width\": \"x\"")]
    [InlineData("\"width\": 8", "\"width\": 16")]
    [InlineData("\"width\": 8", "\"width\": 800000000")]
    [InlineData("\"layers\": 1", "\"layers\": 1000000000")]
    [InlineData("\"logBytes\": ", "\"logBytes\": -1")]
    [InlineData("\"vocabulary\": \"", "\"vocabulary\": \"Ж")]
    [InlineData("\"model\": \"model-", "\"model\": \"../model-")]
    [InlineData("\"format\": 1", "\"format\": 2")]
    public void Read_DamagedCheckpoint_NamesTheFileAndKeepsTheRun(string text, string damage)
    {
        Trainer.Start(folder["run"], tiny with { Steps = 1 }).Run();
        var path = folder["run", "checkpoint.json"];
        var json = File.ReadAllText(path);
        json.ShouldContain(text);
        File.WriteAllText(path, json.Replace(text, damage, StringComparison.Ordinal));
        var before = Tensors(folder["run"]);
        // Training knows nothing of the saved tokenizer: it makes its own, of the same text. Sampling has only that one.
        if (!text.Contains("vocabulary", StringComparison.Ordinal)) (Record.Exception(() => Trainer.Resume(folder["run"], new()).Run()) is IngotException or InsufficientMemoryException).ShouldBeTrue();
        var e = Record.Exception(() => new RunFolder(folder["run"]).LoadModel()).ShouldNotBeNull();
        (e is Ingot.FormatException or InsufficientMemoryException).ShouldBeTrue(e.ToString());
        e.Message.ShouldContain(folder["run"]);
        foreach (var (name, bytes) in before) File.ReadAllBytes(folder["run", name]).ShouldBe(bytes);
    }

    [Fact]
    public void Resume_WeightsOfAnotherType_SaysSo()
    {
        Trainer.Start(folder["run"], tiny with { Steps = 1 }).Run();
        var path = folder["run", "model-000001.safetensors"];
        var bytes = File.ReadAllBytes(path);
        var header = System.Text.Encoding.Latin1.GetString(bytes);
        File.WriteAllBytes(path, System.Text.Encoding.Latin1.GetBytes(header.Replace("\"F32\"", "\"I32\"", StringComparison.Ordinal)));
        Should.Throw<Ingot.FormatException>(() => Trainer.Resume(folder["run"], new())).Message.ShouldContain("(the file has i32, the model f32)");
    }

    [Theory]
    [InlineData(2_000_000_000, 1, 2)]
    [InlineData(100_000, 4, 2)]
    [InlineData(8, 2_000_000_000, 2)]
    [InlineData(8, 1, 2_000_000_000)]
    [InlineData(8, 1, 250_000_000)]
    public void Start_ModelThatCannotFit_IsRefusedUnmadeWithItsSize(int width, int layers, int batch)
    {
        long before = GC.GetAllocatedBytesForCurrentThread() + Runtime.MemoryPool.RentedByThisThread;
        var options = tiny with { Width = width, Layers = layers, Batch = batch };
        var e = Should.Throw<Exception>(() => Trainer.Start(folder["run"], options));
        (e is IngotException or InsufficientMemoryException).ShouldBeTrue(e.ToString());
        e.Message.ShouldMatch("[0-9]{3},000");
        (GC.GetAllocatedBytesForCurrentThread() + Runtime.MemoryPool.RentedByThisThread - before).ShouldBeLessThan(64 << 20); // nothing of the model was made
        Directory.Exists(folder["run"]).ShouldBeFalse();
    }

    /// <summary>A run that never got to its first line is none: the next try needs no --force.</summary>
    [Fact]
    public void Run_FailingBeforeTheFirstLine_LeavesNoRun()
    {
        Directory.CreateDirectory(folder["run"]);
        Should.Throw<IngotException>(() => Trainer.Start(folder["other"], tiny with { LearningRate = 1e30, WarmupSteps = 0, LogEvery = 5, Steps = 5 }).Run());
        Directory.GetFiles(folder["other"]).ShouldBe([folder["other", "started.json"]]); // what --resume would start again with
        new RunFolder(folder["other"]).HasRun.ShouldBeFalse();
        File.WriteAllText(folder["run", "log.jsonl"], ""); // killed
        Trainer.Start(folder["run"], tiny with { Steps = 1 }).Run().ShouldBeTrue();
    }

    [Fact]
    public void LoadModel_AfterTraining_IsTheTrainedModel()
    {
        var trainer = Trainer.Start(folder["run"], tiny with { Steps = 3 });
        trainer.Run();
        var (model, tokenizer) = new RunFolder(folder["run"]).LoadModel();
        foreach (var (name, tensor) in Module.StateDict(model)) tensor.ToArray<float>().ShouldBe(Module.StateDict(trainer.Model)[name].ToArray<float>(), name);
        tokenizer.Encode("once").ShouldBe(trainer.Tokenizer.Encode("once"));
    }

    [Fact]
    public void Run_AnotherRunInTheFolder_IsRefused()
    {
        var trainer = Trainer.Start(folder["run"], tiny);
        using (new RunFolder(folder["run"]).Lock())
            Should.Throw<IngotException>(() => trainer.Run()).Message.ShouldContain("is another run at work in it?");
        trainer.Run().ShouldBeTrue();
    }

    /// <summary>Each operand of a product is off by 2^-9 of itself at most, and a loss near ln(V) of a few layers by little more: the runs part slowly.</summary>
    [Fact]
    public void Run_InBf16_FollowsTheLossOfFloat32()
    {
        var options = tiny with { Layers = 2, Width = 32, Batch = 8, ContextLength = 16, Steps = 30, LogEvery = 1, LearningRate = 3e-3 };
        Trainer.Start(folder["fp32"], options).Run().ShouldBeTrue();
        Trainer.Start(folder["bf16"], options with { Precision = TrainingPrecision.Bf16 }).Run().ShouldBeTrue();
        List<LogLine> wide = Log(folder["fp32"]), half = Log(folder["bf16"]);
        half[0].Loss.ShouldNotBe(wide[0].Loss);
        half[0].Loss.ShouldBe(wide[0].Loss, 0.005);
        for (int i = 0; i < wide.Count; i++) half[i].Loss.ShouldBe(wide[i].Loss, 0.03, $"step {i + 1}");
        half[^1].Loss.ShouldBeLessThan(half[0].Loss - 0.3);
        new RunFolder(folder["bf16"]).Read().Options.Precision.ShouldBe(TrainingPrecision.Bf16);
    }
}
