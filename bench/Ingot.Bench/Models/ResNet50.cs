using Ingot.Nn;

namespace Ingot.Bench.Models;

/// <summary>ResNet-50, 25.6M parameters: bottleneck blocks with the stride in their 3 x 3 convolution.</summary>
/// <remarks>He et al. 2016, "Deep residual learning for image recognition"; the stride's place as in torchvision (version 1.5).</remarks>
sealed class ResNet50 : IImageModel
{
    readonly ConvNorm stem = new(3, 64, 7, stride: 2);
    readonly Bottleneck[] blocks = [.. Blocks()];
    readonly Linear classifier = new(2048, 1000);

    static IEnumerable<Bottleneck> Blocks()
    {
        int inputs = 64;
        foreach (var (count, width, stride) in new[] { (3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2) })
            for (int i = 0; i < count; i++)
            {
                yield return new(inputs, width, i == 0 ? stride : 1);
                inputs = 4 * width;
            }
    }

    /// <summary>(N, 3, 224, 224) to (N, 1000).</summary>
    public Tensor Forward(Tensor x)
    {
        x = stem.Forward(x).Relu().MaxPool2d(3, 2, 1);           // (N, 64, 56, 56)
        foreach (var block in blocks) x = block.Forward(x);     // (N, 2048, 7, 7)
        return classifier.Forward(x.Mean([2, 3]));
    }

    public double MultiplyAdds => stem.MultiplyAdds + blocks.Sum(b => b.MultiplyAdds) + classifier.Weight.Count;

    sealed class Bottleneck(int inputs, int width, int stride) : ILayer
    {
        readonly ConvNorm reduce = new(inputs, width, 1), spatial = new(width, width, 3, stride), expand = new(width, 4 * width, 1);
        readonly ConvNorm? shortcut = inputs != 4 * width || stride != 1 ? new(inputs, 4 * width, 1, stride) : null;

        public double MultiplyAdds => reduce.MultiplyAdds + spatial.MultiplyAdds + expand.MultiplyAdds + (shortcut?.MultiplyAdds ?? 0);

        public Tensor Forward(Tensor x)
        {
            var y = expand.Forward(spatial.Forward(reduce.Forward(x).Relu()).Relu());
            return (y + (shortcut?.Forward(x) ?? x)).Relu();
        }
    }
}
