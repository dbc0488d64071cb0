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

    /// <summary>y = the positions of the elements of x that are not 0; z = x in the shape n.</summary>
    static OnnxModel Deciding() => OnnxModel.Parse(new ModelWriter(17).Input("x", OnnxDType.Float, -1).Input("n", OnnxDType.Int64, 2).Input("k", OnnxDType.Int64, 1)
        .Node("NonZero", ["x"], ["y"]).Node("Reshape", ["x", "n"], ["z"]).Node("Add", ["k", "k"], ["twice"]).Output("y").Output("z").Output("twice").ToArray());

    [Fact]
    public void Run_EightThreadsOnDataDependentGraphsAndManyShapes_GiveWhatOneGives()
    {
        var data = Deciding();
        var byValue = OnnxModel.Parse(new ModelWriter(17).Input("x", OnnxDType.Float, -1).Input("n", OnnxDType.Int64, 2).Node("Reshape", ["x", "n"], ["z"]).Output("z").ToArray());
        Parallel.For(0, 240, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            int length = 2 * (1 + (i % 80));
            var x = new float[length];
            x[i % length] = i + 1;
            var shape = Tensor.From<long>(i % 3 == 0 ? [2, -1] : [-1, 2]);
            var expected = i % 3 == 0 ? new Shape(2, length / 2) : new Shape(length / 2, 2);
            if (i % 2 == 0)
            {
                var results = data.Run(("x", Tensor.From(x)), ("n", shape), ("k", Tensor.From([(long)i])));
                ((OnnxTensor)results["y"]).Tensor.ToArray<long>().ShouldBe([i % length]);
                ((OnnxTensor)results["z"]).Shape.ShouldBe(expected);
                ((OnnxTensor)results["twice"]).Tensor.Item<long>().ShouldBe(2 * i);
                return;
            }
            var z = ((OnnxTensor)byValue.Run(("x", Tensor.From(x)), ("n", shape))["z"]).Tensor;
            z.Shape.ShouldBe(expected);
            z.ToArray<float>().ShouldBe(x);
        });
    }

    [Fact]
    public void Run_SmallIntegersThatNothingReads_MakeNoProgramsOfTheirOwn()
    {
        var model = OnnxModel.Parse(new ModelWriter(17).Input("x", OnnxDType.Float, 4).Input("n", OnnxDType.Int64, 2).Input("k", OnnxDType.Int64, 1)
            .Node("Reshape", ["x", "n"], ["z"]).Node("Add", ["k", "k"], ["twice"]).Output("z").Output("twice").ToArray());
        for (long k = 0; k < 20; k++)
        {
            var results = model.Run(("x", Tensor.Ones(4)), ("n", Tensor.From([2L, 2])), ("k", Tensor.From([k])));
            ((OnnxTensor)results["twice"]).Tensor.Item<long>().ShouldBe(2 * k);
        }
        model.Programs.ShouldBeLessThan(4);
        ((OnnxTensor)model.Run(("x", Tensor.Ones(4)), ("n", Tensor.From([4L, 1])), ("k", Tensor.From([1L])))["z"]).Shape.ShouldBe(new Shape(4, 1));
    }

    [Theory]
    [InlineData("Erf", 8, 9)]
    [InlineData("Celu", 11, 12)]
    [InlineData("HardSwish", 13, 14)]
    [InlineData("Gelu", 19, 20)]
    [InlineData("Mish", 17, 18)]
    [InlineData("IsNaN", 8, 9)]
    [InlineData("Sin", 6, 7)]
    [InlineData("Round", 10, 11)]
    public void Load_OperatorThatCameLater_IsRefusedWithOpsetAndNode(string op, int before, int since)
    {
        byte[] Of(int opset) => new ModelWriter(opset).Input("x", OnnxDType.Float, 3).Node(op, ["x"], ["y"]).Output("y").ToArray();
        Should.Throw<IngotException>(() => OnnxModel.Parse(Of(before))).Message.ShouldContain($"operator {op} of opset {before} ({op} node writing 'y')");
        OnnxModel.Parse(Of(since)).Run(("x", Tensor.Ones(3))).Count.ShouldBe(1);
    }
}
