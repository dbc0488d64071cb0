using Ingot.Graph;

namespace Ingot;

/// <summary>Windows of images as columns, and back: what convolutions and pools are made of.</summary>
public sealed partial class Tensor
{
    /// <summary>
    /// Windows of images as columns (im2col): (N, C, H, W) gives (N, C KH KW, number of windows); <c>torch.nn.functional.unfold</c>, in its order of arguments.
    /// Three plain integers mean the other <see cref="Unfold(int, int, int)"/>, along one dimension: name the arguments, or give all.
    /// </summary>
    /// <exception cref="ShapeException">Not an image, or one smaller than a window.</exception>
    public Tensor Unfold(PerDimension kernel, PerDimension dilation = default, PerDimension padding = default, PerDimension stride = default)
    {
        if (Rank == 3) return Unsqueeze(0).Unfold(kernel, dilation, padding, stride).Squeeze(0);
        if (Rank != 4) throw new ShapeException($"Unfold into columns needs (N, C, H, W) or (C, H, W), this tensor is {Shape}");
        int[] size = kernel.Of(2, "the kernel of Unfold"), margin = padding.Or(0).Of(2, "the padding of Unfold");
        var windows = Windows(Node, size, stride.Or(1).Of(2, "the stride of Unfold"), margin, margin, dilation.Or(1).Of(2, "the dilation of Unfold"), "Unfold"); // (N, C, H', W', KH, KW)
        return new Tensor(windows).Permute(0, 1, 4, 5, 2, 3).Reshape(Shape[0], checked(Shape[1] * size[0] * size[1]), checked(windows.Shape[2] * windows.Shape[3]));
    }

    /// <summary>
    /// Columns summed back into the windows of images they stand for (col2im): (N, C KH KW, number of windows) gives (N, C, H, W); where windows overlap their elements
    /// add up. The transpose of <see cref="Unfold(PerDimension, PerDimension, PerDimension, PerDimension)"/>.
    /// </summary>
    /// <exception cref="ShapeException">The output size does not have this number of windows, or the channels do not divide.</exception>
    public Tensor Fold(PerDimension outputSize, PerDimension kernel, PerDimension dilation = default, PerDimension padding = default, PerDimension stride = default)
    {
        if (Rank == 2) return Unsqueeze(0).Fold(outputSize, kernel, dilation, padding, stride).Squeeze(0);
        if (Rank != 3) throw new ShapeException($"Fold needs columns (N, C KH KW, L) or (C KH KW, L), this tensor is {Shape}");
        int[] size = kernel.Of(2, "the kernel of Fold"), p = padding.Or(0).Of(2, "the padding of Fold"), s = stride.Or(1).Of(2, "the stride of Fold"), d = dilation.Or(1).Of(2, "the dilation of Fold");
        int[] extents = outputSize.Of(2, "the output size of Fold");
        RequireWindows(size, s, p, d, "Fold");
        int[] counts = [.. Enumerable.Range(0, 2).Select(i => (extents[i] + 2 * p[i] - d[i] * (size[i] - 1) - 1) / s[i] + 1)];
        int area = size[0] * size[1];
        if (Shape[1] % area != 0) throw new ShapeException($"Fold of {Shape}: dimension 1 holds windows of {size[0]} x {size[1]} and must be a multiple of {area}");
        if (counts[0] < 1 || counts[1] < 1 || Shape[2] != counts[0] * counts[1])
            throw new ShapeException($"Fold of {Shape} to {extents[0]} x {extents[1]}: that size has {Math.Max(0, counts[0])} x {Math.Max(0, counts[1])} windows, the tensor {Shape[2]}");
        int channels = Shape[1] / area;
        var columns = Reshape(Shape[0], channels, size[0], size[1], counts[0], counts[1]).Permute(0, 1, 4, 5, 2, 3); // (N, C, H', W', KH, KW)
        var x = columns.Node;
        for (int i = 1; i >= 0; i--) // as the gradient of Windows: the last of them first
        {
            var spread = Build.Unwindow(x, 2 + i, extents[i] + 2 * p[i], s[i], d[i]);
            x = WithoutWindow(Build.Reduce(Op.Add, spread, spread.Shape.Rank - 1), 1);
        }
        var y = new Tensor(x);
        for (int i = 0; i < 2; i++) y = y.Narrow(2 + i, p[i], extents[i]);
        return y;
    }

    /// <summary>Windows along the dimensions from 2 on: (N, C, H, W) to (N, C, H', W', KH, KW).</summary>
    static Node Windows(Node x, int[] kernel, int[] stride, int[] before, int[] after, int[] dilation, string operation)
    {
        var shape = x.Shape;
        RequireWindows(kernel, stride, before, dilation, operation);
        for (int i = 0; i < kernel.Length; i++)
            if ((kernel[i] - 1) * (long)dilation[i] + 1 > shape[2 + i] + (long)before[i] + after[i])
                throw new ShapeException($"{operation} of {shape}: a kernel of {kernel[i]} with dilation {dilation[i]} does not fit dimension {2 + i}, which is {shape[2 + i]} with {before[i]} and {after[i]} of padding at its ends");
        x = Margins(x, before, after);
        for (int i = 0; i < kernel.Length; i++) x = Build.Window(x, 2 + i, kernel[i], stride[i], dilation[i]);
        return x;
    }

    static void RequireWindows(int[] kernel, int[] stride, int[] padding, int[] dilation, string operation)
    {
        if (kernel.Concat(stride).Concat(dilation).Any(v => v < 1) || padding.Any(v => v < 0))
            throw new ShapeException($"{operation}: kernel, stride and dilation must be at least 1 and the padding not negative; they are {(PerDimension)kernel}, {(PerDimension)stride}, {(PerDimension)dilation} and {(PerDimension)padding}");
    }

    static Node Margins(Node x, int[] before, int[] after)
    {
        int[] rest = new int[x.Shape.Rank - 2 - before.Length];
        return Build.Pad(x, new Shape([0, 0, .. before, .. rest]), new Shape([0, 0, .. after, .. rest]));
    }

    static int[] WindowAxes(Node windows, int spatial) => [.. Enumerable.Range(windows.Shape.Rank - spatial, spatial)];

    static Node WithoutWindow(Node x, int spatial) => Build.Reshape(x, new Shape(x.Shape.Span[..^spatial]));
}
