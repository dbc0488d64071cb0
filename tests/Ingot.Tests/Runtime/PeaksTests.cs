using System.Diagnostics;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

[Collection(nameof(ProcessWide))]
public sealed class PeaksTests : IDisposable
{
    readonly IsaLevel? isa = Settings.Isa;

    public void Dispose() => Settings.Isa = isa;

    [Fact]
    public void Measure_ThisMachine_IsPlausible()
    {
        var peaks = Peaks.Measure();
        peaks.Gflops.ShouldBeInRange(1, 1e6);
        peaks.ReadGBs.ShouldBeInRange(1, 1e4);
        peaks.CopyGBs.ShouldBeInRange(0.5, 1e4);
        peaks.CopyNonTemporalGBs.ShouldBeInRange(0.5, 1e4);
        peaks.BestGBs.ShouldBeGreaterThanOrEqualTo(peaks.ReadGBs);
        peaks.Threads.ShouldBe(WorkerPool.Threads);
    }

    [Fact]
    public void Measure_Again_IsTheSameRecordAtOnce()
    {
        var first = Peaks.Measure();
        long start = Stopwatch.GetTimestamp();
        Peaks.Measure().ShouldBeSameAs(first);
        Stopwatch.GetElapsedTime(start).ShouldBeLessThan(TimeSpan.FromMilliseconds(50));
    }

    [Fact]
    public void Measure_LevelAboveTheHardware_MeasuresTheHardware()
    {
        Cpu.Level = IsaLevel.Avx512;
        Peaks.Measure().Level.ShouldBe(Cpu.HardwareLevel);
    }

    [Fact]
    public void Measure_WiderVectors_AreFaster()
    {
        Assert.SkipUnless(Cpu.HardwareLevel >= IsaLevel.Avx2, "128 bits is all there is");
        Cpu.Level = IsaLevel.Vector128;
        double narrow = Peaks.Measure().Gflops;
        Cpu.Level = IsaLevel.Avx2;
        Peaks.Measure().Gflops.ShouldBeGreaterThan(narrow * 1.2); // twice in theory; neighbours are allowed for
    }
}
