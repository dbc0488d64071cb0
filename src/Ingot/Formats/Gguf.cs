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
    readonly Dictionary<string, GgufTensor> byName;

    Gguf(string path, Storage file)
    {
        (this.path, this.file) = (path, file);
        directory = GgufDirectory.Read(file, path);
        byName = directory.Tensors.ToDictionary(t => t.Name);
    }

    public int Version => directory.Version;

    public GgufMetadata Metadata => directory.Metadata;

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors => directory.Tensors;

    /// <summary>Tensors begin at multiples of this many bytes.</summary>
    public long Alignment => directory.Alignment;

    public bool Contains(string name) => byName.ContainsKey(name);

    /// <summary>The tensor's place in the file.</summary>
    /// <exception cref="FormatException">There is none of this name.</exception>
    public GgufTensor Find(string name) => byName.TryGetValue(name, out var t) ? t
        : throw new FormatException($"{path} has no tensor '{name}'; it has {byName.Count}: {string.Join(", ", byName.Keys.Take(5))}{(byName.Count > 5 ? ", ..." : "")}");

    /// <summary>Opens the file and checks its directory.</summary>
    /// <param name="path">The file; it must not change while it is in use.</param>
    /// <param name="map">Map the file into memory, so that pages are read when they are first used and any size fits; by default if it is large.</param>
    /// <exception cref="FormatException">The file is missing, truncated or not as the format says; the message names it, the field and its offset.</exception>
    public static Gguf Open(string path, bool? map = null)
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
        var t = Find(name);
        return file is MappedStorage mapped ? new MappedStorage(mapped.File, t.Offset, t.ByteCount) : new StoragePart(file, t.Offset, t.ByteCount);
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
