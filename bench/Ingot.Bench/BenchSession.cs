using Ingot.Runtime;

namespace Ingot.Bench;

/// <summary>What the benchmarks of one run share: this machine's peaks, measured first, and where to find data.</summary>
public sealed class BenchSession
{
    /// <summary>Text for the character-level trainings; null: Ingot's own stories.</summary>
    public string? TextFile { get; init; }

    /// <summary>Told what else there is to see, a line at a time; null: nobody listens.</summary>
    public Action<string>? Listener { get; init; }

    /// <summary>The peaks as they were at the start.</summary>
    public MachinePeaks Peaks { get; } = Runtime.Peaks.Measure();

    internal void Detail(string line) => Listener?.Invoke(line);

    /// <summary>Multiply-adds in float32.</summary>
    internal Roof Fma { get; } = new ComputeRoof();

    /// <summary>The matrix unit's products in bf16; null where there is none in use.</summary>
    internal Roof? Matrix { get; } = Probes.Matrix() is null ? null : new MatrixRoof();

    /// <summary>What bounds products of a dtype: the matrix unit's peak for bf16 where there is one, that of float32 multiply-adds elsewhere.</summary>
    internal Roof RoofOf(DType dtype) => dtype == DType.BF16 ? Matrix ?? Fma : Fma;
}
