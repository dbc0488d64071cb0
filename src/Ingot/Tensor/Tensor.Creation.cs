using Ingot.Graph;

namespace Ingot;

/// <summary>Tensors from nothing.</summary>
public sealed partial class Tensor
{
    /// <summary>Zeros, float32 unless a dtype is given.</summary>
    public static Tensor Zeros(ReadOnlySpan<int> shape, DType dtype = DType.F32) => new(Build.Const(dtype, new Shape(shape), 0L));

    public static Tensor Zeros(params ReadOnlySpan<int> shape) => Zeros(shape, DType.F32);

    /// <summary>Ones, float32 unless a dtype is given.</summary>
    public static Tensor Ones(ReadOnlySpan<int> shape, DType dtype = DType.F32) => new(Build.Const(dtype, new Shape(shape), 1L));

    public static Tensor Ones(params ReadOnlySpan<int> shape) => Ones(shape, DType.F32);

    /// <summary>One value everywhere, of the value's own dtype (double: float32, as Python's floats) unless one is given.</summary>
    public static Tensor Full<T>(ReadOnlySpan<int> shape, T value, DType? dtype = null) where T : unmanaged
    {
        var own = Scalar(value);
        return new(Spread(own.As(dtype ?? (own.DType == DType.F64 ? DType.F32 : own.DType)), new Shape(shape)));
    }

    public static Tensor ZerosLike(Tensor x) => new(Build.Const(x.DType, x.Shape, 0L));

    public static Tensor OnesLike(Tensor x) => new(Build.Const(x.DType, x.Shape, 1L));

    public static Tensor FullLike<T>(Tensor x, T value) where T : unmanaged => Full(x.Shape.Span, value, x.DType);

    /// <summary>0, 1, ..., end - 1 as int32, C#'s integer (PyTorch's would be int64), unless a dtype is given.</summary>
    public static Tensor Arange(int end, DType dtype = DType.I32) => Arange(0, end, 1, dtype);

    /// <summary>start, start + step, ... below end, as int32 unless a dtype is given.</summary>
    public static Tensor Arange(int start, int end, int step = 1, DType dtype = DType.I32) => Arange((long)start, end, step, dtype);

    /// <summary>start, start + step, ... below end, as int64 unless a dtype is given.</summary>
    public static Tensor Arange(long start, long end, long step = 1, DType dtype = DType.I64)
    {
        if (step == 0 || (end - start) / step < 0) throw new ShapeException($"Arange from {start} to {end} in steps of {step} never arrives");
        long span = Math.Abs(end - start), stride = Math.Abs(step);
        return Progression(start, step, checked((int)((span + stride - 1) / stride)), dtype);
    }

    /// <summary>start, start + step, ... below end, as float32 unless a dtype is given.</summary>
    public static Tensor Arange(double start, double end, double step = 1, DType dtype = DType.F32)
    {
        if (step == 0 || (end - start) / step < 0) throw new ShapeException($"Arange from {start} to {end} in steps of {step} never arrives");
        return Progression(start, step, checked((int)Math.Ceiling((end - start) / step)), dtype);
    }

    static Tensor Progression(long start, long step, int n, DType dtype) =>
        dtype.IsFloat ? Progression((double)start, step, n, dtype) : dtype == DType.Bool ? Progression(start, step, n, DType.I64).To(dtype)
        : new Tensor(Build.Iota(dtype, n)).Affine(step, start);

    static Tensor Progression(double start, double step, int n, DType dtype) =>
        dtype.IsFloat ? new Tensor(Build.Iota(dtype.ComputeType, n)).Affine(step, start).To(dtype)
        : new Tensor(Build.Iota(DType.F64, n)).Affine(step, start).To(dtype);

    /// <summary>x * scale + shift, without the steps that change nothing.</summary>
    Tensor Affine<T>(T scale, T shift) where T : unmanaged, System.Numerics.INumber<T>
    {
        var x = T.IsZero(scale - T.One) ? this : this * Scalar(scale);
        return T.IsZero(shift) ? x : x + Scalar(shift);
    }
}
