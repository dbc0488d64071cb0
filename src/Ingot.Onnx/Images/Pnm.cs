namespace Ingot.Onnx.Images;

/// <summary>Portable grey and colour maps: P2, P3, P5, P6 of 8 bits.</summary>
static class Pnm
{
    public static (byte[] Pixels, int Height, int Width, int Channels) Decode(byte[] file, string path)
    {
        if (file.Length < 3 || file[0] != 'P' || file[1] is not ((byte)'2' or (byte)'3' or (byte)'5' or (byte)'6')) throw new FormatException($"{path} is not a PNM picture of P2, P3, P5 or P6");
        int at = 2, channels = file[1] is (byte)'3' or (byte)'6' ? 3 : 1;
        int width = Number(), height = Number(), most = Number();
        if (width == 0 || height == 0 || most is 0 or > 255) throw new FormatException($"{path} is {width} x {height} with values up to {most}; values up to 255 are read");
        long count = (long)width * height * channels;
        if (count > file.Length) throw new FormatException($"{path} is too short for {width} x {height} points");
        var pixels = new byte[count];
        bool isText = file[1] is (byte)'2' or (byte)'3';
        at++; // one blank after the last number
        if (!isText && at + count > file.Length) throw new FormatException($"{path} is too short for {width} x {height} points");
        for (int i = 0; i < pixels.Length; i++) pixels[i] = (byte)((isText ? Math.Min(Number(), most) : file[at + i]) * 255 / most);
        return (pixels, height, width, channels);

        int Number()
        {
            while (at < file.Length && (char.IsWhiteSpace((char)file[at]) || file[at] == '#'))
            {
                if (file[at] == '#')
                    while (at < file.Length && file[at] != '\n') at++;
                else at++;
            }
            int value = 0, start = at;
            for (; at < file.Length && char.IsAsciiDigit((char)file[at]); at++) value = value < 100_000_000 ? (value * 10) + file[at] - '0' : throw new FormatException($"{path} has a number too large at byte {start}");
            return at > start ? value : throw new FormatException($"{path}: a number is missing at byte {start}");
        }
    }
}
