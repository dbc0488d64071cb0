using System.Text.Json.Nodes;

namespace Ingot.Llm.Constraints;

/// <summary>Strings and arrays.</summary>
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
        ["idn-email"] = $"[A-Za-z0-9_+-]{{1,32}}(\\.[A-Za-z0-9_+-]{{1,16}}){{0,2}}@{Host}", // those that are ASCII, as of the next ones
        ["idn-hostname"] = Host,
        ["iri"] = WebAddress,
        ["uri-reference"] = WebAddress,
        ["json-pointer"] = "(/([A-Za-z0-9_. -]|~[01]){0,32}){0,16}",
        ["ipv6"] = "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}",
        ["uri"] = WebAddress,
    };

    const string Date = "[0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)";
    const string Time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,7})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])";
    const string Host = "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?){1,3}";
    const string WebAddress = $"https?://{Host}(:[1-9][0-9]{{0,3}})?(/[A-Za-z0-9_.~-]{{0,64}}){{0,8}}(\\?[A-Za-z0-9_.~=&-]{{0,128}})?(#[A-Za-z0-9_.~-]{{0,64}})?";
    const string Octet = "25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]";

    int String(int from, JsonObject s, string path, List<JsonNode?> keptOut)
    {
        string[] avoided = [.. keptOut.Where(k => k!.GetValueKind() == System.Text.Json.JsonValueKind.String).Select(k => k!.GetValue<string>())];
        int least = CountOf(s, "minLength", path) ?? 0, most = CountOf(s, "maxLength", path) ?? int.MaxValue;
        if (least > most) throw Refused(path, "minLength", $"{least} is more than maxLength, {most}");
        string? pattern = s["pattern"]?.GetValue<string>(), format = s["format"]?.GetValue<string>();
        if (pattern is not null && format is not null) throw Refused(path, "format", "beside a pattern");
        if (format is not null && !Formats.ContainsKey(format)) throw Refused(path, "format", $"'{format}' is not one of {string.Join(", ", Formats.Keys)}");
        if (avoided.Length > 0) pattern ??= format is null ? "" : null;
        if (pattern is null && format is null && least == 0 && most == int.MaxValue) return Called(from, StringRule());
        int at = grammar.Literal(from, "\""u8);
        if (pattern is not null || format is not null)
        {
            try { at = RegexGrammar.Add(grammar, at, pattern ?? Formats[format!], isWhole: format is not null, Writing.Json, least, most, avoided); }
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
        var first = s["prefixItems"] as JsonArray ?? [];
        var rest = s["items"];
        bool isClosed = IsImpossible(rest);
        int least = CountOf(s, "minItems", path) ?? 0, most = Math.Min(CountOf(s, "maxItems", path) ?? int.MaxValue, isClosed ? first.Count : int.MaxValue);
        if (least > most) throw Refused(path, "minItems", $"{least} items, but there can be only {most}");
        if (s["uniqueItems"]?.GetValue<bool>() == true && most > 1 && s.ContainsKey("contains")) throw Refused(path, "contains", "beside uniqueItems");
        if (s["uniqueItems"]?.GetValue<bool>() == true && most > 1) return Distinct(from, first.Count == 0 ? rest : null, least, most, path);
        JsonNode? Item(int at) => at < first.Count ? first[at] : rest;
        string Place(int at) => at < first.Count ? $"{path}/prefixItems/{at}" : $"{path}/items";
        var contained = ContainedIn(s, path);
        if (contained?.Least > most) throw Refused(path, "minContains", $"{contained.Least} items, but there can be only {most}");
        if (contained is null || contained.Most == int.MaxValue && contained.Least == 0) contained = null;
        // Ways side by side, one for each number of items so far that "contains" speaks of; where it says nothing, there is one way.
        int top = contained is null ? 0 : contained.Most < int.MaxValue ? contained.Most : contained.Least;
        int[] at = [.. Enumerable.Repeat(-1, top + 1)];
        at[0] = Space(grammar.Literal(from, "["u8));
        int end = grammar.NewState(), matching = -1, further = -1;
        for (int count = 0; ; count++)
        {
            for (int k = contained?.Least ?? 0; k <= top && count >= least; k++)
                if (at[k] >= 0) grammar.Nothing(count == 0 ? at[k] : Space(at[k]), end);
            if (count == most) break;
            if (count <= first.Count) (matching, further) = contained is null ? (-1, ItemRule(Item(count), Place(count))) : ItemRules(Item(count), contained, Place(count), $"{path}/contains");
            bool isLast = most == int.MaxValue && count > first.Count && count > least && (contained is null || count > top); // from here on as many as there may be
            int[] next = isLast ? at : [.. at.Select((_, k) => further >= 0 && at[k] >= 0 || matching >= 0 && k > 0 && at[k - 1] >= 0 ? grammar.NewState() : -1)];
            for (int k = 0; k <= top; k++)
            {
                if (at[k] < 0) continue;
                int before = count == 0 ? at[k] : Space(grammar.Literal(at[k], ","u8));
                if (further >= 0) grammar.Call(before, further, next[k]);
                if (matching >= 0 && k < top && next[k + 1] >= 0) grammar.Call(before, matching, next[k + 1]);
            }
            if (isLast) break;
            at = next;
        }
        return grammar.Literal(end, "]"u8);
    }

    /// <param name="Schema">Of the items that count.</param>
    /// <param name="Least">How many there must be.</param>
    /// <param name="Most">How many there may be.</param>
    sealed record Contained(JsonNode? Schema, int Least, int Most);

    static Contained? ContainedIn(JsonObject s, string path)
    {
        if (!s.TryGetPropertyValue("contains", out var schema)) return null;
        var contained = new Contained(schema, CountOf(s, "minContains", path) ?? 1, CountOf(s, "maxContains", path) ?? int.MaxValue);
        if (contained.Least > contained.Most) throw Refused(path, "minContains", $"{contained.Least} is more than maxContains, {contained.Most}");
        if (Math.Max(contained.Least, contained.Most < int.MaxValue ? contained.Most : 0) > MostCounted) throw Refused(path, contained.Most < int.MaxValue ? "maxContains" : "minContains", $"more than {MostCounted} are not counted");
        return contained;
    }

    int ItemRule(JsonNode? item, string path) => IsImpossible(item) ? -1 : item is null ? AnyRule() : RuleOf(item, path);

    /// <summary>Items that count, and others: any, unless there is a most, for which those that count must be told from the others. -1: there are none.</summary>
    (int Matching, int Further) ItemRules(JsonNode? item, Contained contained, string path, string containedPath)
    {
        if (IsImpossible(item)) return (-1, -1);
        int Rule(JsonNode? also) => IsImpossible(also) ? -1 : Merged(item is null ? [] : AsObject(item, path), AsObject(also, containedPath), containedPath, 0) is { } both ? RuleOf(both, containedPath) : -1;
        return (Rule(contained.Schema), contained.Most == int.MaxValue ? ItemRule(item, path) : Rule(Negated(contained.Schema, containedPath, 0)));
    }

    /// <summary>Items of which no two are the same: where there are few values in all, a state for each set of those that are there.</summary>
    int Distinct(int from, JsonNode? items, int least, int most, string path)
    {
        const int MostValues = 8;
        if (items is not JsonObject o || Flat(o, $"{path}/items", 0)["enum"] is not JsonArray { Count: <= MostValues } values)
            throw Refused(path, "uniqueItems", $"a grammar does not remember what was there, unless the items are an enum of at most {MostValues} values");
        var distinct = values.Where((v, i) => !values.Take(i).Any(w => JsonNode.DeepEquals(v, w))).ToList();
        if (least > distinct.Count) throw Refused(path, "minItems", $"{least} items, but there are only {distinct.Count} different ones");
        int opened = Space(grammar.Literal(from, "["u8)), end = grammar.NewState();
        int[] behind = [.. Enumerable.Range(0, 1 << distinct.Count).Select(set => set == 0 ? opened : grammar.NewState())];
        int[] rules = [.. distinct.Select(v => RuleOf(new JsonObject { ["allOf"] = new JsonArray(items.DeepClone(), new JsonObject { ["enum"] = new JsonArray(v?.DeepClone()) }) }, $"{path}/items"))];
        for (int set = 0; set < behind.Length; set++)
        {
            int count = int.PopCount(set);
            if (count > most) continue;
            if (count >= least) grammar.Nothing(count == 0 ? opened : Space(behind[set]), end);
            if (count == most || count == distinct.Count) continue;
            int before = count == 0 ? opened : Space(grammar.Literal(behind[set], ","u8));
            for (int i = 0; i < distinct.Count; i++)
                if ((set >> i & 1) == 0) grammar.Call(before, rules[i], behind[set | 1 << i]);
        }
        return grammar.Literal(end, "]"u8);
    }
}
