namespace Ingot.Onnx.Operators;

/// <summary>Reading at computed positions. Negative indices count from the end.</summary>
static class GatherOperators
{
    /// <summary>Slices of an axis, the index tensor's dimensions in its place.</summary>
    [OnnxOperator("Gather")]
    static OnnxValue Gather(OperatorCall c)
    {
        var shape = c.Shape(0);
        int axis = c.Axis("axis", 0, shape.Rank);
        if (c.IsKnownScalar(1))
        {
            // A known position is no gather but a slice.
            long at = c.ScalarOf<long>(1);
            if (at < -shape[axis] || at >= shape[axis]) throw c.Bad($"index {at} is out of range for axis {axis} of {shape}");
            int from = (int)(at < 0 ? at + shape[axis] : at), indexRank = c.Shape(1).Rank;
            int[] dims = [.. shape.Span[..axis], .. Enumerable.Repeat(1, indexRank), .. shape.Span[(axis + 1)..]];
            return OnnxValue.Move([c.Input(0)], t => t[0].Narrow(axis, from, 1).Reshape(dims));
        }
        var index = new TensorIndex[axis + 1];
        Array.Fill(index, Dim.All);
        index[axis] = c.Tensor(1);
        return OnnxValue.Move([c.Input(0)], t => t[0][index]);
    }

    /// <summary>An index for every element of the result.</summary>
    [OnnxOperator("GatherElements", Since = 11)]
    static OnnxValue GatherElements(OperatorCall c)
    {
        var shape = c.Shape(0);
        int axis = c.Axis("axis", 0, shape.Rank);
        var index = Operands.Wrapped(c.Tensor(1), shape[axis]);
        return OnnxValue.Move([c.Input(0)], t => t[0].Gather(axis, index));
    }

    /// <summary>The last dimension of the index holds the position along as many dimensions of the data, after those of the batch.</summary>
    [OnnxOperator("GatherND", Since = 11)]
    static OnnxValue GatherND(OperatorCall c)
    {
        var shape = c.Shape(0);
        var index = c.Tensor(1);
        int batch = (int)c.Int("batch_dims", 0);
        var (rows, count) = RowsOf(c, shape, index, batch);
        int[] result = [.. index.Shape.Span[..^1], .. shape.Span[(batch + index.Shape[^1])..]];
        return OnnxValue.Move([c.Input(0)], t =>
        {
            var table = t[0].Reshape([count, .. shape.Span[(batch + index.Shape[^1])..]]);
            return table.IndexSelect(0, rows).Reshape(result);
        });
    }

    /// <summary>The tuples of an index's last dimension as row numbers (int64, one dimension) of the data with its indexed dimensions flattened.</summary>
    public static (Tensor Rows, int Count) RowsOf(OperatorCall c, Shape data, Tensor index, int batch)
    {
        int depth = index.Rank > 0 ? index.Shape[^1] : throw c.Bad("the index needs a dimension");
        if (batch < 0 || batch + depth > data.Rank || batch >= index.Rank) throw c.Bad($"an index of {index.Shape} with {batch} batch dimensions does not fit {data}");
        Tensor? rows = null;
        for (int j = 0; j < batch; j++)
        {
            var at = Operands.Positions(index.Rank - 1, j, data[j]);
            rows = rows is null ? at : rows * data[j] + at;
        }
        for (int j = 0; j < depth; j++)
        {
            var at = Operands.Wrapped(index.Select(-1, j), data[batch + j]);
            rows = rows is null ? at : rows * data[batch + j] + at;
        }
        var shape = new Shape(index.Shape.Span[..^1]);
        rows = (rows ?? Tensor.Zeros([], DType.I64)).Expand(shape);
        return (rows.Reshape(checked((int)shape.Count)), Operands.Product(data.Span[..(batch + depth)]));
    }

    /// <summary>The first elements of each sequence of a batch in reverse order, as many as its length says.</summary>
    [OnnxOperator("ReverseSequence", Since = 10)]
    static OnnxValue ReverseSequence(OperatorCall c)
    {
        var shape = c.Shape(0);
        int batch = c.Axis("batch_axis", 1, shape.Rank), time = c.Axis("time_axis", 0, shape.Rank);
        int[] lengths = [.. Enumerable.Repeat(1, shape.Rank)];
        lengths[batch] = shape[batch];
        var length = c.Tensor(1).To(DType.I64).Reshape(lengths);
        var at = Operands.Positions(shape.Rank, time, shape[time]);
        var from = (at < length).Where(length - 1 - at, at).Expand(shape);
        return OnnxValue.Move([c.Input(0)], t => t[0].Gather(time, from));
    }

    /// <summary>The slices of an axis (of the flattened tensor without one) where a condition is true. Computes the condition.</summary>
    [OnnxOperator("Compress", Since = 9)]
    static OnnxValue Compress(OperatorCall c)
    {
        int? axis = c.OptionalInt("axis") is { } a ? c.Axis(a, c.Shape(0).Rank) : null;
        int[] chosen = [.. c.Constant<bool>(1).Index().Where(e => e.Item).Select(e => e.Index)];
        var index = Tensor.From(chosen, [chosen.Length]);
        return OnnxValue.Move([c.Input(0)], t => (axis is null ? t[0].Flatten() : t[0]).IndexSelect(axis ?? 0, index));
    }

    /// <summary>"on" at the index along a new axis, "off" elsewhere and for indices outside -depth..depth-1.</summary>
    [OnnxOperator("OneHot", Since = 9)]
    static OnnxValue OneHot(OperatorCall c)
    {
        var index = c.Tensor(0);
        int depth = OperatorCall.Clamped((long)c.ScalarOf<double>(1)), rank = index.Rank + 1;
        int axis = c.Axis("axis", -1, rank);
        var isHot = Operands.Positions(rank, axis, depth).Eq(Operands.Wrapped(index, depth).Unsqueeze(axis));
        return OnnxValue.Move([c.Input(2)], t => isHot.Where(t[0].Select(0, 1), t[0].Select(0, 0)).To(t[0].DType));
    }
}
