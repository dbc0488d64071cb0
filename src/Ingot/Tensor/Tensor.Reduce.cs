using Ingot.Graph;

namespace Ingot;

/// <summary>Reductions. Without dims they reduce everything to a scalar; <c>keepDim</c> leaves the reduced dimensions with extent 1.</summary>
public sealed partial class Tensor
{
    /// <summary>Sum; of integers and bools as int64.</summary>
    public Tensor Sum() => Sum([]);

    public Tensor Sum(int dim, bool keepDim = false) => Sum([dim], keepDim);

    public Tensor Sum(ReadOnlySpan<int> dims, bool keepDim = false) =>
        (DType.IsFloat ? this : To(DType.I64)).Fold(Op.Add, dims, keepDim);

    /// <summary>Product; of integers and bools as int64.</summary>
    public Tensor Prod() => (DType.IsFloat ? this : To(DType.I64)).Fold(Op.Mul, [], false);

    public Tensor Prod(int dim, bool keepDim = false) => (DType.IsFloat ? this : To(DType.I64)).Fold(Op.Mul, [dim], keepDim);

    /// <summary>Arithmetic mean of a floating tensor; NaN of nothing.</summary>
    /// <exception cref="DTypeException">An integer or bool tensor.</exception>
    public Tensor Mean() => Mean([]);

    public Tensor Mean(int dim, bool keepDim = false) => Mean([dim], keepDim);

    public Tensor Mean(ReadOnlySpan<int> dims, bool keepDim = false)
    {
        if (!DType.IsFloat) throw new DTypeException($"Mean needs a floating dtype, this tensor is {DType.Name}; use x.To(DType.F32).Mean()");
        double n = Extent(dims);
        var x = To(DType.ComputeType); // the sum of a half-precision row may overflow where its mean does not
        return (x.Fold(Op.Add, dims, keepDim) / n).To(DType);
    }

    /// <summary>The greatest element; NaN if there is one. The gradient is shared evenly among equals.</summary>
    /// <exception cref="ShapeException">There are no elements.</exception>
    public Tensor Max() => Amax([]);

    /// <summary>The least element; NaN if there is one. The gradient is shared evenly among equals.</summary>
    /// <exception cref="ShapeException">There are no elements.</exception>
    public Tensor Min() => Amin([]);

    /// <summary>The greatest element along a dimension (the values of PyTorch's pair; <see cref="ArgMax(int, bool)"/> has the indices). The gradient goes to the first of equals.</summary>
    public Tensor Max(int dim, bool keepDim = false) => Node.RequiresGrad ? At(ArgMax(dim, true), dim, keepDim) : Amax([dim], keepDim);

    /// <summary>The least element along a dimension. The gradient goes to the first of equals.</summary>
    public Tensor Min(int dim, bool keepDim = false) => Node.RequiresGrad ? At(ArgMin(dim, true), dim, keepDim) : Amin([dim], keepDim);

    /// <summary>The elements at one index a row; a masked sum, because its gradient is a select where a gather's would be a scatter.</summary>
    Tensor At(Tensor index, int dim, bool keepDim) =>
        Rank == 0 ? this : Positions(Shape, Shape.Axis(dim), DType.I64).Eq(index).Where(this, ZerosLike(this)).Sum(dim, keepDim);

    /// <summary>The greatest element over dimensions (all if none are named); the gradient is shared evenly among equals.</summary>
    /// <exception cref="ShapeException">There are no elements to choose from.</exception>
    public Tensor Amax(ReadOnlySpan<int> dims, bool keepDim = false)
    {
        if (Extent(dims) == 0) throw new ShapeException($"the maximum of no elements: {Shape} over dimensions ({string.Join(", ", dims.ToArray())})");
        return Fold(Op.Max, dims, keepDim);
    }

    /// <summary>The least element over dimensions (all if none are named); the gradient is shared evenly among equals.</summary>
    /// <exception cref="ShapeException">There are no elements to choose from.</exception>
    public Tensor Amin(ReadOnlySpan<int> dims, bool keepDim = false) =>
        DType.IsFloat ? -(-this).Amax(dims, keepDim) : ~(~this).Amax(dims, keepDim); // ~ reverses the order of integers without overflow

    /// <summary>Index (int64) of the greatest element of the flattened tensor: the first of equals; a NaN is greater than all.</summary>
    public Tensor ArgMax() => Flatten().ArgMax(0);

    /// <summary>Index (int64) of the greatest element along a dimension: the first of equals; a NaN is greater than all.</summary>
    public Tensor ArgMax(int dim, bool keepDim = false)
    {
        if (Rank == 0) return Zeros([], DType.I64);
        int axis = Shape.Axis(dim), n = Shape[axis];
        var best = Amax([axis], true);
        var isBest = DType.IsFloat ? Eq(best) | Ne(this) : Eq(best); // if there is a NaN then best is NaN and equals nothing
        // The least position is the greatest distance from the end.
        var distance = isBest.Where(n - Positions(Shape, axis), 0).Fold(Op.Max, [axis], keepDim);
        return (n - distance).To(DType.I64);
    }

