namespace Ingot.Onnx.Operators;

/// <summary>Images read at places that are computed: AffineGrid, GridSample, RoiAlign.</summary>
static class SamplingOperators
{
    [OnnxOperator("AffineGrid", Since = 20)]
    static Tensor AffineGrid(OperatorCall c)
    {
        var theta = c.Tensor(0);
        int[] size = c.ConstantInts(1);
        int rank = size.Length - 2;
        if (rank is not (2 or 3) || !theta.Shape.Equals(new Shape(size[0], rank, rank + 1))) throw c.Bad($"theta {theta.Shape} does not fit a size of ({string.Join(", ", size)})");
        int[] extents = size[2..];
        var coordinates = new List<Tensor>();
        for (int axis = rank - 1; axis >= 0; axis--) // x before y before z
        {
            int n = extents[axis];
            var line = Enumerable.Range(0, n).Select(i => c.Flag("align_corners") ? n == 1 ? 0 : -1 + (2.0 * i / (n - 1)) : (((2.0 * i) + 1) / n) - 1).ToArray();
            int[] dims = [.. Enumerable.Repeat(1, rank)];
            dims[axis] = n;
            coordinates.Add(Tensor.From(line, [n]).To(theta.DType).Reshape(dims).Expand(extents));
        }
        coordinates.Add(Tensor.Ones(extents, theta.DType));
        int count = extents.Aggregate(1, (a, e) => a * e);
        var points = Tensor.Stack([.. coordinates], -1).Reshape([1, count, rank + 1]); // (1, P, r + 1)
        return points.Matmul(theta.Transpose(1, 2)).Reshape([size[0], .. extents, rank]);
    }

    [OnnxOperator("GridSample", Since = 16)]
    static Tensor GridSample(OperatorCall c)
    {
        Tensor x = c.Tensor(0), grid = c.Tensor(1);
        int rank = x.Rank - 2;
        if (rank < 1 || grid.Rank != x.Rank || grid.Shape[^1] != rank || grid.Shape[0] != x.Shape[0]) throw c.Bad($"a grid {grid.Shape} does not fit an input {x.Shape}");
        string mode = c.Text("mode", c.Opset < 20 ? "bilinear" : "linear") switch { "bilinear" or "linear" => "linear", "bicubic" or "cubic" => "cubic", "nearest" => "nearest", var other => throw c.Bad($"there is no mode '{other}'") };
        string padding = c.Text("padding_mode", "zeros");
        bool isAligned = c.Flag("align_corners");
        var kernel = new CustomKernel("GridSample", a => new GridSampler(a, mode, padding, isAligned).Fill());
        int[] shape = [x.Shape[0], x.Shape[1], .. grid.Shape.Span[1..^1]];
        return Tensor.Custom(kernel, shape, DType.F32, x.To(DType.F32), grid.To(DType.F32)).To(x.DType);
    }

    [OnnxOperator("RoiAlign", Since = 10)]
    static Tensor RoiAlign(OperatorCall c)
    {
        Tensor x = c.Tensor(0), rois = c.Tensor(1);
        int height = (int)c.Int("output_height", 1), width = (int)c.Int("output_width", 1), samples = (int)c.Int("sampling_ratio", 0);
        float scale = c.Float("spatial_scale", 1);
        string mode = c.Text("mode", "avg");
        bool isHalf = c.Opset >= 16 && c.Text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
        if (x.Rank != 4 || rois.Rank != 2 || rois.Shape[1] != 4 || height < 1 || width < 1) throw c.Bad($"input {x.Shape}, regions {rois.Shape} and an output of {height} x {width} do not fit");
        var kernel = new CustomKernel("RoiAlign", a => RegionSampler.Fill(a, height, width, samples, scale, mode == "max", isHalf));
        return Tensor.Custom(kernel, [rois.Shape[0], x.Shape[1], height, width], DType.F32, x.To(DType.F32), rois.To(DType.F32), c.Tensor(2).To(DType.I64)).To(x.DType);
    }
}
