using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Ingot.Graph;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Formats;

/// <summary>NumPy's array files: .npy versions 1 to 3 in C or Fortran order and either byte order, and .npz archives of them.</summary>
/// <remarks>numpy.lib.format describes the format.</remarks>
public static class Npy
{
    static readonly byte[] MagicBytes = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Real headers have 100 to 200 bytes, NumPy itself refuses more than 10,000.</summary>
    const int LongestHeader = 1 << 16;

    /// <summary>The array of a .npy file, in C order.</summary>
    /// <exception cref="FormatException">The file is missing, truncated, holds Python objects, or is not an npy file.</exception>
    public static Tensor Load(string path)
    {
        using var stream = Open(path);
        return Read(stream, stream.Length, path);
    }

    /// <summary>The arrays of a .npz archive by name (without ".npy").</summary>
    /// <param name="path">The archive.</param>
    /// <param name="mostBytes">
    /// Most bytes that it may unpack to; by default 32 times the file and 8 MB. Deflate can make a thousand bytes of one, so a small file could fill the memory otherwise.
    /// </param>
    /// <exception cref="FormatException">Not such an archive, a member is not an array, or it unpacks to more.</exception>
    public static Dictionary<string, Tensor> LoadArchive(string path, long? mostBytes = null)
    {
        using var stream = Open(path);
        return ReadArchive(stream, path, mostBytes);
    }

