using Ingot.Graph;

namespace Ingot;

/// <summary>
/// Convolution, forward and transposed: windows along the spatial dimensions, then one reduction. N images, C channels, D, H and W extents, K kernel.
/// One image without N will do everywhere.
/// </summary>
public sealed partial class Tensor
{
    /// <summary>
    /// Cross-correlation along one spatial dimension: (N, C, L) with weight (outputs, C / groups, K) and bias (outputs,) gives (N, outputs, L');
    /// L' = (L + 2 padding - dilation (K - 1) - 1) / stride + 1. A padding of "same" makes L' = L.
    /// </summary>
    /// <exception cref="ShapeException">Shapes that do not fit, with both in the message.</exception>
    public Tensor Conv1d(Tensor weight, Tensor? bias = null, PerDimension stride = default, ConvPadding padding = default, PerDimension dilation = default, int groups = 1) =>
        Conv(1, weight, bias, stride, padding, dilation, groups);

    /// <summary>
    /// Cross-correlation along two spatial dimensions: (N, C, H, W) with weight (outputs, C / groups, KH, KW) and bias (outputs,) gives (N, outputs, H', W').
    /// </summary>
    /// <exception cref="ShapeException">Shapes that do not fit, with both in the message.</exception>
    public Tensor Conv2d(Tensor weight, Tensor? bias = null, PerDimension stride = default, ConvPadding padding = default, PerDimension dilation = default, int groups = 1) =>
        Conv(2, weight, bias, stride, padding, dilation, groups);

    /// <summary>
    /// Cross-correlation along three spatial dimensions: (N, C, D, H, W) with weight (outputs, C / groups, KD, KH, KW) and bias (outputs,) gives (N, outputs, D', H', W').
    /// </summary>
    /// <exception cref="ShapeException">Shapes that do not fit, with both in the message.</exception>
    public Tensor Conv3d(Tensor weight, Tensor? bias = null, PerDimension stride = default, ConvPadding padding = default, PerDimension dilation = default, int groups = 1) =>
        Conv(3, weight, bias, stride, padding, dilation, groups);

    Tensor Conv(int spatial, Tensor weight, Tensor? bias, PerDimension stride, ConvPadding padding, PerDimension dilation, int groups)
    {
        string operation = $"Conv{spatial}d";
        if (weight.Rank != spatial + 2 || (Rank != spatial + 2 && Rank != spatial + 1))
            throw new ShapeException($"{operation} needs an input of {spatial + 2} dimensions (or {spatial + 1}, one image without N) and a weight of {spatial + 2}; they are {Shape} and {weight.Shape}");
        if (Rank == spatial + 1) return Unsqueeze(0).Conv(spatial, weight, bias, stride, padding, dilation, groups).Squeeze(0);
        int channels = Shape[1], outputs = weight.Shape[0], perGroup = weight.Shape[1];
        if (groups < 1 || channels != perGroup * groups || outputs % groups != 0)
            throw new ShapeException($"cannot convolve {Shape} with weight {weight.Shape} in {InGroups(groups)}: the input has {channels} channels, the weight takes {perGroup} a group and gives {outputs}");
        RequireBias(bias, weight, outputs);
        int[] kernel = [.. weight.Shape.Span[2..]];
        var (steps, spacing) = (stride.Or(1).Of(spatial, $"the stride of {operation}"), dilation.Or(1).Of(spatial, $"the dilation of {operation}"));
        var (before, after) = padding.Of(kernel, steps, spacing, operation);
        return Correlated(weight, bias, steps, before, after, spacing, groups, operation);
    }

    /// <summary>The cross-correlation itself: one Reduce(Add) of one Mul.</summary>
    Tensor Correlated(Tensor weight, Tensor? bias, int[] stride, int[] before, int[] after, int[] dilation, int groups, string operation)
    {
        int spatial = stride.Length, n = Shape[0], outputs = weight.Shape[0], perGroup = weight.Shape[1];
        var dtype = ResultType(this, weight);
        int[] kernel = [.. weight.Shape.Span[2..]];
        var windows = Windows(Precision.Operand(As(dtype)), kernel, stride, before, after, dilation, operation); // (N, C, H', W', KH, KW)
        int[] extents = [.. windows.Shape.Span[2..(2 + spatial)]], one = [.. Enumerable.Repeat(1, spatial)];

        // (N, G, 1, C/G, H', W', KH, KW) to (N, G, O/G, H', W', C/G, KH, KW): the summed dimensions last.
        var grouped = Build.Reshape(windows, new Shape([n, groups, 1, perGroup, .. extents, .. kernel]));
        int[] order = [0, 1, 2, .. Enumerable.Range(4, spatial), 3, .. Enumerable.Range(4 + spatial, spatial)];
        var full = new Shape([n, groups, outputs / groups, .. extents, perGroup, .. kernel]);
        var left = Build.Expand(Build.Permute(grouped, order), full);
        var right = Build.Expand(Build.Reshape(Precision.Operand(weight.As(dtype)), new Shape([1, groups, outputs / groups, .. one, perGroup, .. kernel])), full);
        int[] summed = [.. Enumerable.Range(3 + spatial, 1 + spatial)];
        var sum = Precision.Product(Build.Reduce(Op.Add, Build.Binary(Op.Mul, left, right), summed), dtype);
        var y = new Tensor(Build.Cast(Build.Reshape(sum, new Shape([n, outputs, .. extents])), dtype));
        return bias is null ? y : y + bias.Reshape([outputs, .. one]);
    }

