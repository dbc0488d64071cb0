using System.Text.Json.Nodes;

namespace Ingot.Llm.Constraints;

/// <summary>Several schemas that all have to hold, as one.</summary>
sealed partial class SchemaCompiler
{
    const int MostMerges = 32, MostAlternatives = 64;

    static JsonObject AsObject(JsonNode? schema, string path) => schema switch
    {
        JsonObject o => o,
        JsonValue v when v.TryGetValue(out bool anything) && anything => [],
        JsonValue v when v.TryGetValue(out bool anything) && !anything => throw Refused(path, "false", "nothing satisfies it"),
        _ => throw new IngotException($"the JSON schema at {path} is no object"),
    };

    /// <summary>A schema without $ref and allOf: what they say is merged into it. Unknown keywords are refused here.</summary>
    JsonObject Flat(JsonObject s, string path, int depth)
    {
        if (depth > MostMerges) throw Refused(path, "allOf", "it refers to itself");
        foreach (var (keyword, value) in s)
        {
            if (Known.Contains(keyword) || Annotations.Contains(keyword) || keyword.StartsWith("x-", StringComparison.Ordinal)) continue;
            throw Refused(path, keyword, "it is not supported");
        }
        JsonObject result = new([.. s.Where(p => p.Key is not ("$ref" or "allOf") && Known.Contains(p.Key)).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))]);
        if (result.Remove("const", out var constant)) result["enum"] = result["enum"] is JsonArray values ? new JsonArray([.. values.Where(x => JsonNode.DeepEquals(x, constant)).Select(x => x?.DeepClone())]) : new JsonArray(constant);
        if (s.TryGetPropertyValue("$ref", out var reference))
        {
            string name = TextOf(reference, path, "$ref");
            result = Merged(result, AsObject(Resolve(name, path), name), path, depth + 1) ?? throw Refused(path, "$ref", "it contradicts what stands beside it");
        }
        foreach (var (i, part) in (s["allOf"] as JsonArray ?? []).Index())
            result = Merged(result, AsObject(part, $"{path}/allOf/{i}"), $"{path}/allOf/{i}", depth + 1) ?? throw Refused($"{path}/allOf/{i}", "allOf", "it contradicts the others");
        return result;
    }

    /// <summary>What satisfies both; null if that is plainly nothing.</summary>
    JsonObject? Merged(JsonObject a, JsonObject b, string path, int depth)
    {
        (a, b) = (Flat(a, path, depth), Flat(b, path, depth));
        foreach (string keyword in new[] { "anyOf", "oneOf" })
        {
            // Alternatives stay outermost: each is merged with the other side.
            if (b[keyword] is not JsonArray alternatives || !a.Any(p => p.Key is not "nullable")) continue;
            var others = Without(b, keyword);
            JsonArray all = [];
            foreach (var alternative in alternatives)
            {
                if (Merged(a, others, path, depth + 1) is { } both && Merged(both, AsObject(alternative, path), path, depth + 1) is { } merged) all.Add((JsonNode)merged);
                if (all.Count > MostAlternatives) throw Refused(path, keyword, $"more than {MostAlternatives} combinations of alternatives");
            }
            if (a.ContainsKey("oneOf") || a.ContainsKey("anyOf")) return all.Count == 0 ? null : new JsonObject { ["anyOf"] = keyword == "anyOf" && !a.ContainsKey("oneOf") ? all : throw Refused(path, keyword, "beside other alternatives") };
            return all.Count == 0 ? null : new JsonObject { [keyword] = all };
        }
        if (a.ContainsKey("anyOf") || a.ContainsKey("oneOf"))
        {
            if (b.Count == 0) return (JsonObject)a.DeepClone();
            string keyword = a.ContainsKey("anyOf") ? "anyOf" : "oneOf";
            var others = Merged(Without(a, keyword), b, path, depth + 1);
            if (others is null) return null;
            others[keyword] = a[keyword]?.DeepClone();
            return others;
        }
        foreach (var (one, other) in new[] { (a, b), (b, a) })
            if (System.Array.Find(["patternProperties", "propertyNames"], one.ContainsKey) is { } names && other.FirstOrDefault(p => p.Key is "properties" or "additionalProperties" or "patternProperties" or "propertyNames") is { Key: { } beside })
                throw Refused(path, names, $"beside {beside} of another part of allOf, $ref or anyOf");
        var result = (JsonObject)a.DeepClone();
        foreach (var (keyword, value) in b)
        {
            if (!result.TryGetPropertyValue(keyword, out var old))
            {
                result[keyword] = value?.DeepClone();
                continue;
            }
            switch (keyword)
            {
                case "type":
                    var types = Types(old, path).SelectMany(x => Types(value, path).Select(y => x == y || y == "number" && x == "integer" ? x : x == "number" && y == "integer" ? y : null)).OfType<string>().Distinct().ToList();
                    if (types.Count == 0) return null;
                    result[keyword] = new JsonArray([.. types.Select(t => JsonValue.Create(t))]);
                    break;
                case "enum":
                    var values = Of<JsonArray>(old, path, keyword).Where(x => Of<JsonArray>(value, path, keyword).Any(y => JsonNode.DeepEquals(x, y))).Select(x => x?.DeepClone()).ToArray();
                    if (values.Length == 0) return null;
                    result[keyword] = new JsonArray(values);
                    break;
                case "required": result[keyword] = new JsonArray([.. TextsOf(old, path, keyword).Concat(TextsOf(value, path, keyword)).Distinct().Select(r => JsonValue.Create(r))]); break;
                case "properties": result[keyword] = Both(Of<JsonObject>(old, path, keyword), Of<JsonObject>(value, path, keyword)); break;
                case "minimum" or "exclusiveMinimum" or "minLength" or "minItems" or "minProperties":
                    if (DecimalOf(Of<JsonValue>(value, path, keyword), path, keyword) > DecimalOf(Of<JsonValue>(old, path, keyword), path, keyword)) result[keyword] = value!.DeepClone();
                    break;
                case "maximum" or "exclusiveMaximum" or "maxLength" or "maxItems" or "maxProperties":
                    if (DecimalOf(Of<JsonValue>(value, path, keyword), path, keyword) < DecimalOf(Of<JsonValue>(old, path, keyword), path, keyword)) result[keyword] = value!.DeepClone();
                    break;
                case "items" when old is JsonObject && value is JsonObject: result[keyword] = new JsonObject { ["allOf"] = new JsonArray(old.DeepClone(), value.DeepClone()) }; break;
                case "nullable": result[keyword] = Of<JsonValue>(old, path, keyword).GetValue<bool>() && Of<JsonValue>(value, path, keyword).GetValue<bool>(); break;
                case "additionalProperties": break; // below
                default:
                    if (!JsonNode.DeepEquals(old, value)) throw Refused(path, keyword, "two different ones have to hold");
                    break;
            }
        }
        return Closed(a, b, result, path);
    }

    static IEnumerable<string> Types(JsonNode? type, string path) => type is JsonArray ? TextsOf(type, path, "type") : [TextOf(type, path, "type")];

    static JsonObject Both(JsonObject a, JsonObject b)
    {
        var result = (JsonObject)a.DeepClone();
        foreach (var (name, schema) in b)
            result[name] = result.TryGetPropertyValue(name, out var old) && !JsonNode.DeepEquals(old, schema) ? new JsonObject { ["allOf"] = new JsonArray(old?.DeepClone(), schema?.DeepClone()) } : schema?.DeepClone();
        return result;
    }

    /// <summary>A side that allows no other properties, or only some, speaks of the other side's as well.</summary>
    static JsonObject? Closed(JsonObject a, JsonObject b, JsonObject result, string path)
    {
        foreach (var (closed, open) in new[] { (a, b), (b, a) })
        {
            if (closed["additionalProperties"] is not { } additional) continue;
            bool isFlag = additional is JsonValue v && v.TryGetValue(out bool _);
            if (isFlag && additional.GetValue<bool>()) continue;
            foreach (var (name, _) in open["properties"] as JsonObject ?? [])
            {
                if ((closed["properties"] as JsonObject)?.ContainsKey(name) == true) continue;
                if (!isFlag) throw Refused(path, "additionalProperties", $"it speaks of '{name}', which another part of allOf describes");
                if (result.ContainsKey("required") && TextsOf(result["required"], path, "required").Contains(name)) return null;
                Of<JsonObject>(result["properties"], path, "properties").Remove(name);
            }
            result["additionalProperties"] = !isFlag && result["additionalProperties"] is JsonObject other && !JsonNode.DeepEquals(other, additional) && !ReferenceEquals(closed, a)
                ? throw Refused(path, "additionalProperties", "two different ones have to hold")
                : result["additionalProperties"] is JsonValue f && f.TryGetValue(out bool allows) && !allows ? false : additional.DeepClone();
        }
        return result;
    }

    /// <summary>Of oneOf exactly one may hold; a grammar can only promise that where no value could satisfy two.</summary>
    void RequireDisjoint(List<JsonObject> alternatives, string path)
    {
        for (int i = 0; i < alternatives.Count; i++)
            for (int j = 0; j < i; j++)
                if (!AreDisjoint(alternatives[i], alternatives[j], path)) throw Refused(path, "oneOf", $"alternatives {j} and {i} may both hold; give them different types or a required property with different constants, or use anyOf");
    }

    bool AreDisjoint(JsonObject a, JsonObject b, string path)
    {
        (a, b) = (Flat(a, path, 0), Flat(b, path, 0));
        if (a.ContainsKey("anyOf") || a.ContainsKey("oneOf") || b.ContainsKey("anyOf") || b.ContainsKey("oneOf")) return false;
        if (a["enum"] is JsonArray x && b["enum"] is JsonArray y) return !x.Any(v => y.Any(w => JsonNode.DeepEquals(v, w)));
        List<string> types = TypesOf(a, path), others = TypesOf(b, path);
        // An enum, or a schema that does not name its type, satisfies the other side only if that allows it.
        if (a["enum"] is JsonArray only) return !only.Any(v => others.Any(t => IsOfType(v, t)));
        if (b["enum"] is JsonArray only2) return !only2.Any(v => types.Any(t => IsOfType(v, t)));
        if (!a.ContainsKey("type") && a.Count > 0 && !b.ContainsKey("type")) return SharedConstantDiffers(a, b, path);
        if (!types.Any(t => others.Any(o => t == o || t == "integer" && o == "number" || t == "number" && o == "integer"))) return a.ContainsKey("type") && b.ContainsKey("type");
        return types is ["object"] && others is ["object"] && SharedConstantDiffers(a, b, path);
    }

    bool SharedConstantDiffers(JsonObject a, JsonObject b, string path)
    {
        IEnumerable<string> Required(JsonObject s) => s.ContainsKey("required") ? TextsOf(s["required"], path, "required") : [];
        var required = Required(a).Intersect(Required(b));
        JsonArray? Constants(JsonObject s, string name) => (s["properties"] as JsonObject)?[name] is JsonObject p ? Flat(p, path, 0)["enum"] as JsonArray : null;
        return required.Any(name => Constants(a, name) is { } x && Constants(b, name) is { } y && !x.Any(v => y.Any(w => JsonNode.DeepEquals(v, w))));
    }
}
