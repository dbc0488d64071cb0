using System.Diagnostics;
using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Models;
using Ingot.Llm.Planning;
using Ingot.Llm.Training;
using Ingot.Runtime;

namespace Ingot.Llm.Pipeline;

/// <summary>run.json: where, when and how long; the times add up over interruptions.</summary>
public sealed record RunRecord
{
    /// <summary>As it was given.</summary>
    public string Command { get; init; } = "";

    /// <summary>Of Ingot's sources; null if not known.</summary>
    public string? Commit { get; init; }

    public string Machine { get; init; } = "";

    public DateTimeOffset Started { get; init; }

    /// <summary>Null while it goes on.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>Worked on it so far; a kill loses those of the stage it hit.</summary>
    public double Seconds { get; init; }

    /// <summary>The most memory that the process held, bytes.</summary>
    public long PeakMemory { get; init; }

    /// <summary>What the run warned of while it went.</summary>
    public List<string> Warnings { get; init; } = [];

    /// <summary>Of them by stage.</summary>
    public Dictionary<string, double> StageSeconds { get; init; } = [];

    public ulong Seed { get; init; }

    public string? World { get; init; }

    public IReadOnlyList<string> Data { get; init; } = [];
}

/// <summary>The folder of a whole run, from which the report is made: plan.json, run.json, tokenizer.json, a folder a stage, metrics.jsonl and samples.jsonl.</summary>
/// <param name="path">The folder.</param>
public sealed class RunDirectory(string path)
{
    const string OverlapName = "overlap.jsonl";

    static readonly string[] FileNames = ["plan.json", "run.json", "tokenizer.json", "metrics.jsonl", "samples.jsonl", OverlapName, "report.html", "report.md", "report.json"];

    static readonly string[] StageNames = [.. StageRecipe.InOrder.Select(s => s.Recipe.Name), "dpo", "rl"];

    static readonly JsonSerializerOptions json = new(JsonSerializerOptions.Web) { WriteIndented = true };

    RunRecord record = new();
    Stopwatch since = new();
    double before;

    public string Path { get; } = path;

    public string Tokenizer => InFolder("tokenizer.json");

    /// <summary>The final model.</summary>
    public string Model => InFolder("model");

    /// <summary>The folder of a stage.</summary>
    public string Stage(string name) => InFolder(name);

    /// <summary>True once the scores of a stage are there.</summary>
    public bool HasMetrics(string stage) => File.Exists(System.IO.Path.Combine(Stage(stage), "metrics.jsonl"));

    /// <summary>Writes a stage's scores and answers; with the scores they count.</summary>
    public void WriteResults(string stage, IEnumerable<Metric> metrics, IEnumerable<Sample> samples)
    {
        Directory.CreateDirectory(Stage(stage));
        AtomicFile.WriteText(System.IO.Path.Combine(Stage(stage), "samples.jsonl"), Lines(samples));
        AtomicFile.WriteText(System.IO.Path.Combine(Stage(stage), "metrics.jsonl"), Lines(metrics));
    }

    /// <summary>Puts the results of all stages so far beside the plan. Done again whenever a stage is passed: a kill may have come between a stage's results and this.</summary>
    /// <param name="stages">All, in order.</param>
    public void Collect(IEnumerable<string> stages)
    {
        foreach (string name in new[] { "metrics.jsonl", "samples.jsonl" })
        {
            string all = string.Concat(stages.Select(s => System.IO.Path.Combine(Stage(s), name)).Where(File.Exists).Select(File.ReadAllText));
            if (!File.Exists(InFolder(name)) || File.ReadAllText(InFolder(name)) != all) AtomicFile.WriteText(InFolder(name), all);
        }
    }

    /// <summary>Writes how much of each evaluation set stands in the training data.</summary>
    public void WriteOverlaps(IEnumerable<SetOverlap> overlaps) => AtomicFile.WriteText(InFolder(OverlapName), Lines(overlaps));

    public bool HasOverlaps => File.Exists(InFolder(OverlapName));

    static string Lines<T>(IEnumerable<T> items) => string.Concat(items.Select(i => JsonSerializer.Serialize(i, JsonSerializerOptions.Web) + "\n"));

