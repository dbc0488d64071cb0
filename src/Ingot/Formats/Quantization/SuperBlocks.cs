namespace Ingot.Formats.Quantization;

// Super-blocks of 256 values ("K-quants"): parts of 16 or 32 values have integer scales, and the super-block the unit of these as a 16-bit float.
// The formats with a minimum keep it the same way: value = unit * scale * q - minimumUnit * minimum.

/// <summary>q of 2 bits; 16 parts with scale and minimum of 4 bits in a byte. Bytes: 16 of scales, 64 of q, the two units.</summary>
readonly struct Q2KCodec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float unit = HalfScale.Read(block[80..]), minimumUnit = HalfScale.Read(block[82..]);
        for (int part = 0; part < 16; part++)
        {
            float step = unit * (block[part] & 15), shift = minimumUnit * (block[part] >> 4);
            var (at, bit) = TwoBits.Place(part);
            var q = block.Slice(16, 64).Slice(at, 16);
            var to = values.Slice(16 * part, 16);
            for (int j = 0; j < 16; j++) to[j] = step * (q[j] >> bit & 3) - shift;
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> scales = stackalloc byte[16], minima = stackalloc byte[16], levels = stackalloc byte[256];
        SuperBlockSearch.Affine(values, 16, top: 3, topScale: 15, scales, minima, levels, block[80..]);
        for (int part = 0; part < 16; part++) block[part] = (byte)(scales[part] | minima[part] << 4);
        TwoBits.Write(levels, block.Slice(16, 64));
    }
}

/// <summary>q of 3 bits with a sign; 16 parts with a scale of 6 bits with a sign. Bytes: 32 of third bits, 64 of two bits, 12 of scales, the unit.</summary>
/// <remarks>A third bit that is set means that 4 is not to be subtracted.</remarks>
readonly struct Q3KCodec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float unit = HalfScale.Read(block[108..]);
        var scales = block.Slice(96, 12);
        for (int part = 0; part < 16; part++)
        {
            int scale = (part < 8 ? scales[part] & 15 : scales[part - 8] >> 4) | (scales[8 + part % 4] >> 2 * (part / 4) & 3) << 4;
            float step = unit * (scale - 32);
            var (at, bit) = TwoBits.Place(part);
            var q = block.Slice(32, 64).Slice(at, 16);
            var third = block.Slice(part % 2 * 16, 16);
            var to = values.Slice(16 * part, 16);
            for (int j = 0; j < 16; j++) to[j] = step * ((q[j] >> bit & 3) - (~third[j] >> part / 2 & 1) * 4);
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<sbyte> scales = stackalloc sbyte[16], levels = stackalloc sbyte[256];
        Span<byte> low = stackalloc byte[256];
        block.Clear();
        SuperBlockSearch.Symmetric(values, 16, low: -4, lowScale: -32, scales, levels, block[108..]);
        for (int part = 0; part < 16; part++)
        {
            int s = scales[part] + 32;
            block[96 + part % 8] |= (byte)((s & 15) << (part < 8 ? 0 : 4));
            block[104 + part % 4] |= (byte)(s >> 4 << 2 * (part / 4));
        }
        for (int i = 0; i < 256; i++)
        {
            low[i] = (byte)(levels[i] & 3);
            if (levels[i] >= 0) block[i % 32] |= (byte)(1 << i / 32);
        }
        TwoBits.Write(low, block.Slice(32, 64));
    }
}

/// <summary>q of 4 bits; 8 parts with scale and minimum of 6 bits. Bytes: the two units, 12 of scales, 128 of q.</summary>
readonly struct Q4KCodec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float unit = HalfScale.Read(block), minimumUnit = HalfScale.Read(block[2..]);
        for (int part = 0; part < 8; part++)
        {
            var (scale, minimum) = SixBits.Read(block.Slice(4, 12), part);
            float step = unit * scale, shift = minimumUnit * minimum;
            var q = block.Slice(16 + part / 2 * 32, 32);
            var to = values.Slice(32 * part, 32);
            int bit = part % 2 * 4;
            for (int j = 0; j < 32; j++) to[j] = step * (q[j] >> bit & 15) - shift;
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> scales = stackalloc byte[8], minima = stackalloc byte[8], levels = stackalloc byte[256];
        SuperBlockSearch.Affine(values, 32, top: 15, topScale: 63, scales, minima, levels, block);
        SixBits.Write(scales, minima, block.Slice(4, 12));
        for (int i = 0; i < 128; i++) block[16 + i] = (byte)(levels[i / 32 * 64 + i % 32] | levels[i / 32 * 64 + 32 + i % 32] << 4);
    }
}

