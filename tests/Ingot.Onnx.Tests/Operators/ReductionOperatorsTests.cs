using static Ingot.Onnx.Tests.Operators.OneNode;

namespace Ingot.Onnx.Tests.Operators;

public class ReductionOperatorsTests
{
    [Fact]
    public void ReduceSumSquare_NoAxesAndNoop_StillSquares() => Numbers("ReduceSumSquare", 18, [F(2, -3), null], ("noop_with_empty_axes", 1L)).ShouldBe([4, 9]);

    [Theory]
    [InlineData("ReduceSum", 0)]
    [InlineData("ReduceProd", 1)]
    [InlineData("ReduceMax", double.NegativeInfinity)]
    [InlineData("ReduceMin", double.PositiveInfinity)]
    [InlineData("ReduceL2", 0)]
    [InlineData("ReduceLogSum", double.NegativeInfinity)]
    [InlineData("ReduceLogSumExp", double.NegativeInfinity)]
    public void Reduce_NoElements_GivesTheNeutralOne(string op, double expected) => Numbers(op, 20, [Tensor.Zeros(2, 0), I(1)]).ShouldBe([expected, expected]);

    [Fact]
    public void ReduceMax_NoIntegers_IsTheirLeast() => Numbers("ReduceMax", 20, [Tensor.Zeros([0], DType.I8), null]).ShouldBe([-128]);

    [Fact]
    public void ReduceMean_AxesAsAttribute_BeforeOpset18() => Numbers("ReduceMean", 13, [Ramp(2, 3)], ("axes", new long[] { -1 }), ("keepdims", 0L)).ShouldBe([1, 4]);

    [Fact]
    public void ArgMax_Equals_FirstOrLast()
    {
        Numbers("ArgMax", 13, [F(1, 7, 7, 0)]).ShouldBe([1]);
        Numbers("ArgMax", 13, [F(1, 7, 7, 0)], ("select_last_index", 1L)).ShouldBe([2]);
    }

    [Fact]
    public void TopK_Unsigned64_ComparesAllBits()
    {
        var results = Run("TopK", 24, [Tensor.From([1UL, ulong.MaxValue, 1UL << 63, 5UL]), I(3)], outputs: 2);
        ((OnnxTensor)results[0]).Tensor.ToArray<ulong>().ShouldBe([ulong.MaxValue, 1UL << 63, 5UL]);
        results[1].Numbers().ShouldBe([1, 2, 3]);
    }

    [Fact]
    public void TopK_Smallest_EqualsKeepTheirOrder() => Run("TopK", 11, [F(3, 1, 2, 1), I(3)], 2, "", ("largest", 0L))[1].Numbers().ShouldBe([1, 3, 2]);

    // ---- normalizations and losses ----

    [Fact]
    public void MeanVarianceNormalization_DefaultAxes_NormalizesEachChannel() =>
        Numbers("MeanVarianceNormalization", 13, [Tensor.From([1f, 3, 10, 30, 5, 7, 50, 70]).Reshape(2, 2, 2, 1)]).ShouldBeNear(Normal(1, 3, 5, 7, [0, 1]) is var a && Normal(10, 30, 50, 70, [0, 1]) is var b ? [a[0], a[1], b[0], b[1], a[2], a[3], b[2], b[3]] : []);

    static double[] Normal(double a, double b, double c, double d, int[] _)
    {
        double[] x = [a, b, c, d];
        double mean = x.Average(), deviation = Math.Sqrt(x.Average(v => (v - mean) * (v - mean)));
        return [.. x.Select(v => (v - mean) / deviation)];
    }

    [Fact]
    public void BatchNormalization_Training_BlendsRunningStatistics()
    {
        var results = Run("BatchNormalization", 15, [Tensor.From([1f, 3, 5, 7]).Reshape(4, 1), F(2), F(1), F(10), F(20)], 3, "", ("training_mode", 1L), ("momentum", 0.75f), ("epsilon", 0f));
        double deviation = Math.Sqrt(5);
        results[0].Numbers().ShouldBeNear(1 - 6 / deviation, 1 - 2 / deviation, 1 + 2 / deviation, 1 + 6 / deviation);
        results[1].Numbers().ShouldBeNear(0.75 * 10 + 0.25 * 4);
        results[2].Numbers().ShouldBeNear(0.75 * 20 + 0.25 * 5);
    }

    [Fact]
    public void LpNormalization_Zeros_StayZeros() => Numbers("LpNormalization", 22, [Tensor.From([0f, 0, 3, 4]).Reshape(2, 2)]).ShouldBeNear(0, 0, 0.6, 0.8);

    [Fact]
    public void NegativeLogLikelihoodLoss_WeightsAndIgnored_MeanIsByWeight()
    {
        var logs = Tensor.From([-1f, -2, -3, -4, -5, -6]).Reshape(3, 2);
        Numbers("NegativeLogLikelihoodLoss", 22, [logs, I(0, 1, 1), F(1, 3)], ("ignore_index", 0L)).ShouldBeNear((3 * 4 + 3 * 6) / 6.0);
        Numbers("NegativeLogLikelihoodLoss", 22, [logs, I(0, -1, 1), F(1, 3)], ("ignore_index", -1L), ("reduction", "none")).ShouldBeNear(1, 0, 18);
    }
}
