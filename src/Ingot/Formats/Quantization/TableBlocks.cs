using System.Buffers.Binary;

namespace Ingot.Formats.Quantization;

// 4-bit blocks whose levels are not evenly spaced: q picks from a table of 16, denser near zero, where weights are.

/// <summary>Blocks of 32: value = scale * table[q].</summary>
readonly struct Iq4NlCodec : IBlockCodec
{
    public static ReadOnlySpan<sbyte> Levels => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values) => TableLevels.Decode(Levels, HalfScale.Read(block), block.Slice(2, 16), values);

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float scale = HalfScale.Round(block, TableLevels.BestScale(Levels, values));
        TableLevels.Encode(Levels, scale, values, block.Slice(2, 16));
    }
}

/// <summary>Eight times 32 values with a scale of 6 bits each: value = scale * (s - 32) * table[q].</summary>
readonly struct Iq4XsCodec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = HalfScale.Read(block);
        int high = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        for (int i = 0; i < 8; i++)
        {
            int s = block[4 + i / 2] >> 4 * (i % 2) & 15 | (high >> 2 * i & 3) << 4;
            TableLevels.Decode(Iq4NlCodec.Levels, scale * (s - 32), block.Slice(8 + 16 * i, 16), values.Slice(32 * i, 32));
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<float> scales = stackalloc float[8];
        for (int i = 0; i < 8; i++) scales[i] = TableLevels.BestScale(Iq4NlCodec.Levels, values.Slice(32 * i, 32));
        // The largest takes -32, the level that has no counterpart: one more step of resolution for all.
        float scale = HalfScale.Round(block, SmallBlocks.Largest(scales) / -32), inverse = HalfScale.Inverse(scale);
        int high = 0;
        block[4..8].Clear();
        for (int i = 0; i < 8; i++)
        {
            int s = Math.Clamp((int)MathF.Round(scales[i] * inverse), -32, 31) + 32;
            block[4 + i / 2] |= (byte)((s & 15) << 4 * (i % 2));
            high |= s >> 4 << 2 * i;
            TableLevels.Encode(Iq4NlCodec.Levels, scale * (s - 32), values.Slice(32 * i, 32), block.Slice(8 + 16 * i, 16));
        }
        BinaryPrimitives.WriteUInt16LittleEndian(block[2..], (ushort)high);
    }
}

/// <summary>Blocks of 32 four-bit floats (E2M1) with a power of two as their scale, in one byte (E8M0).</summary>
/// <remarks>OCP Microscaling Formats 1.0; the table holds twice the values, and so the scale is half.</remarks>
readonly struct Mxfp4Codec : IBlockCodec
{
    static ReadOnlySpan<sbyte> Levels => [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    public static void Decode(ReadOnlySpan<byte> block, Span<float> values) => TableLevels.Decode(Levels, HalfPower(block[0]), block.Slice(1, 16), values);

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float largest = MathF.Abs(SmallBlocks.Largest(values));
        // The exponent at which 6, the largest level, is just reached, and its neighbours: clipping the largest value a little can pay for the others.
        int guess = largest == 0 ? 0 : Math.ILogB(largest) - 2 + 127, best = 0;
        double least = double.PositiveInfinity;
        for (int e = Math.Clamp(guess - 1, 0, 254); e <= Math.Clamp(guess + 1, 0, 254); e++)
        {
            double error = TableLevels.Error(Levels, HalfPower(e), values);
            if (error < least) (least, best) = (error, e);
        }
        block[0] = (byte)best;
        TableLevels.Encode(Levels, HalfPower(best), values, block.Slice(1, 16));
    }

    /// <summary>2^(e - 128); the two smallest are subnormal.</summary>
    static float HalfPower(int e) => BitConverter.Int32BitsToSingle(e < 2 ? 0x0020_0000 << e : e - 1 << 23);
}

/// <summary>What formats with a table of levels share.</summary>
static class TableLevels
{
    public static void Decode(ReadOnlySpan<sbyte> levels, float scale, ReadOnlySpan<byte> q, Span<float> values)
    {
        for (int j = 0; j < 16; j++)
        {
            values[j] = scale * levels[q[j] & 15];
            values[j + 16] = scale * levels[q[j] >> 4];
        }
    }

    public static void Encode(ReadOnlySpan<sbyte> levels, float scale, ReadOnlySpan<float> values, Span<byte> q)
    {
        float inverse = HalfScale.Inverse(scale);
        for (int j = 0; j < 16; j++) q[j] = (byte)(Nearest(levels, values[j] * inverse) | Nearest(levels, values[j + 16] * inverse) << 4);
    }

    /// <summary>Sum of squared differences when the values are encoded with this scale.</summary>
    public static double Error(ReadOnlySpan<sbyte> levels, float scale, ReadOnlySpan<float> values)
    {
        float inverse = HalfScale.Inverse(scale);
        double sum = 0;
        foreach (float v in values)
        {
            double d = v - (double)scale * levels[Nearest(levels, v * inverse)];
            sum += d * d;
        }
        return sum;
    }

    /// <summary>
    /// The scale of least squared error among those found from different starts: each start gives the nearest levels, and these give the scale that fits
    /// them best by least squares. Both signs are tried, as the table is not symmetric.
    /// </summary>
    public static float BestScale(ReadOnlySpan<sbyte> levels, ReadOnlySpan<float> values)
    {
        float largest = SmallBlocks.Largest(values), best = 0;
        if (largest == 0) return 0;
        double most = 0;
        for (int sign = -1; sign <= 1; sign += 2)
            for (int step = -9; step <= 9; step++)
            {
                float inverse = sign * (127 + 2 * step) / largest;
                double xq = 0, qq = 0;
                foreach (float v in values)
                {
                    int q = levels[Nearest(levels, v * inverse)];
                    xq += (double)v * q;
                    qq += q * q;
                }
                if (qq > 0 && xq * xq > most * qq) (most, best) = (xq * xq / qq, (float)(xq / qq)); // error = sum of x^2 - (xq)^2 / qq
            }
        return best;
    }

    static int Nearest(ReadOnlySpan<sbyte> levels, float v)
    {
        int best = 0;
        float least = float.PositiveInfinity;
        for (int i = 0; i < 16; i++)
        {
            float d = MathF.Abs(v - levels[i]);
            if (d < least) (least, best) = (d, i);
        }
        return best;
    }
}
