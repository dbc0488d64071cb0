using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ingot.Bench;

/// <summary>One line of the table: what a benchmark measured.</summary>
/// <param name="Name">Of the benchmark.</param>
/// <param name="Value">The median of the samples that were kept.</param>
/// <param name="Unit">Of the value.</param>
/// <param name="PeakFraction">Median of each sample's part of the peak measured beside it; null where there is no such roof.</param>
/// <param name="Min">The lowest of the kept samples.</param>
/// <param name="Max">The highest of them.</param>
/// <param name="Kept">Samples beside which the machine was undisturbed. 0: none was, and the numbers are those of all samples.</param>
/// <param name="Taken">Samples in all.</param>
public sealed record Figure(string Name, double Value, string Unit, double? PeakFraction, double Min, double Max, int Kept, int Taken)
{
    /// <summary>What else there is to say, such as the loss that a training reached.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Note { get; init; }

    static readonly JsonSerializerOptions json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The figure as one line of JSON, numbers to four digits.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        this with { Value = Short(Value), PeakFraction = PeakFraction is { } p ? Short(p) : null, Min = Short(Min), Max = Short(Max) }, json);

    /// <exception cref="FormatException">The line is no figure.</exception>
    public static Figure FromJson(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<Figure>(line, json) ?? throw new FormatException($"'{line}' is no figure");
        }
        catch (JsonException e)
        {
            throw new FormatException($"'{line}' is no line of ingot bench --json: {e.Message}");
        }
    }

    /// <summary>The figure for people to read.</summary>
    public override string ToString() =>
        $"{Name,-34} {Number(Value),10} {Unit,-8} {(PeakFraction is { } p ? $"{p,6:P0} of the peak" : "                 ")}  [{Number(Min)}-{Number(Max)}], {(Kept == 0 && Taken > 0 ? $"none of {Taken} undisturbed" : $"{Kept} of {Taken} kept")}"
        + (Note is null ? "" : $"; {Note}");

    static string Number(double x) => x switch { >= 1000 => $"{x:N0}", >= 100 => $"{x:F0}", >= 10 => $"{x:F1}", >= 0.1 => $"{x:F2}", _ => $"{x:G3}" };

    static double Short(double x)
    {
        if (x == 0 || !double.IsFinite(x)) return x;
        double scale = Math.Pow(10, 3 - Math.Floor(Math.Log10(Math.Abs(x))));
        return Math.Round(x * scale) / scale;
    }
}
