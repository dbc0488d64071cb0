using Ingot.Nn;

namespace Ingot.Bench.Models;

/// <summary>MobileNetV2, 3.5M parameters: expand by a 1 x 1 convolution, filter each channel by itself, project without an activation.</summary>
/// <remarks>Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks", table 2.</remarks>
sealed class MobileNetV2 : IImageModel
{
    readonly ConvNorm stem = new(3, 32, 3, stride: 2);
    readonly Inverted[] blocks = [.. Blocks()];
    readonly ConvNorm last = new(320, 1280, 1);
    readonly Linear classifier = new(1280, 1000);

    static IEnumerable<Inverted> Blocks()
    {
        int inputs = 32;
        foreach (var (expansion, outputs, count, stride) in new[] { (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1) })
            for (int i = 0; i < count; i++)
            {
                yield return new(inputs, outputs, expansion, i == 0 ? stride : 1);
                inputs = outputs;
            }
    }

    /// <summary>(N, 3, 224, 224) to (N, 1000).</summary>
    public Tensor Forward(Tensor x)
    {
        x = stem.Forward(x).Relu6();                            // (N, 32, 112, 112)
        foreach (var block in blocks) x = block.Forward(x);     // (N, 320, 7, 7)
        return classifier.Forward(last.Forward(x).Relu6().Mean([2, 3]));
    }

    public double MultiplyAdds => stem.MultiplyAdds + blocks.Sum(b => b.MultiplyAdds) + last.MultiplyAdds + classifier.Weight.Count;

    sealed class Inverted(int inputs, int outputs, int expansion, int stride) : ILayer
    {
        readonly ConvNorm? expand = expansion > 1 ? new(inputs, expansion * inputs, 1) : null;
        readonly ConvNorm filter = new(expansion * inputs, expansion * inputs, 3, stride, groups: expansion * inputs);
        readonly ConvNorm project = new(expansion * inputs, outputs, 1);

        public double MultiplyAdds => (expand?.MultiplyAdds ?? 0) + filter.MultiplyAdds + project.MultiplyAdds;

        public Tensor Forward(Tensor x)
        {
            var y = project.Forward(filter.Forward(expand is null ? x : expand.Forward(x).Relu6()).Relu6());
            return stride == 1 && inputs == outputs ? x + y : y;
        }
    }
}
