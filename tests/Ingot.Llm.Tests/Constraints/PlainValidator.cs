using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ingot.Llm.Tests.Constraints;

/// <summary>JSON Schema as its specification reads, for the keywords that constraints honour: written apart from them.</summary>
static class PlainValidator
{
    public static bool IsValid(JsonElement schema, JsonElement value, JsonElement root)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False) return schema.GetBoolean();
        foreach (var k in schema.EnumerateObject())
            if (!Holds(k.Name, k.Value, schema, value, root)) return false;
        return true;
    }

    static bool Holds(string keyword, JsonElement k, JsonElement schema, JsonElement v, JsonElement root)
    {
        var kind = v.ValueKind;
        bool isNumber = kind == JsonValueKind.Number, isText = kind == JsonValueKind.String, isArray = kind == JsonValueKind.Array, isObject = kind == JsonValueKind.Object;
        int Length() => v.GetString()!.EnumerateRunes().Count();
        return keyword switch
        {
            "type" => k.ValueKind == JsonValueKind.String ? Is(v, k.GetString()!) : k.EnumerateArray().Any(t => Is(v, t.GetString()!)),
            "enum" => k.EnumerateArray().Any(e => JsonElement.DeepEquals(e, v)),
            "const" => JsonElement.DeepEquals(k, v),
            "minimum" => !isNumber || v.GetDecimal() >= k.GetDecimal(),
            "maximum" => !isNumber || v.GetDecimal() <= k.GetDecimal(),
            "exclusiveMinimum" => !isNumber || v.GetDecimal() > k.GetDecimal(),
            "exclusiveMaximum" => !isNumber || v.GetDecimal() < k.GetDecimal(),
            "minLength" => !isText || Length() >= k.GetInt32(),
            "maxLength" => !isText || Length() <= k.GetInt32(),
            "pattern" => !isText || Regex.IsMatch(v.GetString()!, k.GetString()!, RegexOptions.ECMAScript),
            "format" => !isText || IsFormat(k.GetString()!, v.GetString()!),
            "minItems" => !isArray || v.GetArrayLength() >= k.GetInt32(),
            "maxItems" => !isArray || v.GetArrayLength() <= k.GetInt32(),
            "prefixItems" => !isArray || v.EnumerateArray().Zip(k.EnumerateArray()).All(p => IsValid(p.Second, p.First, root)),
            "items" => !isArray || v.EnumerateArray().Skip(schema.TryGetProperty("prefixItems", out var first) ? first.GetArrayLength() : 0).All(i => IsValid(k, i, root)),
            "required" => !isObject || k.EnumerateArray().All(r => v.TryGetProperty(r.GetString()!, out _)),
            "properties" => !isObject || k.EnumerateObject().All(p => !v.TryGetProperty(p.Name, out var x) || IsValid(p.Value, x, root)),
            "additionalProperties" => !isObject || v.EnumerateObject().All(p => IsNamed(schema, p.Name) || IsValid(k, p.Value, root)),
            "patternProperties" => !isObject || k.EnumerateObject().All(n => v.EnumerateObject().All(p => !Regex.IsMatch(p.Name, n.Name) || IsValid(n.Value, p.Value, root))),
            "minProperties" => !isObject || v.EnumerateObject().Count() >= k.GetInt32(),
            "maxProperties" => !isObject || v.EnumerateObject().Count() <= k.GetInt32(),
            "not" => !IsValid(k, v, root),
            "if" => !schema.TryGetProperty(IsValid(k, v, root) ? "then" : "else", out var follows) || IsValid(follows, v, root),
            "contains" => !isArray || v.EnumerateArray().Count(i => IsValid(k, i, root)) is var found && found >= Count(schema, "minContains", 1) && found <= Count(schema, "maxContains", int.MaxValue),
            "dependentRequired" => !isObject || k.EnumerateObject().All(d => !v.TryGetProperty(d.Name, out _) || d.Value.EnumerateArray().All(n => v.TryGetProperty(n.GetString()!, out _))),
            "dependentSchemas" => !isObject || k.EnumerateObject().All(d => !v.TryGetProperty(d.Name, out _) || IsValid(d.Value, v, root)),
            "unevaluatedProperties" => !isObject || v.EnumerateObject().All(p => Looks(schema, v, root, p.Name, -1, isOuter: true) || IsValid(k, p.Value, root)),
            "unevaluatedItems" => !isArray || v.EnumerateArray().Index().All(i => Looks(schema, v, root, null, i.Index, isOuter: true) || IsValid(k, i.Item, root)),
            "anyOf" => k.EnumerateArray().Any(s => IsValid(s, v, root)),
            "oneOf" => k.EnumerateArray().Count(s => IsValid(s, v, root)) == 1,
            "allOf" => k.EnumerateArray().All(s => IsValid(s, v, root)),
            "$ref" => IsValid(Resolve(k.GetString()!, root), v, root),
            _ => true,
        };
    }

    static int Count(JsonElement schema, string keyword, int otherwise) => schema.TryGetProperty(keyword, out var k) ? k.GetInt32() : otherwise;

    static bool IsNamed(JsonElement schema, string name) => schema.TryGetProperty("properties", out var named) && named.TryGetProperty(name, out _)
        || schema.TryGetProperty("patternProperties", out var patterns) && patterns.EnumerateObject().Any(p => Regex.IsMatch(name, p.Name));

    /// <summary>Whether a schema, or one that holds in the same place, looked at a property or an item of a value.</summary>
    static bool Looks(JsonElement schema, JsonElement v, JsonElement root, string? name, int item, bool isOuter)
    {
        if (schema.ValueKind != JsonValueKind.Object || !isOuter && !IsValid(schema, v, root)) return false;
        bool Has(string keyword, out JsonElement k) => schema.TryGetProperty(keyword, out k);
        bool Inner(JsonElement s) => Looks(s, v, root, name, item, isOuter: false);
        if (name is not null && (IsNamed(schema, name) || Has("additionalProperties", out _) || !isOuter && Has("unevaluatedProperties", out _))) return true;
        if (item >= 0 && (Has("prefixItems", out var first) && item < first.GetArrayLength() || Has("items", out _) || !isOuter && Has("unevaluatedItems", out _) || Has("contains", out var c) && IsValid(c, v[item], root))) return true;
        if (Has("$ref", out var reference) && Inner(Resolve(reference.GetString()!, root))) return true;
        foreach (string keyword in new[] { "allOf", "anyOf", "oneOf" })
            if (Has(keyword, out var all) && all.EnumerateArray().Any(Inner)) return true;
        if (Has("if", out var condition) && (Inner(condition) || Has(IsValid(condition, v, root) ? "then" : "else", out var follows) && Inner(follows))) return true;
        return Has("dependentSchemas", out var dependents) && v.ValueKind == JsonValueKind.Object && dependents.EnumerateObject().Any(d => v.TryGetProperty(d.Name, out _) && Inner(d.Value));
    }

    static JsonElement Resolve(string reference, JsonElement root)
    {
        foreach (string step in reference.Split('/').Skip(1)) root = root.GetProperty(step);
        return root;
    }

    static bool Is(JsonElement v, string type) => type switch
    {
        "integer" => v.ValueKind == JsonValueKind.Number && v.GetDecimal() is var d && d == decimal.Truncate(d),
        "number" => v.ValueKind == JsonValueKind.Number,
        "boolean" => v.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => v.ValueKind.ToString().Equals(type, StringComparison.OrdinalIgnoreCase),
    };

    static bool IsFormat(string format, string text) => format switch
    {
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", out _) || text.StartsWith("0000", StringComparison.Ordinal),
        "date-time" => DateTimeOffset.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out _) || text.StartsWith("0000", StringComparison.Ordinal) || text.StartsWith("0001-01-01", StringComparison.Ordinal) || text.StartsWith("9999-12-3", StringComparison.Ordinal),
        "uuid" => Guid.TryParseExact(text, "D", out _),
        "ipv4" or "ipv6" => System.Net.IPAddress.TryParse(text, out _),
        "uri" => Uri.TryCreate(text, UriKind.Absolute, out _),
        "email" => text.Count(c => c == '@') == 1,
        _ => true,
    };
}
