using Ingot.Onnx.Export;

namespace Ingot.Onnx.Tests;

public sealed class OnnxExportTests
{
    /// <summary>Exports, imports, and compares with the function itself.</summary>
    static void RoundTrips(Func<Tensor[], Tensor[]> function, params Tensor[] inputs)
    {
        var expected = function(inputs);
        var named = inputs.Select((t, i) => ($"x{i}", t)).ToArray();
        string[] outputs = [.. expected.Select((_, i) => $"y{i}")];
        var model = OnnxModel.Parse(OnnxExport.Write(function, named, outputs), "exported");
        var actual = model.Run(named.ToDictionary(n => n.Item1, n => (OnnxValue)n.t));
        for (int i = 0; i < expected.Length; i++)
        {
            var y = ((OnnxTensor)actual[outputs[i]]).Tensor;
            y.DType.ShouldBe(expected[i].DType);
            y.Shape.ShouldBe(expected[i].Shape);
            var (a, b) = (y.ToArray<double>(), expected[i].ToArray<double>());
            for (int k = 0; k < a.Length; k++) a[k].ShouldBe(b[k], 1e-5 + (1e-5 * Math.Abs(b[k])));
        }
    }

    static Tensor Numbers(params int[] shape) => (Tensor.Arange(shape.Aggregate(1, (a, b) => a * b), DType.F32) * 0.37f).Sin().Reshape(shape).Realize();

    [Fact]
    public void Write_Perceptron_RoundTrips()
    {
        Tensor w1 = Numbers(16, 8), b1 = Numbers(16), w2 = Numbers(4, 16);
        RoundTrips(x => [x[0].Linear(w1, b1).Gelu().Linear(w2).Softmax(-1)], Numbers(3, 8));
    }

    [Fact]
    public void Write_Convolution_RoundTrips()
    {
        Tensor w = Numbers(6, 2, 3, 3), b = Numbers(6);
        RoundTrips(x => [x[0].Conv2d(w, b, stride: 2, padding: 1, groups: 2).Relu().MaxPool2d(2, 1), x[0].Mean(1)], Numbers(2, 4, 9, 9));
    }

    [Fact]
    public void Write_AttentionWithIndices_RoundTrips()
    {
        var table = Numbers(10, 8);
        RoundTrips(x =>
        {
            var h = x[0].Embedding(table).Unsqueeze(1);
            return [h.ScaledDotProductAttention(h, h, isCausal: true).LayerNorm(), x[0].Flip(1), (x[0] % 3).Eq(1), x[0].FloorDivide(4)];
        }, Tensor.From([1L, 5, 9, 0, 2, 7], 2, 3));
    }

    [Fact]
    public void Write_CustomKernel_IsRefusedByName()
    {
        var kernel = new CustomKernel("mine", a => a.Input<float>(0).CopyTo(a.Output<float>()));
        Should.Throw<IngotException>(() => OnnxExport.Write(x => [Tensor.Custom(kernel, x[0].Shape, DType.F32, x[0])], [("x", Numbers(3))], ["y"])).Message.ShouldContain("no counterpart in ONNX");
    }
}
