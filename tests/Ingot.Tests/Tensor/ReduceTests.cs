namespace Ingot.Tests;

public class ReduceTests
{
    static Tensor X() => Tensor.From(new float[,] { { 1, -2, 3.5f }, { 0.5f, 4, -1 } });

    [Fact]
    public void Sum_Dims_ReduceOrKeep()
    {
        X().Sum().Item<float>().ShouldBe(6);
        X().Sum(0).ToArray<float>().ShouldBe([1.5f, 2, 2.5f]);
        X().Sum(-1, keepDim: true).Shape.ShouldBe(new Shape(2, 1));
        X().Sum([0, 1], keepDim: true).Shape.ShouldBe(new Shape(1, 1));
        X().Unsqueeze(0).Sum([0, 2]).ToArray<float>().ShouldBe([2.5f, 3.5f]);
        Tensor.Scalar(3f).Sum(0).Item<float>().ShouldBe(3);
        Should.Throw<TensorIndexException>(() => X().Sum(2)).Message.ShouldContain("(2, 3)");
        Should.Throw<ShapeException>(() => X().Sum([0, -2]));
    }

    [Fact]
    public void SumAndProd_Integers_AreInt64()
    {
        var s = Tensor.From([200, 100]).To(DType.U8).Sum();
        s.DType.ShouldBe(DType.I64);
        s.Item<long>().ShouldBe(300);
        Tensor.From([true, true, false]).Sum().Item<long>().ShouldBe(2);
        Tensor.From([3, -4]).Prod().Item<long>().ShouldBe(-12);
        X().Prod(1).ToArray<float>().ShouldBe([-7, -2]);
        Tensor.From([true, true]).CumSum(0).ToArray<long>().ShouldBe([1, 2]);
    }

    [Fact]
    public void Mean_HalfPrecisionBeyondItsRange_DoesNotOverflow()
    {
        var m = Tensor.Full([4], 60000f).To(DType.F16).Mean();
        m.DType.ShouldBe(DType.F16);
        m.Item<float>().ShouldBe((float)(Half)60000f);
        Should.Throw<DTypeException>(() => Tensor.From([1, 2]).Mean());
    }

    [Fact]
    public void Reduce_Empty_GivesTheIdentityOrAnError()
    {
        var e = Tensor.Zeros(0, 3);
        e.Sum(0).ToArray<float>().ShouldBe([0, 0, 0]);
        e.Prod(0).ToArray<float>().ShouldBe([1, 1, 1]);
        e.Mean(0).ToArray<float>().ShouldBe([float.NaN, float.NaN, float.NaN]);
        e.Sum(1).Shape.ShouldBe(new Shape(0));
        e.Max(1).Shape.ShouldBe(new Shape(0));
        Should.Throw<ShapeException>(() => e.Max()).Message.ShouldContain("(0, 3)");
        e.Any().Item<bool>().ShouldBeFalse();
        e.All().Item<bool>().ShouldBeTrue();
        Tensor.Zeros(2, 0).Softmax(1).Realize().Shape.ShouldBe(new Shape(2, 0));
    }

    [Fact]
    public void MaxMin_NaNAndIntegers_AreThoseOfPyTorch()
    {
        X().Max().Item<float>().ShouldBe(4);
        X().Min(1).ToArray<float>().ShouldBe([-2, -1]);
        Tensor.From([1, float.NaN, 3]).Max().Item<float>().ShouldBe(float.NaN);
        Tensor.From([1, float.NaN, 3]).Min().Item<float>().ShouldBe(float.NaN);
        Tensor.From([5, int.MinValue, int.MaxValue]).Min().Item<int>().ShouldBe(int.MinValue);
        Tensor.From([(byte)5, (byte)200]).Min().Item<byte>().ShouldBe((byte)5);
        Tensor.From([true, false]).Min().Item<bool>().ShouldBeFalse();
        X().Amax([0, 1]).Item<float>().ShouldBe(4);
    }

