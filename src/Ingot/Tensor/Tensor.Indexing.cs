using System.Runtime.CompilerServices;
using Ingot.Graph;

namespace Ingot;

/// <summary>
/// <c>x[1..^2, ^1, index]</c>: NumPy's and PyTorch's basic and advanced indexing. Reading builds movement and gathers;
/// writing rebinds this tensor to a new node, since tensors are values.
/// </summary>
public sealed partial class Tensor
{
    /// <summary>
    /// The elements an index selects. Positions drop their dimension, ranges and slices keep it. Index tensors broadcast together, and their
    /// dimensions take the place of the indexed ones if these are neighbours, else they come first; a bool mask stands for the positions where it is true.
    /// Assigning casts and broadcasts the value to what would be read; a parameter is assigned to under <see cref="NoGrad"/>, and stays one.
    /// </summary>
    /// <exception cref="TensorIndexException">Too many entries, a position or range outside its dimension, a mask of another shape. Index tensors are checked when they are computed.</exception>
    /// <exception cref="IngotException">Assigning to a leaf that requires a gradient, outside <see cref="NoGrad"/>.</exception>
    [IndexerName("Elements")]
    public Tensor this[params ReadOnlySpan<TensorIndex> index]
    {
        get
        {
            var region = Region.Of(this, index);
            return TakeAt(region.Read(this), region.Tensors);
        }
        set
        {
            if (IsOwnLeaf && !NoGrad.IsActive)
                throw new IngotException($"this {DType.Name}{Shape} tensor is a leaf that requires a gradient: writing into it would make it the result of an operation, which no optimizer trains. To change a parameter's values: using (new NoGrad()) x[...] = ...; to compute with changed values: write into x * 1");
            var written = Written(index, value).Node;
            Node = IsOwnLeaf ? Build.Leaf(written, ((LeafArg)node.Arg!).Owner) : written;
        }
    }

    Tensor Written(ReadOnlySpan<TensorIndex> index, Tensor value)
    {
        if (PutByMask(index, value) is { } masked) return masked; // before the region, which would compute the mask
        var region = Region.Of(this, index);
        return region.Tensors.Count == 0 ? PutRegion(region, value) : PutRows(region, value) ?? PutAnywhere(region, value);
    }

    // ---- basic indices ----

    /// <summary>The part of a tensor that positions, ranges, slices and new dimensions select: start, length and step along each dimension.</summary>
    sealed class Region
    {
        public required int[] Start, Length, Step;

        /// <summary>Shape of the result before index tensors: without positions, with new dimensions.</summary>
        public required Shape Result;

        /// <summary>Index tensors, by the dimension of <see cref="Result"/> they index.</summary>
        public required List<(int Dim, Tensor Index)> Tensors;

        public bool IsWhole { get; private init; }

        public static Region Of(Tensor x, ReadOnlySpan<TensorIndex> index)
        {
            var shape = x.Shape;
            int consumed = 0, rest = -1;
            for (int i = 0; i < index.Length; i++)
            {
                if (index[i].What == TensorIndex.Kind.Ellipsis) rest = rest < 0 ? i : throw new TensorIndexException("an index can have one ellipsis only");
                else if (index[i].What != TensorIndex.Kind.New) consumed += index[i].Tensor is { DType: DType.Bool } mask ? mask.Rank : 1;
            }
            if (consumed > shape.Rank)
                throw new TensorIndexException($"{consumed} indices for shape {shape}, which has {shape.Rank} dimension{(shape.Rank == 1 ? "" : "s")}");
            var (start, length, step) = (new int[shape.Rank], shape.ToArray(), new int[shape.Rank]);
            Array.Fill(step, 1);
            var result = new List<int>();
            var tensors = new List<(int, Tensor)>();
            int d = 0;
            foreach (var entry in index)
            {
                switch (entry.What)
                {
                    case TensorIndex.Kind.New:
                        result.Add(1);
                        break;
                    case TensorIndex.Kind.Ellipsis:
                        for (int left = shape.Rank - consumed; left > 0; left--) result.Add(shape[d++]);
                        break;
                    case TensorIndex.Kind.Position:
                        int at = entry.Start!.Value;
                        start[d] = at < 0 || entry.IsFromEnd ? at + shape[d] : at;
                        if (start[d] < 0 || start[d] >= shape[d])
                            throw new TensorIndexException($"index {(entry.IsFromEnd ? $"^{-at}" : $"{at}")} is out of range for dimension {d} of {shape}{(entry.IsFromEnd && at == 0 ? "; ^1 is the last element" : "")}");
                        length[d++] = 1;
                        break;
                    case TensorIndex.Kind.Slice:
                        (start[d], length[d], step[d]) = entry.IsRange ? Bounds(entry.Range, shape, d) : Bounds(entry, shape[d]);
                        result.Add(length[d++]);
                        break;
                    case TensorIndex.Kind.Tensor when entry.Tensor!.DType == DType.Bool:
                        var mask = entry.Tensor;
                        RequireMask(mask, shape, d);
                        var positions = mask.NonZero();
                        for (int i = 0; i < mask.Rank; i++) { tensors.Add((result.Count, positions.Narrow(1, i, 1).Squeeze(1))); result.Add(shape[d++]); }
                        break;
                    default:
                        entry.Tensor!.RequireInteger("indexing");
                        tensors.Add((result.Count, entry.Tensor));
                        result.Add(shape[d++]);
                        break;
                }
            }
            while (d < shape.Rank) result.Add(shape[d++]);
            bool whole = length.AsSpan().SequenceEqual(shape.Span) && Array.TrueForAll(step, s => s == 1);
            return new() { Start = start, Length = length, Step = step, Result = new Shape([.. result]), Tensors = tensors, IsWhole = whole };
        }

