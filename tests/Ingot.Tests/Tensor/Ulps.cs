namespace Ingot.Tests;

/// <summary>Distance of computed values from exact ones, in units in the last place of the exact value's own dtype.</summary>
static class Ulps
{
    /// <summary>The greatest distance of got[i] from f(x[i]); infinite where one is NaN or infinite and the other not the same.</summary>
    public static double Worst(float[] x, float[] got, Func<double, double> f)
    {
        double worst = 0;
        for (int i = 0; i < x.Length; i++) worst = Math.Max(worst, Of(got[i], f(x[i])));
        return worst;
    }

    public static double Of(float got, double exact)
    {
        float rounded = (float)exact;
        if (!float.IsFinite(rounded) || !float.IsFinite(got)) return rounded.Equals(got) ? 0 : double.PositiveInfinity;
        double ulp = Math.Max(MathF.BitIncrement(MathF.Abs(rounded)) - (double)MathF.Abs(rounded), float.Epsilon);
        return Math.Abs(got - exact) / ulp;
    }
}
