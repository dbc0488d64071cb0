using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;

namespace Ingot.Llm.Constraints;

/// <summary>Objects: named properties in the schema's order, then others.</summary>
sealed partial class SchemaCompiler
{
    /// <summary>Properties that are counted, for minProperties and maxProperties.</summary>
    const int MostCounted = 64;

    /// <summary>Sets of properties that are told apart, for dependentRequired.</summary>
    const int MostSets = 64;

    /// <param name="Name">The key.</param>
    /// <param name="Rule">Its value.</param>
    /// <param name="IsRequired">It must be there.</param>
    readonly record struct Property(string Name, int Rule, bool IsRequired);

    int Object(int from, JsonObject s, string path)
    {
        var properties = s["properties"] as JsonObject ?? [];
        HashSet<string> required = [.. s.ContainsKey("required") ? TextsOf(s["required"], path, "required") : []];
        var additional = s["additionalProperties"];
        var patterns = PatternsOf(s, path);
        // Where properties are named and nothing is said of others, none come: a model would have no end of ideas. Beside patterns only names that match one come.
        bool isOpen = patterns.Count == 0 && (additional is JsonValue v && v.TryGetValue(out bool allows) ? allows : additional is not null || properties.All(p => IsUnseen(p.Value)));
        var names = NamesOf(s, path);
        List<Property> all = [];
        foreach (var (name, schema) in properties)
        {
            if (IsImpossible(schema) || !names.Allow(name))
            {
                if (required.Contains(name)) throw Refused($"{path}/properties/{name}", "required", names.Allow(name) ? "nothing satisfies its schema" : "propertyNames does not allow its name");
                continue;
            }
            all.Add(new(name, RuleOf(WithPatterns(name, schema, patterns), $"{path}/properties/{name}"), required.Contains(name)));
        }
        int other = isOpen ? additional is JsonObject ? RuleOf(additional, $"{path}/additionalProperties") : AnyRule() : -1;
        foreach (string name in required.Where(r => !properties.ContainsKey(r)))
        {
            if (!names.Allow(name)) throw Refused(path, "required", $"'{name}' is required, but propertyNames does not allow it");
            all.Add(new(name, RuleOfUnnamed(name) ?? throw Refused(path, "required", $"'{name}' is no property, and there can be no others"), true));
        }
        var dependents = Dependents(s, path);
        foreach (string name in dependents.SelectMany(d => new[] { d.Name, d.Needed }).Distinct().Where(n => !properties.ContainsKey(n) && !required.Contains(n) && names.Allow(n)))
            if (RuleOfUnnamed(name) is { } rule && (isOpen || patterns.Exists(p => p.Matches(name)))) all.Add(new(name, rule, false));
        List<(int Key, int Value)> others = [];
        if (isOpen && names.Listed is { } listed)
        {
            foreach (string name in listed.Where(n => !all.Any(p => p.Name == n) && !properties.ContainsKey(n))) all.Add(new(name, other, false));
        }
        else if (isOpen && names.Key is { } key)
        {
            if (all.Count + properties.Count > 0) throw Refused(path, "propertyNames", "with a pattern or a length, beside named properties and others");
            others.Add((key, other));
        }
        else if (isOpen) others.Add((OtherKey([.. all.Select(a => a.Name), .. properties.Select(p => p.Key)]), other));
        // A name that stands in the schema must not come a second time by a pattern.
        foreach (var pattern in patterns.Where(p => !all.Any(a => p.Matches(a.Name)) && !properties.Any(a => p.Matches(a.Key))))
            others.Add((pattern.KeyRule(grammar), RuleOf(pattern.Schema, $"{path}/patternProperties/{pattern.Text}")));
        return Members(from, all, others, CountOf(s, "minProperties", path) ?? 0, CountOf(s, "maxProperties", path) ?? int.MaxValue, path, dependents);

        // What a name that the schema does not give has as its value; null: there is no such property.
        int? RuleOfUnnamed(string name) => patterns.Exists(p => p.Matches(name)) ? RuleOf(WithPatterns(name, null, patterns), $"{path}/patternProperties")
            : isOpen ? other : additional is null ? AnyRule()
            : additional is JsonObject ? RuleOf(additional, $"{path}/additionalProperties")
            : additional.GetValue<bool>() ? AnyRule() : null;
    }

