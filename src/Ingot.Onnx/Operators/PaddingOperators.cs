namespace Ingot.Onnx.Operators;

/// <summary>What is put around tensors, or cut off them.</summary>
static class PaddingOperators
{
    /// <summary>
    /// Numbers of elements before each axis, then after each, negative ones cutting off: an attribute in the first versions, an input since opset 11, of the named axes
    /// since 18.
    /// </summary>
    [OnnxOperator("Pad")]
    static OnnxValue Pad(OperatorCall c)
    {
        var shape = c.Shape(0);
        int[] pads = (c.Opset >= 11 ? c.ConstantInts(1) : c.Ints("pads") ?? c.Ints("paddings")) ?? throw c.Bad("needs pads");
        int[] axes = c.OptionalConstantInts(3) is { } named ? c.Axes(named, shape.Rank) : [.. Enumerable.Range(0, shape.Rank)];
        if (pads.Length != 2 * axes.Length) throw c.Bad($"{pads.Length} pads for {axes.Length} axes: a beginning and an end are needed for each");
        var (before, after) = (new int[shape.Rank], new int[shape.Rank]);
        for (int i = 0; i < axes.Length; i++) (before[axes[i]], after[axes[i]]) = (pads[i], pads[i + axes.Length]);
        return c.Text("mode", "constant") switch
        {
            "constant" => Constant(c, before, after),
            "edge" => OnnxValue.Move([c.Input(0)], t => Repeat(t[0], before, after, Edge)),
            "reflect" => OnnxValue.Move([c.Input(0)], t => Repeat(t[0], before, after, Reflected)),
            "wrap" => OnnxValue.Move([c.Input(0)], t => Repeat(t[0], before, after, Wrapped)),
            var other => throw c.Bad($"mode '{other}' is not constant, edge, reflect or wrap"),
        };
    }

    static OnnxValue Constant(OperatorCall c, int[] before, int[] after)
    {
        if (c.Opset < 11 && c.Float("value", 0) is var value and not 0) return Around(c.Tensor(0), before, after, Tensor.Scalar(value).To(c.Tensor(0).DType));
        if (!c.Has(2)) return c.Input(0) is StringTensor ? OnnxValue.Move([c.Input(0), new StringTensor([""], Shape.Scalar)], t => Around(t[0], before, after, t[1]))
                : OnnxValue.Move([c.Input(0)], t => t[0].Pad(Pairs(before, after)));
        bool isZero = c.TypeOf(2) != OnnxDType.String && c.IsKnownScalar(2) && c.Numbers(2).DType.IsNative && c.ScalarOf<double>(2) == 0;
        return OnnxValue.Move([c.Input(0), c.Input(2)], t => isZero ? t[0].Pad(Pairs(before, after)) : Around(t[0], before, after, t[1].Reshape()));
    }

    /// <summary>A value around a tensor, whatever it is.</summary>
    static Tensor Around(Tensor x, int[] before, int[] after, Tensor value)
    {
        var pairs = Pairs(before, after);
        return Tensor.Ones(x.Shape, DType.Bool).Pad(pairs).Where(x.Pad(pairs), value).To(x.DType);
    }

    /// <summary>Ingot's order: the last dimension's pair first.</summary>
    static int[] Pairs(int[] before, int[] after) => [.. Enumerable.Range(0, before.Length).Reverse().SelectMany(d => new[] { before[d], after[d] })];

    /// <summary>Each axis taken at the positions that a rule gives for those from -before to its end + after.</summary>
    static Tensor Repeat(Tensor x, int[] before, int[] after, Func<int, int, int> rule)
    {
        for (int d = 0; d < x.Rank; d++)
        {
            int n = x.Shape[d];
            if (before[d] == 0 && after[d] == 0) continue;
            int length = n + before[d] + after[d];
            if (length < 0 || n == 0) throw new ShapeException($"cannot pad dimension {d} of {x.Shape} by {before[d]} and {after[d]}");
            var (ahead, behind) = (Math.Max(0, before[d]), Math.Max(0, after[d]));
            var core = x.Narrow(d, Math.Max(0, -before[d]), Math.Max(0, length - ahead - behind));
            x = Tensor.Cat([.. Pieces(ahead, i => rule(i - ahead, n)), core, .. Pieces(behind, i => rule(n + i, n))], d);

            Tensor[] Pieces(int count, Func<int, int> at) =>
                count == 0 ? [] : [x.IndexSelect(d, Tensor.From([.. Enumerable.Range(0, count).Select(at)], [count]))];
        }
        return x;
    }

    static int Edge(int at, int n) => Math.Clamp(at, 0, n - 1);

    static int Wrapped(int at, int n) => (at % n + n) % n;

    /// <summary>Back and forth between the ends, which are not repeated.</summary>
    static int Reflected(int at, int n)
    {
        if (n == 1) return 0;
        int inPeriod = Wrapped(at, 2 * (n - 1));
        return inPeriod < n ? inPeriod : 2 * (n - 1) - inPeriod;
    }

    /// <summary>The middle of each axis, or zeros around it, to the extents asked for; the odd element is at the end.</summary>
    [OnnxOperator("CenterCropPad", Since = 18)]
    static Tensor CenterCropPad(OperatorCall c)
    {
        var x = c.Tensor(0);
        int[] target = c.ConstantInts(1);
        int[] axes = c.Axes(c.Ints("axes") ?? Enumerable.Range(0, x.Rank), x.Rank);
        if (target.Length != axes.Length) throw c.Bad($"{target.Length} extents for {axes.Length} axes");
        var (before, after) = (new int[x.Rank], new int[x.Rank]);
        for (int i = 0; i < axes.Length; i++)
        {
            int more = target[i] - x.Shape[axes[i]];
            before[axes[i]] = more / 2; // towards 0 either way
            after[axes[i]] = more - more / 2;
        }
        return x.Pad(Pairs(before, after));
    }

    /// <summary>Border pixels cut off, of opset 1: left, top, right, bottom.</summary>
    [OnnxOperator("Crop")]
    static Tensor Crop(OperatorCall c)
    {
        var x = c.Tensor(0);
        if (c.Ints("border") is not [var left, var top, var right, var bottom] || x.Rank != 4) throw c.Bad("needs (N, C, H, W) and a border of four numbers");
        if (c.Ints("scale") is not [var height, var width]) (height, width) = (x.Shape[2] - top - bottom, x.Shape[3] - left - right);
        return x.Narrow(2, top, height).Narrow(3, left, width);
    }
}
