using Ingot.Llm.Training;

namespace Ingot.Cli;

/// <summary>Lines of a stage's log as a person reads them.</summary>
/// <param name="peakGflops">Of the unit that computes, which speed is a fraction of.</param>
sealed class StageDisplay(double peakGflops)
{
    /// <summary>base 100/2000  loss 2.3456  world 1.234 bits/byte  12,345 tokens/s  12.3% of peak  ETA 1:23</summary>
    public void Line(string stage, int steps, StageLine line)
    {
        double left = line.TokensPerSecond > 0 && line.Step > 0 ? (steps - line.Step) * line.SecondsPerStep : 0;
        Console.WriteLine($"{stage} {line.Step}/{steps}  loss {line.Loss:F4}{string.Concat((line.BitsPerByte ?? new Dictionary<string, double>()).Select(b => $"  {b.Key} {b.Value:F3} bits/byte"))}" +
            $"  {line.TokensPerSecond:N0} tokens/s  {100 * line.Gflops / peakGflops:F1}% of peak  ETA {TimeSpan.FromSeconds(left):m\\:ss}{(line.Skipped > 0 ? $"  {line.Skipped} steps skipped" : "")}");
    }
}
