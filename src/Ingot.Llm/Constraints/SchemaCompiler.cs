using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ingot.Llm.Constraints;

/// <summary>
/// JSON Schema to a grammar. Everything that the grammar allows satisfies the schema; not everything that satisfies it is allowed: properties come in the order of
/// the schema, numbers have limited digits, whitespace is what a writer would put. What cannot be honoured is refused with its place.
/// </summary>
sealed partial class SchemaCompiler
{
    /// <summary>Keywords that say nothing of what is valid.</summary>
    static readonly HashSet<string> Annotations = ["$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "discriminator"];

    static readonly HashSet<string> Known = ["type", "enum", "const", "properties", "required", "additionalProperties", "items", "prefixItems", "additionalItems", "minItems", "maxItems", "pattern", "format", "minLength", "maxLength",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "anyOf", "oneOf", "allOf", "$ref", "nullable", "uniqueItems", "minProperties", "maxProperties"];

    static readonly string[] AllTypes = ["object", "array", "string", "number", "boolean", "null"];

    readonly Grammar grammar;
    readonly JsonNode? root;
    readonly Dictionary<string, int> references = [];
    readonly Dictionary<string, int> shared = [];
    readonly Dictionary<string, int> alike = [];
    readonly Queue<Action> waiting = [];

    public SchemaCompiler(Grammar grammar, JsonElement schema)
    {
        this.grammar = grammar;
        root = schema.ValueKind is JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False ? JsonNode.Parse(TokenConstraints.RawText(schema))
            : throw new IngotException($"a JSON schema is an object, not {schema.ValueKind}");
    }

    /// <returns>The rule of the whole text.</returns>
    public int Compile()
    {
        int rule = grammar.NewRule(), start = grammar.Start(rule), begun = grammar.NewState();
        grammar.Nothing(start, begun);
        grammar.Byte(start, (byte)' ', (byte)' ', begun); // the space that tokenizers put before a first word
        int end;
        try
        {
            end = Value(begun, root, "#");
            while (waiting.TryDequeue(out var next)) next();
        }
        catch (Exception e) when (e is InvalidOperationException or System.FormatException or OverflowException or KeyNotFoundException or ArgumentException) { throw new IngotException($"the JSON schema is broken: {e.Message}"); }
        grammar.Nothing(end, grammar.End(rule));
        return rule;
    }

    /// <summary>What a keyword has, if it is of the kind that it must be of.</summary>
    static T Of<T>(JsonNode? node, string path, string keyword) where T : JsonNode => node as T ?? throw Refused(path, keyword, $"it has {node?.ToJsonString() ?? "null"} where {(typeof(T) == typeof(JsonObject) ? "an object" : typeof(T) == typeof(JsonArray) ? "a list" : "a plain value")} belongs");

    static string TextOf(JsonNode? node, string path, string keyword) => Of<JsonValue>(node, path, keyword).TryGetValue(out string? text) ? text : throw Refused(path, keyword, $"it has {node!.ToJsonString()} where a text belongs");

    static IEnumerable<string> TextsOf(JsonNode? list, string path, string keyword) => Of<JsonArray>(list, path, keyword).Select(t => TextOf(t, path, keyword));

    static IngotException Refused(string path, string keyword, string why) => new($"the JSON schema at {path}: '{keyword}' cannot be honoured: {why}");

    /// <summary>A rule that is made once; what is in it is made later, so that schemas may be as deep as they like.</summary>
    int Shared(string key, Action<int> make)
    {
        if (shared.TryGetValue(key, out int rule)) return rule;
        shared[key] = rule = grammar.NewRule();
        make(rule);
        return rule;
    }

    /// <summary>A schema's values as a rule of their own.</summary>
    int RuleOf(JsonNode? schema, string path)
    {
        if (schema is JsonObject o && o.TryGetPropertyValue("$ref", out var reference) && o.All(p => p.Key == "$ref" || Annotations.Contains(p.Key))) return Reference(TextOf(reference, path, "$ref"), path);
        // Equal schemas are one rule, which also ends what merging makes of recursive ones.
        string text = schema?.ToJsonString() ?? "null";
        if (alike.TryGetValue(text, out int rule)) return rule;
        alike[text] = rule = grammar.NewRule();
        waiting.Enqueue(() => grammar.Nothing(Value(grammar.Start(rule), schema, path), grammar.End(rule)));
        return rule;
    }

    int Reference(string reference, string path)
    {
        if (references.TryGetValue(reference, out int rule)) return rule;
        var target = Resolve(reference, path);
        references[reference] = rule = grammar.NewRule();
        waiting.Enqueue(() => grammar.Nothing(Value(grammar.Start(rule), target, reference), grammar.End(rule)));
        return rule;
    }

    JsonNode? Resolve(string reference, string path)
    {
        if (reference == "#") return root;
        if (!reference.StartsWith("#/", StringComparison.Ordinal)) throw Refused(path, "$ref", $"'{reference}' is not within the schema (#/...)");
        var node = root;
        foreach (string step in reference[2..].Split('/'))
        {
            string name = Uri.UnescapeDataString(step).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            node = node switch
            {
                JsonObject o when o.TryGetPropertyValue(name, out var next) => next,
                JsonArray a when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int i) && i < a.Count => a[i],
                _ => throw Refused(path, "$ref", $"there is no '{reference}'"),
            };
        }
        return node;
    }

