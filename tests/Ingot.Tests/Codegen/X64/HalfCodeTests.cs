using Ingot.Codegen.X64;
using Ingot.Runtime;
using Ingot.Runtime.Weights;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Codegen.X64;

/// <summary>The assembled product with halves has the bits of the one in C#.</summary>
[Collection(nameof(ProcessWide))]
public sealed class HalfCodeTests : IDisposable
{
    readonly IsaLevel level = Cpu.Level;

    public void Dispose() => Cpu.Level = level;

    /// <summary>Numbers of all kinds: normal, subnormal, zeros, infinities and NaN.</summary>
    static Storage Numbers(int rows, int columns)
    {
        var memory = Storage.Allocate((long)rows * columns * sizeof(ushort));
        var halves = memory.Span<Half>();
        var random = new Random(rows * columns);
        for (int i = 0; i < halves.Length; i++) halves[i] = (Half)((random.NextDouble() - 0.5) * (i % 7 == 0 ? 1e-5 : 0.1));
        halves[1] = Half.NegativeZero;
        halves[columns + 2] = Half.PositiveInfinity;
        halves[2 * columns + 3] = Half.NaN;
        halves[3 * columns] = Half.Epsilon;
        return memory;
    }

    [Theory]
    [InlineData(4, 32)]
    [InlineData(21, 96)]
    [InlineData(10, 100)] // rows that end within a block
    [InlineData(64, 768)]
    public void Row_ByTheConversionOfTheProcessor_HasTheBitsOfIntegerInstructions(int rows, int columns)
    {
        if (HalfCode.Shared is not { } routines) { Assert.Skip("this machine has no F16C"); return; }
        var weights = Numbers(rows, columns);
        var x = Storage.Allocate(columns * sizeof(float));
        for (int i = 0; i < columns; i++) x.Span<float>()[i] = MathF.Sin(i);
        foreach (var l in new[] { IsaLevel.Avx2, IsaLevel.Avx512 })
        {
            Cpu.Level = l; // where there are no wide vectors, both are the way in C#
            Results(routines).ShouldBe(Results(null), $"{l}");
        }

        int[] Results(RowRoutines? by)
        {
            var y = Storage.Allocate(rows * sizeof(float));
            new BlockProduct<Halves>(weights, rows, columns, columns * sizeof(ushort), by).Run(x.Address, 1, y.Address);
            float[] values = [.. y.Span<float>()];
            values.Count(float.IsNaN).ShouldBe(1);
            return [.. values.Select(v => float.IsNaN(v) ? 0 : BitConverter.SingleToInt32Bits(v))];
        }
    }
}
