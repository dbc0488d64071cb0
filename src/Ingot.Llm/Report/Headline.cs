namespace Ingot.Llm.Report;

/// <summary>What a run comes to in a few words, for the page and for the text.</summary>
static class Headline
{
    public static string Title(RunReport report)
    {
        string model = report.Plan?.Parameters is { } n ? $"A language model of {Figures.Count(n)} parameters" : $"Run {report.Name}";
        return report.Outcome is { IsFinished: true, Seconds: { } s } ? $"{model}, from nothing in {Figures.Duration(s)}" : model;
    }

    public static string Subtitle(RunReport report)
    {
        var (plan, parts) = (report.Plan, new List<string>());
        if (plan is not null)
        {
            if (plan.ModelNumber("layers") is { } layers && plan.ModelNumber("width") is { } width)
                parts.Add($"{layers:N0} layers of width {width:N0}{(plan.ModelNumber("heads") is { } heads ? $", {heads:N0} heads" : "")}{(plan.ModelNumber("vocabularySize") is { } v ? $", vocabulary {v:N0}" : "")}{(plan.ModelNumber("contextLength") is { } c ? $", context {c:N0}" : "")}");
            if ((report.Outcome.Tokens ?? plan.Tokens) is { } tokens) parts.Add($"{Figures.Count(tokens)} tokens");
        }
        if (Machine(report) is { } machine) parts.Add(machine);
        return parts.Count == 0 ? report.Folder : string.Join(" · ", parts);
    }

    static string? Machine(RunReport report) => report.Plan?.Cpu is { } cpu ? cpu + (report.Plan.Cores is { } cores ? $", {cores:N0} {(cores == 1 ? "core" : "cores")}" : "") : report.Run?.Machine;

    /// <summary>The few numbers that say how it went.</summary>
    public static List<(string Name, string Value, string Note)> Tiles(RunReport report)
    {
        var (plan, outcome, tiles) = (report.Plan, report.Outcome, new List<(string, string, string)>());
        if (outcome is { IsFinished: true, Seconds: { } seconds }) tiles.Add(("time", Figures.Duration(seconds), plan?.Seconds is { } p ? $"{Figures.Duration(p)} planned" : ""));
        if (outcome.BitsPerByte.Count > 0)
        {
            var (domain, bits) = outcome.BitsPerByte.First();
            tiles.Add(("bits per byte", Figures.Plain(bits), $"{domain}, held out"));
        }
        if (outcome.Loss is { } loss) tiles.Add(("pretraining loss", Figures.Plain(loss), plan?.Loss is { } l ? $"{Figures.Plain(l)} planned, nats a token" : "nats a token"));
        if (outcome.Gflops is { } g) tiles.Add(("speed", $"{Figures.Plain(g)} GFLOPS", plan?.PeakGflops is > 0 and { } peak ? $"{Figures.Percent(g / peak, 0)} of the measured peak" : ""));
        if (report.Stages.LastOrDefault(s => s.Last("reward") is not null) is { } rl && rl.Last("check") is { } check)
            tiles.Add(("RL, independent check", Figures.Percent(check, 0), $"{Figures.Percent(rl.First("check")!.Value, 0)} at its start"));
        var last = report.Table.Rows.Select(r => (Row: r, r.Cells.Values.Last().Metric)).Where(m => m.Metric.Baseline is not null).ToList();
        if (last.Count > 0) tiles.Add(("scores above baseline", $"{last.Count(m => MetricTable.BeatsBaseline(m.Row, m.Metric) == true)} of {last.Count}", "beyond the 95% interval"));
        return tiles;
    }

    /// <summary>Planned and real seconds of every stage that has either.</summary>
    public static List<(string Name, double? Planned, double? Real)> StageTimes(RunReport report)
    {
        var real = report.Run?.StageSeconds ?? new Dictionary<string, double>();
        var names = (report.Plan?.Stages.Select(s => s.Name) ?? []).Concat(real.Keys).Distinct();
        return [.. names.Select(n => (n, report.Plan?.Stage(n)?.Seconds, real.TryGetValue(n, out double s) ? s : (double?)null)).Where(t => t.Item2 is not null || t.Item3 is not null)];
    }

    /// <summary>What is needed to make it again.</summary>
    public static List<(string Name, string Value)> Facts(RunReport report)
    {
        var (run, plan, facts) = (report.Run, report.Plan, new List<(string, string)>());
        void Add(string name, string? value) { if (!string.IsNullOrEmpty(value)) facts.Add((name, value)); }
        Add("command", run?.Command);
        Add("commit", run?.Commit);
        Add("machine", run?.Machine ?? Machine(report));
        if (plan?.Gflops is { } g) Add("measured before", $"{Figures.Plain(g)} GFLOPS with this model family{(plan.PeakGflops is { } peak ? $", {Figures.Plain(peak)} at best" : "")}");
        Add("seed", run?.Seed);
        Add("world", run?.World);
        Add("data", run?.Data);
        if (run?.Started is { } started) Add("started", Figures.Date(started));
        if (run?.Finished is { } finished) Add("finished", Figures.Date(finished));
        Add("folder", report.Folder);
        return facts;
    }
}