    /// <returns>The state behind a value of a schema.</returns>
    int Value(int from, JsonNode? schema, string path)
    {
        if (schema is JsonValue v && v.TryGetValue(out bool anything)) return anything ? Called(from, AnyRule()) : throw Refused(path, "false", "nothing satisfies it");
        if (schema is not JsonObject given) throw new IngotException($"the JSON schema at {path} is no object");
        var s = Flat(given, path, 0);
        int end = grammar.NewState();
        foreach (string keyword in new[] { "anyOf", "oneOf" })
        {
            if (s[keyword] is not { } node) continue;
            var alternatives = node.AsArray();
            if (alternatives.Count == 0) throw Refused(path, keyword, "it is empty");
            var others = Without(s, keyword);
            if (others.Count == 0 && keyword == "anyOf")
            {
                foreach (var (i, alternative) in alternatives.Index()) grammar.Call(from, RuleOf(alternative, $"{path}/{keyword}/{i}"), end);
                return end;
            }
            List<JsonObject> all = [];
            foreach (var (i, alternative) in alternatives.Index())
                if (Merged(others, AsObject(alternative, $"{path}/{keyword}/{i}"), $"{path}/{keyword}/{i}", 0) is { } merged) all.Add(merged);
            if (all.Count == 0) throw Refused(path, keyword, "no alternative goes with the other keywords");
            if (keyword == "oneOf") RequireDisjoint(all, path);
            if (others.Count == 0) foreach (var (i, alternative) in alternatives.Index()) grammar.Call(from, RuleOf(alternative, $"{path}/{keyword}/{i}"), end);
            else foreach (var (i, merged) in all.Index()) grammar.Nothing(Value(from, merged, $"{path}/{keyword}/{i}"), end);
            return end;
        }
        if (s["enum"] is JsonArray values)
        {
            if (s.FirstOrDefault(p => p.Key is not ("enum" or "type" or "nullable") && !Annotations.Contains(p.Key)) is { Key: { } other }) throw Refused(path, other, "beside enum or const");
            var fitting = values.Where(x => TypesOf(s, path).Any(t => IsOfType(x, t))).ToList();
            if (fitting.Count == 0) throw Refused(path, "enum", "no value is of the type");
            foreach (var value in fitting) grammar.Nothing(grammar.Literal(from, Encoding.UTF8.GetBytes(value?.ToJsonString(Plain) ?? "null")), end);
            return end;
        }
        var types = TypesOf(s, path);
        foreach (string type in types)
        {
            int after = type switch
            {
                "null" => grammar.Literal(from, "null"u8),
                "boolean" => Boolean(from),
                "string" => String(from, s, path),
                "integer" => Number(from, s, path, isInteger: true),
                "number" => Number(from, s, path, isInteger: false),
                "array" => Array(from, s, path),
                _ => Object(from, s, path),
            };
            grammar.Nothing(after, end);
        }
        return end;
    }

    static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    int Called(int from, int rule)
    {
        int to = grammar.NewState();
        grammar.Call(from, rule, to);
        return to;
    }

