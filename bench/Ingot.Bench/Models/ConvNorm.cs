using Ingot.Nn;

namespace Ingot.Bench.Models;

/// <summary>A convolution whose border keeps the size (but for the stride) and batch norm by its running statistics, as in inference.</summary>
sealed class ConvNorm(int inputs, int outputs, int kernel, int stride = 1, int groups = 1) : ILayer
{
    readonly Conv2d convolution = new(inputs, outputs, kernel, stride, padding: kernel / 2, groups: groups, bias: false);
    readonly BatchNorm norm = new(outputs) { Training = false };

    /// <summary>Of the latest call.</summary>
    [NotState]
    public double MultiplyAdds { get; private set; }

    public Tensor Forward(Tensor x)
    {
        var y = convolution.Forward(x);
        MultiplyAdds = (double)y.Count * convolution.Weight.Count / outputs;
        return norm.Forward(y);
    }
}
