using System.Buffers.Binary;
using System.IO.Compression;

namespace Ingot.Onnx.Images;

/// <summary>Portable network graphics of every colour type, depth and interlacing (W3C, PNG specification, third edition).</summary>
static class Png
{
    public static Picture Decode(byte[] file)
    {
        if (file.Length < 33 || !file.AsSpan(12, 4).SequenceEqual("IHDR"u8)) throw new FormatException("a PNG file without its header");
        uint width = BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(16)), height = BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(20));
        int depth = file[24], type = file[25];
        bool isInterlaced = file[28] == 1;
        int samples = type switch { 0 or 3 => 1, 4 => 2, 2 => 3, 6 => 4, _ => throw new FormatException($"PNG colour type {type}") };
        if (depth is not (1 or 2 or 4 or 8 or 16) || (depth < 8 && samples > 1)) throw new FormatException($"PNG of {depth} bits and colour type {type}");
        var (palette, data) = Chunks(file);
        if (type == 3 && palette.Length == 0) throw new FormatException("a PNG file without its palette");
        var picture = Picture.Of(height, width, type is 0 or 4 ? 1 : 3);

        using var stream = new ZLibStream(data, CompressionMode.Decompress);
        foreach (var (x0, y0, dx, dy) in isInterlaced ? Passes : [(0, 0, 1, 1)])
        {
            int columns = (picture.Width - x0 + dx - 1) / dx, rows = (picture.Height - y0 + dy - 1) / dy;
            if (columns <= 0 || rows <= 0) continue;
            int step = Math.Max(1, samples * depth / 8), length = (columns * samples * depth + 7) / 8;
            var (line, above) = (new byte[length], new byte[length]);
            for (int y = 0; y < rows; y++)
            {
                int filter = stream.ReadByte();
                stream.ReadExactlyOrBroken(line);
                Unfilter(filter, line, above, step);
                for (int x = 0; x < columns; x++) Point(picture, ((y0 + y * dy) * picture.Width + x0 + x * dx) * picture.Channels, line, x, depth, type, samples, palette);
                (line, above) = (above, line);
            }
        }
        return picture;
    }

    /// <summary>Adam7: the first column and row of each pass, and its steps.</summary>
    static readonly (int X, int Y, int Dx, int Dy)[] Passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    static (byte[] Palette, MemoryStream Data) Chunks(byte[] file)
    {
        byte[] palette = [];
        var data = new MemoryStream();
        for (int at = 8; at + 12 <= file.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at));
            if (length > file.Length - at - 12) throw new FormatException("a PNG file that ends within a chunk");
            var name = file.AsSpan(at + 4, 4);
            var content = file.AsSpan(at + 8, (int)length);
            if (name.SequenceEqual("PLTE"u8)) palette = content.ToArray();
            else if (name.SequenceEqual("IDAT"u8)) data.Write(content);
            at += 12 + (int)length;
        }
        data.Position = 0;
        return (palette, data);
    }

    static void ReadExactlyOrBroken(this Stream stream, byte[] line)
    {
        if (stream.ReadAtLeast(line, line.Length, throwOnEndOfStream: false) < line.Length) throw new FormatException("a PNG file whose rows end early");
    }

    static void Unfilter(int filter, byte[] line, byte[] above, int step)
    {
        for (int i = 0; i < line.Length; i++)
        {
            int left = i >= step ? line[i - step] : 0, up = above[i], corner = i >= step ? above[i - step] : 0;
            line[i] += (byte)(filter switch { 0 => 0, 1 => left, 2 => up, 3 => (left + up) / 2, 4 => Paeth(left, up, corner), _ => throw new FormatException($"PNG filter {filter}") });
        }
    }

    static int Paeth(int a, int b, int c)
    {
        int p = a + b - c, pa = Math.Abs(p - a), pb = Math.Abs(p - b), pc = Math.Abs(p - c);
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    }

    static void Point(Picture picture, int to, byte[] line, int x, int depth, int type, int samples, byte[] palette)
    {
        if (type == 3) palette.AsSpan(3 * Sample(line, x, depth), 3).CopyTo(picture.Pixels.AsSpan(to));
        else
            for (int s = 0; s < picture.Channels; s++)
            {
                int value = Sample(line, x * samples + s, depth);
                picture.Pixels[to + s] = (byte)(depth < 8 ? value * 255 / ((1 << depth) - 1) : value);
            }
    }

    /// <summary>A sample; of 16 bits the upper 8.</summary>
    static int Sample(byte[] line, int i, int depth) => depth switch
    {
        8 => line[i],
        16 => line[2 * i],
        _ => (line[i * depth / 8] >> (8 - depth - i * depth % 8)) & ((1 << depth) - 1),
    };
}
