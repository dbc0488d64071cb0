using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Serving;

/// <summary>The JSON schema of a call that a model has to make.</summary>
static class CallSchema
{
    /// <summary>Keywords whose value has schemas by names that are not keywords.</summary>
    static readonly HashSet<string> Named = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];

    /// <summary>Keywords whose value is data, whatever it looks like.</summary>
    static readonly HashSet<string> Data = ["const", "enum", "default", "example", "examples"];

    /// <summary>{"name": ..., "arguments": ...} of any of the tools, or of the one that is named.</summary>
    /// <exception cref="IngotException">None has that name.</exception>
    public static JsonElement Of(IReadOnlyList<ToolDefinition> tools, string? name)
    {
        var chosen = tools.Where(t => name is null || t.Name == name).ToList();
        if (chosen.Count == 0) throw new IngotException($"tool_choice names '{name}', but the tools are {string.Join(", ", tools.Select(t => t.Name))}");
        var choices = chosen.Select(JsonNode? (t, i) => new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["name"] = new JsonObject { ["const"] = t.Name },
                ["arguments"] = t.Parameters is { } p ? Nested(JsonNode.Parse(p.GetRawText()), chosen.Count == 1 ? "#/properties/arguments" : $"#/anyOf/{i}/properties/arguments")
                    : new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(), ["additionalProperties"] = false },
            },
            ["required"] = new JsonArray("name", "arguments"),
            ["additionalProperties"] = false,
        }).ToArray();
        return JsonSerializer.SerializeToElement(choices.Length == 1 ? choices[0]! : new JsonObject { ["anyOf"] = new JsonArray(choices) });
    }

    /// <summary>A schema that is no longer the root: what refers to a place in it ("#/$defs/X") refers to where that place is now.</summary>
    static JsonNode? Nested(JsonNode? schema, string root, bool isNamed = false)
    {
        if (schema is JsonArray items)
            foreach (var item in items) Nested(item, root);
        if (schema is not JsonObject all) return schema;
        foreach (var (keyword, value) in all.ToList())
        {
            if (isNamed) Nested(value, root);
            else if (keyword == "$ref" && value is JsonValue text && text.TryGetValue(out string? reference) && reference.StartsWith('#')) all[keyword] = root + reference[1..];
            else if (!Data.Contains(keyword)) Nested(value, root, Named.Contains(keyword));
        }
        return schema;
    }
}
