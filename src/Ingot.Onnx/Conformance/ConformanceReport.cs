using System.Text;
using System.Text.Json;

namespace Ingot.Onnx.Conformance;

/// <summary>The score of a run of cases, in words and as JSON.</summary>
/// <param name="results">How each case went.</param>
public sealed class ConformanceReport(IReadOnlyList<ConformanceResult> results)
{
    public (int Passed, int Total) Core => Count(r => !r.IsSpecial && r.Group != "light");

    public (int Passed, int Total) Special => Count(r => r.IsSpecial);

    /// <summary>Whole networks, which ONNX's own suite keeps apart as well.</summary>
    public (int Passed, int Total) Light => Count(r => r.Group == "light");

    (int, int) Count(Func<ConformanceResult, bool> which) => (results.Count(r => which(r) && r.Passed), results.Count(which));

    /// <summary>A line an operator, the failures with their reasons, and the totals.</summary>
    public string Text()
    {
        var text = new StringBuilder();
        int width = results.Count == 0 ? 0 : results.Max(r => r.Operator.Length);
        foreach (var op in results.GroupBy(r => r.Operator).OrderBy(g => g.Key, StringComparer.Ordinal))
            text.Append($"{op.Key.PadRight(width)}  {op.Count(r => r.Passed),4} of {op.Count(),4}\n");
        foreach (var failed in results.Where(r => !r.Passed)) text.Append($"FAIL {failed.Group}/{failed.Name}{(failed.IsSpecial ? " (special)" : "")}: {failed.Failure!.ReplaceLineEndings(" ")}\n");
        text.Append($"core     {Core.Passed,5} of {Core.Total,5}\nspecial  {Special.Passed,5} of {Special.Total,5}\n");
        if (Light.Total > 0) text.Append($"light    {Light.Passed,5} of {Light.Total,5}\n");
        return text.ToString();
    }

    /// <summary>{"core": {"passed", "total"}, "special": {"passed", "total"}, "cases": [..]}; the light models are among the cases, with their group.</summary>
    public void Json(Stream stream)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        foreach (var (name, (passed, total)) in new[] { ("core", Core), ("special", Special) })
        {
            json.WriteStartObject(name);
            json.WriteNumber("passed", passed);
            json.WriteNumber("total", total);
            json.WriteEndObject();
        }
        json.WriteStartArray("cases");
        foreach (var r in results)
        {
            json.WriteStartObject();
            json.WriteString("group", r.Group);
            json.WriteString("case", r.Name);
            json.WriteString("op", r.Operator);
            json.WriteBoolean("special", r.IsSpecial);
            json.WriteBoolean("passed", r.Passed);
            if (r.Failure is not null) json.WriteString("reason", r.Failure);
            json.WriteNumber("ms", Math.Round(r.Milliseconds, 1));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
