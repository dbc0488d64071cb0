using Ingot.Kernels;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Kernels;

/// <summary>Products in all layouts, with what may be fused before and after them, under recipes drawn at random: always the same bits, and near a plain sum in double.</summary>
[Collection(nameof(ProcessWide))]
public sealed class ContractionTests : IDisposable
{
    readonly IsaLevel? before = Settings.Isa;

    public void Dispose()
    {
        Settings.Isa = before;
        CompiledKernel.Forced = null;
        Realizer.Clear();
    }

    /// <summary>Eight recipes drawn at random; then the heuristic one is in force again.</summary>
    static void ShouldNotDependOnRecipes(Func<IEnumerable<float>> run, float[] heuristic, Random random, string what)
    {
        for (int sample = 0; sample < 8; sample++)
        {
            var recipe = Recipe.Random(random);
            Realizer.Clear();
            CompiledKernel.Forced = _ => recipe;
            run().SequenceEqual(heuristic).ShouldBeTrue($"{what}, recipe {recipe}");
        }
        CompiledKernel.Forced = null;
        Realizer.Clear();
    }

    [Theory]
    [InlineData(IsaLevel.Vector128)]
    [InlineData(IsaLevel.Avx2)]
    [InlineData(IsaLevel.Avx512)]
    public void Matmul_UnderSampledRecipes_GivesTheSameBits(IsaLevel level)
    {
        Settings.Isa = level;
        Realizer.Clear();
        var random = new Random(5);
        for (int i = 0; i < 12; i++)
        {
            int batch = random.Next(1, 4), m = random.Next(2, 60), k = i == 0 ? 1100 : random.Next(8, 70), n = random.Next(16, 80); // 1100: in stretches
            bool at = random.Next(2) == 0, bt = random.Next(2) == 0;
            if (i is 1 or 2) (batch, m, k, n, bt) = (1, i == 1 ? 1 : 5, 1100, 640, false); // few rows, and more of the other operand than a cache holds
            int prologue = random.Next(3), epilogue = random.Next(4);
            string what = $"{level}: {batch} x {m} x {k} x {n}, transposed {at} {bt}, prologue {prologue}, epilogue {epilogue}";
            Tensor a = Tensor.Randn(at ? [batch, k, m] : [batch, m, k]).Realize(), b = Tensor.Randn(bt ? [batch, n, k] : [batch, k, n]).Realize(), bias = Tensor.Randn(n).Realize();
            Tensor Run()
            {
                Tensor x = at ? a.Transpose(1, 2) : a, y = bt ? b.Transpose(1, 2) : b;
                if (prologue == 1) x = x.Tanh();
                if (prologue == 2) y = y.Relu() * 0.5;
                var z = x.Matmul(y);
                return epilogue switch { 1 => (z + bias).Relu(), 2 => (z + bias).Gelu("tanh"), 3 => z.Transpose(1, 2), _ => z };
            }
            var heuristic = Run().ToArray<float>();
            // In double, each element as one sum.
            var exact = Exact(Run);
            for (int j = 0; j < exact.Length; j++) ((double)heuristic[j]).ShouldBe(exact[j], 1e-4 * (1 + Math.Abs(exact[j])), what);
            ShouldNotDependOnRecipes(() => Run().ToArray<float>(), heuristic, random, what);

            double[] Exact(Func<Tensor> run)
            {
                var (oldA, oldB, oldBias) = (a, b, bias);
                (a, b, bias) = (a.To(DType.F64), b.To(DType.F64), bias.To(DType.F64));
                var values = run().ToArray<double>();
                (a, b, bias) = (oldA, oldB, oldBias);
                return values;
            }
        }
    }

    [Theory]
    [InlineData(IsaLevel.Vector128)]
    [InlineData(IsaLevel.Avx2)]
    [InlineData(IsaLevel.Avx512)]
    public void Conv2d_WithItsGradientsUnderSampledRecipes_GivesTheSameBits(IsaLevel level)
    {
        Settings.Isa = level;
        Realizer.Clear();
        var random = new Random(6);
        foreach (var (stride, padding, dilation, groups, kernel) in new[] { (1, 0, 1, 1, 3), (1, 1, 1, 1, 3), (2, 2, 1, 1, 5), (1, 2, 2, 2, 3), (2, 0, 1, 1, 2), (1, 0, 1, 1, 1) })
        {
            string what = $"{level}: stride {stride}, padding {padding}, dilation {dilation}, groups {groups}, kernel {kernel}";
            Tensor x = Tensor.Randn(3, 8, 13, 14).Realize(), w = Tensor.Randn(16, 8 / groups, kernel, kernel).Realize(), scale = Tensor.Randn(16, 1, 1).Realize();
            var heuristic = Run(DType.F32).SelectMany(t => t.ToArray<float>()).ToArray();
            var exact = Run(DType.F64).SelectMany(t => t.ToArray<double>()).ToArray();
            for (int j = 0; j < exact.Length; j++) ((double)heuristic[j]).ShouldBe(exact[j], 1e-3 * (1 + Math.Abs(exact[j])), what);
            ShouldNotDependOnRecipes(() => Run(DType.F32).SelectMany(t => t.ToArray<float>()), heuristic, random, what);

            // The output after an activation, and the gradients of both operands.
            Tensor[] Run(DType dtype)
            {
                Tensor a = x.To(dtype).Detach().WithGrad(), b = w.To(dtype).Detach().WithGrad();
                var y = (a.Tanh().Conv2d(b, stride: stride, padding: padding, dilation: dilation, groups: groups) * scale.To(dtype)).Relu();
                (y * y).Mean().Backward();
                return [y, a.Grad!, b.Grad!];
            }
        }
    }

    /// <summary>What the end of a tile reads is fetched ahead, also for rows beyond the last: no index may be looked up, let alone checked, there.</summary>
    [Fact]
    public void End_ReadsLookedUpRows_OfATileThatIsNotFull()
    {
        const int rows = 601, columns = 400;
        Tensor x = Tensor.Rand(rows, 32).Realize(), w = Tensor.Rand(32, columns).Realize(), table = Tensor.Rand(7, columns).Realize();
        var index = Tensor.From([.. Enumerable.Range(0, rows).Select(i => i % 7)], rows);
        float[] plain = x.Matmul(w).ToArray<float>(), looked = table.ToArray<float>();
        float[] sum = (x.Matmul(w) + index.Embedding(table)).ToArray<float>();
        for (int i = 0; i < sum.Length; i++) sum[i].ShouldBe(plain[i] + looked[i / columns % 7 * columns + i % columns]);
    }
}
