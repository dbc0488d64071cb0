using Ingot.Onnx.Export;
using Ingot.Schedule;

namespace Ingot.Onnx.Tests.Execution;

/// <summary>Not beside other tests: it counts the kernels of the process.</summary>
[Collection(nameof(VaryingLengthsTests))]
[CollectionDefinition(nameof(VaryingLengthsTests), DisableParallelization = true)]
public sealed class VaryingLengthsTests
{
    const int Width = 64, Heads = 2, Head = Width / Heads, Vocabulary = 50, Longest = 256;

    /// <summary>A layer of BERT as exporters write it; a length of -1 is any.</summary>
    internal static byte[] Transformer(int length)
    {
        var random = new Random(3);
        var model = new ModelWriter(17).Input("ids", OnnxDType.Int64, 1, length).Input("mask", OnnxDType.Int64, 1, length);
        int made = 0;
        string Weight(params int[] shape)
        {
            string name = $"w{made++}";
            int count = shape.Aggregate(1, (p, d) => p * d);
            model.Initializer(name, Tensor.From([.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5) * 0.2f)], shape));
            return name;
        }
        string Integers(params long[] values)
        {
            string name = $"i{made++}";
            model.Initializer(name, Tensor.From(values, values.Length));
            return name;
        }
        string Node(string op, string[] inputs, params (string Name, object Value)[] attributes)
        {
            string name = $"v{made++}";
            model.Node(op, inputs, [name], attributes);
            return name;
        }
        string Linear(string x, int from, int to) => Node("Add", [Node("MatMul", [x, Weight(from, to)]), Weight(to)]);
        string Norm(string x) => Node("LayerNormalization", [x, Weight(Width), Weight(Width)], ("axis", -1L), ("epsilon", 1e-5f));
        string Split(string x, params long[] order) => Node("Transpose", [Node("Reshape", [x, Integers(0, 0, Heads, Head)])], ("perm", order));

        string positions = Node("Slice", [Weight(1, Longest, Width), Integers(0), Node("Gather", [Node("Shape", ["ids"]), Integers(1)], ("axis", 0L)), Integers(1)]);
        string x = Norm(Node("Add", [Node("Gather", [Weight(Vocabulary, Width), "ids"], ("axis", 0L)), positions]));
        string hidden = Node("Mul", [Node("Sub", [Node("Cast", [Node("Unsqueeze", ["mask", Integers(1, 2)])], ("to", 1L)), Node("Constant", [], ("value_float", 1f))]), Node("Constant", [], ("value_float", 10000f))]);
        string scores = Node("Add", [Node("MatMul", [Split(Linear(x, Width, Width), 0, 2, 1, 3), Split(Linear(x, Width, Width), 0, 2, 3, 1)]), hidden]);
        string mixed = Node("MatMul", [Node("Softmax", [scores], ("axis", -1L)), Split(Linear(x, Width, Width), 0, 2, 1, 3)]);
        string joined = Node("Reshape", [Node("Transpose", [mixed], ("perm", new long[] { 0, 2, 1, 3 })), Integers(0, 0, Width)]);
        x = Norm(Node("Add", [Linear(joined, Width, Width), x]));
        string wide = Linear(x, Width, 4 * Width);
        x = Norm(Node("Add", [Linear(Node("Mul", [wide, Node("Sigmoid", [wide])]), 4 * Width, Width), x]));
        return model.Node("Identity", [x], ["y"]).Output("y").ToArray();
    }

    internal static float[] Run(OnnxModel model, int length)
    {
        var random = new Random(length);
        var ids = Tensor.From([.. Enumerable.Range(0, length).Select(_ => (long)random.Next(Vocabulary))], 1, length);
        var mask = Tensor.From([.. Enumerable.Range(0, length).Select(i => i < 3 || random.Next(4) > 0 ? 1L : 0L)], 1, length);
        return ((OnnxTensor)model.Run(("ids", ids), ("mask", mask))["y"]).Storage.ToArray<float>();
    }

    [Fact]
    public void Run_OfLengthsNeverSeen_CompilesNothing()
    {
        var model = OnnxModel.Parse(Transformer(-1));
        foreach (int length in new[] { 200, 45, 46, 77, 120, 201, 36, 240, 90, 128, 215, 229, 60 }) Run(model, length);
        var random = new Random(1);
        int kernels = CompiledKernel.Compiled, runs = 0;
        while (runs++ < 12) Run(model, random.Next(40, 230));
        CompiledKernel.Compiled.ShouldBe(kernels);
    }

    [Fact]
    public void Run_OfAnyLength_IsWhatTheModelOfThatLengthGivesBitForBit()
    {
        var model = OnnxModel.Parse(Transformer(-1));
        foreach (int length in new[] { 40, 41, 96, 97, 130, 1, 2, 7, 17, 31, 64, 65, 49 })
            Run(model, length).ShouldBe(Run(OnnxModel.Parse(Transformer(length)), length), $"length {length}");
    }
}
