using System.Numerics;
using System.Text;
using System.Text.Unicode;
using Ingot.Runtime;

namespace Ingot.Formats;

/// <summary>One tensor of a GGUF file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">How its values are stored.</param>
/// <param name="Shape">Extents outermost first, as everywhere in Ingot (the file has them the other way round).</param>
/// <param name="Offset">Where its bytes begin in the file.</param>
/// <param name="ByteCount">Its bytes.</param>
public sealed record GgufTensor(string Name, GgmlType Type, Shape Shape, long Offset, long ByteCount);

/// <summary>What stands before the data of a GGUF file, checked whole: version, metadata, and where each tensor lies.</summary>
sealed record GgufDirectory(int Version, GgufMetadata Metadata, IReadOnlyList<GgufTensor> Tensors, long Alignment)
{
    /// <summary>Most keys and most tensors: real files have tens of the ones and hundreds of the others. Each takes more memory as an object than bytes in the file, so these bound what a hostile file costs.</summary>
    const int MaxCount = 65_536;

    const int MaxNameBytes = 65_535;
    const int MaxDimensions = 4;
    const string AlignmentKey = "general.alignment";

    /// <param name="file">The file's bytes.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="FormatException">Anything that is not as the format says; the message names the field and its offset.</exception>
    public static GgufDirectory Read(Storage file, string path)
    {
        var cursor = new GgufCursor(file, path, 0, file.Bytes);
        if (file.Bytes < 4 || !file.Span<byte>(0, 4).SequenceEqual("GGUF"u8)) throw cursor.Bad(0, "it does not start with \"GGUF\"");
        cursor.U32("the magic bytes");
        uint version = cursor.U32("the version");
        if (version is 0x0200_0000 or 0x0300_0000) throw cursor.Bad(4, "it is big-endian; convert it to little-endian, which all current processors use (gguf-py: gguf-convert-endian)");
        if (version is not (2 or 3)) throw cursor.Bad(4, $"its version is {version}; 2 and 3 are known");
        int tensorCount = Count(cursor, "tensors", least: 24, file.Bytes);
        int keyCount = Count(cursor, "metadata keys", least: 13, file.Bytes);
        var metadata = ReadMetadata(cursor, keyCount, path);
        long alignment = AlignmentOf(metadata, cursor);
        // Room for all at once: the count was checked, and lists that double cost twice as much.
        var tensors = new List<GgufTensor>(tensorCount);
        var names = new HashSet<string>(tensorCount);
        var starts = new List<long>(tensorCount);
        for (int i = 0; i < tensorCount; i++)
        {
            long at = cursor.Position;
            tensors.Add(ReadTensor(cursor, i, alignment));
            if (!names.Add(tensors[^1].Name)) throw cursor.Bad(at, $"the tensor name '{tensors[^1].Name}' occurs twice");
            starts.Add(at);
        }
        long dataStart = checked(cursor.Position + (alignment - cursor.Position % alignment) % alignment);
        Place(tensors, starts, dataStart, file.Bytes, cursor);
        return new((int)version, metadata, tensors, alignment);
    }

    static int Count(GgufCursor cursor, string what, int least, long fileBytes)
    {
        long at = cursor.Position;
        ulong n = cursor.U64("the number of", what);
        if (n > (ulong)((fileBytes - cursor.Position) / least)) throw cursor.Bad(at, $"it claims {n} {what}, more than its {fileBytes} bytes can hold");
        if (n > MaxCount) throw cursor.Bad(at, $"it claims {n} {what}; Ingot's limit is {MaxCount}");
        return (int)n;
    }

    static GgufMetadata ReadMetadata(GgufCursor cursor, int count, string path)
    {
        var values = new OrderedDictionary<string, GgufValue>();
        for (int i = 0; i < count; i++)
        {
            long at = cursor.Position;
            var key = Name(cursor, "metadata key", i);
            long typeAt = cursor.Position;
            var type = (GgufValueType)cursor.U32("the type of metadata", key);
            if (type > GgufValueType.F64) throw cursor.Bad(typeAt, $"metadata '{key}' has the unknown type {(uint)type}");
            if (!values.TryAdd(key, cursor.Value(type, key))) throw cursor.Bad(at, $"the metadata key '{key}' occurs twice");
        }
        return new(values, path);
    }

