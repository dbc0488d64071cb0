namespace Ingot;

/// <summary>Pooling to a given size: window i of O over an extent I reaches from floor(i I / O) to ceil((i + 1) I / O).</summary>
public sealed partial class Tensor
{
    /// <summary>The mean of each of <paramref name="outputSize"/> windows that cover the dimension: (N, C, L) or (C, L).</summary>
    /// <exception cref="ShapeException">Another rank, or nothing to pool.</exception>
    public Tensor AdaptiveAvgPool1d(PerDimension outputSize) => AdaptiveAvgPool(1, outputSize);

    /// <summary>The mean of each of <paramref name="outputSize"/> windows that cover the images: (N, C, H, W) or (C, H, W).</summary>
    /// <exception cref="ShapeException">Another rank, or nothing to pool.</exception>
    public Tensor AdaptiveAvgPool2d(PerDimension outputSize) => AdaptiveAvgPool(2, outputSize);

    /// <summary>The mean of each of <paramref name="outputSize"/> windows that cover the volumes: (N, C, D, H, W) or (C, D, H, W).</summary>
    /// <exception cref="ShapeException">Another rank, or nothing to pool.</exception>
    public Tensor AdaptiveAvgPool3d(PerDimension outputSize) => AdaptiveAvgPool(3, outputSize);

    /// <summary>The greatest element of each of <paramref name="outputSize"/> windows that cover the dimension; the first of equal ones takes the gradient.</summary>
    /// <exception cref="ShapeException">Another rank, or nothing to pool.</exception>
    public Tensor AdaptiveMaxPool1d(PerDimension outputSize) => AdaptiveMaxPool(1, outputSize);

    /// <summary>The greatest element of each of <paramref name="outputSize"/> windows that cover the images; the first of equal ones takes the gradient.</summary>
    /// <exception cref="ShapeException">Another rank, or nothing to pool.</exception>
    public Tensor AdaptiveMaxPool2d(PerDimension outputSize) => AdaptiveMaxPool(2, outputSize);

    /// <summary>The greatest element of each of <paramref name="outputSize"/> windows that cover the volumes; the first of equal ones takes the gradient.</summary>
    /// <exception cref="ShapeException">Another rank, or nothing to pool.</exception>
    public Tensor AdaptiveMaxPool3d(PerDimension outputSize) => AdaptiveMaxPool(3, outputSize);

    Tensor AdaptiveAvgPool(int spatial, PerDimension outputSize)
    {
        string operation = $"AdaptiveAvgPool{spatial}d";
        if (RequirePoolable(operation, spatial)) return Unsqueeze(0).AdaptiveAvgPool(spatial, outputSize).Squeeze(0);
        int[] size = AdaptiveSize(operation, spatial, outputSize);
        if (EvenWindows(size) is { } kernel) return AvgPool(spatial, kernel, kernel, default, false, true, null);
        // The mean over a box is the mean of means along its sides, so that each dimension reads an element about once.
        return Precisely(x =>
        {
            for (int i = 0; i < spatial; i++)
            {
                int axis = 2 + i;
                if (x.Shape[axis] == size[i]) continue;
                var (windows, inside, counts) = x.AdaptiveWindows(axis, size[i], x.DType);
                x = inside.Where(windows, 0).Sum(axis + 1) / counts;
            }
            return x;
        });
    }

    Tensor AdaptiveMaxPool(int spatial, PerDimension outputSize)
    {
        string operation = $"AdaptiveMaxPool{spatial}d";
        if (RequirePoolable(operation, spatial)) return Unsqueeze(0).AdaptiveMaxPool(spatial, outputSize).Squeeze(0);
        int[] size = AdaptiveSize(operation, spatial, outputSize);
        if (EvenWindows(size) is { } kernel) return MaxPool(spatial, kernel, kernel, default, default, false);
        var x = this;
        for (int i = 0; i < spatial; i++) // (N, C, H', KH, W', KW)
        {
            var (windows, inside, _) = x.AdaptiveWindows(2 + 2 * i, size[i], x.DType);
            x = inside.Where(windows, double.NegativeInfinity);
        }
        int[] order = [0, 1, .. Enumerable.Range(0, spatial).Select(i => 2 + 2 * i), .. Enumerable.Range(0, spatial).Select(i => 3 + 2 * i)];
        return x.Permute(order).Flatten(-spatial).Max(-1); // one maximum over the box: the first of equals is the first of the whole box
    }

    int[] AdaptiveSize(string operation, int spatial, PerDimension outputSize)
    {
        int[] size = outputSize.Of(spatial, $"the output size of {operation}");
        for (int i = 0; i < spatial; i++)
            if (size[i] < 1 || Shape[2 + i] < 1) throw new ShapeException($"{operation} of {Shape} to {outputSize}: dimension {2 + i} goes from {Shape[2 + i]} to {size[i]}, both must be at least 1");
        return size;
    }

    /// <summary>The windows' size if all are as large and side by side; then this is plain pooling, and no element is looked up.</summary>
    int[]? EvenWindows(int[] size)
    {
        var kernel = new int[size.Length];
        for (int i = 0; i < kernel.Length; i++)
        {
            if (Shape[2 + i] % size[i] != 0) return null;
            kernel[i] = Shape[2 + i] / size[i];
        }
        return kernel;
    }

    /// <summary>A dimension as windows of the largest one's size, (.., I, ..) to (.., O, K, ..); which of their elements are inside; and how many, to broadcast against (.., O, ..).</summary>
    (Tensor Windows, Tensor Inside, Tensor Counts) AdaptiveWindows(int axis, int outputs, DType dtype)
    {
        int extent = Shape[axis], largest = 0;
        for (int i = 0; i < outputs; i++) largest = Math.Max(largest, (int)(((i + 1L) * extent + outputs - 1) / outputs - (long)i * extent / outputs));
        var i64 = extent * (long)outputs > int.MaxValue / 2 ? DType.I64 : DType.I32;
        var at = Arange(0, outputs, 1, i64).Unsqueeze(1);
        Tensor start = (at * extent).FloorDivide(outputs), end = ((at + 1) * extent + (outputs - 1)).FloorDivide(outputs); // (O, 1)
        var position = start + Arange(0, largest, 1, i64); // (O, K)
        var windows = IndexSelect(axis, position.Minimum(extent - 1).Flatten().Contiguous()).Unflatten(axis, outputs, largest);
        int[] behind = [.. Enumerable.Repeat(1, Rank - 1 - axis)];
        return (windows, (position < end).Reshape([outputs, largest, .. behind]), (end - start).To(dtype).Reshape([outputs, .. behind]));
    }
}
