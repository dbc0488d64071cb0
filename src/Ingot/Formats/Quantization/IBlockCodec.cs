using System.Buffers.Binary;

namespace Ingot.Formats.Quantization;

/// <summary>How one block of a quantized format becomes numbers and back. Implemented by empty structs, so that the loop over blocks is written once and costs nothing.</summary>
interface IBlockCodec
{
    /// <param name="block">Exactly one block.</param>
    /// <param name="values">Exactly as many values as the format has in a block.</param>
    static abstract void Decode(ReadOnlySpan<byte> block, Span<float> values);

    /// <param name="values">Finite numbers, as many as the format has in a block.</param>
    /// <param name="block">Exactly one block; overwritten whole.</param>
    static abstract void Encode(ReadOnlySpan<float> values, Span<byte> block);
}

/// <summary>The 16-bit floats in which blocks keep their scales.</summary>
static class HalfScale
{
    public static float Read(ReadOnlySpan<byte> at) => (float)BinaryPrimitives.ReadHalfLittleEndian(at);

    public static void Write(Span<byte> at, float scale) => BinaryPrimitives.WriteHalfLittleEndian(at, (Half)scale);

    /// <summary>Writes the scale and returns what a reader will see, which is what the values must be divided by.</summary>
    public static float Round(Span<byte> at, float scale)
    {
        Write(at, scale);
        return Read(at);
    }

    public static float Inverse(float scale) => scale == 0 ? 0 : 1 / scale;
}
