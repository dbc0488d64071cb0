namespace Ingot.Onnx.Operators;

/// <summary>Resize and Upsample: one dimension after the other, each a weighted sum of a few neighbours that are known ahead.</summary>
static class ResizeOperators
{
    /// <summary>Neighbours up to which each is a gather of its own; above, one product with a matrix is cheaper.</summary>
    const int MostTaps = 8;

    [OnnxOperator("Upsample")]
    static OnnxValue UpsampleOfSides(OperatorCall c) => Resized(c, Plain(c) with { Scales = [1, 1, c.Float("height_scale", 1), c.Float("width_scale", 1)] });

    [OnnxOperator("Upsample", Since = 7)]
    static OnnxValue UpsampleByAttribute(OperatorCall c) => Resized(c, Plain(c) with { Scales = [.. (c.Floats("scales") ?? throw c.Bad("has no scales")).Select(s => (double)s)] });

    [OnnxOperator("Upsample", Since = 9)]
    [OnnxOperator("Resize", Since = 10)]
    static OnnxValue UpsampleByInput(OperatorCall c) => Resized(c, Plain(c) with { Scales = c.Constant<double>(1) });

    /// <summary>How the first versions place elements: the lower left corners meet.</summary>
    static Resizing Plain(OperatorCall c) => new() { Mode = c.Text("mode", "nearest").Replace("bilinear", "linear", StringComparison.Ordinal), Coordinates = "asymmetric", Nearest = "floor" };

    [OnnxOperator("Resize", Since = 11)]
    static OnnxValue Resize(OperatorCall c)
    {
        int rank = c.Shape(0).Rank;
        int[] axes = c.Ints("axes")?.Select(a => a < 0 ? a + rank : a).ToArray() ?? [.. Enumerable.Range(0, rank)];
        var resizing = new Resizing
        {
            Mode = c.Text("mode", "nearest"),
            Coordinates = c.Text("coordinate_transformation_mode", "half_pixel"),
            Nearest = c.Text("nearest_mode", "round_prefer_floor"),
            CubicA = c.Float("cubic_coeff_a", -0.75f),
            ExcludesOutside = c.Flag("exclude_outside"),
            IsAntialiased = c.Flag("antialias"),
            Outside = c.Float("extrapolation_value", 0),
        };
        double[]? roi = c.OptionalConstant<double>(1), scales = c.OptionalConstant<double>(2);
        int[]? sizes = c.OptionalConstantInts(3);
        if (resizing.Coordinates == "tf_crop_and_resize" && roi is { Length: > 0 })
        {
            resizing.Starts = Spread(roi[..axes.Length], 0);
            resizing.Ends = Spread(roi[axes.Length..], 1);
        }
        if (scales is { Length: > 0 }) return Resized(c, resizing with { Scales = Spread(scales, 1) });
        if (sizes is not { Length: > 0 }) throw c.Bad("has neither scales nor sizes");
        var x = c.Shape(0);
        if (sizes.Length != axes.Length) throw c.Bad($"{sizes.Length} sizes for {axes.Length} axes");
        var ratios = sizes.Select((s, i) => (double)s / x[axes[i]]).ToArray();
        string policy = c.Text("keep_aspect_ratio_policy", "stretch");
        int[] wanted = x.ToArray();
        if (policy != "stretch")
        {
            double common = policy == "not_larger" ? ratios.Min() : ratios.Max();
            for (int i = 0; i < sizes.Length; i++) (sizes[i], ratios[i]) = ((int)Math.Floor((common * x[axes[i]]) + 0.5), common);
        }
        for (int i = 0; i < axes.Length; i++) wanted[axes[i]] = sizes[i];
        return Resized(c, resizing with { Scales = Spread(ratios, 1), Sizes = wanted });

        double[] Spread(double[] values, double otherwise)
        {
            if (values.Length != axes.Length) throw c.Bad($"{values.Length} numbers for {axes.Length} axes");
            double[] all = [.. Enumerable.Repeat(otherwise, rank)];
            for (int i = 0; i < axes.Length; i++) all[axes[i]] = values[i];
            return all;
        }
    }

    static OnnxValue Resized(OperatorCall c, Resizing resizing)
    {
        var shape = c.Shape(0);
        if (resizing.Scales.Length != shape.Rank || resizing.Scales.Any(s => !(s > 0))) throw c.Bad($"scales ({string.Join(", ", resizing.Scales)}) do not fit {shape}");
        bool isNearest = resizing.Mode == "nearest";
        OnnxValue value = c.Input(0);
        for (int axis = 0; axis < shape.Rank; axis++)
        {
            int from = shape[axis], to = resizing.Sizes?[axis] ?? checked((int)Math.Floor(from * resizing.Scales[axis]));
            bool isCropped = resizing.Starts is { } starts && (starts[axis] != 0 || resizing.Ends![axis] != 1);
            if (resizing.Scales[axis] == 1 && to == from && !isCropped) continue;
            if (from == 0 && to > 0) throw c.Bad($"dimension {axis} of {shape} has no elements to make {to} of");
            // Per output a place, and per tap an index and a weight; or a matrix.
            long taps = resizing.Taps(axis);
            c.Afford(to * (2 + (Int128)taps * 2 + (isNearest || taps <= MostTaps ? 0 : from)), sizeof(double));
            var (indices, weights, isOutside) = resizing.Neighbours(axis, from, to);
            int a = axis;
            if (isNearest) value = OnnxValue.Move([value], t => t[0].IndexSelect(a, Tensor.From(indices[0], [to])));
            else value = Weighted(((OnnxTensor)value).Tensor, a, from, indices, weights);
            if (isOutside.Any(o => o))
            {
                var mask = Along(Tensor.From(isOutside, [to]), a, shape.Rank);
                var inside = ((OnnxTensor)value).Tensor;
                value = mask.Where(Tensor.FullLike(inside, resizing.Outside), inside);
            }
        }
        return value is OnnxTensor { DType.IsNative: true } t && c.Input(0) is OnnxTensor { DType.IsNative: true } x && t.DType != x.DType ? new OnnxTensor(t.Tensor.To(x.Tensor.DType)) : value;
    }

    static Tensor Along(Tensor vector, int axis, int rank)
    {
        int[] dims = [.. Enumerable.Repeat(1, rank)];
        dims[axis] = (int)vector.Count;
        return vector.Reshape(dims);
    }

    static Tensor Weighted(Tensor x, int axis, int from, long[][] indices, double[][] weights)
    {
        var compute = x.DType == DType.F64 ? DType.F64 : DType.F32;
        x = x.To(compute);
        int to = indices[0].Length;
        if (indices.Length > MostTaps)
        {
            var matrix = new double[to, from];
            for (int t = 0; t < indices.Length; t++)
                for (int o = 0; o < to; o++) matrix[o, indices[t][o]] += weights[t][o];
            return x.MoveDim(axis, -1).Matmul(Tensor.From(matrix).To(compute).T()).MoveDim(-1, axis);
        }
        Tensor? sum = null;
        for (int t = 0; t < indices.Length; t++)
        {
            var term = x.IndexSelect(axis, Tensor.From(indices[t], [to])) * Along(Tensor.From(weights[t], [to]).To(compute), axis, x.Rank);
            sum = sum is null ? term : sum + term;
        }
        return sum!;
    }
}
