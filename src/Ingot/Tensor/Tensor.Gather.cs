using Ingot.Graph;

namespace Ingot;

/// <summary>Reading and writing at computed positions along one dimension, and sorting.</summary>
public sealed partial class Tensor
{
    /// <summary>out[i][j][k] = this[i][index[i][j][k]][k] for dim 1, and so on: the index tells the position along <paramref name="dim"/> of each element of the result.</summary>
    /// <param name="dim">The dimension that is indexed.</param>
    /// <param name="index">Integers from 0, as many dimensions as this; no larger than this in the other dimensions. The result has its shape.</param>
    /// <exception cref="ShapeException">The index does not fit.</exception>
    /// <exception cref="TensorIndexException">An index outside the dimension; thrown when it is computed.</exception>
    public Tensor Gather(int dim, Tensor index)
    {
        if (Rank == 0) return Flatten().Gather(0, index.Flatten()).Reshape(index.Shape);
        var flat = FlatAlong(dim, index, nameof(Gather));
        return new(Pick(Build.Reshape(Node, new Shape(checked((int)Count))), flat));
    }

    /// <summary>This tensor with src[i][j][k] written to [i][index[i][j][k]][k] for dim 1, and so on; of several writes to one place the last stays.</summary>
    public Tensor Scatter(int dim, Tensor index, Tensor src) => Scatter(dim, index, src, add: false);

    /// <summary>This tensor with src[i][j][k] added to [i][index[i][j][k]][k] for dim 1, and so on; all additions to one place count, in index order.</summary>
    public Tensor ScatterAdd(int dim, Tensor index, Tensor src) => Scatter(dim, index, src, add: true);

    Tensor Scatter(int dim, Tensor index, Tensor src, bool add)
    {
        string operation = add ? nameof(ScatterAdd) : nameof(Scatter);
        if (Rank == 0) return Flatten().Scatter(0, index.Flatten(), src.Flatten(), add).Reshape();
        var flat = FlatAlong(dim, index, operation);
        var values = src.As(DType);
        if (src.Rank == 0) values = Spread(values, index.Shape);
        bool fits = values.Shape.Rank == index.Rank;
        for (int d = 0; d < index.Rank && fits; d++) fits = index.Shape[d] <= values.Shape[d];
        if (!fits) throw new ShapeException($"{operation} with an index of {index.Shape} needs a src at least as large, not {src.Shape}");
        var cut = new int[index.Rank];
        for (int d = 0; d < cut.Length; d++) cut[d] = values.Shape[d] - index.Shape[d];
        values = Build.Shrink(values, new Shape(new int[index.Rank]), new Shape(cut));
        var rows = new Shape(checked((int)index.Count));
        var target = Build.Reshape(Node, new Shape(checked((int)Count)));
        return new(Build.Reshape(Build.Scatter(target, Build.Reshape(flat, rows), Build.Reshape(values, rows), add), Shape));
    }

    /// <summary>Row-major positions in this tensor that an index along one dimension means.</summary>
    Node FlatAlong(int dim, Tensor index, string operation)
    {
        int axis = Shape.Axis(dim);
        index.RequireInteger(operation);
        bool fits = index.Rank == Rank;
        for (int d = 0; d < Rank && fits; d++) fits = d == axis || index.Shape[d] <= Shape[d];
        if (!fits) throw new ShapeException($"{operation} along dimension {dim} of {Shape}: the index {index.Shape} must have {Rank} dimensions, no larger than the tensor's but for that one");
        var tuple = new List<Tensor>();
        for (int d = 0; d < Rank; d++) tuple.Add(d == axis ? index : Positions(index.Shape, d));
        return Spread(FlatIndex(Shape, tuple, wrap: false, d => $"dimension {d} of {DType.Name}{Shape}, to {operation}"), index.Shape);
    }

    /// <summary>The slices at these positions along a dimension.</summary>
    /// <param name="dim">The dimension that is indexed.</param>
    /// <param name="index">Integers from 0, one-dimensional.</param>
    public Tensor IndexSelect(int dim, Tensor index)
    {
        index.RequireInteger(nameof(IndexSelect));
        if (index.Rank > 1) throw new ShapeException($"IndexSelect needs a one-dimensional index, not {index.Shape}");
        var rows = Pick(MoveDim(dim, 0).Node, FlatIndex(new Shape(Size(dim)), [index.Flatten()], wrap: false, dimension: null));
        return new Tensor(rows).MoveDim(0, dim);
    }

    /// <summary>This tensor with a value where the mask, which broadcasts to it, is true. The value takes this tensor's dtype.</summary>
    public Tensor MaskedFill(Tensor mask, Tensor value)
    {
        var shape = Shape.Broadcast(Shape, mask.Shape);
        if (mask.DType != DType.Bool) throw new DTypeException($"MaskedFill needs a bool mask, not {mask.DType.Name}; use mask.Ne(0)");
        return new(Build.Where(Spread(mask.Node, shape), Spread(value.As(DType), shape), Spread(Node, shape)));
    }

    /// <summary>Indices (int64) that sort a dimension; equal elements keep their order, NaN is greater than every number.</summary>
    public Tensor ArgSort(int dim = -1, bool descending = false)
    {
        if (Rank == 0) return Zeros([], DType.I64);
        var rows = MoveDim(dim, -1).WithoutGradient();
        return new Tensor(Build.Sort(rows.Node, descending)).MoveDim(-1, dim);
    }

    /// <summary>A dimension in order, with the indices (int64) it came from; stable, NaN is greater than every number.</summary>
    public (Tensor Values, Tensor Indices) Sort(int dim = -1, bool descending = false)
    {
        var order = ArgSort(dim, descending);
        return (Gather(dim, order), order);
    }

    /// <summary>The k greatest (or least) elements along a dimension, in order, with their indices (int64); the first of equals comes first.</summary>
    /// <exception cref="TensorIndexException">The dimension has fewer than k elements.</exception>
    public (Tensor Values, Tensor Indices) TopK(int k, int dim = -1, bool largest = true)
    {
        if (k < 0 || k > (Rank == 0 ? 1 : Size(dim))) throw new TensorIndexException($"TopK of {k} along dimension {dim} of {Shape}");
        if (Rank == 0) return (this, Zeros([], DType.I64));
        var order = ArgSort(dim, largest).Narrow(dim, 0, k);
        return (Gather(dim, order), order);
    }
}
