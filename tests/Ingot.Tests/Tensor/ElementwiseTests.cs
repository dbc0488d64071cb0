namespace Ingot.Tests;

public class ElementwiseTests
{
    static readonly float[] Odd = [-2.5f, -1.5f, -0.5f, -0f, 0, 0.5f, 1.5f, 2.5f, 2.4999f, 1e10f, float.NegativeInfinity, float.PositiveInfinity, float.NaN];

    static void Same(Tensor got, Func<float, double> exact, float[]? x = null)
    {
        x ??= Odd;
        var y = got.ToArray<float>();
        for (int i = 0; i < x.Length; i++)
        {
            float e = (float)exact(x[i]);
            y[i].ShouldBe(e, $"at {x[i]}");
            if (e == 0) float.IsNegative(y[i]).ShouldBe(float.IsNegative(e), $"sign at {x[i]}");
        }
    }

    [Fact]
    public void Rounding_OddValues_MatchesMath()
    {
        var x = Tensor.From(Odd);
        Same(x.Floor(), v => Math.Floor(v));
        Same(x.Ceil(), v => Math.Ceiling(v));
        Same(x.Trunc(), v => Math.Truncate(v));
        Same(x.Round(), v => Math.Round(v, MidpointRounding.ToEven));
        Same(x.Frac(), v => v - Math.Truncate(v), Odd);
        Same(x.Abs(), v => Math.Abs(v));
        Same(x.Sign(), v => float.IsNaN(v) ? 0 : Math.Sign(v));
        Tensor.From([1.2345, -0.675]).Round(2).ToArray<double>().ShouldBe([1.23, -0.68], 1e-12);
        Tensor.From([-3, 4]).Floor().ToArray<int>().ShouldBe([-3, 4]);
    }

    [Fact]
    public void Remainders_AllSigns_FollowDivisorOrDividend()
    {
        float[] a = [7, -7, 7, -7, 6, -6, 5.5f], b = [3, 3, -3, -3, 3, 3, 2];
        Tensor.From(a).Remainder(Tensor.From(b)).ToArray<float>().ShouldBe([1, 2, -2, -1, 0, 0, 1.5f]);
        Tensor.From(a).Fmod(Tensor.From(b)).ToArray<float>().ShouldBe([1, -1, 1, -1, 0, -0f, 1.5f]);
        Tensor.From([7, -7, 7, -7]).Fmod(Tensor.From([3, 3, -3, -3])).ToArray<int>().ShouldBe([1, -1, 1, -1]);
        (Tensor.From([7, -7]) % 3).ToArray<int>().ShouldBe([1, 2]);
        Tensor.From([7, -7]).FloorDivide(2).ToArray<int>().ShouldBe([3, -4]);
        Tensor.From([7f, -7f]).FloorDivide(2).ToArray<float>().ShouldBe([3, -4]);
    }

    [Fact]
    public void MaximumMinimumClamp_NaN_Stays()
    {
        var (a, b) = (Tensor.From([1, float.NaN, 3, -0f]), Tensor.From([2, 1, float.NaN, 0f]));
        a.Maximum(b).ToArray<float>().ShouldBe([2, float.NaN, float.NaN, 0]);
        a.Minimum(b).ToArray<float>().ShouldBe([1, float.NaN, float.NaN, 0]);
        a.Clamp(1.5, 2).ToArray<float>().ShouldBe([1.5f, float.NaN, 2, 1.5f]);
        a.Clamp(max: 2).ToArray<float>().ShouldBe([1, float.NaN, 2, 0]);
        Tensor.From([int.MinValue, 5]).Minimum(3).ToArray<int>().ShouldBe([int.MinValue, 3]);
        Tensor.From([(byte)200, (byte)5]).Maximum(Tensor.From([(byte)100, (byte)7])).ToArray<byte>().ShouldBe([200, 7]);
    }

    [Fact]
    public void Relu_EdgeValues_AreThoseOfPyTorch()
    {
        foreach (var dtype in new[] { DType.F32, DType.F64, DType.F16, DType.BF16 })
        {
            var y = Tensor.From([float.NegativeInfinity, -1, -0f, 0, 1e-7f, 2, float.PositiveInfinity, float.NaN]).To(dtype).Relu().ToArray<float>();
            y[..4].ShouldBe([0, 0, 0, 0]);
            y[4].ShouldBe(1e-7f, 3e-8f);
            y[5..].ShouldBe([2, float.PositiveInfinity, float.NaN]);
        }
        Tensor.From([-2, 0, 5]).Relu().ToArray<int>().ShouldBe([0, 0, 5]);
        Tensor.From([float.Epsilon]).Relu().Item<float>().ShouldBe(float.Epsilon);
    }

