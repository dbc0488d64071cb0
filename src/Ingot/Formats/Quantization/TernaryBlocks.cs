namespace Ingot.Formats.Quantization;

// Blocks of 256 values, each -1, 0 or 1 times one scale.

/// <summary>Two bits a value: byte m of 32 holds values m, m + 32, m + 64 and m + 96, lowest bits first; then the same again.</summary>
readonly struct Tq2Codec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = HalfScale.Read(block[64..]);
        for (int half = 0; half < 2; half++)
            for (int l = 0; l < 4; l++)
                for (int m = 0; m < 32; m++) values[128 * half + 32 * l + m] = ((block[32 * half + m] >> 2 * l & 3) - 1) * scale;
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float scale = HalfScale.Round(block[64..], TernaryScale.Best(values));
        block[..64].Clear();
        for (int half = 0; half < 2; half++)
            for (int l = 0; l < 4; l++)
                for (int m = 0; m < 32; m++) block[32 * half + m] |= (byte)(TernaryScale.Digit(values[128 * half + 32 * l + m], scale) << 2 * l);
    }
}

/// <summary>
/// Five values a byte, as digits of base 3: 48 bytes hold 240 values, 4 bytes the last 16. A byte is the number 0.ddddd in base 3 as a fraction of 256,
/// rounded up, so that multiplying by 3 moves the first digit above the byte: no division is needed to read it.
/// </summary>
readonly struct Tq1Codec : IBlockCodec
{
    static ReadOnlySpan<byte> Powers => [1, 3, 9, 27, 81];

    /// <summary>Where the bytes and the values of each part begin; a part's byte m holds the values m, m + Width, m + 2 Width, ...</summary>
    static readonly (int Byte, int Value, int Width, int Digits)[] Parts = [(0, 0, 32, 5), (32, 160, 16, 5), (48, 240, 4, 4)];

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = HalfScale.Read(block[52..]);
        foreach (var part in Parts)
            for (int n = 0; n < part.Digits; n++)
                for (int m = 0; m < part.Width; m++)
                    values[part.Value + n * part.Width + m] = (((byte)(block[part.Byte + m] * Powers[n]) * 3 >> 8) - 1) * scale;
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float scale = HalfScale.Round(block[52..], TernaryScale.Best(values));
        foreach (var part in Parts)
            for (int m = 0; m < part.Width; m++)
            {
                int number = 0;
                for (int n = 0; n < 5; n++) number = 3 * number + (n < part.Digits ? TernaryScale.Digit(values[part.Value + n * part.Width + m], scale) : 0);
                block[part.Byte + m] = (byte)((number * 256 + 242) / 243);
            }
    }
}

/// <summary>The scale of a ternary block.</summary>
static class TernaryScale
{
    /// <summary>
    /// The best there is: if the k largest magnitudes are kept, the best scale is their mean, and the error falls by their sum squared over k. So all 256
    /// choices of k are tried.
    /// </summary>
    public static float Best(ReadOnlySpan<float> values)
    {
        Span<float> magnitudes = stackalloc float[256];
        for (int i = 0; i < 256; i++) magnitudes[i] = MathF.Abs(values[i]);
        magnitudes.Sort();
        double sum = 0, most = 0, best = 0;
        for (int k = 1; k <= 256; k++)
        {
            sum += magnitudes[256 - k];
            if (sum * sum > most * k) (most, best) = (sum * sum / k, sum / k);
        }
        return (float)best;
    }

    /// <summary>0, 1 or 2 for -1, 0 or 1.</summary>
    public static int Digit(float value, float scale) => MathF.Abs(value) * 2 <= scale || scale == 0 ? 1 : value < 0 ? 0 : 2;
}
