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

    /// <summary>dpo 10/60  loss 0.6543  accuracy 71.0%  margin 0.123</summary>
    public static void Line(string stage, int steps, DpoLine line) =>
        Console.WriteLine($"{stage} {line.Step}/{steps}  loss {line.Loss:F4}  accuracy {100 * line.Accuracy:F1}%  margin {line.Margin:F3}  {line.TokensPerSecond:N0} tokens/s{(line.Skipped > 0 ? $"  {line.Skipped} steps skipped" : "")}");

    /// <summary>rl 10/60  reward 0.345  check 0.312  entropy 0.543  distinct 6.40  kl 0.012</summary>
    public static void Line(string stage, int steps, RlLine line) =>
        Console.WriteLine($"{stage} {line.Step}/{steps}  reward {line.Reward:F3}{(line.Check is { } c ? $"  check {c:F3}" : "")}  entropy {line.Entropy:F3}  distinct {line.Distinct:F2}{(line.Kl is { } k ? $"  kl {k:F4}" : "")}  {line.TokensPerSecond:N0} tokens/s{(line.Skipped > 0 ? $"  {line.Skipped} steps skipped" : "")}");
}
