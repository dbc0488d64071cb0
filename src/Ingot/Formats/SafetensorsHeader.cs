using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Ingot.Formats;

/// <summary>One tensor of a safetensors file: its element type as the file spells it ("F32"), its shape, and its bytes [Begin, End) in the data part.</summary>
public sealed record SafetensorsEntry(string Name, string Type, Shape Shape, long Begin, long End);

/// <summary>The checked header: 8 bytes of length, then JSON, then the data, which the entries cover exactly and without overlap.</summary>
sealed record SafetensorsHeader(IReadOnlyList<SafetensorsEntry> Entries, IReadOnlyDictionary<string, string> Metadata, long DataStart)
{
    /// <summary>The reference implementation's limit; no real model comes near it.</summary>
    const long MaxHeaderBytes = 100_000_000;

    /// <summary>Each entry becomes objects of some 800 bytes, and may take 50 in the file: their number bounds what a hostile header costs. Real files have some thousands.</summary>
    const int MaxEntries = 16_384;

    const int MaxRank = 64;

    /// <summary>All strings of __metadata__ and all names together, for the same reason; in memory they take two bytes a character.</summary>
    const int MaxTextBytes = 4 << 20;

    static readonly JsonReaderOptions Strict = new() { CommentHandling = JsonCommentHandling.Disallow, AllowTrailingCommas = false, MaxDepth = 8 };

    /// <exception cref="FormatException">Anything that is not as the format says.</exception>
    public static SafetensorsHeader Read(Stream stream, string path)
    {
        long fileBytes = stream.Length;
        if (fileBytes < 8) throw Bad(path, $"{fileBytes} bytes long, the length field alone takes 8");
        Span<byte> prefix = stackalloc byte[8];
        stream.ReadExactly(prefix);
        ulong length = BitConverter.ToUInt64(prefix);
        if (length > (ulong)(fileBytes - 8)) throw Bad(path, $"it claims a header of {length} bytes, but only {fileBytes - 8} follow; the file is truncated, or no safetensors file");
        if (length > MaxHeaderBytes) throw Bad(path, $"it claims a header of {length} bytes; the format allows {MaxHeaderBytes}");
        var json = new byte[(int)length];
        stream.ReadExactly(json);
        if (length == 0 || json[0] != '{') throw Bad(path, "its header does not start with '{'");
        if (!Utf8.IsValid(json)) throw Bad(path, "its header is not valid UTF-8");
        try
        {
            return Parse(json, path, fileBytes - 8 - (long)length, 8 + (long)length);
        }
        catch (JsonException e)
        {
            throw new FormatException($"{path} is not a valid safetensors file: its header is not valid JSON: {e.Message}", e);
        }
    }

