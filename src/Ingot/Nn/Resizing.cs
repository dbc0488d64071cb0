namespace Ingot.Nn;

/// <summary>Images at another size, or larger by a factor; see <see cref="Tensor.Interpolate(PerDimension, double?, InterpolationMode, bool, bool)"/>.</summary>
public sealed class Upsample(PerDimension size = default, double? scaleFactor = null, InterpolationMode mode = InterpolationMode.Nearest, bool alignCorners = false) : ILayer
{
    public Tensor Forward(Tensor x) => x.Interpolate(size, scaleFactor, mode, alignCorners);
}

/// <summary>Means of windows that cover (N, C, L); see <see cref="Tensor.AdaptiveAvgPool1d"/>.</summary>
public sealed class AdaptiveAvgPool1d(PerDimension outputSize) : ILayer
{
    public Tensor Forward(Tensor x) => x.AdaptiveAvgPool1d(outputSize);
}

/// <summary>Means of windows that cover (N, C, H, W); see <see cref="Tensor.AdaptiveAvgPool2d"/>.</summary>
public sealed class AdaptiveAvgPool2d(PerDimension outputSize) : ILayer
{
    public Tensor Forward(Tensor x) => x.AdaptiveAvgPool2d(outputSize);
}

/// <summary>Means of windows that cover (N, C, D, H, W); see <see cref="Tensor.AdaptiveAvgPool3d"/>.</summary>
public sealed class AdaptiveAvgPool3d(PerDimension outputSize) : ILayer
{
    public Tensor Forward(Tensor x) => x.AdaptiveAvgPool3d(outputSize);
}

/// <summary>x where x > 0, else a trained slope times x. Weight (1,), or (parameters,) for one a channel, from <paramref name="start"/>.</summary>
public sealed class PRelu(int parameters = 1, double start = 0.25) : ILayer
{
    public Tensor Weight { get; } = Tensor.Full([parameters], start).WithGrad();

    public Tensor Forward(Tensor x) => x.PRelu(Weight);
}
