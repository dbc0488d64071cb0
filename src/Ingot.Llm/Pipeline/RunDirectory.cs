using System.Diagnostics;
using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Planning;
using Ingot.Runtime;

namespace Ingot.Llm.Pipeline;

/// <summary>An answer to one of the prompts that every stage is asked.</summary>
/// <param name="Stage">Which model.</param>
/// <param name="Step">Of the stage.</param>
/// <param name="Prompt">The user's words, or the beginning of a text.</param>
/// <param name="Text">What the model wrote.</param>
public sealed record Sample(string Stage, int Step, string Prompt, string Text);

/// <summary>How much of an evaluation set stands in the training data.</summary>
/// <param name="Set">Its name.</param>
/// <param name="Items">In it.</param>
/// <param name="Overlapping">Of them with a run of words that training data has.</param>
/// <param name="Length">Words of a run.</param>
public sealed record SetOverlap(string Set, int Items, int Overlapping, int Length);

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

    /// <summary>Worked on it so far.</summary>
    public double Seconds { get; init; }

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

    /// <summary>Writes a stage's scores and answers, and those of all stages so far beside the plan.</summary>
    /// <param name="stage">Which.</param>
    /// <param name="metrics">Its scores.</param>
    /// <param name="samples">Its answers.</param>
    /// <param name="stages">All stages in order.</param>
    public void WriteResults(string stage, IEnumerable<Metric> metrics, IEnumerable<Sample> samples, IEnumerable<string> stages)
    {
        Directory.CreateDirectory(Stage(stage));
        AtomicFile.WriteText(System.IO.Path.Combine(Stage(stage), "samples.jsonl"), Lines(samples));
        AtomicFile.WriteText(System.IO.Path.Combine(Stage(stage), "metrics.jsonl"), Lines(metrics));
        foreach (string name in new[] { "metrics.jsonl", "samples.jsonl" })
            AtomicFile.WriteText(InFolder(name), string.Concat(stages.Select(s => System.IO.Path.Combine(Stage(s), name)).Where(File.Exists).Select(File.ReadAllText)));
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

    /// <summary>Notes that all is done.</summary>
    internal void Finish() => record = record with { Finished = DateTimeOffset.UtcNow };

    /// <summary>Of the sources this was built from, as the SDK notes it in the assembly.</summary>
    static string? SourceCommit => typeof(RunDirectory).Assembly.GetCustomAttributes(typeof(System.Reflection.AssemblyInformationalVersionAttribute), false) is [System.Reflection.AssemblyInformationalVersionAttribute { InformationalVersion: var version }]
        && version.Split('+') is [_, var commit] ? commit : null;

    void Write()
    {
        record = record with { Seconds = before + since.Elapsed.TotalSeconds };
        AtomicFile.WriteText(InFolder("run.json"), JsonSerializer.Serialize(record, json) + "\n");
    }

    string InFolder(string name) => System.IO.Path.Combine(Path, name);

    sealed class Stopping(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
