namespace Ingot.Formats;

/// <summary>Element types of GGUF tensors, with the numbers of the file format. Those from Q4_0 on that are no plain numbers are stored in blocks; see <see cref="GgmlTypes"/>.</summary>
/// <remarks>The missing numbers were given to types that ggml has removed again.</remarks>
public enum GgmlType : uint
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    /// <summary>Only for ggml's own intermediate results; like every type below without a codec, a file with it opens, but its tensors of this type do not decode.</summary>
    Q8_1 = 9,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    Q8_K = 15,
    IQ2_XXS = 16,
    IQ2_XS = 17,
    IQ3_XXS = 18,
    IQ1_S = 19,
    IQ4_NL = 20,
    IQ3_S = 21,
    IQ2_S = 22,
    IQ4_XS = 23,
    I8 = 24,
    I16 = 25,
    I32 = 26,
    I64 = 27,
    F64 = 28,
    IQ1_M = 29,
    BF16 = 30,
    TQ1_0 = 34,
    TQ2_0 = 35,
    MXFP4 = 39,
}

/// <summary>Facts about the element types of GGUF: a tensor's rows are cut into blocks of <c>BlockLength</c> values, which take <c>BlockBytes</c> each.</summary>
public static class GgmlTypes
{
    /// <summary>Values in a block of the types with one scale a block.</summary>
    const int Small = 32;

    /// <summary>Values in a block of the types with scales of scales.</summary>
    const int Super = 256;

    extension(GgmlType type)
    {
        /// <summary>Values in a block; 1 for plain numbers. A row's length is a multiple of it.</summary>
        public int BlockLength => Facts(type).Length;

        /// <summary>Bytes of a block.</summary>
        public int BlockBytes => Facts(type).Bytes;

        /// <summary>True for the block formats: not floats or integers that stand for themselves.</summary>
        public bool IsQuantized => Facts(type).Length > 1;

        /// <summary>The dtype of the same numbers; null for block formats.</summary>
        public DType? DType => type switch
        {
            GgmlType.F32 => Ingot.DType.F32,
            GgmlType.F16 => Ingot.DType.F16,
            GgmlType.BF16 => Ingot.DType.BF16,
            GgmlType.F64 => Ingot.DType.F64,
            GgmlType.I8 => Ingot.DType.I8,
            GgmlType.I16 => Ingot.DType.I16,
            GgmlType.I32 => Ingot.DType.I32,
            GgmlType.I64 => Ingot.DType.I64,
            _ => null,
        };

        /// <summary>Bytes of so many values, a multiple of the block's length.</summary>
        public long BytesOf(long values) => checked(values / Facts(type).Length * Facts(type).Bytes);

        /// <summary>Bits a value, scales included.</summary>
        public double BitsPerValue => 8.0 * Facts(type).Bytes / Facts(type).Length;
    }

    /// <summary>True for numbers that name a type of this format.</summary>
    public static bool IsKnown(uint type) => Facts((GgmlType)type).Length > 0;

    /// <summary>The type of plain numbers that holds a dtype's values as they are.</summary>
    /// <exception cref="DTypeException">GGUF has none: bool and the unsigned types.</exception>
    public static GgmlType Of(DType type) => type switch
    {
        Ingot.DType.F32 => GgmlType.F32,
        Ingot.DType.F16 => GgmlType.F16,
        Ingot.DType.BF16 => GgmlType.BF16,
        Ingot.DType.F64 => GgmlType.F64,
        Ingot.DType.I8 => GgmlType.I8,
        Ingot.DType.I16 => GgmlType.I16,
        Ingot.DType.I32 => GgmlType.I32,
        Ingot.DType.I64 => GgmlType.I64,
        _ => throw new DTypeException($"GGUF has no tensors of {type.Name}; convert to a float or a signed integer first"),
    };

    static (int Length, int Bytes) Facts(GgmlType type) => type switch
    {
        GgmlType.I8 => (1, 1),
        GgmlType.F16 or GgmlType.BF16 or GgmlType.I16 => (1, 2),
        GgmlType.F32 or GgmlType.I32 => (1, 4),
        GgmlType.F64 or GgmlType.I64 => (1, 8),
        GgmlType.Q4_0 => (Small, 2 + 16),                // scale; 4 bits each
        GgmlType.Q4_1 => (Small, 2 + 2 + 16),            // scale, minimum; 4 bits
        GgmlType.Q5_0 => (Small, 2 + 4 + 16),            // scale; the fifth bits; 4 bits
        GgmlType.Q5_1 => (Small, 2 + 2 + 4 + 16),
        GgmlType.Q8_0 => (Small, 2 + 32),
        GgmlType.Q8_1 => (Small, 2 + 2 + 32),
        GgmlType.IQ4_NL => (Small, 2 + 16),
        GgmlType.MXFP4 => (Small, 1 + 16),
        GgmlType.Q2_K => (Super, 16 + 64 + 2 + 2),       // scales and minima; 2 bits; their scales
        GgmlType.Q3_K => (Super, 32 + 64 + 12 + 2),      // third bits; 2 bits; scales; their scale
        GgmlType.Q4_K => (Super, 2 + 2 + 12 + 128),
        GgmlType.Q5_K => (Super, 2 + 2 + 12 + 32 + 128),
        GgmlType.Q6_K => (Super, 128 + 64 + 16 + 2),
        GgmlType.Q8_K => (Super, 4 + 256 + 32),
        GgmlType.IQ4_XS => (Super, 2 + 2 + 4 + 128),
        GgmlType.TQ1_0 => (Super, 48 + 4 + 2),
        GgmlType.TQ2_0 => (Super, 64 + 2),
        GgmlType.IQ2_XXS => (Super, 66),
        GgmlType.IQ2_XS => (Super, 74),
        GgmlType.IQ2_S => (Super, 82),
        GgmlType.IQ3_XXS => (Super, 98),
        GgmlType.IQ3_S => (Super, 110),
        GgmlType.IQ1_S => (Super, 50),
        GgmlType.IQ1_M => (Super, 56),
        _ => (0, 0),
    };
}
