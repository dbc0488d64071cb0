namespace Ingot.Llm.Report;

/// <summary>What a reader should know before believing the numbers.</summary>
static class Findings
{
    /// <summary>Warnings of the run itself, then those that its files show.</summary>
    public static List<string> Of(RunReport report)
    {
        var (outcome, found) = (report.Outcome, new List<string>());
        if (report.Run is { } run) found.AddRange(run.Warnings);
        if (report.Plan?.Gflops is { } planned && outcome.Gflops is { } real && real < planned / 2)
            found.Add($"Training reached {Figures.Plain(real)} GFLOPS, less than half of the {Figures.Plain(planned)} that the plan rests on. The likely cause is other work on the machine, or a processor that slows down to stay cool.");
        foreach (var p in outcome.Predictions)
            if (p.IsMet == false) found.Add($"The plan's {p.Name} was missed: {p.Show(p.Planned)} planned, {p.Show(p.Real)} real ({Figures.Change(p.Difference!.Value)}; within {Figures.Percent(p.Tolerance!.Value, 0)} counts as met).");
        foreach (var s in report.Stages)
            if (s.Last("skipped") is > 0 and { } n) found.Add($"{n:N0} {(n == 1 ? "step" : "steps")} of stage {s.Name} {(n == 1 ? "was" : "were")} skipped, as the loss or its gradient was not finite.");
        foreach (var s in report.Stages) found.AddRange(Hacking(s));
        foreach (var o in report.Overlaps)
            if (o.Overlapping > 0) found.Add($"{o.Overlapping:N0} of {o.Items:N0} items of the evaluation set {o.Set} share {o.Length} words in a row with the training data.");
        foreach (var row in report.Table.Rows)
            foreach (var (stage, cell) in row.Cells)
                if (cell.IsWorse)
                {
                    var before = row.Cells.Values.Select(c => c.Metric).TakeWhile(m => m.Stage != stage).Last();
                    found.Add($"{row.Name} became significantly worse in stage {stage}: {row.Show(cell.Metric.Value)} after {row.Show(before.Value)} in {before.Stage}.");
                }
        if (report.Unreadable > 0) found.Add($"{report.Unreadable:N0} {(report.Unreadable == 1 ? "line" : "lines")} of the run's files could not be read and {(report.Unreadable == 1 ? "is" : "are")} left out.");
        return found;
    }

    /// <summary>The reward rises while the independent check falls: the model has found something that pays without being right. Ends are means of a fifth of the lines, which are noisy.</summary>
    static IEnumerable<string> Hacking(StageLog stage)
    {
        if (Ends(stage, "reward") is { } reward && Ends(stage, "check") is { } check && reward.Last > reward.First + 0.05 && check.Last < check.First - 0.05)
            yield return $"The reward of stage {stage.Name} rose from {Figures.Plain(reward.First)} to {Figures.Plain(reward.Last)} while the independent check fell from {Figures.Plain(check.First)} to {Figures.Plain(check.Last)}: the reward is being gamed.";
        if (Ends(stage, "entropy") is { } entropy && entropy.Last < entropy.First / 10)
            yield return $"The entropy of stage {stage.Name} fell to {Figures.Plain(entropy.Last)} from {Figures.Plain(entropy.First)} nats: it hardly tries anything new any more.";
    }

    static (double First, double Last)? Ends(StageLog stage, string field)
    {
        var values = stage.Series(field).Select(p => p.Y).ToList();
        if (values.Count < 5) return null;
        int n = values.Count / 5;
        return (values.Take(n).Average(), values.TakeLast(n).Average());
    }
}
