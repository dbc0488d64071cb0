using System.Runtime.InteropServices;
using Ingot.Runtime;

namespace Ingot.Formats.Quantization;

/// <summary>Decodes and encodes every element type of GGUF that Ingot knows; all numbers pass through float32.</summary>
/// <remarks>The formats are those of ggml (ggml-common.h); the simple ones (Q4_0 to Q8_0) encode to the same bytes as its reference code, the others by searches of our own.</remarks>
public static class BlockFormats
{
    /// <summary>The types that can be decoded and encoded.</summary>
    public static IReadOnlyList<GgmlType> Decodable { get; } = [.. Enum.GetValues<GgmlType>().Where(CanDecode)];

    public static bool CanDecode(GgmlType type) => type.DType is not null || type is GgmlType.Q4_0 or GgmlType.Q4_1 or GgmlType.Q5_0 or GgmlType.Q5_1 or GgmlType.Q8_0
        or GgmlType.Q2_K or GgmlType.Q3_K or GgmlType.Q4_K or GgmlType.Q5_K or GgmlType.Q6_K or GgmlType.IQ4_NL or GgmlType.IQ4_XS or GgmlType.TQ1_0 or GgmlType.TQ2_0 or GgmlType.MXFP4;

    /// <summary>Blocks to numbers.</summary>
    /// <param name="type">The blocks' format.</param>
    /// <param name="blocks">Whole blocks.</param>
    /// <param name="values">As many values as the blocks have.</param>
    /// <exception cref="IngotException">The lengths do not fit together, or the format is not known.</exception>
    public static void Decode(GgmlType type, ReadOnlySpan<byte> blocks, Span<float> values)
    {
        Check(type, values.Length, blocks.Length);
        switch (type)
        {
            case GgmlType.F32: MemoryMarshal.Cast<byte, float>(blocks).CopyTo(values); break;
            case GgmlType.F16: FloatConversions.HalfToSingle(blocks, values); break;
            case GgmlType.BF16: FloatConversions.BFloat16ToSingle(blocks, values); break;
            case GgmlType.F64: Convert<double>(blocks, values, v => (float)v); break;
            case GgmlType.I8: Convert<sbyte>(blocks, values, v => v); break;
            case GgmlType.I16: Convert<short>(blocks, values, v => v); break;
            case GgmlType.I32: Convert<int>(blocks, values, v => v); break;
            case GgmlType.I64: Convert<long>(blocks, values, v => v); break;
            case GgmlType.Q4_0: Each<Q4_0Codec>(type, blocks, values); break;
            case GgmlType.Q4_1: Each<Q4_1Codec>(type, blocks, values); break;
            case GgmlType.Q5_0: Each<Q5_0Codec>(type, blocks, values); break;
            case GgmlType.Q5_1: Each<Q5_1Codec>(type, blocks, values); break;
            case GgmlType.Q8_0: Each<Q8_0Codec>(type, blocks, values); break;
            case GgmlType.Q2_K: Each<Q2KCodec>(type, blocks, values); break;
            case GgmlType.Q3_K: Each<Q3KCodec>(type, blocks, values); break;
            case GgmlType.Q4_K: Each<Q4KCodec>(type, blocks, values); break;
            case GgmlType.Q5_K: Each<Q5KCodec>(type, blocks, values); break;
            case GgmlType.Q6_K: Each<Q6KCodec>(type, blocks, values); break;
            case GgmlType.IQ4_NL: Each<Iq4NlCodec>(type, blocks, values); break;
            case GgmlType.IQ4_XS: Each<Iq4XsCodec>(type, blocks, values); break;
            case GgmlType.TQ1_0: Each<Tq1Codec>(type, blocks, values); break;
            case GgmlType.TQ2_0: Each<Tq2Codec>(type, blocks, values); break;
            case GgmlType.MXFP4: Each<Mxfp4Codec>(type, blocks, values); break;
            default: throw Unknown(type);
        }
    }

    /// <summary>Blocks to float32, of any number: by all cores, in pieces.</summary>
    /// <exception cref="IngotException">As above.</exception>
    public static void Decode(GgmlType type, Storage blocks, Storage values)
    {
        long count = values.Bytes / sizeof(float);
        if (type.BytesOf(count) != blocks.Bytes || count % type.BlockLength != 0) throw Mismatch(type, count, blocks.Bytes);
        InPieces(count, (at, n) => Decode(type, blocks.Span<byte>(type.BytesOf(at), (int)type.BytesOf(n)), values.Span<float>(at, n)));
        GC.KeepAlive(blocks);
        GC.KeepAlive(values);
    }