    /// <summary>Types that a schema allows; where it does not say, those that its keywords speak of.</summary>
    static List<string> TypesOf(JsonObject s, string path)
    {
        List<string> types = s["type"] switch
        {
            JsonArray many => [.. TextsOf(many, path, "type")],
            JsonValue one => [one.GetValue<string>()],
            _ when s.ContainsKey("enum") => [.. AllTypes],
            _ => Spoken(s),
        };
        if (types.FirstOrDefault(t => t != "integer" && !AllTypes.Contains(t)) is { } unknown) throw Refused(path, "type", $"there is no type '{unknown}'");
        if (s["nullable"]?.GetValue<bool>() == true && !types.Contains("null")) types.Add("null");
        if (types.Contains("number")) types.Remove("integer");
        return types.Count > 0 ? types : throw Refused(path, "type", "there are none");
    }

    static List<string> Spoken(JsonObject s)
    {
        List<string> types = [];
        void Add(string type, params ReadOnlySpan<string> keywords)
        {
            foreach (string keyword in keywords)
                if (s.ContainsKey(keyword) && !types.Contains(type)) types.Add(type);
        }
        Add("object", "properties", "required", "additionalProperties", "minProperties", "maxProperties");
        Add("array", "items", "prefixItems", "minItems", "maxItems", "uniqueItems");
        Add("string", "pattern", "format", "minLength", "maxLength");
        Add("number", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf");
        return types.Count > 0 ? types : [.. AllTypes];
    }

    static bool IsOfType(JsonNode? value, string type) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => type == "null",
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        JsonValueKind.String => type == "string",
        JsonValueKind.Number => type == "number" || type == "integer" && value.AsValue().TryGetValue(out decimal d) && d == decimal.Truncate(d),
        JsonValueKind.Array => type == "array",
        _ => type == "object",
    };

    static JsonObject Without(JsonObject s, string keyword) => new([.. s.Where(p => p.Key != keyword).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))]);

    int Boolean(int from)
    {
        int end = grammar.NewState();
        grammar.Nothing(grammar.Literal(from, "true"u8), end);
        grammar.Nothing(grammar.Literal(from, "false"u8), end);
        return end;
    }

    int Number(int from, JsonObject s, string path, bool isInteger)
    {
        if (s["multipleOf"] is { } step && !(isInteger && DecimalOf(step, path, "multipleOf") == 1)) throw Refused(path, "multipleOf", "only 1, for integers");
        decimal? least = null, greatest = null;
        bool excludesLeast = false, excludesGreatest = false;
        if (s["minimum"] is { } minimum) least = DecimalOf(minimum, path, "minimum");
        if (s["maximum"] is { } maximum) greatest = DecimalOf(maximum, path, "maximum");
        if (s["exclusiveMinimum"] is { } above && DecimalOf(above, path, "exclusiveMinimum") is var a && !(least > a)) (least, excludesLeast) = (a, true);
        if (s["exclusiveMaximum"] is { } below && DecimalOf(below, path, "exclusiveMaximum") is var b && !(greatest < b)) (greatest, excludesGreatest) = (b, true);
        if (least is null && greatest is null)
        {
            int rule = Shared(isInteger ? "integer" : "number", r => grammar.Nothing(RegexGrammar.Add(grammar, grammar.Start(r), isInteger ? NumberPatterns.AnyInteger : NumberPatterns.AnyNumber, isWhole: true, Writing.Plain), grammar.End(r)));
            return Called(from, rule);
        }
        string pattern = NumberPatterns.Between(least, greatest, excludesLeast, excludesGreatest, isInteger) ?? throw Refused(path, "minimum", $"no number lies between {least} and {greatest}");
        return RegexGrammar.Add(grammar, from, pattern, isWhole: true, Writing.Plain);
    }

    static decimal DecimalOf(JsonNode node, string path, string keyword) =>
        decimal.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal d) && Math.Abs(d) <= 1e15m && d * 1e8m == decimal.Truncate(d * 1e8m) ? d
        : throw Refused(path, keyword, $"{node.ToJsonString()} is no number of up to 15 digits before and 8 behind the point");

    static int? CountOf(JsonObject s, string keyword, string path) => s[keyword] is not { } node ? null
        : node.AsValue().TryGetValue(out decimal d) && d == decimal.Truncate(d) && d is >= 0 and <= 100_000 ? (int)d : throw Refused(path, keyword, "a count from 0 to 100,000 is needed");
}
