using Ingot.Formats;
using Ingot.Llm.Evaluation;

namespace Ingot.Llm.Report;

/// <summary>A run, from the files in its folder alone: what was planned, what came, how good the model is at each stage, and what it says. Also of a run that is going on.</summary>
public sealed class RunReport
{
    MetricTable? table;
    Outcome? outcome;
    IReadOnlyList<string>? warnings;

    internal RunReport(string run) => Folder = Path.GetFullPath(run);

    /// <summary>The run folder.</summary>
    public string Folder { get; }

    /// <summary>The frozen plan; null where there is no plan.json.</summary>
    public PlanSummary? Plan { get; internal init; }

    /// <summary>Null where there is no run.json.</summary>
    public RunSummary? Run { get; internal init; }

    public IReadOnlyList<Metric> Metrics { get; internal init; } = [];

    internal IReadOnlyList<StageLog> Stages { get; init; } = [];

    internal IReadOnlyList<Sample> Samples { get; init; } = [];

    internal IReadOnlyList<SetOverlap> Overlaps { get; init; } = [];

    /// <summary>Lines that were no JSON.</summary>
    internal int Unreadable { get; init; }

    internal MetricTable Table => table ??= MetricTable.Of(Metrics);

    internal Outcome Outcome => outcome ??= new(this);

    internal string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Folder));

    /// <summary>What a reader should know before believing the numbers, a sentence each.</summary>
    public IReadOnlyList<string> Warnings => warnings ??= Findings.Of(this);

    /// <summary>Reads a run folder. A last line that is still being written, and files that do not exist yet, are left out.</summary>
    /// <exception cref="IngotException">There is no such folder.</exception>
    public static RunReport Read(string run)
    {
        if (!Directory.Exists(run)) throw new IngotException($"there is no run folder {run}; ingot speedrun --out {run} makes one");
        var reader = new RunReader(run);
        reader.Refresh();
        return reader.Report();
    }

    /// <summary>One self-contained page: styles, script and plots are in it, nothing is loaded.</summary>
    public string Html() => HtmlReport.Page(this);

    /// <summary>The same without plots, for a terminal or a repository.</summary>
    public string Markdown() => MarkdownReport.Text(this);

    /// <summary>The numbers; docs/llm.md describes the fields.</summary>
    public string Json() => JsonReport.Text(this);

    /// <summary>Writes report.html, report.md and report.json into the run folder, each as a whole.</summary>
    /// <exception cref="IngotException">One of them cannot be written.</exception>
    public void Write()
    {
        AtomicFile.WriteText(Path.Combine(Folder, "report.html"), Html());
        AtomicFile.WriteText(Path.Combine(Folder, "report.md"), Markdown());
        AtomicFile.WriteText(Path.Combine(Folder, "report.json"), Json());
    }
}
