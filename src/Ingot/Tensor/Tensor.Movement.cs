using Ingot.Graph;

namespace Ingot;

/// <summary>Changes of shape: index arithmetic, never a copy.</summary>
public sealed partial class Tensor
{
    /// <summary>The same elements in row-major order under another shape; one extent may be -1 and is worked out.</summary>
    /// <exception cref="ShapeException">The shape holds another number of elements.</exception>
    public Tensor Reshape(params ReadOnlySpan<int> shape)
    {
        var dims = shape.ToArray();
        int free = Array.IndexOf(dims, -1);
        if (free >= 0)
        {
            long others = 1;
            for (int i = 0; i < dims.Length; i++) if (i != free) others *= dims[i];
            if (others <= 0 || Count % others != 0) throw CannotReshape(dims);
            dims[free] = checked((int)(Count / others));
        }
        var target = Array.Exists(dims, d => d < 0) ? throw CannotReshape(dims) : new Shape(dims);
        return target.Count == Count ? new(Build.Reshape(Node, target)) : throw CannotReshape(dims);
    }

    ShapeException CannotReshape(int[] dims) => new($"cannot reshape {Shape} ({Count} elements) to ({string.Join(", ", dims)})");

    /// <summary><see cref="Reshape"/>; every layout can be viewed, so the two are one.</summary>
    public Tensor View(params ReadOnlySpan<int> shape) => Reshape(shape);

    /// <summary>Dimension i of the result is dimension order[i] of this.</summary>
    /// <exception cref="ShapeException">The order does not name each dimension once.</exception>
    public Tensor Permute(params ReadOnlySpan<int> order)
    {
        var axes = new int[order.Length];
        for (int i = 0; i < axes.Length; i++) axes[i] = Shape.Axis(order[i]);
        if (axes.Length != Rank || axes.Distinct().Count() != Rank)
            throw new ShapeException($"Permute of {Shape} needs each of its {Rank} dimensions once, not ({string.Join(", ", order.ToArray())})");
        return new(Build.Permute(Node, axes));
    }

    /// <summary>Exchanges two dimensions.</summary>
    public Tensor Transpose(int dim0, int dim1)
    {
        var order = Enumerable.Range(0, Rank).ToArray();
        int a = Shape.Axis(dim0), b = Shape.Axis(dim1);
        (order[a], order[b]) = (b, a);
        return new(Build.Permute(Node, order));
    }

    /// <summary>The transpose of a matrix.</summary>
    /// <exception cref="ShapeException">More than two dimensions.</exception>
    public Tensor T() => Rank < 2 ? this : Rank == 2 ? Transpose(0, 1) : throw new ShapeException($"T() is for matrices; {Shape} has {Rank} dimensions: use Transpose or Permute");

    /// <summary>Repeats extents of 1 to this shape, which may have more dimensions in front; -1 keeps an extent.</summary>
    /// <exception cref="ShapeException">An extent other than 1 differs.</exception>
    public Tensor Expand(params ReadOnlySpan<int> shape)
    {
        var dims = shape.ToArray();
        int front = dims.Length - Rank;
        bool fits = front >= 0;
        for (int i = 0; i < dims.Length && fits; i++)
        {
            if (dims[i] == -1 && i >= front) dims[i] = Shape[i - front];
            fits = dims[i] >= 0 && (i < front || Shape[i - front] == dims[i] || Shape[i - front] == 1);
        }
        return fits ? new(Spread(Node, new Shape(dims)))
            : throw new ShapeException($"cannot expand {Shape} to ({string.Join(", ", shape.ToArray())}): only extents of 1 are repeated, and -1 keeps an extent");
    }

    /// <summary>Repeats extents of 1 to another tensor's shape.</summary>
    public Tensor ExpandAs(Tensor other) => Expand(other.Shape.Span);

    /// <summary>A new dimension of extent 1 before <paramref name="dim"/>.</summary>
    public Tensor Unsqueeze(int dim)
    {
        if (dim < -Rank - 1 || dim > Rank) throw new TensorIndexException($"Unsqueeze({dim}) of {Shape}: dim must be from {-Rank - 1} to {Rank}");
        var dims = Shape.ToArray().ToList();
        dims.Insert(dim < 0 ? dim + Rank + 1 : dim, 1);
        return new(Build.Reshape(Node, new Shape([.. dims])));
    }

    /// <summary>Without its dimensions of extent 1.</summary>
    public Tensor Squeeze() => new(Build.Reshape(Node, new Shape([.. Shape.Where(d => d != 1)])));

    /// <summary>Without this dimension if its extent is 1.</summary>
    public Tensor Squeeze(int dim)
    {
        int axis = Shape.Axis(dim);
        return Shape[axis] != 1 ? this : new(Build.Reshape(Node, new Shape([.. Shape.Span[..axis], .. Shape.Span[(axis + 1)..]])));
    }

