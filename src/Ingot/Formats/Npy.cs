using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Ingot.Graph;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Formats;

/// <summary>NumPy's array files: .npy versions 1 to 3 in C or Fortran order and either byte order, and .npz archives of them (reading).</summary>
/// <remarks>numpy.lib.format describes the format.</remarks>
public static class Npy
{
    static readonly byte[] MagicBytes = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>The array of a .npy file, in C order.</summary>
    /// <exception cref="FormatException">The file is missing, truncated, holds Python objects, or is not an npy file.</exception>
    public static Tensor Load(string path)
    {
        using var stream = Open(path);
        return Read(stream, stream.Length, path);
    }

    /// <summary>The arrays of a .npz archive by name (without ".npy").</summary>
    /// <exception cref="FormatException">Not such an archive, or a member is not an array.</exception>
    public static Dictionary<string, Tensor> LoadArchive(string path)
    {
        using var stream = Open(path);
        try
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
            var arrays = new Dictionary<string, Tensor>();
            foreach (var entry in zip.Entries)
            {
                var name = entry.FullName.EndsWith(".npy", StringComparison.Ordinal) ? entry.FullName[..^4] : entry.FullName;
                using var member = entry.Open();
                if (!arrays.TryAdd(name, Read(member, entry.Length, $"{path}: {entry.FullName}"))) throw new FormatException($"{path} has the member '{name}' twice");
            }
            return arrays;
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"{path} is not a valid npz archive: {e.Message}", e);
        }
    }

    /// <summary>Writes a tensor as .npy version 1 (C order, little endian), atomically.</summary>
    /// <exception cref="DTypeException">bfloat16, which NumPy does not know.</exception>
    /// <exception cref="IngotException">The file cannot be written; nothing is left behind.</exception>
    public static void Save(string path, Tensor tensor)
    {
        var text = NpyHeader.Write(tensor.DType, tensor.Shape);
        int unpadded = MagicBytes.Length + 4 + text.Length + 1;
        text += new string(' ', (64 - unpadded % 64) % 64) + '\n';
        tensor.Realize();
        Capture.Refuse("writing", tensor);
        var storage = Realizer.BufferOf(tensor.Node).Storage;
        AtomicFile.Write(path, stream =>
        {
            stream.Write(MagicBytes);
            Span<byte> rest = [1, 0, 0, 0];
            BinaryPrimitives.WriteUInt16LittleEndian(rest[2..], checked((ushort)text.Length));
            stream.Write(rest);
            stream.Write(Encoding.ASCII.GetBytes(text));
            const int Piece = 1 << 24;
            for (long at = 0, end = tensor.Count * tensor.DType.Size; at < end; at += Piece)
                stream.Write(storage.Span<byte>(at, (int)Math.Min(Piece, end - at)));
        });
        GC.KeepAlive(storage);
    }

    /// <param name="stream">Positioned at the magic bytes.</param>
    /// <param name="bytes">Length of the array file; nothing larger is allocated, whatever its header claims.</param>
    /// <param name="path">For messages.</param>
    static Tensor Read(Stream stream, long bytes, string path)
    {
        try
        {
            var head = new byte[8];
            stream.ReadExactly(head);
            if (!head.AsSpan(0, 6).SequenceEqual(MagicBytes)) throw NpyHeader.Bad(path, "it does not start with NumPy's magic bytes");
            if (head[6] is < 1 or > 3) throw NpyHeader.Bad(path, $"version {head[6]}.{head[7]}; 1 to 3 are known");
            var length = new byte[head[6] == 1 ? 2 : 4];
            stream.ReadExactly(length);
            long headerBytes = length.Length == 2 ? BitConverter.ToUInt16(length) : BitConverter.ToUInt32(length);
            long left = bytes - 8 - length.Length - headerBytes;
            if (left < 0) throw NpyHeader.Bad(path, $"it claims a header of {headerBytes} bytes, more than the file has");
            var text = new byte[headerBytes];
            stream.ReadExactly(text);
            var header = NpyHeader.Parse((head[6] == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(text), path);
            long need = header.Shape.Count * header.DType.Size;
            if (need > left) throw NpyHeader.Bad(path, $"shape {header.Shape} of {header.DType.Name} needs {need} bytes, but only {left} follow; it is truncated");
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
