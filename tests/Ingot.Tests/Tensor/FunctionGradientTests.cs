using Ingot.Tests.Autograd;

namespace Ingot.Tests;

/// <summary>Gradients of composed functions: smooth points against differences, corners and overflowing points against PyTorch's values.</summary>
public class FunctionGradientTests
{
    static readonly Dictionary<string, (Func<Tensor, Tensor> F, double Low, double High)> Functions = new()
    {
        ["Exp"] = (x => x.Exp(), -3, 3),
        ["Expm1"] = (x => x.Expm1(), -2, 2),
        ["Log"] = (x => x.Log(), 0.2, 3),
        ["Log10"] = (x => x.Log10(), 0.2, 3),
        ["Log1p"] = (x => x.Log1p(), -0.7, 3),
        ["Cos"] = (x => x.Cos(), -7, 7),
        ["Tan"] = (x => x.Tan(), -1.2, 1.2),
        ["Asin"] = (x => x.Asin(), -0.95, 0.95),
        ["Acos"] = (x => x.Acos(), -0.95, 0.95),
        ["Atan"] = (x => x.Atan(), -5, 5),
        ["Sinh"] = (x => x.Sinh(), -3, 3),
        ["Cosh"] = (x => x.Cosh(), -3, 3),
        ["Tanh"] = (x => x.Tanh(), -3, 3),
        ["Asinh"] = (x => x.Asinh(), -3, 3),
        ["Acosh"] = (x => x.Acosh(), 1.1, 4),
        ["Atanh"] = (x => x.Atanh(), -0.9, 0.9),
        ["Erf"] = (x => x.Erf(), -3, 3),
        ["Erfc"] = (x => x.Erfc(), -3, 3),
        ["Sigmoid"] = (x => x.Sigmoid(), -5, 5),
        ["LogSigmoid"] = (x => x.LogSigmoid(), -5, 5),
        ["Softplus"] = (x => x.Softplus(2, 3), -4, 4),
        ["Silu"] = (x => x.Silu(), -5, 5),
        ["Gelu"] = (x => x.Gelu(), -4, 4),
        ["Gelu tanh"] = (x => x.Gelu("tanh"), -4, 4),
        ["Mish"] = (x => x.Mish(), -4, 4),
        ["Elu"] = (x => x.Elu(1.5), -4, 4),
        ["Hardswish"] = (x => x.Hardswish(), -4, 4),
        ["Pow 3"] = (x => x.Pow(3), -2, 2),
        ["Pow -2"] = (x => x.Pow(-2), 0.5, 2),
        ["Pow 2.3"] = (x => x.Pow(2.3), 0.5, 2),
        ["Rsqrt"] = (x => x.Rsqrt(), 0.5, 2),
        ["Lerp"] = (x => x.Lerp(x * x, 0.7), -2, 2),
        ["Softmax"] = (x => x.Softmax(0), -2, 2),
        ["LogSoftmax"] = (x => x.LogSoftmax(0), -2, 2),
        ["LogSumExp"] = (x => x.LogSumExp(0), -2, 2),
        ["Var"] = (x => x.Var(), -2, 2),
        ["Std"] = (x => x.Std(), -2, 2),
        ["Norm"] = (x => x.Norm(), -2, 2),
        ["Norm 3"] = (x => x.Norm(3), -2, 2),
        ["Max dim"] = (x => x.Max(0), -2, 2),
        ["Min"] = (x => x.Min(), -2, 2),
        ["CumProd"] = (x => x.CumProd(0), -2, 2),
        ["Sort"] = (x => x.Sort(descending: true).Values, -2, 2),
        ["TopK"] = (x => x.TopK(3).Values, -2, 2),
    };