        public static void RequireMask(Tensor mask, Shape shape, int d)
        {
            if (mask.Rank == 0 || mask.Rank > shape.Rank - d || !mask.Shape.Equals(new Shape(shape.Span.Slice(d, mask.Rank))))
                throw new TensorIndexException($"a mask of shape {mask.Shape} does not fit {shape} at dimension {d}");
        }

        static (int, int, int) Bounds(Range range, Shape shape, int d)
        {
            int a = range.Start.GetOffset(shape[d]), b = range.End.GetOffset(shape[d]);
            return a < 0 || b < a || b > shape[d]
                ? throw new TensorIndexException($"range {range} is out of range for dimension {d} of {shape}; Dim.Slice cuts a slice to its dimension")
                : (a, b - a, 1);
        }

        static (int, int, int) Bounds(TensorIndex slice, int extent)
        {
            int Cut(int at, int low, int high) => Math.Clamp(at < 0 ? at + extent : at, low, high);
            int step = slice.Step;
            int a = step > 0 ? Cut(slice.Start ?? 0, 0, extent) : slice.Start is { } s ? Cut(s, -1, extent - 1) : extent - 1;
            int b = step > 0 ? Cut(slice.Stop ?? extent, 0, extent) : slice.Stop is { } e ? Cut(e, -1, extent - 1) : -1;
            long count = step > 0 ? ((long)b - a + step - 1) / step : ((long)a - b - step - 1) / -(long)step;
            return count <= 0 ? (0, 0, 1) : (a, (int)count, count == 1 ? 1 : step);
        }

        /// <summary>Lowest index along a dimension, and the distance from it to the end of the last step.</summary>
        (int Low, int Span) Reach(int d)
        {
            if (Length[d] == 0) return (0, 0);
            int span = (Length[d] - 1) * Math.Abs(Step[d]) + 1;
            return (Step[d] > 0 ? Start[d] : Start[d] - span + 1, span);
        }

        (Shape Before, Shape After) Margins(Shape shape)
        {
            var (before, after) = (new int[shape.Rank], new int[shape.Rank]);
            for (int d = 0; d < shape.Rank; d++)
            {
                var (low, span) = Reach(d);
                (before[d], after[d]) = (low, shape[d] - low - span);
            }
            return (new(before), new(after));
        }

        int[] Backwards() => [.. Enumerable.Range(0, Step.Length).Where(d => Step[d] < 0)];

        public Tensor Read(Tensor x)
        {
            var (before, after) = Margins(x.Shape);
            var n = Build.Flip(Build.Shrink(x.Node, before, after), Backwards());
            for (int d = 0; d < Step.Length; d++)
            {
                if (Math.Abs(Step[d]) == 1 || Length[d] == 0) continue;
                var window = Build.Window(n, d, 1, Math.Abs(Step[d])); // windows of one element, a step apart
                n = Build.Reshape(window, new Shape(window.Shape.Span[..^1]));
            }
            return new(Build.Reshape(n, Result));
        }

