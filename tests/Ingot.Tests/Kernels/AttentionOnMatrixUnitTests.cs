using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Kernels;

/// <summary>Attention in bf16 at the matrix unit's level (emulated, to the bit, where the machine has none), against float64.</summary>
[Collection(nameof(ProcessWide))]
public sealed class AttentionOnMatrixUnitTests : IDisposable
{
    readonly IsaLevel? before = Settings.Isa;

    public AttentionOnMatrixUnitTests()
    {
        Settings.Isa = IsaLevel.Amx;
        Realizer.Clear();
    }

    public void Dispose()
    {
        Settings.Isa = before;
        Realizer.Clear();
    }

    /// <summary>Mask, queries, keys, head, query heads that share keys: whole tiles and rests of rows, positions, heads; more positions than are packed at once.</summary>
    public static TheoryData<string, int, int, int, int> Cases => new()
    {
        { "none", 64, 64, 64, 1 }, { "none", 33, 33, 16, 1 }, { "none", 49, 49, 40, 1 }, { "none", 50, 90, 16, 1 }, { "none", 160, 195, 128, 2 },
        { "causal", 64, 64, 32, 1 }, { "causal", 83, 83, 80, 1 }, { "causal", 100, 100, 64, 2 }, { "causal", 330, 330, 40, 1 }, { "causal", 600, 600, 16, 1 },
        { "window", 100, 100, 64, 1 }, { "window", 330, 330, 32, 1 }, { "window", 130, 130, 96, 2 },
    };

