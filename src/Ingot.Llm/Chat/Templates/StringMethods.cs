using System.Buffers;
using System.Text;

namespace Ingot.Llm.Chat.Templates;

/// <summary>Python's methods of strings, as far as templates may use them.</summary>
static class StringMethods
{
    public static Callable? Find(MarkedText t, string name)
    {
        Func<Arguments, object?>? call = name switch
        {
            "strip" => a => Strip(t, a.Get(0, "chars"), true, true),
            "lstrip" => a => Strip(t, a.Get(0, "chars"), true, false),
            "rstrip" => a => Strip(t, a.Get(0, "chars"), false, true),
            "split" => a => new TemplateList([.. Split(t, a.Get(0, "sep"), a.Integer(1, "maxsplit", -1))]),
            "rsplit" => a => new TemplateList([.. SplitFromEnd(t, a.Get(0, "sep"), a.Integer(1, "maxsplit", -1))]),
            "splitlines" => a => new TemplateList([.. Lines(t, a.Flag(0, "keepends"))]),
            "partition" => a => Partition(t, a.Text(0, "sep"), isLast: false),
            "rpartition" => a => Partition(t, a.Text(0, "sep"), isLast: true),
            "startswith" => a => Any(a.Require(0, "prefix"), p => t.Value.StartsWith(p, StringComparison.Ordinal)),
            "endswith" => a => Any(a.Require(0, "suffix"), p => t.Value.EndsWith(p, StringComparison.Ordinal)),
            "removeprefix" => a => a.Text(0, "prefix") is var p && t.Value.StartsWith(p.Value, StringComparison.Ordinal) ? t.Slice(p.Length, t.Length - p.Length) : t,
            "removesuffix" => a => a.Text(0, "suffix") is var p && t.Value.EndsWith(p.Value, StringComparison.Ordinal) ? t.Slice(0, t.Length - p.Length) : t,
            "replace" => a => Replace(t, a.Text(0, "old"), a.Text(1, "new"), a.Integer(2, "count", -1)),
            "upper" => _ => t.With(t.Value.ToUpperInvariant()),
            "lower" => _ => t.With(t.Value.ToLowerInvariant()),
            "capitalize" => _ => Capitalize(t),
            "swapcase" => _ => t.With(string.Concat(t.Value.Select(c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c)))),
            "title" => _ => Title(t),
            "find" => a => (long)t.Value.IndexOf(a.Text(0, "sub").Value, StringComparison.Ordinal),
            "rfind" => a => (long)t.Value.LastIndexOf(a.Text(0, "sub").Value, StringComparison.Ordinal),
            "index" => a => t.Value.IndexOf(a.Text(0, "sub").Value, StringComparison.Ordinal) is >= 0 and var at ? (long)at : throw new TemplateFault("substring not found"),
            "count" => a => a.Text(0, "sub").Length == 0 ? t.CodePoints + 1L : (long)(t.Value.Split(a.Text(0, "sub").Value).Length - 1),
            "join" => a => Join(t, Operators.Items(a.Require(0, "iterable")).Select(i => i as MarkedText ?? throw new TemplateFault($"join needs strings, not {Operators.TypeName(i)}"))),
            "isdigit" => _ => t.Length > 0 && t.Value.All(char.IsDigit),
            "isnumeric" => _ => t.Length > 0 && t.Value.All(char.IsNumber),
            "isalpha" => _ => t.Length > 0 && t.Value.All(char.IsLetter),
            "isalnum" => _ => t.Length > 0 && t.Value.All(char.IsLetterOrDigit),
            "isspace" => _ => t.Length > 0 && t.Value.All(char.IsWhiteSpace),
            "isupper" => _ => t.Value.Any(char.IsUpper) && !t.Value.Any(char.IsLower),
            "islower" => _ => t.Value.Any(char.IsLower) && !t.Value.Any(char.IsUpper),
            "zfill" => a => Pad(t, a.Integer(0, "width", 0), "0", ""),
            "ljust" => a => Pad(t, a.Integer(0, "width", 0), "", " "),
            "rjust" => a => Pad(t, a.Integer(0, "width", 0), " ", ""),
            "center" => a => Center(t, a.Integer(0, "width", 0)),
            "format" => a => Format(t, a),
            _ => null,
        };
        return call is null ? null : new(name, call);
    }

    static bool Any(object? prefixes, Func<string, bool> fits) => prefixes switch
    {
        MarkedText p => fits(p.Value),
        TemplateList { IsTuple: true } l => l.Items.Any(p => p is MarkedText t ? fits(t.Value) : throw new TemplateFault($"a string expected, not {Operators.TypeName(p)}")),
        _ => throw new TemplateFault($"a string or a tuple of strings expected, not {Operators.TypeName(prefixes)}"),
    };

    /// <param name="t">The text.</param>
    /// <param name="characters">Which to take away; null: whitespace.</param>
    /// <param name="left">At the beginning.</param>
    /// <param name="right">At the end.</param>
    public static MarkedText Strip(MarkedText t, object? characters, bool left, bool right)
    {
        string? set = characters switch { null => null, MarkedText c => c.Value, _ => throw new TemplateFault($"strip takes a string, not {Operators.TypeName(characters)}") };
        bool Goes(char c) => set is null ? char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f' : set.Contains(c, StringComparison.Ordinal);
        int start = 0, end = t.Length;
        while (left && start < end && Goes(t.Value[start])) start++;
        while (right && end > start && Goes(t.Value[end - 1])) end--;
        return t.Slice(start, end - start);
    }

    static IEnumerable<MarkedText> Split(MarkedText t, object? separator, long most)
    {
        int at = 0;
        long count = 0;
        if (separator is null)
        {
            while (true)
            {
                while (at < t.Length && char.IsWhiteSpace(t.Value[at])) at++;
                if (at == t.Length) yield break;
                int end = at;
                while (end < t.Length && !char.IsWhiteSpace(t.Value[end])) end++;
                if (most >= 0 && count++ >= most)
                {
                    yield return Strip(t.Slice(at, t.Length - at), null, false, true);
                    yield break;
                }
                yield return t.Slice(at, end - at);
                at = end;
            }
        }
        string s = Separator(separator);
        for (int found; (most < 0 || count < most) && (found = t.Value.IndexOf(s, at, StringComparison.Ordinal)) >= 0; at = found + s.Length, count++) yield return t.Slice(at, found - at);
        yield return t.Slice(at, t.Length - at);
    }

    static string Separator(object? separator) => separator is MarkedText { Length: > 0 } s ? s.Value
        : throw new TemplateFault(separator is MarkedText ? "empty separator" : $"a separator is a string, not {Operators.TypeName(separator)}");

    static IEnumerable<MarkedText> SplitFromEnd(MarkedText t, object? separator, long most)
    {
        if (most < 0) return Split(t, separator, -1);
        if (separator is null) throw new TemplateFault("rsplit with a count needs a separator");
        string s = Separator(separator);
        List<MarkedText> parts = [];
        int end = t.Length;
        for (int found; parts.Count < most && end > 0 && (found = t.Value.LastIndexOf(s, end - 1, StringComparison.Ordinal)) >= 0; end = found) parts.Add(t.Slice(found + s.Length, end - found - s.Length));
        parts.Add(t.Slice(0, end));
        parts.Reverse();
        return parts;
    }

    static readonly SearchValues<char> LineEnds = SearchValues.Create("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"); // Python's

    static IEnumerable<MarkedText> Lines(MarkedText t, bool keepsEnds)
    {
        for (int at = 0; at < t.Length;)
        {
            int end = t.Value.AsSpan(at).IndexOfAny(LineEnds) is >= 0 and var i ? at + i : t.Length;
            int next = end == t.Length ? end : end + (t.Value.AsSpan(end).StartsWith("\r\n") ? 2 : 1);
            yield return t.Slice(at, (keepsEnds ? next : end) - at);
            at = next;
        }
    }

    static TemplateList Partition(MarkedText t, MarkedText separator, bool isLast)
    {
        string s = Separator(separator);
        int at = isLast ? t.Value.LastIndexOf(s, StringComparison.Ordinal) : t.Value.IndexOf(s, StringComparison.Ordinal);
        if (at < 0) return new(isLast ? [MarkedText.Empty, MarkedText.Empty, t] : [t, MarkedText.Empty, MarkedText.Empty], IsTuple: true);
        return new([t.Slice(0, at), t.Slice(at, s.Length), t.Slice(at + s.Length, t.Length - at - s.Length)], IsTuple: true);
    }

    public static MarkedText Replace(MarkedText t, MarkedText old, MarkedText with, long most)
    {
        var to = new MarkedTextBuilder();
        int at = 0;
        long count = 0;
        if (old.Length == 0)
        {
            foreach (var c in t.Characters())
            {
                if (most < 0 || count++ < most) to.Append(with);
                to.Append(c);
            }
            if (most < 0 || count < most) to.Append(with);
            return to.Build();
        }
        for (int found; (most < 0 || count < most) && (found = t.Value.IndexOf(old.Value, at, StringComparison.Ordinal)) >= 0; at = found + old.Length, count++)
        {
            to.Append(t.Slice(at, found - at));
            to.Append(with);
        }
        to.Append(t.Slice(at, t.Length - at));
        return to.Build();
    }

    public static MarkedText Join(MarkedText separator, IEnumerable<MarkedText> parts)
    {
        var to = new MarkedTextBuilder();
        foreach (var (i, part) in parts.Index())
        {
            if (i > 0) to.Append(separator);
            to.Append(part);
        }
        return to.Build();
    }

    public static MarkedText Capitalize(MarkedText t) => t.Length == 0 ? t : t.With(string.Concat(char.ToUpperInvariant(t.Value[0]).ToString(), t.Value[1..].ToLowerInvariant()));

    static MarkedText Title(MarkedText t)
    {
        var to = new StringBuilder();
        for (int i = 0; i < t.Length; i++) to.Append(i > 0 && char.IsLetter(t.Value[i - 1]) ? char.ToLowerInvariant(t.Value[i]) : char.ToUpperInvariant(t.Value[i]));
        return t.With(to.ToString());
    }

    static MarkedText Pad(MarkedText t, long width, string before, string after)
    {
        int missing = (int)Math.Clamp(width - t.CodePoints, 0, 1 << 16);
        if (before == "0" && t.Value is ['-' or '+', ..]) return t.Slice(0, 1) + Pad(t.Slice(1, t.Length - 1), width - 1, before, after);
        return MarkedText.Own(before.Length == 0 ? "" : new(before[0], missing)) + t + MarkedText.Own(after.Length == 0 ? "" : new(after[0], missing));
    }

    public static MarkedText Center(MarkedText t, long width)
    {
        int missing = (int)Math.Clamp(width - t.CodePoints, 0, 1 << 16), left = missing / 2 + (missing & (int)width & 1);
        return MarkedText.Own(new(' ', left)) + t + MarkedText.Own(new(' ', missing - left));
    }

    /// <summary>{} {0} {name}, and doubled braces; no formats and no attributes.</summary>
    static MarkedText Format(MarkedText t, Arguments a)
    {
        var to = new MarkedTextBuilder();
        string f = t.Value;
        int next = 0;
        for (int at = 0; at < f.Length;)
        {
            int brace = f.AsSpan(at).IndexOfAny('{', '}') is >= 0 and var i ? at + i : f.Length;
            to.Append(t.Slice(at, brace - at));
            if (brace == f.Length) break;
            if (brace + 1 < f.Length && f[brace + 1] == f[brace])
            {
                to.Append(t.Slice(brace, 1));
                at = brace + 2;
                continue;
            }
            int end = f.IndexOf('}', brace);
            if (f[brace] == '}' || end < 0) throw new TemplateFault($"a single '{f[brace]}' in a format");
            string field = f[(brace + 1)..end];
            if (field.AsSpan().IndexOfAny(":!.[") >= 0) throw new TemplateFault($"'{{{field}}}': formats of fields are not supported in chat templates");
            object? value = field.Length == 0 ? a.Require(next++, "")
                : int.TryParse(field, out int index) ? a.Require(index, "") : a.Named.TryGetValue(field, out var named) ? named : throw new TemplateFault($"a format asks for '{field}', which is not given");
            to.Append(PythonText.Str(value));
            at = end + 1;
        }
        return to.Build();
    }
}
