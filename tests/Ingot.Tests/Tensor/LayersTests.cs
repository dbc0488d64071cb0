using Ingot.Graph;
using Ingot.Tests.Autograd;
using Ingot.Tests.Runtime;

namespace Ingot.Tests;

[Collection(nameof(ProcessWide))] // the random stream is the process's
public class LayersTests
{
    static Tensor V(int seed, params int[] shape) => GradientCheck.Values(seed, shape);

    static void ShouldBeNear(IReadOnlyList<double> actual, IReadOnlyList<double> expected, double tolerance = 1e-10)
    {
        actual.Count.ShouldBe(expected.Count);
        for (int i = 0; i < actual.Count; i++) actual[i].ShouldBe(expected[i], tolerance);
    }

    /// <summary>Groups of elements, each brought to mean 0 and variance 1; keyOf tells the group of an element.</summary>
    static double[] Standardized(double[] x, Func<int, int> keyOf, double epsilon)
    {
        var result = new double[x.Length];
        foreach (var group in Enumerable.Range(0, x.Length).GroupBy(keyOf))
        {
            double mean = group.Average(i => x[i]), variance = group.Average(i => (x[i] - mean) * (x[i] - mean));
            foreach (int i in group) result[i] = (x[i] - mean) / Math.Sqrt(variance + epsilon);
        }
        return result;
    }

    [Fact]
    public void LayerNorm_OverTheWeightsDimensions_IsStandardizedAndAffine()
    {
        Tensor x = V(1, 2, 3, 4), w = V(2, 3, 4), b = V(3, 3, 4);
        double[] z = Standardized(x.ToArray<double>(), i => i / 12, 1e-5), g = w.ToArray<double>(), c = b.ToArray<double>();
        ShouldBeNear(x.LayerNorm(w, b).ToArray<double>(), [.. z.Select((v, i) => v * g[i % 12] + c[i % 12])]);
        ShouldBeNear(x.LayerNorm(epsilon: 0.1).ToArray<double>(), Standardized(x.ToArray<double>(), i => i / 4, 0.1));
        GradientCheck.Second(t => t[0].LayerNorm(t[1], t[2]), V(1, 2, 3), V(2, 3), V(3, 3));
        Should.Throw<ShapeException>(() => x.LayerNorm(V(1, 3))).Message.ShouldContain("(2, 3, 4)");
    }

    [Fact]
    public void LayerNorm_IsASmallGraph()
    {
        Tensor x = V(1, 2, 8), w = V(2, 8), b = V(3, 8);
        Build.TopologicalOrder([x.LayerNorm(w, b).Node]).Count.ShouldBeLessThan(32);
    }

    [Fact]
    public void RmsNorm_DividesByTheRootMeanSquare()
    {
        Tensor x = V(1, 2, 4), w = V(2, 4);
        double[] a = x.ToArray<double>(), g = w.ToArray<double>();
        var expected = a.Select((v, i) => v / Math.Sqrt(a[(i / 4 * 4)..(i / 4 * 4 + 4)].Average(u => u * u) + 1e-5) * g[i % 4]);
        ShouldBeNear(x.RmsNorm(w).ToArray<double>(), [.. expected]);
        GradientCheck.Second(t => t[0].RmsNorm(t[1]), V(1, 2, 4), V(2, 4));
    }

    [Fact]
    public void Norms_OfHalfPrecision_RoundOnce()
    {
        var x = V(1, 2, 64).To(DType.F32) * 300f; // squares overflow float16
        var half = x.To(DType.F16).LayerNorm();
        half.DType.ShouldBe(DType.F16);
        half.ToArray<double>().Zip(x.To(DType.F16).To(DType.F32).LayerNorm().ToArray<double>()).ShouldAllBe(p => Math.Abs(p.First - p.Second) < 2e-3);
    }

    [Fact]
    public void GroupNorm_StandardizesEachGroup()
    {
        Tensor x = V(1, 2, 4, 3), w = V(2, 4), b = V(3, 4);
        double[] z = Standardized(x.ToArray<double>(), i => i / 6, 1e-5), g = w.ToArray<double>(), c = b.ToArray<double>();
        ShouldBeNear(x.GroupNorm(2, w, b).ToArray<double>(), [.. z.Select((v, i) => v * g[i / 3 % 4] + c[i / 3 % 4])]);
        GradientCheck.First(t => t[0].GroupNorm(2, t[1], t[2]), x, w, b);
        Should.Throw<ShapeException>(() => x.GroupNorm(3)).Message.ShouldContain("3 groups");
    }