    static long AlignmentOf(GgufMetadata metadata, GgufCursor cursor)
    {
        if (!metadata.TryGetValue(AlignmentKey, out var v)) return 32;
        if (v.Value is not uint alignment) throw cursor.Bad(v.Bytes.Start, $"{AlignmentKey} is of type {v.Type}, not U32");
        return BitOperations.IsPow2(alignment) ? alignment : throw cursor.Bad(v.Bytes.Start, $"{AlignmentKey} is {alignment}, not a power of two");
    }

    /// <summary>A tensor with its offset still counted from the start of the data.</summary>
    static GgufTensor ReadTensor(GgufCursor cursor, int index, long alignment)
    {
        var name = Name(cursor, "the name of tensor", index);
        long at = cursor.Position;
        uint rank = cursor.U32("the number of dimensions of", name);
        if (rank > MaxDimensions) throw cursor.Bad(at, $"'{name}' has {rank} dimensions; the format allows {MaxDimensions}");
        var dims = new ulong[rank];
        for (int d = 0; d < dims.Length; d++) dims[^(d + 1)] = cursor.U64("the dimensions of", name);
        if (Array.Find(dims, d => d > int.MaxValue) is var big and > 0) throw cursor.Bad(at + 4, $"'{name}' has a dimension of {big}; Ingot's limit is {int.MaxValue}");
        var values = dims.Aggregate(BigInteger.One, (n, d) => n * d);
        long typeAt = cursor.Position;
        uint number = cursor.U32("the type of", name);
        if (!GgmlTypes.IsKnown(number)) throw cursor.Bad(typeAt, $"'{name}' has the unknown type {number}");
        var type = (GgmlType)number;
        if (values * type.BlockBytes > long.MaxValue) throw cursor.Bad(at + 4, $"'{name}' of shape ({string.Join(", ", dims)}) has {values} values");
        if ((rank == 0 ? 1 : dims[^1]) % (ulong)type.BlockLength != 0) throw cursor.Bad(at + 4, $"'{name}' has rows of {(rank == 0 ? 1 : dims[^1])} values, which {type} cannot hold: its blocks have {type.BlockLength}");
        long offsetAt = cursor.Position;
        ulong offset = cursor.U64("the offset of", name);
        if (offset > long.MaxValue) throw cursor.Bad(offsetAt, $"'{name}' has the offset {offset}, beyond the file");
        if (offset % (ulong)alignment != 0) throw cursor.Bad(offsetAt, $"'{name}' has the offset {offset}, which is no multiple of the alignment {alignment}");
        return new(name, type, new Shape([.. dims.Select(d => (int)d)]), (long)offset, type.BytesOf((long)values));
    }

    /// <summary>Turns offsets into positions in the file; each tensor must lie inside it, and no two may share a byte.</summary>
    static void Place(List<GgufTensor> tensors, List<long> entries, long dataStart, long fileBytes, GgufCursor cursor)
    {
        long dataBytes = Math.Max(0, fileBytes - dataStart);
        for (int i = 0; i < tensors.Count; i++)
        {
            var t = tensors[i];
            if (t.ByteCount > dataBytes || t.Offset > dataBytes - t.ByteCount)
                throw cursor.Bad(entries[i], $"'{t.Name}' needs {t.ByteCount} bytes from {t.Offset} of the data part, which has {dataBytes}; the file is truncated or damaged");
            tensors[i] = t with { Offset = Math.Min(dataStart + t.Offset, fileBytes) }; // only tensors without values can begin behind the end
        }
        var order = Enumerable.Range(0, tensors.Count).Where(i => tensors[i].ByteCount > 0).OrderBy(i => tensors[i].Offset).ToArray();
        for (int k = 1; k < order.Length; k++)
        {
            var (a, b) = (tensors[order[k - 1]], tensors[order[k]]);
            if (b.Offset < a.Offset + a.ByteCount) throw cursor.Bad(entries[order[k]], $"'{b.Name}' starts at {b.Offset}, inside '{a.Name}', which ends at {a.Offset + a.ByteCount}");
        }
    }

    static string Name(GgufCursor cursor, string what, int index)
    {
        long at = cursor.Position;
        var bytes = cursor.String(what);
        if (bytes.Length > MaxNameBytes) throw cursor.Bad(at, $"{what} {index} has {bytes.Length} bytes; the format allows {MaxNameBytes}");
        if (!Utf8.IsValid(bytes.Span)) throw cursor.Bad(at + 8, $"{what} {index} is not valid UTF-8");
        return Encoding.UTF8.GetString(bytes.Span);
    }
}
