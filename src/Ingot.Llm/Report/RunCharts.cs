namespace Ingot.Llm.Report;

/// <summary>Which charts a run has, by what its logs contain.</summary>
static class RunCharts
{
    public static List<Chart> Of(RunReport report)
    {
        var plan = report.Plan;
        // The losses of preferences and of rewards are other things than nats a token.
        bool IsText(StageLog s) => s.Last("reward") is null && s.Last("accuracy") is null;
        bool IsRl(StageLog s) => s.Last("reward") is not null;
        bool IsDpo(StageLog s) => s.Last("accuracy") is not null;
        List<Chart?> charts =
        [
            Make(report, "loss", "Loss", "nats a token", IsText, [("loss", "training"), ("valLoss", "validation")]) is { } c ? c with { CutsStart = true, Reference = plan?.Loss is { } l ? (l, "planned") : null } : null,
            Domains(report),
            Make(report, "throughput", "Throughput", "tokens a second", _ => true, [("tokensPerSecond", "tokens a second")]) is { } t ? t with { FromZero = true, IsNoisy = true } : null,
            Make(report, "gflops", "Arithmetic", plan?.PeakGflops is null ? "GFLOPS" : "GFLOPS; right: of the measured peak", _ => true, [("gflops", "GFLOPS")]) is { } g
                ? g with { FromZero = true, IsNoisy = true, Whole = plan?.PeakGflops is > 0 and { } peak ? peak : null, Reference = plan?.Gflops is { } p ? (p, "planned") : null } : null,
            Make(report, "rate", "Learning rate", "factor on all rates", _ => true, [("rate", "factor")]) is { } r ? r with { FromZero = true } : null,
            Make(report, "norm", "Gradient norm", "before clipping", _ => true, [("gradNorm", "norm")]) is { } n ? n with { FromZero = true, IsNoisy = true, CutsStart = true } : null,
            Make(report, "preferences", "Preferences", "pairs ranked right", IsDpo, [("accuracy", "accuracy")]) is { } a ? a with { IsPart = true, IsNoisy = true } : null,
            Make(report, "margin", "Preference margin and loss", "nats", IsDpo, [("margin", "margin"), ("loss", "loss")]) is { } m ? m with { IsNoisy = true } : null,
            Make(report, "rewards", "Rewards", "mean of a step's answers", IsRl, [("reward", "reward"), ("check", "independent check"), ("passAtK", "pass@k")]) is { } w ? w with { FromZero = true, IsNoisy = true, IsPart = AreParts(report, "reward", "check", "passAtK") } : null,
            Make(report, "entropy", "Entropy", "nats a token", IsRl, [("entropy", "entropy")]) is { } e ? e with { FromZero = true, IsNoisy = true } : null,
            Make(report, "distinct", "Distinct answers", AreParts(report, "distinct") ? "of those to one prompt" : "to one prompt", IsRl, [("distinct", "distinct")]) is { } d ? d with { FromZero = true, IsNoisy = true, IsPart = AreParts(report, "distinct") } : null,
            Make(report, "kl", "Distance from the start", "KL, nats a token", IsRl, [("kl", "KL")]) is { } k ? k with { FromZero = true, IsNoisy = true } : null,
        ];
        return [.. charts.OfType<Chart>()];
    }

    static Chart? Make(RunReport report, string id, string title, string unit, Func<StageLog, bool> isShown, (string Field, string Name)[] fields)
    {
        var panels = new List<ChartPanel>();
        foreach (var stage in report.Stages.Where(isShown))
        {
            List<ChartLine> lines = [.. fields.Select((f, i) => new ChartLine(f.Name, i + 1, stage.Series(f.Field))).Where(l => l.Points.Count > 0)];
            if (lines.Count > 0) panels.Add(Panel(report, stage, lines));
        }
        return panels.Count == 0 ? null : new(id, title, unit, panels);
    }

    static Chart? Domains(RunReport report)
    {
        List<string> domains = [.. report.Stages.SelectMany(s => s.Names("bitsPerByte")).Distinct()];
        var panels = new List<ChartPanel>();
        foreach (var stage in report.Stages)
        {
            List<ChartLine> lines = [.. domains.Select((d, i) => new ChartLine(d, i % 6 + 1, stage.Series($"bitsPerByte.{d}"))).Where(l => l.Points.Count > 0)];
            if (lines.Count > 0) panels.Add(Panel(report, stage, lines));
        }
        return panels.Count == 0 ? null : new("bits", "Bits per byte", "of held-out text, by domain", panels) { CutsStart = true };
    }

    /// <summary>As wide as the stage is long, in seconds where they are known of all stages, else in steps.</summary>
    static ChartPanel Panel(RunReport report, StageLog stage, List<ChartLine> lines)
    {
        double? Seconds(string name) => report.Plan?.Stage(name)?.Seconds ?? (report.Run?.StageSeconds.TryGetValue(name, out double s) == true ? s : null);
        double last = stage.Points[^1].Step, end = Math.Max(last, stage.IsDone ? last : stage.Steps ?? report.Plan?.Stage(stage.Name)?.Steps ?? last);
        return new(stage.Name, report.Stages.All(s => Seconds(s.Name) is > 0) ? Seconds(stage.Name)!.Value : end, end, lines);
    }

    static bool AreParts(RunReport report, params string[] fields) => report.Stages.All(s => fields.All(f => s.Series(f).All(p => p.Y is >= 0 and <= 1)));
}
