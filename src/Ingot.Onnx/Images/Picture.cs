namespace Ingot.Onnx.Images;

/// <summary>A decoded picture: rows of points of 1 (grey) or 3 (red, green, blue) bytes; transparency has been dropped.</summary>
sealed record Picture(byte[] Pixels, int Height, int Width, int Channels)
{
    /// <summary>Most points that are decoded: a picture is a model's input, and a few bytes of file can claim any size.</summary>
    const long MostPoints = 1 << 26;

    /// <summary>An empty picture of a size a file claims.</summary>
    /// <exception cref="FormatException">It has no points, or too many.</exception>
    public static Picture Of(long height, long width, int channels) =>
        height < 1 || width < 1 || height > MostPoints || width > MostPoints || height * width > MostPoints
            ? throw new FormatException($"a picture of {width} x {height} points; up to {MostPoints:N0} are decoded")
            : new(new byte[height * width * channels], (int)height, (int)width, channels);

    /// <summary>Decodes a file by its first bytes: PNG, BMP, JPEG, TIFF or PNM.</summary>
    /// <exception cref="FormatException">It is none of these, or broken.</exception>
    public static Picture Decode(byte[] file)
    {
        ReadOnlySpan<byte> f = file;
        try
        {
            if (f.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G'])) return Png.Decode(file);
            if (f.StartsWith("BM"u8)) return Bmp.Decode(file);
            if (f.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8])) return new Jpeg(file).Decode();
            if (f.StartsWith("II*\0"u8) || f.StartsWith("MM\0*"u8)) return new Tiff(file).Decode();
            if (f.Length > 2 && f[0] == 'P' && f[1] is >= (byte)'2' and <= (byte)'6')
            {
                var (pixels, height, width, channels) = Pnm.Decode(file, "the picture");
                return new(pixels, height, width, channels);
            }
        }
        catch (Exception e) when (e is IndexOutOfRangeException or ArgumentException or OverflowException or InvalidDataException) { throw new FormatException($"the picture's file is broken: {e.Message}", e); }
        string kind = f.Length > 12 && f[8..].StartsWith("WEBP"u8) ? "WebP" : f.Length > 12 && f[4..].StartsWith("jP  "u8) ? "JPEG 2000" : "an unknown format";
        throw new FormatException($"the picture is of {kind}; PNG, BMP, JPEG, TIFF and PNM are decoded");
    }

    /// <summary>Red, green and blue.</summary>
    public Picture Colour()
    {
        if (Channels == 3) return this;
        var colour = new byte[3 * Pixels.Length];
        for (int i = 0; i < colour.Length; i++) colour[i] = Pixels[i / 3];
        return new(colour, Height, Width, 3);
    }

    /// <summary>Luminance by ITU-R 601, in 16-bit fixed point.</summary>
    public Picture Grey()
    {
        if (Channels == 1) return this;
        var grey = new byte[Pixels.Length / 3];
        for (int i = 0; i < grey.Length; i++) grey[i] = (byte)((Pixels[3 * i] * 19595 + Pixels[3 * i + 1] * 38470 + Pixels[3 * i + 2] * 7471 + 0x8000) >> 16);
        return new(grey, Height, Width, 1);
    }

    /// <summary>Blue, green and red.</summary>
    public Picture Reversed()
    {
        var (colour, reversed) = (Colour().Pixels, new byte[3 * Height * Width]);
        for (int i = 0; i < reversed.Length; i++) reversed[i] = colour[i / 3 * 3 + 2 - i % 3];
        return new(reversed, Height, Width, 3);
    }
}
