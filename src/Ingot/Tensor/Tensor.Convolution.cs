using Ingot.Graph;

namespace Ingot;

/// <summary>Convolution and pooling: windows along the spatial dimensions, then one reduction. N images, C channels, H and W extents, K kernel.</summary>
public sealed partial class Tensor
{
    /// <summary>
    /// Cross-correlation along one spatial dimension: (N, C, L) with weight (outputs, C / groups, K) and bias (outputs,) gives (N, outputs, L');
    /// L' = (L + 2 padding - dilation (K - 1) - 1) / stride + 1.
    /// </summary>
    /// <exception cref="ShapeException">Shapes that do not fit, with both in the message.</exception>
    public Tensor Conv1d(Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0, int dilation = 1, int groups = 1) =>
        Conv(1, weight, bias, [stride], [padding], [dilation], groups);

    /// <summary>
    /// Cross-correlation along two spatial dimensions: (N, C, H, W) with weight (outputs, C / groups, KH, KW) and bias (outputs,) gives (N, outputs, H', W').
    /// </summary>
    /// <exception cref="ShapeException">Shapes that do not fit, with both in the message.</exception>
    public Tensor Conv2d(Tensor weight, Tensor? bias = null, int stride = 1, int padding = 0, int dilation = 1, int groups = 1) =>
        Conv(2, weight, bias, [stride, stride], [padding, padding], [dilation, dilation], groups);

    /// <summary>As above, with a step, margin and spacing of its own for each spatial dimension.</summary>
    public Tensor Conv2d(Tensor weight, Tensor? bias, (int, int) stride, (int, int) padding, (int, int) dilation, int groups = 1) =>
        Conv(2, weight, bias, Both(stride), Both(padding), Both(dilation), groups);

