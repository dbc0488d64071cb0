using System.Buffers.Binary;

namespace Ingot.Formats.Quantization;

// Blocks of 32 values with one scale, and in the _1 formats a minimum. Byte j of the nibbles holds value j low and value j + 16 high.
// Encoding repeats the arithmetic of ggml's reference step by step (float32, one rounding each), for the same bytes.

/// <summary>value = scale * (q - 8), q of 4 bits.</summary>
readonly struct Q4_0Codec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = HalfScale.Read(block);
        var q = block.Slice(2, 16);
        for (int j = 0; j < 16; j++)
        {
            values[j] = ((q[j] & 15) - 8) * scale;
            values[j + 16] = ((q[j] >> 4) - 8) * scale;
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float scale = SmallBlocks.Largest(values) / -8, inverse = HalfScale.Inverse(scale);
        HalfScale.Write(block, scale);
        for (int j = 0; j < 16; j++) block[2 + j] = (byte)(SmallBlocks.Level(values[j] * inverse + 8.5f, 15) | SmallBlocks.Level(values[j + 16] * inverse + 8.5f, 15) << 4);
    }
}

/// <summary>value = scale * q + minimum, q of 4 bits.</summary>
readonly struct Q4_1Codec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = HalfScale.Read(block), minimum = HalfScale.Read(block[2..]);
        var q = block.Slice(4, 16);
        for (int j = 0; j < 16; j++)
        {
            values[j] = (q[j] & 15) * scale + minimum;
            values[j + 16] = (q[j] >> 4) * scale + minimum;
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        var (minimum, maximum) = SmallBlocks.Range(values);
        float scale = (maximum - minimum) / 15, inverse = HalfScale.Inverse(scale);
        HalfScale.Write(block, scale);
        HalfScale.Write(block[2..], minimum);
        for (int j = 0; j < 16; j++)
            block[4 + j] = (byte)(SmallBlocks.Level((values[j] - minimum) * inverse + 0.5f, 15) | SmallBlocks.Level((values[j + 16] - minimum) * inverse + 0.5f, 15) << 4);
    }
}

/// <summary>value = scale * (q - 16), q of 5 bits; the fifth bits of all values stand together.</summary>
readonly struct Q5_0Codec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = HalfScale.Read(block);
        uint high = BinaryPrimitives.ReadUInt32LittleEndian(block[2..]);
        var q = block.Slice(6, 16);
        for (int j = 0; j < 16; j++)
        {
            values[j] = ((q[j] & 15 | (int)(high >> j << 4) & 16) - 16) * scale;
            values[j + 16] = ((q[j] >> 4 | (int)(high >> (j + 12)) & 16) - 16) * scale;
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float scale = SmallBlocks.Largest(values) / -16, inverse = HalfScale.Inverse(scale);
        HalfScale.Write(block, scale);
        uint high = 0;
        for (int j = 0; j < 16; j++)
        {
            int a = SmallBlocks.Level(values[j] * inverse + 16.5f, 31), b = SmallBlocks.Level(values[j + 16] * inverse + 16.5f, 31);
            block[6 + j] = (byte)(a & 15 | (b & 15) << 4);
            high |= (uint)(a >> 4) << j | (uint)(b >> 4) << (j + 16);
        }
        BinaryPrimitives.WriteUInt32LittleEndian(block[2..], high);
    }
}

/// <summary>value = scale * q + minimum, q of 5 bits.</summary>
readonly struct Q5_1Codec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = HalfScale.Read(block), minimum = HalfScale.Read(block[2..]);
        uint high = BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);
        var q = block.Slice(8, 16);
        for (int j = 0; j < 16; j++)
        {
            values[j] = (q[j] & 15 | (int)(high >> j << 4) & 16) * scale + minimum;
            values[j + 16] = (q[j] >> 4 | (int)(high >> (j + 12)) & 16) * scale + minimum;
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        var (minimum, maximum) = SmallBlocks.Range(values);
        float scale = (maximum - minimum) / 31, inverse = HalfScale.Inverse(scale);
        HalfScale.Write(block, scale);
        HalfScale.Write(block[2..], minimum);
        uint high = 0;
        for (int j = 0; j < 16; j++)
        {
            int a = SmallBlocks.Level((values[j] - minimum) * inverse + 0.5f, 31), b = SmallBlocks.Level((values[j + 16] - minimum) * inverse + 0.5f, 31);
            block[8 + j] = (byte)(a & 15 | (b & 15) << 4);
            high |= (uint)(a >> 4) << j | (uint)(b >> 4) << (j + 16);
        }
        BinaryPrimitives.WriteUInt32LittleEndian(block[4..], high);
    }
}

/// <summary>value = scale * q, q of 8 bits with a sign.</summary>
readonly struct Q8_0Codec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = HalfScale.Read(block);
        var q = block.Slice(2, 32);
        for (int j = 0; j < 32; j++) values[j] = (sbyte)q[j] * scale;
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        float scale = MathF.Abs(SmallBlocks.Largest(values)) / 127, inverse = HalfScale.Inverse(scale);
        HalfScale.Write(block, scale);
        for (int j = 0; j < 32; j++) block[2 + j] = (byte)(sbyte)MathF.Round(values[j] * inverse, MidpointRounding.AwayFromZero); // C's roundf
    }
}

/// <summary>What the encoders of small blocks share.</summary>
static class SmallBlocks
{
    /// <summary>The value of the largest magnitude with its sign, the first of several.</summary>
    public static float Largest(ReadOnlySpan<float> values)
    {
        float largest = 0, magnitude = 0;
        foreach (float v in values)
            if (MathF.Abs(v) > magnitude) (largest, magnitude) = (v, MathF.Abs(v));
        return largest;
    }

    public static (float Minimum, float Maximum) Range(ReadOnlySpan<float> values)
    {
        float low = float.MaxValue, high = -float.MaxValue;
        foreach (float v in values)
        {
            if (v < low) low = v;
            if (v > high) high = v;
        }
        return (low, high);
    }

    /// <summary>Cuts the fraction off, as C does; what rounding has carried above the last level stays on it.</summary>
    public static int Level(float v, int last) => Math.Clamp((int)v, 0, last);
}
