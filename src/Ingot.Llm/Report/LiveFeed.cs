using System.Diagnostics;
using System.Text.Json;

namespace Ingot.Llm.Report;

/// <summary>
/// The page of a run that is going on, and then its pieces as they change. The run's files are looked at once a second at most, and only while somebody asks; only their new lines are
/// read, and only what they change is sent. May be used by several threads.
/// </summary>
public sealed class LiveFeed
{
    /// <summary>The training wants the processor: looking and drawing get a fiftieth of one core, however slow they are.</summary>
    const int RestPerWork = 50;

    readonly TimeSpan longest = TimeSpan.FromSeconds(5);

    readonly TimeSpan pause;

    readonly Lock guard = new();
    readonly RunReader reader;
    readonly Dictionary<string, (string Html, long Version)> parts = [];
    List<string> order = [];
    RunReport report;
    long looked;
    TimeSpan rest;
    // Greater than any version of an earlier process: its pages, when they come back, get everything.
    long version = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    /// <param name="run">The run folder; it need not exist yet.</param>
    public LiveFeed(string run) : this(run, TimeSpan.FromMilliseconds(900)) { }

    internal LiveFeed(string run, TimeSpan pause)
    {
        this.pause = pause;
        if (pause == TimeSpan.Zero) longest = pause;
        reader = new(run);
        report = reader.Report();
        Draw();
    }

    /// <summary>The whole page as it is now; its script asks for <see cref="Changes"/>.</summary>
    public string Page()
    {
        lock (guard)
        {
            Look();
            return HtmlReport.Page(report, isLive: true, version);
        }
    }

    /// <summary>What changed after a version.</summary>
    /// <param name="after">The version of the page, or of the last changes that it got.</param>
    /// <returns>The version now, and a JSON array of <c>{id, html, order}</c>, an element of the page each; null if nothing changed.</returns>
    public (long Version, string? Json) Changes(long after)
    {
        lock (guard)
        {
            Look();
            var changed = order.Where(id => parts[id].Version > after).Select(id => new { id, html = parts[id].Html, order = HtmlReport.ChartOrder(id) }).ToList();
            return (version, changed.Count == 0 ? null : JsonSerializer.Serialize(changed, JsonSerializerOptions.Web));
        }
    }

    void Look()
    {
        if (Stopwatch.GetElapsedTime(looked) < rest) return;
        long start = Stopwatch.GetTimestamp();
        if (reader.Refresh())
        {
            report = reader.Report();
            Draw();
        }
        looked = Stopwatch.GetTimestamp();
        var cost = Stopwatch.GetElapsedTime(start, looked) * RestPerWork;
        rest = cost < pause ? pause : cost > longest ? longest : cost;
    }

    void Draw()
    {
        version++;
        var drawn = HtmlReport.Parts(report, isLive: true);
        order = [.. drawn.Select(p => p.Id)];
        foreach (var (id, markup) in drawn)
        {
            string html = markup.ToString();
            if (!parts.TryGetValue(id, out var before) || before.Html != html) parts[id] = (html, version);
        }
    }
}
