using System.Buffers.Binary;

namespace Ingot.Onnx.Images;

/// <summary>Windows bitmaps without compression: 1, 4 or 8 bits with a palette, 16, 24 and 32 bits of colour.</summary>
static class Bmp
{
    public static Picture Decode(byte[] file)
    {
        int Int(int at) => BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at));
        int start = Int(10), header = Int(14), width = Int(18), rows = Int(22), bits = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(28)), compression = Int(30);
        if (header < 40 || compression is not (0 or 3) || bits is not (1 or 4 or 8 or 16 or 24 or 32)) throw new FormatException($"a BMP file of {bits} bits with compression {compression}");
        var picture = Picture.Of(Math.Abs((long)rows), width, 3);
        int stride = (int)(((long)width * bits + 31) / 32 * 4), palette = 14 + header;
        for (int y = 0; y < picture.Height; y++)
        {
            var line = file.AsSpan(checked(start + (rows > 0 ? picture.Height - 1 - y : y) * stride), (width * bits + 7) / 8);
            for (int x = 0; x < width; x++)
            {
                var to = picture.Pixels.AsSpan((y * width + x) * 3, 3);
                if (bits == 16)
                {
                    int v = BinaryPrimitives.ReadUInt16LittleEndian(line[(2 * x)..]);
                    for (int c = 0; c < 3; c++) to[c] = (byte)(((v >> (10 - 5 * c)) & 31) * 255 / 31);
                    continue;
                }
                ReadOnlySpan<byte> from = bits >= 24 ? line[(x * bits / 8)..] : file.AsSpan(palette + 4 * ((line[x * bits / 8] >> (8 - bits - x * bits % 8)) & ((1 << bits) - 1)), 4);
                (to[0], to[1], to[2]) = (from[2], from[1], from[0]);
            }
        }
        return picture;
    }
}
