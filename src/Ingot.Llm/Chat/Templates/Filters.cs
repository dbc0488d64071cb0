using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Ingot.Llm.Chat.Templates;

/// <summary>What can stand behind a <c>|</c>.</summary>
static partial class Filters
{
    static readonly Dictionary<string, Func<object?, Arguments, object?>> All = new()
    {
        ["abs"] = (v, _) => v switch { long.MinValue => throw Wrong("abs", v), long n => (object)Math.Abs(n), double d => Math.Abs(d), bool b => b ? 1L : 0L, _ => throw Wrong("abs", v) },
        ["attr"] = (v, a) => Members.Attribute(v, a.Text(0, "name").Value),
        ["batch"] = Batch,
        ["capitalize"] = (v, _) => StringMethods.Capitalize(PythonText.Str(v)),
        ["center"] = (v, a) => StringMethods.Center(PythonText.Str(v), a.Integer(0, "width", 80)),
        ["default"] = (v, a) => v is Undefined || a.Flag(1, "boolean") && !Operators.IsTrue(v) ? a.Get(0, "default_value", MarkedText.Empty) : v,
        ["dictsort"] = DictSort,
        ["escape"] = (v, _) => Escape(PythonText.Str(v)),
        ["first"] = (v, _) => Operators.Items(v) is [var x, ..] ? x : new Undefined("the first item of an empty sequence"),
        ["float"] = (v, a) => v switch
        {
            double d => d,
            long n => (double)n,
            bool b => b ? 1.0 : 0.0,
            MarkedText t when double.TryParse(t.Value.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double d) => d,
            _ => a.Get(0, "default", 0.0),
        },
        ["format"] = (v, a) => PythonText.Format(PythonText.Str(v), a.Positional),
        ["groupby"] = GroupBy,
        ["indent"] = (v, a) => Indent(PythonText.Str(v), a),
        ["int"] = Integer,
        ["items"] = (v, _) => v switch { TemplateMap m => Members.Pairs(m), Undefined => new TemplateList([]), _ => throw Wrong("items", v) },
        ["join"] = (v, a) => StringMethods.Join(PythonText.Str(a.Get(0, "d", MarkedText.Empty)), Operators.Items(v).Select(i => PythonText.Str(a.TryGet(1, "attribute", out var key) && key is not null ? Members.Path(i, key) : i))),
        ["last"] = (v, _) => Operators.Items(v) is [.., var x] ? x : new Undefined("the last item of an empty sequence"),
        ["length"] = (v, _) => Operators.Length(v),
        ["list"] = (v, _) => new TemplateList(Operators.Items(v)),
        ["lower"] = (v, _) => PythonText.Str(v) is var t ? t.With(t.Value.ToLowerInvariant()) : null,
        ["map"] = Map,
        ["max"] = (v, a) => Extreme(v, a, 1),
        ["min"] = (v, a) => Extreme(v, a, -1),
        ["pprint"] = (v, _) => MarkedText.From(PythonText.Repr(v), PythonText.HasGiven(v)),
        ["reject"] = (v, a) => Chosen(v, a, hasAttribute: false, keeps: false),
        ["rejectattr"] = (v, a) => Chosen(v, a, hasAttribute: true, keeps: false),
        ["replace"] = (v, a) => StringMethods.Replace(PythonText.Str(v), PythonText.Str(a.Require(0, "old")), PythonText.Str(a.Require(1, "new")), a.Integer(2, "count", -1)),
        ["reverse"] = (v, _) => v is MarkedText t ? StringMethods.Join(MarkedText.Empty, t.Characters().Reverse()) : new TemplateList([.. Operators.Items(v).Reverse()]),
        ["round"] = Round,
        ["safe"] = (v, _) => PythonText.Str(v),
        ["select"] = (v, a) => Chosen(v, a, hasAttribute: false, keeps: true),
        ["selectattr"] = (v, a) => Chosen(v, a, hasAttribute: true, keeps: true),
        ["slice"] = Slice,
        ["sort"] = (v, a) => new TemplateList(Sorted(Operators.Items(v), i => Key(a.TryGet(2, "attribute", out var key) && key is not null ? Members.Path(i, key) : i, a.Flag(1, "case_sensitive")), a.Flag(0, "reverse"))),
        ["string"] = (v, _) => PythonText.Str(v),
        ["sum"] = (v, a) => Operators.Items(v).Select(i => a.TryGet(0, "attribute", out var key) && key is not null ? Members.Path(i, key) : i).Aggregate(a.Get(1, "start", 0L), (x, y) => Operators.Arithmetic("+", x, y)),
        ["title"] = (v, _) => Title(PythonText.Str(v)),
        ["tojson"] = ToJson,
        ["trim"] = (v, a) => StringMethods.Strip(PythonText.Str(v), a.Get(0, "chars"), true, true),
        ["truncate"] = Truncate,
        ["unique"] = (v, a) => new TemplateList([.. Operators.Items(v).DistinctBy(i => KeyText(a.TryGet(1, "attribute", out var key) && key is not null ? Members.Path(i, key) : i, a.Flag(0, "case_sensitive")))]),
        ["upper"] = (v, _) => PythonText.Str(v) is var t ? t.With(t.Value.ToUpperInvariant()) : null,
        ["wordcount"] = (v, _) => (long)Word().Count(PythonText.Str(v).Value),
    };