    /// <summary>
    /// The transpose of <see cref="Conv1d"/>, its gradient to its input: (N, C, L) with weight (C, outputs / groups, K) and bias (outputs,) gives (N, outputs, L');
    /// L' = (L - 1) stride - 2 padding + dilation (K - 1) + outputPadding + 1.
    /// </summary>
    /// <exception cref="ShapeException">Shapes that do not fit, with both in the message, or an output padding that is neither below the stride nor below the dilation.</exception>
    public Tensor ConvTranspose1d(Tensor weight, Tensor? bias = null, PerDimension stride = default, PerDimension padding = default, PerDimension outputPadding = default, int groups = 1, PerDimension dilation = default) =>
        ConvTranspose(1, weight, bias, stride, padding, outputPadding, groups, dilation);

    /// <summary>The transpose of <see cref="Conv2d"/>: (N, C, H, W) with weight (C, outputs / groups, KH, KW) gives (N, outputs, H', W'); see <see cref="ConvTranspose1d"/>.</summary>
    public Tensor ConvTranspose2d(Tensor weight, Tensor? bias = null, PerDimension stride = default, PerDimension padding = default, PerDimension outputPadding = default, int groups = 1, PerDimension dilation = default) =>
        ConvTranspose(2, weight, bias, stride, padding, outputPadding, groups, dilation);

    /// <summary>The transpose of <see cref="Conv3d"/>: (N, C, D, H, W) with weight (C, outputs / groups, KD, KH, KW) gives (N, outputs, D', H', W'); see <see cref="ConvTranspose1d"/>.</summary>
    public Tensor ConvTranspose3d(Tensor weight, Tensor? bias = null, PerDimension stride = default, PerDimension padding = default, PerDimension outputPadding = default, int groups = 1, PerDimension dilation = default) =>
        ConvTranspose(3, weight, bias, stride, padding, outputPadding, groups, dilation);

    Tensor ConvTranspose(int spatial, Tensor weight, Tensor? bias, PerDimension stride, PerDimension padding, PerDimension outputPadding, int groups, PerDimension dilation)
    {
        string operation = $"ConvTranspose{spatial}d";
        if (weight.Rank != spatial + 2 || (Rank != spatial + 2 && Rank != spatial + 1))
            throw new ShapeException($"{operation} needs an input of {spatial + 2} dimensions (or {spatial + 1}, one image without N) and a weight of {spatial + 2}; they are {Shape} and {weight.Shape}");
        if (Rank == spatial + 1) return Unsqueeze(0).ConvTranspose(spatial, weight, bias, stride, padding, outputPadding, groups, dilation).Squeeze(0);
        int channels = Shape[1], outputs = checked(weight.Shape[1] * groups);
        if (groups < 1 || channels != weight.Shape[0] || channels % groups != 0)
            throw new ShapeException($"cannot transpose the convolution of {Shape} with weight {weight.Shape} in {InGroups(groups)}: the input has {channels} channels, the weight takes {weight.Shape[0]}");
        RequireBias(bias, weight, outputs);
        int[] s = stride.Or(1).Of(spatial, $"the stride of {operation}"), p = padding.Or(0).Of(spatial, $"the padding of {operation}");
        int[] extra = outputPadding.Or(0).Of(spatial, $"the output padding of {operation}"), d = dilation.Or(1).Of(spatial, $"the dilation of {operation}");
        if (s.Concat(d).Concat(weight.Shape.Span[2..].ToArray()).Any(v => v < 1) || p.Any(v => v < 0))
            throw new ShapeException($"{operation}: kernel, stride and dilation must be at least 1 and the padding not negative");
        for (int i = 0; i < spatial; i++)
            if (extra[i] < 0 || (extra[i] >= s[i] && extra[i] >= d[i]))
                throw new ShapeException($"{operation}: the output padding is at least 0 and below the stride or the dilation; it is {extra[i]} with stride {s[i]} and dilation {d[i]}");
        return Transposed(weight, bias, s, p, extra, groups, d, operation);
    }

