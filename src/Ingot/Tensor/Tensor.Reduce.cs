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

    /// <summary>The greatest element along a dimension (the values of PyTorch's pair). The gradient goes to the first of equals.</summary>
    public Tensor Max(int dim, bool keepDim = false) => Amax([dim], keepDim);

    /// <summary>The least element along a dimension. The gradient goes to the first of equals.</summary>
    public Tensor Min(int dim, bool keepDim = false) => Amin([dim], keepDim);

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
        if (keepDim) return new(kept);
        int[] rest = [.. Enumerable.Range(0, Rank).Where(i => !axes.Contains(i)).Select(i => Shape[i])];
        return new(Build.Reshape(kept, new Shape(rest)));
    }
}
