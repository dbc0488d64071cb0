using System.Security.Cryptography;

namespace Ingot.Llm.Compression;

/// <summary>A compressed file's parts. Numbers are kept in seven bits a byte, checksums as the first bytes of a SHA-256.</summary>
/// <param name="Model">Checksum of weights and tokenizer.</param>
/// <param name="Arithmetic">Checksum of frequencies that the model gave: other bits on another machine would decode to nonsense.</param>
/// <param name="Length">Bytes of the original.</param>
/// <param name="Checksum">Of the original.</param>
/// <param name="Separator">What a document's begin stands for.</param>
/// <param name="Streams">Tokens of each stream.</param>
/// <param name="Code">What the range coder wrote.</param>
sealed record CompressedFile(uint Model, uint Arithmetic, long Length, uint Checksum, byte[] Separator, int[] Streams, ReadOnlyMemory<byte> Code)
{
    const byte Version = 1;

    /// <summary>More than are ever written; a damaged number is not to take all memory.</summary>
    const int MostStreams = 1 << 16;

    /// <summary>Separators that are kept by their number, as every byte counts where little is compressed; 0 is none, and those behind the last are kept whole.</summary>
    static readonly byte[][] KnownSeparators = [[], "\n<|endoftext|>\n"u8.ToArray(), "<|endoftext|>"u8.ToArray(), "\n\n<|endoftext|>\n\n"u8.ToArray(), "\n<|endoftext|>\n\n"u8.ToArray()];

    static ReadOnlySpan<byte> Magic => "ILM"u8;

    /// <summary>A SHA-256's first four bytes.</summary>
    public static uint ChecksumOf(ReadOnlySpan<byte> bytes) => BitConverter.ToUInt32(SHA256.HashData(bytes));

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(Model);
        writer.Write(Arithmetic);
        writer.Write7BitEncodedInt64(Length);
        writer.Write(Checksum);
        int known = Array.FindIndex(KnownSeparators, k => k.AsSpan().SequenceEqual(Separator));
        writer.Write((byte)(known >= 0 ? known : KnownSeparators.Length + Separator.Length));
        if (known < 0) writer.Write(Separator);
        writer.Write7BitEncodedInt(Streams.Length);
        foreach (int n in Streams) writer.Write7BitEncodedInt(n);
        writer.Write(Code.Span);
        writer.Write(ChecksumOf(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        return stream.ToArray();
    }

    /// <exception cref="FormatException">These are not the bytes of such a file, or not all of them, or some were changed.</exception>
    public static CompressedFile Read(byte[] bytes)
    {
        if (!bytes.AsSpan().StartsWith(Magic)) throw new FormatException("this is not a file that 'ingot compress' wrote: it does not begin with ILM");
        if (bytes.Length > 3 && bytes[3] != Version) throw new FormatException($"the compressed file is of version {bytes[3]}; this program reads version {Version}");
        if (bytes.Length < 8 || BitConverter.ToUInt32(bytes, bytes.Length - 4) != ChecksumOf(bytes.AsSpan(0, bytes.Length - 4)))
            throw new FormatException($"the compressed file is damaged or not whole: the checksum at the end of its {bytes.Length} bytes is another one; get it again");
        try
        {
            using var stream = new MemoryStream(bytes, 4, bytes.Length - 8);
            using var reader = new BinaryReader(stream);
            var (model, arithmetic, length, checksum) = (reader.ReadUInt32(), reader.ReadUInt32(), reader.Read7BitEncodedInt64(), reader.ReadUInt32());
            int known = reader.ReadByte();
            var separator = known < KnownSeparators.Length ? KnownSeparators[known] : reader.ReadBytes(known - KnownSeparators.Length);
            var streams = new int[Require(reader.Read7BitEncodedInt(), MostStreams, "streams")];
            long tokens = 0;
            foreach (ref int n in streams.AsSpan()) tokens += n = Require(reader.Read7BitEncodedInt(), int.MaxValue, "tokens");
            if (length < 0 || tokens > length) throw new FormatException($"the compressed file is damaged: {tokens} tokens cannot be {length} bytes");
            return new(model, arithmetic, length, checksum, separator, streams, bytes.AsMemory(4 + (int)stream.Position, (int)(stream.Length - stream.Position)));
        }
        catch (Exception e) when (e is EndOfStreamException or System.FormatException) { throw new FormatException($"the compressed file is damaged: {e.Message}", e); }

        static int Require(int number, int most, string what) => number >= 0 && number <= most ? number : throw new FormatException($"the compressed file is damaged: it says {number} {what}");
    }
}
