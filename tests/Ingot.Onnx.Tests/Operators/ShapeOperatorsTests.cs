using static Ingot.Onnx.Tests.Operators.OneNode;

namespace Ingot.Onnx.Tests.Operators;

public class ShapeOperatorsTests
{
    static int[] ShapeOf(OnnxValue value) => ((OnnxTensor)value).Shape.ToArray();

    [Fact]
    public void Reshape_Zero_CopiesOrMeansItself()
    {
        ShapeOf(Run("Reshape", 14, [Ramp(2, 3), I(0, -1, 1)])[0]).ShouldBe([2, 3, 1]);
        ShapeOf(Run("Reshape", 14, [Tensor.Zeros(0, 3), I(3, 0)], attributes: ("allowzero", 1L))[0]).ShouldBe([3, 0]);
    }

    [Fact]
    public void Slice_NegativeStep_RunsBackwardsToTheFirst() => Numbers("Slice", 13, [Ramp(5), I(-1), I(long.MinValue), I(0), I(-2)]).ShouldBe([4, 2, 0]);

    [Fact]
    public void Slice_Opset1_IsByAttributes() => Numbers("Slice", 1, [Ramp(2, 3)], ("starts", new long[] { 1 }), ("ends", new long[] { 1000 }), ("axes", new long[] { 1 })).ShouldBe([1, 2, 4, 5]);

    [Fact]
    public void Split_UnevenNumberOfOutputs_LastIsSmaller()
    {
        var parts = Run("Split", 18, [Ramp(7)], 4, "", ("num_outputs", 4L));
        parts.Select(p => p.Numbers().Length).ShouldBe([2, 2, 2, 1]);
    }

    [Fact]
    public void Concat_Strings_KeepsTheirOrder() =>
        ((StringTensor)Run("Concat", 13, [new StringTensor(["a"], new(1)), new StringTensor(["b", "c"], new(2))], attributes: ("axis", 0L))[0]).Values.ShouldBe(["a", "b", "c"]);

    [Theory]
    [InlineData("reflect", new double[] { 1, 2, 1, 0, 1, 2, 1, 0 })]
    [InlineData("wrap", new double[] { 0, 1, 2, 0, 1, 2, 0, 1 })]
    [InlineData("edge", new double[] { 0, 0, 0, 0, 1, 2, 2, 2 })]
    [InlineData("constant", new double[] { 9, 9, 9, 0, 1, 2, 9, 9 })]
    public void Pad_MoreThanTheWidth_GoesOnAsTheModeSays(string mode, double[] expected) => Numbers("Pad", 19, [Ramp(3), I(3, 2), F(9)], ("mode", mode)).ShouldBe(expected);

    [Fact]
    public void Pad_AxesNamed_AndNegative() => Numbers("Pad", 18, [Ramp(2, 3), I(1, -1), null, I(-1)]).ShouldBe([0, 0, 1, 0, 3, 4]);

    [Fact]
    public void GatherND_Batches_ReadTheirOwn() => Numbers("GatherND", 13, [Ramp(2, 2, 2), Tensor.From([1L, 0]).Reshape(2, 1)], ("batch_dims", 1L)).ShouldBe([2, 3, 4, 5]);

    [Theory]
    [InlineData("mul", new double[] { 6, 2 })]
    [InlineData("max", new double[] { 3, 2 })]
    [InlineData("min", new double[] { -1, 2 })]
    [InlineData("add", new double[] { 3, 2 })]
    public void ScatterElements_SamePlaceTwice_AllCount(string reduction, double[] expected)
    {
        float[] updates = reduction == "mul" ? [2, 3] : [3, -1];
        Numbers("ScatterElements", 18, [F(1, 2), I(0, -2), F(updates)], ("reduction", reduction)).ShouldBe(expected);
    }

    [Fact]
    public void TensorScatter_Circular_GoesOnAtTheStart() =>
        Numbers("TensorScatter", 24, [Tensor.Zeros(1, 3, 1), Tensor.From([1f, 2]).Reshape(1, 2, 1), I(2)], ("mode", "circular")).ShouldBe([2, 0, 1]);

    [Fact]
    public void OneHot_OutsideOfDepth_IsOffEverywhere() => Numbers("OneHot", 11, [I(-1, 3, 1), I(2), F(-5, 5)]).ShouldBe([-5, 5, -5, -5, -5, 5]);

    [Fact]
    public void Unique_NotSorted_KeepsTheFirstOfEach()
    {
        var results = Run("Unique", 11, [F(2, 1, 2, 0)], 4, "", ("sorted", 0L));
        results.Select(r => r.Numbers()).ShouldBe([[2, 1, 0], [0, 1, 3], [0, 1, 0, 2], [2, 1, 1]]);
    }

