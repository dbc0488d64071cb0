using Ingot.Onnx.Export;

namespace Ingot.Onnx.Tests;

public sealed class OnnxModelTests
{
    /// <summary>y = relu(x w + b)</summary>
    static OnnxModel Small(OnnxOptions? options = null) => OnnxModel.Parse(new ModelWriter(17)
        .Input("x", OnnxDType.Float, -1, 3).Initializer("w", Tensor.Arange(6, DType.F32).Reshape(3, 2)).Initializer("b", Tensor.From([-20f, 1f]))
        .Node("MatMul", ["x", "w"], ["xw"]).Node("Add", ["xw", "b"], ["sum"]).Node("Relu", ["sum"], ["y"]).Output("y", OnnxDType.Float, -1, 2).ToArray(), "small", options);

    [Fact]
    public void Run_SmallModel_ComputesAndNamesItsOutputs()
    {
        var model = Small();
        model.Inputs.ShouldHaveSingleItem().ToString().ShouldContain("float(?, 3)");
        var y = ((OnnxTensor)model.Run(("x", Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3)))["y"]).Tensor;
        y.ToArray<float>().ShouldBe([0, 23, 14, 50]);
    }

    [Fact]
    public void Run_EightThreadsAndManyShapes_GiveWhatOneGives()
    {
        var model = Small();
        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            int rows = 1 + (i % 5);
            var x = Tensor.Full([rows, 3], (float)i);
            var y = ((OnnxTensor)model.Run(("x", x))["y"]).Tensor.ToArray<float>();
            for (int r = 0; r < rows; r++)
            {
                y[2 * r].ShouldBe(Math.Max(0, (6 * i) - 20));
                y[(2 * r) + 1].ShouldBe((9 * i) + 1);
            }
        });
    }

    [Fact]
    public void Run_OutputBuffers_ReceiveTheValues()
    {
        var model = Small();
        var buffer = new float[4];
        model.Run(new Dictionary<string, OnnxValue> { ["x"] = Tensor.Ones(2, 3) }, new Dictionary<string, Memory<byte>> { ["y"] = OutputBuffer.Of(buffer) });
        buffer.ShouldBe([0, 10, 0, 10]);
        Should.Throw<ShapeException>(() => model.Run(new Dictionary<string, OnnxValue> { ["x"] = Tensor.Ones(3, 3) }, new Dictionary<string, Memory<byte>> { ["y"] = OutputBuffer.Of(buffer) })).Message.ShouldContain("'y'");
    }

    [Fact]
    public void Run_InputOfAnotherShapeTypeOrName_SaysWhatIsNeeded()
    {
        var model = Small();
        Should.Throw<IngotException>(() => model.Run(("x", Tensor.Ones(2, 4)))).Message.ShouldBe("input 'x' must be float(?, 3), it is given as float(2, 4)");
        Should.Throw<IngotException>(() => model.Run(("x", Tensor.Ones([2, 3], DType.F64)))).Message.ShouldContain("double(2, 3)");
        Should.Throw<IngotException>(() => model.Run()).Message.ShouldContain("needs the input 'x'");
        Should.Throw<IngotException>(() => model.Run(("x", Tensor.Ones(2, 3)), ("z", Tensor.Ones(1)))).Message.ShouldContain("no input 'z'");
    }

    [Fact]
    public void Load_UnknownOperator_IsNamedWithOpsetAndNodeBeforeAnythingRuns()
    {
        var bytes = new ModelWriter(17).Input("x", OnnxDType.Float, 3).Node("Frobnicate", ["x"], ["y"]).Output("y", OnnxDType.Float, 3).ToArray();
        Should.Throw<IngotException>(() => OnnxModel.Parse(bytes, "odd.onnx")).Message.ShouldBe("odd.onnx needs what Ingot does not have: operator Frobnicate of opset 17 (Frobnicate node writing 'y')");
    }

    [Fact]
    public void Run_BeyondMaxMemory_IsRefusedBeforeItRuns()
    {
        var bytes = new ModelWriter(17).Input("n", OnnxDType.Int64, 2).Node("ConstantOfShape", ["n"], ["y"]).Output("y", OnnxDType.Float, -1, -1).ToArray();
        var model = OnnxModel.Parse(bytes, "huge.onnx", new() { MaxMemory = 1 << 20 });
        Should.Throw<IngotException>(() => model.Run(("n", Tensor.From([30000L, 30000L])))).Message.ShouldContain("1,048,576 are allowed");
        ((OnnxTensor)model.Run(("n", Tensor.From([3L, 2L])))["y"]).Shape.ShouldBe(new Shape(3, 2));
    }

    [Fact]
    public void Load_OpsetOfTheFuture_IsRefused()
    {
        var bytes = new ModelWriter(9999).Input("x", OnnxDType.Float, 3).Node("Relu", ["x"], ["y"]).Output("y", OnnxDType.Float, 3).ToArray();
        Should.Throw<IngotException>(() => OnnxModel.Parse(bytes)).Message.ShouldContain("opset 9999");
    }
}
