using System.Globalization;
using System.Text;

namespace Ingot.Llm.Chat.Templates;

/// <summary>Values as text, as Python's str, repr and json.dumps write them.</summary>
static class PythonText
{
    /// <summary>What a template writes out for a value.</summary>
    public static MarkedText Str(object? value) => value switch
    {
        MarkedText t => t,
        Undefined => MarkedText.Empty,
        _ => MarkedText.From(Repr(value), HasGiven(value)),
    };

    public static bool HasGiven(object? value)
    {
        Operators.RequireStack();
        return value switch
        {
            MarkedText t => t.HasGiven,
            TemplateList l => l.Items.Any(HasGiven),
            TemplateMap m => m.Entries.Any(e => HasGiven(e.Key) || HasGiven(e.Value)),
            _ => false,
        };
    }

    public static string Repr(object? value)
    {
        var text = new StringBuilder();
        Repr(value, text);
        return text.ToString();
    }

    static void Repr(object? value, StringBuilder to)
    {
        Operators.RequireStack();
        switch (value)
        {
            case null: to.Append("None"); break;
            case bool b: to.Append(b ? "True" : "False"); break;
            case long n: to.Append(Operators.Invariant(n)); break;
            case double d: to.Append(Float(d)); break;
            case MarkedText t: Quoted(t.Value, to); break;
            case TemplateList l:
                to.Append(l.IsTuple ? '(' : '[');
                foreach (var (i, item) in l.Items.Index())
                {
                    if (i > 0) to.Append(", ");
                    Repr(item, to);
                }
                to.Append(l.IsTuple ? l.Items.Count == 1 ? ",)" : ")" : "]");
                break;
            case TemplateMap m:
                to.Append('{');
                foreach (var (i, (key, item)) in m.Entries.Index())
                {
                    if (i > 0) to.Append(", ");
                    Repr(key, to);
                    to.Append(": ");
                    Repr(item, to);
                }
                to.Append('}');
                break;
            case Undefined: to.Append("Undefined"); break;
            case Namespace: to.Append("<Namespace>"); break;
            case Callable c: to.Append($"<{c.Name}>"); break;
        }
    }

    /// <summary>The shortest digits that read back as the same number; an exponent below 1e-4 and from 1e16.</summary>
    public static string Float(double d)
    {
        if (double.IsNaN(d)) return "nan";
        if (double.IsInfinity(d)) return d > 0 ? "inf" : "-inf";
        string s = d.ToString("E16", CultureInfo.InvariantCulture), shortest = d.ToString("R", CultureInfo.InvariantCulture);
        int exponent = d == 0 ? 0 : int.Parse(s.AsSpan(s.IndexOf('E') + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string digits = new([.. shortest.TakeWhile(c => c != 'E').Where(char.IsAsciiDigit)]);
        digits = digits.TrimStart('0').TrimEnd('0') is { Length: > 0 } significant ? significant : "0";
        string sign = double.IsNegative(d) ? "-" : "";
        if (exponent is < -4 or >= 16)
            return $"{sign}{digits[0]}{(digits.Length > 1 ? "." + digits[1..] : "")}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        if (exponent < 0) return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        return digits.Length <= exponent + 1 ? $"{sign}{digits.PadRight(exponent + 1, '0')}.0" : $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    static void Quoted(string text, StringBuilder to)
    {
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        to.Append(quote);
        foreach (var rune in text.EnumerateRunes())
        {
            int c = rune.Value;
            if (c == quote || c == '\\') to.Append('\\').Append((char)c);
            else if (c == '\n') to.Append("\\n");
            else if (c == '\r') to.Append("\\r");
            else if (c == '\t') to.Append("\\t");
            else if (c == ' ' || IsPrintable(rune)) to.Append(rune.ToString());
            else to.Append(CultureInfo.InvariantCulture, $"{(c < 0x100 ? $"\\x{c:x2}" : c < 0x10000 ? $"\\u{c:x4}" : $"\\U{c:x8}")}");
        }
        to.Append(quote);
    }

    static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    /// <summary>json.dumps with ensure_ascii=False, as Hugging Face's tojson has it.</summary>
    /// <param name="value">What to write.</param>
    /// <param name="indent">Spaces a level; null: all on one line.</param>
    /// <param name="separators">Between items and behind keys; null: Python's own.</param>
    /// <param name="sortsKeys">By code points instead of in the order that they came.</param>
    public static string Json(object? value, int? indent = null, (string Item, string Key)? separators = null, bool sortsKeys = false)
    {
        var to = new StringBuilder();
        Json(value, to, indent, separators ?? (indent is null ? (", ", ": ") : (",", ": ")), sortsKeys, 0);
        return to.ToString();
    }

    static void Json(object? value, StringBuilder to, int? indent, (string Item, string Key) separators, bool sortsKeys, int level)
    {
        Operators.RequireStack();
        void Line(int at) { if (indent is { } n) to.Append('\n').Append(' ', n * at); }
        switch (value)
        {
            case null: to.Append("null"); break;
            case bool b: to.Append(b ? "true" : "false"); break;
            case long n: to.Append(Operators.Invariant(n)); break;
            case double d: to.Append(double.IsNaN(d) ? "NaN" : double.IsInfinity(d) ? d > 0 ? "Infinity" : "-Infinity" : Float(d)); break;
            case MarkedText t: JsonString(t.Value, to); break;
            case TemplateList { Items.Count: 0 }: to.Append("[]"); break;
            case TemplateMap { Count: 0 }: to.Append("{}"); break;
            case TemplateList l:
                to.Append('[');
                foreach (var (i, item) in l.Items.Index())
                {
                    if (i > 0) to.Append(separators.Item);
                    Line(level + 1);
                    Json(item, to, indent, separators, sortsKeys, level + 1);
                }
                Line(level);
                to.Append(']');
                break;
            case TemplateMap m:
                to.Append('{');
                var entries = sortsKeys ? m.Entries.OrderBy(e => e.Key, Comparer<object?>.Create(Operators.Compare)) : m.Entries;
                foreach (var (i, (key, item)) in entries.Index())
                {
                    if (i > 0) to.Append(separators.Item);
                    Line(level + 1);
                    JsonString(key switch
                    {
                        MarkedText k => k.Value,
                        null or bool or long or double => Json(key),
                        _ => throw new TemplateFault($"{Operators.TypeName(key)} cannot be a key in JSON"),
                    }, to);
                    to.Append(separators.Key);
                    Json(item, to, indent, separators, sortsKeys, level + 1);
                }
                Line(level);
                to.Append('}');
                break;
            default: throw new TemplateFault($"{Operators.TypeName(value)} cannot be written as JSON");
        }
    }

    static void JsonString(string text, StringBuilder to)
    {
        to.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"': to.Append("\\\""); break;
                case '\\': to.Append("\\\\"); break;
                case '\n': to.Append("\\n"); break;
                case '\r': to.Append("\\r"); break;
                case '\t': to.Append("\\t"); break;
                case '\b': to.Append("\\b"); break;
                case '\f': to.Append("\\f"); break;
                case < ' ': to.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default: to.Append(c); break;
            }
        }
        to.Append('"');
    }

