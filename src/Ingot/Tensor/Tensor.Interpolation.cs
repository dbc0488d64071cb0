namespace Ingot;

/// <summary>How <see cref="Tensor.Interpolate(PerDimension, double?, InterpolationMode, bool, bool)"/> makes an element of those around its place.</summary>
public enum InterpolationMode
{
    /// <summary>The element at floor(i scale): PyTorch's "nearest", half an element off the centre.</summary>
    Nearest,
    /// <summary>The element whose centre is nearest: PyTorch's "nearest-exact".</summary>
    NearestExact,
    /// <summary>Between two elements, of (N, C, L).</summary>
    Linear,
    /// <summary>Between four elements, of (N, C, H, W).</summary>
    Bilinear,
    /// <summary>Between eight elements, of (N, C, D, H, W).</summary>
    Trilinear,
    /// <summary>Sixteen elements under a cubic convolution with a = -0.75, of (N, C, H, W). It may overshoot.</summary>
    Bicubic,
    /// <summary>The mean of a window: adaptive average pooling.</summary>
    Area,
}

/// <summary>Resizing images: along one dimension after the other, each element a weighted sum of a few.</summary>
public sealed partial class Tensor
{
    /// <summary>(N, C, L), (N, C, H, W) or (N, C, D, H, W) at another size; give the size, or the factor by which the extents grow (rounded down).</summary>
    /// <param name="size">The new extents.</param>
    /// <param name="scaleFactor">New extent over old one, for every dimension.</param>
    /// <param name="mode">Which elements count.</param>
    /// <param name="alignCorners">For the linear and cubic modes: the first and last elements stay in their places; otherwise the images' edges do.</param>
    /// <param name="recomputeScaleFactor">The ratio of the rounded extents is used as the scale, not the factor itself.</param>
    /// <exception cref="ShapeException">A rank that the mode does not take, or a size below 1.</exception>
    /// <exception cref="IngotException">Neither size nor factor, or both.</exception>
    public Tensor Interpolate(PerDimension size = default, double? scaleFactor = null, InterpolationMode mode = InterpolationMode.Nearest, bool alignCorners = false, bool recomputeScaleFactor = false) =>
        Interpolated(size, scaleFactor is { } factor ? [.. Enumerable.Repeat(factor, Math.Max(0, Rank - 2))] : null, mode, alignCorners, recomputeScaleFactor);

    /// <summary>As the other, with a factor for each spatial dimension.</summary>
    public Tensor Interpolate(ReadOnlySpan<double> scaleFactor, InterpolationMode mode = InterpolationMode.Nearest, bool alignCorners = false, bool recomputeScaleFactor = false) =>
        Interpolated(default, scaleFactor.ToArray(), mode, alignCorners, recomputeScaleFactor);