    sealed record Problem(string Mask, int Queries, int Keys, int Head, int Group)
    {
        /// <summary>Values that bf16 holds.</summary>
        Tensor Of(int seed, DType t, params int[] shape)
        {
            var random = new Random(seed);
            return Tensor.From([.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b)).Select(_ => (double)(float)(BFloat16)(float)(random.NextDouble() * 2 - 1))]).To(t).Reshape(shape).Realize();
        }

        public Tensor Q(DType t) => Of(1, t, 2, Group, Queries, Head);
        public Tensor K(DType t) => Of(2, t, 2, 1, Keys, Head);
        public Tensor V(DType t) => Of(3, t, 2, 1, Keys, Head);
        public Tensor Slope(DType t) => Of(4, t, 2, Group, Queries, Head);
        public double Scale { get; } = 1 / Math.Sqrt(Head);

        public Tensor Weights(Tensor q, Tensor k)
        {
            var scores = q.Matmul(k.Transpose(-1, -2)) * Scale;
            Tensor row = Tensor.Arange(Queries).Reshape(Queries, 1), column = Tensor.Arange(Keys);
            if (Mask != "none") scores = (row >= column).Where(scores, double.NegativeInfinity);
            if (Mask == "window") scores = (row - column < 40).Where(scores, double.NegativeInfinity);
            return scores.Softmax(-1);
        }

        /// <summary>The output and the gradients of its operands.</summary>
        public Tensor[] Run(DType t, bool inBf16)
        {
            Tensor q = Q(t).WithGrad(), k = K(t).WithGrad(), v = V(t).WithGrad(), slope = Slope(t);
            Tensor o;
            using (inBf16 ? Precision.Bf16() : null) o = Weights(q, k).Matmul(v);
            o.Backward(slope);
            Tensor[] results = [o, q.Grad!, k.Grad!, v.Grad!];
            Tensor.Realize(results);
            return results;
        }
    }

    static string[] RowBlocks => [.. Realizer.LastPlan!.Recipes.Where(r => r.Contains("blocks of") && r.Contains("rows"))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Attention_InBf16_IsWithinItsRoundingsOfFloat64(string mask, int queries, int keys, int head, int group)
    {
        var problem = new Problem(mask, queries, keys, head, group);
        var actual = problem.Run(DType.F32, inBf16: true).Select(r => r.ToArray<float>()).ToArray();
        RowBlocks.Length.ShouldBeGreaterThanOrEqualTo(2);
        RowBlocks.ShouldAllBe(r => r.Contains("matrix unit"));
        if (mask != "none" && group == 1) RowBlocks.ShouldAllBe(r => r.Contains("masked positions skipped"));

        var expected = problem.Run(DType.F64, inBf16: false).Select(r => r.ToArray<double>()).ToArray();
        // Operands are numbers of bf16, so only the weights and the gradient of the scores are rounded, by a relative 2^-8 each; what they are multiplied with adds that up.
        Tensor q = problem.Q(DType.F64), k = problem.K(DType.F64), v = problem.V(DType.F64), slope = problem.Slope(DType.F64), p = problem.Weights(q, k);
        var dp = slope.Matmul(v.Transpose(-1, -2));
        var ds = (p * (dp - (dp * p).Sum(-1, keepDim: true)) * problem.Scale).Abs();
        Tensor[] sums = [p.Matmul(v.Abs()), ds.Matmul(k.Abs()), ds.Transpose(-1, -2).Matmul(q.Abs()).Sum(1, keepDim: true), p.Transpose(-1, -2).Matmul(slope.Abs()).Sum(1, keepDim: true)];
        for (int i = 0; i < sums.Length; i++)
        {
            // float32 on the way: exp of a score whose sum of products is off by head roundings of 2^-24, and a difference of gradients.
            double[] bound = [.. sums[i].ToArray<double>().Select(s => s * (Math.ScaleB(1, -8) + (head + 64) * Math.ScaleB(1, -23)) + 2e-6 * group)];
            for (int e = 0; e < bound.Length; e++)
                if (!(Math.Abs(actual[i][e] - expected[i][e]) <= bound[e])) actual[i][e].ShouldBe((float)expected[i][e], $"result {i}, element {e}, bound {bound[e]}");
        }
    }

    [Theory]
    [InlineData("causal", 70, 64)]
    [InlineData("window", 96, 40)]
    public void Attention_OfBf16Tensors_IsOnTheUnitAndWhatTheInterpreterGives(string mask, int length, int head)
    {
        int verify = Settings.Verify;
        Settings.Verify = 1;
        try
        {
            new Problem(mask, length, length, head, 1).Run(DType.BF16, inBf16: false);
            RowBlocks.Length.ShouldBeGreaterThanOrEqualTo(2);
            RowBlocks.ShouldAllBe(r => r.Contains("matrix unit") && r.Contains("masked positions skipped"));
        }
        finally
        {
            Settings.Verify = verify;
        }
    }

    [Fact]
    public void Attention_AnyThreads_GivesTheSameBits()
    {
        var problem = new Problem("causal", 150, 150, 64, 1);
        int threads = WorkerPool.Threads;
        try
        {
            WorkerPool.Threads = 1;
            var one = problem.Run(DType.F32, inBf16: true);
            WorkerPool.Threads = 4;
            var four = problem.Run(DType.F32, inBf16: true);
            for (int i = 0; i < one.Length; i++) four[i].ToArray<float>().ShouldBe(one[i].ToArray<float>());
        }
        finally
        {
            WorkerPool.Threads = threads;
        }
    }

    /// <summary>Tiles behind the mask are not multiplied: what is there reaches nothing.</summary>
    [Fact]
    public void Attention_CausalMask_SkipsTilesThatItHides()
    {
        Tensor Of() => Tensor.Randn(1, 160, 32).Realize();
        Tensor q = Of(), k = Of(), v = Of(), spoiled = (Tensor.Arange(160).Reshape(1, 160, 1) >= 96).Where(double.NaN, v).Realize();
        using var bf16 = Precision.Bf16();
        var plain = q.ScaledDotProductAttention(k, v, isCausal: true).ToArray<float>();
        var other = q.ScaledDotProductAttention(k, spoiled, isCausal: true).ToArray<float>();
        RowBlocks.ShouldHaveSingleItem().ShouldContain("matrix unit");
        other.AsSpan(0, 96 * 32).SequenceEqual(plain.AsSpan(0, 96 * 32)).ShouldBeTrue();
        other[^1].ShouldBe(float.NaN);
    }

    /// <summary>Queries, keys and values of one product, heads split off and joined again, as models write it: what is moved is kept as bf16, in the order in which it is made.</summary>
    [Fact]
    public void Attention_BetweenProjections_IsFoundForwardAndBackward()
    {
        const int batch = 2, length = 64, heads = 2, head = 32, width = heads * head;
        Tensor x = Tensor.Randn(batch, length, width).Realize().WithGrad(), into = Tensor.Randn(3 * width, width).Realize().WithGrad(), output = Tensor.Randn(width, width).Realize().WithGrad();
        using (Precision.Bf16())
        {
            var parts = x.Linear(into).Reshape(batch, length, 3, heads, head).Permute(2, 0, 3, 1, 4);
            var y = parts[0].ScaledDotProductAttention(parts[1], parts[2], isCausal: true).Transpose(1, 2).Reshape(batch, length, width).Linear(output);
            y.Square().Sum().Backward();
        }
        Tensor.Realize([x.Grad!, into.Grad!, output.Grad!]);
        RowBlocks.Length.ShouldBe(3);
        RowBlocks.ShouldAllBe(r => r.Contains("matrix unit") && r.Contains("masked positions skipped"));
    }

    [Fact]
    public void Attention_Float32_StaysOnTheVectorUnit()
    {
        Tensor Of() => Tensor.Randn(1, 64, 32).Realize();
        Of().ScaledDotProductAttention(Of(), Of(), isCausal: true).Realize();
        RowBlocks.ShouldHaveSingleItem().ShouldNotContain("matrix unit");
    }

    [Fact]
    public void Attention_WithFewerRowsThanATile_StaysOnTheVectorUnit()
    {
        Tensor q = Tensor.Randn(2, 20, 16).Realize(), k = Tensor.Randn(2, 64, 16).Realize();
        using var bf16 = Precision.Bf16();
        q.ScaledDotProductAttention(k, k).Realize();
        RowBlocks.ShouldHaveSingleItem().ShouldNotContain("matrix unit");
        CompiledKernel.All.ShouldAllBe(c => !c.Nest.UsesMatrixUnit);
    }
}
