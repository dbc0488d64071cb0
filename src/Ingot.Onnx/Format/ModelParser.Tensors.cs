using Ingot.Runtime;

namespace Ingot.Onnx.Format;

/// <summary>Tensors: where their elements are, in the file or in another one of its folder.</summary>
sealed partial class ModelParser
{
    TensorData Tensor(ProtoReader reader)
    {
        string name = "";
        int dtype = 0;
        var dims = new List<long>();
        Piece? raw = null;
        bool isExternal = false;
        var external = new Dictionary<string, string>(StringComparer.Ordinal);
        int start = reader.At, end = reader.End;
        Account(480);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: Ints(ref reader, dims); break;
                case 2: dtype = reader.Int32(); break;
                case 3: throw reader.Bad("tensors in segments were never supported by anyone");
                case 8: name = Text(ref reader); break;
                case 9:
                    var (at, length) = reader.Range();
                    raw = new(file, at, length);
                    break;
                case 13:
                    var (key, value) = Pair(reader.Message());
                    external[key] = value;
                    break;
                case 14: isExternal = reader.Varint() == 1; break;
                default: reader.Skip(); break;
            }
        }
        var type = DTypeOf(dtype, reader);
        if (type == OnnxDType.Undefined) throw reader.Bad($"tensor '{name}' has no element type");
        var shape = ShapeOf(dims, $"tensor '{name}'", reader);
        var message = new Piece(file, start, end - start);
        var data = new TensorData { Path = path, Name = name, DType = type, Shape = shape, Message = message, Raw = raw };
        if (isExternal) data = new() { Path = path, Name = name, DType = type, Shape = shape, Message = message, Raw = External(external, data) };
        Check(data, end - start);
        return data;
    }

    /// <summary>The elements' bytes are as many as dtype and shape need, and lists of numbers could be.</summary>
    static void Check(TensorData data, int messageBytes)
    {
        long bits;
        try { bits = checked(data.Shape.Count * data.DType.Bits); }
        catch (OverflowException) { throw data.Bad("has more elements than there is memory anywhere"); }
        if (data.Raw is { } raw)
        {
            if (data.DType == OnnxDType.String) throw data.Bad("is of strings and cannot be bytes");
            if (raw.Length != (bits + 7) / 8) throw data.Bad($"has {raw.Length} bytes and needs {(bits + 7) / 8}");
        }
        // A number in a list takes a byte at least, and holds at most four elements.
        else if (data.Shape.Count > 4L * messageBytes) throw data.Bad($"needs {data.Shape.Count} elements, its {messageBytes} bytes cannot hold them");
    }

    static Shape ShapeOf(List<long> dims, string what, ProtoReader reader)
    {
        foreach (long d in dims)
            if (d is < 0 or > int.MaxValue) throw reader.Bad($"{what} has dimensions ({string.Join(", ", dims)})");
        try { return new([.. dims.Select(d => (int)d)]); }
        catch (OverflowException) { throw reader.Bad($"{what} has dimensions ({string.Join(", ", dims)}), too many elements"); }
    }

    SparseData Sparse(ProtoReader reader)
    {
        TensorData? values = null, indices = null;
        Account(300);
        var dims = new List<long>();
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: values = Tensor(reader.Message()); break;
                case 2: indices = Tensor(reader.Message()); break;
                case 3: Ints(ref reader, dims); break;
                default: reader.Skip(); break;
            }
        }
        if (values is null || indices is null) throw reader.Bad("a sparse tensor has no values or no indices");
        var sparse = new SparseData(values, indices, ShapeOf(dims, $"sparse tensor '{values.Name}'", reader));
        return sparse.Bytes <= long.MaxValue ? sparse : throw values.Bad($"is of a sparse tensor {sparse.Shape}, which has more elements than there is memory anywhere");
    }

    /// <summary>Elements in another file, which must lie in the model's folder or below it, links resolved.</summary>
    Piece External(Dictionary<string, string> entries, TensorData tensor)
    {
        if (folder is null) throw tensor.Bad("is in another file, and this model was not loaded from a folder");
        if (!entries.TryGetValue("location", out var location) || location.Length == 0) throw tensor.Bad("is in another file and does not say in which");
        if (Path.IsPathRooted(location) || location.Contains('\0') || location.Split('/', '\\').Contains("..")) throw tensor.Bad($"is in '{location}', which is not inside the model's folder");
        if (!beside.TryGetValue(location, out var memory)) beside[location] = memory = Map(location, tensor);
        long offset = Number("offset", 0), length = Number("length", memory.Bytes - offset);
        if (offset > memory.Bytes || length > memory.Bytes - offset) throw tensor.Bad($"is said to be bytes {offset} to {offset + length} of '{location}', which has {memory.Bytes}");
        return new(memory, offset, length);

        long Number(string key, long otherwise)
        {
            if (!entries.TryGetValue(key, out var text)) return otherwise;
            return long.TryParse(text, out long value) && value >= 0 ? value : throw tensor.Bad($"has the {key} '{text}' in '{location}'");
        }
    }

    MappedStorage Map(string location, TensorData tensor)
    {
        string root = Real(folder!), full = Path.Combine(root, location.Replace('\\', '/'));
        try
        {
            string target = Real(full);
            if (!target.StartsWith(root.EndsWith(Path.DirectorySeparatorChar) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw tensor.Bad($"is in '{location}', which leads out of the model's folder");
            if (!File.Exists(target)) throw tensor.Bad($"is in '{location}', and there is no such file");
            var mapped = new MappedFile(target);
            return new(mapped, 0, mapped.Bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new FormatException($"{path}: cannot read the external data '{location}' of tensor '{tensor.Name}': {e.Message}", e);
        }
    }

    /// <summary>The path with every link on the way resolved.</summary>
    static string Real(string path)
    {
        string full = Path.GetFullPath(path), at = Path.GetPathRoot(full)!;
        foreach (var part in full[at.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries))
        {
            at = Path.Combine(at, part);
            FileSystemInfo info = Directory.Exists(at) ? new DirectoryInfo(at) : new FileInfo(at);
            if (info.LinkTarget is not null) at = info.ResolveLinkTarget(returnFinalTarget: true) is { } target ? Real(target.FullName) : at;
        }
        return at;
    }
}
