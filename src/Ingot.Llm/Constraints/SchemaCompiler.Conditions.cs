using System.Text.Json.Nodes;

namespace Ingot.Llm.Constraints;

/// <summary>Keywords that say what must not be, or what must be if something else is: written as alternatives of keywords that a grammar can follow.</summary>
sealed partial class SchemaCompiler
{
    /// <summary>
    /// Beside what the opposite of a schema says of a property or of items: such schemas count as not looking at them, which unevaluatedProperties and unevaluatedItems ask for. Nor do properties that only
    /// an opposite names make an object closed.
    /// </summary>
    const string Unseen = "x-ingot-unseen";

    static bool IsUnseen(JsonNode? schema) => schema is JsonObject o && o.ContainsKey(Unseen);

    /// <summary>Plainly nothing satisfies it.</summary>
    static bool IsImpossible(JsonNode? schema) => schema is JsonValue v && v.TryGetValue(out bool anything) && !anything || schema is JsonObject o && o["not"] is { } not && (IsAnything(not) || not is JsonObject { Count: 0 });

    static bool IsAnything(JsonNode? schema) => schema is JsonValue v && v.TryGetValue(out bool anything) && anything;

    /// <summary>A property that must not be there, though that does not count as naming it.</summary>
    static JsonObject Forbidden() => new() { ["not"] = new JsonObject(), [Unseen] = true };

    /// <summary>"not" with a list of values is what cannot be written otherwise: whatever writes values of a type keeps away from them.</summary>
    static bool IsValuesOnly(JsonNode? not) => not is JsonObject o && o["enum"] is JsonArray && o.All(p => p.Key == "enum" || Annotations.Contains(p.Key));

    /// <summary>Schemas that have to hold beside a schema's own keywords.</summary>
    IEnumerable<(JsonNode? Schema, string Path, string Keyword)> Parts(JsonObject s, string path, int depth)
    {
        if (s.TryGetPropertyValue("$ref", out var reference))
        {
            string name = TextOf(reference, path, "$ref");
            yield return (Resolve(name, path), name, "$ref");
        }
        foreach (var (i, part) in (s["allOf"] as JsonArray ?? []).Index()) yield return (part, $"{path}/allOf/{i}", "allOf");
        if (s.TryGetPropertyValue("not", out var not) && !IsValuesOnly(not)) yield return (Negated(not, $"{path}/not", depth + 1), path, "not");
        if (s.TryGetPropertyValue("if", out var condition) && (s.ContainsKey("then") || s.ContainsKey("else")))
        {
            List<JsonNode?> ways = [];
            void Add(JsonNode? first, string keyword)
            {
                var second = s.TryGetPropertyValue(keyword, out var given) ? given : JsonValue.Create(true);
                if (!IsImpossible(first) && !IsImpossible(second)) ways.Add(new JsonObject { ["allOf"] = new JsonArray(first?.DeepClone(), second?.DeepClone()) });
            }
            Add(condition, "then");
            Add(Negated(condition, $"{path}/if", depth + 1), "else");
            yield return (Any(ways), path, "if");
        }
        foreach (string keyword in new[] { "dependentSchemas", "dependencies" })
        {
            if (!s.TryGetPropertyValue(keyword, out var dependents)) continue;
            foreach (var (name, schema) in Of<JsonObject>(dependents, path, keyword))
            {
                if (schema is JsonArray || IsAnything(schema) || OnlyRequires(schema)) continue; // as dependentRequired
                var without = new JsonObject { ["properties"] = new JsonObject { [name] = Forbidden() } };
                var with = new JsonObject { ["allOf"] = new JsonArray(new JsonObject { ["required"] = new JsonArray(name) }, schema?.DeepClone()) };
                yield return (IsImpossible(schema) ? without : Any([without, with]), $"{path}/{keyword}/{name}", keyword);
            }
        }
    }

    static bool OnlyRequires(JsonNode? schema) => schema is JsonObject o && o["required"] is JsonArray && o.All(p => p.Key == "required" || Annotations.Contains(p.Key));

    /// <summary>What dependentRequired says, and what dependentSchemas and the older "dependencies" say in the same way.</summary>
    static JsonObject? DependentsOf(JsonObject s, string path)
    {
        JsonObject all = [];
        foreach (string keyword in new[] { "dependentRequired", "dependentSchemas", "dependencies" })
        {
            if (!s.TryGetPropertyValue(keyword, out var dependents)) continue;
            foreach (var (name, what) in Of<JsonObject>(dependents, path, keyword))
            {
                var names = keyword == "dependentRequired" || what is JsonArray ? what : OnlyRequires(what) ? what!["required"] : null;
                if (names is not null) all[name] = new JsonArray([.. TextsOf(names, path, keyword).Concat(all[name] is { } old ? TextsOf(old, path, keyword) : []).Distinct().Select(n => JsonValue.Create(n))]);
            }
        }
        return all.Count == 0 ? null : all;
    }

