using Ingot.Graph;
using Ingot.Tests.Autograd;

namespace Ingot.Tests;

public class WindowsTests
{
    static Tensor V(int seed, params int[] shape) => GradientCheck.Values(seed, shape);

    [Fact]
    public void Unfold_TimesTheWeight_IsTheConvolution()
    {
        Tensor x = V(1, 2, 3, 5, 6), w = V(2, 4, 3, 2, 3);
        var columns = x.Unfold((2, 3), dilation: (2, 1), padding: 1, stride: (1, 2)); // (2, 18, L)
        var product = w.Reshape(4, -1).Matmul(columns).ToArray<double>();
        var expected = x.Conv2d(w, null, (1, 2), 1, (2, 1)).ToArray<double>();
        product.Length.ShouldBe(expected.Length);
        for (int i = 0; i < product.Length; i++) product[i].ShouldBe(expected[i], 1e-13);
    }

    [Fact]
    public void Fold_OfUnfold_CountsEveryWindowAnElementIsIn()
    {
        var ones = Tensor.Ones([1, 1, 3, 3], DType.F64);
        ones.Unfold(2).Fold(3, 2).ToArray<double>().ShouldBe([1, 2, 1, 2, 4, 2, 1, 2, 1]);
        ones.Unfold(2, padding: 1, stride: 2).Fold(3, 2, padding: 1, stride: 2).ToArray<double>().ShouldBe([.. Enumerable.Repeat(1.0, 9)]);
    }

    [Fact]
    public void Fold_Differentiated_IsUnfoldWithoutASum()
    {
        var columns = V(1, 1, 8, 6).WithGrad();
        var image = columns.Fold((4, 3), 2);
        var weights = V(2, 1, 2, 4, 3);
        var gradient = Tensor.GradOf((image * weights).Sum(), [columns])[0];
        Build.TopologicalOrder([gradient.Node]).ShouldNotContain(n => n.Op == Op.Reduce);
        gradient.ToArray<double>().ShouldBe(weights.Unfold(2).ToArray<double>());
        GradientCheck.Second(t => t[0].Fold((4, 3), 2, stride: (2, 1)), V(1, 1, 4, 4));
    }

    [Fact]
    public void Columns_ThatDoNotFit_NameShapesAndNumbers()
    {
        Should.Throw<ShapeException>(() => V(1, 4, 4).Unfold((2, 2))).Message.ShouldContain("(4, 4)");
        Should.Throw<ShapeException>(() => V(1, 1, 1, 2, 4).Unfold((3, 3))).Message.ShouldContain("a kernel of 3 with dilation 1 does not fit dimension 2");
        Should.Throw<ShapeException>(() => V(1, 1, 6, 4).Fold(4, 2)).Message.ShouldContain("must be a multiple of 4");
        Should.Throw<ShapeException>(() => V(1, 1, 8, 4).Fold(4, 2)).Message.ShouldContain("has 3 x 3 windows, the tensor 4");
        Should.Throw<ShapeException>(() => V(1, 8).Fold(4, 2)).Message.ShouldContain("(8,)");
    }
}
