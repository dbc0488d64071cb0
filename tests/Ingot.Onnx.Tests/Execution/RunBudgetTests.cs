using Ingot.Onnx.Export;

namespace Ingot.Onnx.Tests.Execution;

public sealed class RunBudgetTests
{
    static readonly OnnxOptions Megabyte = new() { MaxMemory = 1 << 20 };

    static OnnxValue Shape(params long[] extents) => Tensor.From(extents);

    static ModelWriter OfShape(int rank) => new ModelWriter(17).Input("n", OnnxDType.Int64, rank).Output("y");

    [Theory]
    [InlineData(1L << 15, 1L << 15, 1)]
    [InlineData(1L << 30, 1L << 30, 4)]
    [InlineData(1L << 30, 1L << 30, 1 << 30)]
    public void Run_ShapeBeyondMemory_IsRefusedWhateverItsProductOverflowsTo(long a, long b, long c)
    {
        var bytes = OfShape(3).Node("ConstantOfShape", ["n"], ["y"]).ToArray();
        Should.Throw<IngotException>(() => OnnxModel.Parse(bytes, "huge.onnx", Megabyte).Run(("n", Shape(a, b, c))));
    }

    [Fact]
    public void Run_LargeValueInABranch_CountsAgainstMaxMemory()
    {
        var branch = new ModelWriter(17).Node("ConstantOfShape", ["n"], ["z"]).Node("ReduceSum", ["z"], ["s"]).Output("s");
        var bytes = OfShape(2).Initializer("yes", Tensor.From([true], [1])).Node("If", ["yes"], ["y"], ("then_branch", branch), ("else_branch", branch)).ToArray();
        var model = OnnxModel.Parse(bytes, "if.onnx", Megabyte);
        Should.Throw<IngotException>(() => model.Run(("n", Shape(3000, 3000)))).Message.ShouldContain("1,048,576 are allowed");
        ((OnnxTensor)model.Run(("n", Shape(3, 3)))["y"]).Tensor.Item<float>().ShouldBe(0);
    }

    [Fact]
    public void Run_LargeValueInAFunction_CountsAgainstMaxMemory()
    {
        var body = new ModelWriter(17).Node("ConstantOfShape", ["n"], ["z"]).Node("ReduceSum", ["z"], ["s"]);
        var bytes = OfShape(2).Domain("own", 1).Function("own", "Big", ["n"], ["s"], body).Node("Big", "own", ["n"], ["y"]).ToArray();
        var model = OnnxModel.Parse(bytes, "function.onnx", Megabyte);
        Should.Throw<IngotException>(() => model.Run(("n", Shape(3000, 3000)))).Message.ShouldContain("1,048,576 are allowed");
        ((OnnxTensor)model.Run(("n", Shape(3, 3)))["y"]).Tensor.Item<float>().ShouldBe(0);
    }

    static byte[] Looping(Tensor turns)
    {
        var body = new ModelWriter(17).Input("i", OnnxDType.Int64).Input("go", OnnxDType.Bool).Input("x", OnnxDType.Float, 100, 100)
            .Node("Identity", ["go"], ["still"]).Node("Identity", ["x"], ["next"]).Node("Identity", ["x"], ["kept"]).Output("still").Output("next").Output("kept");
        return new ModelWriter(17).Input("x", OnnxDType.Float, 100, 100).Initializer("turns", turns).Initializer("go", Tensor.From([true], [1]))
            .Node("Loop", ["turns", "go", "x"], ["last", "y"], ("body", body)).Output("y").ToArray();
    }

    [Fact]
    public void Run_LoopThatGathersMoreThanFits_IsRefused()
    {
        var x = Tensor.Ones(100, 100); // 40 kB
        Should.Throw<IngotException>(() => OnnxModel.Parse(Looping(Tensor.From([50L], [1])), "loop.onnx", Megabyte).Run(("x", x))).Message.ShouldContain("1,048,576 are allowed");
        ((OnnxTensor)OnnxModel.Parse(Looping(Tensor.From([5L], [1])), "loop.onnx", Megabyte).Run(("x", x))["y"]).Shape.ShouldBe(new Shape(5, 100, 100));
    }

