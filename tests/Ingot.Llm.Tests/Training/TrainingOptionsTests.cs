using Ingot.Llm.Training;

namespace Ingot.Llm.Tests.Training;

public class TrainingOptionsTests
{
    [Fact]
    public void Preset_CharSmall_IsNanoGptsCpuSetting()
    {
        var o = TrainingOptions.Preset("char-small");
        (o.Layers, o.Heads, o.Width, o.ContextLength, o.Batch, o.Steps, o.WarmupSteps).ShouldBe((4, 4, 128, 64, 12, 2000, 100));
        (o.LearningRate, o.MinLearningRate, o.Beta2, o.WeightDecay, o.Clip).ShouldBe((1e-3, 1e-4, 0.99, 0.1, 1.0));
    }

    [Fact]
    public void Preset_Unknown_ListsThoseThatExist() => Should.Throw<IngotException>(() => TrainingOptions.Preset("x")).Message.ShouldContain("char-small");

    [Theory]
    [InlineData(0, 1e-3 / 101)]
    [InlineData(99, 1e-3 * 100 / 101)]
    [InlineData(100, 1e-3)]
    [InlineData(1050, (1e-3 + 1e-4) / 2)]
    [InlineData(2000, 1e-4)]
    public void LearningRateAt_Step_RisesThenFallsAlongACosine(int step, double expected) =>
        TrainingOptions.Preset("char-small").LearningRateAt(step).ShouldBe(expected, 1e-12);

    [Fact]
    public void Checked_ImpossibleNumbers_AreNamed()
    {
        Should.Throw<IngotException>(() => new TrainingOptions { Batch = 0 }.Checked()).Message.ShouldBe("the batch must be at least 1, not 0");
        Should.Throw<IngotException>(() => new TrainingOptions { LearningRate = double.NaN }.Checked()).Message.ShouldContain("learning rate");
    }
}
