using Ingot.Graph;

namespace Ingot;

/// <summary>Pooling: one number for each window of (N, C, ..), or of (C, ..).</summary>
/// <remarks>
/// The kernel is also the stride unless one is given. With <c>ceilMode</c> windows may reach beyond the margin behind the last element, if they start before it:
/// the number of windows is rounded up.
/// </remarks>
public sealed partial class Tensor
{
    /// <summary>The greatest element of each window; margins never win, and the first of equal ones takes the gradient.</summary>
    public Tensor MaxPool1d(PerDimension kernel, PerDimension stride = default, PerDimension padding = default, PerDimension dilation = default, bool ceilMode = false) =>
        MaxPool(1, kernel, stride, padding, dilation, ceilMode);

    /// <summary>The greatest element of each window; margins never win, and the first of equal ones takes the gradient.</summary>
    public Tensor MaxPool2d(PerDimension kernel, PerDimension stride = default, PerDimension padding = default, PerDimension dilation = default, bool ceilMode = false) =>
        MaxPool(2, kernel, stride, padding, dilation, ceilMode);

    /// <summary>The greatest element of each window; margins never win, and the first of equal ones takes the gradient.</summary>
    public Tensor MaxPool3d(PerDimension kernel, PerDimension stride = default, PerDimension padding = default, PerDimension dilation = default, bool ceilMode = false) =>
        MaxPool(3, kernel, stride, padding, dilation, ceilMode);

    /// <summary>The mean of each window; with <paramref name="countIncludePad"/> zeros of the margin count as elements.</summary>
    public Tensor AvgPool1d(PerDimension kernel, PerDimension stride = default, PerDimension padding = default, bool ceilMode = false, bool countIncludePad = true) =>
        AvgPool(1, kernel, stride, padding, ceilMode, countIncludePad, null);

    /// <summary>The mean of each window; with <paramref name="countIncludePad"/> zeros of the margin count as elements. A sum divided by <paramref name="divisorOverride"/> if that is given.</summary>
    public Tensor AvgPool2d(PerDimension kernel, PerDimension stride = default, PerDimension padding = default, bool ceilMode = false, bool countIncludePad = true, int? divisorOverride = null) =>
        AvgPool(2, kernel, stride, padding, ceilMode, countIncludePad, divisorOverride);

    /// <summary>The mean of each window; with <paramref name="countIncludePad"/> zeros of the margin count as elements. A sum divided by <paramref name="divisorOverride"/> if that is given.</summary>
    public Tensor AvgPool3d(PerDimension kernel, PerDimension stride = default, PerDimension padding = default, bool ceilMode = false, bool countIncludePad = true, int? divisorOverride = null) =>
        AvgPool(3, kernel, stride, padding, ceilMode, countIncludePad, divisorOverride);

    Tensor MaxPool(int spatial, PerDimension kernel, PerDimension stride, PerDimension padding, PerDimension dilation, bool ceilMode)
    {
        string operation = $"MaxPool{spatial}d";
        if (RequirePoolable(operation, spatial)) return Unsqueeze(0).MaxPool(spatial, kernel, stride, padding, dilation, ceilMode).Squeeze(0);
        var (size, steps, before) = PoolWindows(operation, spatial, kernel, stride, padding);
        int[] spacing = dilation.Or(1).Of(spatial, $"the dilation of {operation}");
        RequireWindows(size, steps, before, spacing, operation);
        var after = After(size, steps, before, spacing, ceilMode);
        var x = Node;
        if (before.Concat(after).Any(p => p > 0)) // zeros would win over negative elements
        {
            var inside = Margins(Build.Const(DType.Bool, Shape, 1L), before, after);
            x = Margins(x, before, after);
            x = Build.Where(inside, x, Build.Const(DType, x.Shape, double.NegativeInfinity));
        }
        var windows = Windows(x, size, steps, new int[spatial], new int[spatial], spacing, operation);
        return new Tensor(windows).Flatten(-spatial).Max(-1);
    }