    /// <summary>Dimensions start to end (included) as one.</summary>
    public Tensor Flatten(int startDim = 0, int endDim = -1)
    {
        if (Rank == 0) return Reshape(1);
        int a = Shape.Axis(startDim), b = Shape.Axis(endDim);
        if (b < a) throw new ShapeException($"Flatten({startDim}, {endDim}) of {Shape}: the start comes after the end");
        int merged = 1;
        foreach (var d in Shape.Span[a..(b + 1)]) merged = checked(merged * d);
        return new(Build.Reshape(Node, new Shape([.. Shape.Span[..a], merged, .. Shape.Span[(b + 1)..]])));
    }

    /// <summary>Dimension <paramref name="dim"/> as several; one extent may be -1.</summary>
    /// <exception cref="ShapeException">The extents do not multiply to that of the dimension.</exception>
    public Tensor Unflatten(int dim, params ReadOnlySpan<int> sizes)
    {
        int axis = Shape.Axis(dim);
        var part = sizes.ToArray();
        int free = Array.IndexOf(part, -1);
        long known = 1;
        foreach (var d in part) known *= d == -1 ? 1 : d;
        if (free >= 0 && known > 0 && Shape[axis] % known == 0) { part[free] = (int)(Shape[axis] / known); known *= part[free]; }
        if (known != Shape[axis] || Array.Exists(part, d => d < 0))
            throw new ShapeException($"cannot unflatten dimension {dim} of {Shape} ({Shape[axis]}) into ({string.Join(", ", sizes.ToArray())})");
        return new(Build.Reshape(Node, new Shape([.. Shape.Span[..axis], .. part, .. Shape.Span[(axis + 1)..]])));
    }

    /// <summary>Moves a dimension to another place; the others keep their order.</summary>
    public Tensor MoveDim(int source, int destination)
    {
        var order = Enumerable.Range(0, Rank).ToList();
        int from = Shape.Axis(source), to = Shape.Axis(destination);
        order.RemoveAt(from);
        order.Insert(to, from);
        return new(Build.Permute(Node, [.. order]));
    }

    /// <summary>Reverses the order along dimensions.</summary>
    public Tensor Flip(params ReadOnlySpan<int> dims)
    {
        if (Rank == 0 || dims.Length == 0) return this;
        return new(Build.Flip(Node, Axes(dims)));
    }

    /// <summary><paramref name="length"/> elements of a dimension from <paramref name="start"/>.</summary>
    /// <exception cref="TensorIndexException">They reach beyond the dimension.</exception>
    public Tensor Narrow(int dim, int start, int length)
    {
        int axis = Shape.Axis(dim), extent = Shape[axis];
        if (start < 0) start += extent;
        if (start < 0 || length < 0 || start + (long)length > extent)
            throw new TensorIndexException($"{length} elements from {start} do not lie in dimension {dim} of {Shape}");
        var before = new int[Rank];
        var after = new int[Rank];
        (before[axis], after[axis]) = (start, extent - start - length);
        return new(Build.Shrink(Node, new Shape(before), new Shape(after)));
    }

    /// <summary>One slice of a dimension, which drops out.</summary>
    /// <exception cref="TensorIndexException">There is no such slice.</exception>
    public Tensor Select(int dim, int index) => Narrow(dim, index, 1).Squeeze(dim);

    /// <summary>Shifts elements along a dimension; what falls off one end comes in at the other.</summary>
    public Tensor Roll(int shift, int dim)
    {
        if (Count == 0) return this;
        int extent = Size(dim), at = extent - (shift % extent + extent) % extent;
        return at == extent ? this : Cat([Narrow(dim, at, extent - at), Narrow(dim, 0, at)], dim);
    }

    /// <summary>Shifts elements along several dimensions.</summary>
    public Tensor Roll(ReadOnlySpan<int> shifts, ReadOnlySpan<int> dims)
    {
        if (shifts.Length != dims.Length) throw new ShapeException($"Roll got {shifts.Length} shifts for {dims.Length} dimensions");
        var x = this;
        for (int i = 0; i < dims.Length; i++) x = x.Roll(shifts[i], dims[i]);
        return x;
    }

