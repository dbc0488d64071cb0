using static Ingot.Onnx.Tests.Operators.OneNode;

namespace Ingot.Onnx.Tests.Operators;

public class ArithmeticOperatorsTests
{
    [Fact]
    public void Add_BeforeOpset7_BroadcastsFromTheAxisNamed() =>
        Numbers("Add", 6, [Ramp(2, 2, 2), F(10, 20)], ("broadcast", 1L), ("axis", 1L)).ShouldBe([10, 11, 22, 23, 14, 15, 26, 27]);

    [Fact]
    public void Div_SignedIntegers_RoundsTowardsZero() =>
        Numbers("Div", 14, [Tensor.From([-7, 7, -7, 7, -1]), Tensor.From([2, -2, -2, 2, 3])]).ShouldBe([-3, -3, 3, 3, 0]);

    [Fact]
    public void Div_LargeUnsigned_UsesAllBits()
    {
        ulong[] a = [ulong.MaxValue, ulong.MaxValue, 1UL << 63, 17, ulong.MaxValue], b = [10, (1UL << 63) + 5, 3, ulong.MaxValue, 1];
        var quotient = (OnnxTensor)Run("Div", 14, [Tensor.From(a), Tensor.From(b)])[0];
        quotient.Tensor.ToArray<ulong>().ShouldBe(a.Zip(b, (x, y) => x / y));
        var rest = (OnnxTensor)Run("Mod", 13, [Tensor.From(a), Tensor.From(b)])[0];
        rest.Tensor.ToArray<ulong>().ShouldBe(a.Zip(b, (x, y) => x % y));
    }

    [Fact]
    public void Mod_Signs_FollowTheDivisorOrTheDividend()
    {
        OnnxValue a = Tensor.From([-4, 7, 5, 4, -7, 8]), b = Tensor.From([2, -3, 8, -2, 3, 5]);
        Numbers("Mod", 13, [a, b]).ShouldBe([0, -2, 5, 0, 2, 3]);
        Numbers("Mod", 13, [a, b], ("fmod", 1L)).ShouldBe([0, 1, 5, 0, -1, 3]);
        Numbers("Mod", 13, [Tensor.From([(Half)(-4.5f), (Half)7.5f]), Tensor.From([(Half)2f, (Half)(-3f)])], ("fmod", 1L)).ShouldBe([-0.5, 1.5]);
    }

    [Fact]
    public void Pow_MixedTypes_HasTheBasesType()
    {
        Numbers("Pow", 15, [Tensor.From([1, 2, 9]), F(4, 0.5f, 3)]).ShouldBe([1, 1, 729]);
        Numbers("Pow", 15, [F(1.5f, -2), Tensor.From([2L, 3])]).ShouldBeNear(2.25, -8);
    }

    [Theory]
    [InlineData("LEFT", new byte[] { 16, 0, 0 })]
    [InlineData("RIGHT", new byte[] { 4, 0, 0 })]
    public void BitShift_ByTheWidthOrMore_Is0(string direction, byte[] expected) =>
        ((OnnxTensor)Run("BitShift", 11, [Tensor.From(new byte[] { 8, 255, 1 }), Tensor.From(new byte[] { 1, 8, 200 })], attributes: ("direction", direction))[0]).Tensor.ToArray<byte>().ShouldBe(expected);

    [Fact]
    public void Equal_Strings_ComparesTheirText() =>
        Numbers("Equal", 19, [new StringTensor(["a", "b"], new(2)), new StringTensor(["a", "c"], new(2))]).ShouldBe([1, 0]);

    // ---- functions of one number ----

    [Fact]
    public void Round_Halves_GoToTheEvenNeighbour() => Numbers("Round", 22, [F(0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.3f, -2.7f)]).ShouldBe([0, 2, 2, 0, -2, 2, -3]);

    [Fact]
    public void Erf_KnownValues() => Numbers("Erf", 13, [F(0, 0.5f, -1, 3)]).ShouldBeNear(0, 0.5204998778, -0.8427007929, 0.9999779095);

    [Fact]
    public void Celu_NegativeNumbers_ApproachMinusAlpha() =>
        Numbers("Celu", 12, [F(-1, 0, 3, -100)], ("alpha", 2f)).ShouldBeNear(2 * (Math.Exp(-0.5) - 1), 0, 3, -2);

    [Fact]
    public void HardSwish_IsXBetweenItsRamps() => Numbers("HardSwish", 22, [F(-4, -1, 0, 2, 5)]).ShouldBeNear(0, -1 / 3.0, 0, 10 / 6.0, 5);

    [Fact]
    public void Shrink_Integers_StayIntegers() => Numbers("Shrink", 9, [Tensor.From([-3, -1, 0, 1, 3])], ("lambd", 1.5f), ("bias", 1.5f)).ShouldBe([-1, 0, 0, 0, 1]);

    [Fact]
    public void Clip_UpperBelowLower_UpperWins() => Numbers("Clip", 13, [Tensor.From(new sbyte[] { -9, 0, 9 }), Tensor.Scalar((sbyte)5), Tensor.Scalar((sbyte)-5)]).ShouldBe([-5, -5, -5]);

    [Fact]
    public void Clip_Opset6_LimitsAreAttributes() => Numbers("Clip", 6, [F(-9, 0, 9)], ("min", -1f)).ShouldBe([-1, 0, 9]);

    [Fact]
    public void CumSum_ExclusiveInReverse_LeavesTheElementOut() => Numbers("CumSum", 14, [F(1, 2, 3), Tensor.Scalar(0)], ("exclusive", 1L), ("reverse", 1L)).ShouldBe([5, 3, 0]);

    [Fact]
    public void Softmax_BeforeOpset13_IsOverAllDimensionsFromTheAxis()
    {
        var x = Tensor.Zeros(2, 3, 4);
        Numbers("Softmax", 11, [x])[0].ShouldBe(1 / 12.0, 1e-6);
        Numbers("Softmax", 13, [x])[0].ShouldBe(1 / 4.0, 1e-6);
    }

    [Fact]
    public void PRelu_OneSlopePerChannelBeforeOpset7() => Numbers("PRelu", 6, [-Ramp(1, 2, 2), F(1, 10)]).ShouldBe([0, -1, -20, -30]);
}