    [Fact]
    public void Run_EndlessLoop_EndsWhenItIsCancelled()
    {
        var body = new ModelWriter(17).Input("i", OnnxDType.Int64).Input("go", OnnxDType.Bool).Input("x", OnnxDType.Float).Output("go").Output("x");
        var bytes = new ModelWriter(17).Input("x", OnnxDType.Float).Initializer("turns", Tensor.From([long.MaxValue], [1])).Initializer("go", Tensor.From([true], [1]))
            .Node("Loop", ["turns", "go", "x"], ["y"], ("body", body)).Output("y").ToArray();
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        // The loop has 2^63 turns: that this comes back at all is what is tested.
        Should.Throw<OperationCanceledException>(() => OnnxModel.Parse(bytes).Run(new Dictionary<string, OnnxValue> { ["x"] = Tensor.Scalar(1f) }, stop.Token));
    }

    [Theory]
    [InlineData("HannWindow")]
    [InlineData("BlackmanWindow")]
    public void Run_WindowOfTwoBillion_IsRefusedBeforeItIsAllocated(string op)
    {
        var bytes = new ModelWriter(17).Input("n", OnnxDType.Int64).Node(op, ["n"], ["y"]).Output("y").ToArray();
        Should.Throw<IngotException>(() => OnnxModel.Parse(bytes, "window.onnx", Megabyte).Run(("n", Tensor.Scalar(2_000_000_000L)))).Message.ShouldContain("1,048,576 are allowed");
    }

    [Fact]
    public void Run_ArraysOfOperatorsThatDoNotFit_AreRefusedBeforeTheyAreAllocated()
    {
        var resize = new ModelWriter(19).Input("x", OnnxDType.Float, 1).Initializer("scales", Tensor.From([1e9f])).Node("Resize", ["x", "", "scales"], ["y"], ("mode", "linear")).Output("y");
        var random = new ModelWriter(17).Node("RandomUniform", [], ["y"], ("shape", new[] { 40000, 40000 }), ("seed", 1f)).Output("y");
        var grams = new ModelWriter(17).Input("x", OnnxDType.Int64, 1).Node("TfIdfVectorizer", ["x"], ["y"], ("mode", "TF"), ("min_gram_length", 1), ("max_gram_length", 1), ("max_skip_count", 0),
            ("ngram_counts", new[] { 0 }), ("ngram_indexes", new[] { 2_000_000_000 }), ("pool_int64s", new[] { 1 })).Output("y");
        Refused(resize, ("x", Tensor.Ones(1)));
        Refused(random);
        Refused(grams, ("x", Tensor.From([1L])));

        static void Refused(ModelWriter model, params ReadOnlySpan<(string, OnnxValue)> inputs)
        {
            var given = inputs.ToArray();
            Should.Throw<IngotException>(() => OnnxModel.Parse(model.ToArray(), "arrays.onnx", Megabyte).Run(given)).Message.ShouldContain("1,048,576 are allowed");
        }
    }

    [Fact]
    public void Load_FunctionsThatDoubleAHundredTimes_AreRefused()
    {
        var model = new ModelWriter(17).Domain("own", 1).Input("x", OnnxDType.Float, 1).Output("y");
        for (int f = 0; f < 60; f++)
        {
            string callee = f == 59 ? "Neg" : $"F{f + 1}", domain = f == 59 ? "" : "own";
            model.Function("own", $"F{f}", ["a"], ["c"], new ModelWriter(17).Domain("own", 1).Node(callee, domain, ["a"], ["b"]).Node(callee, domain, ["b"], ["c"]));
        }
        Should.Throw<Ingot.FormatException>(() => OnnxModel.Parse(model.Node("F0", "own", ["x"], ["y"]).ToArray())).Message.ShouldContain("nodes once its functions");
    }

