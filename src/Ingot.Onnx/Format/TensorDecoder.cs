using Ingot.Runtime;

namespace Ingot.Onnx.Format;

/// <summary>From a tensor in a file to one in memory: packed 4- and 2-bit elements, lists of numbers, sparse ones.</summary>
static class TensorDecoder
{
    public static OnnxValue Decode(TensorData data)
    {
        if (data.DType == OnnxDType.String) return Strings(data);
        int held = data.DType.Storage.Size;
        if (data.Raw is { } raw)
        {
            // Used where they lie if every element is aligned: not all processors read the others, and none reads them fast.
            if (data.DType.Bits >= 8 && raw.Length > 0 && raw.Memory is MappedStorage mapped && (mapped.Address + (nint)raw.Start) % held == 0)
                return TensorData.Over(new MappedStorage(mapped.File, raw.Start, raw.Length), data.DType, data.Shape);
            var copy = Storage.Allocate(data.Bytes);
            if (data.DType.Bits >= 8) CopyBytes(raw, copy);
            else Unpack(data, raw.Memory.Span<byte>(raw.Start, checked((int)raw.Length)), copy.Span<byte>());
            if (data.DType == OnnxDType.Bool) Normalise(copy.Span<byte>());
            return TensorData.Over(copy, data.DType, data.Shape);
        }
        var storage = Storage.Allocate(data.Bytes);
        NumberLists.Read(data, storage);
        return TensorData.Over(storage, data.DType, data.Shape);
    }

    static void CopyBytes(Piece raw, Storage target)
    {
        const int Most = 1 << 24; // spans end at 2 GB, tensors do not
        for (long at = 0; at < raw.Length; at += Most)
        {
            int count = (int)Math.Min(Most, raw.Length - at);
            raw.Memory.Span<byte>(raw.Start + at, count).CopyTo(target.Span<byte>(at, count));
        }
    }

    /// <summary>Any byte but 0 is true; a bool of C# is 0 or 1.</summary>
    static void Normalise(Span<byte> bools)
    {
        foreach (ref var b in bools) b = b == 0 ? (byte)0 : (byte)1;
    }

    /// <summary>4- and 2-bit elements, the first in a byte's lowest bits, to one a byte; signed ones with their sign.</summary>
    public static void Unpack(TensorData data, ReadOnlySpan<byte> packed, Span<byte> elements)
    {
        int bits = data.DType.Bits, perByte = 8 / bits, mask = (1 << bits) - 1;
        bool isSigned = data.DType is OnnxDType.Int4 or OnnxDType.Int2;
        for (int i = 0; i < elements.Length; i++)
        {
            int value = packed[i / perByte] >> (i % perByte * bits) & mask;
            elements[i] = unchecked((byte)(isSigned && value >> (bits - 1) != 0 ? value - (1 << bits) : value));
        }
    }

    static StringTensor Strings(TensorData data)
    {
        var values = new List<string>();
        var message = data.Message;
        var reader = new ProtoReader(message.Memory.Span<byte>(0, checked((int)message.Memory.Bytes)), data.Path, (int)message.Start, (int)(message.Start + message.Length), 0);
        while (reader.Next())
        {
            if (reader.Field == 6) values.Add(reader.Text());
            else reader.Skip();
        }
        if (values.Count != data.Shape.Count) throw data.Bad($"has {values.Count} strings, its shape {data.Shape.Count}");
        return new([.. values], data.Shape) { IsKnown = true };
    }

    public static OnnxValue Dense(SparseData sparse)
    {
        if (sparse.Values.ToValue() is not OnnxTensor { DType: not (OnnxDType.Complex64 or OnnxDType.Complex128) } values) throw sparse.Values.Bad("cannot be a sparse tensor's values");
        if (sparse.Indices.ToValue() is not OnnxTensor { DType: OnnxDType.Int64 } indices) throw sparse.Indices.Bad("holds a sparse tensor's indices and must be int64");
        long[] positions = indices.Tensor.ToArray<long>();
        int rank = sparse.Shape.Rank, count = sparse.Values.Shape.Rank == 1 ? (int)sparse.Values.Shape.Count : throw sparse.Values.Bad("is a sparse tensor's values and must have one dimension");
        if (indices.Shape.Rank == 2 && indices.Shape[0] == count && indices.Shape[1] == rank)
        {
            var strides = sparse.Shape.Strides();
            var linear = new long[count];
            for (int i = 0; i < count; i++)
                for (int d = 0; d < rank; d++)
                {
                    long c = positions[(i * rank) + d];
                    if (c < 0 || c >= sparse.Shape[d]) throw sparse.Indices.Bad($"has coordinate {c} in dimension {d} of a sparse tensor {sparse.Shape}");
                    linear[i] += c * strides[d];
                }
            positions = linear;
        }
        else if (indices.Shape.Rank != 1 || indices.Shape[0] != count) throw sparse.Indices.Bad($"does not index {count} values of a sparse tensor {sparse.Shape}");
        int size = values.Storage.DType.Size;
        var storage = Storage.Allocate(checked((long)sparse.Bytes));
        storage.Clear();
        values.Storage.Realize();
        var from = Ingot.Schedule.Realizer.BufferOf(values.Storage.Node).Storage;
        long last = -1;
        for (int i = 0; i < count; i++)
        {
            if (positions[i] <= last || positions[i] >= sparse.Shape.Count) throw sparse.Indices.Bad($"has index {positions[i]} after {last} in a sparse tensor of {sparse.Shape.Count} elements; they must ascend");
            last = positions[i];
            from.Span<byte>((long)i * size, size).CopyTo(storage.Span<byte>(last * size, size));
        }
        return TensorData.Over(storage, values.DType, sparse.Shape);
    }
}
