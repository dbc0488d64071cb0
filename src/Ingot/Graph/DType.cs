namespace Ingot;

/// <summary>Element type of a tensor. The order is that of PyTorch's promotion lattice within each kind.</summary>
public enum DType : byte
{
    Bool,
    U8,
    I8,
    I16,
    I32,
    I64,
    /// <summary>Unsigned types above 8 bits: storage, casts and bit arithmetic (the random generator), no promotion with signed types.</summary>
    U16,
    U32,
    U64,
    F16,
    BF16,
    F32,
    F64,
}

/// <summary>Facts about element types, and PyTorch's promotion rules.</summary>
public static class DTypes
{
    static readonly int[] Sizes = [1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8];

    extension(DType t)
    {
        /// <summary>Bytes an element.</summary>
        public int Size => Sizes[(int)t];

        public bool IsFloat => t >= DType.F16;

        public bool IsInteger => t is > DType.Bool and < DType.F16;

        public bool IsUnsigned => t is DType.Bool or DType.U8 or DType.U16 or DType.U32 or DType.U64;

        /// <summary>The type arithmetic runs in: half precisions compute in float32 and round when stored or cast.</summary>
        public DType ComputeType => t is DType.F16 or DType.BF16 ? DType.F32 : t;

        /// <summary>The name as safetensors and the error messages spell it in lower case: f32, i64, bool.</summary>
        public string Name => t.ToString().ToLowerInvariant();
    }

    /// <summary>The dtype that holds both, by PyTorch's rules for two tensors (<c>torch.promote_types</c>).</summary>
    public static DType Promote(DType a, DType b)
    {
        if (a == b) return a;
        if (a.IsFloat && b.IsFloat)
            return a.Size == b.Size ? DType.F32 : a.Size > b.Size ? a : b; // f16 with bf16 is f32
        if (a.IsFloat) return a;
        if (b.IsFloat) return b;
        if (a == DType.Bool) return b;
        if (b == DType.Bool) return a;
        if (a.IsUnsigned == b.IsUnsigned) return a.Size > b.Size ? a : b;
        var (u, s) = a.IsUnsigned ? (a, b) : (b, a);
        if (s.Size > u.Size) return s;
        return u.Size switch { 1 => DType.I16, 2 => DType.I32, _ => DType.I64 };
    }

    /// <summary>The DType of a C# element type; <see cref="Ingot.Runtime.BFloat16"/> and <see cref="Half"/> included.</summary>
    /// <exception cref="DTypeException">No such element type.</exception>
    public static DType Of<T>() => Of(typeof(T));

    internal static DType Of(Type type) => type switch
    {
        _ when type == typeof(bool) => DType.Bool,
        _ when type == typeof(byte) => DType.U8,
        _ when type == typeof(sbyte) => DType.I8,
        _ when type == typeof(short) => DType.I16,
        _ when type == typeof(int) => DType.I32,
        _ when type == typeof(long) => DType.I64,
        _ when type == typeof(ushort) => DType.U16,
        _ when type == typeof(uint) => DType.U32,
        _ when type == typeof(ulong) => DType.U64,
        _ when type == typeof(Half) => DType.F16,
        _ when type == typeof(Ingot.Runtime.BFloat16) => DType.BF16,
        _ when type == typeof(float) => DType.F32,
        _ when type == typeof(double) => DType.F64,
        _ => throw new DTypeException($"{type.Name} is not an element type; use bool, byte, sbyte, short, int, long, ushort, uint, ulong, Half, BFloat16, float or double"),
    };
}
