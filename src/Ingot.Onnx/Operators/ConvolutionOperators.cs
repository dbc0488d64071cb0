namespace Ingot.Onnx.Operators;

/// <summary>Convolutions: forward, transposed, of integers, deformed, causal.</summary>
static class ConvolutionOperators
{
    [OnnxOperator("Conv")]
    static Tensor Conv(OperatorCall c) => Conv(c, c.Tensor(0), c.Tensor(1), c.OptionalTensor(2));

    public static Tensor Conv(OperatorCall c, Tensor x, Tensor weight, Tensor? bias)
    {
        if (weight.Rank != x.Rank) throw c.Bad($"its weight {weight.Shape} does not fit its input {x.Shape}");
        var g = WindowGeometry.Of(c, x.Shape, weight.Shape.ToArray()[2..]);
        int groups = (int)c.Int("group", 1);
        bool isSymmetric = g.Before.SequenceEqual(g.After);
        if (!isSymmetric) x = WindowGeometry.Padded(x, g.Before, g.After, 0);
        ConvPadding padding = isSymmetric ? (PerDimension)g.Before : 0;
        return g.Kernel.Length switch
        {
            1 => x.Conv1d(weight, bias, g.Strides, padding, g.Dilations, groups),
            2 => x.Conv2d(weight, bias, g.Strides, padding, g.Dilations, groups),
            3 => x.Conv3d(weight, bias, g.Strides, padding, g.Dilations, groups),
            _ => OfAnyRank(c, c.Tensor(0), weight, bias, g, groups),
        };
    }

    /// <summary>Above three spatial dimensions: windows as rows, one product.</summary>
    static Tensor OfAnyRank(OperatorCall c, Tensor x, Tensor weight, Tensor? bias, WindowGeometry g, int groups)
    {
        int n = x.Shape[0], channels = x.Shape[1], outputs = weight.Shape[0], perGroup = weight.Shape[1];
        if (groups < 1 || channels != perGroup * groups || outputs % groups != 0) throw c.Bad($"{channels} channels in {groups} groups do not fit the weight {weight.Shape}");
        var windows = g.Windows(x, 0);
        int places = g.Outputs.Aggregate(1, (a, o) => a * o), taps = windows.Shape[^1];
        // (N, G, C/G, P, K) to (N, G, P, C/G K), times (G, C/G K, O/G)
        var rows = windows.Reshape([n, groups, perGroup, places, taps]).Permute([0, 1, 3, 2, 4]).Reshape([n, groups, places, perGroup * taps]);
        var product = rows.Matmul(weight.Reshape([1, groups, outputs / groups, perGroup * taps]).Transpose(2, 3)); // (N, G, P, O/G)
        var y = product.Transpose(2, 3).Reshape([n, outputs, .. g.Outputs]);
        return bias is null ? y : y + bias.Reshape([outputs, .. g.Outputs.Select(_ => 1)]);
    }

    [OnnxOperator("ConvTranspose")]
    static Tensor ConvTranspose(OperatorCall c)
    {
        Tensor x = c.Tensor(0), weight = c.Tensor(1);
        int spatial = x.Rank - 2;
        if (spatial is < 1 or > 3 || weight.Rank != x.Rank) throw c.Bad($"cannot transpose a convolution of {x.Shape} with {weight.Shape}: one to three spatial dimensions are");
        int[] one = [.. Enumerable.Repeat(1, spatial)], strides = c.Ints("strides") ?? one, dilations = c.Ints("dilations") ?? one;
        int[] extra = c.Ints("output_padding") ?? new int[spatial], pads = c.Ints("pads") ?? new int[2 * spatial];
        int[]? wanted = c.Ints("output_shape");
        if (wanted?.Length == spatial + 2) wanted = wanted[2..];
        string auto = c.Text("auto_pad", "NOTSET");
        int groups = (int)c.Int("group", 1);
        if (strides.Length != spatial || dilations.Length != spatial || extra.Length < spatial || pads.Length != 2 * spatial || (wanted is not null && wanted.Length != spatial)) throw c.Bad($"its attributes are not of {spatial} dimensions");
        var y = spatial switch
        {
            1 => x.ConvTranspose1d(weight, null, strides, groups: groups, dilation: dilations),
            2 => x.ConvTranspose2d(weight, null, strides, groups: groups, dilation: dilations),
            _ => x.ConvTranspose3d(weight, null, strides, groups: groups, dilation: dilations),
        };
        for (int i = 0; i < spatial; i++)
        {
            int full = y.Shape[2 + i], start = pads[i], length = full + extra[i] - pads[i] - pads[spatial + i];
            if (auto is "SAME_UPPER" or "SAME_LOWER" || wanted is not null)
            {
                length = wanted?[i] ?? x.Shape[2 + i] * strides[i];
                int total = full + extra[i] - length, half = total >> 1; // rounded down also below 0
                start = auto == "SAME_UPPER" ? half : total - half;
            }
            if (auto == "VALID") (start, length) = (0, full + extra[i]);
            if (length < 1) throw c.Bad($"its pads leave nothing of dimension {2 + i}");
            // Cut, or zeros put where the output reaches beyond the sum.
            int first = Math.Max(0, start), last = Math.Min(full, start + length);
            if (last <= first) throw c.Bad($"its output of {length} from {start} lies outside its {full} elements");
            if (first > 0 || last < full) y = y.Narrow(2 + i, first, last - first);
            int before = Math.Max(0, -start), after = start + length - last;
            if (before > 0 || after > 0)
            {
                int[] lead = new int[spatial], trail = new int[spatial];
                (lead[i], trail[i]) = (before, after);
                y = WindowGeometry.Padded(y, lead, trail, 0);
            }
        }
        return c.OptionalTensor(2) is { } bias ? y + bias.Reshape([(int)bias.Count, .. one]) : y;
    }

