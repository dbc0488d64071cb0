using Ingot.Kernels;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Kernels;

/// <summary>Products of bf16 at the matrix unit's level: on the unit where the machine has one, else on its emulation, which has the same bits.</summary>
[Collection(nameof(ProcessWide))]
public sealed class MatrixUnitTests : IDisposable
{
    readonly IsaLevel? before = Settings.Isa;

    public MatrixUnitTests()
    {
        Settings.Isa = IsaLevel.Amx;
        Realizer.Clear();
    }

    public void Dispose()
    {
        Settings.Isa = before;
        CompiledKernel.Forced = null;
        Realizer.Clear();
    }

    static bool IsOnUnit => CompiledKernel.All.Any(k => k.Nest.UsesMatrixUnit);

    static Tensor Randn(params int[] shape) => Tensor.Randn(shape).To(DType.BF16).Realize();

    /// <summary>The product and, for each element, how far K additions in float32 may be from it in any order.</summary>
    static (double[] Value, double[] Bound) Exact(Tensor a, Tensor b)
    {
        Tensor x = a.To(DType.F64), y = b.To(DType.F64);
        double each = (a.Shape[^1] + 2) * Math.ScaleB(1, -24);
        return (x.Matmul(y).ToArray<double>(), [.. x.Abs().Matmul(y.Abs()).ToArray<double>().Select(s => each * s)]);
    }

    static void ShouldBeWithin(float[] values, (double[] Value, double[] Bound) exact, double rounding, string what)
    {
        values.Length.ShouldBe(exact.Value.Length);
        for (int i = 0; i < values.Length; i++)
        {
            double bound = exact.Bound[i] + rounding * Math.Abs(exact.Value[i]);
            if (!(Math.Abs(values[i] - exact.Value[i]) <= bound)) values[i].ShouldBe((float)exact.Value[i], $"{what}, element {i}, bound {bound}");
        }
    }

