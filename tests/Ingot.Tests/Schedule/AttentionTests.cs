using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Schedule;

/// <summary>Attention written naively, in float32, becomes kernels over blocks of rows; the same in float64 does not, and is what it is compared with.</summary>
[Collection(nameof(ProcessWide))]
public class AttentionTests
{
    /// <summary>What stands between the scores and the softmax: (scores, first operand's extra tensor) to scores.</summary>
    public delegate Tensor Change(Tensor scores, Tensor extra);

    static Tensor Positions(Tensor scores, int dim, DType t)
    {
        int[] shape = Enumerable.Repeat(1, scores.Rank).ToArray();
        shape[scores.Rank + dim] = scores.Shape[scores.Rank + dim];
        return Tensor.Arange(scores.Shape[scores.Rank + dim], dtype: t).Reshape(shape);
    }

    static Tensor Causal(Tensor s) => (Positions(s, -2, DType.I32) >= Positions(s, -1, DType.I32)).Where(s, double.NegativeInfinity);

    static readonly Dictionary<string, Change> Changes = new()
    {
        ["plain"] = (s, _) => s * 0.125,
        ["causal"] = (s, _) => Causal(s * 0.2),
        ["causal, what is hidden"] = (s, _) => (Positions(s, -2, DType.I32) < Positions(s, -1, DType.I32)).Where(double.NegativeInfinity, s * 0.2),
        ["window, what is hidden"] = (s, _) => ((Positions(s, -2, DType.I32) < Positions(s, -1, DType.I32)) | ((Positions(s, -2, DType.I32) - Positions(s, -1, DType.I32)) > 8)).Where(double.NegativeInfinity, s),
        ["window"] = (s, _) => ((Positions(s, -2, DType.I32) - Positions(s, -1, DType.I32)) < 9).Where(Causal(s), double.NegativeInfinity),
        ["alibi"] = (s, _) => Causal(s + (Positions(s, -1, DType.I32) - Positions(s, -2, DType.I32)).To(s.DType) * 0.1),
        ["soft cap"] = (s, _) => Causal((s / 3).Tanh() * 3),
        ["learned bias"] = (s, bias) => s + bias,
        ["boolean mask in memory"] = (s, mask) => ((mask > -0.5) | Positions(s, -2, DType.I32).Eq(Positions(s, -1, DType.I32))).Where(s, double.NegativeInfinity),
    };

    public static TheoryData<string, int[], int, int> Cases()
    {
        var data = new TheoryData<string, int[], int, int>();
        foreach (string change in Changes.Keys)
        {
            data.Add(change, [2, 3], 40, 16);
            data.Add(change, [2], 67, 32);
        }
        data.Add("causal", [1, 2], 300, 64);
        data.Add("causal", [3], 17, 48);
        data.Add("causal", [1], 5, 16);
        data.Add("window", [1, 2], 600, 16);
        data.Add("plain", [2], 33, 20); // no whole vectors in a head: not fused, and still right
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Attention_ForwardAndBackward_IsTheNaiveOneInDouble(string change, int[] batch, int length, int head)
    {
        var random = new Random(length + head);
        double[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextDouble() * 2 - 1)];
        int heads = batch.Aggregate(1, (a, b) => a * b);
        double[][] values = [Values(heads * length * head), Values(heads * length * head), Values(heads * length * head), Values(heads * length * head), Values(length * length)];

        double[][] Run(DType t)
        {
            Tensor Of(int i, params int[] shape) => Tensor.From(values[i]).To(t).Reshape(shape).Realize();
            Tensor q = Of(0, [.. batch, length, head]).WithGrad(), k = Of(1, [.. batch, length, head]).WithGrad(), v = Of(2, [.. batch, length, head]).WithGrad();
            var extra = Of(4, length, length);
            if (change == "learned bias") extra = extra.WithGrad();
            var o = Changes[change](q.Matmul(k.Transpose(-1, -2)), extra).Softmax(-1).Matmul(v);
            (o * Of(3, [.. batch, length, head])).Sum().Backward();
            Tensor[] results = [o, q.Grad!, k.Grad!, v.Grad!, .. extra.Grad is { } g ? new[] { g } : []];
            Tensor.Realize(results);
            return Array.ConvertAll(results, r => r.To(DType.F64).ToArray<double>());
        }

        var expected = Run(DType.F64);
        var actual = Run(DType.F32);
        actual.Length.ShouldBe(expected.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            // Errors of float32 sums, relative to the largest result: all values are of the order of one.
            double scale = expected[i].Max(Math.Abs), worst = expected[i].Zip(actual[i], (a, b) => Math.Abs(a - b)).Max();
            worst.ShouldBeLessThan(2e-6 * Math.Max(scale, 1) * Math.Sqrt(length), $"result {i}");
        }
    }

    [Theory]
    [InlineData(IsaLevel.Vector128)]
    [InlineData(IsaLevel.Avx2)]
    [InlineData(IsaLevel.Avx512)]
    public void Attention_AtEachLevel_IsTheNaiveOneInDouble(IsaLevel level)
    {
        var before = Settings.Isa;
        Cpu.Level = level;
        Realizer.Clear();
        try { Attention_ForwardAndBackward_IsTheNaiveOneInDouble("causal", [2], 150, 32); }
        finally
        {
            Settings.Isa = before;
            Realizer.Clear();
        }
    }

