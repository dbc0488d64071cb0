using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>A config.json: fields by name, with errors that name field and file.</summary>
sealed class ConfigJson(JsonElement json, string path, JsonElement standard = default)
{
    public string Path { get; } = path;

    public bool Has(string name) => Find(name) is not null;

    /// <summary>True if the field is there and says more than no: false, 0 and an empty list say no.</summary>
    public bool IsSet(string name) => Find(name) is { } v && v.ValueKind switch
    {
        JsonValueKind.False => false,
        JsonValueKind.Number => v.TryGetDouble(out double n) && n != 0,
        JsonValueKind.Array => v.GetArrayLength() > 0,
        _ => true,
    };

    public int Size(string name) => OptionalSize(name) ?? throw Missing(name);

    /// <summary>A whole number from 1 to 2^31 - 1.</summary>
    public int? OptionalSize(string name) => Find(name) is not { } v ? null
        : v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out int n) && n > 0 ? n : throw Wrong(name, v, "a whole number from 1");

    public double Number(string name, double? standard = null) => Find(name) is not { } v ? standard ?? throw Missing(name)
        : v.ValueKind == JsonValueKind.Number && v.TryGetDouble(out double n) && double.IsFinite(n) ? n : throw Wrong(name, v, "a number");

    public bool Flag(string name, bool standard) => Find(name) is not { } v ? standard
        : v.ValueKind is JsonValueKind.True or JsonValueKind.False ? v.GetBoolean() : throw Wrong(name, v, "true or false");

    public string? Text(string name) => Find(name) is not { } v ? null : v.ValueKind == JsonValueKind.String ? Text(name, v) : throw Wrong(name, v, "a text");

    string Text(string name, JsonElement v)
    {
        try { return v.GetString()!; }
        catch (InvalidOperationException) { throw new FormatException($"{Path}: '{name}' is a text whose bytes or escapes are not valid"); }
    }

    /// <summary>A field that holds fields.</summary>
    public ConfigJson? Section(string name) => Find(name) is not { } v ? null : v.ValueKind == JsonValueKind.Object ? new(v, $"{Path}: {name}") : throw Wrong(name, v, "an object");

    /// <summary>Numbers of a list; null if the field is absent.</summary>
    public IReadOnlyList<double>? Numbers(string name) => Find(name) is not { } v ? null
        : v.ValueKind == JsonValueKind.Array ? [.. v.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Number && e.TryGetDouble(out double n) && double.IsFinite(n) ? n : throw Wrong(name, v, "a list of numbers"))] : throw Wrong(name, v, "a list of numbers");

    /// <summary>Texts of a list; none if the field is absent.</summary>
    public IReadOnlyList<string> Texts(string name) => Find(name) is not { } v ? []
        : v.ValueKind == JsonValueKind.Array ? [.. v.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.String ? Text(name, e) : throw Wrong(name, v, "a list of texts"))] : throw Wrong(name, v, "a list of texts");

    /// <summary>A token id, or several, as eos_token_id is written.</summary>
    public IReadOnlyList<int> Tokens(string name) => Find(name) is not { } v ? []
        : v.ValueKind == JsonValueKind.Array ? [.. v.EnumerateArray().Select(e => Token(name, e))] : [Token(name, v)];

    int Token(string name, JsonElement v) => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out int n) && n >= 0 ? n : throw Wrong(name, v, "a token id");

    /// <summary>The same file with values for fields that it leaves out.</summary>
    public ConfigJson Else(JsonObject values) => new(json, Path, JsonSerializer.SerializeToElement(values));

    JsonElement? Find(string name) => Find(json, name) ?? Find(standard, name);

    static JsonElement? Find(JsonElement fields, string name) => fields.ValueKind == JsonValueKind.Object && fields.TryGetProperty(name, out var v) && v.ValueKind != JsonValueKind.Null ? v : null;

    FormatException Missing(string name) => new($"{Path} has no '{name}'");

    FormatException Wrong(string name, JsonElement v, string wanted)
    {
        string raw;
        try { raw = v.GetRawText(); }
        catch (InvalidOperationException) { raw = "something that is no UTF-8"; }
        return new($"{Path}: '{name}' must be {wanted}, not {(raw.Length > 60 ? raw[..60] + "..." : raw)}");
    }
}