    /// <summary>The properties of the whole schema as arguments of a call in Python's way: key=value, separated by commas.</summary>
    /// <returns>The state behind them.</returns>
    public int Arguments(int from) => Guarded(() =>
    {
        var s = Flat(AsObject(root, "#"), "#", 0);
        var properties = s["properties"] as JsonObject ?? [];
        HashSet<string> required = [.. s.ContainsKey("required") ? TextsOf(s["required"], "#", "required") : []];
        if (required.FirstOrDefault(r => !properties.ContainsKey(r)) is { } missing) throw Refused("#", "required", $"'{missing}' is no property");
        if (s.FirstOrDefault(p => p.Key is "anyOf" or "oneOf" or "minProperties" or "maxProperties" or "dependentRequired" or "not") is { Key: { } unknown }) throw Refused("#", unknown, "of the arguments of calls in Python's way");
        int empty = from, some = grammar.NewState();
        foreach (var (name, schema) in properties)
        {
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') || char.IsAsciiDigit(name[0])) throw Refused("#/properties", name, "it is no name of Python's");
            if (IsImpossible(schema))
            {
                if (required.Contains(name)) throw Refused($"#/properties/{name}", "required", "nothing satisfies its schema");
                continue;
            }
            int key = grammar.NewState(), nextEmpty = grammar.NewState(), after = grammar.NewState();
            grammar.Nothing(empty, key);
            grammar.Nothing(Space(grammar.Literal(some, ","u8)), key);
            grammar.Call(grammar.Literal(key, Encoding.UTF8.GetBytes(name + "=")), RuleOf(schema, $"#/properties/{name}"), after);
            if (!required.Contains(name))
            {
                grammar.Nothing(empty, nextEmpty);
                grammar.Nothing(some, after);
            }
            (empty, some) = (nextEmpty, after);
        }
        int end = grammar.NewState();
        grammar.Nothing(empty, end);
        grammar.Nothing(some, end);
        return end;
    });

    /// <summary>Pairs of dependentRequired: where the first name is, the second must be.</summary>
    static List<(string Name, string Needed)> Dependents(JsonObject s, string path) =>
        s["dependentRequired"] is JsonObject all ? [.. all.SelectMany(d => TextsOf(d.Value, path, "dependentRequired").Select(n => (d.Key, n)).Where(x => x.Key != x.n))] : [];

    /// <summary>Takes away properties that need what cannot be, and makes those required that required ones need.</summary>
    static List<Property> Settled(List<Property> all, List<(string Name, string Needed)> dependents, string path)
    {
        for (bool changes = true; changes;)
        {
            changes = false;
            foreach (var (name, needed) in dependents)
            {
                int at = all.FindIndex(p => p.Name == name), other = all.FindIndex(p => p.Name == needed);
                if (at < 0 || other >= 0 && (!all[at].IsRequired || all[other].IsRequired)) continue;
                changes = true;
                if (other >= 0) all[other] = all[other] with { IsRequired = true };
                else if (all[at].IsRequired) throw Refused(path, "dependentRequired", $"'{name}' is required and needs '{needed}', which there cannot be");
                else all.RemoveAt(at);
            }
        }
        return all;
    }