    [OnnxOperator("DeformConv", Since = 19)]
    static Tensor DeformConv(OperatorCall c)
    {
        Tensor x = c.Tensor(0), weight = c.Tensor(1), offset = c.Tensor(2);
        if (x.Rank != 4) throw c.Bad($"two spatial dimensions are supported, its input is {x.Shape}");
        var g = WindowGeometry.Of(c, x.Shape, weight.Shape.ToArray()[2..]);
        int groups = (int)c.Int("group", 1), offsetGroups = (int)c.Int("offset_group", 1), taps = g.Kernel[0] * g.Kernel[1];
        int n = x.Shape[0], channels = x.Shape[1], places = g.Outputs[0] * g.Outputs[1], outputs = weight.Shape[0], perGroup = weight.Shape[1];
        if (!offset.Shape.Equals(new Shape(n, offsetGroups * taps * 2, g.Outputs[0], g.Outputs[1])) || channels % offsetGroups != 0 || channels != perGroup * groups)
            throw c.Bad($"offsets {offset.Shape} and weight {weight.Shape} do not fit an input {x.Shape}");
        var mask = c.OptionalTensor(4) ?? Tensor.Ones([n, offsetGroups * taps, g.Outputs[0], g.Outputs[1]]);
        var kernel = new CustomKernel("DeformedWindows", a => DeformedWindows.Fill(a, g, offsetGroups));
        var windows = Tensor.Custom(kernel, [n, channels, taps, places], DType.F32, x.To(DType.F32), offset.To(DType.F32), mask.To(DType.F32));
        var columns = windows.Reshape([n, groups, perGroup * taps, places]);
        var y = weight.To(DType.F32).Reshape([1, groups, outputs / groups, perGroup * taps]).Matmul(columns).Reshape([n, outputs, .. g.Outputs]);
        if (c.OptionalTensor(3) is { } bias) y += bias.To(DType.F32).Reshape([outputs, 1, 1]);
        return y.To(x.DType);
    }

    [OnnxOperator("ConvInteger", Since = 10)]
    static Tensor ConvInteger(OperatorCall c) => ExactConv(c, c.Tensor(0), c.Tensor(1), c.OptionalTensor(2), c.OptionalTensor(3)).To(DType.I32);

    /// <summary>A convolution of integers in floats that hold every sum exactly.</summary>
    public static Tensor ExactConv(OperatorCall c, Tensor x, Tensor weight, Tensor? xZero, Tensor? weightZero)
    {
        var dtype = QuantizedProducts.Exact(weight.Count / Math.Max(1, weight.Shape[0]));
        var (a, b) = (x.To(dtype), weight.To(dtype));
        if (xZero is not null) a -= xZero.To(dtype).Reshape([]);
        // One zero point, or one an output channel.
        if (weightZero is not null) b -= weightZero.Count == 1 ? weightZero.To(dtype).Reshape([]) : weightZero.To(dtype).Reshape([weight.Shape[0], .. Enumerable.Repeat(1, weight.Rank - 1)]);
        return Conv(c, a, b, null);
    }
}