    /// <summary>Index (int64) of the least element of the flattened tensor: the first of equals; a NaN is less than all.</summary>
    public Tensor ArgMin() => Flatten().ArgMin(0);

    /// <summary>Index (int64) of the least element along a dimension: the first of equals; a NaN is less than all.</summary>
    public Tensor ArgMin(int dim, bool keepDim = false) => (DType.IsFloat ? -this : ~this).ArgMax(dim, keepDim);

    /// <summary>Is any element non-zero?</summary>
    public Tensor Any() => ToMask().Fold(Op.Max, [], false);

    public Tensor Any(int dim, bool keepDim = false) => ToMask().Fold(Op.Max, [dim], keepDim);

    /// <summary>Are all elements non-zero?</summary>
    public Tensor All() => ~(~ToMask()).Any();

    public Tensor All(int dim, bool keepDim = false) => ~(~ToMask()).Any(dim, keepDim);

    Tensor ToMask() => DType == DType.Bool ? this : Ne(0);

    /// <summary>Variance: squared distances from the mean, summed and divided by n - correction (1: the unbiased estimate).</summary>
    public Tensor Var(double correction = 1) => Var([], correction);

    public Tensor Var(int dim, double correction = 1, bool keepDim = false) => Var([dim], correction, keepDim);

    public Tensor Var(ReadOnlySpan<int> dims, double correction = 1, bool keepDim = false)
    {
        if (!DType.IsFloat) throw new DTypeException($"Var needs a floating dtype, this tensor is {DType.Name}; use x.To(DType.F32)");
        double n = Math.Max(0, Extent(dims) - correction);
        var x = To(DType.ComputeType);
        return ((x - x.Mean(dims, true)).Square().Fold(Op.Add, dims, keepDim) / n).To(DType);
    }

    /// <summary>Standard deviation: the root of <see cref="Var(double)"/>; where it is 0 its gradient is 0.</summary>
    public Tensor Std(double correction = 1) => Std([], correction);

    public Tensor Std(int dim, double correction = 1, bool keepDim = false) => Std([dim], correction, keepDim);

    public Tensor Std(ReadOnlySpan<int> dims, double correction = 1, bool keepDim = false) =>
        To(DType.ComputeType).Var(dims, correction, keepDim).RootOfSquares().To(DType);

    /// <summary>The square root of something that reaches 0 as a sum of squares does: gradient 0 there, where the root alone has 0 * infinity.</summary>
    Tensor RootOfSquares()
    {
        var zero = Eq(0);
        return zero.Where(0, zero.Where(1, this).Sqrt());
    }

    /// <summary>The p-norm of the flattened tensor: 2 (Euclidean), 1, 0 (number of non-zeros), infinities, or any other p.</summary>
    public Tensor Norm(double p = 2) => Norm(p, []);

    public Tensor Norm(double p, int dim, bool keepDim = false) => Norm(p, [dim], keepDim);

    public Tensor Norm(double p, ReadOnlySpan<int> dims, bool keepDim = false)
    {
        if (!DType.IsFloat) throw new DTypeException($"Norm needs a floating dtype, this tensor is {DType.Name}; use x.To(DType.F32)");
        var x = To(DType.ComputeType);
        var norm = p switch
        {
            2 => x.Square().Sum(dims, keepDim).RootOfSquares(),
            1 => x.Abs().Sum(dims, keepDim),
            0 => x.Ne(0).To(x.DType).Sum(dims, keepDim),
            double.PositiveInfinity => x.Abs().Amax(dims, keepDim),
            double.NegativeInfinity => x.Abs().Amin(dims, keepDim),
            _ => x.Abs().Pow(p).Sum(dims, keepDim).Pow(1 / p),
        };
        return norm.To(DType);
    }

    /// <summary>log(sum(exp(x))) along a dimension, without overflow; -inf of nothing.</summary>
    public Tensor LogSumExp(int dim, bool keepDim = false) => LogSumExp([dim], keepDim);

    public Tensor LogSumExp(ReadOnlySpan<int> dims, bool keepDim = false)
    {
        var x = To(DType.IsFloat ? DType.ComputeType : DType.F32);
        if (Array.Exists(Axes(dims), a => x.Shape[a] == 0)) return x.Exp().Sum(dims, keepDim).Log().To(DType.IsFloat ? DType : DType.F32);
        var top = x.Amax(dims, true).WithoutGradient();
        top = top.IsFinite().Where(top, 0); // an infinity answers for itself: exp(-inf) = 0, exp(inf) = inf
        var sum = (x - top).Exp().Sum(dims, true).Log() + top;
        return new Tensor(Build.Reshape(sum.Node, keepDim ? sum.Shape : Without(sum.Shape, Axes(dims)))).To(DType.IsFloat ? DType : DType.F32);
    }

