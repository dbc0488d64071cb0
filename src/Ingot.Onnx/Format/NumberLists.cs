using System.Buffers.Binary;
using Ingot.Runtime;

namespace Ingot.Onnx.Format;

/// <summary>Elements that a TensorProto has as lists of numbers (float_data, int32_data, ...) instead of bytes.</summary>
static class NumberLists
{
    const int FloatData = 4, Int32Data = 5, Int64Data = 7, DoubleData = 10, UInt64Data = 11;

    /// <summary>The list that holds elements of a type.</summary>
    static int FieldOf(OnnxDType type) => type switch
    {
        OnnxDType.Float or OnnxDType.Complex64 => FloatData,
        OnnxDType.Double or OnnxDType.Complex128 => DoubleData,
        OnnxDType.Int64 => Int64Data,
        OnnxDType.UInt32 or OnnxDType.UInt64 => UInt64Data,
        _ => Int32Data,
    };

    /// <summary>Fills the memory of the tensor's elements.</summary>
    /// <exception cref="FormatException">There are more or fewer numbers than elements.</exception>
    public static void Read(TensorData data, Storage target)
    {
        int field = FieldOf(data.DType), size = data.DType.Storage.Size;
        // Packed elements: 4-bit ones come two a number, 2-bit ones four.
        int perNumber = data.DType.Bits < 8 ? 8 / data.DType.Bits : 1;
        long elements = data.Shape.Count * (data.DType.IsComplex ? 2 : 1), expected = (elements + perNumber - 1) / perNumber, count = 0;
        var packed = perNumber > 1 ? new byte[expected] : null;
        var message = data.Message;
        var file = message.Memory.Span<byte>(0, checked((int)message.Memory.Bytes));
        var reader = new ProtoReader(file, data.Path, (int)message.Start, (int)(message.Start + message.Length), 0);
        while (reader.Next())
        {
            if (reader.Field != field) { reader.Skip(); continue; }
            if (reader.Wire == Wire.Bytes)
            {
                var (start, length) = reader.Range();
                var list = new ProtoReader(file, data.Path, start, start + length, 0);
                while (list.At < list.End) Put(field is FloatData ? list.ReadFixed32() : field is DoubleData ? list.ReadFixed64() : list.ReadVarint());
            }
            else Put(reader.Wire == Wire.Varint ? reader.ReadVarint() : reader.Wire == Wire.Fixed32 ? reader.ReadFixed32() : reader.ReadFixed64());
        }
        if (count != expected) throw data.Bad($"has {count} numbers, its shape needs {expected}");
        if (packed is not null) TensorDecoder.Unpack(data, packed, target.Span<byte>());

        void Put(ulong bits)
        {
            if (count == expected) throw data.Bad($"has more numbers than the {expected} its shape needs");
            if (packed is not null) packed[count] = (byte)bits;
            else
            {
                var element = target.Span<byte>(count * size, size);
                switch (size)
                {
                    case 1: element[0] = data.DType == OnnxDType.Bool ? (bits != 0 ? (byte)1 : (byte)0) : (byte)bits; break;
                    case 2: BinaryPrimitives.WriteUInt16LittleEndian(element, (ushort)bits); break;
                    case 4: BinaryPrimitives.WriteUInt32LittleEndian(element, (uint)bits); break;
                    default: BinaryPrimitives.WriteUInt64LittleEndian(element, bits); break;
                }
            }
            count++;
        }
    }
}
