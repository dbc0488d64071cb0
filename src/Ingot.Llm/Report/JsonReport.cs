using System.Text.Json;

namespace Ingot.Llm.Report;

/// <summary>report.json: what other programs read.</summary>
static class JsonReport
{
    static readonly JsonSerializerOptions options = new(JsonSerializerOptions.Web) { WriteIndented = true };

    public static string Text(RunReport report)
    {
        var (plan, run, outcome) = (report.Plan, report.Run, report.Outcome);
        return JsonSerializer.Serialize(new
        {
            format = 1,
            metrics = report.Metrics.Select(m => new { m.Name, m.Stage, value = Finite(m.Value), m.N, low = Finite(m.Low), high = Finite(m.High), m.Baseline }),
            plan,
            outcome = new
            {
                outcome.IsFinished,
                outcome.Seconds,
                outcome.Loss,
                outcome.BitsPerByte,
                outcome.Tokens,
                outcome.Flops,
                outcome.Gflops,
                run?.PeakMemory,
                outcome.Skipped,
                stageSeconds = run?.StageSeconds,
            },
            predictions = outcome.Predictions.Select(p => new { p.Name, p.Unit, p.Planned, p.Real, p.Difference, p.Tolerance, p.IsMet }),
            overlap = report.Overlaps,
            report.Warnings,
            machine = run?.Machine ?? plan?.Cpu,
            command = run?.Command,
            commit = run?.Commit,
            started = run?.Started,
            finished = run?.Finished,
            seed = run?.Seed,
            world = run?.World,
            data = run?.Data,
        }, options) + "\n";
    }

    static double? Finite(double v) => double.IsFinite(v) ? v : null;
}
