using Ingot.Runtime;

namespace Ingot.Onnx.Format;

/// <summary>Values in files of their own, as test data has them: TensorProto, SequenceProto, OptionalProto, MapProto.</summary>
sealed partial class ModelParser
{
    /// <summary>Reads a value whose type is known from elsewhere: the bytes do not say which message they are.</summary>
    /// <exception cref="FormatException">They are not a value of that type.</exception>
    public static OnnxValue ParseValue(ReadOnlySpan<byte> bytes, OnnxType? type, string path)
    {
        var parser = new ModelParser(Storage.Of(bytes), path, null);
        return parser.Value(parser.Reader(), type);
    }

    OnnxValue Value(ProtoReader reader, OnnxType? type) => type switch
    {
        OnnxType.SequenceOf s => Sequence(reader, s),
        OnnxType.OptionalOf o => Optional(reader, o),
        OnnxType.MapOf m => Map(reader, m),
        OnnxType.TensorOf { IsSparse: true } => Dense(Sparse(reader)),
        _ => Tensor(reader).ToValue(),
    };

    /// <summary>A sparse tensor is held as the dense one, which a few bytes can make as large as they like: within what its file may take.</summary>
    OnnxValue Dense(SparseData sparse) => sparse.Bytes <= budget ? sparse.ToValue()
        : throw sparse.Values.Bad($"is of a sparse tensor {sparse.Shape}, which takes {sparse.Bytes:N0} bytes; a file of {file.Bytes:N0} may take {budget:N0}");

    OnnxSequence Sequence(ProtoReader reader, OnnxType.SequenceOf type)
    {
        var items = new List<OnnxValue>();
        while (reader.Next())
        {
            if (reader.Field is >= 3 and <= 7) items.Add(Value(reader.Message(), type.Element));
            else reader.Skip();
        }
        return new(items, type);
    }

    OnnxOptional Optional(ProtoReader reader, OnnxType.OptionalOf type)
    {
        OnnxValue? value = null;
        while (reader.Next())
        {
            if (reader.Field is >= 3 and <= 7) value = Value(reader.Message(), type.Element);
            else reader.Skip();
        }
        return new(value);
    }

    OnnxMap Map(ProtoReader reader, OnnxType.MapOf type)
    {
        var keys = new List<object>();
        var longs = new List<long>();
        OnnxSequence? values = null;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3: Ints(ref reader, longs); break;
                case 4: keys.Add(Text(ref reader)); break;
                case 5: values = Sequence(reader.Message(), new(type.Value)); break;
                default: reader.Skip(); break;
            }
        }
        keys.AddRange(longs.Select(l => (object)l));
        var items = values?.Items.SelectMany(Elements).ToList() ?? [];
        if (items.Count != keys.Count) throw reader.Bad($"a map has {keys.Count} keys and {items.Count} values");
        var entries = new Dictionary<object, object>();
        for (int i = 0; i < keys.Count; i++) entries[keys[i]] = items[i];
        return new(entries);
    }

    static IEnumerable<object> Elements(OnnxValue value) => value switch
    {
        StringTensor s => s.Values,
        OnnxTensor { DType: OnnxDType.Int64 } t => t.Tensor.ToArray<long>().Select(v => (object)v),
        OnnxTensor { DType: OnnxDType.Double } t => t.Tensor.ToArray<double>().Select(v => (object)v),
        OnnxTensor t => t.Tensor.ToArray<float>().Select(v => (object)v),
        _ => throw new DTypeException($"a map of {value.Describe()}"),
    };
}
