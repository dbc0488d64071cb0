using Ingot.Tests.Autograd;
using Ingot.Tests.Runtime;

namespace Ingot.Tests;

[Collection(nameof(ProcessWide))] // the random stream is the process's
public class ActivationsTests
{
    [Fact]
    public void RRelu_InTraining_DrawsASlopeForEachElement()
    {
        Tensor.ManualSeed(4);
        var slopes = Tensor.Full([2000], -1.0).RRelu(0.1, 0.4, training: true).ToArray<double>().Select(y => -y).ToArray();
        slopes.Min().ShouldBeInRange(0.1, 0.101);
        slopes.Max().ShouldBeInRange(0.399, 0.4);
        slopes.Average().ShouldBe(0.25, 0.01);
        Tensor.From([2.0, -1]).RRelu(0.1, 0.3).ToArray<double>().ShouldBe([2, -0.2]);
        Should.Throw<IngotException>(() => Tensor.Zeros(1).RRelu(0.5, 0.1)).Message.ShouldContain("0.5 and 0.1");
    }

    [Fact]
    public void GumbelSoftmax_Hard_DrawsClassesByTheirProbabilities()
    {
        Tensor.ManualSeed(6);
        var logits = Tensor.From([0.5, 0.3, 0.2]).Log().Expand(3000, 3).Contiguous().WithGrad();
        var drawn = logits.GumbelSoftmax(hard: true);
        var counts = drawn.Sum(0).ToArray<double>();
        counts.Sum().ShouldBe(3000, 1e-9);
        counts[0].ShouldBe(1500, 150);
        counts[1].ShouldBe(900, 150);
        drawn.ToArray<double>().ShouldAllBe(y => Math.Abs(y) < 1e-12 || Math.Abs(y - 1) < 1e-12);
        var slope = Tensor.GradOf((drawn * Tensor.From([1.0, 2, 3])).Sum(), [logits])[0].ToArray<double>();
        slope.ShouldContain(g => g != 0); // through the soft one
        Should.Throw<IngotException>(() => logits.GumbelSoftmax(0)).Message.ShouldContain("above 0");
    }

    [Fact]
    public void PRelu_OfAnotherNumberOfSlopes_NamesBoth()
    {
        Should.Throw<ShapeException>(() => Tensor.Zeros(2, 3, 4).PRelu(Tensor.Zeros(4))).Message.ShouldContain("one for each of 3 channels, not (4,)");
        GradientCheck.First(t => t[0].PRelu(t[1]), GradientCheck.Values(1, 2, 3, 2), GradientCheck.Values(2, 3));
    }

    [Fact]
    public void Shrinks_OfNaNAndLimits_AreAsDocumented()
    {
        var x = Tensor.From([double.NaN, -0.5, 0.5, 0.75, -2]);
        x.Softshrink().ToArray<double>().ShouldBe([double.NaN, 0, 0, 0.25, -1.5]);
        x.Hardshrink().ToArray<double>().ShouldBe([double.NaN, 0, 0, 0.75, -2]);
        x.Threshold(0.5, 9).ToArray<double>().ShouldBe([double.NaN, 9, 9, 0.75, 9]);
        Should.Throw<IngotException>(() => x.Softshrink(-1)).Message.ShouldContain("not -1");
        Should.Throw<IngotException>(() => x.Celu(0)).Message.ShouldContain("alpha");
    }
}
