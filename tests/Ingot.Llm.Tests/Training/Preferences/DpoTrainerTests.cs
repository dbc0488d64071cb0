using Ingot.Llm.Corpus.World;
using Ingot.Llm.Models;
using Ingot.Llm.Training;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Training.Preferences;

public sealed class DpoTrainerTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>The rarer answer is the better one.</summary>
    static readonly PreferencePair[] Pairs = [.. DigitModel.Tasks("0").Training.Select(t => new PreferencePair(t.Prompt, "0", "7"))];

    static DpoOptions Options(int steps = 16) => new() { Name = "dpo", Steps = steps, Batch = 8, LogEvery = 4, MatrixRate = 0.01, EmbeddingRate = 0.002, VectorRate = 0.002 };

    static DpoTrainer New(Decoder model, DpoOptions options, string folder, IReadOnlyList<PreferencePair>? pairs = null) => new(model, DigitModel.Tokenizer, pairs ?? Pairs, options, folder);

    [Fact]
    public void Run_AccuracyAndMarginRise()
    {
        var model = DigitModel.New();
        var lines = new List<DpoLine>();
        New(model, Options(24) with { LogEvery = 1 }, folder["dpo"]).Run(lines.Add).ShouldBeTrue();
        lines.Count.ShouldBe(24);
        // Before the first step the model is the reference: the margin is 0, the loss log 2 and that of the chosen answers, which are about as likely as in training.
        lines[0].Margin!.Value.ShouldBe(0, 1e-5);
        lines[0].Loss!.Value.ShouldBeInRange(Math.Log(2) + 0.05, Math.Log(2) + 0.4);
        lines[^1].Accuracy!.Value.ShouldBe(1);
        lines[^1].Margin!.Value.ShouldBeGreaterThan(0.1);
        lines[^1].Loss!.Value.ShouldBeLessThan(lines[0].Loss!.Value - 0.1);
        lines.ShouldAllBe(l => l.Skipped == 0 && l.GradNorm > 0 && l.TokensPerSecond > 0);
        // And on questions it was not asked: the better answer has become the likelier one.
        var rollouts = new Rollouts(model, DigitModel.Tokenizer, 64, 8).Generate([.. DigitModel.Tasks("0").HeldOut.Select(t => DigitModel.Format.Prompt(t.Prompt))], 1, 0, _ => 0);
        rollouts.Count(r => r.Text == "0").ShouldBeGreaterThan(30); // of 36
    }

    [Fact]
    public void Run_StoppedAndContinued_EndsWithTheSameBits()
    {
        var straight = DigitModel.New();
        New(straight, Options(), folder["straight"]).Run();
        using var stop = new CancellationTokenSource();
        New(DigitModel.New(), Options(), folder["dpo"]).Run(line => { if (line.Step == 8) stop.Cancel(); }, stop.Token).ShouldBeFalse();
        var continued = DigitModel.New();
        var trainer = New(continued, Options(), folder["dpo"]);
        trainer.CurrentStep.ShouldBe(8);
        trainer.Run().ShouldBeTrue();
        DigitModel.Weights(continued).ShouldBe(DigitModel.Weights(straight));
        WithoutTimes(folder["dpo"]).ShouldBe(WithoutTimes(folder["straight"]));
    }

    static IEnumerable<string> WithoutTimes(string stage) => File.ReadAllLines(Path.Combine(stage, "log.jsonl")).Select(l => System.Text.RegularExpressions.Regex.Replace(l, "\"(tokensPerSecond|gflops)\":[^,}]*", ""));

    [Fact]
    public void Run_NothingFinite_StopsWithTheWeightsAsTheyWere()
    {
        var model = DigitModel.New();
        var norm = Module.StateDict(model)["model.norm.weight"];
        norm.Assign(Tensor.Full(norm.Shape.Span, float.NaN)).Realize();
        var before = DigitModel.Weights(model);
        var trainer = New(model, Options() with { MostSkipped = 3 }, folder["dpo"]);
        Should.Throw<IngotException>(() => trainer.Run()).Message.ShouldContain("3 steps in a row");
        trainer.Skipped.ShouldBe(3);
        DigitModel.Weights(model).ShouldBe(before);
    }

    [Fact]
    public void Start_OtherPairsModelOrSettings_SaysSo()
    {
        New(DigitModel.New(), Options(2), folder["dpo"]).Run();
        Should.Throw<IngotException>(() => New(DigitModel.New(), Options(2), folder["dpo"], Pairs[..50])).Message.ShouldContain("other data");
        Should.Throw<IngotException>(() => New(new(DigitModel.Config, 1), Options(2), folder["dpo"])).Message.ShouldContain("another model");
        Should.Throw<IngotException>(() => New(DigitModel.New(), Options(3), folder["dpo"])).Message.ShouldContain("other settings");
        New(DigitModel.New(), Options(2), folder["dpo"]).CurrentStep.ShouldBe(2);
    }

    [Fact]
    public void Start_PairsThatDoNotFit_AreLeftOut()
    {
        var text = string.Concat(Enumerable.Repeat("xyz ", 60));
        New(DigitModel.New(), Options(), folder["dpo"], [.. Pairs, new(DigitModel.Ask(text), "0", "7")]).LeftOut.ShouldBe(1);
        Should.Throw<IngotException>(() => New(DigitModel.New(), Options(), folder["dpo"], [new(DigitModel.Ask(text), "0", "7")])).Message.ShouldContain("context of 48");
        Should.Throw<IngotException>(() => New(DigitModel.New(), Options(), folder["dpo"], [])).Message.ShouldContain("no pairs");
    }
}
