using System.Numerics;
using System.Text;
using Ingot.Formats.Quantization;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Formats;

/// <summary>Writes GGUF version 3, little endian. Metadata and tensors are given first; a tensor's bytes are made only when their turn to be written comes, so one at a time is in memory.</summary>
/// <remarks>https://github.com/ggml-org/ggml/blob/master/docs/gguf.md</remarks>
public sealed class GgufWriter
{
    /// <param name="Name">Of the tensor.</param>
    /// <param name="Type">Its values'.</param>
    /// <param name="Shape">The last dimension is that of rows.</param>
    /// <param name="Bytes">Makes them.</param>
    readonly record struct PlannedTensor(string Name, GgmlType Type, Shape Shape, Func<Storage> Bytes);

    const string AlignmentKey = "general.alignment";
    const int MaxNameBytes = 63; // what ggml's loader has room for

    readonly uint alignment;
    readonly OrderedDictionary<string, object> metadata = [];
    readonly List<PlannedTensor> tensors = [];
    readonly HashSet<string> names = [];

    /// <param name="alignment">Tensors begin at multiples of it: a power of two from 8; 32 is what readers expect where the file does not say.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public GgufWriter(uint alignment = 32)
    {
        if (alignment < 8 || !BitOperations.IsPow2(alignment)) throw new ArgumentOutOfRangeException(nameof(alignment), $"an alignment is a power of two from 8, not {alignment}");
        this.alignment = alignment;
        if (alignment != 32) Set(AlignmentKey, alignment);
    }

    /// <summary>Sets a metadata value. Readers look at the type, so it must be the one that the key is documented with: most sizes are U32.</summary>
    /// <param name="key">Such as "llama.block_count".</param>
    /// <param name="value">A bool, number of 8 to 64 bits, float, double or string; an array of one of those; or an array of such arrays.</param>
    /// <exception cref="IngotException">GGUF has no such type.</exception>
    public void Set(string key, object value)
    {
        TypeOf(value, key);
        if (key == AlignmentKey && !alignment.Equals(value)) throw new IngotException($"{AlignmentKey} is {alignment} by the writer's constructor; {value} would make the file unreadable");
        metadata[key] = value;
    }

    /// <summary>Adds a tensor whose values are converted, or quantized, to a type when the file is written.</summary>
    /// <param name="name">At most 63 bytes of UTF-8.</param>
    /// <param name="tensor">Any numbers; computed when the file is written if they are not yet.</param>
    /// <param name="type">By default the tensor's own.</param>
    /// <exception cref="IngotException">The name is taken or too long, the tensor has more than 4 dimensions, or its rows are no whole blocks.</exception>
    public void Add(string name, Tensor tensor, GgmlType? type = null)
    {
        var target = type ?? GgmlTypes.Of(tensor.DType);
        Add(name, target, tensor.Shape, () => Convert(tensor, target));
    }

    /// <summary>Adds a tensor by its bytes, which are asked for when the file is written.</summary>
    /// <exception cref="IngotException">As above; and, when the file is written, if they are not as many as type and shape need.</exception>
    public void Add(string name, GgmlType type, Shape shape, Func<Storage> bytes)
    {
        int length = Encoding.UTF8.GetByteCount(name);
        if (length > MaxNameBytes) throw new IngotException($"the tensor name '{name}' has {length} bytes; GGUF readers allow {MaxNameBytes}");
        if (shape.Rank > 4) throw new IngotException($"'{name}' of shape {shape} has {shape.Rank} dimensions; GGUF allows 4");
        int row = shape.Rank == 0 ? 1 : shape[-1];
        if (row % type.BlockLength != 0) throw new IngotException($"'{name}' of shape {shape} cannot be {type}: its rows of {row} are no whole blocks of {type.BlockLength}; use a type with smaller blocks");
        if (!names.Add(name)) throw new IngotException($"there are two tensors named '{name}'");
        tensors.Add(new(name, type, shape, bytes));
    }

