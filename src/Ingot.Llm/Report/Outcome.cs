namespace Ingot.Llm.Report;

/// <summary>A prediction of the plan beside what came.</summary>
/// <param name="Name">Of what.</param>
/// <param name="Unit">How both numbers are to be read: seconds, nats, flops, bytes, tokens, gflops.</param>
/// <param name="Planned">Null if the plan has none.</param>
/// <param name="Real">Null if it is not known, or not yet.</param>
/// <param name="Tolerance">Part of the plan that it may differ by; null where it is not scored.</param>
/// <param name="Note">Where the numbers are from.</param>
sealed record Prediction(string Name, string Unit, double? Planned, double? Real, double? Tolerance, string Note)
{
    /// <summary>Part by which it came out greater than planned.</summary>
    public double? Difference => Planned is { } p and not 0 && Real is { } r ? r / p - 1 : null;

    public bool? IsMet => Tolerance is { } t && Difference is { } d ? Math.Abs(d) <= t : null;

    public string Show(double? v) => v is not { } x ? "–" : Unit switch
    {
        "seconds" => Figures.Duration(x),
        "flops" => Figures.Power(x),
        "bytes" => Figures.Bytes(x),
        "tokens" => Figures.Count(x),
        "gflops" => $"{Figures.Plain(x)} GFLOPS",
        _ => $"{Figures.Plain(x)} {Unit}",
    };
}

/// <summary>What came of a run, by its logs, beside its plan.</summary>
sealed class Outcome
{
    /// <summary>Part of the planned time that the real one may differ by, and of the loss.</summary>
    public const double TimeTolerance = 0.10, LossTolerance = 0.05;

    public Outcome(RunReport report)
    {
        var (plan, run) = (report.Plan, report.Run);
        IsFinished = run?.Finished is not null;
        Seconds = run?.Seconds ?? (run is { Started: { } s, Finished: { } f } ? (f - s).TotalSeconds : null);
        var pretraining = report.Stages.FirstOrDefault(s => s.Name == "base") ?? report.Stages.FirstOrDefault(s => s.Last("loss") is not null);
        Loss = pretraining?.Recent("loss");
        BitsPerByte = report.Stages.LastOrDefault(s => s.Names("bitsPerByte").Any())?.Names("bitsPerByte").ToDictionary(d => d, d => report.Stages.Last(s => s.Last($"bitsPerByte.{d}") is not null).Last($"bitsPerByte.{d}")!.Value) ?? [];
        Skipped = (int)report.Stages.Sum(s => s.Last("skipped") ?? 0);
        var rates = report.Stages.Where(s => s.Name is "base" or "mid").SelectMany(s => s.Series("gflops")).Select(p => p.Y).ToList();
        if (rates.Count == 0) rates = [.. report.Stages.SelectMany(s => s.Series("gflops")).Select(p => p.Y)];
        if (rates.Count > 0) Gflops = Median(rates);
        // The plan's tokens and FLOPs may be pretraining's alone.
        double? ofAll = Sum(plan?.Stages.Select(s => s.Tokens));
        bool isOfBase = plan?.Stage("base")?.Tokens is { } ofBase && plan.Tokens is { } ofPlan && Math.Abs(ofBase - ofPlan) < 0.05 * ofPlan;
        string covered = isOfBase ? "pretraining" : "all stages";
        double tokens = 0, flops = 0;
        foreach (var stage in report.Stages.Where(s => !isOfBase || s.Name == "base"))
        {
            if (plan?.Stage(stage.Name) is not { Tokens: { } planned, Steps: > 0 and { } steps } || stage.Points.Count == 0) continue;
            double seen = planned * stage.Points[^1].Step / steps;
            tokens += seen;
            // FLOPs a token are the quotient of the two rates that each line has.
            if (stage.Last("gflops") is { } g && stage.Last("tokensPerSecond") is > 0 and { } rate) flops += seen * g * 1e9 / rate;
        }
        (Tokens, Flops) = (tokens > 0 ? tokens : null, flops > 0 ? flops : null);
        bool isBaseDone = pretraining is not null && (pretraining.IsDone || run?.Finished is not null || plan?.Stage(pretraining.Name)?.Steps is { } all && pretraining.Points.Count > 0 && pretraining.Points[^1].Step >= all);
        List<Prediction> predictions =
        [
            new("time", "seconds", plan?.Seconds, IsFinished ? Seconds : null, TimeTolerance, "the whole run"),
            new("loss", "nats", plan?.Loss, isBaseDone ? Loss : null, LossTolerance, "mean of the last tenth of pretraining, a token"),
            new("tokens", "tokens", isOfBase ? plan!.Tokens : ofAll ?? plan?.Tokens, Tokens, null, covered),
            new("FLOPs", "flops", plan?.FlopsExact ?? plan?.Flops6nd, Flops, null, $"{covered}, with attention; real: the logged rate by the tokens seen"),
            new("speed", "gflops", plan?.Gflops, Gflops, null, "training, median of the logged lines"),
            new("memory", "bytes", plan?.TrainingBytes, run?.PeakMemory, null, "real: the most that the whole process held"),
        ];
        Predictions = [.. predictions.Where(p => p.Planned is not null || p.Real is not null)];
    }

    public bool IsFinished { get; }

    public double? Seconds { get; }

    public double? Loss { get; }

    /// <summary>Last measured, by domain.</summary>
    public IReadOnlyDictionary<string, double> BitsPerByte { get; }

    public double? Tokens { get; }

    public double? Flops { get; }

    public double? Gflops { get; }

    public int Skipped { get; }

    public IReadOnlyList<Prediction> Predictions { get; }

    static double? Sum(IEnumerable<double?>? values) => values?.Where(v => v is not null).ToList() is { Count: > 0 } v ? v.Sum() : null;

    internal static double Median(IEnumerable<double> values)
    {
        var v = values.Order().ToList();
        return v.Count % 2 == 1 ? v[v.Count / 2] : (v[v.Count / 2 - 1] + v[v.Count / 2]) / 2;
    }
}