    /// <summary>Goes on counting the time of the run; what was counted is written when it is disposed, and after every stage.</summary>
    internal IDisposable Clock(SpeedrunPlan plan, Stopwatch clock)
    {
        var path = InFolder("run.json");
        if (File.Exists(path))
        {
            try { record = JsonSerializer.Deserialize<RunRecord>(File.ReadAllText(path), json) ?? record; }
            catch (JsonException e) { throw new FormatException($"{path} is damaged: {e.Message}", e); }
        }
        else
        {
            record = new()
            {
                Command = string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Prepend("ingot").Select(a => a.Contains(' ', StringComparison.Ordinal) ? $"'{a}'" : a)),
                Commit = SourceCommit,
                Machine = $"{Cpu.Name}, {Cpu.Cores} cores, {Cpu.Level}",
                Started = DateTimeOffset.UtcNow - clock.Elapsed,
                Seed = plan.Settings.Seed,
                World = plan.Settings.World,
                Data = plan.Settings.Data,
            };
        }
        (since, before) = (clock, record.Seconds);
        Write();
        return new Stopping(Write);
    }

    /// <summary>Counts the time of a stage until it is disposed.</summary>
    internal IDisposable Time(string stage)
    {
        var clock = Stopwatch.StartNew();
        return new Stopping(() =>
        {
            record.StageSeconds[stage] = record.StageSeconds.GetValueOrDefault(stage) + clock.Elapsed.TotalSeconds;
            Write();
        });
    }

    /// <summary>Keeps a warning for the report.</summary>
    internal void Warn(string text)
    {
        record.Warnings.Add(text);
        Write();
    }

    /// <summary>Notes that all is done.</summary>
    internal void Finish()
    {
        if (record.Finished is not null) return;
        Write();
        record = record with { Finished = DateTimeOffset.UtcNow };
        Save();
    }

    /// <summary>Of the sources this was built from, as the SDK notes it in the assembly.</summary>
    static string? SourceCommit => typeof(RunDirectory).Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyInformationalVersionAttribute), false) is [System.Reflection.AssemblyInformationalVersionAttribute { InformationalVersion: var version }]
        && version.Split('+') is [_, var commit] ? commit : null;

    /// <summary>A run that is done is not written to again: looking at it takes no time of its own.</summary>
    void Write()
    {
        if (record.Finished is not null) return;
        using var process = Process.GetCurrentProcess();
        record = record with { Seconds = before + since.Elapsed.TotalSeconds, PeakMemory = Math.Max(record.PeakMemory, process.PeakWorkingSet64) };
        Save();
    }

    void Save() => AtomicFile.WriteText(InFolder("run.json"), JsonSerializer.Serialize(record, json) + "\n");

    /// <summary>Removes what Ingot wrote of a run or of a stage into a folder, and nothing else.</summary>
    /// <exception cref="IngotException">It cannot be removed, or a model's folder holds something else: then nothing is removed.</exception>
    public static void Clear(string path)
    {
        string[] folders = [path, .. StageNames.Select(s => System.IO.Path.Combine(path, s))];
        if (folders.SelectMany(f => ModelFolder.Others(StageRun.ModelPath(f))).FirstOrDefault() is { } other)
            throw new IngotException($"{other} is not a model's file and would be lost with the model beside it; move it away");
        try
        {
            foreach (string folder in folders.Reverse()) ClearOne(folder);
        }
        catch (Exception e) when (AtomicFile.IsOfTheSystem(e)) { throw new IngotException($"cannot clear the folder {path}: {AtomicFile.Reason(e)}", e); }

        static void ClearOne(string path)
        {
            if (!Directory.Exists(path)) return;
            if (Directory.Exists(StageRun.ModelPath(path))) Directory.Delete(StageRun.ModelPath(path), recursive: true);
            foreach (string file in Directory.EnumerateFiles(path).ToList())
                if (System.IO.Path.GetFileName(file) is var name && (FileNames.Contains(name) || StageFolder.IsOurs(name))) File.Delete(file);
            if (!Directory.EnumerateFileSystemEntries(path).Any()) Directory.Delete(path);
        }
    }

    string InFolder(string name) => System.IO.Path.Combine(Path, name);

    sealed class Stopping(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
