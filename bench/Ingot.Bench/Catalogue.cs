using Ingot.Runtime;

namespace Ingot.Bench;

/// <summary>Every benchmark, in the order of the table in docs/PERFORMANCE.md.</summary>
public static class Catalogue
{
    public static IReadOnlyList<Benchmark> All { get; } = [.. MachineLimits.All(), .. MatrixProducts.All(), .. LinearProducts.All(), .. Variants.All(), .. MemoryKernels.All(), .. Attention.All(), .. TrainingSteps.All(), .. CharacterModels.All(), .. Inference.All(), .. Tokenizers.All(), .. Memory.All(), .. CompilerCost.All()];
}

/// <summary>This machine's peaks as lines of the table.</summary>
static class MachineLimits
{
    public static IEnumerable<Benchmark> All()
    {
        yield return new("peak.fma", "GFLOPS of float32 multiply-adds from registers, all threads", session => Limit("peak.fma", "GFLOPS", () => session.Fma.Read().Rate));
        yield return new("peak.matrix", "GFLOPS of the matrix unit's bf16 products from tiles, all threads; 0 where there is none in use", session =>
            session.Matrix is { } unit ? Limit("peak.matrix", "GFLOPS", () => unit.Read().Rate) : new("peak.matrix", 0, "GFLOPS", null, 0, 0, 0, 0));
        yield return Memory("peak.read", "GB/s of reading 256 MB", 1, 0, 256L << 20);
        yield return Memory("peak.copy", "GB/s of copying 256 MB, read and written", 1, 1, 256L << 20);
        yield return Memory("peak.4r1w", "GB/s of reading four streams of 256 MB and writing one", 4, 1, 256L << 20);
    }

    static Benchmark Memory(string name, string meaning, int reads, int writes, long bytesEach) => new(name, meaning, _ =>
    {
        var probe = new StreamProbe(reads, writes, bytesEach);
        return Limit(name, "GB/s", () => probe.GBs(0.005));
    });

    static Figure Limit(string name, string unit, Func<double> read)
    {
        var readings = Enumerable.Range(0, 9).Select(_ => read()).ToList();
        return new(name, Sampling.Median(readings), unit, null, readings.Min(), readings.Max(), readings.Count, readings.Count);
    }
}