    Tensor AvgPool(int spatial, PerDimension kernel, PerDimension stride, PerDimension padding, bool ceilMode, bool countIncludePad, int? divisorOverride)
    {
        string operation = $"AvgPool{spatial}d";
        if (RequirePoolable(operation, spatial)) return Unsqueeze(0).AvgPool(spatial, kernel, stride, padding, ceilMode, countIncludePad, divisorOverride).Squeeze(0);
        var (size, steps, before) = PoolWindows(operation, spatial, kernel, stride, padding);
        int[] one = [.. size.Select(_ => 1)], none = new int[spatial];
        RequireWindows(size, steps, before, one, operation);
        if (divisorOverride == 0) throw new IngotException($"{operation} cannot divide by a divisorOverride of 0");
        var after = After(size, steps, before, one, ceilMode);
        Tensor Total(Node x, int[] before, int[] after)
        {
            var windows = Windows(x, size, steps, before, after, one, operation);
            return new(WithoutWindow(Build.Reduce(Op.Add, windows, WindowAxes(windows, spatial)), spatial));
        }
        var sum = Total(Node, before, after);
        if (divisorOverride is { } divisor) return sum / (double)divisor;
        bool reachesBeyond = Enumerable.Range(0, spatial).Any(i => after[i] > before[i]);
        if (!reachesBeyond && (countIncludePad || before.All(p => p == 0))) return sum / size.Aggregate(1.0, (a, k) => a * k);
        // Windows hold fewer elements there: how many is the sum of ones over them.
        var ones = Build.Const(DType, new Shape([1, 1, .. Enumerable.Range(0, spatial).Select(i => Shape[2 + i] + (countIncludePad ? 2 * before[i] : 0))]), 1.0);
        return sum / (countIncludePad ? Total(ones, none, [.. after.Zip(before, (a, b) => Math.Max(0, a - b))]) : Total(ones, before, after));
    }

    /// <summary>Is this one example, to be pooled as a batch of one?</summary>
    bool RequirePoolable(string operation, int spatial)
    {
        string extents = spatial switch { 1 => "L", 2 => "H, W", _ => "D, H, W" };
        if (Rank != spatial + 2 && Rank != spatial + 1) throw new ShapeException($"{operation} needs (N, C, {extents}) or (C, {extents}), this tensor is {Shape}");
        if (!DType.IsFloat) throw new DTypeException($"{operation} needs a floating dtype, this tensor is {DType.Name}; cast it with To()");
        return Rank == spatial + 1;
    }

    static (int[] Size, int[] Steps, int[] Padding) PoolWindows(string operation, int spatial, PerDimension kernel, PerDimension stride, PerDimension padding)
    {
        int[] size = kernel.Of(spatial, $"the kernel of {operation}"), margin = padding.Or(0).Of(spatial, $"the padding of {operation}");
        for (int i = 0; i < spatial; i++)
            if (2 * margin[i] > size[i])
                throw new ShapeException($"{operation}: a margin of {margin[i]} is more than half the window of {size[i]}, so that some windows would hold nothing else");
        return (size, stride.Or(kernel).Of(spatial, $"the stride of {operation}"), margin);
    }

    /// <summary>The margin behind each dimension: as before it, and what the last window needs if their number is rounded up.</summary>
    int[] After(int[] size, int[] steps, int[] before, int[] spacing, bool ceilMode)
    {
        if (!ceilMode) return before;
        var after = new int[size.Length];
        for (int i = 0; i < after.Length; i++)
        {
            int extent = Shape[2 + i], span = spacing[i] * (size[i] - 1) + 1, room = extent + 2 * before[i] - span;
            if (room < 0) return before; // not even one window: the error is that of the plain form
            int windows = (room + steps[i] - 1) / steps[i] + 1;
            if ((windows - 1) * steps[i] >= extent + before[i]) windows--; // it would start behind the last element
            after[i] = Math.Max(before[i], (windows - 1) * steps[i] + span - extent - before[i]);
        }
        return after;
    }
}
