using Ingot.Kernels;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Kernels;

/// <summary>Choices about memory traffic change where results go and when operands come, not what they are.</summary>
[Collection(nameof(ProcessWide))]
public sealed class GeneralNestTests : IDisposable
{
    readonly IsaLevel? isa = Settings.Isa;

    public void Dispose()
    {
        Settings.Isa = isa;
        CompiledKernel.Forced = null;
        CompiledKernel.Clear();
        Realizer.Clear();
    }

    // Rows of whole vectors, and rows of odd length, whose vectors are not aligned.
    [Theory]
    [InlineData(37, 128)]
    [InlineData(37, 131)]
    public void Softmax_PastTheCachesWithTheNextRowFetched_GivesTheSameBits(int rows, int columns)
    {
        var x = Tensor.Randn(rows, columns).Realize();
        var plain = Run(new Recipe { NonTemporal = 0, FetchRow = 0 });
        CompiledKernel.All.ShouldNotContain(k => NestPrinter.Print(k.Nest).Contains("past the caches") || NestPrinter.Print(k.Nest).Contains("prefetch"));
        var far = Run(new Recipe { NonTemporal = 1, FetchRow = 1 });
        CompiledKernel.All.ShouldContain(k => NestPrinter.Print(k.Nest).Contains("past the caches") && NestPrinter.Print(k.Nest).Contains("prefetch"));
        far.ShouldBe(plain);

        float[] Run(Recipe recipe)
        {
            Realizer.Clear();
            CompiledKernel.Clear();
            CompiledKernel.Forced = _ => recipe;
            return x.Softmax(-1).ToArray<float>();
        }
    }

    [Fact]
    public void LeavesCaches_SmallAndLargeResult_OnlyTheLargeOneGoesPastTheCaches()
    {
        Store(1 << 10).ShouldBeFalse();
        Store(1L << 34).ShouldBeTrue();

        static bool Store(long elements)
        {
            var r = Ir.Range(elements);
            var store = new StoreSpec(1, DType.F32, r, Ir.Load(DType.F32, 0, r));
            return GeneralNest.LeavesCaches(new KernelAst { Name = "copy", Outer = [r], Steps = [new Step([], [store])], Slots = [new(DType.F32), new(DType.F32)] });
        }
    }

    /// <summary>What of an axis fills no vector has an accumulator of its own, and the rests of many rows are a long sum too.</summary>
    [Theory]
    [InlineData(IsaLevel.Vector128)]
    [InlineData(IsaLevel.Avx2)]
    [InlineData(IsaLevel.Avx512)]
    public void Sum_OfManyRowsWithRests_KeepsItsDigits(IsaLevel level)
    {
        Settings.Isa = level;
        foreach (int width in new[] { 7, 15, 31, 45, 4 * 16 * 257 + 15 })
        {
            const int Rows = 300;
            double exact = (double)Rows * width * 0.1f;
            foreach (float sum in Tensor.Full([Rows, 3, width], 0.1).Realize().Sum([0, 2]).ToArray<float>()) (sum / exact).ShouldBe(1, 5e-6, $"width {width}");
        }
    }
}
