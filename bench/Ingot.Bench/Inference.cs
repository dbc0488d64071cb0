using Ingot.Bench.Models;
using Ingot.Nn;
using static Ingot.Bench.Programs;

namespace Ingot.Bench;

/// <summary>One image or one sequence through a model, float32 or bf16, with random weights.</summary>
static class Inference
{
    public static IEnumerable<Benchmark> All()
    {
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
        {
            string suffix = dtype == DType.F32 ? "" : ".bf16";
            yield return Image("resnet50" + suffix, "ResNet-50", dtype, () => new ResNet50());
            yield return Image("mobilenetv2" + suffix, "MobileNetV2", dtype, () => new MobileNetV2());
            yield return Sequence("bert" + suffix, dtype);
        }
    }

    static Benchmark Image(string name, string title, DType dtype, Func<IImageModel> create) =>
        new(name, $"ms of {title} forward, one image of 224 x 224{TrainingSteps.Mode(dtype)}", session =>
        {
            var model = create();
            RandomState(model);
            var x = Random(DType.F32, 1, 3, 224, 224);
            using var noGrad = new NoGrad();
            _ = model.Forward(x); // counts the work
            return Measure(session, name, dtype, 2e-9 * model.MultiplyAdds, () => model.Forward(x));
        });

    static Benchmark Sequence(string name, DType dtype) =>
        new(name, $"ms of BERT-base forward, one sequence of 128{TrainingSteps.Mode(dtype)}", session =>
        {
            const int length = 128;
            var model = new Bert();
            RandomState(model);
            var tokens = Tensor.From(Enumerable.Range(0, length).Select(i => 100 + 37 * i).ToArray(), 1, length);
            Tensor kinds = Tensor.From(new int[length], 1, length), mask = Tensor.From(Enumerable.Repeat(1, length).ToArray(), 1, length);
            using var noGrad = new NoGrad();
            return Measure(session, name, dtype, 2e-9 * Bert.MultiplyAdds(length), () => model.Forward(tokens, kinds, mask));
        });

    static Figure Measure(BenchSession session, string name, DType dtype, double gflop, Func<Tensor> forward)
    {
        using var precision = BenchPrecision.Of(dtype);
        return Sampling.Measure(name, "ms", session.RoofOf(dtype), gflop, s => 1000 * s, Into(forward), new(Wanted: 15, Most: 45, Seconds: 10));
    }

    /// <summary>Gives every tensor of a model values that no compiler can know: weights small, scales and variances near 1.</summary>
    static void RandomState(object model)
    {
        var state = new Dictionary<string, Tensor>();
        foreach (var (name, tensor) in Module.StateDict(model))
        {
            var noise = Tensor.Randn(tensor.Shape.Span);
            bool isScale = name.EndsWith("norm.weight", StringComparison.OrdinalIgnoreCase) || name.EndsWith("var", StringComparison.Ordinal);
            state[name] = (isScale ? 1 + 0.1 * noise.Sin() : tensor.Rank > 1 ? noise * Math.Sqrt(2.0 / (tensor.Count / tensor.Size(0))) : noise * 0.1).Realize();
        }
        Module.LoadStateDict(model, state);
    }
}
