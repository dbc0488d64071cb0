using System.Buffers.Binary;

namespace Ingot.Llm.Tokenizers.Files;

/// <summary>Goes through the fields of a protobuf message. It copies nothing and allocates nothing.</summary>
/// <param name="message">The message's bytes.</param>
/// <param name="start">Where in the file they begin, for errors.</param>
ref struct ProtobufReader(ReadOnlySpan<byte> message, int start)
{
    readonly ReadOnlySpan<byte> message = message;
    readonly int start = start;
    int at;

    /// <summary>Number of the field that was read.</summary>
    public int Field { get; private set; }

    /// <summary>The value of a number.</summary>
    public ulong Number { get; private set; }

    /// <summary>The content of a text, of bytes or of a message.</summary>
    public ReadOnlySpan<byte> Content { get; private set; }

    /// <summary>Where in the file the content begins.</summary>
    public int ContentStart { get; private set; }

    public readonly float Single => BitConverter.UInt32BitsToSingle((uint)Number);

    public readonly bool Flag => Number != 0;

    /// <summary>The next field; false at the end.</summary>
    /// <exception cref="FormatException">There is none and yet no end.</exception>
    public bool Read()
    {
        if (at == message.Length) return false;
        ulong key = Varint();
        if (key >> 3 is 0 or > 1 << 29) throw Broken("a field without a number");
        Field = (int)(key >> 3);
        Number = 0;
        Content = [];
        switch (key & 7)
        {
            case 0:
                Number = Varint();
                break;
            case 1:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                ulong length = Varint();
                ContentStart = start + at;
                Content = Take(length);
                break;
            case 5:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw Broken($"a field of the wire type {key & 7}");
        }
        return true;
    }

    ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte b = Take(1)[0];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw Broken("a number of more than ten bytes");
    }

    ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(message.Length - at)) throw Broken($"a field of {length} bytes where {message.Length - at} are left");
        at += (int)length;
        return message.Slice(at - (int)length, (int)length);
    }

    readonly FormatException Broken(string what) => new($"there is {what} near byte {start + at}");
}
