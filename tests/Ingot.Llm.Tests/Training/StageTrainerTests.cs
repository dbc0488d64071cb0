using Ingot.Llm.Corpus;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Training;

public sealed class StageTrainerTests : IDisposable
{
    readonly string folder = Path.Combine(Path.GetTempPath(), $"ingot-stage-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    static readonly string[] Documents = StoryCorpus.Generate(3, 40_000).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);

    static readonly CharTokenizer Letters = CharTokenizer.Train("\0" + string.Concat(Documents));

    static readonly TokenSource Training = TokenSource.OfDocuments("stories", Letters, 0, Documents.Skip(8)), Held = TokenSource.OfDocuments("held", Letters, 0, Documents.Take(8));

    static Decoder NewModel() => new(new DecoderConfig { Width = 32, Hidden = 64, Layers = 2, Heads = 2, KeyHeads = 1, HeadWidth = 16, VocabularySize = Letters.VocabularySize, ContextLength = 32 }, seed: 5);

    static StageOptions Options(int steps = 24) => new() { Name = "base", Steps = steps, Batch = 4, LogEvery = 6, EvaluateEvery = 12 };

    static float[] Weights(Decoder model) => [.. Module.StateDict(model).Values.SelectMany(t => t.ToArray<float>())];

    [Fact]
    public void Run_LearnsAndMeasuresBitsPerByte()
    {
        var model = NewModel();
        var trainer = new StageTrainer(model, new(Training, 32), Options(60), folder, [Held]);
        double before = trainer.BitsPerByte(Held);
        before.ShouldBe(Math.Log2(Letters.VocabularySize), 0.3); // an untrained model guesses
        var lines = new List<StageLine>();
        trainer.Run(lines.Add).ShouldBeTrue();
        lines.Count.ShouldBe(10);
        lines[^1].BitsPerByte!["held"].ShouldBeLessThan(before - 1.5);
        lines[^1].BitsPerByte!["held"].ShouldBe(trainer.BitsPerByte(Held));
        lines[0].BitsPerByte.ShouldBeNull();
        lines.ShouldAllBe(l => l.Skipped == 0 && l.TokensPerSecond > 0 && l.GradNorm > 0);
        File.ReadAllLines(Path.Combine(folder, "log.jsonl")).Length.ShouldBe(10);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Run_StoppedAndContinued_EndsWithTheSameBits(int microBatches)
    {
        var options = Options() with { MicroBatches = microBatches };
        var straight = NewModel();
        new StageTrainer(straight, new(Training, 32), options, folder + "-straight").Run();
        Directory.Delete(folder + "-straight", recursive: true);

        using var stop = new CancellationTokenSource();
        new StageTrainer(NewModel(), new(Training, 32), options, folder).Run(line => { if (line.Step == 6) stop.Cancel(); }, stop.Token).ShouldBeFalse();
        var continued = NewModel();
        var trainer = new StageTrainer(continued, new(Training, 32), options, folder);
        trainer.CurrentStep.ShouldBe(6);
        trainer.Run().ShouldBeTrue();
        Weights(continued).ShouldBe(Weights(straight));
        Directory.GetFiles(folder, "*.safetensors").Length.ShouldBe(1);
    }

    [Fact]
    public void Run_MicroBatches_AreOneBatchInParts()
    {
        var losses = new List<double>();
        foreach (var (batch, micro) in new[] { (4, 1), (2, 2) })
            new StageTrainer(NewModel(), new(Training, 32), Options(6) with { Batch = batch, MicroBatches = micro }, $"{folder}-{micro}").Run(l => losses.Add(l.Loss));
        foreach (int micro in new[] { 1, 2 }) Directory.Delete($"{folder}-{micro}", recursive: true);
        losses[1].ShouldBe(losses[0], 1e-3);
    }

    [Fact]
    public void Run_NothingFinite_StopsWithTheWeightsAsTheyWere()
    {
        var model = NewModel();
        var norm = Module.StateDict(model)["model.norm.weight"];
        norm.Assign(Tensor.Full(norm.Shape.Span, float.NaN)).Realize();
        var before = Weights(model);
        var trainer = new StageTrainer(model, new(Training, 32), Options() with { MostSkipped = 3 }, folder);
        Should.Throw<IngotException>(() => trainer.Run()).Message.ShouldContain("3 steps in a row");
        trainer.Skipped.ShouldBe(3);
        Weights(model).ShouldBe(before);
    }

    [Fact]
    public void Start_OtherDataSettingsOrModel_SaysSo()
    {
        new StageTrainer(NewModel(), new(Training, 32), Options(2), folder).Run();
        Should.Throw<IngotException>(() => new StageTrainer(NewModel(), new(Held, 32), Options(2), folder)).Message.ShouldContain("other data");
        Should.Throw<IngotException>(() => new StageTrainer(NewModel(), new(Training, 32), Options(3), folder)).Message.ShouldContain("other settings");
        Should.Throw<IngotException>(() => new StageTrainer(new Decoder(NewModel().Config, seed: 6), new(Training, 32), Options(2), folder)).Message.ShouldContain("another model");
        Should.Throw<IngotException>(() => new StageTrainer(NewModel(), new(Training, 33), Options(2), folder + "2")).Message.ShouldContain("context of 32");
    }

    [Fact]
    public void Rate_RisesStaysAndFalls()
    {
        var o = Options(100) with { Warmup = 0.1, Cooldown = 0.5, FinalRate = 0.1 };
        o.RateAt(0).ShouldBeInRange(0.01, 0.2);
        o.RateAt(0.3).ShouldBe(1);
        o.RateAt(0.75).ShouldBe(0.55, 1e-9);
        o.RateAt(1).ShouldBe(0.1, 1e-9);
    }
}
