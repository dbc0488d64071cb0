using Ingot.Graph;

namespace Ingot;

/// <summary>What <see cref="Tensor.Pad(ReadOnlySpan{int}, PadMode, double)"/> puts around a tensor.</summary>
public enum PadMode
{
    /// <summary>One value.</summary>
    Constant,
    /// <summary>The nearest element.</summary>
    Replicate,
    /// <summary>The elements mirrored at the edge, which is not repeated.</summary>
    Reflect,
    /// <summary>The elements of the other end, as if the tensor were laid side by side.</summary>
    Circular,
}

/// <summary>Padding, joining and splitting.</summary>
public sealed partial class Tensor
{
    /// <summary>
    /// Padding around the last dimensions: pairs (before, after), the last dimension's first, as PyTorch counts them.
    /// Negative numbers cut off.
    /// </summary>
    /// <exception cref="ShapeException">An odd number of paddings, more pairs than dimensions, or a mirrored or repeated part longer than its dimension.</exception>
    public Tensor Pad(ReadOnlySpan<int> padding, PadMode mode = PadMode.Constant, double value = 0)
    {
        if (padding.Length % 2 != 0 || padding.Length / 2 > Rank)
            throw new ShapeException($"Pad of {Shape} takes up to {Rank} pairs (before, after), last dimension first; {padding.Length} numbers were given");
        var x = this;
        var before = new int[Rank];
        var after = new int[Rank];
        for (int i = 0; i < padding.Length / 2; i++)
        {
            int axis = Rank - 1 - i;
            int lost = Math.Max(0, -padding[2 * i]) + Math.Max(0, -padding[2 * i + 1]);
            if (lost > Shape[axis]) throw new ShapeException($"Pad of {Shape} cuts {lost} elements off dimension {axis}, which has {Shape[axis]}");
            if (lost > 0) x = x.Narrow(axis, Math.Max(0, -padding[2 * i]), Shape[axis] - lost);
            (before[axis], after[axis]) = (Math.Max(0, padding[2 * i]), Math.Max(0, padding[2 * i + 1]));
        }
        if (mode == PadMode.Constant) return x.Surround(before, after, value);
        for (int axis = 0; axis < Rank; axis++)
            if (before[axis] + after[axis] > 0) x = Around(x, axis, before[axis], after[axis]);
        return x;

        Tensor Around(Tensor x, int axis, int before, int after) => mode switch
        {
            PadMode.Replicate => x.Replicate(axis, before, after),
            PadMode.Reflect => x.Reflect(axis, before, after),
            PadMode.Circular => x.Continue(axis, before, after),
            _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, null),
        };
    }

    Tensor Surround(int[] before, int[] after, double value)
    {
        var padded = Build.Pad(Node, new Shape(before), new Shape(after));
        if (BitConverter.DoubleToInt64Bits(value) == 0 || ReferenceEquals(padded, Node)) return new(padded);
        var inside = Build.Pad(Build.Const(DType.Bool, Shape, 1L), new Shape(before), new Shape(after));
        return new(Build.Where(inside, padded, Build.Const(DType, padded.Shape, value)));
    }

    Tensor Replicate(int axis, int before, int after)
    {
        int n = Shape[axis];
        if (n == 0) throw new ShapeException($"dimension {axis} of {Shape} has no edge to replicate");
        var (lead, trail) = (new int[Rank], new int[Rank]);
        (lead[axis], trail[axis]) = (before, after);
        var padded = Surround(lead, trail, 0);
        var at = Positions(padded.Shape, axis);
        var edges = (at < before).Where(Narrow(axis, 0, 1).ExpandAs(padded), Narrow(axis, n - 1, 1).ExpandAs(padded));
        return ((at < before) | (at >= before + n)).Where(edges, padded);
    }

    Tensor Reflect(int axis, int before, int after)
    {
        int n = Shape[axis];
        if (Math.Max(before, after) >= n) throw new ShapeException($"dimension {axis} of {Shape} is too short to be reflected by {Math.Max(before, after)}");
        return Cat([Narrow(axis, 1, before).Flip(axis), this, Narrow(axis, n - 1 - after, after).Flip(axis)], axis);
    }

    Tensor Continue(int axis, int before, int after)
    {
        int n = Shape[axis];
        if (Math.Max(before, after) > n) throw new ShapeException($"dimension {axis} of {Shape} is too short to be continued by {Math.Max(before, after)} of its own elements");
        return Cat([Narrow(axis, n - before, before), this, Narrow(axis, 0, after)], axis);
    }

    /// <summary>The index along one dimension, as a tensor that broadcasts over a shape.</summary>
    internal static Tensor Positions(Shape shape, int axis, DType dtype = DType.I32)
    {
        var dims = new int[shape.Rank];
        Array.Fill(dims, 1);
        dims[axis] = shape[axis];
        return new(Build.Reshape(Build.Iota(dtype, shape[axis]), new Shape(dims)));
    }

    /// <summary>Joins tensors along an existing dimension; their dtypes promote. One of shape (0,) is left out beside any others.</summary>
    /// <exception cref="ShapeException">No tensors, or their other dimensions differ.</exception>
    public static Tensor Cat(ReadOnlySpan<Tensor> tensors, int dim = 0)
    {
        if (tensors.Length == 0) throw new ShapeException("Cat of no tensors");
        var dtype = ResultType(tensors);
        if (WithoutEmpty(tensors) is { } some) return Cat(some, dim).To(dtype);
        var shape = tensors[0].Shape;
        int axis = shape.Axis(dim);
        var starts = new int[tensors.Length + 1];
        for (int i = 0; i < tensors.Length; i++)
        {
            var s = tensors[i].Shape;
            bool fits = s.Rank == shape.Rank;
            for (int d = 0; d < shape.Rank && fits; d++) fits = d == axis || s[d] == shape[d];
            if (!fits) throw new ShapeException($"cannot join {shape} (tensor 0) and {s} (tensor {i}) along dimension {dim}: the other dimensions must be equal");
            starts[i + 1] = checked(starts[i] + s[axis]);
        }
        if (tensors.Length == 1) return tensors[0];
        // Every element passes one select a piece: many pieces are joined in groups, each written to memory.
        const int Group = 16;
        if (tensors.Length > Group)
        {
            var groups = new List<Tensor>();
            for (int i = 0; i < tensors.Length; i += Group) groups.Add(Cat(tensors[i..Math.Min(i + Group, tensors.Length)], dim).To(dtype).Contiguous());
            return Cat(groups.ToArray(), dim);
        }
        var dims = shape.ToArray();
        dims[axis] = starts[^1];
        var at = Spread(Positions(new Shape(dims), axis).Node, new Shape(dims));
        Node? joined = null;
        for (int i = tensors.Length - 1; i >= 0; i--)
        {
            var (before, after) = (new int[shape.Rank], new int[shape.Rank]);
            (before[axis], after[axis]) = (starts[i], starts[^1] - starts[i + 1]);
            var piece = Build.Pad(tensors[i].As(dtype), new Shape(before), new Shape(after));
            joined = joined is null ? piece : Build.Where(Build.Binary(Op.CmpLt, at, Build.Const(DType.I32, at.Shape, (long)starts[i + 1])), piece, joined);
        }
        return new(joined!);
    }

    /// <summary>The tensors but those of shape (0,), which join with any shape, as PyTorch has it from its early days; null if there is none or all have one dimension.</summary>
    static Tensor[]? WithoutEmpty(ReadOnlySpan<Tensor> tensors)
    {
        bool hasEmpty = false, hasOther = false;
        foreach (var t in tensors) (hasEmpty, hasOther) = (hasEmpty | (t.Rank == 1 && t.Count == 0), hasOther | t.Rank != 1);
        return hasEmpty && hasOther ? [.. tensors.ToArray().Where(t => t.Rank != 1 || t.Count > 0)] : null;
    }

    /// <summary>Joins tensors of one shape along a new dimension.</summary>
    /// <exception cref="ShapeException">No tensors, or their shapes differ.</exception>
    public static Tensor Stack(ReadOnlySpan<Tensor> tensors, int dim = 0)
    {
        var pieces = new Tensor[tensors.Length];
        for (int i = 0; i < pieces.Length; i++)
        {
            if (!tensors[i].Shape.Equals(tensors[0].Shape)) throw new ShapeException($"cannot stack {tensors[0].Shape} (tensor 0) and {tensors[i].Shape} (tensor {i}): the shapes must be equal");
            pieces[i] = tensors[i].Unsqueeze(dim);
        }
        return pieces.Length == 0 ? throw new ShapeException("Stack of no tensors") : Cat(pieces, dim);
    }

    /// <summary>Parts of <paramref name="size"/> elements along a dimension; the last may be smaller.</summary>
    public Tensor[] Split(int size, int dim = 0)
    {
        int extent = Size(dim);
        if (size < 1) throw new ShapeException($"Split into parts of {size}");
        var parts = new Tensor[Math.Max(1, (extent + size - 1) / size)];
        for (int i = 0; i < parts.Length; i++) parts[i] = Narrow(dim, i * size, Math.Min(size, extent - i * size));
        return parts;
    }

    /// <summary>Parts of these sizes along a dimension.</summary>
    /// <exception cref="ShapeException">The sizes do not sum to the extent.</exception>
    public Tensor[] Split(ReadOnlySpan<int> sizes, int dim = 0)
    {
        var parts = new Tensor[sizes.Length];
        int at = 0;
        foreach (var s in sizes) at += s;
        if (at != Size(dim)) throw new ShapeException($"Split sizes ({string.Join(", ", sizes.ToArray())}) sum to {at}, dimension {dim} of {Shape} has {Size(dim)}");
        at = 0;
        for (int i = 0; i < parts.Length; at += sizes[i++]) parts[i] = Narrow(dim, at, sizes[i]);
        return parts;
    }

    /// <summary>At most <paramref name="chunks"/> parts of equal size along a dimension; the last may be smaller.</summary>
    public Tensor[] Chunk(int chunks, int dim = 0) =>
        chunks < 1 ? throw new ShapeException($"Chunk into {chunks} parts") : Split(Math.Max(1, (Size(dim) + chunks - 1) / chunks), dim);
}
