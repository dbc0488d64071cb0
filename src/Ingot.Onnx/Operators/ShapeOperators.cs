namespace Ingot.Onnx.Operators;

/// <summary>Shapes, and changes of shape that keep the elements' order.</summary>
static class ShapeOperators
{
    /// <summary>The extents, or those from start to end, which may count from the end and are cut to the rank.</summary>
    [OnnxOperator("Shape")]
    static OnnxValue Shape(OperatorCall c)
    {
        var shape = c.Shape(0);
        int start = Cut(c.Int("start", 0)), end = Cut(c.Int("end", shape.Rank));
        return Known([.. shape.ToArray()[start..Math.Max(start, end)].Select(d => (long)d)]);

        int Cut(long at) => (int)Math.Clamp(at < 0 ? at + shape.Rank : at, 0, shape.Rank);
    }

    [OnnxOperator("Size")]
    static OnnxValue Size(OperatorCall c) => new OnnxTensor(Tensor.Scalar(c.Shape(0).Count)) { IsKnown = true };

    /// <summary>A shape does not depend on what the tensor holds, so that what is computed from it is known before the run.</summary>
    static OnnxTensor Known(long[] values) => new(Tensor.From(values, [values.Length])) { IsKnown = true };

    /// <summary>-1 is worked out; 0 keeps the input's extent unless zeros are allowed to mean themselves.</summary>
    [OnnxOperator("Reshape")]
    static OnnxValue Reshape(OperatorCall c)
    {
        var input = c.Shape(0);
        var target = c.Opset >= 5 ? c.ConstantInts(1) : c.Ints("shape") ?? throw c.Bad("needs the attribute shape");
        bool isZeroAllowed = c.Flag("allowzero");
        var dims = target.ToArray();
        for (int i = 0; i < dims.Length; i++)
            if (dims[i] == 0 && !isZeroAllowed)
                dims[i] = i < input.Rank ? input[i] : throw c.Bad($"dimension {i} of ({string.Join(", ", target)}) copies one that {input} does not have");
        int free = Array.IndexOf(dims, -1);
        if (free >= 0)
        {
            long others = dims.Where((_, i) => i != free).Aggregate(1L, (n, d) => n * d);
            if (others <= 0 ? input.Count != 0 : input.Count % others != 0) throw c.Bad($"cannot reshape {input} to ({string.Join(", ", target)})");
            dims[free] = others <= 0 ? 0 : checked((int)(input.Count / others));
        }
        return OnnxValue.Move([c.Input(0)], t => t[0].Reshape([.. dims, .. Inner(t[0], input)]));
    }

    /// <summary>The dimension of two that a complex tensor is held with beyond those ONNX sees; nothing for others.</summary>
    static ReadOnlySpan<int> Inner(Tensor held, Shape seen) => held.Shape.Span[seen.Rank..];

    /// <summary>Two dimensions: all before the axis, and all from it on.</summary>
    [OnnxOperator("Flatten")]
    static OnnxValue Flatten(OperatorCall c)
    {
        var shape = c.Shape(0);
        long axis = c.Int("axis", 1);
        int split = axis == shape.Rank ? shape.Rank : c.Axis(axis, shape.Rank);
        return OnnxValue.Move([c.Input(0)], t => t[0].Reshape(Operands.Product(shape.Span[..split]), Operands.Product(shape.Span[split..])));
    }

    /// <summary>Without the axes named, whose extent must be 1; without all such axes if none is.</summary>
    [OnnxOperator("Squeeze")]
    static OnnxValue Squeeze(OperatorCall c)
    {
        var shape = c.Shape(0);
        int[] axes = c.AxesFrom(13, 1) is { } named ? c.Axes(named, shape.Rank) : [.. Enumerable.Range(0, shape.Rank).Where(d => shape[d] == 1)];
        foreach (int a in axes)
            if (shape[a] != 1) throw c.Bad($"axis {a} of {shape} has an extent of {shape[a]}, not 1");
        return OnnxValue.Move([c.Input(0)], t => t[0].Reshape([.. shape.Where((_, d) => !axes.Contains(d))]));
    }