    Tensor Conv(int spatial, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, int groups)
    {
        if (Rank != spatial + 2 || weight.Rank != spatial + 2)
            throw new ShapeException($"Conv{spatial}d needs an input and a weight of {spatial + 2} dimensions; they are {Shape} and {weight.Shape}");
        int n = Shape[0], channels = Shape[1], outputs = weight.Shape[0], perGroup = weight.Shape[1];
        if (groups < 1 || channels != perGroup * groups || outputs % groups != 0)
            throw new ShapeException($"cannot convolve {Shape} with weight {weight.Shape} in {groups} group{(groups == 1 ? "" : "s")}: the input has {channels} channels, the weight takes {perGroup} a group and gives {outputs}");
        if (bias is not null && !(bias.Rank == 1 && bias.Shape[0] == outputs))
            throw new ShapeException($"a convolution with weight {weight.Shape} needs a bias of ({outputs},), not {bias.Shape}");

        var dtype = ResultType(this, weight);
        int[] kernel = [.. weight.Shape.Span[2..]];
        var windows = Windows(Precision.Operand(As(dtype)), kernel, stride, padding, dilation, $"Conv{spatial}d"); // (N, C, H', W', KH, KW)
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

    /// <summary>The greatest element of each window; margins never win, and the first of equal ones takes the gradient. The kernel is also the stride unless one is given.</summary>
    public Tensor MaxPool1d(int kernel, int? stride = null, int padding = 0, int dilation = 1) => MaxPool([kernel], [stride ?? kernel], [padding], [dilation]);

    /// <summary>The greatest element of each window; margins never win, and the first of equal ones takes the gradient. The kernel is also the stride unless one is given.</summary>
    public Tensor MaxPool2d(int kernel, int? stride = null, int padding = 0, int dilation = 1) =>
        MaxPool([kernel, kernel], [stride ?? kernel, stride ?? kernel], [padding, padding], [dilation, dilation]);

    /// <summary>As the other, with a number for the height and one for the width.</summary>
    public Tensor MaxPool2d((int, int) kernel, (int, int)? stride = null, (int, int) padding = default, (int, int)? dilation = null) =>
        MaxPool(Both(kernel), Both(stride ?? kernel), Both(padding), Both(dilation ?? (1, 1)));

    /// <summary>The mean of each window. The kernel is also the stride unless one is given; with <paramref name="countIncludePad"/> zeros of the margin count as elements.</summary>
    public Tensor AvgPool1d(int kernel, int? stride = null, int padding = 0, bool countIncludePad = true) => AvgPool([kernel], [stride ?? kernel], [padding], countIncludePad);

    /// <summary>The mean of each window. The kernel is also the stride unless one is given; with <paramref name="countIncludePad"/> zeros of the margin count as elements.</summary>
    public Tensor AvgPool2d(int kernel, int? stride = null, int padding = 0, bool countIncludePad = true) =>
        AvgPool([kernel, kernel], [stride ?? kernel, stride ?? kernel], [padding, padding], countIncludePad);

    /// <summary>As the other, with a number for the height and one for the width.</summary>
    public Tensor AvgPool2d((int, int) kernel, (int, int)? stride = null, (int, int) padding = default, bool countIncludePad = true) =>
        AvgPool(Both(kernel), Both(stride ?? kernel), Both(padding), countIncludePad);

    Tensor MaxPool(int[] kernel, int[] stride, int[] padding, int[] dilation)
    {
        int spatial = kernel.Length;
        RequirePoolable($"MaxPool{spatial}d", kernel, padding);
        var x = Node;
        if (padding.Any(p => p > 0)) // zeros would win over negative elements
        {
            var inside = Margins(Build.Const(DType.Bool, Shape, 1L), padding);
            x = Margins(x, padding);
            x = Build.Where(inside, x, Build.Const(DType, x.Shape, double.NegativeInfinity));
        }
        var windows = Windows(x, kernel, stride, new int[spatial], dilation, $"MaxPool{spatial}d");
        return new Tensor(windows).Flatten(-spatial).Max(-1);
    }

    Tensor AvgPool(int[] kernel, int[] stride, int[] padding, bool countIncludePad)
    {
        int spatial = kernel.Length;
        RequirePoolable($"AvgPool{spatial}d", kernel, padding);
        int[] one = [.. kernel.Select(_ => 1)];
        Tensor Total(Node x)
        {
            var windows = Windows(x, kernel, stride, padding, one, $"AvgPool{spatial}d");
            return new(WithoutWindow(Build.Reduce(Op.Add, windows, WindowAxes(windows, spatial)), spatial));
        }
        var sum = Total(Node);
        if (countIncludePad || padding.All(p => p == 0)) return sum / kernel.Aggregate(1.0, (a, k) => a * k);
        return sum / Total(Build.Const(DType, new Shape([1, 1, .. Shape.Span[2..]]), 1.0)); // windows over the margin hold fewer elements
    }

    void RequirePoolable(string operation, int[] kernel, int[] padding)
    {
        int spatial = kernel.Length;
        if (Rank != spatial + 2) throw new ShapeException($"{operation} needs (N, C{(spatial == 1 ? ", L" : ", H, W")}), this tensor is {Shape}");
        if (!DType.IsFloat) throw new DTypeException($"{operation} needs a floating dtype, this tensor is {DType.Name}; cast it with To()");
        for (int i = 0; i < spatial; i++)
            if (2 * padding[i] > kernel[i])
                throw new ShapeException($"{operation}: a margin of {padding[i]} is more than half the window of {kernel[i]}, so that some windows would hold nothing else");
    }

    /// <summary>Windows along the dimensions from 2 on: (N, C, H, W) to (N, C, H', W', KH, KW).</summary>
    static Node Windows(Node x, int[] kernel, int[] stride, int[] padding, int[] dilation, string operation)
    {
        var shape = x.Shape;
        if (kernel.Concat(stride).Concat(dilation).Any(v => v < 1) || padding.Any(v => v < 0))
            throw new ShapeException($"{operation}: kernel, stride and dilation must be at least 1 and the padding not negative");
        for (int i = 0; i < kernel.Length; i++)
            if ((kernel[i] - 1) * (long)dilation[i] + 1 > shape[2 + i] + 2L * padding[i])
                throw new ShapeException($"{operation} of {shape}: a kernel of {kernel[i]} with dilation {dilation[i]} does not fit dimension {2 + i}, which is {shape[2 + i]} with {padding[i]} of padding on each side");
        x = Margins(x, padding);
        for (int i = 0; i < kernel.Length; i++) x = Build.Window(x, 2 + i, kernel[i], stride[i], dilation[i]);
        return x;
    }

    static Node Margins(Node x, int[] padding)
    {
        var margin = new Shape([0, 0, .. padding, .. new int[x.Shape.Rank - 2 - padding.Length]]);
        return Build.Pad(x, margin, margin);
    }

    static int[] WindowAxes(Node windows, int spatial) => [.. Enumerable.Range(windows.Shape.Rank - spatial, spatial)];

    static Node WithoutWindow(Node x, int spatial) => Build.Reshape(x, new Shape(x.Shape.Span[..^spatial]));

    static int[] Both((int, int) pair) => [pair.Item1, pair.Item2];
}
