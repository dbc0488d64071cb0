namespace Ingot.Onnx.Images;

/// <summary>From a block's coefficients to samples, from a plane's samples to the picture's, from planes to colours.</summary>
static class JpegPlanes
{
    /// <summary>Bits of the constants' fractions, and of what the columns' pass leaves for the rows'.</summary>
    const int Fraction = 13, Extra = 2;

    /// <summary>
    /// The inverse cosine transform of dequantized coefficients, by Loeffler, Ligtenberg and Moschytz 1989 (11 multiplications) in fixed point: columns, then rows.
    /// </summary>
    public static void Inverse(ReadOnlySpan<short> coefficients, ReadOnlySpan<int> table, Span<byte> samples)
    {
        Span<int> work = stackalloc int[64];
        Span<int> line = stackalloc int[8];
        for (int x = 0; x < 8; x++)
        {
            for (int y = 0; y < 8; y++) line[y] = coefficients[8 * y + x] * table[8 * y + x];
            Inverse8(line, Fraction - Extra);
            for (int y = 0; y < 8; y++) work[8 * y + x] = line[y];
        }
        for (int y = 0; y < 8; y++)
        {
            work.Slice(8 * y, 8).CopyTo(line);
            Inverse8(line, Fraction + Extra + 3);
            for (int x = 0; x < 8; x++) samples[8 * y + x] = (byte)Math.Clamp(line[x] + 128, 0, 255);
        }
    }

    /// <summary>A constant with 13 bits of fraction.</summary>
    static int Fixed(double value) => (int)Math.Round(value * (1 << Fraction));

    static readonly int C0298 = Fixed(0.298631336), C0390 = Fixed(0.390180644), C0541 = Fixed(0.541196100), C0765 = Fixed(0.765366865), C0899 = Fixed(0.899976223), C1175 = Fixed(1.175875602),
        C1501 = Fixed(1.501321110), C1847 = Fixed(1.847759065), C1961 = Fixed(1.961570560), C2053 = Fixed(2.053119869), C2562 = Fixed(2.562915447), C3072 = Fixed(3.072711026);

    static void Inverse8(Span<int> v, int shift)
    {
        // Even: two rotations.
        int turned = (v[2] + v[6]) * C0541, low = turned - v[6] * C1847, high = turned + v[2] * C0765;
        int sum = (v[0] + v[4]) << Fraction, difference = (v[0] - v[4]) << Fraction;
        int e0 = sum + high, e3 = sum - high, e1 = difference + low, e2 = difference - low;

        // Odd: sums of all pairs share one product.
        int all = (v[7] + v[3] + v[5] + v[1]) * C1175;
        int a = (v[7] + v[1]) * -C0899, b = (v[5] + v[3]) * -C2562, c = (v[7] + v[3]) * -C1961 + all, d = (v[5] + v[1]) * -C0390 + all;
        int o3 = v[7] * C0298 + a + c, o2 = v[5] * C2053 + b + d, o1 = v[3] * C3072 + b + c, o0 = v[1] * C1501 + a + d;

        int half = 1 << (shift - 1);
        (v[0], v[7]) = ((e0 + o0 + half) >> shift, (e0 - o0 + half) >> shift);
        (v[1], v[6]) = ((e1 + o1 + half) >> shift, (e1 - o1 + half) >> shift);
        (v[2], v[5]) = ((e2 + o2 + half) >> shift, (e2 - o2 + half) >> shift);
        (v[3], v[4]) = ((e3 + o3 + half) >> shift, (e3 - o3 + half) >> shift);
    }

    /// <summary>A plane at the picture's size. Twice as many samples come from weights 3/4 and 1/4 of the nearest two, rounded alternately up and down; other factors repeat samples.</summary>
    public static byte[] Widened(byte[] samples, int width, int height, int across, int down, int toWidth, int toHeight)
    {
        bool isSmoothAcross = across == 2 && width > 2, isSmoothDown = down == 2 && (isSmoothAcross || across == 1);
        if (across == 2 && !isSmoothAcross) isSmoothDown = false;
        if (isSmoothAcross && down is not (1 or 2)) isSmoothAcross = false;
        var result = new byte[toWidth * toHeight];
        for (int y = 0; y < toHeight; y++)
        {
            int row = Math.Min(y / down, height - 1);
            int near = Math.Clamp(y % 2 == 0 ? row - 1 : row + 1, 0, height - 1);
            for (int x = 0; x < toWidth; x++)
            {
                int column = Math.Min(x / across, width - 1), value;
                if (!isSmoothAcross) value = isSmoothDown ? (3 * At(row, column) + At(near, column) + (y % 2 == 0 ? 1 : 2)) >> 2 : At(row, column);
                else
                {
                    int beside = Math.Clamp(x % 2 == 0 ? column - 1 : column + 1, 0, width - 1);
                    bool isEdge = beside == column;
                    if (isSmoothDown)
                    {
                        int here = 3 * At(row, column) + At(near, column), other = 3 * At(row, beside) + At(near, beside);
                        value = (3 * here + other + (x % 2 == 0 ? 8 : 7)) >> 4;
                    }
                    else value = isEdge ? At(row, column) : (3 * At(row, column) + At(row, beside) + (x % 2 == 0 ? 1 : 2)) >> 2;
                }
                result[y * toWidth + x] = (byte)value;
            }
        }
        return result;

        int At(int y, int x) => samples[y * width + x];
    }

    /// <summary>ITU-R 601 with full range (JFIF 1.02), in 16-bit fixed point; the chrominances are around 0.</summary>
    public static void ToColour(int y, int blue, int red, Span<byte> to)
    {
        const int Half = 1 << 15;
        to[0] = (byte)Math.Clamp(y + ((91881 * red + Half) >> 16), 0, 255);
        to[1] = (byte)Math.Clamp(y + ((-22554 * blue - 46802 * red + Half) >> 16), 0, 255);
        to[2] = (byte)Math.Clamp(y + ((116130 * blue + Half) >> 16), 0, 255);
    }
}
