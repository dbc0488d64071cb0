using System.Buffers.Binary;
using System.IO.Compression;

namespace Ingot.Onnx.Images;

/// <summary>The first picture of a TIFF file in strips of 8-bit samples: grey, with a palette, or colour; plain, PackBits, LZW or deflated (TIFF 6.0).</summary>
sealed class Tiff(byte[] file)
{
    readonly bool isLittle = file[0] == 'I';
    readonly Dictionary<int, long[]> tags = [];

    public Picture Decode()
    {
        ReadTags(Int(4));
        int samples = (int)Tag(277, 1), photometric = (int)Tag(262, 1), compression = (int)Tag(259, 1);
        if (tags.GetValueOrDefault(258, [1]) is var bits && Array.Exists(bits, b => b != 8)) throw new FormatException($"TIFF of {string.Join(", ", bits)} bits a sample; 8 are decoded");
        if (photometric > 3 || Tag(284, 1) != 1 || !tags.TryGetValue(273, out var starts)) throw new FormatException($"TIFF of photometric interpretation {photometric} that is not in strips of whole points");
        var picture = Picture.Of(Tag(257, 0), Tag(256, 0), photometric < 2 ? 1 : 3);
        int rowsPerStrip = (int)Math.Clamp(Tag(278, picture.Height), 1, picture.Height), stride = picture.Width * samples;
        var sizes = tags.GetValueOrDefault(279) ?? throw new FormatException("a TIFF file without its strips' sizes");
        for (int strip = 0, y = 0; y < picture.Height; strip++)
        {
            int rows = Math.Min(rowsPerStrip, picture.Height - y);
            var data = new byte[checked(rows * stride)];
            Expand(compression, file.AsSpan(checked((int)starts[strip]), checked((int)sizes[strip])), data);
            if (Tag(317, 1) == 2)
                for (int i = 0; i < data.Length; i++)
                    if (i % stride >= samples) data[i] += data[i - samples];
            for (int i = 0; i < rows * picture.Width; i++) Point(picture, y * picture.Width + i, data.AsSpan(i * samples, samples), photometric);
            y += rows;
        }
        return picture;
    }

    void Point(Picture picture, int at, ReadOnlySpan<byte> samples, int photometric)
    {
        for (int c = 0; c < picture.Channels; c++)
            picture.Pixels[at * picture.Channels + c] = photometric switch
            {
                0 => (byte)(255 - samples[0]),
                3 => (byte)(tags[320][c * 256 + samples[0]] >> 8),
                _ => samples[c],
            };
    }

    static void Expand(int compression, ReadOnlySpan<byte> strip, Span<byte> data)
    {
        switch (compression)
        {
            case 1: strip[..data.Length].CopyTo(data); break;
            case 5: ExpandLzw(strip, data); break;
            case 8 or 32946:
                using (var stream = new ZLibStream(new MemoryStream(strip.ToArray()), CompressionMode.Decompress))
                    if (stream.ReadAtLeast(data, data.Length, throwOnEndOfStream: false) < data.Length) throw new FormatException("a TIFF strip that ends early");
                break;
            case 32773: ExpandPackBits(strip, data); break;
            default: throw new FormatException($"TIFF compression {compression}");
        }
    }

    static void ExpandPackBits(ReadOnlySpan<byte> strip, Span<byte> data)
    {
        for (int i = 0, to = 0; to < data.Length;)
        {
            int count = (sbyte)strip[i++];
            if (count == -128) continue;
            int length = Math.Min(count >= 0 ? count + 1 : 1 - count, data.Length - to);
            if (count >= 0) strip.Slice(i, length).CopyTo(data[to..]);
            else data.Slice(to, length).Fill(strip[i]);
            i += count >= 0 ? count + 1 : 1;
            to += length;
        }
    }

    /// <summary>Codes of 9 to 12 bits, the first bit highest; the width grows one code early.</summary>
    static void ExpandLzw(ReadOnlySpan<byte> strip, Span<byte> data)
    {
        var (starts, lengths) = (new int[4097], new int[4097]); // each code's string lies in what has been written
        int next = 258, width = 9, previous = -1, bit = 0, to = 0;
        while (to < data.Length)
        {
            int code = 0;
            for (int b = 0; b < width; b++, bit++) code = code << 1 | (strip[bit >> 3] >> (7 - (bit & 7)) & 1);
            if (code == 257) break;
            if (code == 256)
            {
                (next, width, previous) = (258, 9, -1);
                continue;
            }
            int start = to;
            if (code < 256) data[to++] = (byte)code;
            else if (code <= next && previous >= 0)
            {
                // The code being defined right now is the last string and its own first byte.
                var (from, length) = code < next ? (starts[code], lengths[code]) : (previous, start - previous + 1);
                for (int i = 0; i < length && to < data.Length; i++) data[to++] = data[from + i];
            }
            else throw new FormatException($"TIFF strip with LZW code {code} before it is defined");
            if (previous >= 0 && next < 4096) (starts[next], lengths[next++]) = (previous, start - previous + 1);
            previous = start;
            width = next >= 2047 ? 12 : next >= 1023 ? 11 : next >= 511 ? 10 : 9;
        }
    }

    long Tag(int tag, long otherwise) => tags.TryGetValue(tag, out var values) && values.Length > 0 ? values[0] : otherwise;

    void ReadTags(long at)
    {
        int count = Short(at);
        for (int i = 0; i < count; i++)
        {
            long entry = at + 2 + 12L * i;
            int type = Short(entry + 2), size = type switch { 1 => 1, 3 => 2, 4 => 4, _ => 0 };
            long number = Int(entry + 4), from = number * size <= 4 ? entry + 8 : Int(entry + 8);
            if (size == 0) continue;
            if (number > file.Length) throw new FormatException($"a TIFF tag of {number} values");
            var values = new long[number];
            for (int v = 0; v < values.Length; v++) values[v] = size switch { 1 => file[from + v], 2 => Short(from + 2 * v), _ => Int(from + 4 * v) };
            tags[Short(entry)] = values;
        }
    }

    int Short(long at)
    {
        var bytes = file.AsSpan(checked((int)at), 2);
        return isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
    }

    long Int(long at)
    {
        var bytes = file.AsSpan(checked((int)at), 4);
        return isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }
}
