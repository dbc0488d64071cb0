namespace Ingot.Onnx.Operators;

/// <summary>Reductions over axes. The axes are an attribute in older versions and an input since opset 18 (of ReduceSum since 13); of no elements the neutral one is the result.</summary>
static class ReductionOperators
{
    [OnnxOperator("ReduceSum")]
    static Tensor Sum(OperatorCall c) => Reduce(c, (x, axes) => x.Sum(axes, true), inputSince: 13);

    [OnnxOperator("ReduceProd")]
    static Tensor Prod(OperatorCall c) => Reduce(c, (x, axes) => axes.Aggregate(x, (part, axis) => part.Prod(axis, true)));

    [OnnxOperator("ReduceMean")]
    static Tensor Mean(OperatorCall c) => Reduce(c, (x, axes) => (x.DType.IsFloat ? x : x.To(DType.F64)).Mean(axes, true));

    [OnnxOperator("ReduceMax")]
    static Tensor Max(OperatorCall c) => Reduce(c, (x, axes) => IsOfNothing(x, axes) ? Unreached(x, axes, isMax: true) : x.DType == DType.Bool ? x.To(DType.U8).Amax(axes, true) : x.Amax(axes, true));

    [OnnxOperator("ReduceMin")]
    static Tensor Min(OperatorCall c) => Reduce(c, (x, axes) => IsOfNothing(x, axes) ? Unreached(x, axes, isMax: false) : x.DType == DType.Bool ? x.To(DType.U8).Amin(axes, true) : x.Amin(axes, true));

    [OnnxOperator("ReduceL1")]
    static Tensor L1(OperatorCall c) => Reduce(c, (x, axes) => x.Abs().Sum(axes, true));

    [OnnxOperator("ReduceL2")]
    static Tensor L2(OperatorCall c) => Reduce(c, (x, axes) => Real(x).Square().Sum(axes, true).Sqrt());

    [OnnxOperator("ReduceSumSquare")]
    static Tensor SumSquare(OperatorCall c) => Reduce(c, (x, axes) => x.Square().Sum(axes, true));

    [OnnxOperator("ReduceLogSum")]
    static Tensor LogSum(OperatorCall c) => Reduce(c, (x, axes) => Real(x).Sum(axes, true).Log());

    [OnnxOperator("ReduceLogSumExp")]
    static Tensor LogSumExp(OperatorCall c) => Reduce(c, (x, axes) => Real(x).LogSumExp(axes, true));

    static Tensor Reduce(OperatorCall c, Func<Tensor, int[], Tensor> over, int inputSince = 18)
    {
        var input = c.Tensor(0);
        var named = c.AxesFrom(inputSince, 1);
        bool isAll = named is null or [];
        bool isElementwise = isAll && c.Flag("noop_with_empty_axes"); // nothing is summed; squares, logarithms and the like are still taken
        var axes = isElementwise ? [] : isAll ? Enumerable.Range(0, input.Rank).ToArray() : c.Axes(named!, input.Rank);
        // With no axis to reduce, a dimension of extent 1 is added to be the one: the functions take no axes for all.
        var x = axes.Length == 0 ? input.Unsqueeze(input.Rank) : input;
        x = x.DType is DType.F16 or DType.BF16 ? x.To(DType.F32) : x;
        var result = over(x, axes.Length == 0 ? [input.Rank] : axes).To(input.DType);
        if (axes.Length == 0) return result.Reshape(input.Shape);
        return c.Flag("keepdims", true) ? result : result.Reshape([.. input.Shape.Where((_, d) => !axes.Contains(d))]);
    }

    static bool IsOfNothing(Tensor x, int[] axes) => Array.Exists(axes, a => x.Shape[a] == 0);

    /// <summary>What every element is greater (or less) than: an infinity, or the end of an integer's range.</summary>
    static Tensor Unreached(Tensor x, int[] axes, bool isMax)
    {
        var shape = x.Shape.ToArray();
        foreach (int a in axes) shape[a] = 1;
        if (x.DType.IsFloat) return Tensor.Full(shape, isMax ? double.NegativeInfinity : double.PositiveInfinity, x.DType);
        int bits = 8 * x.DType.Size;
        long least = x.DType.IsUnsigned ? 0 : long.MinValue >> (64 - bits);
        long most = x.DType == DType.Bool ? 1 : ~least & (x.DType.IsUnsigned && bits < 64 ? (1L << bits) - 1 : -1L);
        return Tensor.Full(shape, isMax ? least : most, x.DType);
    }

    /// <summary>Roots and logarithms of integers are taken in float64.</summary>
    static Tensor Real(Tensor x) => x.DType.IsFloat ? x : x.To(DType.F64);

    // ---- positions ----

    [OnnxOperator("ArgMax")]
    static Tensor ArgMax(OperatorCall c) => Position(c, (x, axis) => x.ArgMax(axis, true));

    [OnnxOperator("ArgMin")]
    static Tensor ArgMin(OperatorCall c) => Position(c, (x, axis) => x.ArgMin(axis, true));

    /// <summary>The first of equals, or with select_last_index the last: the first of the reversed row.</summary>
    static Tensor Position(OperatorCall c, Func<Tensor, int, Tensor> find)
    {
        var x = c.Tensor(0);
        int axis = c.Axis("axis", 0, x.Rank);
        var at = c.Flag("select_last_index") ? x.Shape[axis] - 1 - find(x.Flip(axis), axis) : find(x, axis);
        return (c.Flag("keepdims", true) ? at : at.Squeeze(axis)).To(DType.I64);
    }

    /// <summary>k is an attribute in opset 1 and an input since 10; smallest elements and no order at all can be asked for since 11 (they are ordered here anyway).</summary>
    [OnnxOperator("TopK")]
    static Tensor[] TopK(OperatorCall c)
    {
        var x = c.Tensor(0);
        int axis = c.Axis("axis", -1, x.Rank);
        long k = c.Opset >= 10 ? c.ScalarOf<long>(1) : c.OptionalInt("k") ?? throw c.Bad("needs the attribute k");
        if (k < 0 || k > x.Shape[axis]) throw c.Bad($"the {k} greatest of {x.Shape[axis]} elements along axis {axis}");
        var order = Sortable(x).ArgSort(axis, descending: c.Flag("largest", true)).Narrow(axis, 0, (int)k);
        return [x.Gather(axis, order), order];
    }

    /// <summary>Sorting compares 64-bit integers as signed ones: the greatest bit turned over keeps the order of unsigned ones.</summary>
    static Tensor Sortable(Tensor x) => x.DType == DType.U64 ? (x ^ Tensor.Full([], long.MinValue, DType.U64)).To(DType.I64) : x;
}
