namespace Ingot.Tests;

public class ExponentialTests
{
    [Fact]
    public void Exp_Float32_IsWithinTwoUlp()
    {
        var x = Enumerable.Range(-1040, 1930).Select(i => i * 0.0997f).ToArray();
        Ulps.Worst(x, Tensor.From(x).Exp().ToArray<float>(), Math.Exp).ShouldBeLessThanOrEqualTo(2);
    }

    [Fact]
    public void Exp_EdgeValues_AreExact()
    {
        float[] x = [float.NegativeInfinity, -200, -100, 0, -0f, 88.72f, 89, float.PositiveInfinity, float.NaN];
        Ulps.Worst(x, Tensor.From(x).Exp().ToArray<float>(), Math.Exp).ShouldBeLessThanOrEqualTo(2);
        double[] wide = [double.NegativeInfinity, -740, 709.7, 710, double.PositiveInfinity, double.NaN];
        var y = Tensor.From(wide).Exp().ToArray<double>();
        for (int i = 0; i < y.Length; i++) (y[i].Equals(Math.Exp(wide[i])) || Math.Abs(y[i] / Math.Exp(wide[i]) - 1) < 4e-16).ShouldBeTrue($"e^{wide[i]} = {y[i]}");
    }
}
