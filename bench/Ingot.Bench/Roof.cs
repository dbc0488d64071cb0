using Ingot.Runtime;

namespace Ingot.Bench;

/// <summary>What the machine can do at best at a kind of work, measured anew beside every sample.</summary>
/// <param name="unit">Of its readings.</param>
abstract class Roof(string unit)
{
    public string Unit { get; } = unit;

    /// <summary>The highest reading so far: what an undisturbed machine does.</summary>
    public double Best { get; private set; }

    /// <summary>Measures. Takes some milliseconds.</summary>
    public RoofReading Read()
    {
        var reading = Measure();
        Best = Math.Max(Best, reading.Rate);
        return reading;
    }

    protected abstract RoofReading Measure();
}

/// <param name="Rate">The roof now, in its unit.</param>
/// <param name="Steady">The same with what other processes took: a sample beside a low one is not to be trusted.</param>
readonly record struct RoofReading(double Rate, double Steady);

/// <summary>Multiply-adds in float32, GFLOPS.</summary>
sealed class ComputeRoof() : Roof("GFLOPS")
{
    protected override RoofReading Measure()
    {
        var now = Probes.Compute();
        return new(now.Undisturbed, now.Steady);
    }
}

/// <summary>The matrix unit's bf16 products, GFLOPS.</summary>
sealed class MatrixRoof() : Roof("GFLOPS")
{
    protected override RoofReading Measure() => Probes.Matrix() is { } now ? new(now.Undisturbed, now.Steady) : throw new IngotException("there is no matrix unit in use");
}

/// <summary>Memory traffic of a mix of streams read and written, GB/s.</summary>
/// <param name="reads">Streams read.</param>
/// <param name="writes">Streams written, 0 or 1.</param>
/// <param name="bytesEach">Of one stream.</param>
sealed class TrafficRoof(int reads, int writes, long bytesEach) : Roof("GB/s")
{
    readonly StreamProbe probe = new(reads, writes, bytesEach);

    protected override RoofReading Measure()
    {
        double rate = probe.GBs(seconds: 0.005);
        return new(rate, rate);
    }
}