    [Fact]
    public void ArgMax_TiesAndNaN_FirstOneWins()
    {
        Tensor.From([1f, 3, 3, 2]).ArgMax().Item<long>().ShouldBe(1);
        Tensor.From([1, float.NaN, 3, float.NaN]).ArgMax().Item<long>().ShouldBe(1);
        Tensor.From([1, float.NaN, 3]).ArgMin().Item<long>().ShouldBe(1);
        Tensor.From([4, int.MinValue, int.MinValue]).ArgMin().Item<long>().ShouldBe(1);
        Tensor.From([float.NegativeInfinity, float.NegativeInfinity]).ArgMax().Item<long>().ShouldBe(0);
        X().ArgMax(1).ToArray<long>().ShouldBe([2, 1]);
        X().ArgMax(0, keepDim: true).Shape.ShouldBe(new Shape(1, 3));
        X().ArgMax().Item<long>().ShouldBe(4);
    }

    [Fact]
    public void AnyAll_TruthValues_AreNonZero()
    {
        X().Any().Item<bool>().ShouldBeTrue();
        Tensor.From(new[,] { { 0, 0 }, { 0, 3 } }).Any(1).ToArray<bool>().ShouldBe([false, true]);
        Tensor.From(new[,] { { 1, 2 }, { 0, 3 } }).All(1).ToArray<bool>().ShouldBe([true, false]);
        Tensor.From([float.NaN]).Any().Item<bool>().ShouldBeTrue();
    }

    [Fact]
    public void VarAndStd_Correction_DividesByLess()
    {
        var x = Tensor.From([1.0, 2, 4, 9]);
        x.Var().Item<double>().ShouldBe(38.0 / 3, 1e-14);
        x.Var(0, correction: 0).Item<double>().ShouldBe(9.5, 1e-14);
        x.Std().Item<double>().ShouldBe(Math.Sqrt(38.0 / 3), 1e-14);
        Tensor.Full([3], 2.0).Std().Item<float>().ShouldBe(0);
        Tensor.Full([1], 2.0).Var().Item<float>().ShouldBe(float.NaN);
    }

    [Fact]
    public void Norm_EachOrder_MatchesItsFormula()
    {
        var x = Tensor.From([3f, -4, 0]);
        x.Norm().Item<float>().ShouldBe(5);
        x.Norm(1).Item<float>().ShouldBe(7);
        x.Norm(0).Item<float>().ShouldBe(2);
        x.Norm(double.PositiveInfinity).Item<float>().ShouldBe(4);
        x.Norm(double.NegativeInfinity).Item<float>().ShouldBe(0);
        x.Norm(3).Item<float>().ShouldBe((float)Math.Cbrt(91), 1e-6);
        X().Norm(2, 1, keepDim: true).Shape.ShouldBe(new Shape(2, 1));
    }

    [Fact]
    public void LogSumExp_ExtremeRows_DoNotOverflow()
    {
        const float Inf = float.PositiveInfinity;
        var x = Tensor.From(new[,] { { 1000f, 1000 }, { -Inf, -Inf }, { Inf, 0 }, { -1000, -1000 }, { float.NaN, 0 } });
        x.LogSumExp(1).ToArray<float>().ShouldBe([1000 + MathF.Log(2), -Inf, Inf, -1000 + MathF.Log(2), float.NaN]);
        x.LogSumExp([0, 1], keepDim: true).Shape.ShouldBe(new Shape(1, 1));
    }

    [Fact]
    public void Softmax_Rows_SumToOneAndMatchDoubles()
    {
        var x = X() * 10;
        var y = x.Softmax(-1).ToArray<float>();
        var l = x.LogSoftmax(-1).ToArray<float>();
        var v = x.ToArray<double>();
        for (int r = 0; r < 2; r++)
        {
            double sum = Enumerable.Range(0, 3).Sum(c => Math.Exp(v[r * 3 + c]));
            for (int c = 0; c < 3; c++)
            {
                y[r * 3 + c].ShouldBe((float)(Math.Exp(v[r * 3 + c]) / sum), 3e-7f);
                l[r * 3 + c].ShouldBe((float)(v[r * 3 + c] - Math.Log(sum)), 5e-6f);
            }
        }
        Tensor.From([float.NegativeInfinity, 0, 0]).Softmax(0).ToArray<float>().ShouldBe([0, 0.5f, 0.5f]);
        Tensor.From([1, 1]).Softmax(0).DType.ShouldBe(DType.F32);
        Tensor.From([(Half)1, (Half)1]).Softmax(0, DType.F32).DType.ShouldBe(DType.F32);
    }

