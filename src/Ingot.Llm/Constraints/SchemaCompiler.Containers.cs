using System.Text;
using System.Text.Json.Nodes;

namespace Ingot.Llm.Constraints;

/// <summary>Strings, arrays and objects.</summary>
sealed partial class SchemaCompiler
{
    static readonly Dictionary<string, string> Formats = new()
    {
        ["date"] = Date,
        ["time"] = Time,
        ["date-time"] = $"({Date})T({Time})",
        ["duration"] = "P([0-9]{1,4}W|(([0-9]{1,4}Y([0-9]{1,2}M)?([0-9]{1,2}D)?|[0-9]{1,2}M([0-9]{1,2}D)?|[0-9]{1,3}D)(T([0-9]{1,2}H([0-9]{1,2}M([0-9]{1,2}S)?)?|[0-9]{1,2}M([0-9]{1,2}S)?|[0-9]{1,2}S))?)|T([0-9]{1,2}H([0-9]{1,2}M([0-9]{1,2}S)?)?|[0-9]{1,2}M([0-9]{1,2}S)?|[0-9]{1,2}S))",
        ["uuid"] = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        ["email"] = $"[A-Za-z0-9_+-]{{1,32}}(\\.[A-Za-z0-9_+-]{{1,16}}){{0,2}}@{Host}",
        ["hostname"] = Host,
        ["ipv4"] = $"({Octet})(\\.({Octet})){{3}}",
        ["ipv6"] = "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}",
        ["uri"] = $"https?://{Host}(:[1-9][0-9]{{0,3}})?(/[A-Za-z0-9_.~-]{{0,64}}){{0,8}}(\\?[A-Za-z0-9_.~=&-]{{0,128}})?(#[A-Za-z0-9_.~-]{{0,64}})?",
    };

