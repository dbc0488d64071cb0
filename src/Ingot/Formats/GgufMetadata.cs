using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Ingot.Formats;

/// <summary>The metadata of a GGUF file, with readings by type: null where a key is absent, an error that names file and key where it holds something else.</summary>
public sealed class GgufMetadata : IReadOnlyDictionary<string, GgufValue>
{
    readonly OrderedDictionary<string, GgufValue> values;
    readonly string path;

    internal GgufMetadata(OrderedDictionary<string, GgufValue> values, string path) => (this.values, this.path) = (values, path);

    /// <exception cref="FormatException">There is no such key.</exception>
    public GgufValue this[string key] => values.TryGetValue(key, out var v) ? v : throw new FormatException($"{path} has no metadata '{key}'");

    /// <summary>The keys in the order of the file.</summary>
    public IEnumerable<string> Keys => values.Keys;

    public IEnumerable<GgufValue> Values => values.Values;

    public int Count => values.Count;

    public bool ContainsKey(string key) => values.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out GgufValue value) => values.TryGetValue(key, out value);

    public IEnumerator<KeyValuePair<string, GgufValue>> GetEnumerator() => values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>A string.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public string? Text(string key) => Find(key) is not { } v ? null : v.Type == GgufValueType.String ? (string)v.Value : throw Wrong(key, v, "a string");

    /// <summary>A whole number, of any integer type.</summary>
    /// <exception cref="FormatException">It is something else, or does not fit.</exception>
    public long? Integer(string key) => Find(key) is not { } v ? null
        : IsInteger(v.Type) && (v.Type != GgufValueType.U64 || (ulong)v.Value <= long.MaxValue) ? Convert.ToInt64(v.Value, CultureInfo.InvariantCulture) : throw Wrong(key, v, "a whole number");

    /// <summary>A number, of any integer or float type.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public double? Number(string key) => Find(key) is not { } v ? null
        : IsInteger(v.Type) || IsFloat(v.Type) ? Convert.ToDouble(v.Value, CultureInfo.InvariantCulture) : throw Wrong(key, v, "a number");

    /// <exception cref="FormatException">It is no bool.</exception>
    public bool? Flag(string key) => Find(key) is not { } v ? null : v.Type == GgufValueType.Bool ? (bool)v.Value : throw Wrong(key, v, "true or false");

    /// <summary>An array of strings; what is not UTF-8 in them has become U+FFFD, see <see cref="ByteStrings"/>.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public string[]? Texts(string key) => Array(key, t => t == GgufValueType.String, "an array of strings")?.Value as string[];

    /// <summary>An array of strings as their bytes.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public byte[][]? ByteStrings(string key) => Array(key, t => t == GgufValueType.String, "an array of strings")?.ByteStrings();

    /// <summary>An array of whole numbers, of any integer type or bool.</summary>
    /// <exception cref="FormatException">It is something else, or one does not fit into 64 bits with a sign.</exception>
    public long[]? Integers(string key)
    {
        if (Array(key, t => IsInteger(t) || t == GgufValueType.Bool, "an array of whole numbers") is not { } v) return null;
        try { return v.Value switch { int[] i => System.Array.ConvertAll(i, x => (long)x), Array other => [.. other.Cast<object>().Select(x => Convert.ToInt64(x, CultureInfo.InvariantCulture))], _ => [] }; }
        catch (OverflowException) { throw Wrong(key, v, "an array of numbers up to 2^63 - 1"); }
    }

    /// <summary>An array of numbers, of any integer or float type.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public float[]? Numbers(string key) => Array(key, t => IsInteger(t) || IsFloat(t), "an array of numbers")?.Value switch
    {
        null => null,
        float[] f => f,
        Array other => [.. other.Cast<object>().Select(x => Convert.ToSingle(x, CultureInfo.InvariantCulture))],
        _ => [],
    };

    /// <summary>The bytes of an array of U8 or I8.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public byte[]? Bytes(string key) => Array(key, t => t is GgufValueType.U8 or GgufValueType.I8, "an array of bytes")?.Bytes.Span.ToArray();

    GgufValue? Find(string key) => values.TryGetValue(key, out var v) ? v : null;

    GgufValue? Array(string key, Predicate<GgufValueType> accepts, string expected) =>
        Find(key) is not { } v ? null : v.Type == GgufValueType.Array && accepts(v.ElementType!.Value) ? v : throw Wrong(key, v, expected);

    static bool IsInteger(GgufValueType t) => t is <= GgufValueType.I32 or GgufValueType.U64 or GgufValueType.I64;

    static bool IsFloat(GgufValueType t) => t is GgufValueType.F32 or GgufValueType.F64;

    FormatException Wrong(string key, GgufValue v, string expected) =>
        new($"{path}: metadata '{key}' must be {expected}, but is {(v.Type == GgufValueType.Array ? $"an array of {v.Count} {v.ElementType}" : v.Type == GgufValueType.String ? "a string" : $"{v.Value} ({v.Type})")}");
}
