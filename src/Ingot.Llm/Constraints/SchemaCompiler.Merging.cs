using System.Text.Json.Nodes;

namespace Ingot.Llm.Constraints;

/// <summary>Several schemas that all have to hold, as one.</summary>
sealed partial class SchemaCompiler
{
    const int MostMerges = 32, MostAlternatives = 64;

    /// <summary>Keywords and properties that merging may look at for a schema: about two seconds.</summary>
    const int MostWork = 1_000_000;

    int work;

    void Charge(int units, string path)
    {
        if ((work += units) > MostWork) throw Refused(path, "allOf", "to merge what has to hold together takes too long; there are too many combinations of alternatives ($ref, anyOf, if, ...)");
    }

    static JsonObject AsObject(JsonNode? schema, string path) => schema switch
    {
        JsonObject o => o,
        JsonValue v when v.TryGetValue(out bool anything) && anything => [],
        JsonValue v when v.TryGetValue(out bool anything) && !anything => throw Refused(path, "false", "nothing satisfies it"),
        _ => throw new IngotException($"the JSON schema at {path} is no object"),
    };

    /// <summary>Of a schema that contradicts itself: where, and which keyword showed it.</summary>
    (string Path, string Keyword) contradiction;

    static void RefuseUnknown(JsonObject s, string path)
    {
        foreach (var (keyword, _) in s)
            if (!Known.Contains(keyword) && !Annotations.Contains(keyword) && !keyword.StartsWith("x-", StringComparison.Ordinal)) throw Refused(path, keyword, "it is not supported");
    }

    /// <summary>A schema of its own keywords and anyOf or oneOf alone: what others of it say is merged into it. Unknown keywords are refused here.</summary>
    JsonObject Flat(JsonObject s, string path, int depth) => TryFlat(s, path, depth) ?? throw Refused(contradiction.Path, contradiction.Keyword, "it contradicts what stands beside it");

