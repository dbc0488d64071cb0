using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Report;

/// <summary>
/// A run folder as it is now, and what came since the last look: only new bytes of the logs are read, so that watching a run costs it nothing. The folder and every file may be missing.
/// </summary>
public sealed class RunReader
{
    readonly string run;
    readonly Dictionary<string, (StageLog Log, JsonLinesFile File)> stages = [];
    readonly Dictionary<string, (DateTime, long)> seen = [];
    readonly JsonLinesFile metricLines, sampleLines, overlapLines;
    readonly Dictionary<(string, string), Metric> metrics = [];
    readonly Dictionary<string, SetOverlap> overlaps = [];
    readonly List<Sample> samples = [];
    PlanSummary? plan;
    RunSummary? summary;

    /// <param name="run">The run folder; it need not exist yet.</param>
    public RunReader(string run)
    {
        this.run = run;
        (metricLines, sampleLines, overlapLines) = (new(InRun("metrics.jsonl")), new(InRun("samples.jsonl")), new(InRun("overlap.jsonl")));
    }

    /// <summary>Looks at the folder again.</summary>
    /// <returns>Whether anything is new.</returns>
    public bool Refresh()
    {
        bool isNew = false;
        if (HasChanged(InRun("plan.json")) && JsonReading.File(InRun("plan.json")) is { } p) (plan, isNew) = (PlanSummary.Read(p), true);
        if (HasChanged(InRun("run.json")) && JsonReading.File(InRun("run.json")) is { } r) (summary, isNew) = (RunSummary.Read(r), true);
        if (Directory.Exists(run))
            foreach (var folder in Directory.EnumerateDirectories(run))
                isNew |= RefreshStage(Path.GetFileName(folder));

        foreach (var line in New(metricLines, metrics.Clear, ref isNew))
            // A metric computed again, by a run that was continued, stands for the one before.
            if (line.Text("name") is { } name && line.Text("stage") is { } stage && line.Number("value") is { } value)
                metrics[(name, stage)] = new(name, stage, value, (int)(line.Number("n") ?? 0), line.Number("low") ?? value, line.Number("high") ?? value, line.Number("baseline"));
        foreach (var line in New(sampleLines, samples.Clear, ref isNew))
            if (line.Text("stage") is { } stage && line.Text("text") is { } text) samples.Add(new(stage, line.Number("step") ?? 0, line.Text("prompt") ?? "", text));
        foreach (var line in New(overlapLines, overlaps.Clear, ref isNew))
            if (line.Text("set") is { } set && line.Number("items") is { } items) overlaps[set] = new(set, (int)items, (int)(line.Number("overlapping") ?? 0), (int)(line.Number("length") ?? 13));
        return isNew;
    }

    /// <summary>The report of what was read by the last <see cref="Refresh"/>; it is to be drawn before the next one.</summary>
    public RunReport Report() => new(run)
    {
        Plan = plan,
        Run = summary,
        Stages = [.. stages.Values.Select(s => s.Log).Where(s => s.Points.Count > 0 || s.IsDone).OrderBy(s => StageLog.Rank(s.Name)).ThenBy(s => s.Name, StringComparer.Ordinal)],
        Metrics = [.. metrics.Values],
        Samples = [.. samples],
        Overlaps = [.. overlaps.Values],
        Unreadable = metricLines.Unreadable + sampleLines.Unreadable + overlapLines.Unreadable + stages.Values.Sum(s => s.File.Unreadable),
    };

    bool RefreshStage(string name)
    {
        if (!stages.TryGetValue(name, out var stage))
        {
            if (!File.Exists(InRun(name, "log.jsonl"))) return false;
            stages.Add(name, stage = (new(name), new(InRun(name, "log.jsonl"))));
        }
        bool isNew = false;
        foreach (var line in New(stage.File, stage.Log.Clear, ref isNew)) stage.Log.Add(line);
        if (HasChanged(InRun(name, "checkpoint.json")) && JsonReading.File(InRun(name, "checkpoint.json")) is { } checkpoint && checkpoint.Field("options")?.Number("steps") is { } steps)
            (stage.Log.Steps, isNew) = (steps, true);
        bool isDone = Directory.Exists(InRun(name, "model"));
        if (isDone != stage.Log.IsDone) (stage.Log.IsDone, isNew) = (isDone, true);
        return isNew;
    }

    /// <summary>New lines of a file; where it was cut, what its old lines said is forgotten first.</summary>
    static List<System.Text.Json.JsonElement> New(JsonLinesFile file, Action forget, ref bool isNew)
    {
        var lines = file.ReadNew(out bool restarted);
        if (restarted) forget();
        isNew |= restarted || lines.Count > 0;
        return lines;
    }

    bool HasChanged(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists) return false;
        var now = (file.LastWriteTimeUtc, file.Length);
        if (seen.TryGetValue(path, out var before) && before == now) return false;
        seen[path] = now;
        return true;
    }

    string InRun(params string[] parts) => Path.Combine([run, .. parts]);
}
