using Ingot.Tests.Runtime;

namespace Ingot.Tests;

[Collection(nameof(ProcessWide))] // the random stream is the process's
public class RandomTests
{
    [Fact]
    public void ManualSeed_SameSeed_SameNumbers()
    {
        float[] Draw(ulong seed)
        {
            Tensor.ManualSeed(seed);
            return [.. Tensor.Rand(5).ToArray<float>(), .. Tensor.Randn(5).ToArray<float>()];
        }
        Draw(1).ShouldBe(Draw(1));
        Draw(1).ShouldNotBe(Draw(2));
    }

    [Fact]
    public void RandomState_Restored_ContinuesTheStream()
    {
        Tensor.ManualSeed(3);
        Tensor.Rand(7).Realize();
        var state = Tensor.RandomState;
        var first = Tensor.Randn(6).ToArray<float>();
        Tensor.Rand(100).Realize();
        Tensor.RandomState = state;
        Tensor.Randn(6).ToArray<float>().ShouldBe(first);
        state.ShouldBe(new RandomState(3, 7));
    }

    [Fact]
    public void Rand_Numbers_AreUniformAndDistinct()
    {
        Tensor.ManualSeed(4);
        var x = Tensor.Rand(20000).ToArray<float>();
        x.ShouldAllBe(v => v >= 0 && v < 1);
        x.Average().ShouldBe(0.5f, 0.01f);
        x.Count(v => v < 0.1).ShouldBeInRange(1800, 2200);
        Tensor.Rand(8).ToArray<float>().ShouldNotBe(Tensor.Rand(8).ToArray<float>());
        foreach (var dtype in new[] { DType.F16, DType.BF16, DType.F64 })
            Tensor.Rand([5000], dtype).ToArray<double>().ShouldAllBe(v => v >= 0 && v < 1);
    }

    [Fact]
    public void Randn_Moments_AreNormal()
    {
        Tensor.ManualSeed(5);
        var x = Tensor.Randn(40000).ToArray<float>();
        x.ShouldAllBe(v => float.IsFinite(v));
        x.Average().ShouldBe(0, 0.02f);
        x.Average(v => v * v).ShouldBe(1, 0.03f);
        x.Average(v => v * v * v).ShouldBe(0, 0.08f);
        x.Average(v => v * v * v * v).ShouldBe(3, 0.2f);
        Tensor.Normal([40000], 3, 0.5).Mean().Item<float>().ShouldBe(3, 0.02f);
    }

    [Fact]
    public void RandInt_Interval_IsCoveredEvenly()
    {
        Tensor.ManualSeed(6);
        var x = Tensor.RandInt(-2, 3, [10000]).ToArray<long>();
        for (int v = -2; v < 3; v++) x.Count(i => i == v).ShouldBeInRange(1800, 2200);
        x.ShouldAllBe(i => i >= -2 && i < 3);
        Should.Throw<TensorIndexException>(() => Tensor.RandInt(3, 3, [1]));
    }

    [Fact]
    public void Initialisers_Bounds_AreTheirFormulas()
    {
        Tensor.ManualSeed(7);
        var k = Tensor.KaimingUniform([64, 4, 3, 3], Math.Sqrt(5)).ToArray<float>();
        k.Max(Math.Abs).ShouldBe((float)Math.Sqrt(1.0 / 36), 0.002f);
        var g = Tensor.GlorotUniform([50, 30]).ToArray<float>();
        g.Max(Math.Abs).ShouldBe((float)Math.Sqrt(6.0 / 80), 0.003f);
        Should.Throw<ShapeException>(() => Tensor.GlorotUniform([5]));
    }

    [Fact]
    public void RandPerm_Numbers_EachOnce()
    {
        Tensor.ManualSeed(8);
        var p = Tensor.RandPerm(100).ToArray<long>();
        p.Order().ShouldBe(Enumerable.Range(0, 100).Select(i => (long)i));
        p.ShouldNotBe([.. p.Order()]);
    }

    [Fact]
    public void Multinomial_Frequencies_FollowTheWeights()
    {
        Tensor.ManualSeed(9);
        var drawn = Tensor.From([1f, 0, 3, 6]).Multinomial(10000, replacement: true).ToArray<long>();
        drawn.Count(i => i == 0).ShouldBeInRange(850, 1150);
        drawn.Count(i => i == 1).ShouldBe(0);
        drawn.Count(i => i == 2).ShouldBeInRange(2800, 3200);
    }

    [Fact]
    public void Multinomial_WithoutReplacement_DrawsEachOnce()
    {
        Tensor.ManualSeed(10);
        var weights = Tensor.From(new float[,] { { 1, 0, 3, 6 } }).Expand(5000, 4);
        var drawn = weights.Multinomial(3).ToArray<long>();
        for (int i = 0; i < 5000; i++) drawn[(i * 3)..(i * 3 + 3)].Order().ShouldBe([0L, 2, 3]);
        Enumerable.Range(0, 5000).Count(i => drawn[i * 3] == 3).ShouldBeInRange(2850, 3150);
        Should.Throw<ShapeException>(() => Tensor.From([1f, 2]).Multinomial(3));
    }
}