    [Fact]
    public void NonMaxSuppression_OverlappingBoxes_KeepsTheBest()
    {
        var boxes = Tensor.From([0f, 0, 1, 1, 1, 1.1f, 0, 0.1f, 0, 10, 1, 11]).Reshape(1, 3, 4); // the second's corners are exchanged
        Numbers("NonMaxSuppression", 11, [boxes, Tensor.From([0.5f, 0.9f, 0.1f]).Reshape(1, 1, 3), I(3), F(0.5f), F(0.2f)]).ShouldBe([0, 0, 1]);
    }

    [Fact]
    public void Range_StepThatDoesNotMeetTheLimit_StopsBelowIt()
    {
        Numbers("Range", 11, [Tensor.Scalar(10L), Tensor.Scalar(4L), Tensor.Scalar(-4L)]).ShouldBe([10, 6]);
        Numbers("Range", 11, [Tensor.Scalar(1f), Tensor.Scalar(2f), Tensor.Scalar(0.4f)]).ShouldBeNear(1, 1.4, 1.8);
    }

    [Fact]
    public void Col2Im_OverlappingBlocks_AddUp() =>
        Numbers("Col2Im", 18, [Tensor.Ones(1, 4, 4), I(3, 3), I(2, 2)]).ShouldBe([1, 2, 1, 2, 4, 2, 1, 2, 1]);

    // ---- matrices and signals ----

    [Fact]
    public void Det_NeedsARowExchange_HasItsSign() => Numbers("Det", 22, [Tensor.From([0f, 2, 1, 1, 0, 0, 0, 1, 3]).Reshape(3, 3)]).ShouldBeNear(-5);

    [Theory]
    [InlineData(8)]
    [InlineData(6)]
    [InlineData(7)]
    public void Dft_AnyLength_IsTheSumOfItsDefinition(int n)
    {
        float[] x = [.. Enumerable.Range(0, n).Select(i => (float)(i * i % 5 - 1))];
        var signal = Tensor.From(x).Reshape(1, n, 1);
        double[] expected = [.. Enumerable.Range(0, n).SelectMany(k => new[] { Sum(k, Math.Cos), -Sum(k, Math.Sin) })];
        var spectrum = Run("DFT", 20, [signal])[0];
        spectrum.Numbers().ShouldBeNear(expected);
        Run("DFT", 20, [spectrum], attributes: ("inverse", 1L))[0].Numbers().Where((_, i) => i % 2 == 0).ToArray().ShouldBeNear([.. x.Select(v => (double)v)]);

        double Sum(int k, Func<double, double> f) => x.Select((v, i) => v * f(2 * Math.PI * k * i / n)).Sum();
    }

    [Fact]
    public void LinearAttention_Linear_IsTheSumOverThePast()
    {
        // One head of width 1: S_t is the sum of k v so far, the output q S_t.
        var results = Run("LinearAttention", 27, [Tensor.From([1f, 2, 3]).Reshape(1, 3, 1), Tensor.From([1f, 1, 2]).Reshape(1, 3, 1), Tensor.From([5f, 7, 1]).Reshape(1, 3, 1)], 2, "",
            ("q_num_heads", 1L), ("kv_num_heads", 1L), ("update_rule", "linear"));
        results[0].Numbers().ShouldBeNear(5, 24, 42);
        results[1].Numbers().ShouldBeNear(14);
    }

    // ---- random numbers ----

    [Fact]
    public void Dropout_Training_KeptElementsGrow()
    {
        var results = Run("Dropout", 13, [Tensor.Ones(1000), Tensor.Scalar(0.25f), Tensor.Scalar(true)], outputs: 2);
        var (y, mask) = (results[0].Numbers(), results[1].Numbers());
        y.Zip(mask).ShouldAllBe(e => Math.Abs(e.First - e.Second / 0.75) < 1e-6);
        mask.Sum().ShouldBeInRange(650, 850);
    }

    [Fact]
    public void RandomNormal_SameSeed_GivesTheSameNumbers()
    {
        double[] Draw() => Numbers("RandomNormal", 22, [], ("shape", new long[] { 2000 }), ("seed", 3f), ("mean", 5f), ("scale", 2f));
        var draws = Draw();
        draws.ShouldBe(Draw());
        draws.Average().ShouldBe(5, 0.2);
        Math.Sqrt(draws.Average(v => (v - 5) * (v - 5))).ShouldBe(2, 0.2);
    }
}
