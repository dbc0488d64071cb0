using System.Runtime.InteropServices;

namespace Ingot.Formats.Quantization;

/// <summary>16-bit floats to and from float32. Narrowing rounds to nearest, ties to even; NaN stays NaN.</summary>
static class FloatConversions
{
    public static void HalfToSingle(ReadOnlySpan<byte> from, Span<float> to)
    {
        var halves = MemoryMarshal.Cast<byte, Half>(from);
        for (int i = 0; i < to.Length; i++) to[i] = (float)halves[i];
    }

    public static void SingleToHalf(ReadOnlySpan<float> from, Span<byte> to)
    {
        var halves = MemoryMarshal.Cast<byte, Half>(to);
        for (int i = 0; i < from.Length; i++) halves[i] = (Half)from[i];
    }

    public static void BFloat16ToSingle(ReadOnlySpan<byte> from, Span<float> to)
    {
        var bits = MemoryMarshal.Cast<byte, ushort>(from);
        var wide = MemoryMarshal.Cast<float, uint>(to);
        for (int i = 0; i < wide.Length; i++) wide[i] = (uint)bits[i] << 16;
    }

    public static void SingleToBFloat16(ReadOnlySpan<float> from, Span<byte> to)
    {
        var wide = MemoryMarshal.Cast<float, uint>(from);
        var bits = MemoryMarshal.Cast<byte, ushort>(to);
        for (int i = 0; i < wide.Length; i++)
        {
            uint v = wide[i];
            // Half of the last kept bit, or a little less where that bit is even. A NaN's low bits could be carried away: it gets the quiet bit instead.
            bits[i] = (ushort)((v & 0x7fff_ffff) > 0x7f80_0000 ? (v >> 16) | 0x40 : (v + 0x7fff + ((v >> 16) & 1)) >> 16);
        }
    }
}