    static Filters()
    {
        foreach (var (other, name) in new[] { ("count", "length"), ("d", "default"), ("e", "escape"), ("forceescape", "escape") }) All[other] = All[name];
    }

    public static bool Exists(string name) => All.ContainsKey(name);

    public static object? Apply(string name, object? value, Arguments arguments) => All.TryGetValue(name, out var filter) ? filter(value, arguments) : throw new TemplateFault($"there is no filter '{name}'");

    static TemplateFault Wrong(string filter, object? value) => new(value is Undefined u ? $"{u.What} is undefined" : $"{filter} does not go with {Operators.TypeName(value)}");

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    static MarkedText ToJson(object? value, Arguments a)
    {
        if (value is Undefined u) throw Operators.IsUndefined(u);
        int? indent = a.Get(1, "indent") switch
        {
            null => a.Positional is [long first] ? (int)Math.Clamp(first, 0, 16) : null, // Jinja's own tojson takes it first
            long n => (int)Math.Clamp(n, 0, 16),
            var other => throw Wrong("tojson's indent", other),
        };
        (string, string)? separators = a.Get(2, "separators") switch
        {
            null => null,
            TemplateList { Items: [MarkedText item, MarkedText key] } => (item.Value, key.Value),
            var other => throw Wrong("tojson's separators", other),
        };
        return MarkedText.From(PythonText.Json(value, indent, separators, a.Flag(3, "sort_keys")), PythonText.HasGiven(value));
    }

    static MarkedText Escape(MarkedText t)
    {
        var to = new MarkedTextBuilder();
        foreach (var c in t.Characters())
        {
            string? code = c.Value switch { "&" => "&amp;", "<" => "&lt;", ">" => "&gt;", "'" => "&#39;", "\"" => "&#34;", _ => null };
            to.Append(code is null ? c : MarkedText.From(code, c.HasGiven));
        }
        return to.Build();
    }

    static MarkedText Indent(MarkedText t, Arguments a)
    {
        var by = a.Get(0, "width", 4L) switch
        {
            long n => MarkedText.Own(new(' ', (int)Math.Clamp(n, 0, 1000))),
            MarkedText s => s,
            var other => throw Wrong("indent", other),
        };
        bool first = a.Flag(1, "first"), blank = a.Flag(2, "blank");
        var lines = ((TemplateList)StringMethods.Find(t + MarkedText.Own("\n"), "splitlines")!.Call(Arguments.None)!).Items.Cast<MarkedText>();
        return StringMethods.Join(MarkedText.Own("\n"), lines.Select((line, i) => i == 0 ? first ? by + line : line : blank || line.Length > 0 ? by + line : line));
    }

    static object? Integer(object? v, Arguments a)
    {
        switch (v)
        {
            case long n: return n;
            case bool b: return b ? 1L : 0L;
            case double d when Math.Abs(d) < 9e18: return (long)d;
            case MarkedText t:
                int radix = (int)a.Integer(1, "base", 10);
                string s = t.Value.Trim().Replace("_", "", StringComparison.Ordinal);
                if (radix == 10 && long.TryParse(s, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long parsed)) return parsed;
                if (radix == 16 && long.TryParse(s.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? s[2..] : s, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out parsed)) return parsed;
                if (radix == 10 && double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out double real) && Math.Abs(real) < 9e18) return (long)real;
                break;
        }
        return a.Get(0, "default", 0L);
    }

    static object? Round(object? v, Arguments a)
    {
        if (v is long && a.Positional.Count + a.Named.Count == 0) return v;
        double d = v switch { long n => n, double x => x, bool b => b ? 1 : 0, _ => throw Wrong("round", v) };
        int digits = (int)Math.Clamp(a.Integer(0, "precision", 0), 0, 15);
        string method = a.Get(1, "method") is MarkedText m ? m.Value : "common";
        if (method == "common") return Math.Round(d, digits, MidpointRounding.ToEven);
        double unit = Math.Pow(10, digits);
        return method switch { "ceil" => Math.Ceiling(d * unit) / unit, "floor" => Math.Floor(d * unit) / unit, _ => throw new TemplateFault($"round knows common, ceil and floor, not '{method}'") };
    }

    static MarkedText Title(MarkedText t)
    {
        var to = new StringBuilder();
        bool startsWord = true;
        foreach (char c in t.Value)
        {
            to.Append(startsWord ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
            startsWord = char.IsWhiteSpace(c) || c is '-' or '(' or '{' or '[' or '<';
        }
        return t.With(to.ToString());
    }

    static object? Truncate(object? v, Arguments a)
    {
        var t = PythonText.Str(v);
        long length = Math.Clamp(a.Integer(0, "length", 255), 0, int.MaxValue), leeway = Math.Clamp(a.Integer(3, "leeway", 5), 0, int.MaxValue);
        var end = a.Get(2, "end") as MarkedText ?? MarkedText.Own("...");
        if (t.Length <= length + leeway) return t;
        var cut = t.Slice(0, (int)Math.Clamp(length - end.Length, 0, t.Length));
        if (!a.Flag(1, "killwords") && cut.Value.LastIndexOf(' ') is >= 0 and var space) cut = cut.Slice(0, space);
        return cut + end;
    }
}