    /// <summary>Writes the file, atomically.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IngotException">It cannot be written; nothing is left behind.</exception>
    public void Write(string path) => AtomicFile.Write(path, Write);

    /// <summary>
    /// Writes the model as several files, as llama-gguf-split does: NAME-00001-of-0000N.gguf and so on, all metadata in the first. They get their names when all are written, the first one last.
    /// One file with the given name if it is no larger than a part.
    /// </summary>
    /// <param name="path">NAME.gguf: the ending makes way for the numbers.</param>
    /// <param name="mostBytes">Of a part; only a tensor that is larger makes a larger one, alone.</param>
    /// <returns>The files.</returns>
    /// <exception cref="IngotException">They cannot be written, or would be more than 65,535; nothing is left behind.</exception>
    public IReadOnlyList<string> WriteParts(string path, long mostBytes)
    {
        List<List<PlannedTensor>> parts = [[]];
        long bytes = HeadBytes(metadata, tensors);
        foreach (var tensor in tensors)
        {
            long more = Aligned(tensor.Type.BytesOf(tensor.Shape.Count));
            if (parts[^1].Count > 0 && bytes + more > mostBytes)
            {
                parts.Add([]);
                bytes = HeadBytes(PartMetadata(0, 0, isFirst: false), tensors);
            }
            parts[^1].Add(tensor);
            bytes += more;
        }
        if (parts.Count == 1)
        {
            Write(path);
            return [path];
        }
        if (parts.Count > GgufParts.Most) throw new IngotException($"parts of {mostBytes} bytes would be {parts.Count}; a GGUF model has at most {GgufParts.Most}, so choose larger ones");
        var names = new GgufParts(path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) ? path[..^5] : path, 0, parts.Count);
        AtomicFile.WriteAll([.. parts.Select((part, i) => (names.PathOf(i), (Action<Stream>)(to => Write(to, PartMetadata(i, parts.Count, isFirst: i == 0), part))))]);
        return [.. parts.Select((_, i) => names.PathOf(i))];
    }

    OrderedDictionary<string, object> PartMetadata(int number, int count, bool isFirst)
    {
        OrderedDictionary<string, object> part = isFirst ? new(metadata) : [];
        if (!isFirst && alignment != 32) part[AlignmentKey] = alignment;
        part[GgufParts.NumberKey] = (ushort)number;
        part[GgufParts.CountKey] = (ushort)count;
        part[GgufParts.TensorsKey] = tensors.Count;
        return part;
    }

    long HeadBytes(OrderedDictionary<string, object> metadata, List<PlannedTensor> tensors) => Aligned(Head(metadata, tensors).Length);

    /// <summary>Writes to a stream, from its current position on.</summary>
    /// <exception cref="IngotException">A tensor has not the bytes that it should.</exception>
    public void Write(Stream stream) => Write(stream, metadata, tensors);

    void Write(Stream stream, OrderedDictionary<string, object> metadata, List<PlannedTensor> tensors)
    {
        var head = Head(metadata, tensors);
        head.WriteTo(stream);
        Pad(stream, head.Length);
        foreach (var (name, type, shape, bytes) in tensors)
        {
            var storage = bytes();
            long need = type.BytesOf(shape.Count);
            if (storage.Bytes != need) throw new IngotException($"'{name}' of shape {shape} and type {type} needs {need} bytes, but {storage.Bytes} were given");
            const int Piece = 1 << 24; // spans end at 2 GB, tensors do not
            for (long at = 0; at < need; at += Piece) stream.Write(storage.Span<byte>(at, (int)Math.Min(Piece, need - at)));
            GC.KeepAlive(storage);
            Pad(stream, need);
        }
    }

    /// <summary>All that stands before the tensors' bytes.</summary>
    MemoryStream Head(OrderedDictionary<string, object> metadata, List<PlannedTensor> tensors)
    {
        var head = new MemoryStream();
        var to = new BinaryWriter(head, Encoding.UTF8); // little endian on every machine
        to.Write("GGUF"u8);
        to.Write(3u);
        to.Write((ulong)tensors.Count);
        to.Write((ulong)metadata.Count);
        foreach (var (key, value) in metadata)
        {
            WriteString(to, key);
            to.Write((uint)TypeOf(value, key));
            WriteValue(to, value, key);
        }
        long offset = 0;
        foreach (var (name, type, shape, _) in tensors)
        {
            WriteString(to, name);
            to.Write((uint)shape.Rank);
            for (int d = shape.Rank - 1; d >= 0; d--) to.Write((ulong)shape[d]);
            to.Write((uint)type);
            to.Write((ulong)offset);
            offset = Aligned(offset + type.BytesOf(shape.Count));
        }
        to.Flush();
        return head;
    }

    long Aligned(long at) => (at + alignment - 1) / alignment * alignment;

    void Pad(Stream stream, long written)
    {
        for (long i = Aligned(written) - written; i > 0; i--) stream.WriteByte(0);
    }

    static Storage Convert(Tensor tensor, GgmlType type)
    {
        if (type.DType is { } dtype) return StorageOf(tensor.To(dtype));
        var values = StorageOf(tensor.To(DType.F32));
        var blocks = Storage.Allocate(type.BytesOf(tensor.Count));
        BlockFormats.Encode(type, values, blocks);
        return blocks;
    }

    static Storage StorageOf(Tensor tensor)
    {
        tensor = tensor.Contiguous().Realize();
        Capture.Refuse("writing", tensor);
        var storage = Realizer.BufferOf(tensor.Node).Storage;
        long bytes = tensor.Count * tensor.DType.Size;
        return storage.Bytes == bytes ? storage : new StoragePart(storage, 0, bytes);
    }

    static GgufValueType TypeOf(object value, string key) => value switch
    {
        byte => GgufValueType.U8,
        sbyte => GgufValueType.I8,
        ushort => GgufValueType.U16,
        short => GgufValueType.I16,
        uint => GgufValueType.U32,
        int => GgufValueType.I32,
        float => GgufValueType.F32,
        bool => GgufValueType.Bool,
        string => GgufValueType.String,
        ulong => GgufValueType.U64,
        long => GgufValueType.I64,
        double => GgufValueType.F64,
        Array array => ElementTypeOf(array, key) is var _ ? GgufValueType.Array : default,
        _ => throw new IngotException($"metadata '{key}' is of {value.GetType().Name}, which GGUF does not have; it has bool, numbers, strings, and arrays of them"),
    };

    static GgufValueType ElementTypeOf(Array array, string key)
    {
        var element = array.GetType().GetElementType()!;
        if (array.Rank != 1) throw new IngotException($"metadata '{key}' is an array of {array.Rank} dimensions; GGUF has arrays of arrays");
        if (element == typeof(string)) return GgufValueType.String;
        if (element.IsPrimitive) return TypeOf(Array.CreateInstance(element, 1).GetValue(0)!, key);
        foreach (var inner in array)
            if (inner is not Array a) throw new IngotException($"metadata '{key}' is an array of {element.Name}, which GGUF does not have");
            else ElementTypeOf(a, key);
        return GgufValueType.Array;
    }

    static void WriteValue(BinaryWriter to, object value, string key)
    {
        switch (value)
        {
            case byte v: to.Write(v); break;
            case sbyte v: to.Write(v); break;
            case ushort v: to.Write(v); break;
            case short v: to.Write(v); break;
            case uint v: to.Write(v); break;
            case int v: to.Write(v); break;
            case float v: to.Write(v); break;
            case bool v: to.Write((byte)(v ? 1 : 0)); break;
            case string v: WriteString(to, v); break;
            case ulong v: to.Write(v); break;
            case long v: to.Write(v); break;
            case double v: to.Write(v); break;
            case Array array:
                to.Write((uint)ElementTypeOf(array, key));
                to.Write((ulong)array.Length);
                foreach (var element in array) WriteValue(to, element!, key);
                break;
        }
    }

    static void WriteString(BinaryWriter to, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        to.Write((ulong)bytes.Length);
        to.Write(bytes);
    }
}
