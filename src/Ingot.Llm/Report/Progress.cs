namespace Ingot.Llm.Report;

/// <summary>A stage of a run as far as it is.</summary>
/// <param name="Name">Of the stage.</param>
/// <param name="Part">0 to 1.</param>
/// <param name="Weight">Its part of the whole bar.</param>
/// <param name="Step">Steps done; null where it logs none.</param>
/// <param name="Steps">Of all.</param>
sealed record StageProgress(string Name, double Part, double Weight, double? Step, double? Steps);

/// <summary>How far a run is, by its plan and its logs.</summary>
sealed class Progress
{
    public Progress(RunReport report)
    {
        var (plan, run) = (report.Plan, report.Run);
        bool isFinished = report.Outcome.IsFinished;
        List<string> names = [.. (plan?.Stages.Select(s => s.Name) ?? []).Concat(report.Stages.Select(s => s.Name)).Distinct()];
        int current = names.FindLastIndex(n => report.Stages.Any(s => s.Name == n));
        bool hasSeconds = plan is not null && names.All(n => plan.Stage(n)?.Seconds is > 0);
        Stages = [.. names.Select((name, i) =>
        {
            var (log, planned) = (report.Stages.FirstOrDefault(s => s.Name == name), plan?.Stage(name));
            double? steps = planned?.Steps is > 0 ? planned.Steps : log?.Steps, step = log?.Points.Count > 0 ? log.Points[^1].Step : null;
            // Stages run one after the other: what is before the last one that has logged is over, whether it logs or not.
            bool isOver = isFinished || i < current || log?.IsDone == true || run?.StageSeconds.ContainsKey(name) == true;
            return new StageProgress(name, isOver ? 1 : step / steps is { } part ? Math.Clamp(part, 0, 1) : 0, hasSeconds ? plan!.Stage(name)!.Seconds!.Value : 1, step, steps);
        })];
        Current = Stages.FirstOrDefault(s => s.Part < 1);
        double total = Stages.Sum(s => s.Weight);
        Part = isFinished ? 1 : total > 0 ? Stages.Sum(s => s.Part * s.Weight) / total : 0;
    }

    public IReadOnlyList<StageProgress> Stages { get; }

    /// <summary>The one being worked on; null when all are done.</summary>
    public StageProgress? Current { get; }

    /// <summary>Of the whole run.</summary>
    public double Part { get; }
}
