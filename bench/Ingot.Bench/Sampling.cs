using System.Diagnostics;

namespace Ingot.Bench;

/// <summary>One timed run with the roof measured just before and just after it.</summary>
/// <param name="Seconds">Of one call.</param>
/// <param name="Roof">The better of the two readings: noise only lowers them.</param>
/// <param name="Steady">The worse of the two.</param>
readonly record struct Sample(double Seconds, double Roof, double Steady);

/// <summary>How often a benchmark is run.</summary>
/// <param name="Wanted">Undisturbed samples after which it is enough.</param>
/// <param name="Most">Samples, disturbed or not, after which it must do.</param>
/// <param name="Seconds">Time after which it must do, once there are three samples.</param>
sealed record Effort(int Wanted = 9, int Most = 27, double Seconds = 6)
{
    public static Effort Usual { get; } = new();

    /// <summary>For what takes seconds a run.</summary>
    public static Effort Long { get; } = new(3, 6, 30);
}

/// <summary>Takes samples until enough of them are undisturbed.</summary>
static class Sampling
{
    /// <summary>A sample is disturbed where the roof beside it fell by more than this below the best one.</summary>
    const double Drop = 0.1;

    /// <summary>Calls shorter than this are timed several at a time.</summary>
    const double ShortestSample = 0.01;

    /// <summary>Times a program whose work is known.</summary>
    /// <param name="name">Of the benchmark.</param>
    /// <param name="unit">Of the value.</param>
    /// <param name="roof">What bounds it.</param>
    /// <param name="work">Of one call, in 10^9 of what the roof's rate counts a second.</param>
    /// <param name="value">From the seconds of one call.</param>
    /// <param name="run">One call.</param>
    /// <param name="effort">How often.</param>
    /// <param name="before">Called before each call, untimed.</param>
    public static Figure Measure(string name, string unit, Roof roof, double work, Func<double, double> value, Action run, Effort? effort = null, Action? before = null)
    {
        effort ??= Effort.Usual;
        void Prepared()
        {
            before?.Invoke();
            run();
        }
        Prepared(); // compiles
        Prepared(); // touches whatever pages are left
        long first = Stopwatch.GetTimestamp();
        Prepared();
        int calls = before is null ? Math.Clamp((int)(ShortestSample / Stopwatch.GetElapsedTime(first).TotalSeconds), 1, 10_000) : 1;
        return Take(name, unit, roof, work, value, effort, () =>
        {
            before?.Invoke();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < calls; i++) run();
            return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
        });
    }

    /// <summary>Times the parts of one long run, each once, none thrown away to warm up: the first compiles, and the median does not mind.</summary>
    /// <param name="name">Of the benchmark.</param>
    /// <param name="unit">Of the value.</param>
    /// <param name="roof">What bounds it.</param>
    /// <param name="work">Of one part, in 10^9 of what the roof's rate counts a second.</param>
    /// <param name="value">From the seconds of one part.</param>
    /// <param name="parts">How many there are.</param>
    /// <param name="run">One part.</param>
    public static Figure MeasureSeries(string name, string unit, Roof roof, double work, Func<double, double> value, int parts, Action run) =>
        Take(name, unit, roof, work, value, new(parts, parts, double.PositiveInfinity), () =>
        {
            long start = Stopwatch.GetTimestamp();
            run();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        });

    static Figure Take(string name, string unit, Roof roof, double work, Func<double, double> value, Effort effort, Func<double> time)
    {
        var samples = new List<Sample>();
        var reading = roof.Read();
        for (var clock = Stopwatch.StartNew(); ;)
        {
            double seconds = time();
            var next = roof.Read();
            samples.Add(new(seconds, Math.Max(reading.Rate, next.Rate), Math.Min(reading.Steady, next.Steady)));
            reading = next;
            if (Kept(samples, roof).Count >= effort.Wanted || samples.Count >= effort.Most || samples.Count >= 3 && clock.Elapsed.TotalSeconds > effort.Seconds) break;
        }
        return Summary(name, unit, samples, Kept(samples, roof), s => value(s.Seconds), work > 0 ? s => work / s.Seconds / s.Roof : null);
    }

    /// <summary>The samples to be trusted, judged by the best reading known by now.</summary>
    static List<Sample> Kept(List<Sample> samples, Roof roof) => samples.FindAll(s => s.Steady >= (1 - Drop) * roof.Best);

    static Figure Summary(string name, string unit, List<Sample> all, List<Sample> kept, Func<Sample, double> value, Func<Sample, double>? fraction)
    {
        var used = kept.Count > 0 ? kept : all;
        var values = used.Select(value).Order().ToList();
        return new(name, Median(values), unit, fraction is null ? null : Median(used.Select(fraction)), values[0], values[^1], kept.Count, all.Count);
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        int half = sorted.Count / 2;
        return sorted.Count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