    /// <summary>
    /// The members of an object. Ways run side by side, one for each number of those that were written (where no limit needs it, all from one on are one way), and for each set of those
    /// that are there of which others still depend on whether they are.
    /// </summary>
    int Members(int from, List<Property> all, List<(int Key, int Value)> others, int least, int most, string path, List<(string Name, string Needed)> dependents)
    {
        all = Settled(all, dependents, path);
        if (others.Count == 0 && most >= all.Count) most = int.MaxValue;
        if (least <= all.Count(p => p.IsRequired)) least = 0;
        if (others.Count == 0 && least > all.Count || least > most || all.Count(p => p.IsRequired) > most)
            throw Refused(path, least > 0 ? "minProperties" : "maxProperties", $"it is contradicted by the others: there can be {(others.Count == 0 ? all.Count : "more")} properties, of which {all.Count(p => p.IsRequired)} are required");
        int top = most < int.MaxValue ? most : Math.Max(least, 1);
        if (top > MostCounted) throw Refused(path, most < int.MaxValue ? "maxProperties" : "minProperties", $"more than {MostCounted} are not counted");
        var pairs = dependents.Select(d => (At: all.FindIndex(p => p.Name == d.Name), Needs: all.FindIndex(p => p.Name == d.Needed))).Where(d => d.At >= 0 && !all[d.Needs].IsRequired).ToList();
        var byLater = pairs.ToLookup(d => Math.Max(d.At, d.Needs));
        var forgottenAt = pairs.SelectMany(d => new[] { (One: d.At, Other: d.Needs), (One: d.Needs, Other: d.At) }).GroupBy(d => d.One, d => Math.Max(d.One, d.Other)).ToDictionary(g => g.Key, g => g.Max());
        var ways = new Dictionary<BigInteger, int[]> { [0] = [.. Enumerable.Range(0, top + 1).Select(c => c == 0 ? Space(grammar.Literal(from, "{"u8)) : grammar.NewState())] };

        // To the state before a key which is the count-th, or behind as many as are told apart.
        int BeforeKey(int[] way, int count)
        {
            int key = grammar.NewState();
            if (count == 1) grammar.Nothing(way[0], key);
            else grammar.Nothing(Space(grammar.Literal(way[count - 1], ","u8)), key);
            if (count == top && most == int.MaxValue) grammar.Nothing(Space(grammar.Literal(way[count], ","u8)), key);
            return key;
        }

        foreach (var (i, (name, rule, isRequired)) in all.Index())
        {
            var next = new Dictionary<BigInteger, int[]>();
            int[] Behind(BigInteger set)
            {
                foreach (int there in forgottenAt.Where(f => f.Value == i).Select(f => f.Key)) set &= ~(BigInteger.One << there);
                if (!next.TryGetValue(set, out var states)) next[set] = states = [.. Enumerable.Range(0, top + 1).Select(_ => grammar.NewState())];
                if (next.Count > MostSets) throw Refused(path, "dependentRequired", $"more than {MostSets} sets of properties on which others depend; put those that belong together side by side");
                return states;
            }
            foreach (var (set, way) in ways)
            {
                bool IsThere(int at) => !((set >> at) & 1).IsZero;
                if (byLater[i].All(d => d.At != i || IsThere(d.Needs)))
                {
                    var behind = Behind(forgottenAt.ContainsKey(i) ? set | BigInteger.One << i : set);
                    for (int count = 1; count <= top; count++)
                        grammar.Call(Space(grammar.Literal(BeforeKey(way, count), Encoding.UTF8.GetBytes(JsonValue.Create(name).ToJsonString(Plain) + ":"))), rule, behind[count]);
                }
                if (isRequired || !byLater[i].All(d => d.Needs != i || !IsThere(d.At))) continue;
                var without = Behind(set);
                for (int count = 0; count <= top; count++) grammar.Nothing(way[count], without[count]);
            }
            ways = next;
        }
        int end = grammar.NewState();
        foreach (int[] way in ways.Values) // at most one: nothing depends on anything any more
        {
            for (int count = 1; count <= top && others.Count > 0; count++)
            {
                int begin = BeforeKey(way, count);
                foreach (var (key, value) in others) grammar.Call(Space(grammar.Literal(Called(begin, key), ":"u8)), value, way[count]);
            }
            for (int count = least; count <= top; count++) grammar.Nothing(count == 0 ? way[0] : Space(way[count]), end);
        }
        return grammar.Literal(end, "}"u8);
    }

    /// <summary>What propertyNames says of names.</summary>
    /// <param name="Listed">There are only these.</param>
    /// <param name="Key">A rule for them, quotes included.</param>
    /// <param name="Fits">Whether a name is one.</param>
    sealed record Names(IReadOnlyList<string>? Listed, int? Key, Func<string, bool> Fits)
    {
        public bool Allow(string name) => Fits(name);
    }

    Names NamesOf(JsonObject s, string path)
    {
        if (!s.TryGetPropertyValue("propertyNames", out var node) || node is JsonValue v && v.TryGetValue(out bool all) && all) return new(null, null, _ => true);
        string at = $"{path}/propertyNames";
        var flat = Flat(AsObject(node, at), at, 0);
        flat.Remove("type"); // names are strings
        if (flat.Count == 0) return new(null, null, _ => true);
        if (flat["enum"] is JsonArray values)
        {
            var listed = values.Select(x => x is JsonValue t && t.TryGetValue(out string? text) ? text : null).OfType<string>().ToList();
            return new(listed, null, listed.Contains);
        }
        if (flat.FirstOrDefault(p => p.Key is not ("pattern" or "format" or "minLength" or "maxLength")) is { Key: { } unknown }) throw Refused(at, unknown, "of a name only enum, const, pattern, format, minLength and maxLength can be honoured");
        int rule = grammar.NewRule();
        grammar.Nothing(String(grammar.Start(rule), flat, at, []), grammar.End(rule));
        return new(null, rule, name => Accepts(flat, JsonValue.Create(name), at));
    }