    Tensor Interpolated(PerDimension size, double[]? factors, InterpolationMode mode, bool alignCorners, bool recompute)
    {
        int spatial = Rank - 2;
        bool fits = mode switch
        {
            InterpolationMode.Linear => spatial == 1,
            InterpolationMode.Bilinear or InterpolationMode.Bicubic => spatial == 2,
            InterpolationMode.Trilinear => spatial == 3,
            _ => spatial is 1 or 2 or 3,
        };
        if (!fits) throw new ShapeException($"Interpolate takes (N, C, L) with Linear, (N, C, H, W) with Bilinear or Bicubic, (N, C, D, H, W) with Trilinear, and all of them with the other modes; the mode is {mode}, this tensor {Shape}");
        if (!DType.IsFloat) throw new DTypeException($"Interpolate needs a floating dtype, this tensor is {DType.Name}; cast it with To()");
        if (size.IsDefault == factors is null) throw new IngotException($"Interpolate of {Shape} takes a size or a scaleFactor, {(factors is null ? "neither was" : "both were")} given");
        if (factors is not null && factors.Length != spatial) throw new ShapeException($"Interpolate of {Shape} needs {spatial} scale factors, {factors.Length} were given");
        if (alignCorners && mode is InterpolationMode.Nearest or InterpolationMode.NearestExact or InterpolationMode.Area)
            throw new IngotException($"alignCorners means something to the linear and cubic modes of Interpolate only, not to {mode}");
        int[] extents = factors is null ? size.Of(spatial, "the size of Interpolate") : [.. factors.Select((f, i) => (int)Math.Floor(Shape[2 + i] * f))];
        for (int i = 0; i < spatial; i++)
            if (extents[i] < 1 || Shape[2 + i] < 1) throw new ShapeException($"Interpolate of {Shape}: dimension {2 + i} goes from {Shape[2 + i]} to {extents[i]}, both must be at least 1");
        if (mode == InterpolationMode.Area) return AdaptiveAvgPool(spatial, extents);
        bool isNearest = mode is InterpolationMode.Nearest or InterpolationMode.NearestExact;
        if (isNearest) return Resized(this);
        return Precisely(Resized);

        Tensor Resized(Tensor original)
        {
            var x = original;
            for (int i = spatial - 1; i >= 0; i--) // the last first: all others are then sums of whole rows
            {
                double scale = factors is null || recompute ? Shape[2 + i] / (double)extents[i] : 1 / factors[i];
                x = isNearest ? x.Nearest(2 + i, extents[i], scale, mode == InterpolationMode.NearestExact) : x.Blended(2 + i, extents[i], scale, alignCorners, mode == InterpolationMode.Bicubic, isFirst: ReferenceEquals(x, original));
            }
            return x;
        }
    }

    /// <summary>One element for each: by whole factors movement alone, else a look-up.</summary>
    Tensor Nearest(int axis, int outputs, double scale, bool fromCentre)
    {
        int extent = Shape[axis];
        if (outputs == extent && scale == 1) return this;
        if (outputs % extent == 0 && scale == extent / (double)outputs) return RepeatInterleave(outputs / extent, axis);
        // In float32, as PyTorch: which element a place at a boundary falls to depends on it.
        var place = (Arange(0, outputs, 1, DType.I32).To(DType.F32) + (fromCentre ? 0.5f : 0f)) * (float)scale;
        return IndexSelect(axis, place.To(DType.I32).Minimum(extent - 1).Contiguous()); // the index as memory: a look-up an element, not its arithmetic
    }

    /// <summary>Two or four elements around each place, by weight.</summary>
    Tensor Blended(int axis, int outputs, double scale, bool alignCorners, bool isCubic, bool isFirst)
    {
        int extent = Shape[axis];
        if (outputs == extent && (alignCorners || scale == 1)) return this;
        var source = isFirst ? this : Contiguous(); // each dimension's taps once, where one kernel would multiply their numbers: 16 for a bicubic image
        var i = Arange(0, outputs, 1, DType.I32).To(DType);
        var place = alignCorners ? i * (outputs > 1 ? (extent - 1.0) / (outputs - 1) : 0) : (i + 0.5) * scale - 0.5;
        if (!isCubic) place = place.Clamp(min: 0);
        var below = place.Floor();
        var (index, part) = (below.To(DType.I32), place - below); // 0 <= part < 1
        Tensor sum = Tap(0, isCubic ? InnerCubic(part) : 1 - part) + Tap(1, isCubic ? InnerCubic(1 - part) : part);
        return isCubic ? sum + Tap(-1, OuterCubic(part + 1)) + Tap(2, OuterCubic(2 - part)) : sum;

        Tensor Tap(int offset, Tensor weight) =>
            source.IndexSelect(axis, (index + offset).Clamp(0, extent - 1).Contiguous()) * weight.Reshape([outputs, .. Enumerable.Repeat(1, Rank - 1 - axis)]);

        // Keys 1981, "Cubic convolution interpolation", at a distance t below 1 and from 1 to 2, with a = -0.75.
        static Tensor InnerCubic(Tensor t) => (1.25 * t - 2.25) * t * t + 1;
        static Tensor OuterCubic(Tensor t) => ((-0.75 * t + 3.75) * t - 6) * t + 3;
    }
}
