using System.Collections;

namespace Ingot;

/// <summary>The extents of a tensor, outermost first. Compared by content.</summary>
public sealed class Shape : IReadOnlyList<int>, IEquatable<Shape>
{
    public static readonly Shape Scalar = new([]);

    readonly int[] dims;
    readonly int hash;

    /// <exception cref="ShapeException">A negative extent.</exception>
    public Shape(params ReadOnlySpan<int> dims)
    {
        this.dims = dims.ToArray();
        var h = new HashCode();
        Count = 1;
        foreach (var d in dims)
        {
            if (d < 0) throw new ShapeException($"a dimension cannot be negative: ({string.Join(", ", this.dims)})");
            Count = checked(Count * d);
            h.Add(d);
        }
        hash = h.ToHashCode();
    }

    /// <summary>Number of dimensions.</summary>
    public int Rank => dims.Length;

    /// <summary>Number of elements: the product of the extents, 1 for a scalar.</summary>
    public long Count { get; }

    int IReadOnlyCollection<int>.Count => dims.Length;

    /// <summary>Extent of dimension <paramref name="i"/>, counted from the end if negative.</summary>
    public int this[int i] => dims[i < 0 ? i + dims.Length : i];

    public int this[Index i] => dims[i];

    public ReadOnlySpan<int> Span => dims;

    public int[] ToArray() => [.. dims];

    /// <summary>Row-major strides in elements.</summary>
    public long[] Strides()
    {
        var s = new long[dims.Length];
        long acc = 1;
        for (int i = dims.Length - 1; i >= 0; i--) { s[i] = acc; acc *= dims[i]; }
        return s;
    }

    /// <summary>A dimension number from 0; negative ones count from the end.</summary>
    /// <exception cref="TensorIndexException">There is no such dimension.</exception>
    public int Axis(int axis)
    {
        if (axis < -Rank || axis >= Rank)
            throw new TensorIndexException($"dimension {axis} is out of range for shape {this}, which has {Rank} dimension{(Rank == 1 ? "" : "s")}");
        return axis < 0 ? axis + Rank : axis;
    }

    /// <summary>The common shape of two operands by NumPy's and PyTorch's rules.</summary>
    /// <exception cref="ShapeException">They do not broadcast.</exception>
    public static Shape Broadcast(Shape a, Shape b)
    {
        if (a.Equals(b)) return a;
        int rank = Math.Max(a.Rank, b.Rank);
        var dims = new int[rank];
        for (int i = 1; i <= rank; i++)
        {
            int x = i <= a.Rank ? a[^i] : 1, y = i <= b.Rank ? b[^i] : 1;
            if (x != y && x != 1 && y != 1)
                throw new ShapeException($"cannot broadcast {a} with {b}: dimension {rank - i} is {x} in one and {y} in the other");
            dims[^i] = x == 1 ? y : x;
        }
        return new Shape(dims);
    }

    public bool Equals(Shape? other) => other is not null && (ReferenceEquals(this, other) || (hash == other.hash && dims.AsSpan().SequenceEqual(other.dims)));

    public override bool Equals(object? obj) => Equals(obj as Shape);

    public override int GetHashCode() => hash;

    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)dims).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>As C# writes a tuple: (2, 3), (5,), ().</summary>
    public override string ToString() => dims.Length == 1 ? $"({dims[0]},)" : $"({string.Join(", ", dims)})";

    public static implicit operator Shape(int[] dims) => new(dims);

    public static implicit operator ReadOnlySpan<int>(Shape shape) => shape.dims;
}
