namespace Ingot.Nn;

/// <summary>Rows, of the last dimensions, to mean 0 and variance 1; then weight and bias of the row's shape.</summary>
public sealed class LayerNorm(int[] shape, double epsilon = 1e-5, bool bias = true) : ILayer
{
    public LayerNorm(int width, double epsilon = 1e-5, bool bias = true) : this([width], epsilon, bias) { }

    public Tensor Weight { get; } = Start.Ones(shape);

    public Tensor? Bias { get; } = bias ? Start.Zeros(shape) : null;

    public Tensor Forward(Tensor x) => x.LayerNorm(Weight, Bias, epsilon);
}

/// <summary>Rows, of the last dimension, divided by their root mean square; then a weight.</summary>
public sealed class RmsNorm(int width, double epsilon = 1e-5) : ILayer
{
    public Tensor Weight { get; } = Start.Ones(width);

    public Tensor Forward(Tensor x) => x.RmsNorm(Weight, epsilon);
}

/// <summary>Groups of channels of (N, C, ..) to mean 0 and variance 1; then weight and bias a channel.</summary>
public sealed class GroupNorm(int groups, int channels, double epsilon = 1e-5) : ILayer
{
    public Tensor Weight { get; } = Start.Ones(channels);

    public Tensor Bias { get; } = Start.Zeros(channels);

    public Tensor Forward(Tensor x) => x.GroupNorm(groups, Weight, Bias, epsilon);
}

/// <summary>Channels of (N, C), (N, C, L) or (N, C, H, W) to mean 0 and variance 1 over everything else; see <see cref="Tensor.BatchNorm"/>.</summary>
public class BatchNorm(int channels, double epsilon = 1e-5, double momentum = 0.1) : ILayer
{
    public Tensor Weight { get; } = Start.Ones(channels);

    public Tensor Bias { get; } = Start.Zeros(channels);

    public Tensor RunningMean { get; } = Tensor.Zeros(channels);

    public Tensor RunningVar { get; } = Tensor.Ones(channels);

    public bool Training { get; set; } = true;

    public Tensor Forward(Tensor x) => x.BatchNorm(RunningMean, RunningVar, Weight, Bias, Training, momentum, epsilon);
}

/// <summary>Channels of each example of (N, C, L), (N, C, H, W), .. to mean 0 and variance 1; see <see cref="Tensor.InstanceNorm"/>. Weight and bias, and running statistics, if asked for.</summary>
public sealed class InstanceNorm(int channels, double epsilon = 1e-5, double momentum = 0.1, bool affine = false, bool trackRunningStats = false) : ILayer
{
    public Tensor? Weight { get; } = affine ? Start.Ones(channels) : null;

    public Tensor? Bias { get; } = affine ? Start.Zeros(channels) : null;

    public Tensor? RunningMean { get; } = trackRunningStats ? Tensor.Zeros(channels) : null;

    public Tensor? RunningVar { get; } = trackRunningStats ? Tensor.Ones(channels) : null;

    public bool Training { get; set; } = true;

    public Tensor Forward(Tensor x) => x.InstanceNorm(RunningMean, RunningVar, Weight, Bias, Training || RunningMean is null, momentum, epsilon);
}
