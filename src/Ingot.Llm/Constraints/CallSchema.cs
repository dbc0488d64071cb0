using System.Text.Json;
using System.Text.Json.Nodes;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Constraints;

/// <summary>The JSON schema of a call that a model has to make.</summary>
static class CallSchema
{
    /// <summary>Keywords whose value has schemas by names that are not keywords.</summary>
    static readonly HashSet<string> Named = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

    /// <summary>Keywords whose value is data, whatever it looks like.</summary>
    static readonly HashSet<string> Data = ["const", "enum", "default", "example", "examples"];

    /// <summary>{"name": ..., "arguments": ...} of any of the tools, or of the one that is named.</summary>
    /// <param name="tools">What may be called.</param>
    /// <param name="name">The one that must be; null: any.</param>
    /// <param name="argumentsKey">What the arguments are called.</param>
    /// <exception cref="IngotException">None has that name.</exception>
    public static JsonElement Of(IReadOnlyList<ToolDefinition> tools, string? name, string argumentsKey = "arguments")
    {
        var chosen = tools.Where(t => name is null || t.Name == name).ToList();
        if (chosen.Count == 0) throw new IngotException($"tool_choice names '{name}', but the tools are {string.Join(", ", tools.Select(t => t.Name))}");
        var choices = chosen.Select(JsonNode? (t, i) => new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["name"] = new JsonObject { ["const"] = t.Name },
                [argumentsKey] = t.Parameters is { } p ? Nested(JsonNode.Parse(p.GetRawText()), chosen.Count == 1 ? $"#/properties/{argumentsKey}" : $"#/anyOf/{i}/properties/{argumentsKey}")
                    : new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(), ["additionalProperties"] = false },
            },
            ["required"] = new JsonArray("name", argumentsKey),
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