    /// <summary>Batch, M, K, N: below, at and beyond a tile; in one step of k and several; in stretches; with rests everywhere.</summary>
    public static TheoryData<int, int, int, int> Sizes => new()
    {
        { 1, 64, 32, 64 }, { 1, 64, 64, 96 }, { 2, 48, 16, 128 }, { 1, 33, 50, 47 }, { 3, 31, 65, 70 }, { 1, 100, 300, 40 }, { 1, 40, 1100, 64 }, { 2, 96, 544, 33 }, { 1, 65, 513, 100 }, { 1, 200, 31, 65 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Matmul_InAllLayouts_IsWithinTheBoundAndIndependentOfRecipes(int batch, int m, int k, int n)
    {
        var random = new Random(m + k + n);
        foreach (var (at, bt) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            string what = $"{batch} x {m} x {k} x {n}, transposed {at} {bt}";
            Tensor a = at ? Randn(batch, k, m).Transpose(1, 2) : Randn(batch, m, k), b = bt ? Randn(batch, n, k).Transpose(1, 2) : Randn(batch, k, n);
            var exact = Exact(a, b);
            Realizer.Clear();
            float[] Run() => a.To(DType.F32).Matmul(b.To(DType.F32)).ToArray<float>();
            var heuristic = Run();
            IsOnUnit.ShouldBeTrue(what);
            ShouldBeWithin(heuristic, exact, 0, what);
            // bf16 in and out: the same sums, rounded once.
            a.Matmul(b).To(DType.F32).ToArray<float>().ShouldBe([.. heuristic.Select(v => (float)(BFloat16)v)], what);
            for (int sample = 0; sample < 3; sample++)
            {
                var recipe = Recipe.Random(random);
                Realizer.Clear();
                CompiledKernel.Forced = _ => recipe;
                Run().SequenceEqual(heuristic).ShouldBeTrue($"{what}, recipe {recipe}");
                CompiledKernel.Forced = null;
            }
            Realizer.Clear();
        }
    }

    [Fact]
    public void Matmul_RoundedOnTheWayIn_PacksAndRoundsInOneKernel()
    {
        Tensor a = Tensor.Randn(70, 130).Realize(), b = Tensor.Randn(130, 90).Realize();
        foreach (var (at, bt) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            Tensor x = at ? a.Transpose(0, 1).Contiguous().Realize().Transpose(0, 1) : a, y = bt ? b.Transpose(0, 1).Contiguous().Realize().Transpose(0, 1) : b;
            var exact = Exact(a.To(DType.BF16), b.To(DType.BF16));
            Realizer.Clear();
            var c = x.To(DType.BF16).To(DType.F32).Matmul(y.To(DType.BF16).To(DType.F32)).ToArray<float>();
            ShouldBeWithin(c, exact, 0, $"{at} {bt}");
            CompiledKernel.All.ShouldHaveSingleItem().Nest.UsesMatrixUnit.ShouldBeTrue();
        }
    }

    [Fact]
    public void Matmul_WithAnEpilogue_RunsItOnTheTile()
    {
        Tensor a = Randn(50, 300), b = Randn(300, 70), bias = Tensor.Randn(70).Realize(), residual = Tensor.Randn(50, 70).Realize();
        var product = Exact(a, b);
        var (bs, rs) = (bias.ToArray<float>(), residual.ToArray<float>());
        Realizer.Clear();
        var y = ((a.To(DType.F32).Matmul(b.To(DType.F32)) + bias).Relu() + residual).ToArray<float>();
        CompiledKernel.All.ShouldHaveSingleItem().Nest.UsesMatrixUnit.ShouldBeTrue();
        for (int i = 0; i < y.Length; i++) product.Value[i] = Math.Max(0, product.Value[i] + bs[i % 70]) + rs[i];
        ShouldBeWithin(y, product, 1e-6, "epilogue");
        // Stored with rows innermost: columns and rows change places.
        Realizer.Clear();
        var turned = a.To(DType.F32).Matmul(b.To(DType.F32)).Transpose(0, 1).Contiguous().ToArray<float>();
        IsOnUnit.ShouldBeTrue();
        var plain = a.To(DType.F32).Matmul(b.To(DType.F32)).ToArray<float>();
        for (int i = 0; i < 50; i++)
            for (int j = 0; j < 70; j++) turned[j * 50 + i].ShouldBe(plain[i * 70 + j]);
    }

    [Fact]
    public void Matmul_InfinitiesBesideThePadding_StayInTheirRow()
    {
        var values = new float[65 * 72];
        Array.Fill(values, 1);
        values[64 * 72 + 71] = float.PositiveInfinity; // the last row, beside the rest of a step
        Tensor a = Tensor.From(values, 65, 72).To(DType.BF16).Realize(), b = Tensor.Ones(72, 70).To(DType.BF16).Realize();
        Realizer.Clear();
        var c = a.Matmul(b).To(DType.F32).ToArray<float>();
        IsOnUnit.ShouldBeTrue();
        c[..(64 * 70)].ShouldAllBe(v => v == 72);
        c[(64 * 70)..].ShouldAllBe(v => float.IsPositiveInfinity(v));
    }

    [Fact]
    public void Matmul_Float32_StaysOnTheVectorUnit()
    {
        Tensor a = Tensor.Randn(64, 64).Realize(), b = Tensor.Randn(64, 64).Realize();
        Realizer.Clear();
        a.Matmul(b).Realize();
        // One factor that is not rounded by the program is not rounded by the compiler either.
        a.Matmul(b.To(DType.BF16).To(DType.F32)).Realize();
        IsOnUnit.ShouldBeFalse();
    }

    [Fact]
    public void Matmul_UnitSwitchedOff_RunsOnVectors()
    {
        Settings.Isa = IsaLevel.Avx512;
        Tensor a = Randn(64, 64), b = Randn(64, 64);
        Realizer.Clear();
        a.Matmul(b).Realize();
        IsOnUnit.ShouldBeFalse();
    }

    [Fact]
    public void Verify_ProductsAndTheirGradients_FindsNothing()
    {
        int verify = Settings.Verify;
        Settings.Verify = 1;
        try
        {
            Tensor x = Randn(40, 72).WithGrad(), w = Randn(48, 72).WithGrad(), y = x.Linear(w);
            (y * y).Mean().Backward();
            Tensor.Realize(y, x.Grad!, w.Grad!);
            IsOnUnit.ShouldBeTrue();
        }
        finally
        {
            Settings.Verify = verify;
        }
    }

    [Fact]
    public void Matmul_OverlappingRuns_GivesTheSameBitsWithAnyThreads()
    {
        int threads = WorkerPool.Threads;
        try
        {
            Tensor a = Randn(300, 600), b = Randn(600, 200);
            WorkerPool.Threads = 1;
            var one = a.Matmul(b).To(DType.F32).ToArray<float>();
            WorkerPool.Threads = 4;
            a.Matmul(b).To(DType.F32).ToArray<float>().ShouldBe(one);
        }
        finally
        {
            WorkerPool.Threads = threads;
        }
    }
}