    [Fact]
    public void Activations_OddValues_MatchTheirFormulas()
    {
        var x = Tensor.From(Odd);
        Same(x.LeakyRelu(0.25), v => v > 0 ? v : 0.25 * v);
        Same(x.Hardtanh(), v => v <= -1 ? -1 : v >= 1 ? 1 : v);
        Same(x.Relu6(), v => v <= 0 ? 0 : v >= 6 ? 6 : v);
        Tensor.From([1f, 2, 0, float.PositiveInfinity]).Glu().ToArray<float>().ShouldBe([0.5f, 2]);
        Tensor.From([1f, -1]).Mish().ToArray<float>().ShouldBe([0.865098388f, -0.303401461f], 2e-7);
        Should.Throw<ShapeException>(() => Tensor.Zeros(3).Glu());
    }

    [Fact]
    public void Where_Numbers_TakeTheOthersDtype()
    {
        var c = Tensor.From([true, false]);
        c.Where(Tensor.From([(Half)1, (Half)2]), 0).DType.ShouldBe(DType.F16);
        c.Where(1.0, 0.0).DType.ShouldBe(DType.F32);
        c.Where(1, 0).ToArray<int>().ShouldBe([1, 0]);
        Should.Throw<DTypeException>(() => Tensor.From([1]).Where(1, 0)).Message.ShouldContain("Ne(0)");
    }

    [Fact]
    public void Classification_OddValues_IsRight()
    {
        var x = Tensor.From([1, float.NaN, float.PositiveInfinity, float.NegativeInfinity]);
        x.IsNan().ToArray<bool>().ShouldBe([false, true, false, false]);
        x.IsInf().ToArray<bool>().ShouldBe([false, false, true, true]);
        x.IsFinite().ToArray<bool>().ShouldBe([true, false, false, false]);
        Tensor.From([1]).IsFinite().ToArray<bool>().ShouldBe([true]);
        x.IsClose(x).ToArray<bool>().ShouldBe([true, false, true, true]);
        Tensor.From([1f]).AllClose(Tensor.From([1.000001f])).ShouldBeTrue();
        Tensor.From([1f]).AllClose(Tensor.From([1.1f])).ShouldBeFalse();
        Tensor.From([1f]).AllClose(Tensor.From([float.PositiveInfinity])).ShouldBeFalse();
    }

    [Fact]
    public void LogicAndBits_EachDtype_MatchesCSharp()
    {
        var (a, b) = (Tensor.From([0f, 2, 0, -1]), Tensor.From([0, 0, 3, 5]));
        a.LogicalAnd(b).ToArray<bool>().ShouldBe([false, false, false, true]);
        a.LogicalOr(b).ToArray<bool>().ShouldBe([false, true, true, true]);
        a.LogicalXor(b).ToArray<bool>().ShouldBe([false, true, true, false]);
        a.LogicalNot().ToArray<bool>().ShouldBe([true, false, true, false]);
        var (x, y) = (Tensor.From([0b1100, -1]), Tensor.From([0b1010, 7]));
        (x & y).ToArray<int>().ShouldBe([0b1000, 7]);
        (x | y).ToArray<int>().ShouldBe([0b1110, -1]);
        (x ^ y).ToArray<int>().ShouldBe([0b0110, -8]);
        (~x).ToArray<int>().ShouldBe([~0b1100, 0]);
        (x << 2).ToArray<int>().ShouldBe([0b110000, -4]);
        (x >> 1).ToArray<int>().ShouldBe([0b110, -1]);
        (~Tensor.From([(byte)1])).ToArray<byte>().ShouldBe([254]);
        Should.Throw<DTypeException>(() => a & b).Message.ShouldContain("f32");
    }

    [Fact]
    public void Lerp_Ends_AreExact()
    {
        var (a, b) = (Tensor.From([0.1f, 1e8f]), Tensor.From([0.7f, 1f]));
        a.Lerp(b, 0).ToArray<float>().ShouldBe([0.1f, 1e8f]);
        a.Lerp(b, 1).ToArray<float>().ShouldBe([0.7f, 1f]);
        Tensor.From([2f]).Lerp(Tensor.From([4f]), 0.25).Item<float>().ShouldBe(2.5f);
    }
}