    /// <summary>
    /// With a stride s, output s m + r takes the elements r, r + s, r + 2s, .. of the kernel with the inputs m, m - 1, m - 2, ..: s convolutions of stride 1, one for
    /// each phase r. They are one convolution with s times the channels, whose phases are then laid side by side. Nothing is multiplied by the zeros that the
    /// textbook form puts between the inputs, which would be s - 1 of s in each dimension.
    /// </summary>
    Tensor Transposed(Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] outputPadding, int groups, int[] dilation, string operation)
    {
        int spatial = stride.Length, n = Shape[0], channels = Shape[1], perGroup = weight.Shape[1], outputs = perGroup * groups;
        var w = weight;
        var (taps, spacing, lead, extents) = (new int[spatial], new int[spatial], new int[spatial], new int[spatial]);
        var (before, after) = (new int[spatial], new int[spatial]);
        for (int i = 0; i < spatial; i++)
        {
            int axis = 2 + i, s = stride[i];
            if (s > 1 && dilation[i] > 1) w = w.Spaced(axis, dilation[i]); // phases of a dilated kernel: its zeros are written out
            int kernel = w.Shape[axis];
            spacing[i] = s > 1 ? 1 : dilation[i];
            extents[i] = (Shape[axis] - 1) * s - 2 * padding[i] + spacing[i] * (kernel - 1) + outputPadding[i] + 1;
            if (extents[i] < 1)
                throw new ShapeException($"{operation} of {Shape} with weight {weight.Shape}: a padding of {padding[i]} leaves nothing of dimension {axis}");
            taps[i] = (kernel + s - 1) / s;
            // Zeros before the kernel shift the phases, so that the padding cuts whole steps off and nothing remains to be cut: if they fit into the last tap.
            int shift = (s - padding[i] % s) % s;
            if (kernel + shift > taps[i] * s) shift = 0;
            w = w.Margins(axis, shift, taps[i] * s - kernel - shift);
            int first = (padding[i] + shift) / s;
            lead[i] = (padding[i] + shift) % s;
            int steps = (lead[i] + extents[i] + s - 1) / s;
            before[i] = (taps[i] - 1) * spacing[i] - first;
            after[i] = steps + (taps[i] - 1) * spacing[i] - Shape[axis] - before[i];
        }
        // (G, C/G, O/G, J, s, J, s) to (G, O/G, s, s, C/G, J, J), each tap J from the last.
        int[] split = [.. Enumerable.Range(0, spatial).SelectMany(i => new[] { taps[i], stride[i] })];
        int[] tapAxes = [.. Enumerable.Range(0, spatial).Select(i => 3 + 2 * i)], phaseAxes = [.. tapAxes.Select(a => a + 1)];
        w = w.Reshape([groups, channels / groups, perGroup, .. split]).Flip(tapAxes).Permute([0, 2, .. phaseAxes, 1, .. tapAxes]);
        int phases = stride.Aggregate(1, (a, s) => a * s);
        w = w.Reshape([outputs * phases, channels / groups, .. taps]);
        if (w.Count != weight.Count) w = w.Contiguous(); // with zeros in it: as memory, so that a product reads it without asking which they are

        var x = this;
        for (int i = 0; i < spatial; i++) x = x.Margins(2 + i, before[i], after[i]);
        int[] one = [.. stride.Select(_ => 1)], none = new int[spatial];
        var y = x.Correlated(w, null, one, none, none, spacing, groups, operation); // (N, O s s, M, M)
        int[] beside = [.. Enumerable.Range(0, spatial).SelectMany(i => new[] { 2 + spatial + i, 2 + i })];
        int[] steppedExtents = [.. y.Shape.Span[2..]];
        y = y.Reshape([n, outputs, .. stride, .. steppedExtents]);
        if (phases > 1) y = y.Contiguous();
        y = y.Permute([0, 1, .. beside]).Reshape([n, outputs, .. steppedExtents.Zip(stride, (m, s) => m * s)]);
        for (int i = 0; i < spatial; i++) y = y.Narrow(2 + i, lead[i], extents[i]);
        return bias is null ? y : y + bias.Reshape([outputs, .. one]);
    }

    /// <summary>This many zeros before and after a dimension; negative numbers cut off.</summary>
    Tensor Margins(int axis, int before, int after)
    {
        int start = Math.Max(0, -before), x = Shape[axis] - start - Math.Max(0, -after);
        int[] lead = new int[Rank], trail = new int[Rank];
        (lead[axis], trail[axis]) = (Math.Max(0, before), Math.Max(0, after));
        return (x == Shape[axis] ? this : Narrow(axis, start, x)).Surround(lead, trail, 0);
    }

    /// <summary>Elements of a dimension a step apart, zeros between them.</summary>
    Tensor Spaced(int axis, int step)
    {
        int[] dims = [.. Shape.Span[..axis], Shape[axis] * step, .. Shape.Span[(axis + 1)..]];
        return Unsqueeze(axis + 1).Margins(axis + 1, 0, step - 1).Reshape(dims).Margins(axis, 0, 1 - step);
    }

    static string InGroups(int groups) => $"{groups} group{(groups == 1 ? "" : "s")}";

    static void RequireBias(Tensor? bias, Tensor weight, int outputs)
    {
        if (bias is not null && !(bias.Rank == 1 && bias.Shape[0] == outputs))
            throw new ShapeException($"a convolution with weight {weight.Shape} needs a bias of ({outputs},), not {bias.Shape}");
    }
}
