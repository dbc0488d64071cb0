using Ingot.Runtime;

namespace Ingot.Graph;

/// <summary>Rounding and wrapping of C# scalars to a dtype's values.</summary>
public static class Numbers
{
    /// <summary>The nearest value of a floating dtype.</summary>
    public static double Round(DType dtype, double x) => dtype switch
    {
        DType.F64 => x,
        DType.F32 => (float)x,
        DType.F16 => (double)(Half)x,
        DType.BF16 => (float)(BFloat16)(float)x,
        _ => throw new ArgumentException($"{dtype.Name} is not floating", nameof(dtype)),
    };

    /// <summary>The low bits of an integer, as the dtype reads them.</summary>
    public static long Wrap(DType dtype, long x) => dtype switch
    {
        DType.Bool => x != 0 ? 1 : 0,
        DType.U8 => (byte)x,
        DType.I8 => (sbyte)x,
        DType.I16 => (short)x,
        DType.I32 => (int)x,
        DType.U16 => (ushort)x,
        DType.U32 => (uint)x,
        _ => x,
    };
}