    /// <summary>Copies of the tensor laid side by side: repeats[i] of them along dimension i; more repeats than dimensions add dimensions in front.</summary>
    public Tensor Repeat(params ReadOnlySpan<int> repeats)
    {
        int front = repeats.Length - Rank;
        if (front < 0) throw new ShapeException($"Repeat of {Shape} needs a number for each of its {Rank} dimensions, {repeats.Length} were given");
        var apart = new int[2 * repeats.Length]; // (1, d0, 1, d1, ...)
        var wide = new int[2 * repeats.Length]; // (r0, d0, r1, d1, ...)
        var dims = new int[repeats.Length];
        for (int i = 0; i < repeats.Length; i++)
        {
            int d = i < front ? 1 : Shape[i - front];
            (apart[2 * i], apart[2 * i + 1]) = (1, d);
            (wide[2 * i], wide[2 * i + 1]) = (repeats[i], d);
            dims[i] = checked(repeats[i] * d);
        }
        return new(Build.Reshape(Build.Expand(Build.Reshape(Node, new Shape(apart)), new Shape(wide)), new Shape(dims)));
    }

    /// <summary>Each element <paramref name="repeats"/> times in a row, along a dimension.</summary>
    public Tensor RepeatInterleave(int repeats, int dim)
    {
        int axis = Shape.Axis(dim);
        var x = Unsqueeze(axis + 1);
        var wide = x.Shape.ToArray();
        wide[axis + 1] = repeats;
        return x.Expand(wide).Flatten(axis, axis + 1);
    }

    /// <summary>Each slice of a dimension (each element of the flattened tensor, if none is named) as often in a row as its count says. Computes the counts, which the result's shape depends on.</summary>
    /// <param name="repeats">Integers from 0, one for each slice; or one for all.</param>
    /// <param name="dim">The dimension.</param>
    /// <exception cref="ShapeException">Another number of counts.</exception>
    /// <exception cref="IngotException">A negative count.</exception>
    public Tensor RepeatInterleave(Tensor repeats, int? dim = null)
    {
        repeats.RequireInteger(nameof(RepeatInterleave));
        if (dim is not { } d) return Flatten().RepeatInterleave(repeats, 0);
        int extent = Size(d);
        if (repeats.Rank > 1 || (repeats.Count != 1 && repeats.Count != extent))
            throw new ShapeException($"RepeatInterleave along dimension {dim} of {Shape} needs one count, or one for each of {extent}, not {repeats.Shape}");
        long[] counts = repeats.ToArray<long>();
        if (Array.Exists(counts, c => c < 0)) throw new IngotException($"RepeatInterleave cannot repeat slice {Array.FindIndex(counts, c => c < 0)} of {Shape} {counts.First(c => c < 0)} times");
        if (counts.Length == 1) return RepeatInterleave(checked((int)counts[0]), d);
        int[] index = [.. counts.SelectMany((c, i) => Enumerable.Repeat(i, checked((int)c)))];
        return IndexSelect(d, From(index, index.Length));
    }

    /// <summary>Each element of the flattened tensor <paramref name="repeats"/> times in a row.</summary>
    public Tensor RepeatInterleave(int repeats) => Flatten().RepeatInterleave(repeats, 0);

    /// <summary>The elements whose index in dim2 is that in dim1 plus the offset, as a new last dimension.</summary>
    public Tensor Diagonal(int offset = 0, int dim1 = 0, int dim2 = 1)
    {
        int a = Shape.Axis(dim1), b = Shape.Axis(dim2);
        if (a == b) throw new ShapeException($"Diagonal of {Shape} needs two dimensions, both are {dim1}");
        int[] order = [.. Enumerable.Range(0, Rank).Where(i => i != a && i != b), a, b];
        var x = new Tensor(Build.Permute(Node, order)); // (..., rows, columns)
        int row = Math.Max(0, -offset), column = Math.Max(0, offset);
        int n = Math.Max(0, Math.Min(x.Shape[-2] - row, x.Shape[-1] - column));
        if (n == 0) return Zeros([.. x.Shape.Span[..^2], 0], DType);
        var flat = x.Narrow(-2, row, n).Narrow(-1, column, n).Flatten(-2); // (..., n*n): the diagonal is every (n+1)th
        return new(Build.Reshape(Build.Window(flat.Node, flat.Rank - 1, 1, n + 1), new Shape([.. x.Shape.Span[..^2], n])));
    }

    /// <summary>Windows of <paramref name="size"/> elements along a dimension, a step apart, as a new last dimension.</summary>
    /// <exception cref="ShapeException">The dimension is shorter than a window.</exception>
    public Tensor Unfold(int dim, int size, int step)
    {
        int axis = Shape.Axis(dim);
        if (size < 1 || step < 1 || size > Shape[axis]) throw new ShapeException($"windows of {size}, {step} apart, do not fit dimension {dim} of {Shape}");
        return new(Build.Window(Node, axis, size, step));
    }

    /// <summary>The same values, laid out in row-major order in memory of their own.</summary>
    public Tensor Contiguous() => new(Build.Contiguous(Node));
}