    /// <summary>The axes are those of the result.</summary>
    [OnnxOperator("Unsqueeze")]
    static OnnxValue Unsqueeze(OperatorCall c)
    {
        var shape = c.Shape(0);
        var named = c.AxesFrom(13, 1) ?? throw c.Bad("needs axes");
        int rank = shape.Rank + named.Length;
        int[] axes = c.Axes(named, rank);
        var rest = new Queue<int>(shape);
        int[] dims = [.. Enumerable.Range(0, rank).Select(d => axes.Contains(d) ? 1 : rest.Dequeue())];
        return OnnxValue.Move([c.Input(0)], t => t[0].Reshape(dims));
    }

    /// <summary>Reverses the dimensions unless an order is given.</summary>
    [OnnxOperator("Transpose")]
    static OnnxValue Transpose(OperatorCall c)
    {
        int rank = c.Shape(0).Rank;
        int[] order = c.Ints("perm") ?? [.. Enumerable.Range(0, rank).Reverse()];
        return OnnxValue.Move([c.Input(0)], t => t[0].Permute(order));
    }

    /// <summary>Both the tensor and the shape broadcast: an extent of 1 in the shape keeps the tensor's.</summary>
    [OnnxOperator("Expand", Since = 8)]
    static OnnxValue Expand(OperatorCall c)
    {
        var target = Ingot.Shape.Broadcast(c.Shape(0), new(c.ConstantInts(1)));
        return OnnxValue.Move([c.Input(0)], t => t[0].Expand(target));
    }

    /// <summary>Copies side by side: a number for each dimension since opset 6, of one axis before.</summary>
    [OnnxOperator("Tile")]
    static OnnxValue Tile(OperatorCall c)
    {
        int rank = c.Shape(0).Rank;
        int[] repeats;
        if (c.Opset >= 6) repeats = c.ConstantInts(1);
        else
        {
            repeats = [.. Enumerable.Repeat(1, rank)];
            repeats[c.Axis(c.ScalarOf<long>(2), rank)] = OperatorCall.Clamped(c.ScalarOf<long>(1));
        }
        return OnnxValue.Move([c.Input(0)], t => t[0].Repeat(repeats));
    }

    [OnnxOperator("Concat")]
    static OnnxValue Concat(OperatorCall c)
    {
        int axis = c.Axis("axis", 1, c.Shape(0).Rank);
        return OnnxValue.Move(c.Inputs(), t => Tensor.Cat(t, axis));
    }

    /// <summary>Sizes as an attribute or (in opset 1 and since 13) an input; else equal parts, the last of num_outputs being smaller.</summary>
    [OnnxOperator("Split")]
    static OnnxValue[] Split(OperatorCall c)
    {
        var shape = c.Shape(0);
        int axis = c.Axis("axis", 0, shape.Rank), extent = shape[axis];
        int[] sizes = (c.Opset is >= 2 and < 13 ? c.Ints("split") : c.OptionalConstantInts(1) ?? c.Ints("split")) ?? Equal(extent, (int)c.Int("num_outputs", c.OutputCount));
        if (Array.Exists(sizes, s => s < 0) || sizes.Sum() != extent) throw c.Bad($"the sizes ({string.Join(", ", sizes)}) do not make up axis {axis} of {shape}");
        var parts = new OnnxValue[sizes.Length];
        for (int i = 0, at = 0; i < sizes.Length; at += sizes[i++])
        {
            int start = at, size = sizes[i];
            parts[i] = OnnxValue.Move([c.Input(0)], t => t[0].Narrow(axis, start, size));
        }
        return parts;
    }

