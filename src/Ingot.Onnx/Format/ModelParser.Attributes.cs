namespace Ingot.Onnx.Format;

/// <summary>Attributes, and the types of inputs and outputs.</summary>
sealed partial class ModelParser
{
    OnnxAttribute Attribute(ProtoReader reader)
    {
        string name = "";
        string? reference = null;
        int kind = 0;
        var value = new OnnxAttribute("");
        List<float>? floats = null;
        List<long>? ints = null;
        List<string>? texts = null;
        List<TensorData>? tensors = null;
        List<OnnxGraph>? graphs = null;
        var found = OnnxAttributeKind.Undefined;
        Account(650);
        while (reader.Next())
        {
            var seen = OnnxAttributeKind.Undefined;
            switch (reader.Field)
            {
                case 1: name = Text(ref reader); break;
                case 2: (value.Float, seen) = (reader.Float(), OnnxAttributeKind.Float); break;
                case 3: (value.Int, seen) = (reader.Varint(), OnnxAttributeKind.Int); break;
                case 4:
                    var bytes = reader.Bytes();
                    Account(bytes.Length);
                    (value.Bytes, seen) = (bytes.ToArray(), OnnxAttributeKind.String);
                    break;
                case 5: (value.Tensor, seen) = (Tensor(reader.Message()), OnnxAttributeKind.Tensor); break;
                case 6: (value.Graph, seen) = (Graph(reader.Message()), OnnxAttributeKind.Graph); break;
                case 7:
                    Floats(ref reader, floats ??= []);
                    seen = OnnxAttributeKind.Floats;
                    break;
                case 8:
                    Ints(ref reader, ints ??= []);
                    seen = OnnxAttributeKind.Ints;
                    break;
                case 9:
                    (texts ??= []).Add(Text(ref reader));
                    seen = OnnxAttributeKind.Strings;
                    break;
                case 10:
                    (tensors ??= []).Add(Tensor(reader.Message()));
                    seen = OnnxAttributeKind.Tensors;
                    break;
                case 11:
                    (graphs ??= []).Add(Graph(reader.Message()));
                    seen = OnnxAttributeKind.Graphs;
                    break;
                case 14: (value.Type, seen) = (Type(reader.Message()), OnnxAttributeKind.Type); break;
                case 20: kind = reader.Int32(); break;
                case 21: reference = Text(ref reader); break;
                case 22: (value.Sparse, seen) = (Sparse(reader.Message()), OnnxAttributeKind.SparseTensor); break;
                default: reader.Skip(); break;
            }
            if (seen != OnnxAttributeKind.Undefined) found = seen;
        }
        if (kind is < 0 or > (int)OnnxAttributeKind.Types) throw reader.Bad($"attribute '{name}' is of kind {kind}");
        // Files of IR 1 may leave the kind out; an empty list has nothing but its kind.
        value.Kind = kind != 0 ? (OnnxAttributeKind)kind : found;
        value.Floats = [.. floats ?? []];
        value.Ints = [.. ints ?? []];
        value.Texts = [.. texts ?? []];
        value.Tensors = [.. tensors ?? []];
        value.Graphs = [.. graphs ?? []];
        value.Reference = string.IsNullOrEmpty(reference) ? null : reference;
        bool isThere = value.Reference is not null || value.Kind switch
        {
            OnnxAttributeKind.Tensor => value.Tensor is not null,
            OnnxAttributeKind.Graph => value.Graph is not null,
            OnnxAttributeKind.SparseTensor => value.Sparse is not null,
            OnnxAttributeKind.Type => value.Type is not null,
            _ => true,
        };
        return isThere ? value with { Name = name } : throw reader.Bad($"attribute '{name}' is said to be a {value.Kind} and holds none");
    }

