using Ingot.Formats.Fuzzing;
using Ingot.Onnx.Export;
using Ingot.Onnx.Format;

namespace Ingot.Onnx.Fuzzing;

/// <summary>The parser of ONNX models, with models of our own writer to begin from.</summary>
public static class OnnxTargets
{
    static readonly OnnxOptions Limits = new() { MaxMemory = 16 << 20 };

    /// <summary>Types of values; the first byte of an input says which. What the value is read as, and what the seed is.</summary>
    static readonly (OnnxType? Type, ProtoKind Kind)[] Types =
    [
        (null, ProtoKind.Tensor), (new OnnxType.TensorOf(OnnxDType.Float, null, true), ProtoKind.Sparse), (new OnnxType.SequenceOf(null), ProtoKind.SequenceValue),
        (new OnnxType.OptionalOf(null), ProtoKind.OptionalValue), (new OnnxType.MapOf(OnnxDType.Int64, null), ProtoKind.MapValue),
    ];

    /// <summary>A folder for the models' external data, with what must not be read beside what may: a link that leads out. Null where the system makes no links.</summary>
    static readonly Lazy<string?> Beside = new(() =>
    {
        var folder = Directory.CreateTempSubdirectory("ingot-fuzz-");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Delete(recursive: true);
        File.WriteAllBytes(Path.Combine(folder.FullName, "w.bin"), new byte[OnnxSeed.FileBytes]);
        Directory.CreateDirectory(Path.Combine(folder.FullName, "sub"));
        File.WriteAllBytes(Path.Combine(folder.FullName, "sub", "w.bin"), new byte[8]);
        try { File.CreateSymbolicLink(Path.Combine(folder.FullName, "out.bin"), Environment.ProcessPath ?? "/"); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return null; }
        return folder.FullName;
    });

    /// <summary>All of them. Models are parsed, checked and their constants taken in; they are not run: compiling each would take most of the time.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("onnx", ModelSeed, bytes =>
        {
            var model = OnnxModel.Parse(bytes, "the input", Beside.Value, Limits);
            return () =>
            {
                foreach (var value in model.Inputs.Concat(model.Outputs)) _ = value.ToString();
                model.TakeIn();
            };
        }),
        new("onnx-value", ValueSeed, bytes =>
        {
            _ = ModelParser.ParseValue(bytes.AsSpan(Math.Min(1, bytes.Length)), Types[bytes.Length == 0 ? 0 : bytes[0] % Types.Length].Type, "the input");
            return () => { };
        }),
    ];

    static FuzzSeed ModelSeed(Random random)
    {
        if (random.Next(2000) == 0) return new(new OnnxSeed(random, hasFolder: false).Crowd()) { IsChanged = true };
        bool isChain = random.Next(8) == 0;
        var bytes = isChain ? Chain(random) : new OnnxSeed(random, hasFolder: Beside.Value is not null && random.Next(4) == 0).Model();
        return random.Next(4) == 0 ? new(bytes) : new(ProtoMutation.Apply(bytes, ProtoKind.Model, random)) { IsChanged = true };
    }

    static FuzzSeed ValueSeed(Random random)
    {
        int type = random.Next(Types.Length);
        var bytes = new OnnxSeed(random, hasFolder: false).Value(Types[type].Kind);
        bool isChanged = random.Next(4) != 0;
        return new([(byte)type, .. isChanged ? ProtoMutation.Apply(bytes, Types[type].Kind, random) : bytes]) { IsChanged = isChanged };
    }

    /// <summary>A model of our own writer: a chain of operators.</summary>
    static byte[] Chain(Random random)
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
        return writer.Output(last).ToArray();
    }

    static Tensor Ones(int rows, int columns) => Tensor.Ones(rows, columns);
}
