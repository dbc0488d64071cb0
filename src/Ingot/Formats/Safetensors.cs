using System.Buffers.Binary;
using System.Text.Json;
using Ingot.Graph;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Formats;

/// <summary>
/// A safetensors file: named tensors, and a dictionary of strings. The header is checked whole when the file is opened;
/// a tensor's bytes are read when it is asked for.
/// </summary>
/// <remarks>https://github.com/huggingface/safetensors#format. 8-bit floats have no Ingot dtype: they arrive as float32, which holds each of them exactly.</remarks>
public sealed class Safetensors
{
    /// <summary>Files from this size on are mapped into memory instead of read: a small one gains nothing, and while it is mapped Windows lets nobody replace it.</summary>
    const long MapFrom = 64L << 20;

    readonly string path;
    readonly SafetensorsHeader header;
    readonly MappedFile? mapping;
    readonly Dictionary<string, SafetensorsEntry> byName;

    Safetensors(string path, SafetensorsHeader header, MappedFile? mapping)
    {
        (this.path, this.header, this.mapping) = (path, header, mapping);
        byName = header.Entries.ToDictionary(e => e.Name);
    }

    /// <summary>The tensors in the order of the header.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => header.Entries;

    /// <summary>The strings under <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    public bool Contains(string name) => byName.ContainsKey(name);

    /// <summary>Reads and checks the header.</summary>
    /// <param name="path">The file; it should not change while tensors of it are in use.</param>
    /// <param name="map">Map the file into memory, so that pages are read when they are first used and any size fits; by default if it is large.</param>
    /// <exception cref="FormatException">The file is missing, truncated or not as the format says; the message names it and the tensor.</exception>
    public static Safetensors Open(string path, bool? map = null)
    {
        using var stream = OpenFile(path);
        var header = SafetensorsHeader.Read(stream, path);
        return new(path, header, map ?? stream.Length >= MapFrom ? new MappedFile(path) : null);
    }

    /// <summary>All tensors of a file by name.</summary>
    /// <exception cref="FormatException">As <see cref="Open"/>.</exception>
    public static Dictionary<string, Tensor> Load(string path)
    {
        var file = Open(path);
        return file.Entries.ToDictionary(e => e.Name, e => file[e.Name]);
    }

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="FormatException">There is none, or the file has changed since it was opened.</exception>
    public Tensor this[string name]
    {
        get
        {
            if (!byName.TryGetValue(name, out var e))
                throw new FormatException($"{path} has no tensor '{name}'; it has {byName.Count}: {string.Join(", ", byName.Keys.Take(5))}{(byName.Count > 5 ? ", ..." : "")}");
            return e.Type.StartsWith("F8", StringComparison.Ordinal) ? ReadFloat8(e) : new(Build.Buffer(TypeOf(e.Type), e.Shape, ReadBytes(e)));
        }
    }

    /// <summary>Writes tensors and metadata as one file, atomically. The same input gives the same bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Any dtype; computed now if they are not yet.</param>
    /// <param name="metadata">Strings to keep with them.</param>
    /// <exception cref="IngotException">The file cannot be written; nothing is left behind.</exception>
    public static void Save(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        Tensor.Realize([.. tensors.Values]);
        // Wide elements first, so that every tensor is aligned to its element size without holes.
        var ordered = tensors.OrderByDescending(t => t.Value.DType.Size).ThenBy(t => t.Key, StringComparer.Ordinal).ToList();
        var json = HeaderJson(ordered, metadata);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
            stream.Write(length);
            stream.Write(json);
            foreach (var (_, tensor) in ordered) WriteBytes(tensor, stream);
        });
    }

    static byte[] HeaderJson(List<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var memory = new MemoryStream();
        using (var json = new Utf8JsonWriter(memory))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }
            long at = 0;
            foreach (var (name, tensor) in tensors)
            {
                if (name == "__metadata__") throw new IngotException("a tensor cannot be named __metadata__ in a safetensors file");
                long end = at + tensor.Count * tensor.DType.Size;
                json.WriteStartObject(name);
                json.WriteString("dtype", tensor.DType.ToString().ToUpperInvariant());
                json.WriteStartArray("shape");
                foreach (int d in tensor.Shape.Span) json.WriteNumberValue(d);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(end);
                json.WriteEndArray();
                json.WriteEndObject();
                at = end;
            }
            json.WriteEndObject();
        }
        while ((memory.Length + 8) % 64 != 0) memory.WriteByte((byte)' '); // the data starts on a cache line
        return memory.ToArray();
    }

    static void WriteBytes(Tensor tensor, Stream stream)
    {
        Capture.Refuse("writing", tensor);
        var storage = Realizer.BufferOf(tensor.Node).Storage;
        const int Piece = 1 << 24; // spans end at 2 GB, tensors do not
        for (long at = 0, end = tensor.Count * tensor.DType.Size; at < end; at += Piece)
            stream.Write(storage.Span<byte>(at, (int)Math.Min(Piece, end - at)));
        GC.KeepAlive(storage);
    }

    Storage ReadBytes(SafetensorsEntry e)
    {
        long start = header.DataStart + e.Begin;
        // Only where every element is aligned: not all processors read the others, and none reads them fast.
        if (mapping is not null && start % SafetensorsHeader.ElementBytes(e.Type) == 0) return new MappedStorage(mapping, start, e.End - e.Begin);
        using var stream = OpenFile(path);
        var storage = Storage.Allocate(e.End - e.Begin);
        const int Piece = 1 << 24;
        try
        {
            stream.Position = start;
            for (long at = 0, bytes = e.End - e.Begin; at < bytes; at += Piece)
                stream.ReadExactly(storage.Span<byte>(at, (int)Math.Min(Piece, bytes - at)));
        }
        catch (EndOfStreamException inner)
        {
            throw new FormatException($"{path} ends before the data of '{e.Name}': it has changed since it was opened", inner);
        }
        return storage;
    }

    Tensor ReadFloat8(SafetensorsEntry e)
    {
        var raw = ReadBytes(e);
        var wide = Storage.Allocate(e.Shape.Count * sizeof(float));
        var table = Float8.Table(exponentBits: e.Type == "F8_E4M3" ? 4 : 5);
        for (long i = 0; i < e.Shape.Count; i++) wide.Span<float>(i, 1)[0] = table[raw.Span<byte>(i, 1)[0]];
        return new(Build.Buffer(DType.F32, e.Shape, wide));
    }

    static FileStream OpenFile(string path)
    {
        try { return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }

    static DType TypeOf(string type) => Enum.Parse<DType>(type, ignoreCase: true); // the header has let only known names through
}
