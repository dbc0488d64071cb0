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

    /// <summary>The same values, laid out in row-major order in memory of their own.</summary>
    public Tensor Contiguous() => new(Build.Contiguous(Node));
}
