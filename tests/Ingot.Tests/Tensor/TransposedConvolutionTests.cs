using System.Globalization;
using System.Text.RegularExpressions;
using Ingot.Graph;
using Ingot.Tests.Autograd;
using Ingot.Tests.Runtime;
using Ingot.Tests.Schedule;

namespace Ingot.Tests;

[Collection(nameof(ProcessWide))]
public class TransposedConvolutionTests
{
    static Tensor V(int seed, params int[] shape) => GradientCheck.Values(seed, shape);

    [Theory]
    [InlineData(1, 0, 0, 1, 1), InlineData(2, 1, 1, 1, 1), InlineData(2, 1, 0, 2, 2), InlineData(3, 2, 2, 1, 2), InlineData(1, 2, 0, 2, 1), InlineData(4, 3, 1, 1, 1)]
    public void ConvTranspose2d_AnyAttributes_IsTheGradientOfTheConvolution(int stride, int padding, int outputPadding, int dilation, int groups)
    {
        Tensor y = V(1, 2, 4, 3, 4), w = V(2, 4, 6 / groups, 3, 2); // of a convolution from 6 channels to 4
        var x = y.ConvTranspose2d(w, null, stride, padding, outputPadding, groups, dilation);
        var image = Tensor.Zeros(x.Shape.Span, DType.F64).WithGrad();
        var convolved = image.Conv2d(w, null, stride, padding, dilation, groups);
        convolved.Shape.ShouldBe(y.Shape);
        var expected = Tensor.GradOf((convolved * y).Sum(), [image])[0].ToArray<double>();
        var actual = x.ToArray<double>();
        for (int i = 0; i < actual.Length; i++) actual[i].ShouldBe(expected[i], 1e-12);
    }

    [Fact]
    public void ConvTranspose2d_TwiceDifferentiated_MatchesDifferences() =>
        GradientCheck.Second(t => t[0].ConvTranspose2d(t[1], null, 2, 1, 1), V(1, 1, 2, 2, 3), V(2, 2, 1, 3, 3));

    [Fact]
    public void ConvTranspose2d_WithAStride_MultipliesNoZerosBetweenInputs()
    {
        Tensor x = Tensor.Rand(1, 8, 12, 12).Realize(), w = Tensor.Rand(8, 8, 4, 4).Realize();
        using var watch = new Watch(debug: 2);
        x.ConvTranspose2d(w, stride: 2, padding: 1).Realize();
        long flops = watch.Lines.Select(l => Regex.Match(l, @" ([\d,]+) FLOP ")).Where(m => m.Success).Sum(m => long.Parse(m.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture));
        // 4 of the 16 taps meet an element: 24 x 24 outputs, and a border of one that the padding cuts off.
        flops.ShouldBe(2 * 8 * 8 * 4 * 26 * 26);
    }

    [Fact]
    public void ConvTranspose2d_IsOneReductionOfOneProduct()
    {
        var nodes = Build.TopologicalOrder([V(1, 2, 4, 7, 6).ConvTranspose2d(V(2, 4, 2, 3, 2), null, 2, 1, 1, 2).Node]);
        nodes.Count(n => n.Op == Op.Reduce).ShouldBe(1);
        nodes.Single(n => n.Op == Op.Reduce).src[0].Op.ShouldBe(Op.Mul);
        nodes.ShouldNotContain(n => n.Op == Op.Unwindow);
    }

    [Fact]
    public void ConvTranspose_ThatDoesNotFit_NamesShapesAndNumbers()
    {
        Should.Throw<ShapeException>(() => V(1, 1, 3, 5).ConvTranspose1d(V(2, 4, 2, 3))).Message.ShouldContain("cannot transpose the convolution of (1, 3, 5) with weight (4, 2, 3) in 1 group");
        Should.Throw<ShapeException>(() => V(1, 1, 4, 5).ConvTranspose1d(V(2, 4, 2, 3), groups: 3)).Message.ShouldContain("in 3 groups");
        Should.Throw<ShapeException>(() => V(1, 1, 4, 5).ConvTranspose2d(V(2, 4, 2, 3))).Message.ShouldContain("(4, 2, 3)");
        Should.Throw<ShapeException>(() => V(1, 1, 4, 5).ConvTranspose1d(V(2, 4, 2, 3), V(3, 3))).Message.ShouldContain("(3,)");
        Should.Throw<ShapeException>(() => V(1, 1, 4, 5).ConvTranspose1d(V(2, 4, 2, 3), stride: 2, outputPadding: 2)).Message.ShouldContain("it is 2 with stride 2 and dilation 1");
        Should.Throw<ShapeException>(() => V(1, 1, 4, 1).ConvTranspose1d(V(2, 4, 2, 3), padding: 2)).Message.ShouldContain("a padding of 2 leaves nothing");
        Should.Throw<ShapeException>(() => V(1, 1, 4, 5).ConvTranspose1d(V(2, 4, 2, 3), stride: (1, 2))).Message.ShouldContain("(1, 2)");
        Should.Throw<ShapeException>(() => V(1, 1, 4, 5).ConvTranspose1d(V(2, 4, 2, 3), stride: 0)).Message.ShouldContain("at least 1");
    }

    [Fact]
    public void ConvPadding_UnknownOrImpossible_SaysWhichThereAre()
    {
        Tensor x = V(1, 1, 2, 5, 5), w = V(2, 4, 2, 3, 3);
        Should.Throw<IngotException>(() => x.Conv2d(w, padding: "full")).Message.ShouldContain("\"same\" or \"valid\", not \"full\"");
        Should.Throw<IngotException>(() => x.Conv2d(w, stride: (1, 2), padding: "same")).Message.ShouldContain("stride of (1, 2)");
        Should.Throw<ShapeException>(() => x.Conv2d(w, padding: (1, 2, 3))).Message.ShouldContain("one for each of 2 dimensions, not (1, 2, 3)");
        Should.Throw<ShapeException>(() => x.Conv2d(w, padding: -1)).Message.ShouldContain("at least 0");
        Should.Throw<ShapeException>(() => x.Conv2d(w, stride: 0)).Message.ShouldContain("at least 1");
    }
}
