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

    /// <summary><paramref name="steps"/> values from start to end (both included), evenly spaced; float32 unless a dtype is given.</summary>
    public static Tensor Linspace(double start, double end, int steps, DType dtype = DType.F32)
    {
        if (steps < 2) return Full([steps], start, dtype);
        var compute = dtype.IsFloat ? dtype.ComputeType : DType.F64;
        double step = Graph.Numbers.Round(compute, (end - start) / (steps - 1));
        var i = new Tensor(Build.Iota(compute, steps));
        var back = (steps - 1) - i; // counted from the end in the second half, so that the end is met exactly
        return (i < steps / 2).Where(start + i * step, end - back * step).To(dtype);
    }

    /// <summary>Ones on the diagonal of an n by m matrix (square unless m is given), zeros elsewhere.</summary>
    public static Tensor Eye(int n, int? m = null, DType dtype = DType.F32)
    {
        var shape = new Shape(n, m ?? n);
        return Positions(shape, 0).Eq(Positions(shape, 1)).To(dtype);
    }

    /// <summary>The lower triangle of the last two dimensions, zeros above diagonal number <paramref name="diagonal"/>.</summary>
    public Tensor Tril(int diagonal = 0) => (ColumnsPastDiagonal(nameof(Tril)) <= diagonal).Where(this, ZerosLike(this));

    /// <summary>The upper triangle of the last two dimensions, zeros below diagonal number <paramref name="diagonal"/>.</summary>
    public Tensor Triu(int diagonal = 0) => (ColumnsPastDiagonal(nameof(Triu)) >= diagonal).Where(this, ZerosLike(this));

    Tensor ColumnsPastDiagonal(string operation)
    {
        if (Rank < 2) throw new ShapeException($"{operation} needs a matrix or a batch of them, not {Shape}");
        var matrix = new Shape(Shape.Span[^2..]);
        return Positions(matrix, 1) - Positions(matrix, 0);
    }

    /// <summary>int64 of shape Shape + (classes): 1 at the class each integer names, else 0. A number outside 0..classes-1 gives zeros only.</summary>
    /// <param name="classes">How many; -1 for one more than the greatest number here, which computes this tensor.</param>
    /// <exception cref="IngotException">Classes are to be counted, but there are none or one is negative.</exception>
    public Tensor OneHot(int classes = -1)
    {
        RequireInteger(nameof(OneHot));
        if (classes < -1) throw new ShapeException($"OneHot of {classes} classes; give their number, or -1 to count them");
        if (classes == -1)
        {
            if (Count == 0) throw new IngotException($"OneHot of {Shape} has no class to count up to; give the number of classes");
            var (least, greatest) = (Min().To(DType.I64), Max().To(DType.I64));
            Realize(least, greatest);
            if (least.Item<long>() < 0) throw new IngotException($"OneHot counts classes from 0, the least number here is {least.Item<long>()}; give the number of classes if it is meant to have none");
            classes = checked((int)greatest.Item<long>() + 1);
        }
        return Unsqueeze(-1).Eq(new Tensor(Build.Iota(DType.I64, classes))).To(DType.I64);
    }
}