    internal static Dictionary<string, Tensor> ReadArchive(Stream stream, string path, long? mostBytes = null)
    {
        long limit = mostBytes ?? 32 * stream.Length + (8L << 20);
        try
        {
            long end = EndOfArchive(stream, path);
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
            var arrays = new Dictionary<string, Tensor>();
            foreach (var entry in zip.Entries)
            {
                var name = entry.FullName.EndsWith(".npy", StringComparison.Ordinal) ? entry.FullName[..^4] : entry.FullName;
                if (entry.CompressedLength > stream.Length) throw new FormatException($"{path}: the member '{entry.FullName}' claims {entry.CompressedLength} bytes, more than the archive has ({stream.Length}, of which {end} before the directory)");
                // Claimed sizes are believed only as far as deflate could make them of the bytes that are there.
                if (entry.Length / 1032 > entry.CompressedLength) throw new FormatException($"{path}: the member '{entry.FullName}' claims to unpack from {entry.CompressedLength} bytes to {entry.Length}, which no compression of this format can");
                limit -= entry.Length;
                if (limit < 0) throw new FormatException($"{path}: with the member '{entry.FullName}' of {entry.Length} bytes it unpacks to more than the limit; give a larger mostBytes if the file is to be trusted");
                using var member = entry.Open();
                if (!arrays.TryAdd(name, Read(member, entry.Length, $"{path}: {entry.FullName}"))) throw new FormatException($"{path} has the member '{name}' twice");
            }
            return arrays;
        }
        // NotSupported: an unknown compression; the others are how ZipArchive meets fields that are out of range.
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or IOException or ArgumentException or OverflowException)
        {
            throw new FormatException($"{path} is not a valid npz archive: {e.Message}", e);
        }
    }

    /// <summary>
    /// Where the directory of a zip file begins, checked for its size: ZipArchive makes an object of about 300 bytes for each entry, which takes 46 in
    /// the file, so their number must be bounded before it is asked.
    /// </summary>
    static long EndOfArchive(Stream stream, string path)
    {
        const int MostMembers = 32_768;
        var tail = new byte[Math.Min(stream.Length, 22 + ushort.MaxValue)];
        stream.Position = stream.Length - tail.Length;
        stream.ReadExactly(tail);
        stream.Position = 0;
        int at = tail.AsSpan().LastIndexOf("PK\u0005\u0006"u8);
        if (at < 0 || at + 22 > tail.Length) throw new FormatException($"{path} is not a valid npz archive: it has no end-of-directory record in its last {tail.Length} bytes; it is truncated");
        int members = BinaryPrimitives.ReadUInt16LittleEndian(tail.AsSpan(at + 10));
        uint directory = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 12));
        if (members > MostMembers || (directory != uint.MaxValue && directory > 1000L * members + 65_536))
            throw new FormatException($"{path} is not a valid npz archive: at byte {stream.Length - tail.Length + at}: it claims {members} members in a directory of {directory} bytes");
        return BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 16));
    }

    /// <summary>Writes tensors as a .npz archive, atomically; the same input gives the same bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">By name, without ".npy".</param>
    /// <param name="isCompressed">Deflate the members; weights hardly become smaller.</param>
    /// <exception cref="DTypeException">bfloat16, which NumPy does not know.</exception>
    /// <exception cref="IngotException">The file cannot be written; nothing is left behind.</exception>
    public static void SaveArchive(string path, IReadOnlyDictionary<string, Tensor> tensors, bool isCompressed = false) => AtomicFile.Write(path, stream =>
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (name, tensor) in tensors)
        {
            var entry = zip.CreateEntry(name + ".npy", isCompressed ? CompressionLevel.Optimal : CompressionLevel.NoCompression);
            entry.LastWriteTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero); // the format's first day
            using var member = entry.Open();
            Write(member, tensor);
        }
    });

    /// <summary>Writes a tensor as .npy version 1 (C order, little endian), atomically.</summary>
    /// <exception cref="DTypeException">bfloat16, which NumPy does not know.</exception>
    /// <exception cref="IngotException">The file cannot be written; nothing is left behind.</exception>
    public static void Save(string path, Tensor tensor) => AtomicFile.Write(path, stream => Write(stream, tensor));

    static void Write(Stream stream, Tensor tensor)
    {
        var text = NpyHeader.Write(tensor.DType, tensor.Shape);
        int unpadded = MagicBytes.Length + 4 + text.Length + 1;
        text += new string(' ', (64 - unpadded % 64) % 64) + '\n';
        tensor.Realize();
        Capture.Refuse("writing", tensor);
        var storage = Realizer.BufferOf(tensor.Node).Storage;
        stream.Write(MagicBytes);
        Span<byte> rest = [1, 0, 0, 0];
        BinaryPrimitives.WriteUInt16LittleEndian(rest[2..], checked((ushort)text.Length));
        stream.Write(rest);
        stream.Write(Encoding.ASCII.GetBytes(text));
        const int Piece = 1 << 24;
        for (long at = 0, end = tensor.Count * tensor.DType.Size; at < end; at += Piece)
            stream.Write(storage.Span<byte>(at, (int)Math.Min(Piece, end - at)));
        GC.KeepAlive(storage);
    }

    /// <param name="stream">Positioned at the magic bytes.</param>
    /// <param name="bytes">Length of the array file; nothing larger is allocated, whatever its header claims.</param>
    /// <param name="path">For messages.</param>
    internal static Tensor Read(Stream stream, long bytes, string path)
    {
        try
        {
            var head = new byte[8];
            stream.ReadExactly(head);
            if (!head.AsSpan(0, 6).SequenceEqual(MagicBytes)) throw NpyHeader.Bad(path, "at byte 0: it does not start with NumPy's magic bytes");
            if (head[6] is < 1 or > 3) throw NpyHeader.Bad(path, $"at byte 6: version {head[6]}.{head[7]}; 1 to 3 are known");
            var length = new byte[head[6] == 1 ? 2 : 4];
            stream.ReadExactly(length);
            long headerBytes = length.Length == 2 ? BitConverter.ToUInt16(length) : BitConverter.ToUInt32(length);
            long left = bytes - 8 - length.Length - headerBytes;
            if (left < 0) throw NpyHeader.Bad(path, $"at byte 8: it claims a header of {headerBytes} bytes, more than the file has");
            if (headerBytes > LongestHeader) throw NpyHeader.Bad(path, $"at byte 8: it claims a header of {headerBytes} bytes; Ingot's limit is {LongestHeader}");
            var text = new byte[headerBytes];
            stream.ReadExactly(text);
            var header = NpyHeader.Parse((head[6] == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(text), path);
            long need = header.Shape.Count * header.DType.Size;
            if (need > left) throw NpyHeader.Bad(path, $"at byte {bytes - left}: shape {header.Shape} of {header.DType.Name} needs {need} bytes, but only {left} follow; it is truncated");
            return ReadData(stream, header);
        }
        catch (EndOfStreamException e)
        {
            throw new FormatException($"{path} is not a valid npy file: it ends too early", e);
        }
    }

    static Tensor ReadData(Stream stream, NpyHeader header)
    {
        int size = header.DType.Size;
        long bytes = header.Shape.Count * size;
        var storage = Storage.Allocate(bytes);
        const int Piece = 1 << 24; // a multiple of every element size
        for (long at = 0; at < bytes; at += Piece)
        {
            var part = storage.Span<byte>(at, (int)Math.Min(Piece, bytes - at));
            stream.ReadExactly(part);
            if (header.BigEndian)
                for (int i = 0; i < part.Length; i += size) part.Slice(i, size).Reverse();
        }
        if (header.DType == DType.Bool)
            for (long i = 0; i < bytes; i++) { ref var b = ref storage.Span<byte>(i, 1)[0]; if (b > 1) b = 1; }
        return new(Build.Buffer(header.DType, header.Shape, header.FortranOrder && header.Shape.Rank > 1 ? ToRowMajor(storage, header) : storage));
    }

    /// <summary>Copies column-major elements into row-major order: walks the target in order and keeps the source position by an odometer.</summary>
    static Storage ToRowMajor(Storage source, NpyHeader header)
    {
        var dims = header.Shape.ToArray();
        int size = header.DType.Size;
        var target = Storage.Allocate(header.Shape.Count * size);
        var strides = new long[dims.Length];
        for (long i = 0, stride = 1; i < dims.Length; stride *= dims[i++]) strides[i] = stride;
        var index = new int[dims.Length];
        long from = 0;
        for (long to = 0; to < header.Shape.Count; to++)
        {
            source.Span<byte>(from * size, size).CopyTo(target.Span<byte>(to * size, size));
            for (int d = dims.Length - 1; d >= 0; d--)
            {
                from += strides[d];
                if (++index[d] < dims[d]) break;
                from -= strides[d] * dims[d];
                index[d] = 0;
            }
        }
        return target;
    }

    static FileStream Open(string path)
    {
        try { return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }
}
