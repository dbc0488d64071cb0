using System.Globalization;
using System.Text.Json;

namespace Ingot.Llm.Report;

/// <summary>Reads fields that may be missing, null or of another kind: a report of an odd file shows less, it does not fail.</summary>
static class JsonReading
{
    public static JsonElement? Field(this JsonElement e, string name) =>
        e.ValueKind == JsonValueKind.Object && e.TryGetProperty(name, out var f) && f.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined) ? f : null;

    /// <summary>A finite number; what is not finite is written as a text such as "NaN", and is none.</summary>
    public static double? Number(this JsonElement e, string name) => e.Field(name) is { ValueKind: JsonValueKind.Number } f && f.TryGetDouble(out double d) && double.IsFinite(d) ? d : null;

    public static string? Text(this JsonElement e, string name) => e.Field(name) is { ValueKind: JsonValueKind.String } f ? f.GetString() : null;

    public static DateTimeOffset? Time(this JsonElement e, string name) =>
        e.Text(name) is { } t && DateTimeOffset.TryParse(t, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    public static IEnumerable<JsonElement> Items(this JsonElement e, string name) => e.Field(name) is { ValueKind: JsonValueKind.Array } f ? f.EnumerateArray() : [];

    public static IEnumerable<JsonProperty> Fields(this JsonElement e) => e.ValueKind == JsonValueKind.Object ? e.EnumerateObject() : [];

    /// <summary>What a field says, as text to show: a string itself, an object as "name value, name value".</summary>
    public static string? Shown(this JsonElement e, string name) => e.Field(name) is { } f ? Show(f) : null;

    static string Show(JsonElement e) => e.ValueKind switch
    {
        JsonValueKind.String => e.GetString()!,
        JsonValueKind.Object => string.Join(", ", e.EnumerateObject().Select(p => $"{p.Name} {Show(p.Value)}")),
        JsonValueKind.Array => string.Join(" ", e.EnumerateArray().Select(Show)),
        JsonValueKind.Number => e.GetDouble().ToString("#,0.##", CultureInfo.InvariantCulture),
        _ => e.GetRawText(),
    };

    /// <summary>The object in a file; null where there is none, or where it is only half written.</summary>
    public static JsonElement? File(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var document = JsonDocument.Parse(stream);
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}