    static List<NamePattern> PatternsOf(JsonObject s, string path)
    {
        if (!s.TryGetPropertyValue("patternProperties", out var node)) return [];
        if (s.ContainsKey("propertyNames")) throw Refused(path, "patternProperties", "beside propertyNames");
        List<NamePattern> patterns = [];
        foreach (var (text, schema) in Of<JsonObject>(node, path, "patternProperties"))
        {
            if (schema is JsonValue v && v.TryGetValue(out bool possible) && !possible) throw Refused($"{path}/patternProperties", text, "names that must not be there (false) would have to be kept from all others");
            NamePattern pattern;
            try { pattern = new(text, schema); }
            catch (IngotException e) { throw Refused(path, "patternProperties", e.Message); }
            if (patterns.FirstOrDefault(p => !JsonNode.DeepEquals(p.Schema, schema) && p.Overlaps(pattern)) is { } other) throw Refused(path, "patternProperties", $"a name may match '{other.Text}' and '{text}', which ask for different values");
            patterns.Add(pattern);
        }
        return patterns;
    }

    /// <summary>The schema of a property whose name may match patterns, too.</summary>
    static JsonNode? WithPatterns(string name, JsonNode? schema, List<NamePattern> patterns)
    {
        var matching = patterns.Where(p => p.Matches(name)).Select(p => p.Schema).ToList();
        return matching.Count == 0 ? schema : new JsonObject { ["allOf"] = new JsonArray([.. matching.Append(schema).Where(x => x is JsonObject).Select(x => x!.DeepClone())]) };
    }

    /// <summary>A key that is none of some names, written without escapes so that it cannot be one of them in disguise.</summary>
    int OtherKey(IReadOnlyCollection<string> names)
    {
        int rule = grammar.NewRule(), begin = grammar.Literal(grammar.Start(rule), "\""u8), free = grammar.NewState();
        (int, int)[] plain = [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, 0x10FFFF)];
        CodePointBytes.Add(grammar, free, plain, free, Writing.Plain);
        grammar.Byte(free, (byte)'"', (byte)'"', grammar.End(rule));
        Follow(begin, [.. names.Select(n => n.EnumerateRunes().Select(r => r.Value).ToArray())], 0);
        return rule;

        // At a state that some names still lead through: another character frees the key, the end of a name may not be the end of the key.
        void Follow(int state, List<int[]> through, int at)
        {
            while (true)
            {
                if (!through.Any(n => n.Length == at)) grammar.Byte(state, (byte)'"', (byte)'"', grammar.End(rule));
                var next = through.Where(n => n.Length > at).GroupBy(n => n[at]).OrderBy(g => g.Key).ToList();
                List<(int, int)> others = [];
                foreach (var (first, last) in plain)
                {
                    int start = first;
                    foreach (var group in next.Where(g => g.Key >= first && g.Key <= last))
                    {
                        if (start < group.Key) others.Add((start, group.Key - 1));
                        start = group.Key + 1;
                    }
                    if (start <= last) others.Add((start, last));
                }
                CodePointBytes.Add(grammar, state, others, free, Writing.Plain);
                if (next.Count == 0) return;
                foreach (var group in next.Skip(1).Where(g => IsPlain(g.Key))) Follow(Character(state, group.Key), [.. group], at + 1);
                if (!IsPlain(next[0].Key)) return;
                (state, through, at) = (Character(state, next[0].Key), [.. next[0]], at + 1);
            }
        }

        bool IsPlain(int c) => plain.Any(p => c >= p.Item1 && c <= p.Item2);

        int Character(int state, int c)
        {
            int to = grammar.NewState();
            CodePointBytes.Add(grammar, state, [(c, c)], to, Writing.Plain);
            return to;
        }
    }
}