    static int[] Equal(int extent, int parts)
    {
        int size = (extent + parts - 1) / Math.Max(1, parts);
        return [.. Enumerable.Range(0, parts).Select(i => Math.Clamp(extent - i * size, 0, size))];
    }

    /// <summary>Starts, ends, axes and steps, as attributes before opset 10 and inputs since; they are cut to the extents, as Python's slices are.</summary>
    [OnnxOperator("Slice")]
    static OnnxValue Slice(OperatorCall c)
    {
        var shape = c.Shape(0);
        bool isInput = c.Opset >= 10;
        int[] starts = (isInput ? c.ConstantInts(1) : c.Ints("starts")) ?? throw c.Bad("needs starts");
        int[] ends = (isInput ? c.ConstantInts(2) : c.Ints("ends")) ?? throw c.Bad("needs ends");
        int[] axes = c.Axes((isInput ? c.OptionalConstantInts(3) : c.Ints("axes")) ?? Enumerable.Range(0, starts.Length), shape.Rank);
        int[] steps = (isInput ? c.OptionalConstantInts(4) : null) ?? [.. Enumerable.Repeat(1, starts.Length)];
        if (starts.Length != ends.Length || starts.Length != axes.Length || starts.Length != steps.Length)
            throw c.Bad($"{starts.Length} starts, {ends.Length} ends, {axes.Length} axes and {steps.Length} steps must be as many");
        var index = new TensorIndex[shape.Rank];
        Array.Fill(index, Dim.All);
        for (int i = 0; i < axes.Length; i++)
        {
            if (steps[i] == 0) throw c.Bad("a step is 0");
            index[axes[i]] = Dim.Slice(starts[i], ends[i], Math.Max(steps[i], -int.MaxValue));
        }
        return OnnxValue.Move([c.Input(0)], t => t[0][index]);
    }

    /// <summary>Blocks of the image become channels: (N, C, H, W) to (N, C b b, H/b, W/b).</summary>
    [OnnxOperator("SpaceToDepth")]
    static OnnxValue SpaceToDepth(OperatorCall c)
    {
        var (shape, b) = Image(c);
        if (shape[2] % b != 0 || shape[3] % b != 0) throw c.Bad($"the image of {shape} does not divide into blocks of {b}");
        return OnnxValue.Move([c.Input(0)], t => t[0].Reshape(shape[0], shape[1], shape[2] / b, b, shape[3] / b, b).Permute(0, 3, 5, 1, 2, 4)
            .Reshape(shape[0], shape[1] * b * b, shape[2] / b, shape[3] / b));
    }

    /// <summary>Channels become blocks of the image: (N, C b b, H, W) to (N, C, H b, W b). DCR: the block's place is the outer part of the channel number; CRD: the inner.</summary>
    [OnnxOperator("DepthToSpace")]
    static OnnxValue DepthToSpace(OperatorCall c)
    {
        var (shape, b) = Image(c);
        int channels = shape[1] / (b * b);
        if (shape[1] % (b * b) != 0) throw c.Bad($"{shape[1]} channels do not divide into blocks of {b} by {b}");
        bool isBlockFirst = c.Text("mode", "DCR") == "DCR";
        return OnnxValue.Move([c.Input(0)], t => (isBlockFirst
            ? t[0].Reshape(shape[0], b, b, channels, shape[2], shape[3]).Permute(0, 3, 4, 1, 5, 2)
            : t[0].Reshape(shape[0], channels, b, b, shape[2], shape[3]).Permute(0, 1, 4, 2, 5, 3))
            .Reshape(shape[0], channels, shape[2] * b, shape[3] * b));
    }

    static (Shape Shape, int Block) Image(OperatorCall c)
    {
        var shape = c.Shape(0);
        if (shape.Rank != 4) throw c.Bad($"needs (N, C, H, W), not {shape}");
        return c.OptionalInt("blocksize") is > 0 and var b and < 1 << 15 ? (shape, (int)b) : throw c.Bad("needs a blocksize of at least 1");
    }
}
