using System.Text.Json;

namespace Ingot.Llm.Report;

/// <summary>What the report shows of run.json.</summary>
public sealed record RunSummary
{
    public string? Command { get; init; }

    public string? Commit { get; init; }

    public string? Machine { get; init; }

    public DateTimeOffset? Started { get; init; }

    /// <summary>Null while it is going on, and after it was killed.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>Work of the whole run, the times of a run that was continued added up.</summary>
    public double? Seconds { get; init; }

    public IReadOnlyDictionary<string, double> StageSeconds { get; init; } = new Dictionary<string, double>();

    public string? Seed { get; init; }

    public string? World { get; init; }

    public string? Data { get; init; }

    /// <summary>The most memory the process held, bytes (<c>peakMemory</c>).</summary>
    public double? PeakMemory { get; init; }

    /// <summary>What the run itself warned of (<c>warnings</c>).</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Reads run.json; fields that it does not have stay null.</summary>
    public static RunSummary Read(JsonElement e) => new()
    {
        Command = e.Shown("command"),
        Commit = e.Shown("commit"),
        Machine = e.Shown("machine"),
        Started = e.Time("started"),
        Finished = e.Time("finished"),
        Seconds = e.Number("seconds"),
        StageSeconds = PlanSummary.Numbers(e, "stageSeconds"),
        Seed = e.Shown("seed"),
        World = e.Shown("world"),
        Data = e.Shown("data"),
        PeakMemory = e.Number("peakMemory"),
        Warnings = [.. e.Items("warnings").Where(w => w.ValueKind == JsonValueKind.String).Select(w => w.GetString()!)],
    };
}
