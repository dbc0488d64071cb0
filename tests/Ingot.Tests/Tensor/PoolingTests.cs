using Ingot.Graph;
using Ingot.Tests.Autograd;

namespace Ingot.Tests;

public class PoolingTests
{
    static Tensor V(int seed, params int[] shape) => GradientCheck.Values(seed, shape);

    [Fact]
    public void AdaptivePool_OfEvenWindows_IsThePlainPool()
    {
        var x = V(1, 2, 3, 6, 8);
        x.AdaptiveAvgPool2d((3, 2)).ToArray<double>().ShouldBe(x.AvgPool2d((2, 4)).ToArray<double>());
        x.AdaptiveMaxPool2d((3, 2)).ToArray<double>().ShouldBe(x.MaxPool2d((2, 4)).ToArray<double>());
    }

    [Theory]
    [InlineData(5, 3), InlineData(7, 4), InlineData(3, 7), InlineData(10, 9)]
    public void AdaptivePool1d_OfUnevenWindows_CoversThem(int extent, int outputs)
    {
        var x = V(1, 1, 2, extent);
        double[] values = x.ToArray<double>();
        double[] Windows(Func<IEnumerable<double>, double> reduce) => [.. Enumerable.Range(0, 2 * outputs).Select(i =>
        {
            int o = i % outputs, start = o * extent / outputs, end = (int)Math.Ceiling((o + 1.0) * extent / outputs);
            return reduce(values[(i / outputs * extent + start)..(i / outputs * extent + end)]);
        })];
        var means = x.AdaptiveAvgPool1d(outputs).ToArray<double>();
        var expected = Windows(Enumerable.Average);
        for (int i = 0; i < means.Length; i++) means[i].ShouldBe(expected[i], 1e-14);
        x.AdaptiveMaxPool1d(outputs).ToArray<double>().ShouldBe(Windows(Enumerable.Max));
        GradientCheck.First(t => t[0].AdaptiveAvgPool1d(outputs), x);
        GradientCheck.First(t => t[0].AdaptiveMaxPool1d(outputs), x);
    }

    [Fact]
    public void AdaptivePool_OfUnevenWindows_GathersEachElementAboutOnce()
    {
        var nodes = Build.TopologicalOrder([Tensor.Rand(1, 2, 1000, 1000).AdaptiveAvgPool2d(300).Node]);
        nodes.Where(n => n.Op == Op.Gather && n.DType == DType.F32).Max(n => n.Shape.Count).ShouldBeLessThan(2 * 1000 * 1000 * 2); // 300 windows of up to 5 for 1000
    }

    [Fact]
    public void Pool_WithCeilMode_StartsNoWindowBehindTheElements()
    {
        var x = Tensor.From([1.0, 2, 3, 4, 5], 1, 1, 5);
        x.MaxPool1d(2, 2).ToArray<double>().ShouldBe([2, 4]);
        x.MaxPool1d(2, 2, ceilMode: true).ToArray<double>().ShouldBe([2, 4, 5]);
        x.AvgPool1d(2, 2, ceilMode: true).ToArray<double>().ShouldBe([1.5, 3.5, 5]); // the last window has one element
        x.AvgPool1d(2, 2, 1, ceilMode: true).ToArray<double>().ShouldBe([0.5, 2.5, 4.5]); // a fourth would start in the margin
        x.MaxPool1d(2, 4, ceilMode: true).ToArray<double>().ShouldBe([2, 5]);
    }

    [Fact]
    public void Pool_ThatDoesNotFit_NamesShapesAndNumbers()
    {
        var x = V(1, 1, 2, 3, 4);
        Should.Throw<ShapeException>(() => x.AvgPool1d(2)).Message.ShouldContain("AvgPool1d needs (N, C, L) or (C, L), this tensor is (1, 2, 3, 4)");
        Should.Throw<ShapeException>(() => x.MaxPool2d(4, ceilMode: true)).Message.ShouldContain("a kernel of 4 with dilation 1 does not fit dimension 2");
        Should.Throw<ShapeException>(() => x.MaxPool2d((2, 2, 2))).Message.ShouldContain("the kernel of MaxPool2d is one number, or one for each of 2 dimensions, not (2, 2, 2)");
        Should.Throw<ShapeException>(() => x.AvgPool2d(2, 0)).Message.ShouldContain("at least 1");
        Should.Throw<IngotException>(() => x.AvgPool2d(2, divisorOverride: 0)).Message.ShouldContain("divisorOverride");
        Should.Throw<DTypeException>(() => x.To(DType.I32).AdaptiveAvgPool2d(2)).Message.ShouldContain("i32");
        Should.Throw<ShapeException>(() => x.AdaptiveAvgPool2d(0)).Message.ShouldContain("dimension 2 goes from 3 to 0");
        Should.Throw<ShapeException>(() => x.AdaptiveMaxPool3d(2).AdaptiveMaxPool3d((1, 1))).Message.ShouldContain("one for each of 3 dimensions");
    }
}