    public static TheoryData<string> Names => [.. Functions.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Function_TwiceDifferentiated_MatchesDifferences(string name)
    {
        var (f, low, high) = Functions[name];
        GradientCheck.Second(x => f(x[0]), GradientCheck.Values(3, low, high, 8));
    }

    static void Has(Func<Tensor, Tensor> f, float[] at, float[] gradient, double tolerance = 1e-6)
    {
        var x = Tensor.From(at).WithGrad();
        f(x).Sum().Backward();
        var got = x.Grad?.ToArray<float>() ?? new float[at.Length]; // none flows through rounding
        for (int i = 0; i < at.Length; i++)
            (got[i].Equals(gradient[i]) || Math.Abs(got[i] - gradient[i]) <= tolerance).ShouldBeTrue($"at {at[i]}: {got[i]}, expected {gradient[i]}");
    }

    const float Inf = float.PositiveInfinity;

    [Fact]
    public void Corner_Gradients_AreThoseOfPyTorch()
    {
        Has(x => x.Relu(), [-1, 0, -0f, 2], [0, 0, 0, 1]);
        Has(x => x.Abs(), [-1, 0, -0f, 2], [-1, 0, 0, 1]);
        Has(x => x.LeakyRelu(0.1), [-1, 0, 2], [0.1f, 0.1f, 1]);
        Has(x => x.Elu(), [0, 1], [1, 1]);
        Has(x => x.Clamp(-1, 1), [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]);
        Has(x => x.Hardtanh(), [-2, -1, 0, 1, 2], [0, 0, 1, 0, 0]);
        Has(x => x.Relu6(), [0, 3, 6], [0, 1, 0]);
        Has(x => x.Maximum(0), [-1, 0, 1], [0, 0.5f, 1]);
        Has(x => x.Max(), [1, 3, 3], [0, 0.5f, 0.5f]);
        Has(x => x.Max(0), [1, 3, 3], [0, 1, 0]);
        Has(x => x.Min(0), [1, 1, 3], [1, 0, 0]);
        Has(x => x.Amax([0]), [1, 3, 3], [0, 0.5f, 0.5f]);
        Has(x => x.Norm(), [0, 0], [0, 0]);
        Has(x => x.Norm(1), [0, -2], [0, -1]);
        Has(x => x.Std(), [2, 2], [0, 0]);
        Has(x => x.Pow(2), [0, 3], [0, 6]);
        Has(x => x.Pow(Tensor.From([1f, 2, 0])), [0, 0, 0], [1, 0, 0]);
        Has(x => x.Round() + x.Floor() + x.Ceil() + x.Sign(), [1.2f, -0.5f], [0, 0]);
        Has(x => x.Frac(), [1.2f, -0.5f], [1, 1]);
        Has(x => x.Fmod(2), [5, -5], [1, 1]);
        foreach (var odd in new Func<Tensor, Tensor>[] { x => x.Tanh(), x => x.Sinh(), x => x.Atan(), x => x.Asin(), x => x.Asinh(), x => x.Atanh(), x => x.Expm1(), x => x.Log1p() })
            Has(odd, [0, -0f], [1, 1]);
        Has(x => x.Erf(), [0, -0f], [1.1283792f, 1.1283792f]);
        Has(x => x.LogSigmoid(), [0], [0.5f]);
        Has(x => x.Asin(), [1, -1], [Inf, Inf]);
        Has(x => x.Sqrt(), [0], [Inf]);
    }

    [Fact]
    public void Overflow_Gradients_AreNotNaN()
    {
        Has(x => x.Tanh(), [-1000, 1000, -50, Inf], [0, 0, 0, 0]);
        Has(x => x.Sigmoid(), [-1000, -100, 100, 1000], [0, 0, 0, 0]);
        Has(x => x.Silu(), [-1000, 1000], [0, 1]);
        Has(x => x.Gelu(), [-1000, 1000], [0, 1]);
        Has(x => x.Gelu("tanh"), [-1000, 1000], [0, 1]);
        Has(x => x.Softplus(), [-1000, 1000], [0, 1]);
        Has(x => x.LogSigmoid(), [-1000, 1000], [1, 0]);
        Has(x => x.Elu(), [-1000, 1000], [0, 1]);
        Has(x => x.Mish(), [-1000, 1000], [0, 1]);
        Has(x => x.Exp(), [-1000, 1000, -Inf], [0, Inf, 0]);
        Has(x => x.Expm1(), [-1000, 1000], [0, Inf]);
        Has(x => x.Erf(), [-1000, 1000], [0, 0]);
        Has(x => x.Erfc(), [-1000, 1000], [0, 0]);
        Has(x => x.Atan(), [-1e20f, 1e20f, Inf], [0, 0, 0]);
        Has(x => x.Asinh(), [-1e20f, 1e20f], [0, 0]);
        Has(x => x.Acosh(), [1e20f], [0]);
        Has(x => x.Softmax(0)[0..1], [0, -Inf, 0], [0.25f, 0, -0.25f]);
        Has(x => x.LogSumExp(0), [1000, -Inf], [1, 0]);
    }

    [Fact]
    public void Atan2_Gradient_MatchesDifferences() =>
        GradientCheck.First(x => x[0].Atan2(x[1]), GradientCheck.Values(1, -2.0, 2.0, 9), GradientCheck.Values(2, -2.0, 2.0, 9));

    [Fact]
    public void Pow_TwoTensors_MatchesDifferences() =>
        GradientCheck.First(x => x[0].Pow(x[1]), GradientCheck.Values(1, 0.5, 2, 9), GradientCheck.Values(2, -2.0, 2.0, 9));

    [Fact]
    public void Glu_Gradient_MatchesDifferences() => GradientCheck.First(x => x[0].Glu(), GradientCheck.Values(1, 3, 4));

    [Fact]
    public void Indexing_Gradients_MatchDifferences()
    {
        var x = GradientCheck.Values(1, 3, 4, 5);
        GradientCheck.First(x => x[0][1..^1, Dim.Every(2), ^1], x);
        GradientCheck.First(x => x[0][.., Dim.Slice(null, null, -3)], x);
        GradientCheck.First(x => x[0][Tensor.From([0, 2, 0]), .., Tensor.From([1, -1, 1])], x);
        GradientCheck.First(x => x[0][Tensor.From([true, false, true])], x);
        GradientCheck.First(x => x[0].Gather(1, Tensor.From([3, 0, 3, 1], 1, 2, 2)), x);
        GradientCheck.First(x => x[0].Diagonal(1, 1, 2), x);
        GradientCheck.First(x => Tensor.Cat([x[0], x[1]], 1).Roll(1, 0), GradientCheck.Values(1, 2, 3), GradientCheck.Values(2, 2, 2));
        GradientCheck.First(x => x[0].Pad([1, 2, 0, 1], PadMode.Replicate), GradientCheck.Values(1, 2, 3));
        GradientCheck.First(x => x[0].Pad([1, 1], PadMode.Reflect), GradientCheck.Values(1, 2, 3));
    }

    [Fact]
    public void Assignment_Gradients_ReachBothSides()
    {
        foreach (var index in new TensorIndex[][] { [1..3, 2], [Dim.All, Dim.Every(2)], [Tensor.From([0, 2])], [Tensor.From([0, 2]), Tensor.From([1, 3])], [GradientCheck.Values(5, 4, 4) > 0] })
            GradientCheck.First(x =>
            {
                var y = x[0] * 1;
                y[index] = x[1];
                return y;
            }, GradientCheck.Values(1, 4, 4), GradientCheck.Values(2, 1));
    }
}
