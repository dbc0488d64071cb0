using Ingot.Graph;

namespace Ingot.Tests.Autograd;

/// <summary>Every rule of the gradient table, on the graph's own operations.</summary>
public class GradientTests
{
    static Tensor T(Node n) => new(n);

    static Func<Tensor[], Tensor> Unary(Op op) => x => T(Build.Unary(op, x[0].Node));

    static Func<Tensor[], Tensor> Binary(Op op) => x => T(Build.Binary(op, x[0].Node, x[1].Node));

    static Node Doubles(int[] shape, params double[] values) => Tensor.From(values, shape).Node;

    static Node Indices(params int[] values) => Tensor.From(values).Node;

    static double[] GradientOf(double[] values, Func<Node, Node> f, params double[] upstream)
    {
        var x = Tensor.From(values).WithGrad();
        var y = T(f(x.Node));
        y.Backward(Tensor.From(upstream).ShapedAs(y.Shape.ToArray()));
        return x.Grad!.ToArray<double>();
    }

    [Theory]
    [InlineData(Op.Exp), InlineData(Op.Exp2), InlineData(Op.Log2), InlineData(Op.Sin), InlineData(Op.Cos), InlineData(Op.Erf), InlineData(Op.Sqrt), InlineData(Op.Recip), InlineData(Op.Neg)]
    public void Unary_TwiceDifferentiated_MatchesDifferences(Op op) => GradientCheck.Second(Unary(op), GradientCheck.Values(1, 0.5, 2.0, 7));

    [Theory]
    [InlineData(Op.Add), InlineData(Op.Mul), InlineData(Op.Div), InlineData(Op.Max), InlineData(Op.Mod)]
    public void Binary_TwiceDifferentiated_MatchesDifferences(Op op) =>
        GradientCheck.Second(Binary(op), GradientCheck.Values(1, -3.0, 3.0, 2, 4), GradientCheck.Values(2, 0.4, 1.4, 2, 4));

    [Fact]
    public void Maximum_OfEqualOperands_SharesEvenly()
    {
        var other = Doubles([3], 1, 2, 3);
        GradientOf([2, 2, 2], x => Build.Binary(Op.Max, x, other), 8, 8, 8).ShouldBe([8, 4, 0]);
    }

    [Fact]
    public void Where_PassesToTheChosenOperand()
    {
        var condition = Tensor.From([true, false, true]).Node;
        GradientCheck.First(x => T(Build.Where(condition, x[0].Node, x[1].Node)), GradientCheck.Values(1, 3), GradientCheck.Values(2, 3));
    }

    [Fact]
    public void Cast_BetweenFloats_PassesGradientInTheOperandsType()
    {
        var x = Tensor.From([1.5f, 2.5f]).WithGrad();
        var y = T(Build.Cast(x.Node, DType.F64));
        y.Backward(Tensor.From([2.0, 3.0]));
        x.Grad!.DType.ShouldBe(DType.F32);
        x.Grad.ToArray<float>().ShouldBe([2, 3]);
    }

    [Fact]
    public void Cast_ThroughIntegers_StopsTheGradient()
    {
        var x = Tensor.From([1.5, 2.5]).WithGrad();
        T(Build.Cast(Build.Cast(x.Node, DType.I32), DType.F64)).Backward(Tensor.From([1.0, 1.0]));
        x.Grad.ShouldBeNull();
    }

    [Theory]
    [InlineData(Op.Add), InlineData(Op.Mul), InlineData(Op.Max)]
    public void Reduce_OverAnyAxes_MatchesDifferences(Op kind)
    {
        foreach (var axes in new int[][] { [0], [1], [2], [0, 2], [0, 1, 2] })
            GradientCheck.Second(x => T(Build.Reduce(kind, x[0].Node, axes)), GradientCheck.Values(1, 0.5, 1.5, 2, 3, 2));
    }

    [Fact]
    public void ReduceMax_WithTies_SharesEvenly() =>
        GradientOf([1, 3, 3, 2], x => Build.Reduce(Op.Max, x, 0), 6).ShouldBe([0, 3, 3, 0]);

    [Fact]
    public void ReduceMul_WithZeros_IsTheProductOfTheOthers()
    {
        GradientOf([2, 0, 5], x => Build.Reduce(Op.Mul, x, 0), 3).ShouldBe([0, 30, 0]);
        GradientOf([2, 0, 0], x => Build.Reduce(Op.Mul, x, 0), 3).ShouldBe([0, 0, 0]);
        GradientOf([2, -1, 5], x => Build.Reduce(Op.Mul, x, 0), 3).ShouldBe([-15, 30, -6]);
    }