/// <summary>As Q4_K with a fifth bit: 32 bytes of them after the scales, bit p of byte j for value j of part p.</summary>
readonly struct Q5KCodec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float unit = HalfScale.Read(block), minimumUnit = HalfScale.Read(block[2..]);
        var fifth = block.Slice(16, 32);
        for (int part = 0; part < 8; part++)
        {
            var (scale, minimum) = SixBits.Read(block.Slice(4, 12), part);
            float step = unit * scale, shift = minimumUnit * minimum;
            var q = block.Slice(48 + part / 2 * 32, 32);
            var to = values.Slice(32 * part, 32);
            int bit = part % 2 * 4;
            for (int j = 0; j < 32; j++) to[j] = step * (q[j] >> bit & 15 | (fifth[j] >> part & 1) << 4) - shift;
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<byte> scales = stackalloc byte[8], minima = stackalloc byte[8], levels = stackalloc byte[256];
        SuperBlockSearch.Affine(values, 32, top: 31, topScale: 63, scales, minima, levels, block);
        SixBits.Write(scales, minima, block.Slice(4, 12));
        block.Slice(16, 32).Clear();
        for (int i = 0; i < 256; i++) block[16 + i % 32] |= (byte)(levels[i] >> 4 << i / 32);
        for (int i = 0; i < 128; i++) block[48 + i] = (byte)(levels[i / 32 * 64 + i % 32] & 15 | (levels[i / 32 * 64 + 32 + i % 32] & 15) << 4);
    }
}

/// <summary>q of 6 bits with a sign; 16 parts with a scale of 8 bits. Bytes: 128 of four bits, 64 of two bits, 16 of scales, the unit.</summary>
readonly struct Q6KCodec : IBlockCodec
{
    public static void Decode(ReadOnlySpan<byte> block, Span<float> values)
    {
        float unit = HalfScale.Read(block[208..]);
        for (int part = 0; part < 16; part++)
        {
            float step = unit * (sbyte)block[192 + part];
            int fourBit = part % 8 / 4 * 4; // of each half, the first 64 values have the low nibbles
            var four = block.Slice(part / 8 * 64 + part % 4 * 16, 16);
            var (atTwo, twoBit) = TwoBits.Place(part);
            var two = block.Slice(128, 64).Slice(atTwo, 16);
            var to = values.Slice(16 * part, 16);
            for (int j = 0; j < 16; j++) to[j] = step * ((four[j] >> fourBit & 15 | (two[j] >> twoBit & 3) << 4) - 32);
        }
    }

    public static void Encode(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<sbyte> scales = stackalloc sbyte[16], levels = stackalloc sbyte[256];
        Span<byte> high = stackalloc byte[256];
        block.Clear();
        SuperBlockSearch.Symmetric(values, 16, low: -32, lowScale: -128, scales, levels, block[208..]);
        for (int part = 0; part < 16; part++)
        {
            block[192 + part] = (byte)scales[part];
            int at = part / 8 * 64 + part % 4 * 16, bit = part % 8 / 4 * 4;
            for (int j = 0; j < 16; j++)
            {
                int q = levels[16 * part + j] + 32;
                block[at + j] |= (byte)((q & 15) << bit);
                high[16 * part + j] = (byte)(q >> 4);
            }
        }
        TwoBits.Write(high, block.Slice(128, 64));
    }
}

/// <summary>256 times two bits in 64 bytes: each half of the values has 32 bytes, whose lowest bits are its first 32 values, and so on.</summary>
static class TwoBits
{
    /// <summary>Where the 16 values of a part are: the first of 16 bytes, and the bit in each.</summary>
    public static (int Byte, int Bit) Place(int part) => (part / 8 * 32 + part % 2 * 16, part % 8 / 2 * 2);

    public static void Write(ReadOnlySpan<byte> levels, Span<byte> bytes)
    {
        for (int j = 0; j < 32; j++)
            for (int half = 0; half < 2; half++)
            {
                var l = levels[(128 * half + j)..];
                bytes[32 * half + j] = (byte)(l[0] | l[32] << 2 | l[64] << 4 | l[96] << 6);
            }
    }
}

/// <summary>Eight scales and eight minima of six bits in 12 bytes: the first four of each have the low bits of bytes 0 to 7, the others nibbles of bytes 8 to 11 and the two bits left over above.</summary>
static class SixBits
{
    public static (int Scale, int Minimum) Read(ReadOnlySpan<byte> bytes, int part) => part < 4
        ? (bytes[part] & 63, bytes[part + 4] & 63)
        : (bytes[part + 4] & 15 | bytes[part - 4] >> 6 << 4, bytes[part + 4] >> 4 | bytes[part] >> 6 << 4);

    public static void Write(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minima, Span<byte> bytes)
    {
        for (int i = 0; i < 4; i++)
        {
            bytes[i] = (byte)(scales[i] | scales[i + 4] >> 4 << 6);
            bytes[i + 4] = (byte)(minima[i] | minima[i + 4] >> 4 << 6);
            bytes[i + 8] = (byte)(scales[i + 4] & 15 | (minima[i + 4] & 15) << 4);
        }
    }
}
