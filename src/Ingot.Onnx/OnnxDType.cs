namespace Ingot.Onnx;

/// <summary>Element types of ONNX (TensorProto.DataType) with the numbers of its files.</summary>
public enum OnnxDType
{
    Undefined = 0,
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    UInt32 = 12,
    UInt64 = 13,
    Complex64 = 14,
    Complex128 = 15,
    BFloat16 = 16,
    Float8E4M3FN = 17,
    Float8E4M3FNUZ = 18,
    Float8E5M2 = 19,
    Float8E5M2FNUZ = 20,
    UInt4 = 21,
    Int4 = 22,
    Float4E2M1 = 23,
    Float8E8M0 = 24,
    UInt2 = 25,
    Int2 = 26,
}

/// <summary>Facts about ONNX's element types, and how Ingot holds each.</summary>
/// <remarks>
/// Types that Ingot computes in are held as themselves. The others are held in a tensor of another dtype: 4- and 2-bit integers as their values, one a byte, in int8 or uint8;
/// 8- and 4-bit floats as their bit patterns, one a byte, in uint8; complex numbers with a last dimension of two. Moving elements about needs no more than that;
/// arithmetic on them goes through Cast.
/// </remarks>
public static class OnnxDTypes
{
    extension(OnnxDType t)
    {
        /// <summary>Whether Ingot has this type itself, so that a tensor of it can be computed with.</summary>
        public bool IsNative => t is OnnxDType.Float or OnnxDType.Double or OnnxDType.Float16 or OnnxDType.BFloat16 or OnnxDType.Bool
            or OnnxDType.Int8 or OnnxDType.Int16 or OnnxDType.Int32 or OnnxDType.Int64 or OnnxDType.UInt8 or OnnxDType.UInt16 or OnnxDType.UInt32 or OnnxDType.UInt64;

        public bool IsComplex => t is OnnxDType.Complex64 or OnnxDType.Complex128;

        /// <summary>8- and 4-bit floats, held as bit patterns in uint8.</summary>
        public bool IsSmallFloat => t is OnnxDType.Float8E4M3FN or OnnxDType.Float8E4M3FNUZ or OnnxDType.Float8E5M2 or OnnxDType.Float8E5M2FNUZ or OnnxDType.Float8E8M0 or OnnxDType.Float4E2M1;

        /// <summary>4- and 2-bit integers, held as values in int8 or uint8.</summary>
        public bool IsSmallInteger => t is OnnxDType.Int4 or OnnxDType.UInt4 or OnnxDType.Int2 or OnnxDType.UInt2;

        /// <summary>Bits an element takes in a file.</summary>
        public int Bits => t switch
        {
            OnnxDType.UInt2 or OnnxDType.Int2 => 2,
            OnnxDType.UInt4 or OnnxDType.Int4 or OnnxDType.Float4E2M1 => 4,
            OnnxDType.Complex64 => 64,
            OnnxDType.Complex128 => 128,
            OnnxDType.String or OnnxDType.Undefined => 0,
            _ => t.Storage.Size * 8,
        };

        /// <summary>The dtype of the tensor that holds values of this type.</summary>
        /// <exception cref="DTypeException">Strings are not held in tensors.</exception>
        public DType Storage => t switch
        {
            OnnxDType.Float => DType.F32,
            OnnxDType.Double => DType.F64,
            OnnxDType.Float16 => DType.F16,
            OnnxDType.BFloat16 => DType.BF16,
            OnnxDType.Bool => DType.Bool,
            OnnxDType.Int8 or OnnxDType.Int4 or OnnxDType.Int2 => DType.I8,
            OnnxDType.Int16 => DType.I16,
            OnnxDType.Int32 => DType.I32,
            OnnxDType.Int64 => DType.I64,
            OnnxDType.UInt16 => DType.U16,
            OnnxDType.UInt32 => DType.U32,
            OnnxDType.UInt64 => DType.U64,
            OnnxDType.Complex64 => DType.F32,
            OnnxDType.Complex128 => DType.F64,
            OnnxDType.String or OnnxDType.Undefined => throw new DTypeException($"{t} is not the type of a numeric tensor"),
            _ => DType.U8,
        };
    }

    /// <summary>ONNX's name for a dtype of Ingot.</summary>
    public static OnnxDType Of(DType t) => t switch
    {
        DType.F32 => OnnxDType.Float,
        DType.F64 => OnnxDType.Double,
        DType.F16 => OnnxDType.Float16,
        DType.BF16 => OnnxDType.BFloat16,
        DType.Bool => OnnxDType.Bool,
        DType.I8 => OnnxDType.Int8,
        DType.I16 => OnnxDType.Int16,
        DType.I32 => OnnxDType.Int32,
        DType.I64 => OnnxDType.Int64,
        DType.U8 => OnnxDType.UInt8,
        DType.U16 => OnnxDType.UInt16,
        DType.U32 => OnnxDType.UInt32,
        _ => OnnxDType.UInt64,
    };
}
