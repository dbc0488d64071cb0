using System.Buffers.Binary;
using Ingot.Runtime;

namespace Ingot.Formats;

/// <summary>
/// Reads a GGUF file's directory from front to back. Nothing is believed: each length is compared with the bytes that are left before it is used.
/// Fields are named to it in two parts (<c>what</c> of <c>owner</c>), so that texts are only made for messages: a hostile file has millions of fields.
/// </summary>
sealed class GgufCursor(Storage file, string path, long position, long end)
{
    /// <summary>Arrays of arrays of arrays: no writer goes deeper, and the reader must not run out of stack.</summary>
    const int MaxDepth = 8;

    public long Position { get; private set; } = position;

    long Left => end - Position;

    public uint U32(string what, string? owner = null) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what, owner).Span);

    public ulong U64(string what, string? owner = null) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what, owner).Span);

    /// <summary>A length, then so many bytes.</summary>
    public GgufBytes String(string what, string? owner = null)
    {
        long at = Position;
        ulong length = U64(what, owner);
        if (length > (ulong)Left) throw Bad(at, $"{Named(what, owner)} claims {length} bytes, but only {Left} are left");
        return Take((long)length, what, owner);
    }

    /// <summary>A metadata value; an array is walked to its end, so that what is read later of it is known to be there.</summary>
    public GgufValue Value(GgufValueType type, string? key)
    {
        if (type == GgufValueType.String) return new(type, null, 1) { Bytes = String("metadata", key) };
        if (type != GgufValueType.Array) return new(type, null, 1) { Bytes = Plain(type, 1, Position, key) };
        var (elements, count) = ArrayHead(key, depth: 0);
        long start = Position;
        SkipElements(elements, count, key, depth: 0);
        long bytes = Position - start;
        Position = start;
        return new(type, elements, count) { Bytes = Take(bytes, "metadata", key) };
    }

    (GgufValueType Elements, long Count) ArrayHead(string? key, int depth)
    {
        if (depth >= MaxDepth) throw Bad(Position, $"{Named("metadata", key)} has arrays in arrays more than {MaxDepth} deep");
        long at = Position;
        var elements = (GgufValueType)U32("the element type of metadata", key);
        int least = elements switch { GgufValueType.String => 8, GgufValueType.Array => 12, _ => Size(elements, at, key) };
        ulong count = U64("the length of metadata", key);
        if (count > (ulong)Left / (ulong)least) throw Bad(at + 4, $"{Named("metadata", key)} claims {count} elements of {least} bytes or more, but only {Left} bytes are left");
        return (elements, (long)count);
    }

    void SkipElements(GgufValueType elements, long count, string? key, int depth)
    {
        if (elements is not (GgufValueType.String or GgufValueType.Array)) Plain(elements, count, Position, key);
        else
        {
            for (long i = 0; i < count; i++)
            {
                if (elements == GgufValueType.String)
                {
                    String("a string of metadata", key);
                    continue;
                }
                var (inner, n) = ArrayHead(key, depth + 1);
                SkipElements(inner, n, key, depth + 1);
            }
        }
    }

    GgufBytes Plain(GgufValueType type, long count, long at, string? key)
    {
        var bytes = Take(count * Size(type, at, key), "metadata", key);
        if (type == GgufValueType.Bool && bytes.Span.IndexOfAnyExceptInRange((byte)0, (byte)1) is var i and >= 0)
            throw Bad(bytes.Start + i, $"{Named("metadata", key)} is {bytes.Span[i]}, neither false (0) nor true (1)");
        return bytes;
    }

    int Size(GgufValueType type, long at, string? key) => type switch
    {
        GgufValueType.U8 or GgufValueType.I8 or GgufValueType.Bool => 1,
        GgufValueType.U16 or GgufValueType.I16 => 2,
        GgufValueType.U32 or GgufValueType.I32 or GgufValueType.F32 => 4,
        GgufValueType.U64 or GgufValueType.I64 or GgufValueType.F64 => 8,
        _ => throw Bad(at, $"{Named("metadata", key)} has the unknown type {(uint)type}"),
    };

    GgufBytes Take(long bytes, string what, string? owner)
    {
        if (bytes > Left) throw Bad(Position, $"the file ends in {Named(what, owner)}: {bytes} bytes are needed, {Left} are left");
        if (bytes > int.MaxValue) throw Bad(Position, $"{Named(what, owner)} has {bytes} bytes; Ingot's limit is {int.MaxValue}");
        var taken = new GgufBytes(file, Position, (int)bytes, path);
        Position += bytes;
        return taken;
    }

    static string Named(string what, string? owner) => owner is null ? what : $"{what} '{owner}'";

    public FormatException Bad(long at, string why) => new($"{path} is not a valid GGUF file: at byte {at}: {why}");
}
