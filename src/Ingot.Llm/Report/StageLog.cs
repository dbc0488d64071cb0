using System.Text.Json;

namespace Ingot.Llm.Report;

/// <summary>A line of a stage's log: every number in it by name, those of an object as <c>object.name</c>, such as <c>bitsPerByte.stories</c>.</summary>
readonly record struct LogPoint(double Step, IReadOnlyDictionary<string, double> Values);

/// <summary>What a stage has logged so far.</summary>
sealed class StageLog(string name)
{
    /// <summary>The order in which a run goes through them; other stages come after these.</summary>
    public static IReadOnlyList<string> Order { get; } = ["random", "tokenizer", "base", "mid", "sft", "dpo", "rl"];

    readonly List<LogPoint> points = [];

    public string Name { get; } = name;

    public IReadOnlyList<LogPoint> Points => points;

    /// <summary>Steps it is to take, from its checkpoint; null before the first one.</summary>
    public double? Steps { get; set; }

    /// <summary>Its model has been written.</summary>
    public bool IsDone { get; set; }

    public static int Rank(string stage) => Order.ToList().IndexOf(stage) is >= 0 and var i ? i : Order.Count;

    public void Add(JsonElement line)
    {
        if (line.Number("step") is not { } step) return;
        // A run killed after its checkpoint does steps again: its new lines stand for the old ones.
        while (points.Count > 0 && points[^1].Step >= step) points.RemoveAt(points.Count - 1);
        var values = new Dictionary<string, double>();
        foreach (var p in line.EnumerateObject())
        {
            if (line.Number(p.Name) is { } number) values[p.Name] = number;
            foreach (var inner in p.Value.Fields())
                if (p.Value.Number(inner.Name) is { } n) values[$"{p.Name}.{inner.Name}"] = n;
        }
        points.Add(new(step, values));
    }

    public void Clear() => points.Clear();

    /// <summary>(step, value) of the lines that have this number.</summary>
    public List<(double X, double Y)> Series(string field) => [.. points.Where(p => p.Values.ContainsKey(field)).Select(p => (p.Step, p.Values[field]))];

    public double? First(string field) => points.Where(p => p.Values.ContainsKey(field)).Select(p => (double?)p.Values[field]).FirstOrDefault();

    public double? Last(string field) => points.Where(p => p.Values.ContainsKey(field)).Select(p => (double?)p.Values[field]).LastOrDefault();

    /// <summary>Mean of the last tenth of the lines that have a number: a single line's loss is that of one batch.</summary>
    public double? Recent(string field)
    {
        var values = Series(field);
        return values.Count == 0 ? null : values.TakeLast(Math.Max(1, values.Count / 10)).Average(p => p.Y);
    }

    /// <summary>Names in an object of numbers, such as the domains of <c>bitsPerByte</c>, in the order of the log.</summary>
    public IEnumerable<string> Names(string field) => points.SelectMany(p => p.Values.Keys).Where(k => k.StartsWith(field + ".", StringComparison.Ordinal)).Select(k => k[(field.Length + 1)..]).Distinct();
}
