using System.Globalization;
using System.Runtime.CompilerServices;

namespace Ingot.Llm.Chat.Templates;

/// <summary>What operators mean, as in Python.</summary>
static class Operators
{
    public static string TypeName(object? value) => value switch
    {
        null => "None",
        bool => "a bool",
        long => "an int",
        double => "a float",
        MarkedText => "a string",
        TemplateList { IsTuple: true } => "a tuple",
        TemplateList => "a list",
        TemplateMap => "a map",
        Namespace => "a namespace",
        Callable c => $"the function '{c.Name}'",
        Undefined u => $"{u.What}, which is undefined,",
        _ => throw new InvalidOperationException(value.GetType().Name),
    };

    public static TemplateFault IsUndefined(Undefined u) => new($"{u.What} is undefined");

    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        long n => n != 0,
        double d => d != 0,
        MarkedText t => t.Length > 0,
        TemplateList l => l.Items.Count > 0,
        TemplateMap m => m.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? a, object? b)
    {
        if (ReferenceEquals(a, b)) return true;
        if (a is bool or long or double && b is bool or long or double)
            return a is double || b is double ? Number(a) == Number(b) : Integer(a) == Integer(b);
        if (a is MarkedText s && b is MarkedText t) return s.Equals(t);
        RequireStack();
        return (a, b) switch
        {
            (TemplateList x, TemplateList y) => x.Equals(y),
            (TemplateMap x, TemplateMap y) => x.Count == y.Count && x.Entries.All(e => y.TryGet(e.Key, out var other) && AreEqual(e.Value, other)),
            (Undefined, Undefined) => true,
            _ => false,
        };
    }

    /// <summary>Values may be inside each other to any depth; what walks them stops before the stack ends.</summary>
    public static void RequireStack() { if (!RuntimeHelpers.TryEnsureSufficientExecutionStack()) throw new TemplateFault("values or macros are too deep inside each other"); }

    static double Number(object? value) => value switch { double d => d, long n => n, _ => (bool)value! ? 1 : 0 };

    static long Integer(object? value) => value is long n ? n : (bool)value! ? 1 : 0;

    /// <summary>-1, 0 or 1; NaN is above everything, which no template depends on.</summary>
    public static int Compare(object? a, object? b)
    {
        if (a is Undefined u || b is Undefined && (u = (Undefined)b!) is not null) throw IsUndefined(u);
        if (a is bool or long or double && b is bool or long or double)
            return a is double || b is double ? Number(a).CompareTo(Number(b)) : Integer(a).CompareTo(Integer(b));
        if (a is MarkedText s && b is MarkedText t) return CompareText(s.Value, t.Value);
        if (a is TemplateList x && b is TemplateList y && x.IsTuple == y.IsTuple)
        {
            for (int i = 0; i < Math.Min(x.Items.Count, y.Items.Count); i++)
                if (!AreEqual(x.Items[i], y.Items[i])) return Compare(x.Items[i], y.Items[i]);
            return x.Items.Count.CompareTo(y.Items.Count);
        }
        throw new TemplateFault($"{TypeName(a)} and {TypeName(b)} have no order");
    }

    /// <summary>By code points.</summary>
    static int CompareText(string a, string b)
    {
        int i = 0;
        while (i < a.Length && i < b.Length && a[i] == b[i]) i++;
        if (i == a.Length || i == b.Length) return a.Length.CompareTo(b.Length);
        // Surrogates stand for what is beyond U+FFFF, and so come after every other character.
        static int Rank(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
        return Rank(a[i]).CompareTo(Rank(b[i]));
    }

    public static bool Contains(object? container, object? item) => container switch
    {
        MarkedText text => item is MarkedText part ? text.Value.Contains(part.Value, StringComparison.Ordinal) : throw new TemplateFault($"'in' a string asks for a string, not {TypeName(item)}"),
        TemplateList list => list.Items.Any(i => AreEqual(i, item)),
        TemplateMap map => map.TryGet(item, out _),
        Undefined => false,
        _ => throw new TemplateFault($"{TypeName(container)} contains nothing"),
    };

    public static object? Arithmetic(string op, object? a, object? b)
    {
        if (a is Undefined u || b is Undefined && (u = (Undefined)b!) is not null) throw IsUndefined(u);
        if (a is bool or long or double && b is bool or long or double)
        {
            try { return a is double || b is double || op == "/" ? Floats(op, Number(a), Number(b)) : Integers(op, Integer(a), Integer(b)); }
            catch (OverflowException) { throw new TemplateFault($"{Integer(a)} {op} {Integer(b)} is too large"); }
        }
        return (op, a, b) switch
        {
            ("+", MarkedText x, MarkedText y) => x + y,
            ("+", TemplateList x, TemplateList y) when x.IsTuple == y.IsTuple => new TemplateList([.. x.Items, .. y.Items], x.IsTuple),
            ("*", MarkedText x, long n) => Repeated(x, n),
            ("*", long n, MarkedText x) => Repeated(x, n),
            ("%", MarkedText x, _) => PythonText.Format(x, b is TemplateList { IsTuple: true } t ? t.Items : [b]),
            _ => throw new TemplateFault($"'{op}' does not go with {TypeName(a)} and {TypeName(b)}"),
        };
    }

    static MarkedText Repeated(MarkedText text, long times)
    {
        if (times > 0 && text.Length * (double)times > 1 << 20) throw new TemplateFault($"a string of {text.Length} characters {times} times is too long");
        var builder = new MarkedTextBuilder();
        for (long i = 0; i < times; i++) builder.Append(text);
        return builder.Build();
    }

    static double Floats(string op, double a, double b)
    {
        if (b == 0 && op is "/" or "//" or "%") throw new TemplateFault("division by zero");
        return op switch
        {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            "//" => Math.Floor(a / b),
            "%" => a - b * Math.Floor(a / b),
            _ => Math.Pow(a, b),
        };
    }

    static object Integers(string op, long a, long b)
    {
        if (b == 0 && op is "//" or "%") throw new TemplateFault("division by zero");
        return op switch
        {
            "+" => (object)checked(a + b),
            "-" => checked(a - b),
            "*" => checked(a * b),
            "//" => FloorDivide(a, b),
            "%" => checked(a - b * FloorDivide(a, b)),
            _ => b < 0 ? (object)Math.Pow(a, b) : Power(a, b),
        };
    }

    static long FloorDivide(long a, long b) => checked(a / b) - (a % b != 0 && a < 0 != b < 0 ? 1 : 0);

    static long Power(long a, long b)
    {
        long result = 1;
        for (; b > 0 && result is not 0; b >>= 1)
        {
            if ((b & 1) == 1) result = checked(result * a);
            if (b > 1) a = checked(a * a);
        }
        return result;
    }

    /// <summary>What a loop over a value goes through.</summary>
    public static IReadOnlyList<object?> Items(object? value) => value switch
    {
        TemplateList list => list.Items,
        TemplateMap map => [.. map.Keys],
        MarkedText text => [.. text.Characters()],
        Undefined => [],
        _ => throw new TemplateFault($"{TypeName(value)} has no items to go through"),
    };

    public static long Length(object? value) => value switch
    {
        TemplateList list => list.Items.Count,
        TemplateMap map => map.Count,
        MarkedText text => text.CodePoints,
        Undefined => 0,
        _ => throw new TemplateFault($"{TypeName(value)} has no length"),
    };

    public static object? Slice(object? value, object? start, object? stop, object? step)
    {
        static long? Bound(object? bound) => bound switch { null => null, long n => n, bool b => b ? 1 : 0, _ => throw new TemplateFault($"a slice goes by integers, not {TypeName(bound)}") };
        long length = Length(value), by = Bound(step) ?? 1;
        if (by == 0) throw new TemplateFault("a slice's step cannot be 0");
        long From(long? bound, long otherwise) => bound is not { } b ? otherwise : Math.Clamp(b < 0 ? Math.Max(b, -length) + length - (b < -length ? 1 : 0) : b, by > 0 ? 0 : -1, by > 0 ? length : length - 1);
        long first = From(Bound(start), by > 0 ? 0 : length - 1), end = From(Bound(stop), by > 0 ? length : -1);
        if (value is MarkedText text && by == 1 && length == text.Length) return text.Slice((int)first, (int)Math.Max(0, end - first));
        if (value is not (MarkedText or TemplateList)) throw new TemplateFault($"{TypeName(value)} cannot be sliced");
        var items = Items(value);
        List<object?> kept = [];
        for (long i = first; by > 0 ? i < end : i > end; i += by) kept.Add(items[(int)i]);
        if (value is TemplateList list) return new TemplateList(kept, list.IsTuple);
        var builder = new MarkedTextBuilder();
        foreach (var c in kept) builder.Append((MarkedText)c!);
        return builder.Build();
    }

    public static string Invariant(long n) => n.ToString(CultureInfo.InvariantCulture);
}
