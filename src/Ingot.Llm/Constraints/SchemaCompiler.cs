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
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "anyOf", "oneOf", "allOf", "$ref", "nullable", "patternProperties", "propertyNames", "uniqueItems", "minProperties", "maxProperties",
        "not", "if", "then", "else", "contains", "minContains", "maxContains", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems"];

    /// <summary>Keywords that are written in others.</summary>
    static readonly HashSet<string> Rewritten = ["$ref", "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems"];

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

    SchemaCompiler(Grammar grammar, JsonNode? root) => (this.grammar, this.root) = (grammar, root);

    /// <returns>The rule of the whole text.</returns>
    public int Compile()
    {
        int rule = grammar.NewRule(), start = grammar.Start(rule), begun = grammar.NewState();
        grammar.Nothing(start, begun);
        grammar.Byte(start, (byte)' ', (byte)' ', begun); // the space that tokenizers put before a first word
        int end = Guarded(() => Value(begun, root, "#"));
        grammar.Nothing(end, grammar.End(rule));
        return rule;
    }

    /// <summary>Makes something and all that waits because of it.</summary>
    /// <exception cref="IngotException">The schema is broken.</exception>
    int Guarded(Func<int> make)
    {
        try
        {
            int end = make();
            while (waiting.TryDequeue(out var next)) next();
            return end;
        }
        catch (Exception e) when (e is InvalidOperationException or System.FormatException or OverflowException or KeyNotFoundException or ArgumentException) { throw new IngotException($"the JSON schema is broken: {e.Message}"); }
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
        if (AlternativesOf(s) is { } keyword)
        {
            var choices = Of<JsonArray>(s[keyword], path, keyword);
            if (choices.Count == 0) throw Refused(path, keyword, "it is empty");
            bool isAlone = s.Count == 1;
            if (isAlone && keyword == "anyOf")
            {
                if (choices.All(IsImpossible)) throw Refused(path, keyword, "nothing satisfies it");
                foreach (var (i, alternative) in choices.Index().Where(a => !IsImpossible(a.Item))) grammar.Call(from, RuleOf(alternative, $"{path}/{keyword}/{i}"), end);
                return end;
            }
            var all = Alternatives(s, keyword, path, 0);
            if (all.Count == 0) throw Refused(path, keyword, isAlone ? "nothing satisfies exactly one" : "no alternative goes with the other keywords");
            foreach (var (i, merged) in all)
                if (isAlone) grammar.Call(from, RuleOf(merged, $"{path}/{keyword}/{i}"), end);
                else grammar.Nothing(Value(from, merged, $"{path}/{keyword}/{i}"), end);
            return end;
        }
        if (s["enum"] is JsonArray)
        {
            var fitting = FittingValues(s, path);
            if (fitting.Count == 0) throw Refused(path, "enum", "no value is of the type, or goes with the other keywords");
            foreach (var value in fitting) grammar.Nothing(grammar.Literal(from, Encoding.UTF8.GetBytes(value?.ToJsonString(Plain) ?? "null")), end);
            return end;
        }
        var kept = KeptFrom(s, path);
        s = kept.Schema;
        var types = TypesOf(s, path);
        foreach (string type in types)
        {
            int after = type switch
            {
                "null" => grammar.Literal(from, "null"u8),
                "boolean" => Boolean(from, kept.Values),
                "string" => String(from, s, path, kept.Values),
                "integer" => Number(from, s, path, isInteger: true, kept.Values),
                "number" => Number(from, s, path, isInteger: false, kept.Values),
                "array" => Array(from, s, path),
                _ => Object(from, s, path),
            };
            grammar.Nothing(after, end);
        }
        return end;
    }

    /// <summary>Values of an enum that go with what stands beside it.</summary>
    List<JsonNode?> FittingValues(JsonObject s, string path)
    {
        var types = TypesOf(s, path);
        var kept = (s["not"] as JsonObject)?["enum"] as JsonArray ?? [];
        var fitting = s["enum"]!.AsArray().Where(x => types.Any(t => IsOfType(x, t)) && !kept.Any(k => JsonNode.DeepEquals(k, x))).ToList();
        var rest = Without(Without(s, "enum"), "not");
        // The keywords of a type say nothing of values of another.
        return rest.All(p => p.Key is "type" or "nullable") ? fitting : [.. fitting.Where(x => !Spoken(rest).Any(t => IsOfType(x, t)) || Accepts(rest, x, path))];
    }

    /// <summary>Values that "not" keeps out, those apart that another keyword or type can.</summary>
    static (JsonObject Schema, List<JsonNode?> Values) KeptFrom(JsonObject s, string path)
    {
        if (s["not"] is not JsonObject { } not) return (s, []);
        var result = Without(s, "not");
        var types = TypesOf(s, path);
        List<JsonNode?> values = [];
        foreach (var value in not["enum"]!.AsArray())
        {
            if (!types.Any(t => IsOfType(value, t))) continue;
            if (value is null) types.Remove("null");
            else if (value is JsonArray { Count: 0 }) result["minItems"] = Math.Max(1, CountOf(result, "minItems", path) ?? 0);
            else if (value is JsonObject { Count: 0 }) result["minProperties"] = Math.Max(1, CountOf(result, "minProperties", path) ?? 0);
            else if (value is JsonArray or JsonObject) throw Refused(path, "not", $"of lists and objects only empty ones can be kept out, not {RegexGrammar.Short(value.ToJsonString(Plain))}");
            else values.Add(value);
        }
        if (values.Exists(v => v!.GetValueKind() == JsonValueKind.True) && values.Exists(v => v!.GetValueKind() == JsonValueKind.False)) types.Remove("boolean");
        if (types.Count == 0) throw Refused(path, "not", "nothing is left");
        result["type"] = new JsonArray([.. types.Select(t => JsonValue.Create(t))]);
        result.Remove("nullable");
        return (result, values);
    }

    /// <summary>Whether a value satisfies a schema in the way in which this writes it.</summary>
    bool Accepts(JsonObject schema, JsonNode? value, string path)
    {
        Charge(1000, path);
        var alone = new Grammar();
        int rule = alone.NewRule();
        var compiler = new SchemaCompiler(alone, root);
        int end = compiler.Guarded(() => compiler.Value(alone.Start(rule), schema, path));
        alone.Nothing(end, alone.End(rule));
        alone.Finish(rule);
        return new Automaton(alone, rule, $"the schema at {path}").Accepts(Encoding.UTF8.GetBytes(InOrder(schema, value)?.ToJsonString(Plain) ?? "null"));
    }

    /// <summary>An object with its properties in the order in which a schema's are written.</summary>
    static JsonNode? InOrder(JsonObject schema, JsonNode? value)
    {
        if (value is not JsonObject o) return value;
        List<string> order = [.. schema["properties"] is JsonObject p ? p.Select(x => x.Key) : [], .. schema["required"] is JsonArray r ? r.Select(x => x?.ToString() ?? "") : []];
        return new JsonObject(o.OrderBy(x => order.IndexOf(x.Key) is >= 0 and var at ? at : int.MaxValue).Select(x => KeyValuePair.Create(x.Key, x.Value?.DeepClone())));
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
        Add("object", "properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties", "dependentRequired");
        Add("array", "items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains");
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

    int Boolean(int from, List<JsonNode?> keptOut)
    {
        int end = grammar.NewState();
        if (!keptOut.Exists(k => k!.GetValueKind() == JsonValueKind.True)) grammar.Nothing(grammar.Literal(from, "true"u8), end);
        if (!keptOut.Exists(k => k!.GetValueKind() == JsonValueKind.False)) grammar.Nothing(grammar.Literal(from, "false"u8), end);
        return end;
    }

    int Number(int from, JsonObject s, string path, bool isInteger, List<JsonNode?> keptOut)
    {
        decimal[] not = [.. keptOut.Where(k => k!.GetValueKind() == JsonValueKind.Number).Select(k => decimal.TryParse(k!.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal d) ? d : 1e20m)]; // none so large is written
        string[] avoided = [.. not.SelectMany(NumberPatterns.Writings)];
        decimal? step = s["multipleOf"] is { } multiple ? DecimalOf(multiple, path, "multipleOf") : null;
        if (step <= 0) throw Refused(path, "multipleOf", $"{step} is not above 0");
        isInteger |= step is { } whole && whole == decimal.Truncate(whole);
        int? digits = step is { } part && part != decimal.Truncate(part) ? NumberPatterns.DigitsOfStep(part) ?? throw Refused(path, "multipleOf", $"{part} is neither a whole number nor 0.1, 0.01, ...") : null;
        if (isInteger && digits is not null) step = digits = null; // every integer is a multiple of 0.1
        decimal? least = null, greatest = null;
        bool excludesLeast = false, excludesGreatest = false;
        if (s["minimum"] is { } minimum) least = DecimalOf(minimum, path, "minimum");
        if (s["maximum"] is { } maximum) greatest = DecimalOf(maximum, path, "maximum");
        if (s["exclusiveMinimum"] is { } above && DecimalOf(above, path, "exclusiveMinimum") is var a && !(least > a)) (least, excludesLeast) = (a, true);
        if (s["exclusiveMaximum"] is { } below && DecimalOf(below, path, "exclusiveMaximum") is var b && !(greatest < b)) (greatest, excludesGreatest) = (b, true);
        if (isInteger && step > 1) return Multiples(from, step.Value, least, greatest, excludesLeast, excludesGreatest, not, path);
        if (digits is not null && (least ?? greatest) is not null && (Scaled(least, digits.Value) || Scaled(greatest, digits.Value))) throw Refused(path, "multipleOf", $"bounds with more digits than {step}");
        if (least is null && greatest is null)
        {
            if (digits is { } most) return RegexGrammar.Add(grammar, from, $"-?(0|[1-9][0-9]{{0,15}})(\\.[0-9]{{1,{most}}})?", isWhole: true, Writing.Plain, avoided: avoided);
            if (avoided.Length > 0) return RegexGrammar.Add(grammar, from, isInteger ? NumberPatterns.AnyInteger : NumberPatterns.AnyDecimal, isWhole: true, Writing.Plain, avoided: avoided);
            int rule = Shared(isInteger ? "integer" : "number", r => grammar.Nothing(RegexGrammar.Add(grammar, grammar.Start(r), isInteger ? NumberPatterns.AnyInteger : NumberPatterns.AnyNumber, isWhole: true, Writing.Plain), grammar.End(r)));
            return Called(from, rule);
        }
        string pattern = NumberPatterns.Between(least, greatest, excludesLeast, excludesGreatest, isInteger, digits) ?? throw Refused(path, "minimum", $"no number lies between {least} and {greatest}");
        return RegexGrammar.Add(grammar, from, pattern, isWhole: true, Writing.Plain, avoided: avoided);
    }

    static bool Scaled(decimal? bound, int digits) => bound is { } b && decimal.Round(b, digits) != b;

    /// <summary>Whole multiples: between two bounds one by one, without bounds (or from 0 on) by the remainder of the digits read so far.</summary>
    int Multiples(int from, decimal step, decimal? least, decimal? greatest, bool excludesLeast, bool excludesGreatest, decimal[] not, string path)
    {
        const int MostValues = 1000, MostDigits = 17;
        if (least is { } low && greatest is { } high)
        {
            decimal first = decimal.Ceiling(low / step) * step, last = decimal.Floor(high / step) * step;
            if (excludesLeast && first == low) first += step;
            if (excludesGreatest && last == high) last -= step;
            if (first > last) throw Refused(path, "multipleOf", $"no multiple of {step} lies between {low} and {high}");
            if ((last - first) / step >= MostValues) throw Refused(path, "multipleOf", $"more than {MostValues} multiples lie between the bounds");
            int end = grammar.NewState();
            for (decimal value = first; value <= last; value += step)
                if (!not.Contains(value)) grammar.Nothing(grammar.Literal(from, Encoding.UTF8.GetBytes(value.ToString("0", CultureInfo.InvariantCulture))), end);
            return end;
        }
        if (System.Array.Exists(not, n => n % step == 0)) throw Refused(path, "not", $"of multiples of {step} single ones can be kept out only between two bounds");
        bool isFromZero = least == 0 && greatest is null;
        if (step > MostValues || (least ?? greatest) is not null && !isFromZero) throw Refused(path, "multipleOf", $"of whole numbers up to {MostValues}, and between two bounds, from 0 on or without any");
        int divisor = (int)step;
        int rule = Shared($"multiples of {divisor}{(isFromZero ? " from 0" : "")}{(excludesLeast ? " on" : "")}", r =>
        {
            int start = grammar.Start(r), end = grammar.End(r), begin = grammar.NewState();
            grammar.Nothing(start, begin);
            if (!isFromZero) grammar.Byte(start, (byte)'-', (byte)'-', begin);
            if (!excludesLeast) grammar.Nothing(grammar.Literal(start, "0"u8), end);
            int[] of = [.. Enumerable.Range(0, divisor).Select(_ => grammar.NewState())];
            for (int d = 1; d <= 9; d++) grammar.Byte(begin, (byte)('0' + d), (byte)('0' + d), of[d % divisor]);
            for (int digits = 1; ; digits++)
            {
                grammar.Nothing(of[0], end);
                if (digits == MostDigits) break;
                int[] next = [.. of.Select(_ => grammar.NewState())];
                for (int m = 0; m < divisor; m++)
                    for (int d = 0; d <= 9; d++) grammar.Byte(of[m], (byte)('0' + d), (byte)('0' + d), next[(10 * m + d) % divisor]);
                of = next;
            }
        });
        return Called(from, rule);
    }

    static decimal DecimalOf(JsonNode node, string path, string keyword) =>
        decimal.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal d) && Math.Abs(d) <= 1e15m && d * 1e8m == decimal.Truncate(d * 1e8m) ? d
        : throw Refused(path, keyword, $"{node.ToJsonString()} is no number of up to 15 digits before and 8 behind the point");

    static int? CountOf(JsonObject s, string keyword, string path) => s[keyword] is not { } node ? null
        : decimal.TryParse(node.AsValue().ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out decimal d) && d == decimal.Truncate(d) && d is >= 0 and <= 100_000 ? (int)d : throw Refused(path, keyword, "a count from 0 to 100,000 is needed");
}
