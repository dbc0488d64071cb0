using System.Text.Json;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>Reads the fields of JSON objects, with errors that name them.</summary>
static class JsonFields
{
    public static string Text(this JsonElement e, string name) => e.OptionalText(name) ?? throw new FormatException($"\"{name}\" is missing in {Excerpt(e)}");

    public static string? OptionalText(this JsonElement e, string name) => e.Field(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } s => s.GetString(),
        { } other => throw new FormatException($"\"{name}\" is {Excerpt(other)}, not a text"),
    };

    public static bool Flag(this JsonElement e, string name, bool standard) => e.Field(name) switch
    {
        null => standard,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw new FormatException($"\"{name}\" is {Excerpt(other)}, not true or false"),
    };

    public static int Number(this JsonElement e, string name, int? standard = null)
    {
        if (e.Field(name) is not { } value) return standard ?? throw new FormatException($"\"{name}\" is missing in {Excerpt(e)}");
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : throw new FormatException($"\"{name}\" is {Excerpt(value)}, not a whole number");
    }

    /// <summary>A field that is there and not null.</summary>
    public static JsonElement? Field(this JsonElement e, string name)
    {
        if (e.ValueKind != JsonValueKind.Object) throw new FormatException($"{Excerpt(e)} stands where an object with \"{name}\" should");
        return e.TryGetProperty(name, out var value) && value.ValueKind is not JsonValueKind.Null ? value : null;
    }

    public static IEnumerable<JsonElement> Items(this JsonElement e, string name) => e.Field(name) switch
    {
        null => throw new FormatException($"\"{name}\" is missing in {Excerpt(e)}"),
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray(),
        { } other => throw new FormatException($"\"{name}\" is {Excerpt(other)}, not a list"),
    };

    public static string Excerpt(JsonElement e) => e.GetRawText() is var text && text.Length > 80 ? text[..80] + "..." : text;
}
