using System.Buffers.Binary;
using System.Text;

namespace Ingot.Onnx.Format;

/// <summary>The kinds of value on protobuf's wire that ONNX uses.</summary>
enum Wire
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>
/// Reads one protobuf message field by field, where it lies: nothing is copied but what is asked for. Lengths are checked against the message around them,
/// nesting against <see cref="MostDepth"/>.
/// </summary>
/// <remarks>https://protobuf.dev/programming-guides/encoding. Unknown fields are skipped, as the format wants; groups, which ONNX never had, are refused.</remarks>
ref struct ProtoReader
{
    /// <summary>Messages within messages; protobuf's own readers stop at 100 as well.</summary>
    public const int MostDepth = 100;

    readonly ReadOnlySpan<byte> data;
    readonly string path;
    readonly int depth;

    public ProtoReader(ReadOnlySpan<byte> data, string path) : this(data, path, 0, data.Length, 0) { }

    public ProtoReader(ReadOnlySpan<byte> data, string path, int start, int end, int depth)
    {
        this.data = data;
        this.path = path;
        this.depth = depth;
        (At, End) = (start, end);
    }

    /// <summary>Position in the file of the next byte.</summary>
    public int At { get; private set; }

    /// <summary>Position in the file after the message's last byte.</summary>
    public int End { get; }

    /// <summary>Number of the field that <see cref="Next"/> has found.</summary>
    public int Field { get; private set; }

    public Wire Wire { get; private set; }

    /// <summary>Goes to the next field; false at the end of the message.</summary>
    public bool Next()
    {
        if (At == End) return false;
        ulong tag = ReadVarint();
        if (tag > uint.MaxValue || tag >> 3 == 0) throw Bad($"field number {tag >> 3} at byte {At} is not one of protobuf's");
        Field = (int)(tag >> 3);
        Wire = (Wire)(tag & 7);
        if (Wire is not (Wire.Varint or Wire.Fixed64 or Wire.Bytes or Wire.Fixed32)) throw Bad($"wire type {(int)Wire} at byte {At} is not used by ONNX");
        return true;
    }

    public void Skip()
    {
        switch (Wire)
        {
            case Wire.Varint: ReadVarint(); break;
            case Wire.Fixed64: Take(8); break;
            case Wire.Fixed32: Take(4); break;
            default: Range(); break;
        }
    }

    public long Varint()
    {
        Expect(Wire.Varint);
        return unchecked((long)ReadVarint());
    }

    public int Int32() => unchecked((int)Varint());

    public float Float()
    {
        Expect(Wire.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(data[Take(4)..]);
    }

    public double Double()
    {
        Expect(Wire.Fixed64);
        return BinaryPrimitives.ReadDoubleLittleEndian(data[Take(8)..]);
    }

    public string Text() => Encoding.UTF8.GetString(Bytes());

    public ReadOnlySpan<byte> Bytes()
    {
        var (start, length) = Range();
        return data.Slice(start, length);
    }

    /// <summary>Where the bytes of this field lie in the file.</summary>
    public (int Start, int Length) Range()
    {
        Expect(Wire.Bytes);
        ulong length = ReadVarint();
        if (length > (ulong)(End - At)) throw Bad($"field {Field} at byte {At} claims {length} bytes, {End - At} are left of its message");
        return (Take((int)length), (int)length);
    }

    /// <summary>A reader of the message in this field.</summary>
    public ProtoReader Message()
    {
        if (depth == MostDepth) throw Bad($"messages are nested more than {MostDepth} deep");
        var (start, length) = Range();
        return new(data, path, start, start + length, depth + 1);
    }

    /// <summary>The next one of a packed list of varints.</summary>
    public ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte b = data[Take(1)];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw Bad($"a number at byte {At} has more than ten bytes");
    }

    /// <summary>The next one of a packed list of 4-byte numbers.</summary>
    public uint ReadFixed32() => BinaryPrimitives.ReadUInt32LittleEndian(data[Take(4)..]);

    /// <summary>The next one of a packed list of 8-byte numbers.</summary>
    public ulong ReadFixed64() => BinaryPrimitives.ReadUInt64LittleEndian(data[Take(8)..]);

    public readonly FormatException Bad(string why) => new($"{path} is not a valid ONNX file: {why}");

    void Expect(Wire wire)
    {
        if (Wire != wire) throw Bad($"field {Field} at byte {At} is {Wire}, not {wire}");
    }

    int Take(int bytes)
    {
        if (bytes > End - At) throw Bad($"it ends within field {Field} at byte {At}");
        int start = At;
        At += bytes;
        return start;
    }
}
