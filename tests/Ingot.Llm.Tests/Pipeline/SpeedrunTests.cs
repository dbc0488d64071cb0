using System.Diagnostics;
using System.Text.Json;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Models;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Planning;
using Ingot.Llm.Training;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Pipeline;

/// <summary>Whole runs of a tiny model by a plan made by hand, so that no clock has a say.</summary>
public sealed class SpeedrunTests : IDisposable
{
    readonly string folder = Path.Combine(Path.GetTempPath(), $"ingot-speedrun-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    static readonly SpeedrunSettings Settings = new() { Depth = 1, Set = ["tokenizer.vocabulary=400", "model.context=64", "train.batch=4", "train.microBatches=1"] };

    static SpeedrunPlan Plan() => TinyPlan.Of(Settings);

    sealed class Listener : ISpeedrunObserver
    {
        public List<(string Stage, int Step)> Lines { get; } = [];

        public Action<string, int>? OnLine { get; init; }

        public void Say(string text) { }

        public void Line(StagePlan stage, StageLine line) => Note(stage, line.Step);

        public void Line(StagePlan stage, DpoLine line) => Note(stage, line.Step);

        public void Line(StagePlan stage, RlLine line) => Note(stage, line.Step);

        void Note(StagePlan stage, int step)
        {
            Lines.Add((stage.Name, step));
            OnLine?.Invoke(stage.Name, step);
        }
    }

    static bool Go(string folder, Listener listener, CancellationToken cancellation = default) => Speedrun.Go(folder, Settings, replaces: false, Stopwatch.StartNew(), _ => { }, listener, cancellation);

    static float[] Weights(string folder) => [.. Module.StateDict(ModelFolder.Load(Path.Combine(folder, "model")).Model).OrderBy(p => p.Key, StringComparer.Ordinal).SelectMany(p => p.Value.ToArray<float>())];

    [Fact]
    public void Go_StoppedInTwoStagesAndContinued_EndsWithTheSameModelScoresAndReport()
    {
        string straight = Path.Combine(folder, "straight"), broken = Path.Combine(folder, "broken");
        Plan().Write(straight);
        Plan().Write(broken);
        var listener = new Listener();
        Go(straight, listener).ShouldBeTrue();
        listener.Lines.Select(l => l.Stage).Distinct().ShouldBe(["base", "mid", "sft", "dpo", "rl"]);

        foreach (var (stage, step) in new[] { ("base", 5), ("sft", 3) })
        {
            using var stop = new CancellationTokenSource();
            Go(broken, new Listener { OnLine = (s, n) => { if (s == stage && n == step) stop.Cancel(); } }, stop.Token).ShouldBeFalse();
            Directory.Exists(Path.Combine(broken, "model")).ShouldBeFalse();
        }
        Go(broken, new()).ShouldBeTrue();
        Weights(broken).ShouldBe(Weights(straight));
        foreach (string file in new[] { "metrics.jsonl", "samples.jsonl", "tokenizer.json", "rl/model/model.safetensors" })
            File.ReadAllBytes(Path.Combine(broken, file)).ShouldBe(File.ReadAllBytes(Path.Combine(straight, file)), file);

        var metrics = File.ReadLines(Path.Combine(straight, "metrics.jsonl")).Select(l => JsonSerializer.Deserialize<Metric>(l, JsonSerializerOptions.Web)!).ToList();
        metrics.Select(m => m.Stage).Distinct().ShouldBe(["base", "mid", "sft", "dpo", "rl"]);
        metrics.ShouldAllBe(m => m.Low <= m.Value && m.Value <= m.High);
        metrics.Count(m => m.Name == "facts, held-out phrasings").ShouldBe(5);
        foreach (string report in new[] { "report.html", "report.md", "report.json" }) File.ReadAllText(Path.Combine(straight, report)).ShouldContain("facts, held-out phrasings");

        // A third time there is nothing to train, and no time passes; what a kill at the wrong moment left unwritten is written.
        var (before, all) = (File.ReadAllText(Path.Combine(straight, "run.json")), File.ReadAllText(Path.Combine(straight, "metrics.jsonl")));
        File.Delete(Path.Combine(straight, "metrics.jsonl"));
        var third = new Listener();
        Go(straight, third).ShouldBeTrue();
        third.Lines.ShouldBeEmpty();
        File.ReadAllText(Path.Combine(straight, "metrics.jsonl")).ShouldBe(all);
        File.ReadAllText(Path.Combine(straight, "run.json")).ShouldBe(before);
    }

    [Fact]
    public void Go_InAFolderOfOtherSettings_IsRefused()
    {
        Plan().Write(folder);
        Should.Throw<IngotException>(() => Speedrun.Go(folder, Settings with { Seed = 2 }, replaces: false, Stopwatch.StartNew(), _ => { }, new Listener())).Message.ShouldContain("other settings");
    }
}