    [Fact]
    public void CumSumAndCumProd_EachDim_MatchLoops()
    {
        var x = Tensor.Arange(1, 7).Reshape(2, 3);
        x.CumSum(1).ToArray<long>().ShouldBe([1, 3, 6, 4, 9, 15]);
        x.CumSum(0).ToArray<long>().ShouldBe([1, 2, 3, 5, 7, 9]);
        x.CumProd(1).ToArray<long>().ShouldBe([1, 2, 6, 4, 20, 120]);
    }

    /// <summary>A million times 0.1: in one float32 accumulator the sum would be 1% off, and stop at 2^24 ones.</summary>
    [Fact]
    public void Sum_OfMany_KeepsItsDigits()
    {
        void Near(Tensor sum, double exact) => sum.ToArray<float>().ShouldAllBe(s => Math.Abs(s / exact - 1) < 1e-5);
        foreach (int n in new[] { 1_000_000, 1_000_003 })
        {
            Tensor rows = Tensor.Full([n, 3], 0.1).Realize(), row = Tensor.Full([2, n], 0.1).Realize();
            Near(rows.Sum(0), n * 0.1);
            Near(row.Sum(1), n * 0.1);
            Near(rows.Mean(0), 0.1);
            Near(row.CumSum(1)[.., ^1], n * 0.1);
        }
        Near(Tensor.Ones(33554467, 2).Realize().Sum(0), 33554467);
        Near(Tensor.Full([300, 70, 9, 5], 0.1).Realize().Sum([0, 2, 3]), 300 * 9 * 5 * 0.1);
    }

    /// <summary>Extents around the length of a stretch of a sum, along and across the rows.</summary>
    [Theory]
    [InlineData(255)]
    [InlineData(257)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(8191)]
    [InlineData(16385)]
    [InlineData(40001)]
    public void Sum_OfAnyLength_CountsEachElementOnce(int n)
    {
        var x = Tensor.Arange(n).To(DType.F64).Realize();
        double exact = n * (n - 1.0) / 2;
        x.Sum().Item<double>().ShouldBe(exact);
        Tensor.Stack([x, -x], 0).Realize().Sum(1).ToArray<double>().ShouldBe([exact, -exact]);
        Tensor.Stack([x, -x], 1).Realize().Sum(0).ToArray<double>().ShouldBe([exact, -exact]);
        x.CumSum(0)[^1].Item<double>().ShouldBe(exact);
        (x % 7).Realize().Max().Item<double>().ShouldBe(6);
    }

    [Fact]
    public void LogSumExp_OfNothing_IsMinusInfinity()
    {
        Tensor.Zeros(0, 3).LogSumExp(0).ToArray<float>().ShouldBe([float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity]);
        Tensor.Zeros(0, 3).LogSumExp(0, keepDim: true).Shape.ShouldBe(new Shape(1, 3));
        Tensor.Zeros(0, 3).LogSumExp(1).Shape.ShouldBe(new Shape(0));
    }

    [Fact]
    public void CumMax_OfEqualsAndNaN_HasTheLastIndexSoFar()
    {
        var (values, indices) = Tensor.From([1.0, 3, 3, 2, double.NaN, 5, double.NaN, 7]).CumMax(0);
        values.ToArray<double>().ShouldBe([1, 3, 3, 3, double.NaN, double.NaN, double.NaN, double.NaN]);
        indices.ToArray<long>().ShouldBe([0, 1, 2, 2, 4, 4, 6, 6]);
        var (least, at) = Tensor.From([int.MinValue + 1, int.MaxValue, int.MinValue, 0]).CumMin(0);
        least.ToArray<int>().ShouldBe([int.MinValue + 1, int.MinValue + 1, int.MinValue, int.MinValue]);
        at.ToArray<long>().ShouldBe([0, 0, 2, 2]);
        Should.Throw<TensorIndexException>(() => Tensor.Zeros(2, 3).CumMax(2)).Message.ShouldContain("(2, 3)");
    }
}
