namespace Ingot;

/// <summary>
/// One entry between the brackets of <c>x[...]</c>: a position, a range, a step, a tensor of positions, a mask, a new
/// dimension or "the rest". Made by conversion from int, <see cref="Index"/>, <see cref="Range"/> and
/// <see cref="Tensor"/>; the others come from <see cref="Dim"/>.
/// </summary>
public readonly struct TensorIndex
{
    internal enum Kind : byte { Position, Slice, New, Ellipsis, Tensor }

    internal Kind What { get; private init; }
    internal int? Start { get; private init; }
    internal int? Stop { get; private init; }
    internal int Step { get; private init; }
    internal Range Range { get; private init; }
    internal Tensor? Tensor { get; private init; }

    /// <summary><see cref="Start"/> is 0 or less and counts from the end even if it is 0, which is past it.</summary>
    internal bool IsFromEnd { get; private init; }

    /// <summary>A C# range must lie inside the dimension, a Python-like slice is cut to it.</summary>
    internal bool IsRange { get; private init; }

    internal static readonly TensorIndex NewDimension = new() { What = Kind.New };
    internal static readonly TensorIndex Rest = new() { What = Kind.Ellipsis };

    internal static TensorIndex Slice(int? start, int? stop, int step) => new() { What = Kind.Slice, Start = start, Stop = stop, Step = step };

    /// <summary>A position; negative ones count from the end.</summary>
    public static implicit operator TensorIndex(int position) => new() { What = Kind.Position, Start = position };

    public static implicit operator TensorIndex(Index position) =>
        new() { What = Kind.Position, Start = position.IsFromEnd ? -position.Value : position.Value, IsFromEnd = position.IsFromEnd };

    public static implicit operator TensorIndex(Range range) => new() { What = Kind.Slice, Range = range, IsRange = true, Step = 1 };

    /// <summary>Positions (integers; negative ones count from the end) or a mask (bool).</summary>
    public static implicit operator TensorIndex(Tensor tensor) => new() { What = Kind.Tensor, Tensor = tensor };

    /// <summary>A list of positions.</summary>
    public static implicit operator TensorIndex(int[] positions) => Ingot.Tensor.From(positions);
}

/// <summary>Index entries that C# has no syntax for.</summary>
public static class Dim
{
    /// <summary>All of a dimension, as <c>..</c> is.</summary>
    public static TensorIndex All => Range.All;

    /// <summary>A new dimension of extent 1 (Python's None).</summary>
    public static TensorIndex New => TensorIndex.NewDimension;

    /// <summary>As many whole dimensions as are left (Python's ...).</summary>
    public static TensorIndex Ellipsis => TensorIndex.Rest;

    /// <summary>Python's <c>start:stop:step</c>: null for an end, negative numbers count from the end, what lies outside is cut, a negative step runs backwards.</summary>
    /// <exception cref="TensorIndexException">The step is 0.</exception>
    public static TensorIndex Slice(int? start, int? stop, int step = 1) =>
        step == 0 ? throw new TensorIndexException("the step of a slice cannot be 0") : TensorIndex.Slice(start, stop, step);

    /// <summary>Every step-th element (Python's <c>::step</c>).</summary>
    public static TensorIndex Every(int step) => Slice(null, null, step);
}
