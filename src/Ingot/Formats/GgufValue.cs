using System.Buffers.Binary;
using System.Text;
using Ingot.Runtime;

namespace Ingot.Formats;

/// <summary>Types of metadata values, with the numbers of the file format.</summary>
public enum GgufValueType : uint
{
    U8 = 0,
    I8 = 1,
    U16 = 2,
    I16 = 3,
    U32 = 4,
    I32 = 5,
    F32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    U64 = 10,
    I64 = 11,
    F64 = 12,
}

/// <summary>
/// One metadata value. It was checked when the file was opened, but stays where it lies in the file until it is asked for: a vocabulary of
/// 200,000 strings costs nothing to those who only want the tensors.
/// </summary>
/// <param name="Type">What it is.</param>
/// <param name="ElementType">For arrays, what its elements are.</param>
/// <param name="Count">For arrays, the number of its elements; for others 1.</param>
public sealed record GgufValue(GgufValueType Type, GgufValueType? ElementType, long Count)
{
    /// <summary>The bytes: of a string without its length, of an array all elements as the file has them.</summary>
    internal GgufBytes Bytes { get; init; }

    /// <summary>The value as the nearest .NET type: byte to ulong, float, double, bool, string; for arrays an array of those, or of objects for arrays of arrays.</summary>
    /// <exception cref="FormatException">An array of more elements than .NET can hold.</exception>
    public object Value => Type == GgufValueType.Array ? Elements() : Scalar(Type, Bytes.Span);

    Array Elements() => ElementType switch
    {
        GgufValueType.U8 => Bytes.Span.ToArray(),
        GgufValueType.I8 => Plain(1, b => (sbyte)b[0]),
        GgufValueType.U16 => Plain(2, BinaryPrimitives.ReadUInt16LittleEndian),
        GgufValueType.I16 => Plain(2, BinaryPrimitives.ReadInt16LittleEndian),
        GgufValueType.U32 => Plain(4, BinaryPrimitives.ReadUInt32LittleEndian),
        GgufValueType.I32 => Plain(4, BinaryPrimitives.ReadInt32LittleEndian),
        GgufValueType.F32 => Plain(4, BinaryPrimitives.ReadSingleLittleEndian),
        GgufValueType.Bool => Plain(1, b => b[0] != 0),
        GgufValueType.U64 => Plain(8, BinaryPrimitives.ReadUInt64LittleEndian),
        GgufValueType.I64 => Plain(8, BinaryPrimitives.ReadInt64LittleEndian),
        GgufValueType.F64 => Plain(8, BinaryPrimitives.ReadDoubleLittleEndian),
        GgufValueType.String => Strings(),
        _ => Nested().Select(v => v.Value).ToArray(),
    };

    delegate T Reading<T>(ReadOnlySpan<byte> bytes);

    T[] Plain<T>(int size, Reading<T> read)
    {
        var all = Bytes.Span;
        var list = new T[Count];
        for (int i = 0; i < list.Length; i++) list[i] = read(all.Slice(i * size, size));
        return list;
    }

    string[] Strings()
    {
        var cursor = Bytes.Cursor();
        var list = new string[Count];
        for (int i = 0; i < list.Length; i++) list[i] = Encoding.UTF8.GetString(cursor.String("a string").Span);
        return list;
    }

    /// <summary>The strings of an array as bytes: tokens are sometimes parts of characters, which a <see cref="string"/> cannot hold.</summary>
    internal byte[][] ByteStrings()
    {
        var cursor = Bytes.Cursor();
        var list = new byte[Count][];
        for (int i = 0; i < list.Length; i++) list[i] = cursor.String("a string").Span.ToArray();
        return list;
    }

    IEnumerable<GgufValue> Nested()
    {
        var cursor = Bytes.Cursor();
        for (long i = 0; i < Count; i++) yield return cursor.Value(GgufValueType.Array, null);
    }

    static object Scalar(GgufValueType type, ReadOnlySpan<byte> bytes) => type switch
    {
        GgufValueType.U8 => bytes[0],
        GgufValueType.I8 => (sbyte)bytes[0],
        GgufValueType.U16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        GgufValueType.I16 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
        GgufValueType.U32 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        GgufValueType.I32 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        GgufValueType.F32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        GgufValueType.Bool => bytes[0] != 0,
        GgufValueType.U64 => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        GgufValueType.I64 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        GgufValueType.F64 => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        _ => Encoding.UTF8.GetString(bytes),
    };
}

/// <summary>A part of the file in memory; at most 2 GB, the longest that a span holds.</summary>
readonly record struct GgufBytes(Storage File, long Start, int Length, string Path)
{
    public ReadOnlySpan<byte> Span => File.Span<byte>(Start, Length);

    public GgufCursor Cursor() => new(File, Path, Start, Start + Length);
}