    /// <summary>Numbers to blocks.</summary>
    /// <param name="type">The format to make.</param>
    /// <param name="values">Whole blocks' worth of finite values; plain float types take any.</param>
    /// <param name="blocks">As many bytes as they take.</param>
    /// <exception cref="IngotException">The lengths do not fit together, the format is not known, or a value to be quantized is not finite.</exception>
    public static void Encode(GgmlType type, ReadOnlySpan<float> values, Span<byte> blocks)
    {
        Check(type, values.Length, blocks.Length);
        if (type.IsQuantized) CheckFinite(type, values);
        switch (type)
        {
            case GgmlType.F32: values.CopyTo(MemoryMarshal.Cast<byte, float>(blocks)); break;
            case GgmlType.F16: FloatConversions.SingleToHalf(values, blocks); break;
            case GgmlType.BF16: FloatConversions.SingleToBFloat16(values, blocks); break;
            case GgmlType.F64: Convert<double>(values, blocks, v => v); break;
            case GgmlType.I8: Convert<sbyte>(values, blocks, v => (sbyte)MathF.Round(v)); break;
            case GgmlType.I16: Convert<short>(values, blocks, v => (short)MathF.Round(v)); break;
            case GgmlType.I32: Convert<int>(values, blocks, v => (int)MathF.Round(v)); break;
            case GgmlType.I64: Convert<long>(values, blocks, v => (long)MathF.Round(v)); break;
            case GgmlType.Q4_0: Each<Q4_0Codec>(type, values, blocks); break;
            case GgmlType.Q4_1: Each<Q4_1Codec>(type, values, blocks); break;
            case GgmlType.Q5_0: Each<Q5_0Codec>(type, values, blocks); break;
            case GgmlType.Q5_1: Each<Q5_1Codec>(type, values, blocks); break;
            case GgmlType.Q8_0: Each<Q8_0Codec>(type, values, blocks); break;
            case GgmlType.Q2_K: Each<Q2KCodec>(type, values, blocks); break;
            case GgmlType.Q3_K: Each<Q3KCodec>(type, values, blocks); break;
            case GgmlType.Q4_K: Each<Q4KCodec>(type, values, blocks); break;
            case GgmlType.Q5_K: Each<Q5KCodec>(type, values, blocks); break;
            case GgmlType.Q6_K: Each<Q6KCodec>(type, values, blocks); break;
            case GgmlType.IQ4_NL: Each<Iq4NlCodec>(type, values, blocks); break;
            case GgmlType.IQ4_XS: Each<Iq4XsCodec>(type, values, blocks); break;
            case GgmlType.TQ1_0: Each<Tq1Codec>(type, values, blocks); break;
            case GgmlType.TQ2_0: Each<Tq2Codec>(type, values, blocks); break;
            case GgmlType.MXFP4: Each<Mxfp4Codec>(type, values, blocks); break;
            default: throw Unknown(type);
        }
    }

    /// <summary>Float32 to blocks, of any number: by all cores, in pieces.</summary>
    /// <exception cref="IngotException">As above.</exception>
    public static void Encode(GgmlType type, Storage values, Storage blocks)
    {
        long count = values.Bytes / sizeof(float);
        if (type.BytesOf(count) != blocks.Bytes || count % type.BlockLength != 0) throw Mismatch(type, count, blocks.Bytes);
        InPieces(count, (at, n) => Encode(type, values.Span<float>(at, n), blocks.Span<byte>(type.BytesOf(at), (int)type.BytesOf(n))));
        GC.KeepAlive(blocks);
        GC.KeepAlive(values);
    }

    /// <summary>64 Ki values are a multiple of every block, enough to hide the cost of handing them out, and few enough for the cache.</summary>
    static void InPieces(long count, Action<long, int> work)
    {
        const int Piece = 1 << 16;
        try
        {
            Parallel.For(0, (count + Piece - 1) / Piece, i => work(i * Piece, (int)Math.Min(Piece, count - i * Piece)));
        }
        catch (AggregateException e) when (e.InnerException is IngotException inner)
        {
            throw new IngotException(inner.Message, e);
        }
    }

    static void Each<T>(GgmlType type, ReadOnlySpan<byte> blocks, Span<float> values) where T : struct, IBlockCodec
    {
        int length = type.BlockLength, bytes = type.BlockBytes;
        for (; values.Length > 0; values = values[length..], blocks = blocks[bytes..]) T.Decode(blocks[..bytes], values[..length]);
    }

    static void Each<T>(GgmlType type, ReadOnlySpan<float> values, Span<byte> blocks) where T : struct, IBlockCodec
    {
        int length = type.BlockLength, bytes = type.BlockBytes;
        for (; values.Length > 0; values = values[length..], blocks = blocks[bytes..]) T.Encode(values[..length], blocks[..bytes]);
    }

    static void Convert<T>(ReadOnlySpan<byte> from, Span<float> to, Func<T, float> number) where T : unmanaged
    {
        var numbers = MemoryMarshal.Cast<byte, T>(from);
        for (int i = 0; i < to.Length; i++) to[i] = number(numbers[i]);
    }

    static void Convert<T>(ReadOnlySpan<float> from, Span<byte> to, Func<float, T> number) where T : unmanaged
    {
        var numbers = MemoryMarshal.Cast<byte, T>(to);
        for (int i = 0; i < from.Length; i++) numbers[i] = number(from[i]);
    }

    static void CheckFinite(GgmlType type, ReadOnlySpan<float> values)
    {
        float zero = 0;
        foreach (float v in values) zero += v * 0; // infinity * 0 and NaN * 0 are NaN, and stay so in a sum
        if (zero == 0) return;
        int i = 0;
        while (float.IsFinite(values[i])) i++;
        throw new IngotException($"cannot quantize to {type}: value {i} of {values.Length} is {values[i]}; the tensor holds numbers that are not finite");
    }

    static void Check(GgmlType type, int count, int bytes)
    {
        if (!CanDecode(type)) throw Unknown(type);
        if (count % type.BlockLength != 0 || type.BytesOf(count) != bytes) throw Mismatch(type, count, bytes);
    }

    static IngotException Mismatch(GgmlType type, long count, long bytes) =>
        new($"{count} values and {bytes} bytes do not fit together as {type}, which keeps {type.BlockLength} values in {type.BlockBytes} bytes");

    static IngotException Unknown(GgmlType type) => new($"no codec for the type {type}; known are {string.Join(", ", Decodable)}");
}