    /// <summary>The same; null if nothing satisfies it.</summary>
    JsonObject? TryFlat(JsonObject s, string path, int depth)
    {
        if (depth > MostMerges) throw Refused(path, "allOf", "it refers to itself");
        RefuseUnknown(s, path);
        JsonObject? result = new([.. s.Where(p => !Rewritten.Contains(p.Key) && Known.Contains(p.Key)).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))]);
        if (result.Remove("const", out var constant)) result["enum"] = result["enum"] is JsonArray values ? new JsonArray([.. values.Where(x => JsonNode.DeepEquals(x, constant)).Select(x => x?.DeepClone())]) : new JsonArray(constant);
        if (IsValuesOnly(s["not"])) result["not"] = s["not"]!.DeepClone();
        if (DependentsOf(s, path) is { } dependents) result["dependentRequired"] = dependents;
        if (result["items"] is JsonArray first)
        {
            result["prefixItems"] = first.DeepClone();
            result.Remove("items");
            if (result["additionalItems"] is { } rest) result["items"] = rest.DeepClone();
        }
        result.Remove("additionalItems");
        if (!result.ContainsKey("contains"))
        {
            result.Remove("minContains");
            result.Remove("maxContains");
        }
        else result.TryAdd("minContains", JsonValue.Create(1));
        // Opposites are of all types; a schema that does not name its own keeps to those that it speaks of.
        if (!result.ContainsKey("type") && !result.ContainsKey("enum") && Spoken(result) is var spoken && spoken.Count < AllTypes.Length && (s["allOf"] as JsonArray ?? []).OfType<JsonObject>().Append(s).Any(x => x.ContainsKey("if") || x.ContainsKey("not")))
            result["type"] = new JsonArray([.. spoken.Select(t => JsonValue.Create(t))]);
        foreach (var (part, at, keyword) in Parts(s, path, depth))
        {
            result = IsImpossible(part) ? null : Merged(result, AsObject(part, at), at, depth + 1);
            contradiction = (keyword is "$ref" ? path : at, keyword);
            if (result is null) return null;
        }
        contradiction = (path, s.ContainsKey("unevaluatedItems") ? "unevaluatedItems" : "unevaluatedProperties");
        return WithUnevaluated(s, result, path, depth);
    }

    static string? AlternativesOf(JsonObject s) => s.ContainsKey("anyOf") ? "anyOf" : s.ContainsKey("oneOf") ? "oneOf" : null;

    /// <summary>The alternatives of a schema, each with what stands beside them; those that contradict it are left out. Of oneOf each has what keeps it from the others.</summary>
    List<(int Index, JsonObject Schema)> Alternatives(JsonObject s, string keyword, string path, int depth)
    {
        var others = Without(s, keyword);
        List<(int Index, JsonObject Schema)> all = [];
        var given = Of<JsonArray>(s[keyword], path, keyword);
        foreach (var (i, alternative) in given.Index())
            if (!IsImpossible(alternative) && Merged(others, AsObject(alternative, $"{path}/{keyword}/{i}"), $"{path}/{keyword}/{i}", depth + 1) is { } merged) all.Add((i, merged));
        return keyword == "anyOf" ? all : Exclusive(all, given, path, depth);
    }

    /// <summary>A schema without alternatives for each way through them.</summary>
    IEnumerable<JsonObject> Spread(JsonObject s, string path, int depth) =>
        AlternativesOf(s) is { } keyword ? Alternatives(s, keyword, path, depth).SelectMany(a => Spread(a.Schema, path, depth + 1)) : [s];

    /// <summary>What satisfies both; null if that is plainly nothing.</summary>
    JsonObject? Merged(JsonObject a, JsonObject b, string path, int depth)
    {
        Charge(4 + a.Count + b.Count + ((a["properties"] as JsonObject)?.Count ?? 0) + ((b["properties"] as JsonObject)?.Count ?? 0), path);
        if (TryFlat(a, path, depth) is not { } flat || TryFlat(b, path, depth) is not { } other1) return null;
        (a, b) = (flat, other1);
        if (AlternativesOf(a) is not null && AlternativesOf(b) is not null)
        {
            List<JsonObject> all = [], left = [.. Spread(a, path, depth)], right = [.. Spread(b, path, depth)];
            foreach (var one in left)
                foreach (var two in right)
                {
                    if (Merged(one, two, path, depth + 1) is { } both && !all.Exists(x => JsonNode.DeepEquals(x, both))) all.Add(both);
                    if (all.Count > MostAlternatives) throw Refused(path, AlternativesOf(b)!, $"more than {MostAlternatives} combinations of alternatives");
                }
            return all.Count switch { 0 => null, 1 => all[0], _ => new JsonObject { ["anyOf"] = new JsonArray([.. all]) } };
        }
        foreach (var (with, without) in new[] { (a, b), (b, a) })
        {
            // Alternatives stay as they are, beside what the other side says.
            if (AlternativesOf(with) is not { } keyword) continue;
            if (without.Count == 0) return (JsonObject)with.DeepClone();
            if (Merged(Without(with, keyword), without, path, depth + 1) is not { } others) return null;
            if (!Of<JsonArray>(with[keyword], path, keyword).Any(x => !IsImpossible(x) && Merged(others, AsObject(x, path), path, depth + 1) is not null)) return null;
            others[keyword] = with[keyword]?.DeepClone();
            return others;
        }
        foreach (var (one, other) in new[] { (a, b), (b, a) })
            if (System.Array.Find(["patternProperties", "propertyNames"], one.ContainsKey) is { } names && other.FirstOrDefault(p => p.Key == "properties" && !IsSeenByAll(p.Value, one, names) || p.Key is "additionalProperties" or "patternProperties" or "propertyNames") is { Key: { } beside })
                throw Refused(path, names, $"beside {beside} of another part of allOf, $ref or anyOf");
        var result = (JsonObject)a.DeepClone();
        foreach (var (keyword, value) in b)
        {
            if (keyword is "items" or "prefixItems") continue; // below
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
                case "properties": result[keyword] = Both(Of<JsonObject>(old, path, keyword), Of<JsonObject>(value, path, keyword), path, depth); break;
                case "not": result[keyword] = new JsonObject { ["enum"] = new JsonArray([.. old!["enum"]!.AsArray().Concat(value!["enum"]!.AsArray()).Select(x => x?.DeepClone())]) }; break;
                case "dependentRequired": result[keyword] = DependentsOf(new() { ["dependentRequired"] = old!.DeepClone(), ["dependencies"] = value!.DeepClone() }, path); break;
                case "uniqueItems": result[keyword] = Of<JsonValue>(old, path, keyword).GetValue<bool>() || Of<JsonValue>(value, path, keyword).GetValue<bool>(); break;
                case "minimum" or "exclusiveMinimum" or "minLength" or "minItems" or "minProperties" or "minContains":
                    if (DecimalOf(Of<JsonValue>(value, path, keyword), path, keyword) > DecimalOf(Of<JsonValue>(old, path, keyword), path, keyword)) result[keyword] = value!.DeepClone();
                    break;
                case "maximum" or "exclusiveMaximum" or "maxLength" or "maxItems" or "maxProperties" or "maxContains":
                    if (DecimalOf(Of<JsonValue>(value, path, keyword), path, keyword) < DecimalOf(Of<JsonValue>(old, path, keyword), path, keyword)) result[keyword] = value!.DeepClone();
                    break;
                case "nullable": result[keyword] = Of<JsonValue>(old, path, keyword).GetValue<bool>() && Of<JsonValue>(value, path, keyword).GetValue<bool>(); break;
                case "additionalProperties": break; // below
                default:
                    if (!JsonNode.DeepEquals(old, value)) throw Refused(path, keyword, "two different ones have to hold");
                    break;
            }
        }
        MergeItems(a, b, result);
        return Closed(a, b, result, path) is { } closed ? Checked(closed, path) : null;
    }

    /// <summary>Each item has to be what both sides say of its place.</summary>
    static void MergeItems(JsonObject a, JsonObject b, JsonObject result)
    {
        JsonArray first = a["prefixItems"] as JsonArray ?? [], second = b["prefixItems"] as JsonArray ?? [];
        JsonNode? At(JsonObject side, JsonArray prefix, int i) => i < prefix.Count ? prefix[i] : side["items"];
        JsonNode? Both(int i)
        {
            var (x, y) = (At(a, first, i), At(b, second, i));
            return x is null || IsAnything(x) && y is not null ? y?.DeepClone() : y is null || IsAnything(y) || JsonNode.DeepEquals(x, y) ? x.DeepClone()
                : IsImpossible(x) || IsImpossible(y) ? JsonValue.Create(false) : Marked(new JsonObject { ["allOf"] = new JsonArray(x.DeepClone(), y.DeepClone()) }, IsUnseen(x) && IsUnseen(y));
        }
        int most = Math.Max(first.Count, second.Count);
        if (most > 0) result["prefixItems"] = new JsonArray([.. Enumerable.Range(0, most).Select(i => Both(i) ?? JsonValue.Create(true))]);
        if (Both(int.MaxValue) is { } rest) result["items"] = rest;
    }

    static JsonObject Marked(JsonObject schema, bool isUnseen)
    {
        schema.Remove(Unseen);
        if (isUnseen) schema[Unseen] = true;
        return schema;
    }

    /// <summary>Properties of another part of allOf go with patternProperties, which look at all names anyway, unless what is neither is forbidden.</summary>
    static bool IsSeenByAll(JsonNode? properties, JsonObject side, string keyword) =>
        keyword == "patternProperties" && properties is JsonObject all && (!side.TryGetPropertyValue("additionalProperties", out var additional) || IsAnything(additional) || all.All(p => (side["properties"] as JsonObject)?.ContainsKey(p.Key) == true));

    /// <summary>What is left when types and values that contradict themselves are taken away; null if nothing is.</summary>
    JsonObject? Checked(JsonObject s, string path)
    {
        if (s["enum"] is JsonArray && AlternativesOf(s) is null)
        {
            var rest = Without(Without(s, "enum"), "type");
            var left = rest.All(p => IsSimple(p.Key)) ? FittingValues(s, path) : [.. s["enum"]!.AsArray()];
            if (left.Count == 0) return null;
            s["enum"] = new JsonArray([.. left.Select(x => x?.DeepClone())]);
            return s;
        }
        List<string> empty = [];
        void Compare(string type, string least, string most, bool excludes)
        {
            if (s[least] is { } low && s[most] is { } high && DecimalOf(low, path, least) is var l && DecimalOf(high, path, most) is var h && (l > h || excludes && l == h)) empty.Add(type);
        }
        Compare("string", "minLength", "maxLength", false);
        Compare("array", "minItems", "maxItems", false);
        Compare("array", "minContains", "maxContains", false);
        Compare("object", "minProperties", "maxProperties", false);
        Compare("number", "minimum", "maximum", false);
        Compare("number", "minimum", "exclusiveMaximum", true);
        Compare("number", "exclusiveMinimum", "maximum", true);
        Compare("number", "exclusiveMinimum", "exclusiveMaximum", true);
        if (s["properties"] is JsonObject properties && s.ContainsKey("required") && TextsOf(s["required"], path, "required").Any(r => properties.TryGetPropertyValue(r, out var property) && IsImpossible(property))) empty.Add("object");
        if (s["contains"] is { } contained && IsImpossible(contained) && CountOf(s, "minContains", path) > 0) empty.Add("array");
        if (empty.Count == 0) return s;
        var types = TypesOf(s, path);
        types.RemoveAll(t => empty.Contains(t == "integer" ? "number" : t));
        if (types.Count == 0) return null;
        s["type"] = new JsonArray([.. types.Select(t => JsonValue.Create(t))]);
        s.Remove("nullable");
        return s;
    }

    /// <summary>It speaks of a value that has no parts.</summary>
    static bool IsSimple(string keyword) => keyword is "type" or "enum" or "const" or "nullable" or "not" or "minimum" or "maximum" or "exclusiveMinimum" or "exclusiveMaximum" or "multipleOf" or "minLength" or "maxLength" or "pattern" or "format" or Unseen || Annotations.Contains(keyword);

    static bool IsSimple(JsonNode? schema) => schema is JsonObject o && o.All(p => IsSimple(p.Key) && (p.Key != "not" || IsSimple(p.Value)));

    static IEnumerable<string> Types(JsonNode? type, string path) => type is JsonArray ? TextsOf(type, path, "type") : [TextOf(type, path, "type")];

    JsonObject Both(JsonObject a, JsonObject b, string path, int depth)
    {
        var result = (JsonObject)a.DeepClone();
        foreach (var (name, schema) in b)
        {
            bool isUnseen = IsUnseen(schema) && (!a.TryGetPropertyValue(name, out var there) || IsUnseen(there));
            if (!a.TryGetPropertyValue(name, out var old) || JsonNode.DeepEquals(old, schema)) result[name] = schema?.DeepClone();
            else if (IsImpossible(old) || IsImpossible(schema)) result[name] = isUnseen ? Forbidden() : JsonValue.Create(false);
            // What contradicts itself should show now, when there may be other alternatives; what has parts waits, as it may be recursive.
            else if (IsSimple(old) && IsSimple(schema)) result[name] = Merged((JsonObject)old!, (JsonObject)schema!, $"{path}/properties/{name}", depth + 1) is { } both ? Marked(both, isUnseen) : isUnseen ? Forbidden() : JsonValue.Create(false);
            else result[name] = Marked(new() { ["allOf"] = new JsonArray(old?.DeepClone(), schema?.DeepClone()) }, isUnseen);
        }
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

    /// <summary>Of oneOf exactly one may hold: alternatives that a value could satisfy beside others get the opposite of those.</summary>
    /// <param name="all">Merged with what stands beside them.</param>
    /// <param name="given">As they were.</param>
    /// <param name="path">Of the schema.</param>
    /// <param name="depth">Of merging.</param>
    List<(int Index, JsonObject Schema)> Exclusive(List<(int Index, JsonObject Schema)> all, JsonArray given, string path, int depth)
    {
        List<(int Index, JsonObject Schema)> exclusive = [];
        foreach (var (i, schema) in all)
        {
            var left = schema;
            foreach (var (j, other) in all)
            {
                if (i == j || left is null || AreDisjoint(schema, other, path)) continue;
                try { left = Negated(given[j], $"{path}/oneOf/{j}", depth + 1) is var opposite && IsImpossible(opposite) ? null : Merged(left, AsObject(opposite, path), path, depth + 1); }
                catch (IngotException e) { throw Refused(path, "oneOf", $"alternatives {Math.Min(i, j)} and {Math.Max(i, j)} may both hold; give them different types or a required property with different constants, or use anyOf ({e.Message})"); }
            }
            if (left is not null) exclusive.Add((i, left));
        }
        return exclusive;
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
