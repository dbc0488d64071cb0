using System.Buffers.Binary;

namespace Ingot.Llm.Compression;

/// <summary>Arithmetic coding of symbols with whole-number frequencies, a byte of output at a time.</summary>
/// <remarks>
/// Martin 1979, "Range encoding"; 64 bits, carries go back into what is written. The range is 2^56 at least, so that totals up to 2^48 cost less than
/// 0.006 bits a symbol in rounding, and those met in practice (2^31) nothing to speak of.
/// </remarks>
sealed class RangeEncoder
{
    /// <summary>Below it a byte is put out.</summary>
    internal const ulong Least = 1UL << 56;

    byte[] bytes = new byte[1024];
    int count;
    ulong low, range = ulong.MaxValue;

    /// <param name="below">Sum of the frequencies of the symbols before this one.</param>
    /// <param name="frequency">Of this symbol; at least 1.</param>
    /// <param name="total">Of all symbols, at most 2^48.</param>
    public void Encode(ulong below, ulong frequency, ulong total)
    {
        ulong unit = range / total;
        Add(unit * below);
        range = unit * frequency;
        for (; range < Least; range <<= 8, low <<= 8) Put((byte)(low >> 56));
    }

    /// <summary>All that the decoder needs; it reads zeros behind the end.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        // The multiple of 2^56 at or above low is within the range, which is at least as long.
        Add(Least - 1);
        Put((byte)(low >> 56));
        while (count > 0 && bytes[count - 1] == 0) count--;
        return bytes.AsSpan(0, count);
    }

    void Add(ulong offset)
    {
        low += offset;
        if (low >= offset) return;
        int at = count - 1;
        while (++bytes[at] == 0) at--;
    }

    void Put(byte value)
    {
        if (count == bytes.Length) Array.Resize(ref bytes, 2 * count);
        bytes[count++] = value;
    }
}

/// <summary>Reads what <see cref="RangeEncoder"/> wrote, asked with the same frequencies.</summary>
sealed class RangeDecoder
{
    readonly ReadOnlyMemory<byte> bytes;
    int at;
    ulong code, range = ulong.MaxValue, unit;

    public RangeDecoder(ReadOnlyMemory<byte> bytes)
    {
        this.bytes = bytes;
        Span<byte> first = stackalloc byte[8];
        bytes.Span[..Math.Min(8, bytes.Length)].CopyTo(first);
        (code, at) = (BinaryPrimitives.ReadUInt64BigEndian(first), 8);
    }

    /// <summary>A number within the symbol's share of the total: from the sum of the frequencies before it to that with its own.</summary>
    public ulong Peek(ulong total)
    {
        unit = range / total;
        return Math.Min(code / unit, total - 1);
    }

    /// <summary>Goes on behind the symbol that <see cref="Peek"/> pointed at.</summary>
    public void Take(ulong below, ulong frequency)
    {
        code -= unit * below;
        range = unit * frequency;
        for (; range < RangeEncoder.Least; range <<= 8, at++) code = code << 8 | (at < bytes.Length ? bytes.Span[at] : 0u);
    }
}
