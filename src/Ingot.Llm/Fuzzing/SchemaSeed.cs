using System.Text.Json.Nodes;

namespace Ingot.Llm.Fuzzing;

/// <summary>JSON schemas put together from all keywords, most of them such that they can be honoured.</summary>
sealed class SchemaSeed(Random random)
{
    static readonly string[] Names = ["a", "b", "x1", "é", "name_1", "a\"b", ""];
    static readonly string[] Values = ["1", "2.5", "-3", "0", "10", "\"a\"", "\"abc\"", "\"2024-01-01\"", "true", "false", "null", "[1,2]", "[]", "{}", "{\"a\":1}", "{\"b\":\"a\",\"a\":1}"];
    static readonly string[] Formats = ["date-time", "date", "time", "email", "uuid", "ipv4", "ipv6", "uri", "hostname", "duration", "nothing"];
    static readonly string[] Patterns = ["^[a-c]{2,5}$", "a", "^x", "^(ab|c)*d?$", "^[a-z_]+$", "\\d+", "(", "(?=a)", "^é"];
    static readonly string[] Bounds = ["0", "1", "-5", "100", "0.5", "7.25", "-0.001", "1e3", "2", "3", "10", "1e40", "12345678901234567890"];
    static readonly string[] References = ["#/$defs/d", "#/$defs/r", "#/definitions/e~1f%20g", "#", "#/anyOf/0", "#/$defs/none", "http://x", "#/allOf/9", "#/properties/a"];
    static readonly string[] Types = ["object", "array", "string", "number", "integer", "boolean", "null"];

    bool Sometimes(int one) => random.Next(one) == 0;

    string Any(string[] of) => of[random.Next(of.Length)];