        /// <summary>The opposite: values of the region's own shape in their places of a larger one, zeros elsewhere.</summary>
        public Node Place(Node n, Shape shape)
        {
            for (int d = 0; d < Step.Length; d++)
            {
                if (Math.Abs(Step[d]) == 1 || Length[d] == 0) continue;
                var window = Build.Unwindow(Build.Reshape(n, new Shape([.. n.Shape, 1])), d, Reach(d).Span, Math.Abs(Step[d]));
                n = Build.Reshape(window, new Shape(window.Shape.Span[..^1]));
            }
            var (before, after) = Margins(shape);
            return Build.Pad(Build.Flip(n, Backwards()), before, after);
        }
    }

    Tensor PutRegion(Region region, Tensor value)
    {
        var inner = new Shape(region.Length);
        var values = Build.Reshape(Spread(Fitting(value, region.Result), region.Result), inner);
        if (region.IsWhole) return new(values);
        return new(Build.Where(region.Place(Build.Const(DType.Bool, inner, 1L), Shape), region.Place(values, Shape), Node));
    }

    /// <summary>A value to be assigned, in this tensor's dtype and without leading dimensions of extent 1 that the target does not have.</summary>
    Node Fitting(Tensor value, Shape target)
    {
        var n = value.As(DType);
        while (n.Shape.Rank > target.Rank && n.Shape[0] == 1) n = Build.Reshape(n, new Shape(n.Shape.Span[1..]));
        bool fits = n.Shape.Rank <= target.Rank;
        for (int i = 1; i <= n.Shape.Rank && fits; i++) fits = n.Shape[^i] == target[^i] || n.Shape[^i] == 1;
        return fits ? n : throw new ShapeException($"cannot assign {value.Shape} to a selection of shape {target}");
    }

    // ---- index tensors ----

    /// <summary>x with the dimensions that index tensors name replaced by the tensors' common shape.</summary>
    /// <param name="x">What is read.</param>
    /// <param name="tensors">Index tensors by the dimension they index.</param>
    /// <param name="named">The tensor whose shape an error names, if x only holds positions in it.</param>
    static Tensor TakeAt(Tensor x, List<(int Dim, Tensor Index)> tensors, Tensor? named = null)
    {
        if (tensors.Count == 0) return x;
        int k = tensors.Count;
        var dims = tensors.ConvertAll(t => t.Dim);
        int[] others = [.. Enumerable.Range(0, x.Rank).Where(d => !dims.Contains(d))];
        var front = x.Permute([.. dims, .. others]);
        var common = tensors.Aggregate(Shape.Scalar, (s, t) => Shape.Broadcast(s, t.Index.Shape));
        var extents = new Shape(front.Shape.Span[..k]);
        var flat = FlatIndex(extents, tensors.ConvertAll(t => t.Index), wrap: true, named is null && k == 1 ? null : d => $"dimension {dims[d]} of {(named ?? x).DType.Name}{x.Shape}");
        var rows = Build.Reshape(front.Node, new Shape([checked((int)extents.Count), .. front.Shape.Span[k..]]));
        var taken = new Tensor(Pick(rows, Spread(flat, common)));
        if (dims[^1] - dims[0] != k - 1) return taken; // apart: their dimensions stay in front
        int b = common.Rank, first = dims[0];
        return taken.Permute([.. Enumerable.Range(b, first), .. Enumerable.Range(0, b), .. Enumerable.Range(b + first, others.Length - first)]);
    }

    /// <summary>Row-major position of index tuples in a shape.</summary>
    /// <param name="extents">The shape.</param>
    /// <param name="indices">An index for each of its dimensions.</param>
    /// <param name="wrap">Negative indices count from the end.</param>
    /// <param name="dimension">
    /// How an error names a dimension; null leaves the check to whoever uses the position. Each index is checked by itself, as a position of several
    /// dimensions would neither tell which of them was wrong nor, in the middle of the whole, that one was.
    /// </param>
    static Node FlatIndex(Shape extents, List<Tensor> indices, bool wrap, Func<int, string>? dimension)
    {
        var dtype = extents.Count > int.MaxValue ? DType.I64 : DType.I32;
        Tensor? flat = null, isNegative = null;
        for (int d = 0; d < indices.Count; d++)
        {
            var i = indices[d];
            if (i.Node is not { Op: Op.Reshape, src: [{ Op: Op.Iota }] }) // our own positions are in range
            {
                i = Wrapped(i, extents[d]);
                if (dimension is not null)
                {
                    isNegative ??= i < 0;
                    i = new(Build.Check(i.Node, extents[d], dimension(d)));
                }
            }
            flat = flat is null ? dimension is null ? i : i.To(dtype) : flat * extents[d] + i.To(dtype);
        }
        // The whole is checked once more: a scatter of i64 whose rows are known to be in range wrote to wrong ones (golden case "scatter_add(dim:0) i64").
        return (isNegative is null ? flat! : isNegative.Where(-1, flat!)).Node;

        Tensor Wrapped(Tensor i, int extent)
        {
            if (i.DType is not (DType.I32 or DType.I64)) i = i.To(i.DType.Size < 4 ? DType.I32 : DType.I64);
            return wrap ? ((i < 0) & (i >= -extent)).Where(i + extent, i) : i; // what is too negative stays itself, for the message
        }
    }

