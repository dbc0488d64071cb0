using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Kernels;

/// <summary>Convolutions and pools as inference has them: images whose sides are no multiple of a vector, strides, borders, groups, dilation.</summary>
[Collection(nameof(ProcessWide))]
public sealed class ConvolutionNestTests : IDisposable
{
    readonly IsaLevel? isa = Settings.Isa;
    readonly int threads = WorkerPool.Threads;

    public void Dispose()
    {
        Settings.Isa = isa;
        WorkerPool.Threads = threads;
        Realizer.Clear();
    }

    public static readonly TheoryData<IsaLevel> Levels = [IsaLevel.Vector128, IsaLevel.Avx2, IsaLevel.Avx512];

    /// <summary>Inputs, side of the image, outputs, kernel, stride, padding, dilation, groups.</summary>
    static readonly (int Inputs, int Side, int Outputs, int Kernel, int Stride, int Padding, int Dilation, int Groups)[] Cases =
    [
        (24, 7, 40, 1, 1, 0, 1, 1),    // 49 columns: the last vector begins in one row of K and ends in the next
        (24, 14, 17, 1, 1, 0, 1, 1),
        (16, 14, 36, 1, 2, 0, 1, 1),   // gathered
        (16, 13, 36, 1, 3, 0, 1, 1),
        (3, 23, 24, 7, 2, 3, 1, 1),    // the first of a network: few inputs, results turned
        (16, 14, 20, 3, 1, 1, 1, 1),
        (16, 14, 33, 3, 2, 1, 1, 1),
        (16, 15, 16, 3, 1, 2, 2, 1),
        (16, 15, 32, 3, 1, 1, 1, 4),
        (40, 7, 40, 3, 1, 1, 1, 40),   // depthwise
        (40, 14, 40, 3, 2, 1, 1, 40),
        (40, 9, 40, 5, 1, 2, 1, 40),
        (33, 28, 33, 3, 1, 1, 1, 33),
        (9, 5, 9, 3, 2, 1, 1, 9),
    ];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Conv2d_OfSmallImages_GivesWhatDoubleGivesForAnyThreads(IsaLevel level)
    {
        Settings.Isa = level;
        foreach (var c in Cases)
        {
            string what = $"{level}: {c}";
            Tensor x = Tensor.Randn(1, c.Inputs, c.Side, c.Side).Realize(), w = Tensor.Randn(c.Outputs, c.Inputs / c.Groups, c.Kernel, c.Kernel).Realize(), bias = Tensor.Randn(c.Outputs, 1, 1).Realize();
            Tensor Run(DType t)
            {
                var y = x.To(t).Conv2d(w.To(t), stride: c.Stride, padding: c.Padding, dilation: c.Dilation, groups: c.Groups);
                return (y + bias.To(t)).Clamp(0, 6);
            }
            double[] exact = Run(DType.F64).ToArray<double>();
            WorkerPool.Threads = 1;
            CompiledKernel.Clear();
            Realizer.Clear();
            float[] one = Run(DType.F32).ToArray<float>();
            WorkerPool.Threads = 2;
            CompiledKernel.Clear();
            Realizer.Clear();
            float[] two = Run(DType.F32).ToArray<float>();
            one.SequenceEqual(two).ShouldBeTrue(what);
            for (int i = 0; i < exact.Length; i++) ((double)one[i]).ShouldBe(exact[i], 1e-4, $"{what}, element {i}");
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void MaxPool2d_WithBorders_GivesTheGreatestOfEachWindow(IsaLevel level)
    {
        Settings.Isa = level;
        Realizer.Clear();
        foreach (var (channels, side, kernel, stride, padding) in new[] { (5, 14, 3, 2, 1), (3, 7, 3, 1, 1), (2, 33, 3, 2, 1), (40, 9, 2, 2, 0), (1, 12, 5, 3, 2) })
        {
            var x = Tensor.Randn(1, channels, side, side).Realize();
            float[] values = x.ToArray<float>(), pooled = x.MaxPool2d(kernel, stride, padding).ToArray<float>();
            int outSide = (side + 2 * padding - kernel) / stride + 1;
            for (int i = 0; i < pooled.Length; i++)
            {
                int channel = i / (outSide * outSide), row = i / outSide % outSide * stride - padding, column = i % outSide * stride - padding;
                float greatest = float.NegativeInfinity;
                for (int r = Math.Max(0, row); r < Math.Min(side, row + kernel); r++)
                    for (int q = Math.Max(0, column); q < Math.Min(side, column + kernel); q++) greatest = Math.Max(greatest, values[(channel * side + r) * side + q]);
                pooled[i].ShouldBe(greatest, $"{level}: {channels} x {side} x {side}, kernel {kernel}, stride {stride}, padding {padding}, element {i}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Levels))]
    public void Pad_OfImages_GivesTheImageWithinItsBorder(IsaLevel level)
    {
        Settings.Isa = level;
        Realizer.Clear();
        foreach (int side in new[] { 1, 3, 4, 7, 8, 9, 16, 30, 37 })
            foreach (int border in new[] { 1, 3, 9 })
            {
                var x = Tensor.Randn(3, side, side).Realize();
                float[] values = x.ToArray<float>(), padded = x.Pad([border, border, border, border]).ToArray<float>();
                int wide = side + 2 * border;
                for (int i = 0; i < padded.Length; i++)
                {
                    int channel = i / (wide * wide), row = i / wide % wide - border, column = i % wide - border;
                    bool inside = row >= 0 && row < side && column >= 0 && column < side;
                    padded[i].ShouldBe(inside ? values[(channel * side + row) * side + column] : 0, $"{level}: side {side}, border {border}, element {i}");
                }
            }
    }
}
