using System.Text.Json;

namespace Ingot.Llm.Chat.Templates;

// A value of a template is one of: null (None), bool, long, double, MarkedText, TemplateList, TemplateMap, Namespace, Callable, Undefined. Nothing else of .NET is reachable.

/// <summary>What a name or an attribute is that does not exist: writes nothing, is false, and refuses everything else.</summary>
sealed class Undefined(string what)
{
    public string What { get; } = what;
}

/// <summary>A list or tuple; never changed once it is made.</summary>
sealed record TemplateList(IReadOnlyList<object?> Items, bool IsTuple = false)
{
    public bool Equals(TemplateList? other) => other is not null && IsTuple == other.IsTuple && Items.Count == other.Items.Count && Items.Zip(other.Items).All(p => Operators.AreEqual(p.First, p.Second));

    public override int GetHashCode() => Items.Count;
}

/// <summary>A map that keeps its order; never changed once it is handed out.</summary>
sealed class TemplateMap
{
    readonly OrderedDictionary<object, object?> entries = new(KeyComparer.Instance);

    public int Count => entries.Count;

    public IEnumerable<object?> Keys => entries.Keys.Select(k => k is NoneKey ? null : k);

    public IEnumerable<object?> Values => entries.Values;

    public IEnumerable<(object? Key, object? Value)> Entries => entries.Select(e => (e.Key is NoneKey ? null : e.Key, e.Value));

    public bool TryGet(object? key, out object? value) => entries.TryGetValue(key ?? NoneKey.Instance, out value);

    public bool TryGet(string key, out object? value) => TryGet(MarkedText.Own(key), out value);

    public object? this[string key] { set => entries[MarkedText.Own(key)] = value; }

    public void Set(object? key, object? value)
    {
        if (key is TemplateMap or TemplateList { IsTuple: false } or Namespace) throw new TemplateFault($"{Operators.TypeName(key)} cannot be a key");
        entries[key ?? NoneKey.Instance] = value;
    }

    sealed class NoneKey { public static readonly NoneKey Instance = new(); }

    /// <summary>1, 1.0 and true are one key, as in Python.</summary>
    sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        bool IEqualityComparer<object>.Equals(object? x, object? y) => Operators.AreEqual(x, y);

        public int GetHashCode(object key) => key switch { bool b => (b ? 1.0 : 0.0).GetHashCode(), long n => ((double)n).GetHashCode(), _ => key.GetHashCode() };
    }
}

/// <summary>What <c>namespace()</c> makes: attributes that a template may set from within loops.</summary>
sealed class Namespace
{
    public Dictionary<string, object?> Attributes { get; } = [];
}

/// <summary>A macro, a method or a function.</summary>
sealed record Callable(string Name, Func<Arguments, object?> Call);

/// <summary>Values that a call or filter was given.</summary>
sealed record Arguments(IReadOnlyList<object?> Positional, IReadOnlyDictionary<string, object?> Named)
{
    public static readonly Arguments None = new([], new Dictionary<string, object?>());

    /// <summary>An argument by place or name.</summary>
    public bool TryGet(int index, string name, out object? value)
    {
        if (index < Positional.Count)
        {
            value = Positional[index];
            return true;
        }
        return Named.TryGetValue(name, out value);
    }

    public object? Get(int index, string name, object? otherwise = null) => TryGet(index, name, out var value) ? value : otherwise;

    public object? Require(int index, string name) => TryGet(index, name, out var value) ? value : throw new TemplateFault($"argument {index + 1} ('{name}') is missing");

    public MarkedText Text(int index, string name) => Require(index, name) as MarkedText ?? throw new TemplateFault($"argument {index + 1} ('{name}') must be a string, not {Operators.TypeName(Get(index, name))}");

    public long Integer(int index, string name, long otherwise) => !TryGet(index, name, out var value) || value is null ? otherwise
        : value switch { long n => n, bool b => b ? 1 : 0, _ => throw new TemplateFault($"argument {index + 1} ('{name}') must be an integer, not {Operators.TypeName(value)}") };

    public bool Flag(int index, string name, bool otherwise = false) => TryGet(index, name, out var value) ? Operators.IsTrue(value) : otherwise;

    /// <summary>Those after the first few.</summary>
    public Arguments Skip(int count) => new([.. Positional.Skip(count)], Named);
}

/// <summary>Values from JSON: what comes with a conversation.</summary>
static class GivenValues
{
    const int MostDepth = 64; // as System.Text.Json has it

    public static object? Of(JsonElement json, int depth = 0)
    {
        if (depth > MostDepth) throw new TemplateFault($"JSON more than {MostDepth} levels deep");
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var map = new TemplateMap();
                foreach (var p in json.EnumerateObject()) map.Set(MarkedText.Given(p.Name), Of(p.Value, depth + 1));
                return map;
            case JsonValueKind.Array: return new TemplateList([.. json.EnumerateArray().Select(e => Of(e, depth + 1))]);
            case JsonValueKind.String: return MarkedText.Given(json.GetString()!);
            case JsonValueKind.Number: return json.GetRawText().AsSpan().IndexOfAny('.', 'e', 'E') < 0 && json.TryGetInt64(out long n) ? (object)n : json.GetDouble();
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            default: return null;
        }
    }
}