    /// <summary>Values that are alive one after the other fit; what their plan needs at one time (the weights' packed copy among it) does not.</summary>
    [Fact]
    public void Run_PlanWithLargeTemporaries_IsRefusedBeforeAnythingRuns()
    {
        const int N = 256;
        var writer = new ModelWriter(17).Input("x", OnnxDType.Float, N, N).Initializer("a", Tensor.Ones(N, N)).Initializer("b", Tensor.Ones(N, N));
        var bytes = writer.Node("MatMul", ["x", "a"], ["m"]).Node("Softmax", ["m"], ["s"], ("axis", 0L)).Node("MatMul", ["s", "b"], ["y"]).Output("y").ToArray();
        const long Matrix = N * N * sizeof(float);
        OnnxValue x = Tensor.Ones(N, N);
        // x, a, b and y are four matrices; what lies between the products is at least one more.
        var refused = Should.Throw<IngotException>(() => OnnxModel.Parse(bytes, "wide.onnx", new() { MaxMemory = (4 * Matrix) + (Matrix / 2) }).Run(("x", x)));
        refused.Message.ShouldContain($"{(4 * Matrix) + (Matrix / 2):N0} are allowed, and nothing has run");
        refused.Message.ShouldContain("temporaries");
        var model = OnnxModel.Parse(bytes, "wide.onnx", new() { MaxMemory = 16 * Matrix });
        for (int run = 0; run < 20; run++) ((OnnxTensor)model.Run(("x", x))["y"]).Tensor.ToArray<float>()[0].ShouldBe(1, 1e-4); // until copies are kept, and after
    }

    /// <summary>A model that writes a sparse tensor of one value as its output: an initializer, or a Constant's.</summary>
    static byte[] Sparse(bool isConstant, params int[] dims)
    {
        var values = new ProtoWriter().Int(1, 1).Int(2, (int)OnnxDType.Float).Text(8, "s").Bytes(9, BitConverter.GetBytes(2f));
        var indices = new ProtoWriter().Int(1, 1).Int(2, (int)OnnxDType.Int64).Bytes(9, BitConverter.GetBytes(1L));
        var sparse = new ProtoWriter().Message(1, values).Message(2, indices);
        foreach (int d in dims) sparse.Int(3, d);
        var node = isConstant
            ? new ProtoWriter().Text(2, "y").Text(4, "Constant").Message(5, new ProtoWriter().Text(1, "sparse_value").Message(22, sparse).Int(20, 11))
            : new ProtoWriter().Text(1, "s").Text(2, "y").Text(4, "Identity");
        var graph = new ProtoWriter().Message(1, node).Message(12, new ProtoWriter().Text(1, "y"));
        if (!isConstant) graph.Message(15, sparse);
        return new ProtoWriter().Int(1, 8).Message(7, graph).Message(8, new ProtoWriter().Text(1, "").Int(2, 17)).ToArray();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_SparseTensor_CountsAsTheDenseOneItBecomes(bool isConstant)
    {
        ((OnnxTensor)OnnxModel.Parse(Sparse(isConstant, 2, 2), "sparse.onnx", Megabyte).Run()["y"]).Tensor.ToArray<float>().ShouldBe([0, 2, 0, 0]);
        Should.Throw<IngotException>(() => OnnxModel.Parse(Sparse(isConstant, 3000, 3000), "sparse.onnx", Megabyte).Run()).Message.ShouldContain("1,048,576 are allowed");
        Should.Throw<IngotException>(() => OnnxModel.Parse(Sparse(isConstant, 1 << 30, 1 << 30, 4), "sparse.onnx", Megabyte).Run()).Message.ShouldContain("sparse tensor");
    }
}
