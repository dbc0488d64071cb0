namespace Ingot.Nn;

/// <summary>What the convolutions share: weight (outputs, inputs / groups, kernel..) and bias (outputs,), both uniform within 1 / sqrt(inputs / groups * elements of the kernel), as PyTorch starts them.</summary>
public abstract class Convolution : ILayer
{
    public Tensor Weight { get; }

    public Tensor? Bias { get; }

    private protected int Groups { get; }

    private protected Convolution(int spatial, int inputs, int outputs, PerDimension kernel, int groups, bool bias)
    {
        if (groups < 1 || inputs % groups != 0 || outputs % groups != 0)
            throw new ShapeException($"a convolution from {inputs} to {outputs} channels does not divide into {groups} groups");
        Groups = groups;
        int[] size = kernel.Of(spatial, "the kernel of a convolution");
        int fanIn = size.Aggregate(inputs / groups, (a, k) => a * k);
        Weight = Start.Uniform(fanIn, [outputs, inputs / groups, .. size]);
        Bias = bias ? Start.Uniform(fanIn, outputs) : null;
    }

    public abstract Tensor Forward(Tensor x);
}

/// <summary>Cross-correlation along one dimension: (N, inputs, L) to (N, outputs, L'); see <see cref="Tensor.Conv1d"/>.</summary>
public sealed class Conv1d(int inputs, int outputs, PerDimension kernel, PerDimension stride = default, ConvPadding padding = default, PerDimension dilation = default, int groups = 1, bool bias = true)
    : Convolution(1, inputs, outputs, kernel, groups, bias)
{
    public override Tensor Forward(Tensor x) => x.Conv1d(Weight, Bias, stride, padding, dilation, Groups);
}

/// <summary>Cross-correlation along two dimensions: (N, inputs, H, W) to (N, outputs, H', W'); see <see cref="Tensor.Conv2d"/>.</summary>
public sealed class Conv2d(int inputs, int outputs, PerDimension kernel, PerDimension stride = default, ConvPadding padding = default, PerDimension dilation = default, int groups = 1, bool bias = true)
    : Convolution(2, inputs, outputs, kernel, groups, bias)
{
    public override Tensor Forward(Tensor x) => x.Conv2d(Weight, Bias, stride, padding, dilation, Groups);
}

/// <summary>Cross-correlation along three dimensions: (N, inputs, D, H, W) to (N, outputs, D', H', W'); see <see cref="Tensor.Conv3d"/>.</summary>
public sealed class Conv3d(int inputs, int outputs, PerDimension kernel, PerDimension stride = default, ConvPadding padding = default, PerDimension dilation = default, int groups = 1, bool bias = true)
    : Convolution(3, inputs, outputs, kernel, groups, bias)
{
    public override Tensor Forward(Tensor x) => x.Conv3d(Weight, Bias, stride, padding, dilation, Groups);
}

/// <summary>What the transposed convolutions share: weight (inputs, outputs / groups, kernel..) and bias (outputs,), both uniform within 1 / sqrt(outputs / groups * elements of the kernel), as PyTorch starts them.</summary>
public abstract class TransposedConvolution : ILayer
{
    public Tensor Weight { get; }

    public Tensor? Bias { get; }

    private protected int Groups { get; }

    private protected TransposedConvolution(int spatial, int inputs, int outputs, PerDimension kernel, int groups, bool bias)
    {
        if (groups < 1 || inputs % groups != 0 || outputs % groups != 0)
            throw new ShapeException($"a transposed convolution from {inputs} to {outputs} channels does not divide into {groups} groups");
        Groups = groups;
        int[] size = kernel.Of(spatial, "the kernel of a transposed convolution");
        int fanIn = size.Aggregate(outputs / groups, (a, k) => a * k);
        Weight = Start.Uniform(fanIn, [inputs, outputs / groups, .. size]);
        Bias = bias ? Start.Uniform(fanIn, outputs) : null;
    }

    public abstract Tensor Forward(Tensor x);
}

/// <summary>The transpose of a convolution along one dimension: (N, inputs, L) to (N, outputs, L'); see <see cref="Tensor.ConvTranspose1d"/>.</summary>
public sealed class ConvTranspose1d(int inputs, int outputs, PerDimension kernel, PerDimension stride = default, PerDimension padding = default, PerDimension outputPadding = default, int groups = 1, bool bias = true, PerDimension dilation = default)
    : TransposedConvolution(1, inputs, outputs, kernel, groups, bias)
{
    public override Tensor Forward(Tensor x) => x.ConvTranspose1d(Weight, Bias, stride, padding, outputPadding, Groups, dilation);
}

/// <summary>The transpose of a convolution along two dimensions: (N, inputs, H, W) to (N, outputs, H', W'); see <see cref="Tensor.ConvTranspose2d"/>.</summary>
public sealed class ConvTranspose2d(int inputs, int outputs, PerDimension kernel, PerDimension stride = default, PerDimension padding = default, PerDimension outputPadding = default, int groups = 1, bool bias = true, PerDimension dilation = default)
    : TransposedConvolution(2, inputs, outputs, kernel, groups, bias)
{
    public override Tensor Forward(Tensor x) => x.ConvTranspose2d(Weight, Bias, stride, padding, outputPadding, Groups, dilation);
}

/// <summary>The transpose of a convolution along three dimensions: (N, inputs, D, H, W) to (N, outputs, D', H', W'); see <see cref="Tensor.ConvTranspose3d"/>.</summary>
public sealed class ConvTranspose3d(int inputs, int outputs, PerDimension kernel, PerDimension stride = default, PerDimension padding = default, PerDimension outputPadding = default, int groups = 1, bool bias = true, PerDimension dilation = default)
    : TransposedConvolution(3, inputs, outputs, kernel, groups, bias)
{
    public override Tensor Forward(Tensor x) => x.ConvTranspose3d(Weight, Bias, stride, padding, outputPadding, Groups, dilation);
}
