namespace Ingot.Onnx.Operators;

/// <summary>Pools over windows, over whole images, and their reverse.</summary>
static class PoolingOperators
{
    [OnnxOperator("MaxPool")]
    static Tensor[] MaxPool(OperatorCall c)
    {
        var x = c.Tensor(0);
        var g = WindowGeometry.Of(c, x.Shape, null);
        var wide = x.DType.IsFloat ? x : x.To(DType.I32);
        var windows = g.Windows(wide, x.DType.IsFloat ? double.NegativeInfinity : -1e9);
        var y = windows.Max(-1).To(x.DType);
        if (!c.Wants(1)) return [y];
        // The windows of the elements' own numbers, read where the largest is.
        var numbers = Numbers(x.Shape, c.Int("storage_order", 0) == 1);
        return [y, g.Windows(numbers, 0).Gather(-1, windows.ArgMax(-1, keepDim: true).To(DType.I64)).Squeeze(-1)];
    }

    /// <summary>Each element's position; within an image by columns if asked for.</summary>
    static Tensor Numbers(Shape shape, bool byColumns)
    {
        if (!byColumns) return Tensor.Arange(0L, shape.Count).Reshape(shape);
        int[] reversed = [shape[0], shape[1], .. shape.Span[2..].ToArray().Reverse()], order = [0, 1, .. Enumerable.Range(2, shape.Rank - 2).Reverse()];
        return Tensor.Arange(0L, shape.Count).Reshape(reversed).Permute(order);
    }

    [OnnxOperator("AveragePool")]
    static Tensor AveragePool(OperatorCall c)
    {
        var x = c.Tensor(0);
        var g = WindowGeometry.Of(c, x.Shape, null);
        var sum = g.Windows(x.To(x.DType.ComputeType), 0).Sum(-1);
        // How many elements a window has: those of the image, or of the padding that was asked for as well; never what rounding up adds.
        int[] image = x.Shape.ToArray()[2..], one = [.. image.Select(_ => 1)];
        var ones = Tensor.Ones([1, 1, .. image], sum.DType);
        Tensor count;
        if (c.Flag("count_include_pad"))
        {
            int[] before = g.Before, after = g.After, none = new int[image.Length];
            var padded = Tensor.Ones([1, 1, .. image.Select((e, i) => e + before[i] + after[i])], sum.DType);
            count = (g with { Before = none, After = none }).Windows(padded, 0).Sum(-1);
        }
        else count = g.Windows(ones, 0).Sum(-1);
        return (sum / count).To(x.DType);
    }

    [OnnxOperator("LpPool")]
    static Tensor LpPool(OperatorCall c)
    {
        var x = c.Tensor(0);
        double p = c.Opset < 2 ? c.Float("p", 2) : c.Int("p", 2);
        return Root(g => g.Windows(Powers(x, p), 0).Sum(-1), p).To(x.DType);

        Tensor Root(Func<WindowGeometry, Tensor> sum, double power) => RootOf(sum(WindowGeometry.Of(c, x.Shape, null)), power);
    }

    static Tensor Powers(Tensor x, double p)
    {
        var a = x.To(x.DType.ComputeType).Abs();
        return p == 1 ? a : p == 2 ? a * a : a.Pow(p);
    }

    static Tensor RootOf(Tensor sum, double p) => p == 1 ? sum : p == 2 ? sum.Sqrt() : sum.Pow(1 / p);

    [OnnxOperator("GlobalAveragePool")]
    static Tensor GlobalAveragePool(OperatorCall c) => c.Tensor(0).Mean(Spatial(c), keepDim: true);

    [OnnxOperator("GlobalMaxPool")]
    static Tensor GlobalMaxPool(OperatorCall c) => c.Tensor(0).Amax(Spatial(c), keepDim: true);

    [OnnxOperator("GlobalLpPool")]
    static Tensor GlobalLpPool(OperatorCall c)
    {
        double p = c.Opset < 2 ? c.Float("p", 2) : c.Int("p", 2);
        return RootOf(Powers(c.Tensor(0), p).Sum(Spatial(c), keepDim: true), p).To(c.Tensor(0).DType);
    }

    static int[] Spatial(OperatorCall c) => c.Shape(0).Rank > 2 ? [.. Enumerable.Range(2, c.Shape(0).Rank - 2)] : throw c.Bad($"its input must be (N, C, ..), it is {c.Shape(0)}");

    [OnnxOperator("MaxUnpool", Since = 9)]
    static Tensor MaxUnpool(OperatorCall c)
    {
        var x = c.Tensor(0);
        int spatial = x.Rank - 2;
        int[] kernel = c.Ints("kernel_shape") ?? throw c.Bad("has no kernel_shape"), strides = c.Ints("strides") ?? [.. Enumerable.Repeat(1, spatial)], pads = c.Ints("pads") ?? new int[2 * spatial];
        int[] natural = [x.Shape[0], x.Shape[1], .. Enumerable.Range(0, spatial).Select(i => ((x.Shape[2 + i] - 1) * strides[i]) + kernel[i] - pads[i] - pads[spatial + i])];
        // Positions count in the shape that the kernel gives; a larger one that is asked for gets zeros behind.
        var flat = Tensor.Zeros([checked((int)new Shape(natural).Count)], x.DType).Scatter(0, c.Tensor(1).Flatten(), x.Flatten());
        var y = flat.Reshape(natural);
        if (c.OptionalConstantInts(2) is not { } shape || shape.SequenceEqual(natural)) return y;
        return WindowGeometry.Padded(y, new int[spatial], [.. Enumerable.Range(2, spatial).Select(i => shape[i] - natural[i])], 0);
    }
}
