using Ingot.Formats.Quantization;
using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Formats;

/// <summary>
/// A GGUF file (versions 2 and 3, little endian): metadata and tensors, most of them quantized. The directory is checked whole when the file is opened;
/// tensors lie where they are in the mapped file, and nothing is copied unless it must be decoded.
/// </summary>
/// <remarks>https://github.com/ggml-org/ggml/blob/master/docs/gguf.md</remarks>
public sealed class Gguf
{
    /// <summary>As for safetensors: a small file gains nothing by being mapped, and while it is Windows lets nobody replace it.</summary>
    const long MapFrom = 64L << 20;

    readonly string path;
    readonly GgufDirectory directory;
    readonly Storage file;
    readonly Dictionary<string, (GgufTensor Tensor, Gguf Part)> byName;

    Gguf(string path, Storage file)
    {
        (this.path, this.file) = (path, file);
        directory = GgufDirectory.Read(file, path);
        byName = directory.Tensors.ToDictionary(t => t.Name, t => (t, this));
        (Tensors, Paths) = (directory.Tensors, [path]);
    }

    public int Version => directory.Version;

    public GgufMetadata Metadata => directory.Metadata;

    /// <summary>The tensors in the order of the file, or of its parts.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; private set; }

    /// <summary>The file, or all parts of a model that was split, the first one first.</summary>
    public IReadOnlyList<string> Paths { get; private set; }

    /// <summary>Tensors begin at multiples of this many bytes.</summary>
    public long Alignment => directory.Alignment;

    public bool Contains(string name) => byName.ContainsKey(name);

    /// <summary>The tensor's place in its file.</summary>
    /// <exception cref="FormatException">There is none of this name.</exception>
    public GgufTensor Find(string name) => Place(name).Tensor;

    (GgufTensor Tensor, Gguf Part) Place(string name) => byName.TryGetValue(name, out var t) ? t
        : throw new FormatException($"{path} has no tensor '{name}'; it has {byName.Count}: {string.Join(", ", byName.Keys.Take(5))}{(byName.Count > 5 ? ", ..." : "")}");

    /// <summary>Opens the file and checks its directory. Of a model that was split into parts any of them will do; the others must lie beside it.</summary>
    /// <param name="path">The file; it must not change while it is in use.</param>
    /// <param name="map">Map the file into memory, so that pages are read when they are first used and any size fits; by default if it is large.</param>
    /// <exception cref="FormatException">The file is missing, truncated or not as the format says, or a part is missing; the message names it, the field and its offset.</exception>
    public static Gguf Open(string path, bool? map = null)
    {
        var file = OpenOne(path, map);
        return GgufParts.Of(file.Metadata, path) is { } parts ? Joined(parts, map) : file;
    }

    /// <summary>The first part, which has the metadata, with the tensors of all.</summary>
    static Gguf Joined(GgufParts parts, bool? map)
    {
        var all = Enumerable.Range(0, parts.Count).Select(n =>
        {
            string path = parts.PathOf(n);
            if (!File.Exists(path)) throw new FormatException($"the model has {parts.Count} parts, and part {n + 1} is missing: {path}");
            var part = OpenOne(path, map);
            return GgufParts.Of(part.Metadata, path) is not null ? part : throw new FormatException($"{path} should be part {n + 1} of {parts.Count}, but its metadata (split.no, split.count) say nothing of parts");
        }).ToList();
        var first = all[0];
        foreach (var part in all.Skip(1))
            foreach (var tensor in part.Tensors)
                if (!first.byName.TryAdd(tensor.Name, (tensor, part))) throw new FormatException($"the tensor {tensor.Name} is in {first.byName[tensor.Name].Part.path} and in {part.path}");
        (first.Tensors, first.Paths) = ([.. all.SelectMany(p => p.directory.Tensors)], [.. all.Select(p => p.path)]);
        return first.Metadata.Integer("split.tensors.count") is { } count && count != first.Tensors.Count ? throw new FormatException($"the {all.Count} parts of {first.path} have {first.Tensors.Count} tensors together, but its metadata (split.tensors.count) say {count}: they do not belong together") : first;
    }

    static Gguf OpenOne(string path, bool? map)
    {
        try
        {
            long bytes = new FileInfo(path).Length;
            return new(path, map ?? bytes >= MapFrom ? Map(path) : Read(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"cannot read {path}: {e.Message}", e);
        }
    }

    /// <summary>The values of a tensor: floats and integers where they lie, with their own dtype; quantized ones decoded to float32.</summary>
    /// <exception cref="FormatException">There is none of this name, or it is of a type that Ingot cannot decode.</exception>
    public Tensor this[string name]
    {
        get
        {
            var t = Find(name);
            if (t.Type.DType is { } dtype) return new(Build.Buffer(dtype, t.Shape, Bytes(name)));
            if (!BlockFormats.CanDecode(t.Type)) throw new FormatException($"{path}: tensor '{name}' is of type {t.Type}, which Ingot cannot decode; use a file quantized to one of {string.Join(", ", BlockFormats.Decodable)}");
            var values = Storage.Allocate(t.Shape.Count * sizeof(float));
            BlockFormats.Decode(t.Type, Bytes(name), values);
            return new(Build.Buffer(DType.F32, t.Shape, values));
        }
    }

    /// <summary>A tensor's bytes as they are in the file, without a copy. The memory keeps the file mapped for as long as it lives.</summary>
    /// <exception cref="FormatException">There is none of this name.</exception>
    public Storage Bytes(string name)
    {
        var (t, part) = Place(name);
        return part.file is MappedStorage mapped ? new MappedStorage(mapped.File, t.Offset, t.ByteCount) : new StoragePart(part.file, t.Offset, t.ByteCount);
    }

    /// <summary>A file that is in memory already.</summary>
    /// <exception cref="FormatException">As <see cref="Open"/>.</exception>
    internal static Gguf Parse(Storage file, string name) => new(name, file);

    static Storage Map(string path)
    {
        var mapping = new MappedFile(path);
        return new MappedStorage(mapping, 0, mapping.Bytes);
    }

    static Storage Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        var storage = Storage.Allocate(stream.Length);
        const int Piece = 1 << 24; // spans end at 2 GB
        for (long at = 0; at < storage.Bytes; at += Piece) stream.ReadExactly(storage.Span<byte>(at, (int)Math.Min(Piece, storage.Bytes - at)));
        return storage;
    }
}