    static Shape Without(Shape shape, int[] axes) => new([.. Enumerable.Range(0, shape.Rank).Where(i => !axes.Contains(i)).Select(i => shape[i])]);

    /// <summary>exp(x) / sum(exp(x)) along a dimension. Half precisions compute in float32 and round once.</summary>
    /// <param name="dim">The dimension that sums to 1.</param>
    /// <param name="dtype">Cast to this first; int tensors become float32.</param>
    public Tensor Softmax(int dim, DType? dtype = null)
    {
        if (Count == 0) return To(dtype ?? Floating().DType);
        return (dtype is { } t ? To(t) : this).Precisely(x =>
        {
            var e = (x - x.Amax([dim], true).WithoutGradient()).Exp();
            return e * e.Sum(dim, true).Reciprocal(); // one division a row
        });
    }

    /// <summary>log(softmax(x)) along a dimension, without the loss of taking the logarithm afterwards.</summary>
    public Tensor LogSoftmax(int dim, DType? dtype = null)
    {
        if (Count == 0) return To(dtype ?? Floating().DType);
        return (dtype is { } t ? To(t) : this).Precisely(x =>
        {
            var shifted = x - x.Amax([dim], true).WithoutGradient();
            return shifted - shifted.Exp().Sum(dim, true).Log();
        });
    }

    /// <summary>Running sum along a dimension; of integers and bools as int64.</summary>
    public Tensor CumSum(int dim) => Running(Op.Add, dim);

    /// <summary>Running product along a dimension; of integers and bools as int64.</summary>
    public Tensor CumProd(int dim) => Running(Op.Mul, dim);

    /// <summary>Running maximum along a dimension, with the index (int64) of the element it is: of equal ones the last so far. From a NaN on it is NaN.</summary>
    public (Tensor Values, Tensor Indices) CumMax(int dim)
    {
        if (Rank == 0) return (this, Zeros([], DType.I64));
        int axis = Shape.Axis(dim);
        var values = new Tensor(Build.Scan(Op.Max, Node, axis));
        // A new maximum, or the last one again, is where the element is what is shown; a NaN equals nothing.
        var (x, shown) = (WithoutGradient(), values.WithoutGradient());
        var isShown = DType.IsFloat ? x.Eq(shown) | x.Ne(x) : x.Eq(shown);
        var at = isShown.Where(Positions(Shape, axis, DType.I64).ExpandAs(this), Zeros([], DType.I64));
        return (values, new(Build.Scan(Op.Max, at.Node, axis)));
    }

    /// <summary>Running minimum along a dimension, with the index (int64) of the element it is: of equal ones the last so far. From a NaN on it is NaN.</summary>
    public (Tensor Values, Tensor Indices) CumMin(int dim)
    {
        var (values, indices) = (DType.IsFloat ? -this : ~this).CumMax(dim); // ~ reverses the order of integers without overflow
        return (DType.IsFloat ? -values : ~values, indices);
    }

    Tensor Running(Op kind, int dim)
    {
        var x = DType.IsFloat ? this : To(DType.I64);
        return Rank == 0 ? x : new(Build.Scan(kind, x.Node, Shape.Axis(dim)));
    }

    Tensor WithoutGradient() => new(Build.Detach(Node));

    /// <summary>Number of elements that go into one result.</summary>
    long Extent(ReadOnlySpan<int> dims)
    {
        long n = 1;
        foreach (var a in Axes(dims)) n *= Shape[a];
        return n;
    }

    /// <summary>Dimension numbers from 0, each once; none named means all.</summary>
    int[] Axes(ReadOnlySpan<int> dims)
    {
        if (dims.Length == 0) return [.. Enumerable.Range(0, Rank)];
        var axes = new int[dims.Length];
        for (int i = 0; i < axes.Length; i++) axes[i] = Rank == 0 && dims[i] is 0 or -1 ? 0 : Shape.Axis(dims[i]); // as PyTorch, a scalar may be reduced over dimension 0
        if (Rank == 0) return [];
        return axes.Distinct().Count() == axes.Length ? axes
            : throw new ShapeException($"dimensions ({string.Join(", ", dims.ToArray())}) of {Shape} name one twice");
    }

    Tensor Fold(Op kind, ReadOnlySpan<int> dims, bool keepDim)
    {
        var axes = Axes(dims);
        var kept = Build.Reduce(kind, Node, axes);
        return new(keepDim ? kept : Build.Reshape(kept, Without(Shape, axes)));
    }
}