    /// <summary>Python's % on strings: %s %r %d %i %f %g-free, with width, precision, - and 0.</summary>
    public static MarkedText Format(MarkedText format, IReadOnlyList<object?> values)
    {
        var to = new MarkedTextBuilder();
        string f = format.Value;
        int next = 0;
        for (int at = 0; at < f.Length;)
        {
            int percent = f.IndexOf('%', at);
            if (percent < 0) percent = f.Length;
            to.Append(format.Slice(at, percent - at));
            if (percent == f.Length) break;
            at = percent + 1;
            bool isLeft = false, hasZeros = false;
            for (; at < f.Length && f[at] is '-' or '0'; at++) (isLeft, hasZeros) = (isLeft || f[at] == '-', hasZeros || f[at] == '0');
            int width = Digits(f, ref at), precision = -1;
            if (at < f.Length && f[at] == '.')
            {
                at++;
                precision = Digits(f, ref at);
            }
            if (at >= f.Length) throw new TemplateFault("a format ends in %");
            char kind = f[at++];
            if (kind == '%')
            {
                to.Append("%");
                continue;
            }
            if (next >= values.Count) throw new TemplateFault("a format asks for more values than there are");
            object? value = values[next++];
            var text = (kind, value) switch
            {
                ('s', _) => Str(value),
                ('r', _) => MarkedText.From(Repr(value), HasGiven(value)),
                ('d' or 'i', bool b) => MarkedText.Own(b ? "1" : "0"),
                ('d' or 'i', long n) => MarkedText.Own(Operators.Invariant(n)),
                ('d' or 'i', double d) => MarkedText.Own(Math.Truncate(d).ToString("F0", CultureInfo.InvariantCulture)),
                ('f', long or double) => MarkedText.Own((value is long n ? n : (double)value).ToString("F" + (precision < 0 ? 6 : precision), CultureInfo.InvariantCulture)),
                _ => throw new TemplateFault($"%{kind} does not go with {Operators.TypeName(value)}"),
            };
            if (kind == 's' && precision >= 0) text = text.Slice(0, Math.Min(precision, text.Length));
            string padding = new(hasZeros && kind != 's' && !isLeft ? '0' : ' ', Math.Max(0, width - text.Length));
            if (!isLeft) to.Append(padding);
            to.Append(text);
            if (isLeft) to.Append(padding);
        }
        if (next < values.Count) throw new TemplateFault("a format asks for fewer values than there are");
        return to.Build();
    }

    static int Digits(string f, ref int at)
    {
        int n = 0;
        for (; at < f.Length && char.IsAsciiDigit(f[at]); at++)
            if ((n = n * 10 + f[at] - '0') > 1000) throw new TemplateFault("a format's width or precision is above 1000");
        return n;
    }
}
