using Ingot.Llm.Training;
using Spectre.Console;

namespace Ingot.Cli;

/// <summary>Shows a run as it goes: a live bar on a terminal, plain lines elsewhere.</summary>
static class ProgressDisplay
{
    /// <param name="steps">Steps in all.</param>
    /// <param name="work">Does the work, calling back with every line of the log.</param>
    /// <returns>What the work returns.</returns>
    public static bool Run(int steps, Func<Action<TrainingStatus>, bool> work)
    {
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
            return work(status => Console.WriteLine(Describe(status)));
        double? lastValidation = null;
        return AnsiConsole.Live(new Text($"step 0/{steps}: compiling ...")).Start(live => work(status =>
        {
            lastValidation = status.Line.ValLoss ?? lastValidation;
            live.UpdateTarget(Panel(status, lastValidation));
        }));
    }

    /// <summary>step 100/2000  loss 2.3456  val 2.4567  12,345 tokens/s  12.3% of peak  ETA 1:23</summary>
    internal static string Describe(TrainingStatus s) =>
        $"step {s.Line.Step}/{s.Steps}  loss {s.Line.Loss:F4}{(s.Line.ValLoss is { } v ? $"  val {v:F4}" : "")}  {s.Line.TokensPerSecond:N0} tokens/s" +
        $"{(s.Line.PeakFraction is { } p ? $"  {100 * p:F1}% of peak" : "")}  ETA {Duration(s.Remaining)}";

    static Rows Panel(TrainingStatus s, double? validation)
    {
        const int width = 50;
        int done = (int)((long)width * s.Line.Step / s.Steps);
        return new(
            new Markup($"[green]{new string('━', done)}[/][grey]{new string('━', width - done)}[/] step {s.Line.Step:N0}/{s.Steps:N0}  ETA {Duration(s.Remaining)}"),
            new Markup($"loss [bold]{s.Line.Loss:F4}[/]{(validation is { } v ? $"  validation [bold]{v:F4}[/]" : "")}  {s.Line.TokensPerSecond:N0} tokens/s" +
                $"{(s.Line.PeakFraction is { } p ? $"  {100 * p:F1}% of peak" : "")}"));
    }

    static string Duration(TimeSpan t) => t.TotalHours >= 1 ? $"{(int)t.TotalHours}:{t.Minutes:D2}:{t.Seconds:D2}" : $"{t.Minutes}:{t.Seconds:D2}";
}
