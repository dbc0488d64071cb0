using Ingot.Onnx.Format;

namespace Ingot.Onnx.Fuzzing;

/// <summary>The messages of onnx.proto3 that hold others.</summary>
enum ProtoKind
{
    Leaf, Model, Graph, Node, Attribute, Tensor, Sparse, ValueInfo, Type, TensorType, ElementType, Map, Shape, Dimension, Opset, Pair, Function, SequenceValue, OptionalValue, MapValue,
}

/// <summary>A field of a protobuf message that is being changed: its lengths are written anew afterwards, so they are always true.</summary>
sealed class ProtoField
{
    /// <summary>Which fields are messages, and of which kind.</summary>
    static readonly Dictionary<(ProtoKind, int), ProtoKind> Parts = new()
    {
        [(ProtoKind.Model, 7)] = ProtoKind.Graph,
        [(ProtoKind.Model, 8)] = ProtoKind.Opset,
        [(ProtoKind.Model, 14)] = ProtoKind.Pair,
        [(ProtoKind.Model, 25)] = ProtoKind.Function,
        [(ProtoKind.Graph, 1)] = ProtoKind.Node,
        [(ProtoKind.Graph, 5)] = ProtoKind.Tensor,
        [(ProtoKind.Graph, 11)] = ProtoKind.ValueInfo,
        [(ProtoKind.Graph, 12)] = ProtoKind.ValueInfo,
        [(ProtoKind.Graph, 15)] = ProtoKind.Sparse,
        [(ProtoKind.Node, 5)] = ProtoKind.Attribute,
        [(ProtoKind.Attribute, 5)] = ProtoKind.Tensor,
        [(ProtoKind.Attribute, 6)] = ProtoKind.Graph,
        [(ProtoKind.Attribute, 10)] = ProtoKind.Tensor,
        [(ProtoKind.Attribute, 11)] = ProtoKind.Graph,
        [(ProtoKind.Attribute, 14)] = ProtoKind.Type,
        [(ProtoKind.Attribute, 22)] = ProtoKind.Sparse,
        [(ProtoKind.Tensor, 13)] = ProtoKind.Pair,
        [(ProtoKind.Sparse, 1)] = ProtoKind.Tensor,
        [(ProtoKind.Sparse, 2)] = ProtoKind.Tensor,
        [(ProtoKind.ValueInfo, 2)] = ProtoKind.Type,
        [(ProtoKind.Type, 1)] = ProtoKind.TensorType,
        [(ProtoKind.Type, 4)] = ProtoKind.ElementType,
        [(ProtoKind.Type, 5)] = ProtoKind.Map,
        [(ProtoKind.Type, 8)] = ProtoKind.TensorType,
        [(ProtoKind.Type, 9)] = ProtoKind.ElementType,
        [(ProtoKind.ElementType, 1)] = ProtoKind.Type,
        [(ProtoKind.Map, 2)] = ProtoKind.Type,
        [(ProtoKind.TensorType, 2)] = ProtoKind.Shape,
        [(ProtoKind.Shape, 1)] = ProtoKind.Dimension,
        [(ProtoKind.Function, 7)] = ProtoKind.Node,
        [(ProtoKind.Function, 9)] = ProtoKind.Opset,
        [(ProtoKind.Function, 11)] = ProtoKind.Attribute,
        [(ProtoKind.SequenceValue, 3)] = ProtoKind.Tensor,
        [(ProtoKind.OptionalValue, 3)] = ProtoKind.Tensor,
        [(ProtoKind.MapValue, 5)] = ProtoKind.SequenceValue,
    };

    public int Number { get; set; }

    public Wire Wire { get; set; }

    /// <summary>Of numbers of any wire type.</summary>
    public ulong Value { get; set; }

    /// <summary>Of texts and bytes.</summary>
    public byte[] Bytes { get; set; } = [];

    public ProtoKind Kind { get; init; }

    /// <summary>Of messages.</summary>
    public List<ProtoField> Fields { get; init; } = [];

    /// <summary>The fields of a valid message.</summary>
    public static ProtoField Read(byte[] message, ProtoKind kind) => new() { Kind = kind, Wire = Wire.Bytes, Fields = Read(new ProtoReader(message, "a seed"), kind) };

    static List<ProtoField> Read(ProtoReader reader, ProtoKind kind)
    {
        var fields = new List<ProtoField>();
        while (reader.Next())
        {
            var part = Parts.GetValueOrDefault((kind, reader.Field));
            fields.Add(new()
            {
                Number = reader.Field,
                Wire = reader.Wire,
                Kind = part,
                Value = reader.Wire switch { Wire.Varint => reader.ReadVarint(), Wire.Fixed32 => reader.ReadFixed32(), Wire.Fixed64 => reader.ReadFixed64(), _ => 0 },
                Bytes = reader.Wire == Wire.Bytes && part == ProtoKind.Leaf ? reader.Bytes().ToArray() : [],
                Fields = part == ProtoKind.Leaf ? [] : Read(reader.Message(), part),
            });
        }
        return fields;
    }

    public ProtoField Copy() => new() { Number = Number, Wire = Wire, Value = Value, Bytes = Bytes, Kind = Kind, Fields = [.. Fields.Select(f => f.Copy())] };

    /// <summary>The content, without tag and length.</summary>
    public byte[] Content()
    {
        if (Kind == ProtoKind.Leaf) return Bytes;
        var bytes = new List<byte>();
        foreach (var field in Fields) field.Write(bytes);
        return [.. bytes];
    }

    void Write(List<byte> bytes)
    {
        Varint((ulong)Number << 3 | (uint)Wire);
        switch (Wire)
        {
            case Wire.Varint: Varint(Value); break;
            case Wire.Fixed32: bytes.AddRange(BitConverter.GetBytes((uint)Value)); break;
            case Wire.Fixed64: bytes.AddRange(BitConverter.GetBytes(Value)); break;
            default:
                var content = Content();
                Varint((ulong)content.Length);
                bytes.AddRange(content);
                break;
        }

        void Varint(ulong v)
        {
            for (; v > 127; v >>= 7) bytes.Add((byte)(v | 128));
            bytes.Add((byte)v);
        }
    }
}
