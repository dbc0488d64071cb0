using System.Globalization;
using System.Text;

namespace Ingot.Llm.Chat.Templates;

/// <summary>Functions that every template has.</summary>
sealed partial class Interpreter
{
    /// <summary>As Jinja's sandbox has it.</summary>
    const int LongestRange = 100_000;

    void AddFunctions()
    {
        void Add(string name, Func<Arguments, object?> call) => scope[name] = new Callable(name, call);
        Add("range", Range);
        Add("dict", a =>
        {
            var map = new TemplateMap();
            if (a.Positional is [TemplateMap from, ..]) foreach (var (key, value) in from.Entries) map.Set(key, value);
            else if (a.Positional is [TemplateList pairs, ..])
                foreach (var pair in pairs.Items) map.Set((pair as TemplateList)?.Items is [var k, _] ? k : throw new TemplateFault("dict needs pairs"), ((TemplateList)pair!).Items[1]);
            foreach (var (key, value) in a.Named) map[key] = value;
            return map;
        });
        Add("namespace", a =>
        {
            var made = new Namespace();
            if (a.Positional is [TemplateMap from, ..]) foreach (var (key, value) in from.Entries) made.Attributes[PythonText.Str(key).Value] = value;
            foreach (var (key, value) in a.Named) made.Attributes[key] = value;
            return made;
        });
        Add("joiner", a =>
        {
            var separator = a.Get(0, "sep") ?? MarkedText.Own(", ");
            bool isFirst = true;
            return new Callable("joiner", _ =>
            {
                var text = isFirst ? MarkedText.Empty : separator;
                isFirst = false;
                return text;
            });
        });
        Add("raise_exception", a => throw new TemplateRefusal(PythonText.Str(a.Require(0, "message")).Value));
        Add("strftime_now", a => MarkedText.Own(Time(clock.GetLocalNow(), a.Text(0, "format").Value)));
    }

    static object? Range(Arguments a)
    {
        long first = a.Integer(0, "start", 0), start = a.Positional.Count > 1 ? first : 0, stop = a.Positional.Count > 1 ? a.Integer(1, "stop", 0) : first, step = a.Integer(2, "step", 1);
        if (step == 0) throw new TemplateFault("range's step cannot be 0");
        if (Math.Abs((double)stop - start) / Math.Abs((double)step) > LongestRange) throw new TemplateFault($"a range of more than {LongestRange} numbers");
        List<object?> items = [];
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) items.Add(i);
        return new TemplateList(items);
    }

    /// <summary>C's strftime, in the C locale.</summary>
    internal static string Time(DateTimeOffset t, string format)
    {
        var to = new StringBuilder();
        string Of(string f) => t.ToString(f, CultureInfo.InvariantCulture);
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                to.Append(format[i]);
                continue;
            }
            char c = format[++i];
            bool isBare = c == '-' && i + 1 < format.Length;
            if (isBare) c = format[++i];
            string text = c switch
            {
                'Y' => Of("yyyy"),
                'y' => Of("yy"),
                'm' => Of("MM"),
                'd' => Of("dd"),
                'e' => t.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
                'H' => Of("HH"),
                'I' => Of("hh"),
                'M' => Of("mm"),
                'S' => Of("ss"),
                'f' => Of("ffffff"),
                'p' => Of("tt"),
                'b' or 'h' => Of("MMM"),
                'B' => Of("MMMM"),
                'a' => Of("ddd"),
                'A' => Of("dddd"),
                'j' => t.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                'u' => (t.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)t.DayOfWeek).ToString(CultureInfo.InvariantCulture),
                'w' => ((int)t.DayOfWeek).ToString(CultureInfo.InvariantCulture),
                'F' => Of("yyyy-MM-dd"),
                'D' or 'x' => Of("MM/dd/yy"),
                'T' or 'X' => Of("HH:mm:ss"),
                'R' => Of("HH:mm"),
                'c' => $"{Of("ddd MMM ")}{t.Day,2}{Of(" HH:mm:ss yyyy")}",
                'n' => "\n",
                't' => "\t",
                '%' => "%",
                'z' or 'Z' => "", // Python's local time without a zone writes nothing
                _ => throw new TemplateFault($"strftime_now does not know %{c}"),
            };
            to.Append(isBare ? text.TrimStart('0', ' ') is { Length: > 0 } bare ? bare : "0" : text);
        }
        return to.ToString();
    }
}

/// <summary>What a template says with raise_exception: the conversation is not to its liking.</summary>
sealed class TemplateRefusal(string message) : Exception(message);
