using Ingot.Formats.Fuzzing;
using Ingot.Onnx.Export;

namespace Ingot.Onnx.Fuzzing;

/// <summary>The parser of ONNX models, with models of our own writer to begin from.</summary>
public static class OnnxTargets
{
    static readonly OnnxOptions Limits = new() { MaxMemory = 16 << 20 };

    /// <summary>All of them. Models are parsed, checked and their constants taken in; they are not run: compiling each would take most of the time.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("onnx", Seed, bytes =>
        {
            var model = OnnxModel.Parse(bytes, "the input", Limits);
            return () => { foreach (var value in model.Inputs.Concat(model.Outputs)) _ = value.ToString(); };
        }),
    ];

    static FuzzSeed Seed(Random random)
    {
        int rows = random.Next(1, 4), inner = random.Next(1, 5), columns = random.Next(1, 4);
        var writer = new ModelWriter(random.Next(11, 22), random.Next(4, 10)).Input("x", OnnxDType.Float, random.Next(4) == 0 ? -1 : rows, inner);
        string last = "x";
        int count = random.Next(5);
        for (int i = 0; i < count; i++)
        {
            string to = $"v{i}", weight = $"w{i}";
            switch (random.Next(8))
            {
                case 0:
                    writer.Initializer(weight, Ones(inner, columns)).Node("MatMul", [last, weight], [to]);
                    inner = columns;
                    break;
                case 1: writer.Initializer(weight, Ones(inner, columns)).Node("Gemm", [last, weight], [to], ("alpha", 0.5f), ("transB", 0L)); inner = columns; break;
                case 2: writer.Node("Relu", [last], [to]); break;
                case 3: writer.Node("Softmax", [last], [to], ("axis", -1L)); break;
                case 4: writer.Node("Transpose", [last], [to], ("perm", new long[] { 0, 1 })); break;
                case 5: writer.Node("Constant", [], [weight], ("value", Ones(1, inner))).Node("Add", [last, weight], [to]); break;
                case 6: writer.Initializer(weight, Tensor.From(new long[] { rows, inner }, 2)).Node("Reshape", [last, weight], [to]); break;
                default: writer.Node("Concat", [last, last], [to], ("axis", 1L)); inner *= 2; break;
            }
            last = to;
        }
        if (count == 0) writer.Node("Identity", ["x"], [last = "v"]);
        return new(writer.Output(last).ToArray());
    }

    static Tensor Ones(int rows, int columns) => Tensor.Ones(rows, columns);
}
