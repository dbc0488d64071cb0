using Ingot.Graph;

namespace Ingot.Onnx.Export;

/// <summary>
/// A function of tensors as an ONNX model: its graph of primitives, one ONNX node or a few for each. Sums of products become Einsum, so that matrix products
/// and convolutions stay what they are for the runtime that reads them. Weights become initializers.
/// </summary>
/// <example><code>
/// OnnxExport.Save("mlp.onnx", x => [model.Forward(x[0])], [("x", Tensor.Zeros(1, 784))], ["y"]);
/// </code></example>
public static class OnnxExport
{
    /// <summary>The opset that is written: the first with everything that is needed, so that older runtimes read it too.</summary>
    const int Opset = 18;

    /// <summary>Writes a model of a function at the shapes of these inputs.</summary>
    /// <param name="path">The file; written as a whole or not at all.</param>
    /// <param name="function">What is exported. It is called once; it must not read values.</param>
    /// <param name="inputs">Names and examples of the inputs.</param>
    /// <param name="outputs">Names of the outputs.</param>
    /// <exception cref="IngotException">The function does what ONNX has no operator for: a custom kernel, random numbers, reading bits as another type.</exception>
    public static void Save(string path, Func<Tensor[], Tensor[]> function, IReadOnlyList<(string Name, Tensor Example)> inputs, IReadOnlyList<string> outputs)
    {
        var bytes = Write(function, inputs, outputs);
        Formats.AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    /// <inheritdoc cref="Save"/>
    /// <returns>The file's bytes.</returns>
    public static byte[] Write(Func<Tensor[], Tensor[]> function, IReadOnlyList<(string Name, Tensor Example)> inputs, IReadOnlyList<string> outputs)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        using var noGrad = new NoGrad();
        var model = new ModelWriter(Opset);
        var nodes = new NodeExport(model);
        var parameters = new Tensor[inputs.Count];
        for (int i = 0; i < parameters.Length; i++)
        {
            var (name, example) = inputs[i];
            // Memory of its own, so that a weight with the same values is no input.
            parameters[i] = new Tensor(Build.Buffer(example.DType, example.Shape, Runtime.Storage.Allocate(Math.Max(1, example.Count * example.DType.Size))));
            model.Input(name, OnnxDTypes.Of(example.DType), example.Shape.Span);
            nodes.Name(parameters[i].Node, name);
        }
        var results = function(parameters);
        if (results.Length != outputs.Count) throw new IngotException($"the function gives {results.Length} tensors, {outputs.Count} names were given");
        for (int i = 0; i < results.Length; i++)
        {
            model.Node("Identity", [nodes.Export(results[i].Node)], [outputs[i]]);
            model.Output(outputs[i], OnnxDTypes.Of(results[i].DType), results[i].Shape.Span);
        }
        GC.KeepAlive(parameters);
        return model.ToArray();
    }
}