    void Floats(ref ProtoReader reader, List<float> list)
    {
        if (reader.Wire == Wire.Fixed32)
        {
            Account(8);
            list.Add(reader.Float());
            return;
        }
        var (start, length) = reader.Range();
        Account(2L * length);
        list.EnsureCapacity(list.Count + length / sizeof(float)); // lists that double would take twice as much
        var packed = new ProtoReader(file.Span<byte>(), path, start, start + length, 0);
        while (packed.At < packed.End) list.Add(BitConverter.UInt32BitsToSingle(packed.ReadFixed32()));
    }

    void Ints(ref ProtoReader reader, List<long> list)
    {
        if (reader.Wire == Wire.Varint)
        {
            Account(16);
            list.Add(reader.Varint());
            return;
        }
        var (start, length) = reader.Range();
        int count = 0;
        foreach (byte b in file.Span<byte>(start, length)) count += b < 0x80 ? 1 : 0; // the last byte of a number
        Account(16L * count);
        list.EnsureCapacity(list.Count + count);
        var packed = new ProtoReader(file.Span<byte>(), path, start, start + length, 0);
        while (packed.At < packed.End) list.Add(unchecked((long)packed.ReadVarint()));
    }

    OnnxValueInfo ValueInfo(ProtoReader reader)
    {
        string name = "";
        OnnxType? type = null;
        while (reader.Next())
        {
            if (reader.Field == 1) name = Text(ref reader);
            else if (reader.Field == 2) type = Type(reader.Message());
            else reader.Skip();
        }
        Account(80);
        return new(name, type);
    }

    OnnxType? Type(ProtoReader reader)
    {
        OnnxType? type = null;
        Account(60);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: type = TensorType(reader.Message(), false); break;
                case 4: type = new OnnxType.SequenceOf(ElementType(reader.Message())); break;
                case 5: type = MapType(reader.Message()); break;
                case 8: type = TensorType(reader.Message(), true); break;
                case 9: type = new OnnxType.OptionalOf(ElementType(reader.Message())); break;
                default: reader.Skip(); break;
            }
        }
        return type;
    }

    OnnxType? ElementType(ProtoReader reader)
    {
        OnnxType? type = null;
        while (reader.Next())
        {
            if (reader.Field == 1) type = Type(reader.Message());
            else reader.Skip();
        }
        return type;
    }

    OnnxType.MapOf MapType(ProtoReader reader)
    {
        var key = OnnxDType.Undefined;
        OnnxType? value = null;
        while (reader.Next())
        {
            if (reader.Field == 1) key = DTypeOf(reader.Int32(), reader);
            else if (reader.Field == 2) value = Type(reader.Message());
            else reader.Skip();
        }
        return new(key, value);
    }

    OnnxType.TensorOf TensorType(ProtoReader reader, bool isSparse)
    {
        var dtype = OnnxDType.Undefined;
        List<OnnxDimension>? shape = null;
        while (reader.Next())
        {
            if (reader.Field == 1) dtype = DTypeOf(reader.Int32(), reader);
            else if (reader.Field == 2) shape = Dimensions(reader.Message());
            else reader.Skip();
        }
        return new(dtype, shape, isSparse);
    }

    List<OnnxDimension> Dimensions(ProtoReader reader)
    {
        var shape = new List<OnnxDimension>();
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
                continue;
            }
            var dim = reader.Message();
            Account(96);
            long? value = null;
            string? name = null;
            while (dim.Next())
            {
                if (dim.Field == 1) value = dim.Varint();
                else if (dim.Field == 2) name = Text(ref dim);
                else dim.Skip();
            }
            // Some exporters write -1 or 0 for "any"; no model has an input without elements.
            shape.Add(new(value > 0 || (value == 0 && name is null) ? value : null, name));
        }
        return shape;
    }

    static OnnxDType DTypeOf(int number, ProtoReader reader) => number is >= 0 and <= (int)OnnxDType.Int2 ? (OnnxDType)number : throw reader.Bad($"there is no element type {number}");
}