    /// <summary>A gather of what user code gives, whose index is checked even if all rows are the same.</summary>
    static Node Pick(Node rows, Node index) => Build.Gather(Build.Varies(rows, 0) ? rows : Build.Contiguous(rows), index);

    // ---- assignment by masks and index tensors ----

    /// <summary>x[mask] = a value that does not depend on how many elements are true: a select, and the mask need not be computed now.</summary>
    Tensor? PutByMask(ReadOnlySpan<TensorIndex> index, Tensor value)
    {
        if (index.Length != 1 || index[0].Tensor is not { DType: DType.Bool } mask) return null;
        Region.RequireMask(mask, Shape, 0);
        var tail = new Shape(Shape.Span[mask.Rank..]);
        if (value.Rank > tail.Rank && value.Count != 1) return null;
        var wide = new int[Rank];
        Array.Fill(wide, 1);
        mask.Shape.Span.CopyTo(wide);
        var condition = Spread(Build.Reshape(mask.Node, new Shape(wide)), Shape);
        return new(Build.Where(condition, Spread(Fitting(value, tail), Shape), Node));
    }

    /// <summary>x[rows] = value with one index tensor in front of whole dimensions: whole rows are scattered.</summary>
    Tensor? PutRows(Region region, Tensor value)
    {
        if (region.Tensors is not [(0, var index)] || !region.IsWhole || !region.Result.Equals(Shape)) return null;
        var selection = new Shape([.. index.Shape, .. Shape.Span[1..]]);
        int n = checked((int)index.Count);
        var rows = Build.Reshape(Spread(Fitting(value, selection), selection), new Shape([n, .. Shape.Span[1..]]));
        var flat = Build.Reshape(FlatIndex(new Shape(Shape[0]), [index], wrap: true, dimension: null), new Shape(n));
        return new(Build.Scatter(Node, flat, rows, add: false));
    }

    /// <summary>The general case: the same index, read from the elements' own positions, tells where to write.</summary>
    Tensor PutAnywhere(Region region, Tensor value)
    {
        int count = checked((int)Count);
        var positions = TakeAt(region.Read(new Tensor(Build.Reshape(Build.Iota(DType.I32, count), Shape))), region.Tensors, named: this);
        var flat = new Shape(checked((int)positions.Count));
        var values = Build.Reshape(Spread(Fitting(value, positions.Shape), positions.Shape), flat);
        var written = Build.Scatter(Build.Reshape(Node, new Shape(count)), Build.Reshape(positions.Node, flat), values, add: false);
        return new(Build.Reshape(written, Shape));
    }

    // ---- by value ----

    /// <summary>Positions of the non-zero elements, int64 of shape (their number, Rank), in row-major order. Computes this tensor.</summary>
    public Tensor NonZero()
    {
        var mask = ToMask().ToArray<bool>();
        var strides = Shape.Strides();
        var positions = new List<long>();
        for (long i = 0; i < mask.Length; i++)
        {
            if (!mask[i]) continue;
            for (int d = 0; d < Rank; d++) positions.Add(i / strides[d] % Shape[d]);
        }
        return From([.. positions], Rank == 0 ? mask.Count(m => m) : positions.Count / Rank, Rank);
    }

    /// <summary>The elements where a mask that broadcasts to this shape is true, in one dimension. Computes the mask.</summary>
    public Tensor MaskedSelect(Tensor mask)
    {
        var shape = Shape.Broadcast(Shape, mask.Shape);
        return new Tensor(Spread(Node, shape))[new Tensor(Spread(mask.Node, shape))];
    }
}
