namespace Ingot.Tests;

public class TranscendentalTests
{
    const double Inf = double.PositiveInfinity, NaN = double.NaN;

    /// <summary>name, function, its exact meaning, range, float32 ulps, float64 relative error, whether -0 keeps its sign</summary>
    public static TheoryData<string> Names => [.. Rows.Keys];

    sealed record Row(Func<Tensor, Tensor> F, Func<double, double> Exact, double Low, double High, double Ulp, double Relative = 1e-15);

    static readonly Dictionary<string, Row> Rows = new()
    {
        ["Exp"] = new(x => x.Exp(), Math.Exp, -110, 90, 1),
        ["Exp2"] = new(x => x.Exp2(), x => Math.Pow(2, x), -150, 130, 2),
        ["Expm1"] = new(x => x.Expm1(), Expm1, -20, 90, 4),
        ["Expm1 near 0"] = new(x => x.Expm1(), Expm1, -0.6, 0.6, 4),
        ["Log"] = new(x => x.Log(), Math.Log, 1e-30, 100, 2),
        ["Log2"] = new(x => x.Log2(), Math.Log2, 1e-30, 100, 1),
        ["Log10"] = new(x => x.Log10(), Math.Log10, 1e-30, 100, 3),
        ["Log1p"] = new(x => x.Log1p(), Log1p, -0.999, 50, 4),
        ["Log1p near 0"] = new(x => x.Log1p(), Log1p, -1e-6, 1e-6, 4),
        ["Sin"] = new(x => x.Sin(), Math.Sin, -50, 50, 2),
        ["Cos"] = new(x => x.Cos(), Math.Cos, -50, 50, 2),
        ["Tan"] = new(x => x.Tan(), Math.Tan, -20, 20, 5),
        ["Asin"] = new(x => x.Asin(), Math.Asin, -1, 1, 4),
        ["Acos"] = new(x => x.Acos(), Math.Acos, -1, 1, 4),
        ["Atan"] = new(x => x.Atan(), Math.Atan, -30, 30, 3),
        ["Sinh"] = new(x => x.Sinh(), Math.Sinh, -89.3, 89.3, 4),
        ["Sinh near 0"] = new(x => x.Sinh(), Math.Sinh, -1.1, 1.1, 4),
        ["Cosh"] = new(x => x.Cosh(), Math.Cosh, -89.3, 89.3, 4),
        ["Tanh"] = new(x => x.Tanh(), Math.Tanh, -20, 20, 4),
        ["Tanh near 0"] = new(x => x.Tanh(), Math.Tanh, -0.7, 0.7, 4),
        ["Asinh"] = new(x => x.Asinh(), x => Math.CopySign(Asinh(Math.Abs(x)), x), -100, 100, 5, 2e-15),
        ["Acosh"] = new(x => x.Acosh(), x => Log1p(x - 1 + Math.Sqrt((x - 1) * (x + 1))), 1, 100, 5, 2e-15),
        ["Atanh"] = new(x => x.Atanh(), x => 0.5 * Log1p(2 * x / (1 - x)), -0.99, 0.99, 5, 2e-14),
        ["Sigmoid"] = new(x => x.Sigmoid(), x => 1 / (1 + Math.Exp(-x)), -80, 40, 4),
        ["LogSigmoid"] = new(x => x.LogSigmoid(), x => x < 0 ? x - Log1p(Math.Exp(x)) : -Log1p(Math.Exp(-x)), -80, 40, 4),
        ["Softplus"] = new(x => x.Softplus(), x => x > 20 ? x : Log1p(Math.Exp(x)), -60, 40, 4),
        ["Silu"] = new(x => x.Silu(), x => x / (1 + Math.Exp(-x)), -60, 40, 5),
        ["Elu"] = new(x => x.Elu(0.5), x => x > 0 ? x : 0.5 * Expm1(x), -60, 40, 4),
        ["Gelu tanh"] = new(x => x.Gelu("tanh"), x => x / (1 + Math.Exp(-2 * Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))), -2, 8, 10),
        ["Pow 2.5"] = new(x => x.Pow(2.5), x => Math.Pow(x, 2.5), 0, 1e5, 1, 1e-14),
        ["Pow -3"] = new(x => x.Pow(-3), x => Math.Pow(x, -3), 0.01, 1e5, 3),
        ["Rsqrt"] = new(x => x.Rsqrt(), x => 1 / Math.Sqrt(x), 1e-9, 1e9, 2),
    };

    static double Expm1(double x) => Math.Abs(x) > 0.5 ? Math.Exp(x) - 1 : 2 * Math.Tanh(x / 2) / (1 - Math.Tanh(x / 2));

    static double Log1p(double x) => 1 + x == 1 ? x : Math.Log(1 + x) * x / (1 + x - 1);

    static double Asinh(double x) => Log1p(x + x * x / (1 + Math.Sqrt(1 + x * x)));

    /// <summary>Equal, NaN and infinities included, or no further apart than the tolerance.</summary>
    static void Near(double got, double exact, double tolerance, string? what = null) =>
        (got.Equals(exact) || Math.Abs(got - exact) <= tolerance).ShouldBeTrue($"{what}: got {got}, expected {exact}");

    [Theory, MemberData(nameof(Names))]
    public void Function_Float32_IsWithinItsUlps(string name)
    {
        var row = Rows[name];
        var x = Enumerable.Range(0, 4001).Select(i => (float)(row.Low + (row.High - row.Low) * i / 4000)).ToArray();
        double worst = Ulps.Worst(x, row.F(Tensor.From(x)).ToArray<float>(), row.Exact);
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {worst:F2} ulp");
        worst.ShouldBeLessThanOrEqualTo(row.Ulp);
    }

    [Theory, MemberData(nameof(Names))]
    public void Function_Float64_IsWithinItsError(string name)
    {
        var row = Rows[name];
        var x = Enumerable.Range(0, 1001).Select(i => row.Low + (row.High - row.Low) * (i + 0.37) / 1001).ToArray();
        var y = row.F(Tensor.From(x)).ToArray<double>();
        double worst = x.Zip(y, (a, b) => row.Exact(a) is var e && Math.Abs(e) > 1e-300 ? Math.Abs(b / e - 1) : Math.Abs(b - e)).Max();
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {worst:E2}");
        worst.ShouldBeLessThanOrEqualTo(row.Relative);
    }

    // What PyTorch gives at -inf, -0, inf and NaN.
    [Theory]
    [InlineData("Exp", 0, 1, Inf)]
    [InlineData("Exp2", 0, 1, Inf)]
    [InlineData("Expm1", -1, -0.0, Inf)]
    [InlineData("Log", NaN, -Inf, Inf)]
    [InlineData("Log2", NaN, -Inf, Inf)]
    [InlineData("Log10", NaN, -Inf, Inf)]
    [InlineData("Log1p", NaN, -0.0, Inf)]
    [InlineData("Sin", NaN, -0.0, NaN)]
    [InlineData("Cos", NaN, 1, NaN)]
    [InlineData("Tan", NaN, -0.0, NaN)]
    [InlineData("Asin", NaN, -0.0, NaN)]
    [InlineData("Acos", NaN, Math.PI / 2, NaN)]
    [InlineData("Atan", -Math.PI / 2, -0.0, Math.PI / 2)]
    [InlineData("Sinh", -Inf, -0.0, Inf)]
    [InlineData("Cosh", Inf, 1, Inf)]
    [InlineData("Tanh", -1, -0.0, 1)]
    [InlineData("Asinh", -Inf, -0.0, Inf)]
    [InlineData("Acosh", NaN, NaN, Inf)]
    [InlineData("Atanh", NaN, -0.0, NaN)]
    [InlineData("Sigmoid", 0, 0.5, 1)]
    [InlineData("LogSigmoid", -Inf, -0.6931471805599453, 0)]
    [InlineData("Softplus", 0, 0.6931471805599453, Inf)]
    [InlineData("Silu", NaN, -0.0, Inf)]
    [InlineData("Elu", -0.5, -0.0, Inf)]
    [InlineData("Gelu tanh", NaN, -0.0, Inf)]
    [InlineData("Rsqrt", NaN, -Inf, 0)]
    public void Function_EdgeValues_AreThoseOfPyTorch(string name, double ofMinusInfinity, double ofMinusZero, double ofInfinity)
    {
        var y = Rows[name].F(Tensor.From([-Inf, -0.0, Inf, NaN])).ToArray<double>();
        Near(y[0], ofMinusInfinity, 1e-15);
        Near(y[1], ofMinusZero, 1e-15);
        if (ofMinusZero == 0) double.IsNegative(y[1]).ShouldBe(double.IsNegative(ofMinusZero));
        Near(y[2], ofInfinity, 1e-15);
        Near(y[3], NaN, 0);
        var z = Rows[name].F(Tensor.From([-float.PositiveInfinity, -0f, float.PositiveInfinity, float.NaN])).ToArray<float>();
        for (int i = 0; i < 4; i++) Ulps.Of(z[i], y[i]).ShouldBeLessThanOrEqualTo(2);
    }

    /// <summary>Random numbers of a range of sizes, both signs; sizes are evenly spread over the exponents.</summary>
    static float[] Spread(int seed, float low, float high)
    {
        var random = new Random(seed);
        uint from = BitConverter.SingleToUInt32Bits(low), to = BitConverter.SingleToUInt32Bits(high);
        return [.. Enumerable.Range(0, 200_003).Select(i => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(from, to + 1L)) * (i % 2 == 0 ? 1 : -1))];
    }

    [Theory]
    [InlineData(1e-45f, 1e-3f)]
    [InlineData(1e-3f, 4)]
    [InlineData(4, 1000)]
    [InlineData(1000, 262143)]
    [InlineData(262143, 262145)] // where the framework takes over from the polynomial
    [InlineData(262145, 1e8f)]
    [InlineData(1e8f, float.MaxValue)]
    public void SinAndCos_AllSizes_AreWithinTwoUlp(float low, float high)
    {
        var x = Spread(1, low, high);
        double sin = Ulps.Worst(x, Tensor.From(x).Sin().ToArray<float>(), Math.Sin), cos = Ulps.Worst(x, Tensor.From(x).Cos().ToArray<float>(), Math.Cos);
        TestContext.Current.TestOutputHelper?.WriteLine($"sin {sin:F3}, cos {cos:F3} ulp");
        sin.ShouldBeLessThanOrEqualTo(2);
        cos.ShouldBeLessThanOrEqualTo(2);
    }

    [Fact]
    public void SinAndCos_NearMultiplesOfAQuarterTurn_AreWithinTwoUlp()
    {
        var x = Enumerable.Range(1, 160_000).Select(i => (float)(i * (Math.PI / 2))).SelectMany(v => new[] { v, MathF.BitIncrement(v), MathF.BitDecrement(v) }).ToArray();
        Ulps.Worst(x, Tensor.From(x).Sin().ToArray<float>(), Math.Sin).ShouldBeLessThanOrEqualTo(2);
        Ulps.Worst(x, Tensor.From(x).Cos().ToArray<float>(), Math.Cos).ShouldBeLessThanOrEqualTo(2);
        Tensor.From([0f, (float)Math.PI / 2, 1e-20f]).Cos().ToArray<float>().ShouldBe([1, (float)Math.Cos((float)Math.PI / 2), 1]);
        Tensor.From(x).Sin().Abs().Max().Item<float>().ShouldBe(1);
    }

    [Theory]
    [InlineData("Exp", 1, 1e-45f, 104.5f)]
    [InlineData("Exp", 1, 60, 89)]
    [InlineData("Exp2", 2, 1e-45f, 151)]
    [InlineData("Exp2", 2, 90, 128.5f)]
    public void Exponentials_AllSizes_AreWithinTheirUlps(string name, double ulps, float low, float high)
    {
        var x = Spread(2, low, high);
        double worst = Ulps.Worst(x, Rows[name].F(Tensor.From(x)).ToArray<float>(), Rows[name].Exact);
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {worst:F3} ulp");
        worst.ShouldBeLessThanOrEqualTo(ulps);
    }

    [Fact]
    public void Exp_EndsOfItsRange_AreDenormalZeroOrInfinite()
    {
        float[] x = [-103.2789f, -103.97208f, -103.9721f, -104, -1e30f, 88.72283f, 88.72284f, 89, 1e30f];
        Tensor.From(x).Exp().ToArray<float>().ShouldBe([.. x.Select(v => (float)Math.Exp(v))]);
        Tensor.From(x).To(DType.F64).Exp().ToArray<double>().ShouldBe([.. x.Select(v => Math.Exp(v))]);
    }

    [Theory]
    [InlineData("Exp"), InlineData("Exp2"), InlineData("Log2"), InlineData("Sin"), InlineData("Cos"), InlineData("Erf")]
    public void Polynomial_ScalarAndVectorCode_GiveTheSameBits(string name)
    {
        Func<Tensor, Tensor> f = name == "Erf" ? x => x.Erf() : Rows[name].F;
        // Large, small, infinite and NaN side by side, so that a vector mixes the arms of every select.
        float[] x = [.. Spread(3, 1e-45f, float.MaxValue).Take(1000).Concat(Spread(4, 0.01f, 200).Take(1000)), 0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        var together = f(Tensor.From(x)).ToArray<float>();
        for (int i = 0; i < x.Length; i += 5)
        {
            var alone = f(Tensor.From(x.AsSpan(i, Math.Min(5, x.Length - i)).ToArray())).ToArray<float>();
            for (int j = 0; j < alone.Length; j++) alone[j].Equals(together[i + j]).ShouldBeTrue($"{name}({x[i + j]:R}) is {alone[j]:R} alone, {together[i + j]:R} in a vector");
        }
    }

    // From tables of the error function to 16 digits.
    static readonly double[] ErfAt = [0, 1e-10, 0.1, 0.5, 1, 1.5, 2, 3, 5.5, 20];
    static readonly double[] Erf = [0, 1.1283791670955126e-10, 0.1124629160182849, 0.5204998778130465, 0.8427007929497149, 0.9661051464753107, 0.9953222650189527, 0.9999779095030014, 0.9999999999999927, 1];
    static readonly double[] Erfc = [1, 0.9999999998871621, 0.8875370839817151, 0.4795001221869535, 0.15729920705028513, 0.033894853524689273, 0.004677734981047266, 2.209049699858544e-05, 7.357847917974398e-15, 5.395865611607901e-176];

    [Fact]
    public void Erf_KnownValues_AreMet()
    {
        var x = Tensor.From(ErfAt);
        var (y, minus) = (x.Erf().ToArray<double>(), (-x).Erf().ToArray<double>());
        var (c, far) = (x.Erfc().ToArray<double>(), (-x).Erfc().ToArray<double>());
        var single = x.To(DType.F32).Erf().ToArray<float>();
        var complement = x.To(DType.F32).Erfc().ToArray<float>();
        for (int i = 0; i < ErfAt.Length; i++)
        {
            y[i].ShouldBe(Erf[i], 1e-14 * Erf[i] + 1e-300);
            minus[i].ShouldBe(-Erf[i], 1e-14 * Erf[i] + 1e-300);
            c[i].ShouldBe(Erfc[i], 1e-13 * Erfc[i]);
            far[i].ShouldBe(2 - Erfc[i], 1e-14);
            Ulps.Of(single[i], Erf[i]).ShouldBeLessThanOrEqualTo(6);
            if (ErfAt[i] is not (0.1 or 1e-10)) Ulps.Of(complement[i], Erfc[i]).ShouldBeLessThanOrEqualTo(1);
        }
    }

    [Fact]
    public void Erf_Float32_FollowsFloat64()
    {
        var x = Enumerable.Range(-5000, 10001).Select(i => i * 0.001f).ToArray();
        var wide = Tensor.From(x).To(DType.F64).Erf().ToArray<double>();
        var y = Tensor.From(x).Erf().ToArray<float>();
        Enumerable.Range(0, x.Length).Max(i => Ulps.Of(y[i], wide[i])).ShouldBeLessThanOrEqualTo(6);
        Tensor.From([float.NegativeInfinity, float.PositiveInfinity, float.NaN]).Erf().ToArray<float>().ShouldBe([-1, 1, float.NaN]);
    }

    [Fact]
    public void Gelu_Exact_IsHalfOnePlusErf()
    {
        float[] x = [-3, -1, 0, 0.5f, 2];
        var y = Tensor.From(x).Gelu().ToArray<float>();
        double[] expected = [-0.00404969, -0.15865525, 0, 0.34573123, 1.95449974];
        for (int i = 0; i < x.Length; i++) y[i].ShouldBe((float)expected[i], 2e-7f);
        Should.Throw<ArgumentException>(() => Tensor.From(x).Gelu("sigmoid")).Message.ShouldContain("tanh");
    }

    [Fact]
    public void Atan2_AllQuadrantsZerosAndInfinities_MatchMath()
    {
        double[] values = [0, -0.0, 1, -1, 0.3, -7, Inf, -Inf, NaN];
        var pairs = (from y in values from x in values select (y, x)).ToArray();
        var wide = Tensor.From(pairs.Select(p => p.y).ToArray()).Atan2(Tensor.From(pairs.Select(p => p.x).ToArray())).ToArray<double>();
        var narrow = Tensor.From(pairs.Select(p => (float)p.y).ToArray()).Atan2(Tensor.From(pairs.Select(p => (float)p.x).ToArray())).ToArray<float>();
        for (int i = 0; i < pairs.Length; i++)
        {
            double exact = Math.Atan2(pairs[i].y, pairs[i].x);
            Near(wide[i], exact, 1e-15, $"atan2{pairs[i]}");
            if (exact == 0) double.IsNegative(wide[i]).ShouldBe(double.IsNegative(exact), $"atan2{pairs[i]}");
            Near(narrow[i], Math.Atan2((float)pairs[i].y, (float)pairs[i].x), 5e-7, $"atan2{pairs[i]} in f32");
        }
    }

    [Fact]
    public void Pow_TensorExponents_MatchMath()
    {
        double[] bases = [0, 1, -1, 2, -2, 0.5, -0.5, 3.7, Inf, NaN];
        double[] exponents = [0, 1, -1, 2, 3, -3, 0.5, 2.5, Inf, -Inf, NaN];
        var pairs = (from b in bases from e in exponents select (b, e)).ToArray();
        var y = Tensor.From(pairs.Select(p => p.b).ToArray()).Pow(Tensor.From(pairs.Select(p => p.e).ToArray())).ToArray<double>();
        for (int i = 0; i < pairs.Length; i++)
        {
            double exact = Math.Pow(pairs[i].b, pairs[i].e);
            Near(y[i], exact, Math.Abs(exact) * 1e-14, $"{pairs[i]}");
        }
    }

    [Fact]
    public void Pow_Integers_StayIntegers()
    {
        Tensor.From([2, -3, 0]).Pow(3).ToArray<int>().ShouldBe([8, -27, 0]);
        Tensor.From([2L, -3, 0, 7, 1, -1]).Pow(Tensor.From([10L, 3, 0, -1, -5, -3])).ToArray<long>().ShouldBe([1024, -27, 1, 0, 1, -1]);
        Tensor.From([4, 9]).Pow(0.5).ToArray<float>().ShouldBe([2, 3]);
        Should.Throw<DTypeException>(() => Tensor.From([2]).Pow(-1));
    }

    [Fact]
    public void Transcendentals_HalfPrecision_RoundOnce()
    {
        float[] x = [-2.5f, -0.7f, 0.1f, 1.3f, 5];
        foreach (var dtype in new[] { DType.F16, DType.BF16 })
        {
            var half = Tensor.From(x).To(dtype);
            var y = half.Tanh();
            y.DType.ShouldBe(dtype);
            y.ToArray<float>().ShouldBe(half.To(DType.F32).Tanh().To(dtype).ToArray<float>());
            half.Softmax(0).ToArray<float>().ShouldBe(half.To(DType.F32).Softmax(0).To(dtype).ToArray<float>());
        }
        Tensor.From([1, 2]).Exp().DType.ShouldBe(DType.F32);
    }
}