    [Theory]
    [InlineData(new[] { 5, 3 }), InlineData(new[] { 2, 3, 4 }), InlineData(new[] { 2, 3, 2, 2 })]
    public void BatchNorm_InTraining_MeasuresAndRemembers(int[] shape)
    {
        Tensor x = V(1, shape), w = V(2, 3), b = V(3, 3), mean = Tensor.Zeros([3], DType.F64), variance = Tensor.Ones([3], DType.F64);
        int inner = shape.Skip(2).Aggregate(1, (p, d) => p * d);
        int Channel(int i) => i / inner % 3;
        double[] a = x.ToArray<double>(), z = Standardized(a, Channel, 1e-5), g = w.ToArray<double>(), c = b.ToArray<double>();
        var y = x.BatchNorm(mean, variance, w, b, training: true);
        ShouldBeNear(y.ToArray<double>(), [.. z.Select((v, i) => v * g[Channel(i)] + c[Channel(i)])]);
        for (int k = 0; k < 3; k++)
        {
            var channel = a.Where((_, i) => Channel(i) == k).ToArray();
            double m = channel.Average();
            mean.ToArray<double>()[k].ShouldBe(0.1 * m, 1e-12);
            variance.ToArray<double>()[k].ShouldBe(0.9 + 0.1 * channel.Sum(v => (v - m) * (v - m)) / (channel.Length - 1), 1e-12);
        }
        GradientCheck.First(t => t[0].BatchNorm(null, null, t[1], t[2], training: true), x, w, b);
    }

    [Fact]
    public void BatchNorm_InUse_TakesTheRunningStatistics()
    {
        Tensor x = V(1, 2, 3), mean = V(2, 3), variance = GradientCheck.Values(3, 0.5, 2.0, 3);
        double[] a = x.ToArray<double>(), m = mean.ToArray<double>(), v = variance.ToArray<double>();
        ShouldBeNear(x.BatchNorm(mean, variance).ToArray<double>(), [.. a.Select((u, i) => (u - m[i % 3]) / Math.Sqrt(v[i % 3] + 1e-5))]);
        GradientCheck.First(t => t[0].BatchNorm(mean, variance), x);
        Should.Throw<IngotException>(() => x.BatchNorm(null, null)).Message.ShouldContain("running statistics");
        Should.Throw<ShapeException>(() => x.BatchNorm(V(1, 4), variance)).Message.ShouldContain("(4,)");
    }

    [Fact]
    public void BatchNorm_RunningStatistics_AreComputedWithTheLoss()
    {
        Tensor x = V(1, 4, 3).WithGrad(), mean = Tensor.Zeros([3], DType.F64), variance = Tensor.Ones([3], DType.F64);
        var loss = x.BatchNorm(mean, variance, training: true).Square().Sum();
        loss.Backward();
        loss.Realize();
        mean.Node.Op.ShouldBe(Op.Buffer);
        variance.Node.Op.ShouldBe(Op.Buffer);
    }

    [Theory]
    [InlineData(DType.I32), InlineData(DType.I64), InlineData(DType.U8)]
    public void Embedding_LooksUpRows(DType dtype)
    {
        var ids = Tensor.From([0, 2, 2, 1], 2, 2).To(dtype);
        var w = V(1, 3, 2);
        double[] t = w.ToArray<double>();
        var y = ids.Embedding(w);
        y.Shape.ShouldBe(new Shape(2, 2, 2));
        y.ToArray<double>().ShouldBe([t[0], t[1], t[4], t[5], t[4], t[5], t[2], t[3]]);
        GradientCheck.First(p => ids.Embedding(p[0]), w);
    }

    [Fact]
    public void Embedding_OfWrongNumbersOrTypes_SaysSo()
    {
        Should.Throw<TensorIndexException>(() => Tensor.From([3]).Embedding(V(1, 3, 2)).Realize()).Message.ShouldContain("index 3");
        Should.Throw<DTypeException>(() => Tensor.From([1f]).Embedding(V(1, 3, 2))).Message.ShouldContain("f32");
    }

    [Fact]
    public void Dropout_KeepsTheExpectationAndItsMaskInTheGradient()
    {
        var x = Tensor.Ones(10_000).WithGrad();
        var y = x.Dropout(0.25);
        y.Sum().Backward();
        var values = y.ToArray<float>();
        values.Distinct().Order().ShouldBe([0, 1 / 0.75f]);
        values.Average().ShouldBe(1, 0.03);
        x.Grad!.ToArray<float>().ShouldBe(values);
        x.Dropout(0.25).ToArray<float>().ShouldNotBe(values);
        x.Dropout(0.25, training: false).ShouldBeSameAs(x);
        x.Dropout(1).ToArray<float>().ShouldAllBe(v => v == 0);
        Should.Throw<IngotException>(() => x.Dropout(1.5)).Message.ShouldContain("1.5");
    }

