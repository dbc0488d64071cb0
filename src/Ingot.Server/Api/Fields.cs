using System.Text.Json;

namespace Ingot.Server.Api;

/// <summary>The fields of a JSON object in a request. A field that is null is absent; one of the wrong type is an error that names it; unknown ones are nobody's concern.</summary>
/// <param name="json">The object.</param>
/// <param name="path">Where in the request it is, such as <c>messages[0].</c>; empty at the top.</param>
readonly struct Fields(JsonElement json, string path = "")
{
    /// <summary>Elements of an array; lists of tokens are the longest.</summary>
    const int MostItems = 262_144;

    /// <exception cref="ApiException">It is no object.</exception>
    public static Fields Of(JsonElement json, string path) =>
        json.ValueKind == JsonValueKind.Object ? new(json, path.Length == 0 ? "" : path + ".") : throw Wrong(path, "an object", json);

    public string PathOf(string name) => path + name;

    public JsonElement? this[string name] => json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public string? Text(string name) => this[name] is { } v ? v.ValueKind == JsonValueKind.String ? TextOf(v, path + name) : throw Wrong(path + name, "a string", v) : null;

    public string RequiredText(string name) => Text(name) ?? throw Missing(name);

    public bool? Flag(string name) => this[name] is { } v ? v.ValueKind is JsonValueKind.True or JsonValueKind.False ? v.GetBoolean() : throw Wrong(path + name, "a boolean", v) : null;

    public double? Number(string name, double least, double most)
    {
        if (this[name] is not { } v) return null;
        if (v.ValueKind != JsonValueKind.Number || !v.TryGetDouble(out double number)) throw Wrong(path + name, "a number", v);
        return number >= least && number <= most ? number : throw ApiException.Invalid(path + name, $"'{path}{name}' is {v.GetRawText()}, but must be from {least} to {most}");
    }

    public int? Whole(string name, int least, int most)
    {
        if (this[name] is not { } v) return null;
        if (v.ValueKind != JsonValueKind.Number) throw Wrong(path + name, "an integer", v);
        if (!v.TryGetInt64(out long number))
            throw v.TryGetDouble(out double d) && Math.Floor(d) == d ? OutOfRange(path + name, v) : Wrong(path + name, "an integer", v);
        return number >= least && number <= most ? (int)number : throw OutOfRange(path + name, v);

        ApiException OutOfRange(string at, JsonElement v) => ApiException.Invalid(at, $"'{at}' is {v.GetRawText()}, but must be from {least} to {most}");
    }

    public Fields? Object(string name) => this[name] is { } v ? Of(v, path + name) : null;

    /// <summary>Each element and the name it has in errors.</summary>
    public IReadOnlyList<(JsonElement Json, string Path)>? Array(string name)
    {
        if (this[name] is not { } v) return null;
        return v.ValueKind == JsonValueKind.Array ? Items(v, path + name) : throw Wrong(path + name, "an array", v);
    }

    /// <summary>The elements of an array, and their names.</summary>
    /// <exception cref="ApiException">There are too many: each takes many times the room that it has in the request.</exception>
    public static IReadOnlyList<(JsonElement Json, string Path)> Items(JsonElement array, string path)
    {
        if (array.GetArrayLength() > MostItems) throw ApiException.Invalid(path, $"'{path}' has {array.GetArrayLength():N0} elements; at most {MostItems:N0} are allowed");
        return [.. array.EnumerateArray().Select((e, i) => (e, $"{path}[{i}]"))];
    }

    public ApiException Missing(string name) => new(400, $"the field '{path}{name}' is missing", "missing_required_parameter", path + name);

    /// <summary>A string's text. JSON's escapes can make lone surrogates, which are no text.</summary>
    public static string TextOf(JsonElement value, string path)
    {
        try { return value.GetString()!; }
        catch (InvalidOperationException) { throw ApiException.Invalid(path, $"'{path}' is not valid Unicode text"); }
    }

    public static ApiException Wrong(string path, string expected, JsonElement value) =>
        new(400, $"'{path}' must be {expected}, not {NameOf(value.ValueKind)}", "invalid_type", path);

    static string NameOf(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "this number",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        _ => "null",
    };
}
