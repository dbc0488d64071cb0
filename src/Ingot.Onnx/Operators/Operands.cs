namespace Ingot.Onnx.Operators;

/// <summary>What operators of several groups ask of their operands: axes, and how two of them meet.</summary>
static class Operands
{
    /// <summary>An attribute that names an axis, as a dimension from 0.</summary>
    /// <exception cref="IngotException">There is no such dimension.</exception>
    public static int Axis(this OperatorCall c, string name, long otherwise, int rank) => c.Axis(c.Int(name, otherwise), rank);

    /// <summary>An axis as a dimension from 0; negative ones count from the end.</summary>
    public static int Axis(this OperatorCall c, long axis, int rank) =>
        axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw c.Bad($"axis {axis} is not one of a tensor of {rank} dimensions");

    /// <summary>Axes as dimensions from 0, in the order given.</summary>
    public static int[] Axes(this OperatorCall c, IEnumerable<int> axes, int rank)
    {
        int[] dims = [.. axes.Select(a => c.Axis(a, rank))];
        return dims.Distinct().Count() == dims.Length ? dims : throw c.Bad($"axes ({string.Join(", ", axes)}) name one twice");
    }

    /// <summary>Axes from an attribute in older versions, from an input since; null where there are none.</summary>
    public static int[]? AxesFrom(this OperatorCall c, int inputSince, int input) => c.Opset >= inputSince ? c.OptionalConstantInts(input) : c.Ints("axes");

    /// <summary>
    /// Two operands of a binary operator. Before opset 7 the second broadcast to the first only if told so, its dimensions matching the first's from an axis on.
    /// </summary>
    public static (Tensor A, Tensor B) Pair(this OperatorCall c)
    {
        var (a, b) = (c.Tensor(0), c.Tensor(1));
        if (c.Opset >= 7 || !c.Flag("broadcast") || c.OptionalInt("axis") is not { } axis || b.Rank == 0) return (a, b);
        int at = c.Axis(axis, a.Rank);
        if (at + b.Rank > a.Rank) throw c.Bad($"{b.Shape} does not fit into {a.Shape} at axis {axis}");
        return (a, b.Reshape([.. b.Shape, .. Enumerable.Repeat(1, a.Rank - at - b.Rank)]));
    }

    /// <summary>The one value of a scalar or one-element input.</summary>
    public static T ScalarOf<T>(this OperatorCall c, int input) where T : unmanaged =>
        c.Constant<T>(input) is [var value] ? value : throw c.Bad($"input {input} must hold one element, its shape is {c.Shape(input)}");

    /// <summary>Whether an input is a single number that is known before the run.</summary>
    public static bool IsKnownScalar(this OperatorCall c, int input) => c.Has(input) && c.Input(input).IsConstant && c.Shape(input).Count == 1;

    /// <summary>Computes in float32 where the dtype is a half precision or an integer, and comes back to the dtype.</summary>
    public static Tensor Widely(this Tensor x, Func<Tensor, Tensor> f) => f(x.DType == DType.F64 ? x : x.To(DType.F32)).To(x.DType);

    /// <summary>The index along a dimension, of extent 1 in all others.</summary>
    public static Tensor Positions(int rank, int dim, int extent, DType dtype = DType.I64)
    {
        var shape = new int[rank];
        Array.Fill(shape, 1);
        shape[dim] = extent;
        return Tensor.Arange(extent, dtype).Reshape(shape);
    }

    /// <summary>Negative indices counted from the end of a dimension, as int64.</summary>
    public static Tensor Wrapped(Tensor index, int extent)
    {
        var i = index.To(DType.I64);
        return (i < 0).Where(i + extent, i);
    }

    /// <summary>One value per channel (C,), shaped so that it broadcasts over (N, C, ...).</summary>
    public static Tensor OfChannels(Tensor values, int rank)
    {
        var shape = new int[Math.Max(rank, 2)];
        Array.Fill(shape, 1);
        shape[1] = checked((int)values.Count);
        return values.Reshape(shape);
    }

    /// <summary>The product of extents.</summary>
    public static int Product(ReadOnlySpan<int> extents)
    {
        int product = 1;
        foreach (int e in extents) product = checked(product * e);
        return product;
    }
}