    static SafetensorsHeader Parse(ReadOnlySpan<byte> json, string path, long dataBytes, long dataStart)
    {
        var reader = new Utf8JsonReader(json, Strict);
        var entries = new List<SafetensorsEntry>();
        var metadata = new Dictionary<string, string>();
        var names = new HashSet<string>();
        int textBytes = 0;
        reader.Read(); // the opening brace, checked above
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            CountText(ref textBytes, reader.ValueSpan.Length, path);
            var name = Text(ref reader, path);
            if (!names.Add(name)) throw Bad(path, $"the name '{name}' occurs twice");
            reader.Read();
            if (name == "__metadata__") ReadMetadata(ref reader, metadata, ref textBytes, path);
            else entries.Add(ReadEntry(ref reader, name, path, dataBytes));
            if (names.Count > MaxEntries) throw Bad(path, $"it has more than {MaxEntries} entries");
        }
        if (reader.Read()) throw Bad(path, "something follows the header's object");
        CheckCoverage(entries, path, dataBytes);
        return new(entries, metadata, dataStart);
    }

    static void ReadMetadata(ref Utf8JsonReader reader, Dictionary<string, string> metadata, ref int textBytes, string path)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw Bad(path, "__metadata__ is not an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            CountText(ref textBytes, reader.ValueSpan.Length, path);
            var key = Text(ref reader, path);
            if (!reader.Read() || reader.TokenType != JsonTokenType.String) throw Bad(path, $"__metadata__ '{key}' is not a string");
            CountText(ref textBytes, reader.ValueSpan.Length, path);
            if (metadata.Count == MaxEntries) throw Bad(path, $"__metadata__ has more than {MaxEntries} entries");
            if (!metadata.TryAdd(key, Text(ref reader, path))) throw Bad(path, $"__metadata__ has '{key}' twice");
        }
    }

    static void CountText(ref int textBytes, int length, string path)
    {
        textBytes += length;
        if (textBytes > MaxTextBytes) throw Bad(path, $"its names and __metadata__ have more than {MaxTextBytes >> 20} MB of text");
    }

    static SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name, string path, long dataBytes)
    {
        string? type = null;
        List<long>? dims = null, offsets = null;
        if (reader.TokenType != JsonTokenType.StartObject) throw Bad(path, $"the entry of '{name}' is not an object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = Text(ref reader, path);
            reader.Read();
            bool isNew = field switch
            {
                "dtype" => type is null && (type = reader.TokenType == JsonTokenType.String ? Text(ref reader, path) : throw Bad(path, $"the dtype of '{name}' is not a string")) is not null,
                "shape" => dims is null && (dims = Integers(ref reader, $"the shape of '{name}'", path)) is not null,
                "data_offsets" => offsets is null && (offsets = Integers(ref reader, $"data_offsets of '{name}'", path)) is not null,
                _ => throw Bad(path, $"the entry of '{name}' has an unknown field '{field}'"),
            };
            if (!isNew) throw Bad(path, $"the entry of '{name}' has '{field}' twice");
        }
        if (type is null || dims is null || offsets is null)
            throw Bad(path, $"the entry of '{name}' lacks {(type is null ? "dtype" : dims is null ? "shape" : "data_offsets")}");
        if (offsets.Count != 2) throw Bad(path, $"data_offsets of '{name}' has {offsets.Count} numbers, not 2");
        var (begin, end) = (offsets[0], offsets[1]);
        if (begin > end || end > dataBytes) throw Bad(path, $"'{name}' lies at [{begin}, {end}) of {dataBytes} data bytes; the file is truncated or damaged");
        int size = ElementBytes(type) ?? throw Bad(path, $"'{name}' has the unknown dtype '{type}'");
        var bytes = dims.Aggregate(new BigInteger(size), (n, d) => n * d);
        if (bytes != end - begin) throw Bad(path, $"'{name}' of shape ({string.Join(", ", dims)}) and dtype {type} needs {bytes} bytes, but data_offsets give {end - begin}");
        if (dims.Find(d => d > int.MaxValue) is var big and > 0) throw Bad(path, $"'{name}' has a dimension of {big}; Ingot's limit is {int.MaxValue}");
        return new(name, type, new Shape([.. dims.Select(d => (int)d)]), begin, end);
    }

    static List<long> Integers(ref Utf8JsonReader reader, string what, string path)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Bad(path, $"{what} is not a list");
        var list = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long n) || n < 0)
                throw Bad(path, $"{what} has something that is not a whole number from 0 to 2^63 - 1: {Encoding.UTF8.GetString(reader.ValueSpan)}");
            if (list.Count == MaxRank) throw Bad(path, $"{what} has more than {MaxRank} numbers");
            list.Add(n);
        }
        return list;
    }

    /// <summary>The entries must tile the data part: no hole in which something could hide, no byte that two tensors share.</summary>
    static void CheckCoverage(List<SafetensorsEntry> entries, string path, long dataBytes)
    {
        long at = 0;
        string before = "the header";
        foreach (var e in entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (e.Begin < at) throw Bad(path, $"'{e.Name}' starts at {e.Begin}, inside {before}, which ends at {at}");
            if (e.Begin > at) throw Bad(path, $"the bytes [{at}, {e.Begin}) between {before} and '{e.Name}' belong to no tensor");
            (at, before) = (e.End, $"'{e.Name}'");
        }
        if (at != dataBytes) throw Bad(path, $"the last {dataBytes - at} bytes belong to no tensor");
    }

    /// <summary>A string, with escapes decoded; a lone surrogate escape has no UTF-8 form and is refused.</summary>
    static string Text(ref Utf8JsonReader reader, string path)
    {
        try { return reader.GetString()!; }
        catch (InvalidOperationException) { throw Bad(path, "its header has a string with an invalid escape"); }
    }

    public static int? ElementBytes(string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E4M3" or "F8_E5M2" => 1,
        "I16" or "U16" or "F16" or "BF16" => 2,
        "I32" or "U32" or "F32" => 4,
        "I64" or "U64" or "F64" => 8,
        _ => null,
    };

    static FormatException Bad(string path, string why) => new($"{path} is not a valid safetensors file: {why}");
}
