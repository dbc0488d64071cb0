using Ingot.Onnx.Export;

namespace Ingot.Onnx.Tests.Operators;

/// <summary>The examples of the operators' documentation.</summary>
public sealed class QuantizedProductsTests
{
    static OnnxTensor Run(string op, int opset, params Tensor[] inputs)
    {
        var model = new ModelWriter(opset);
        var names = inputs.Select((_, i) => $"x{i}").ToArray();
        for (int i = 0; i < inputs.Length; i++) model.Input(names[i], OnnxDTypes.Of(inputs[i].DType), inputs[i].Shape.Span);
        var bytes = model.Node(op, names, ["y"]).Output("y").ToArray();
        return (OnnxTensor)OnnxModel.Parse(bytes, op).Run(names.Zip(inputs).ToDictionary(p => p.First, p => (OnnxValue)p.Second))["y"];
    }

    [Fact]
    public void MatMulInteger_ZeroPoints_AreTakenOffFirst()
    {
        byte[] a = [11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0], b = [1, 4, 2, 5, 3, 6];
        var y = Run("MatMulInteger", 10, Tensor.From(a, 4, 3), Tensor.From(b, 3, 2), Tensor.From<byte>([12], [1]), Tensor.From<byte>([0], [1]));
        y.DType.ShouldBe(OnnxDType.Int32);
        y.Tensor.ToArray<int>().ShouldBe([-38, -83, -44, -98, -50, -113, -56, -128]);
    }

    [Fact]
    public void MatMulInteger_LongRowsOfExtremes_AreExact()
    {
        const int K = 5000;
        var a = Tensor.Full([1, K], (byte)255);
        var b = Tensor.Full([K, 1], (sbyte)-128);
        Run("MatMulInteger", 10, a, b).Tensor.Item<int>().ShouldBe(-255 * 128 * K);
    }

    [Fact]
    public void QLinearConv_Complement_IsTheDocumentationsExample()
    {
        byte[] x = [.. Enumerable.Range(0, 49).Select(i => (byte)(i * 37 % 256))];
        var y = Run("QLinearConv", 10, Tensor.From(x, 1, 1, 7, 7), Tensor.Scalar(0.00369204697f), Tensor.Scalar((byte)132), Tensor.From<byte>([0], 1, 1, 1, 1),
            Tensor.From([0.00172794575f]), Tensor.From<byte>([255], [1]), Tensor.Scalar(0.00162681262f), Tensor.Scalar((byte)123));
        y.DType.ShouldBe(OnnxDType.UInt8);
        y.Tensor.ToArray<byte>().ShouldBe(Array.ConvertAll(x, v => (byte)(255 - v)));
    }

    [Fact]
    public void Relu_TwoInputs_AreOneTooMany() =>
        Should.Throw<IngotException>(() => Run("Relu", 14, Tensor.Ones(2), Tensor.Ones(2))).Message.ShouldContain("there is no input 1 of this operator");
}