    const string Date = "[0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)";
    const string Time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,7})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])";
    const string Host = "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?){1,3}";
    const string Octet = "25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]";

    int String(int from, JsonObject s, string path)
    {
        int least = CountOf(s, "minLength", path) ?? 0, most = CountOf(s, "maxLength", path) ?? int.MaxValue;
        if (least > most) throw Refused(path, "minLength", $"{least} is more than maxLength, {most}");
        string? pattern = s["pattern"]?.GetValue<string>(), format = s["format"]?.GetValue<string>();
        if (pattern is not null && format is not null) throw Refused(path, "format", "beside a pattern");
        if (format is not null && !Formats.ContainsKey(format)) throw Refused(path, "format", $"'{format}' is not one of {string.Join(", ", Formats.Keys)}");
        if (pattern is null && format is null && least == 0 && most == int.MaxValue) return Called(from, StringRule());
        int at = grammar.Literal(from, "\""u8);
        if (pattern is not null || format is not null)
        {
            try { at = RegexGrammar.Add(grammar, at, pattern ?? Formats[format!], isWhole: format is not null, Writing.Json, least, most); }
            catch (IngotException e) { throw Refused(path, pattern is null ? "format" : "pattern", e.Message); }
            return grammar.Literal(at, "\""u8);
        }
        int character = CharacterRule(), end = grammar.NewState();
        for (int count = 0; ; count++)
        {
            if (count >= least) grammar.Nothing(at, end);
            if (count == most) break;
            if (most == int.MaxValue && count >= least)
            {
                grammar.Call(at, character, at);
                break;
            }
            at = Called(at, character);
        }
        return grammar.Literal(end, "\""u8);
    }

    /// <summary>A character of a JSON string, or an escape that stands for one; surrogates only in pairs.</summary>
    int CharacterRule() => Shared("character", r =>
    {
        int start = grammar.Start(r), end = grammar.End(r);
        CodePointBytes.Add(grammar, start, [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, 0x10FFFF)], end, Writing.Plain);
        grammar.Nothing(RegexGrammar.Add(grammar, start, """\\(["\\/bfnrt]|u([0-9a-ce-fA-CE-F][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))""", isWhole: true, Writing.Plain), end);
    });

    int StringRule() => Shared("string", r =>
    {
        int inside = grammar.Literal(grammar.Start(r), "\""u8);
        grammar.Call(inside, CharacterRule(), inside);
        grammar.Nothing(grammar.Literal(inside, "\""u8), grammar.End(r));
    });

    /// <summary>Nothing, a space, or a line feed and an indent.</summary>
    int SpaceRule() => Shared("space", r =>
    {
        int start = grammar.Start(r), end = grammar.End(r);
        grammar.Nothing(start, end);
        grammar.Byte(start, (byte)' ', (byte)' ', end);
        int at = grammar.Literal(start, "\n"u8);
        for (int i = 0; i < 24; i++)
        {
            grammar.Nothing(at, end);
            at = grammar.Literal(at, " "u8);
        }
        grammar.Nothing(at, end);
    });

    int Space(int from) => Called(from, SpaceRule());

    /// <summary>Any JSON value.</summary>
    int AnyRule()
    {
        return Shared("any", r => waiting.Enqueue(() => grammar.Nothing(Value(grammar.Start(r), new JsonObject { ["type"] = new JsonArray([.. AllTypes.Select(t => JsonValue.Create(t))]) }, "#"), grammar.End(r))));
    }

    int Array(int from, JsonObject s, string path)
    {
        if (s["uniqueItems"]?.GetValue<bool>() == true) throw Refused(path, "uniqueItems", "a grammar does not remember what was there");
        var first = s["prefixItems"] as JsonArray ?? s["items"] as JsonArray ?? [];
        var rest = s["items"] is JsonArray ? s["additionalItems"] : s["items"];
        bool isClosed = rest is JsonValue v && v.TryGetValue(out bool open) && !open;
        int least = CountOf(s, "minItems", path) ?? 0, most = Math.Min(CountOf(s, "maxItems", path) ?? int.MaxValue, isClosed ? first.Count : int.MaxValue);
        if (least > most) throw Refused(path, "minItems", $"{least} items, but there can be only {most}");
        int rule = most > first.Count ? rest is null ? AnyRule() : RuleOf(rest, $"{path}/items") : -1;
        int opened = Space(grammar.Literal(from, "["u8)), end = grammar.NewState(), at = opened;
        for (int count = 0; ; count++)
        {
            if (count >= least) grammar.Nothing(count == 0 ? at : Space(at), end);
            if (count == most) break;
            int item = count < first.Count ? RuleOf(first[count], $"{path}/prefixItems/{count}") : rule;
            int before = count == 0 ? at : Space(grammar.Literal(at, ","u8));
            if (most == int.MaxValue && count > first.Count && count > least)
            {
                grammar.Call(before, item, at); // as many as there may be
                break;
            }
            at = Called(before, item);
        }
        return grammar.Literal(end, "]"u8);
    }

    int Object(int from, JsonObject s, string path)
    {
        var properties = s["properties"] as JsonObject ?? [];
        HashSet<string> required = [.. s.ContainsKey("required") ? TextsOf(s["required"], path, "required") : []];
        var additional = s["additionalProperties"];
        // Where properties are named and nothing is said of others, none come: a model would have no end of ideas.
        bool isOpen = additional is JsonValue v && v.TryGetValue(out bool allows) ? allows : additional is not null || properties.Count == 0;
        int least = CountOf(s, "minProperties", path) ?? 0;
        if (least > required.Count) throw Refused(path, "minProperties", $"{least} properties, of which only {required.Count} are required by name");
        if (s.ContainsKey("maxProperties") && (isOpen || CountOf(s, "maxProperties", path) < properties.Count)) throw Refused(path, "maxProperties", "properties are not counted");
        List<(string Name, int Rule, bool IsRequired)> all = [];
        foreach (var (name, schema) in properties)
        {
            if (schema is JsonValue f && f.TryGetValue(out bool possible) && !possible)
            {
                if (required.Contains(name)) throw Refused($"{path}/properties/{name}", "required", "its schema is false");
                continue;
            }
            all.Add((name, RuleOf(schema, $"{path}/properties/{name}"), required.Contains(name)));
        }
        int other = isOpen ? additional is JsonObject ? RuleOf(additional, $"{path}/additionalProperties") : AnyRule() : -1;
        foreach (string name in required.Where(r => !properties.ContainsKey(r)))
            all.Add((name, isOpen ? other : additional is null ? AnyRule() : throw Refused(path, "required", $"'{name}' is no property, and there can be no others"), true));

        // Two ways run side by side: nothing was written yet, or something was and a comma is due.
        int empty = Space(grammar.Literal(from, "{"u8)), some = grammar.NewState(), end = grammar.NewState();
        foreach (var (name, rule, isRequired) in all)
        {
            int after = grammar.NewState(), nextEmpty = grammar.NewState(), key = grammar.NewState();
            grammar.Nothing(empty, key);
            grammar.Nothing(Space(grammar.Literal(some, ","u8)), key);
            int value = Space(grammar.Literal(key, Encoding.UTF8.GetBytes(JsonValue.Create(name).ToJsonString(Plain) + ":")));
            grammar.Call(value, rule, after);
            if (!isRequired)
            {
                grammar.Nothing(empty, nextEmpty);
                grammar.Nothing(some, after);
            }
            (empty, some) = (nextEmpty, after);
        }
        if (isOpen)
        {
            int key = OtherKey([.. all.Select(a => a.Name), .. properties.Select(p => p.Key)]), begin = grammar.NewState(), more = grammar.NewState();
            grammar.Nothing(empty, begin);
            grammar.Nothing(Space(grammar.Literal(some, ","u8)), begin);
            grammar.Call(Space(grammar.Literal(Called(begin, key), ":"u8)), other, more);
            grammar.Nothing(more, some);
        }
        grammar.Nothing(empty, end);
        grammar.Nothing(Space(some), end);
        return grammar.Literal(end, "}"u8);
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
