using Ingot.Llm.Models;
using Ingot.Llm.Training;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Training.Reinforcement;

public sealed class GrpoTrainerTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    static GrpoOptions Options(int steps = 20) => new() { Name = "rl", Steps = steps, Prompts = 8, Group = 8, MaxTokens = 8, Rows = 64, CheckEvery = 5, MatrixRate = 0.02, EmbeddingRate = 0.005, VectorRate = 0.005, Cooldown = 0.2 };

    static GrpoTrainer New(Decoder model, GrpoOptions options, string folder, TaskPool? tasks = null) => new(model, DigitModel.Tokenizer, tasks ?? DigitModel.Tasks("0"), options, folder);

    [Fact]
    public void Run_RewardAndCheckRise()
    {
        var lines = new List<RlLine>();
        New(DigitModel.New(), Options(), folder["rl"]).Run(lines.Add).ShouldBeTrue();
        lines.Count.ShouldBe(20);
        lines[0].Reward.ShouldBeInRange(0.1, 0.5); // "0" is the answer in three of ten cases
        lines[^1].Reward.ShouldBeGreaterThan(0.9);
        lines[0].Check!.Value.ShouldBeLessThan(0.2); // the likeliest answer is "7"
        lines[^1].Check!.Value.ShouldBeGreaterThan(0.9);
        lines[^1].PassAtK!.Value.ShouldBeGreaterThanOrEqualTo(lines[0].PassAtK!.Value);
        lines[^1].Kl!.Value.ShouldBeGreaterThan(0.1);
        lines[0].Distinct.ShouldBeInRange(1.5, 4);
        lines[^1].Distinct.ShouldBeLessThan(lines[0].Distinct);
        lines[^1].Entropy!.Value.ShouldBeLessThan(lines[0].Entropy!.Value);
        lines.Where(l => l.Check is not null).Select(l => l.Step).ShouldBe([1, 5, 10, 15, 20]);
        lines.ShouldAllBe(l => l.Skipped == 0 && l.Warning == null && l.TokensPerSecond > 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.05)]
    public void Run_StoppedAndContinued_EndsWithTheSameBits(double kl)
    {
        // Two updates a step, as the second depends on the first.
        var options = Options(10) with { KlWeight = kl, EntropyBonus = kl / 10, Rows = 32, DividesByDeviation = kl > 0 };
        var straight = DigitModel.New();
        New(straight, options, folder["straight"]).Run();
        using var stop = new CancellationTokenSource();
        New(DigitModel.New(), options, folder["rl"]).Run(line => { if (line.Step == 4) stop.Cancel(); }, stop.Token).ShouldBeFalse();
        var continued = DigitModel.New();
        var trainer = New(continued, options, folder["rl"]);
        trainer.CurrentStep.ShouldBe(4);
        trainer.Run().ShouldBeTrue();
        foreach (var (line, expected) in WithoutTimes(folder["rl"]).Zip(WithoutTimes(folder["straight"]))) line.ShouldBe(expected);
        DigitModel.Weights(continued).ShouldBe(DigitModel.Weights(straight));
    }

    static IEnumerable<string> WithoutTimes(string stage) => File.ReadAllLines(Path.Combine(stage, "log.jsonl")).Select(l => System.Text.RegularExpressions.Regex.Replace(l, "\"(tokensPerSecond|gflops)\":[^,}]*", ""));

    [Fact]
    public void Run_RewardThatCanBeHacked_WarnsWhenTheCheckFalls()
    {
        // "7" is right, and the model knows it, but the reward prefers "0".
        var tasks = DigitModel.Tasks("7") with { Reward = (_, answer) => answer == "7" ? 0.5 : answer == "0" ? 1 : 0 };
        var lines = new List<RlLine>();
        New(DigitModel.New(), Options(25), folder["rl"], tasks).Run(lines.Add);
        lines[0].Check!.Value.ShouldBeGreaterThan(0.9);
        lines[^1].Check!.Value.ShouldBeLessThan(0.1);
        var warning = lines.First(l => l.Warning is not null);
        warning.Warning!.ShouldContain("being rewarded for something else");
        File.ReadAllText(Path.Combine(folder["rl"], "log.jsonl")).ShouldContain("\"warning\":\"from step");
    }

    [Fact]
    public void Run_KlWeight_HoldsTheModelNearItsBeginning()
    {
        double Divergence(double weight, string name)
        {
            var lines = new List<RlLine>();
            New(DigitModel.New(), Options(12) with { KlWeight = weight }, folder[name]).Run(lines.Add);
            return lines[^1].Kl!.Value;
        }
        Divergence(1, "held").ShouldBeLessThan(0.5 * Divergence(0, "free"));
    }

    [Theory]
    [InlineData(LossScale.Answers)]
    [InlineData(LossScale.Constant)]
    public void Run_EveryScale_Learns(LossScale scale)
    {
        var lines = new List<RlLine>();
        New(DigitModel.New(), Options(15) with { Scale = scale, CheckEvery = 0, PassSamples = 0 }, folder["rl"]).Run(lines.Add);
        lines[^1].Reward.ShouldBeGreaterThan(lines[0].Reward + 0.2);
        lines.ShouldAllBe(l => l.PassAtK == null);
    }

    [Fact]
    public void Run_NothingFinite_StopsWithTheWeightsAsTheyWere()
    {
        var model = DigitModel.New();
        var norm = Module.StateDict(model)["model.norm.weight"];
        norm.Assign(Tensor.Full(norm.Shape.Span, float.NaN)).Realize();
        var before = DigitModel.Weights(model);
        var trainer = New(model, Options() with { MostSkipped = 3 }, folder["rl"]);
        Should.Throw<IngotException>(() => trainer.Run()).Message.ShouldContain("3 steps in a row");
        trainer.Skipped.ShouldBe(3);
        DigitModel.Weights(model).ShouldBe(before);
    }

    [Fact]
    public void Start_OtherTasksOrNone_SaysSo()
    {
        New(DigitModel.New(), Options(1), folder["rl"]).Run();
        Should.Throw<IngotException>(() => New(DigitModel.New(), Options(1), folder["rl"], DigitModel.Tasks("7"))).Message.ShouldContain("other data");
        Should.Throw<IngotException>(() => New(DigitModel.New(), Options(1), folder["rl2"], new([], []))).Message.ShouldContain("0 and 0");
    }
}