    /// <summary>A whole schema.</summary>
    public JsonObject New()
    {
        var schema = Object(0);
        if (schema.ContainsKey("$ref") || Sometimes(2)) schema["$defs"] = new JsonObject { ["d"] = New(3), ["r"] = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["$ref"] = Sometimes(2) ? "#/$defs/r" : "#/$defs/d" } } };
        if (Sometimes(4)) schema["definitions"] = new JsonObject { ["e/f g"] = New(3) };
        return schema;
    }

    JsonNode? New(int depth) => random.Next(14) switch { 0 => JsonValue.Create(true), 1 when Sometimes(6) => JsonValue.Create(false), 2 when Sometimes(12) => JsonValue.Create(3), _ => Object(depth) };

    JsonObject Object(int depth)
    {
        var s = new JsonObject();
        switch (random.Next(depth > 3 ? 6 : 13))
        {
            case 0: Text(s); break;
            case 1 or 2: Number(s); break;
            case 3: s["enum"] = List(1, 5); if (Sometimes(2)) s["type"] = Any(Types); if (Sometimes(4)) Beside(s); break;
            case 4: s["const"] = Value(); if (Sometimes(3)) s["enum"] = List(1, 4); break;
            case 5: s["type"] = Sometimes(3) ? new JsonArray("integer", "number", "null") : Sometimes(5) ? new JsonArray(Any(Types), Any(Types)) : Any(Types); if (Sometimes(4)) s["nullable"] = Sometimes(2); break;
            case 6 or 7: Properties(s, depth); break;
            case 8: Items(s, depth); break;
            case 9: s["$ref"] = Sometimes(3) ? Any(References) : References[random.Next(2)]; if (Sometimes(3)) s["minLength"] = 1; if (Sometimes(6)) Beside(s); break;
            default:
                string keyword = Any(["anyOf", "anyOf", "oneOf", "allOf"]);
                s[keyword] = Sometimes(20) ? new JsonArray() : keyword == "oneOf" && !Sometimes(4) ? Disjoint() : new JsonArray([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => keyword == "allOf" ? Alike(depth) : New(depth + 1))]);
                if (Sometimes(3)) Beside(s);
                if (Sometimes(6)) s[Any(["anyOf", "oneOf", "allOf"])] = new JsonArray(New(depth + 1), New(depth + 1));
                break;
        }
        if (Sometimes(12)) s[Any(["title", "description", "default", "x-own", "$comment"])] = "text";
        if (Sometimes(40)) s[Any(["if", "not", "contains", "dependentSchemas", "unevaluatedItems"])] = new JsonObject();
        if (Sometimes(25)) s[Any(["nullable", "type", "required", "minimum", "maxLength", "properties", "enum", "uniqueItems"])] = Value();
        return s;
    }

    /// <summary>Keywords of one type beside what is there.</summary>
    void Beside(JsonObject s)
    {
        switch (random.Next(4))
        {
            case 0: Text(s); break;
            case 1: Number(s); break;
            case 2: Properties(s, 4); break;
            default: s["type"] = Any(Types); break;
        }
    }

    /// <summary>Parts of an allOf that have a type in common.</summary>
    JsonObject Alike(int depth)
    {
        var s = new JsonObject();
        if (depth % 2 == 0) Properties(s, depth + 2);
        else if (random.Next(2) == 0) Number(s);
        else Items(s, depth + 2);
        if (Sometimes(3)) s["anyOf"] = new JsonArray(Object(4), Object(4));
        return s;
    }

    JsonArray Disjoint()
    {
        switch (random.Next(4))
        {
            case 0: return new(new JsonObject { ["type"] = "string" }, new JsonObject { ["type"] = Any(Types) });
            case 1: return new(new JsonObject { ["enum"] = List(1, 3) }, new JsonObject { ["enum"] = List(1, 3) });
            case 2: return new(new JsonObject { ["enum"] = List(1, 3) }, Object(4), Object(4));
            default:
                var alternatives = new JsonArray();
                foreach (string kind in (string[])["x", "y"])
                {
                    var alternative = new JsonObject { ["properties"] = new JsonObject { ["kind"] = new JsonObject { ["const"] = kind }, ["a"] = Object(4) }, ["required"] = new JsonArray("kind") };
                    if (!Sometimes(3)) alternative["type"] = "object";
                    alternatives.Add((JsonNode)alternative);
                }
                return alternatives;
        }
    }

    JsonNode? Value() => JsonNode.Parse(Any(Values));

    JsonArray List(int least, int most) => [.. Enumerable.Range(0, random.Next(least, most)).Select(_ => Value())];

    void Text(JsonObject s)
    {
        if (!Sometimes(3)) s["type"] = "string";
        if (Sometimes(2)) s["pattern"] = Sometimes(5) ? PatternSeed.New(random) : Any(Patterns);
        if (Sometimes(3)) s["format"] = Any(Formats);
        if (Sometimes(3)) s["minLength"] = random.Next(6);
        if (Sometimes(3)) s["maxLength"] = Sometimes(9) ? 100_000 : random.Next(12);
    }

    void Number(JsonObject s)
    {
        if (!Sometimes(4)) s["type"] = Sometimes(2) ? "integer" : "number";
        foreach (string bound in (string[])["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
            if (Sometimes(3)) s[bound] = JsonNode.Parse(Any(Bounds));
        if (Sometimes(3)) s["multipleOf"] = JsonNode.Parse(Any(["1", "2", "5", "0.1", "0.01", "0.3", "7", "0", "250", "1000000"]));
    }

    void Items(JsonObject s, int depth)
    {
        if (!Sometimes(4)) s["type"] = "array";
        if (!Sometimes(4)) s["items"] = Sometimes(8) ? JsonValue.Create(Sometimes(2)) : Sometimes(12) ? new JsonArray(New(depth + 1), New(depth + 1)) : Sometimes(3) ? new JsonObject { ["enum"] = List(1, 6) } : New(depth + 1);
        if (Sometimes(3)) s["prefixItems"] = new JsonArray(New(depth + 1), New(depth + 1));
        if (Sometimes(10)) s["additionalItems"] = New(depth + 1);
        if (Sometimes(3)) s["minItems"] = random.Next(4);
        if (Sometimes(3)) s["maxItems"] = random.Next(6);
        if (Sometimes(3)) s["uniqueItems"] = !Sometimes(4);
    }

    void Properties(JsonObject s, int depth)
    {
        if (!Sometimes(4)) s["type"] = "object";
        var properties = new JsonObject();
        for (int i = random.Next(4); i > 0; i--) properties[Names[random.Next(Sometimes(8) ? Names.Length : 5)]] = New(depth + 1);
        if (properties.Count > 0) s["properties"] = properties;
        if (Sometimes(2)) s["required"] = new JsonArray([.. properties.Select(p => p.Key).Where(_ => Sometimes(2)).Append(Sometimes(4) ? Any(Names) : "a").Select(n => JsonValue.Create(n))]);
        if (Sometimes(2)) s["additionalProperties"] = Sometimes(2) ? JsonValue.Create(Sometimes(2)) : New(depth + 1);
        if (Sometimes(6)) s["patternProperties"] = Sometimes(3) ? new JsonObject { ["^x"] = New(depth + 1), [Any(Patterns)] = New(depth + 1) } : new JsonObject { [Any(Patterns)] = New(depth + 1) };
        if (Sometimes(8)) s["propertyNames"] = random.Next(6) switch
        {
            0 => new JsonObject { ["enum"] = new JsonArray("a", "b", "zz") },
            1 => new JsonObject { ["pattern"] = Any(Patterns) },
            2 => new JsonObject { ["minLength"] = 1, ["maxLength"] = random.Next(1, 8), ["type"] = "string" },
            3 => new JsonObject { ["const"] = "a" },
            4 => JsonValue.Create(true),
            _ => New(depth + 1),
        };
        if (Sometimes(5)) s["minProperties"] = random.Next(4);
        if (Sometimes(5)) s["maxProperties"] = Sometimes(9) ? 100 : random.Next(5);
    }
}