    /// <summary>softmax(q k^T scale) v for each of the leading rows, by the definition; isSeen says which positions take part.</summary>
    static double[] Attended(Tensor q, Tensor k, Tensor v, double scale, Func<int, int, bool> isSeen)
    {
        int l = q.Shape[^2], s = k.Shape[^2], d = q.Shape[^1], e = v.Shape[^1];
        double[] a = q.ToArray<double>(), b = k.ToArray<double>(), c = v.ToArray<double>();
        var result = new List<double>();
        for (int n = 0; n < q.Count / (l * d); n++)
            for (int i = 0; i < l; i++)
            {
                var weights = Enumerable.Range(0, s).Select(j => isSeen(i, j) ? Math.Exp(scale * Enumerable.Range(0, d).Sum(m => a[(n * l + i) * d + m] * b[(n * s + j) * d + m])) : 0).ToArray();
                for (int m = 0; m < e; m++) result.Add(Enumerable.Range(0, s).Sum(j => weights[j] * c[(n * s + j) * e + m]) / weights.Sum());
            }
        return [.. result];
    }

    [Fact]
    public void Attention_WithAndWithoutMasks_IsTheWeightedMean()
    {
        Tensor q = V(1, 2, 2, 3, 4), k = V(2, 2, 2, 5, 4), v = V(3, 2, 2, 5, 2);
        ShouldBeNear(q.ScaledDotProductAttention(k, v).ToArray<double>(), Attended(q, k, v, 0.5, (_, _) => true));
        ShouldBeNear(q.ScaledDotProductAttention(k, v, isCausal: true, scale: 2).ToArray<double>(), Attended(q, k, v, 2, (i, j) => j <= i));
        var odd = Tensor.Arange(5) % 2;
        ShouldBeNear(q.ScaledDotProductAttention(k, v, odd.Eq(0)).ToArray<double>(), Attended(q, k, v, 0.5, (_, j) => j % 2 == 0));
        ShouldBeNear(q.ScaledDotProductAttention(k, v, odd.To(DType.F64) * -1e9).ToArray<double>(), Attended(q, k, v, 0.5, (_, j) => j % 2 == 0));
        GradientCheck.First(t => t[0].ScaledDotProductAttention(t[1], t[2], isCausal: true), V(1, 1, 3, 2), V(2, 1, 3, 2), V(3, 1, 3, 2));
        Should.Throw<ShapeException>(() => q.ScaledDotProductAttention(V(1, 5, 3), v)).Message.ShouldContain("(5, 3)");
    }

    [Fact]
    public void ScaledDotProductAttention_WithDropout_DropsWeightsAndScalesTheOthers()
    {
        Tensor.ManualSeed(5);
        Tensor q = Tensor.Zeros(64, 8), v = Tensor.Eye(64); // each weight 1/64; the values show them
        float[] weights = q.ScaledDotProductAttention(q, v, dropoutP: 0.25).ToArray<float>();
        weights.Distinct().Count().ShouldBe(2);
        weights.Max().ShouldBe(1 / 64f / 0.75f, 1e-7f);
        weights.Count(w => w == 0).ShouldBeInRange(900, 1150); // 1024 of 4096, standard deviation 28
        q.ScaledDotProductAttention(q, v, dropoutP: 0).ToArray<float>().ShouldBe(q.ScaledDotProductAttention(q, v).ToArray<float>());
        Should.Throw<IngotException>(() => q.ScaledDotProductAttention(q, v, dropoutP: 1.5)).Message.ShouldContain("1.5");
    }

    [Fact]
    public void InstanceNorm_ThatCannotMeasure_NamesTheShape()
    {
        Should.Throw<ShapeException>(() => Tensor.Rand(2, 3).InstanceNorm()).Message.ShouldContain("(2, 3)");
        Should.Throw<ShapeException>(() => Tensor.Rand(2, 3, 1).InstanceNorm()).Message.ShouldContain("(2, 3, 1)");
        Should.Throw<ShapeException>(() => Tensor.Rand(2, 3, 4).InstanceNorm(weight: Tensor.Ones(4))).Message.ShouldContain("(4,)");
        Should.Throw<IngotException>(() => Tensor.Rand(2, 3, 4).InstanceNorm(useInputStats: false)).Message.ShouldContain("running statistics");
    }
}