    static JsonNode Any(IReadOnlyCollection<JsonNode?> ways) => ways.Count switch
    {
        0 => JsonValue.Create(false),
        1 => ways.First()!,
        _ => new JsonObject { ["anyOf"] = new JsonArray([.. ways]) },
    };

    /// <summary>A schema for what does not satisfy a schema; true or false where that is everything or nothing.</summary>
    /// <exception cref="IngotException">A keyword has no opposite that a grammar could follow.</exception>
    JsonNode Negated(JsonNode? schema, string path, int depth)
    {
        if (depth > MostMerges) throw Refused(path, "not", "it refers to itself");
        Charge(20, path);
        if (schema is JsonValue v && v.TryGetValue(out bool anything)) return JsonValue.Create(!anything);
        if (schema is not JsonObject s) throw new IngotException($"the JSON schema at {path} is no object");
        RefuseUnknown(s, path);
        List<JsonNode?> ways = [];
        bool always = false;
        void Add(JsonNode way)
        {
            always |= IsAnything(way);
            if (!IsImpossible(way)) ways.Add(way);
        }
        void Bound(string type, string keyword, decimal value) => Add(new JsonObject { ["type"] = type, [keyword] = JsonValue.Create(value) });
        void Count(string type, string keyword, int value)
        {
            if (value >= 0) Add(new JsonObject { ["type"] = type, [keyword] = value });
        }
        foreach (var (keyword, value) in s)
        {
            string at = $"{path}/{keyword}";
            switch (keyword)
            {
                case "type":
                    var types = Types(value, path).ToList();
                    // There is no keyword for numbers that are no integers: none come.
                    var others = AllTypes.Where(t => !types.Contains(t) && !(t == "number" && types.Contains("integer"))).ToList();
                    if (others.Count > 0) Add(new JsonObject { ["type"] = new JsonArray([.. others.Select(t => JsonValue.Create(t))]) });
                    break;
                case "enum": Add(new JsonObject { ["not"] = new JsonObject { ["enum"] = Of<JsonArray>(value, path, keyword).DeepClone() } }); break;
                case "const": Add(new JsonObject { ["not"] = new JsonObject { ["enum"] = new JsonArray(value?.DeepClone()) } }); break;
                case "required":
                    foreach (string name in TextsOf(value, path, keyword)) Add(new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { [name] = Forbidden() } });
                    break;
                case "properties":
                    foreach (var (name, property) in Of<JsonObject>(value, path, keyword))
                        if (Negated(property, $"{at}/{name}", depth + 1) is var other && !IsImpossible(other))
                            Add(new JsonObject { ["type"] = "object", ["required"] = new JsonArray(name), ["properties"] = new JsonObject { [name] = AsUnseen(other) } });
                    break;
                case "minimum": Bound("number", "exclusiveMaximum", DecimalOf(Of<JsonValue>(value, path, keyword), path, keyword)); break;
                case "maximum": Bound("number", "exclusiveMinimum", DecimalOf(Of<JsonValue>(value, path, keyword), path, keyword)); break;
                case "exclusiveMinimum": Bound("number", "maximum", DecimalOf(Of<JsonValue>(value, path, keyword), path, keyword)); break;
                case "exclusiveMaximum": Bound("number", "minimum", DecimalOf(Of<JsonValue>(value, path, keyword), path, keyword)); break;
                case "minLength": Count("string", "maxLength", CountOf(s, keyword, path)!.Value - 1); break;
                case "maxLength": Count("string", "minLength", CountOf(s, keyword, path)!.Value + 1); break;
                case "minItems": Count("array", "maxItems", CountOf(s, keyword, path)!.Value - 1); break;
                case "maxItems": Count("array", "minItems", CountOf(s, keyword, path)!.Value + 1); break;
                case "minProperties": Count("object", "maxProperties", CountOf(s, keyword, path)!.Value - 1); break;
                case "maxProperties": Count("object", "minProperties", CountOf(s, keyword, path)!.Value + 1); break;
                case "items" when value is not JsonArray && !s.ContainsKey("prefixItems"):
                    if (Negated(value, at, depth + 1) is var item && !IsImpossible(item)) Add(new JsonObject { ["type"] = "array", ["contains"] = AsUnseen(item) });
                    break;
                case "contains":
                    int fewest = CountOf(s, "minContains", path) ?? 1;
                    if (fewest == 1) Add(new JsonObject { ["type"] = "array", ["items"] = AsUnseen(Negated(value, at, depth + 1)) });
                    else if (fewest > 1) Add(new JsonObject { ["type"] = "array", ["contains"] = AsUnseen(value!), ["minContains"] = 0, ["maxContains"] = fewest - 1 });
                    if (CountOf(s, "maxContains", path) is { } most) Add(new JsonObject { ["type"] = "array", ["contains"] = AsUnseen(value!), ["minContains"] = most + 1 });
                    break;
                case "not": Add(IsSimple(value) ? value!.DeepClone() : Negated(Negated(value, at, depth + 1), at, depth + 1)); break;
                case "allOf":
                    foreach (var (i, part) in Of<JsonArray>(value, path, keyword).Index()) Add(Negated(part, $"{at}/{i}", depth + 1));
                    break;
                case "anyOf" or "oneOf":
                    var alternatives = Of<JsonArray>(value, path, keyword);
                    if (keyword == "oneOf" && alternatives.Index().Any(x => alternatives.Take(x.Index).Any(y => !AreDisjoint(AsObject(x.Item, at), AsObject(y, at), at)))) throw Refused(path, keyword, "where its opposite is needed, alternatives must exclude each other");
                    var none = alternatives.Select((a, i) => Negated(a, $"{at}/{i}", depth + 1)).ToList();
                    if (!none.Exists(IsImpossible)) Add(new JsonObject { ["allOf"] = new JsonArray([.. none]) });
                    break;
                case "$ref":
                    string reference = TextOf(value, path, keyword);
                    Add(Negated(Resolve(reference, path), reference, depth + 1));
                    break;
                case "dependentRequired":
                    foreach (var (name, needed) in Of<JsonObject>(value, path, keyword))
                        foreach (string other in TextsOf(needed, path, keyword))
                            Add(new JsonObject { ["type"] = "object", ["required"] = new JsonArray(name), ["properties"] = new JsonObject { [other] = Forbidden() } });
                    break;
                case "dependentSchemas":
                    foreach (var (name, dependent) in Of<JsonObject>(value, path, keyword))
                        if (Negated(dependent, $"{at}/{name}", depth + 1) is var other && !IsImpossible(other))
                            Add(new JsonObject { ["allOf"] = new JsonArray(new JsonObject { ["type"] = "object", ["required"] = new JsonArray(name) }, other) });
                    break;
                case "minContains" or "maxContains" or "then" or "else": break; // of contains and if
                case "if" when !s.ContainsKey("then") && !s.ContainsKey("else"): break;
                case "additionalProperties" or "unevaluatedProperties" or "unevaluatedItems" when IsAnything(value): break;
                default:
                    if (Known.Contains(keyword)) throw Refused(path, keyword, "a grammar for its opposite is not known");
                    break;
            }
        }
        return always ? JsonValue.Create(true) : Any(ways);
    }

    static JsonObject AsUnseen(JsonNode schema)
    {
        if (IsImpossible(schema)) return Forbidden();
        var o = schema is JsonObject given ? (JsonObject)given.DeepClone() : [];
        o[Unseen] = true;
        return o;
    }

    /// <summary>
    /// unevaluatedProperties and unevaluatedItems speak of what no other keyword of the schema and of those that hold beside it looked at. Alternatives are told apart first; then that is known.
    /// </summary>
    JsonObject? WithUnevaluated(JsonObject s, JsonObject merged, string path, int depth)
    {
        if (!s.ContainsKey("unevaluatedProperties") && !s.ContainsKey("unevaluatedItems")) return merged;
        var ways = Spread(merged, path, depth).Select(m => Evaluated(s, m, path)).OfType<JsonObject>().ToArray();
        return ways.Length switch
        {
            0 => null,
            1 => ways[0],
            _ => new JsonObject { ["anyOf"] = new JsonArray(ways) },
        };
    }

    JsonObject? Evaluated(JsonObject s, JsonObject merged, string path)
    {
        // A part with additionalProperties looked at all of them.
        if (s.TryGetPropertyValue("unevaluatedProperties", out var further) && !merged.ContainsKey("additionalProperties"))
        {
            merged["additionalProperties"] = further?.DeepClone();
            if (!IsAnything(further) && merged["properties"] is JsonObject properties)
                foreach (string name in properties.Where(p => IsUnseen(p.Value)).Select(p => p.Key).ToList())
                    properties[name] = IsImpossible(further) || IsImpossible(properties[name]) ? JsonValue.Create(false) : new JsonObject { ["allOf"] = new JsonArray(properties[name]!.DeepClone(), further?.DeepClone()) };
        }
        if (s.TryGetPropertyValue("unevaluatedItems", out var rest) && !IsAnything(rest) && (!merged.TryGetPropertyValue("items", out var items) || IsUnseen(items)))
        {
            // Items that "contains" found are looked at.
            List<JsonNode?> ways = IsImpossible(rest) ? [] : [rest?.DeepClone()];
            if (merged["contains"] is { } found && !IsUnseen(found)) ways.Add(found.DeepClone());
            var allowed = Any(ways);
            merged["items"] = IsUnseen(items) && !IsImpossible(allowed) ? new JsonObject { ["allOf"] = new JsonArray(items!.DeepClone(), allowed) } : allowed;
        }
        return Checked(merged, path);
    }
}