    [Fact]
    public void Attention_GroupedQueries_IsTheNaiveOneInDouble()
    {
        double[][] Run(DType t)
        {
            Tensor Of(int seed, params int[] shape) => (Tensor.Arange(shape.Aggregate(1, (a, b) => a * b), dtype: DType.F64) * (0.37 + seed) + seed).Sin().To(t).Reshape(shape).Realize();
            Tensor q = Of(0, 2, 2, 3, 40, 16).WithGrad(), k = Of(1, 2, 2, 1, 40, 16).WithGrad(), v = Of(2, 2, 2, 1, 40, 16).WithGrad();
            var o = Causal(q.Matmul(k.Transpose(-1, -2)) * 0.25).Softmax(-1).Matmul(v);
            (o * Of(3, 2, 2, 3, 40, 16)).Sum().Backward();
            Tensor[] results = [o, q.Grad!, k.Grad!, v.Grad!];
            Tensor.Realize(results);
            return Array.ConvertAll(results, r => r.To(DType.F64).ToArray<double>());
        }
        var expected = Run(DType.F64);
        var actual = Run(DType.F32);
        for (int i = 0; i < expected.Length; i++) expected[i].Zip(actual[i], (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(2e-5, $"result {i}");
        NamesOf(Realizer.LastPlan!).ShouldAllBe(n => !n.EndsWith("40x40"));
    }

    static IEnumerable<string> NamesOf(Plan plan) => plan.Describe().Select(l => l.Name);

    [Fact]
    public void Attention_Forward_IsOneKernelWithoutScoresInMemory()
    {
        Tensor Of() => Tensor.Randn(1, 4, 256, 32).Realize();
        var o = Of().ScaledDotProductAttention(Of(), Of(), isCausal: true).Realize();
        Realizer.LastPlan!.KernelCount.ShouldBe(1);
        o.ToArray<float>().ShouldAllBe(x => float.IsFinite(x));
    }

    [Fact]
    public void Attention_ForwardAndBackward_IsThreeKernelsAndWhatTheLossTakes()
    {
        Tensor q = Tensor.Randn(1, 4, 256, 32).Realize().WithGrad(), k = Tensor.Randn(1, 4, 256, 32).Realize().WithGrad(), v = Tensor.Randn(1, 4, 256, 32).Realize().WithGrad();
        q.ScaledDotProductAttention(k, v, isCausal: true).Square().Sum().Backward();
        Tensor.Realize([q.Grad!, k.Grad!, v.Grad!]);
        NamesOf(Realizer.LastPlan!).Count(n => n.StartsWith("rows_", StringComparison.Ordinal)).ShouldBe(3);
        NamesOf(Realizer.LastPlan!).ShouldAllBe(n => !n.EndsWith("256x256"));
    }

    [Theory]
    [InlineData("causal")]
    [InlineData("causal, what is hidden")]
    [InlineData("window")]
    [InlineData("window, what is hidden")]
    [InlineData("alibi")]
    [InlineData("soft cap")]
    public void Attention_UnderAMaskOfIndices_LeavesOutWhatItHides(string change)
    {
        Tensor Of() => Tensor.Randn(2, 100, 16).Realize();
        Changes[change](Of().Matmul(Of().Transpose(-1, -2)), Of()).Softmax(-1).Matmul(Of()).Realize();
        Realizer.LastPlan!.Recipes.Single().ShouldContain("masked positions skipped");
    }

    /// <summary>What is behind the mask is not computed: no value of it reaches a result.</summary>
    [Fact]
    public void Attention_CausalMask_SkipsWhatItHides()
    {
        var q = Tensor.Randn(1, 200, 16).Realize();
        var k = Tensor.Randn(1, 200, 16).Realize();
        var v = Tensor.Randn(1, 200, 16).Realize();
        var spoiled = (Tensor.Arange(200).Reshape(1, 200, 1) >= 160).Where(double.NaN, v).Realize();
        var plain = q.ScaledDotProductAttention(k, v, isCausal: true).ToArray<float>();
        var other = q.ScaledDotProductAttention(k, spoiled, isCausal: true).ToArray<float>();
        // The first 96 rows are blocks that end before position 160 at every vector width.
        other.AsSpan(0, 96 * 16).SequenceEqual(plain.AsSpan(0, 96 * 16)).ShouldBeTrue();
    }

    [Fact]
    public void Attention_WeightsAskedFor_GivesThemToo()
    {
        var q = Tensor.Randn(2, 40, 16).Realize();
        var weights = (q.Matmul(q.Transpose(-1, -2)) * 0.25).Softmax(-1);
        var o = weights.Matmul(q);
        Tensor.Realize([weights, o]);
        weights.Sum(-1).ToArray<float>().ShouldAllBe(s => Math.Abs(s - 1) < 1e-5);
        (o - weights.Matmul(q)).Abs().Max().Item<float>().ShouldBeLessThan(1e-5f);
    }

    [Fact]
    public void Attention_AnyThreads_GivesTheSameBits()
    {
        Tensor q = Tensor.Randn(2, 100, 32).Realize().WithGrad(), k = Tensor.Randn(2, 100, 32).Realize().WithGrad(), v = Tensor.Randn(2, 100, 32).Realize().WithGrad();
        float[][] Run()
        {
            q.Grad = k.Grad = v.Grad = null;
            var o = q.ScaledDotProductAttention(k, v, isCausal: true);
            o.Square().Sum().Backward();
            Tensor.Realize([o, q.Grad!, k.Grad!, v.Grad!]);
            return [o.ToArray<float>(), q.Grad!.ToArray<float>(), k.Grad!.ToArray<float>(), v.Grad!.ToArray<float>()];
        }
        var first = Run();
        int threads = WorkerPool.Threads;
        try
        {
            foreach (int n in new[] { 1, 3 })
            {
                WorkerPool.Threads = n;
                var again = Run();
                for (int i = 0; i < first.Length; i++) again[i].ShouldBe(first[i]);
            }
        }
        finally { WorkerPool.Threads = threads; }
    }
}
