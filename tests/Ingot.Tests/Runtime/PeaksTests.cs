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
    public void Measure_Again_IsTheSameRecord() => Peaks.Measure().ShouldBeSameAs(Peaks.Measure());

    [Fact]
    public void Measure_LevelAboveTheHardware_MeasuresTheHardware()
    {
        Cpu.Level = IsaLevel.Amx;
        var peaks = Peaks.Measure();
        peaks.Level.ShouldBe(Cpu.HardwareLevel);
        (peaks.MatrixGflops > 0).ShouldBe(Amx.IsAvailable);
    }

    [Fact]
    public void ComputeWork_WiderVectors_DoMoreInTheSameTime()
    {
        Assert.SkipUnless(Cpu.HardwareLevel >= IsaLevel.Avx2, "128 bits is all there is");
        var narrow = new ComputeWork<Lanes128>(50);
        var wide = new ComputeWork<Lanes256>(50);
        for (int chunk = 0; chunk < 50; chunk++)
        {
            narrow.Run(chunk, 0);
            wide.Run(chunk, 0);
        }
        double ratio = ComputeWork<Lanes256>.Flops / wide.FastSeconds / (ComputeWork<Lanes128>.Flops / narrow.FastSeconds);
        ratio.ShouldBeGreaterThan(1.3); // 2.0 on an idle machine: the chains stay in registers
    }

    /// <summary>The fixed point of x -> 0.999 x + 0.001 is 1, from below: the chains really compute.</summary>
    [Fact]
    public void ComputeWork_Chains_ConvergeToOne()
    {
        var work = new ComputeWork<Lanes128>(1);
        work.Run(0, 0);
        work.Sum.ShouldBe(12, 0.01);
    }

    [Fact]
    public void TrafficWork_BothCopies_CopyAndReadSeesEveryVector()
    {
        const int Bytes = 2 * TrafficWork<Lanes128>.ChunkBytes, Floats = Bytes / sizeof(float);
        var random = new Random(3);
        Storage from = Storage.Allocate(Bytes), to = Storage.Allocate(Bytes);
        foreach (ref float x in from.Span<float>()) x = random.NextSingle();
        foreach (var kind in (Traffic[])[Traffic.Copy, Traffic.CopyNonTemporal])
        {
            to.Span<float>().Clear();
            var copy = TrafficWork<Lanes128>.Over(kind, from, to);
            copy.Run(0, 0);
            copy.Run(1, 0);
            to.Span<float>().SequenceEqual(from.Span<float>()).ShouldBeTrue();
        }
        for (int vector = 0; vector < Floats / 2; vector += 4 * 997)
        {
            to.Span<float>().Clear();
            to.Span<float>()[vector] = 5;
            var read = TrafficWork<Lanes128>.Over(Traffic.Read, to, to);
            read.Run(0, 0);
            read.Sum.ShouldBe(5);
        }
        GC.KeepAlive(from);
        GC.KeepAlive(to);
    }
}