    [Theory]
    [InlineData(Op.Add), InlineData(Op.Mul), InlineData(Op.Max)]
    public void Scan_AlongAnyAxis_MatchesDifferences(Op kind)
    {
        for (int axis = 0; axis < 3; axis++)
        {
            int a = axis;
            GradientCheck.Second(x => T(Build.Scan(kind, x[0].Node, a)), GradientCheck.Values(1, 0.5, 1.5, 2, 3, 4));
        }
    }

    [Fact]
    public void ScanMul_WithZeros_MatchesDifferences()
    {
        GradientCheck.First(x => T(Build.Scan(Op.Mul, x[0].Node, 0)), Tensor.From([2.0, 3, 0, 5, 7]));
        GradientCheck.First(x => T(Build.Scan(Op.Mul, x[0].Node, 0)), Tensor.From([0.0, 3, 0, 5, 7]));
    }

    [Fact]
    public void ScanMax_WithTies_GoesToTheLast() =>
        GradientOf([1, 3, 3, 2], x => Build.Scan(Op.Max, x, 0), 1, 10, 100, 1000).ShouldBe([1, 10, 1100, 0]);

    [Fact]
    public void Movement_TwiceDifferentiated_MatchesDifferences()
    {
        var x = GradientCheck.Values(1, 2, 3, 4);
        GradientCheck.Second(x => T(Square(Build.Reshape(x[0].Node, new Shape(6, 4)))), x);
        GradientCheck.Second(x => T(Square(Build.Permute(x[0].Node, 2, 0, 1))), x);
        GradientCheck.Second(x => T(Square(Build.Pad(x[0].Node, new Shape(1, 0, 2), new Shape(0, 3, 1)))), x);
        GradientCheck.Second(x => T(Square(Build.Shrink(x[0].Node, new Shape(1, 0, 2), new Shape(0, 2, 1)))), x);
        GradientCheck.Second(x => T(Square(Build.Flip(x[0].Node, 0, 2))), x);
        GradientCheck.Second(x => T(Square(Build.Expand(x[0].Node, new Shape(2, 3, 4)))), GradientCheck.Values(1, 2, 1, 4));

        static Node Square(Node n) => Build.Binary(Op.Mul, n, n);
    }

    [Theory]
    [InlineData(3, 1, 1), InlineData(2, 2, 1), InlineData(2, 3, 2), InlineData(3, 1, 2), InlineData(2, 3, 1)]
    public void Window_AnySteps_MatchesDifferences(int size, int stride, int dilation)
    {
        GradientCheck.First(x => T(Build.Window(x[0].Node, 1, size, stride, dilation)), GradientCheck.Values(1, 2, 8, 2));
        int windows = (8 - (size - 1) * dilation - 1) / stride + 1;
        GradientCheck.First(x => T(Build.Unwindow(x[0].Node, 1, 8, stride, dilation)), GradientCheck.Values(1, 2, windows, 2, size));
        GradientCheck.First(x => T(Build.Unwindow(x[0].Node, 1, 8 + stride, stride, dilation)), GradientCheck.Values(1, 2, windows, 2, size));
    }

    [Fact]
    public void Gather_WithRepeatedRows_AddsThem()
    {
        var index = Build.Reshape(Indices(0, 2, 2, 1), new Shape(2, 2));
        GradientCheck.First(x => T(Build.Gather(x[0].Node, index)), GradientCheck.Values(1, 3, 2));
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void Scatter_WithRepeatedRows_MatchesDifferences(bool add)
    {
        var index = Indices(0, 2, 2);
        GradientCheck.Second(x => T(Build.Scatter(x[0].Node, index, x[1].Node, add)), GradientCheck.Values(1, 4, 2), GradientCheck.Values(2, 3, 2));
    }

    [Fact]
    public void SharedOperands_AccumulateEveryPath() =>
        GradientCheck.Second(x => T(Build.Binary(Op.Mul, Build.Binary(Op.Mul, x[0].Node, x[0].Node), Build.Unary(Op.Sin, x[0].Node))), GradientCheck.Values(1, 5));

    [Fact]
    public void RoundingAndComparison_HaveNoGradient()
    {
        GradientOf([1.5, -2.5], x => Build.Binary(Op.Mul, Build.Unary(Op.Trunc, x), x), 1, 1).ShouldBe([1, -2]);
        GradientOf([1.5, -2.5], x => Build.Where(Build.Binary(Op.CmpLt, x, Build.Const(DType.F64, x.Shape, 0.0)), Build.Unary(Op.Neg, x), x), 1, 1).ShouldBe([1, -1]);
    }

    [Fact]
    public void DeepChain_NeedsNoDeepStack()
    {
        var x = Tensor.From([1.0]).WithGrad();
        var y = x.Node;
        for (int i = 0; i < 100_000; i++) y = Build.Unary(Op.Neg, y);
        T(y).Backward(Tensor.From([1.0]));
        x.Grad!.ToArray<double>().ShouldBe([1]);
    }
}
