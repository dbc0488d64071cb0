using Ingot.Graph;
using Ingot.Tests.Autograd;

namespace Ingot.Tests;

public class ConvolutionTests
{
    static Tensor V(int seed, params int[] shape) => GradientCheck.Values(seed, shape);

    /// <summary>The element of (N, C, H, W) at a place, or a value outside of it.</summary>
    static double At(double[] x, Shape s, int n, int c, int h, int w, double outside) =>
        h < 0 || w < 0 || h >= s[2] || w >= s[3] ? outside : x[((n * s[1] + c) * s[2] + h) * s[3] + w];

    static double[] Convolved(Tensor x, Tensor w, int stride, int padding, int dilation, int groups)
    {
        double[] a = x.ToArray<double>(), b = w.ToArray<double>();
        int Out(int extent, int kernel) => (extent + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
        int perGroup = x.Shape[1] / groups, outputs = w.Shape[0], kh = w.Shape[2], kw = w.Shape[3];
        var result = new List<double>();
        for (int n = 0; n < x.Shape[0]; n++)
            for (int o = 0; o < outputs; o++)
                for (int i = 0; i < Out(x.Shape[2], kh); i++)
                    for (int j = 0; j < Out(x.Shape[3], kw); j++)
                    {
                        double sum = 0;
                        for (int c = 0; c < perGroup; c++)
                            for (int p = 0; p < kh; p++)
                                for (int q = 0; q < kw; q++)
                                    sum += At(a, x.Shape, n, o / (outputs / groups) * perGroup + c, i * stride - padding + p * dilation, j * stride - padding + q * dilation, 0)
                                        * b[((o * perGroup + c) * kh + p) * kw + q];
                        result.Add(sum);
                    }
        return [.. result];
    }

    /// <summary>One number for each window of (N, C, H, W), in order.</summary>
    static double[] Pooled(Tensor x, int kernel, int stride, int padding, int dilation, double outside, Func<IEnumerable<double>, double> reduce)
    {
        double[] a = x.ToArray<double>();
        int Out(int extent) => (extent + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
        var result = new List<double>();
        for (int n = 0; n < x.Shape[0]; n++)
            for (int c = 0; c < x.Shape[1]; c++)
                for (int i = 0; i < Out(x.Shape[2]); i++)
                    for (int j = 0; j < Out(x.Shape[3]); j++)
                    {
                        int top = i * stride - padding, left = j * stride - padding;
                        result.Add(reduce(Enumerable.Range(0, kernel * kernel).Select(k => At(a, x.Shape, n, c, top + k / kernel * dilation, left + k % kernel * dilation, outside))));
                    }
        return [.. result];
    }

    [Theory]
    [InlineData(1, 0, 1, 1), InlineData(2, 1, 1, 1), InlineData(1, 2, 2, 1), InlineData(2, 1, 2, 2), InlineData(3, 0, 1, 4)]
    public void Conv2d_AnyAttributes_IsTheCrossCorrelation(int stride, int padding, int dilation, int groups)
    {
        Tensor x = V(1, 2, 4, 7, 6), w = V(2, 8, 4 / groups, 3, 2), b = V(3, 8);
        var expected = Convolved(x, w, stride, padding, dilation, groups);
        var y = x.Conv2d(w, null, stride, padding, dilation, groups).ToArray<double>();
        y.Length.ShouldBe(expected.Length);
        for (int i = 0; i < y.Length; i++) y[i].ShouldBe(expected[i], 1e-12);
        GradientCheck.First(t => t[0].Conv2d(t[1], t[2], stride, padding, dilation, groups), V(1, 1, 4, 5, 4), V(2, 4, 4 / groups, 2, 2), V(3, 4));
    }

    [Fact]
    public void Conv2d_TwiceDifferentiated_MatchesDifferences() =>
        GradientCheck.Second(t => t[0].Conv2d(t[1], null, 2, 1, 1), V(1, 1, 2, 4, 4), V(2, 2, 2, 3, 3));

    [Fact]
    public void Conv2d_IsOneReductionOfOneProduct()
    {
        var nodes = Build.TopologicalOrder([V(1, 2, 4, 7, 6).Conv2d(V(2, 8, 2, 3, 2), null, 2, 1, 1, 2).Node]);
        nodes.Count(n => n.Op == Op.Reduce).ShouldBe(1);
        nodes.Single(n => n.Op == Op.Reduce).src[0].Op.ShouldBe(Op.Mul);
    }

    [Fact]
    public void Conv1d_IsAConv2dOfOneRow()
    {
        Tensor x = V(1, 2, 4, 9), w = V(2, 6, 2, 3), b = V(3, 6);
        var y = x.Conv1d(w, b, 2, 1, 2, 2);
        y.Shape.ShouldBe(new Shape(2, 6, 4));
        y.ToArray<double>().ShouldBe(x.Unsqueeze(2).Conv2d(w.Unsqueeze(2), b, (1, 2), (0, 1), (1, 2), 2).ToArray<double>());
        GradientCheck.First(t => t[0].Conv1d(t[1], t[2], 2, 1, 2, 2), V(1, 1, 4, 6), V(2, 4, 2, 2), V(3, 4));
    }

    [Fact]
    public void Conv2d_ThatDoesNotFit_NamesShapesAndNumbers()
    {
        Should.Throw<ShapeException>(() => V(1, 1, 3, 5, 5).Conv2d(V(2, 4, 2, 3, 3))).Message.ShouldContain("cannot convolve (1, 3, 5, 5) with weight (4, 2, 3, 3)");
        Should.Throw<ShapeException>(() => V(1, 1, 2, 2, 5).Conv2d(V(2, 4, 2, 3, 3))).Message.ShouldContain("dimension 2");
        Should.Throw<ShapeException>(() => V(1, 5, 5).Conv2d(V(2, 4, 2, 3, 3))).Message.ShouldContain("(5, 5)");
        Should.Throw<ShapeException>(() => V(1, 1, 2, 5, 5).Conv2d(V(2, 4, 2, 3, 3), V(3, 3))).Message.ShouldContain("(3,)");
    }

    [Theory]
    [InlineData(2, 2, 0, 1), InlineData(3, 2, 1, 1), InlineData(2, 1, 1, 2)]
    public void MaxPool2d_IsTheGreatestOfEachWindow(int kernel, int stride, int padding, int dilation)
    {
        var x = V(1, 2, 2, 6, 7) - 2.0; // all negative: a margin of zeros would win
        var expected = Pooled(x, kernel, stride, padding, dilation, double.NegativeInfinity, Enumerable.Max);
        x.MaxPool2d(kernel, stride, padding, dilation).ToArray<double>().ShouldBe(expected);
        GradientCheck.First(t => t[0].MaxPool2d(kernel, stride, padding, dilation), V(1, 1, 1, 5, 4));
    }

    [Theory]
    [InlineData(2, 2, 0, true), InlineData(3, 2, 1, true), InlineData(3, 2, 1, false)]
    public void AvgPool2d_IsTheMeanOfEachWindow(int kernel, int stride, int padding, bool countIncludePad)
    {
        var x = V(1, 2, 2, 6, 7);
        var expected = Pooled(x, kernel, stride, padding, 1, countIncludePad ? 0 : double.NaN, window => window.Where(v => !double.IsNaN(v)).Average());
        var y = x.AvgPool2d(kernel, stride, padding, countIncludePad: countIncludePad).ToArray<double>();
        y.Length.ShouldBe(expected.Length);
        for (int i = 0; i < y.Length; i++) y[i].ShouldBe(expected[i], 1e-12);
        GradientCheck.First(t => t[0].AvgPool2d(kernel, stride, padding, countIncludePad: countIncludePad), V(1, 1, 1, 5, 4));
    }

    [Fact]
    public void Pool1d_IsAPool2dOfOneRow()
    {
        var x = Tensor.From([1.0, 3, 2, 5, 4, 6], 1, 1, 6);
        x.MaxPool1d(2).ToArray<double>().ShouldBe([3, 5, 6]);
        x.MaxPool1d(3, 1, 1).ToArray<double>().ShouldBe([3, 3, 5, 5, 6, 6]);
        x.AvgPool1d(2).ToArray<double>().ShouldBe([2, 3.5, 5]);
        x.AvgPool1d(2, 2, 1, countIncludePad: false).ToArray<double>().ShouldBe([1, 2.5, 4.5, 6]);
        Should.Throw<ShapeException>(() => x.MaxPool1d(2, 1, 2)).Message.ShouldContain("more than half");
        Should.Throw<ShapeException>(() => x[0].MaxPool2d(2)).Message.ShouldContain("(1, 6)");
    }
}
