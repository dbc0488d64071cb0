using Ingot.Onnx.Format;

namespace Ingot.Onnx.Execution;

/// <summary>What is given to a run against what the model declares.</summary>
static class InputCheck
{
    /// <summary>The values by name.</summary>
    /// <exception cref="IngotException">One is missing, unknown, or of another type.</exception>
    public static (string Name, OnnxValue Value)[] Check(OnnxModel model, OnnxGraph graph, IReadOnlyDictionary<string, OnnxValue> inputs)
    {
        var declared = graph.Inputs.ToDictionary(i => i.Name, StringComparer.Ordinal);
        foreach (var name in inputs.Keys)
            if (!declared.ContainsKey(name)) throw new IngotException($"{model.Path} has no input '{name}'; it has {Names(model.Inputs)}");
        var symbols = new Dictionary<string, (int Extent, string Input)>(StringComparer.Ordinal);
        foreach (var input in model.Inputs)
            if (!inputs.ContainsKey(input.Name) && input.Type is not OnnxType.OptionalOf) throw new IngotException($"{model.Path} needs the input '{input.Name}' {input.Type}");
        var given = new List<(string, OnnxValue)>();
        foreach (var input in graph.Inputs)
        {
            if (!inputs.TryGetValue(input.Name, out var value))
            {
                if (input.Type is OnnxType.OptionalOf) given.Add((input.Name, new OnnxOptional(null)));
                continue;
            }
            if (value is null) throw new IngotException($"the value of input '{input.Name}' is null");
            Fits(input, value, symbols);
            given.Add((input.Name, value));
        }
        return [.. given];
    }

    static string Names(IReadOnlyList<OnnxValueInfo> inputs) => inputs.Count == 0 ? "none" : string.Join(", ", inputs.Select(i => $"'{i.Name}'"));

    static void Fits(OnnxValueInfo input, OnnxValue value, Dictionary<string, (int Extent, string Input)> symbols)
    {
        switch (input.Type)
        {
            case OnnxType.TensorOf t:
                var (dtype, shape) = value switch
                {
                    OnnxTensor n => (n.DType, n.Shape),
                    StringTensor s => (OnnxDType.String, s.Shape),
                    _ => throw Bad(),
                };
                if (t.DType != OnnxDType.Undefined && t.DType != dtype) throw Bad();
                if (t.Shape is null) return;
                if (t.Shape.Count != shape.Rank) throw Bad();
                for (int i = 0; i < shape.Rank; i++)
                {
                    if (t.Shape[i].Value is { } fixedTo && fixedTo != shape[i]) throw Bad();
                    if (t.Shape[i] is { Value: null, Name: { Length: > 0 } symbol })
                    {
                        if (symbols.TryGetValue(symbol, out var before) && before.Extent != shape[i])
                            throw new ShapeException($"input '{input.Name}' is given as {value.Describe()}, which makes {symbol} {shape[i]}; input '{before.Input}' makes it {before.Extent}");
                        symbols[symbol] = (shape[i], input.Name);
                    }
                }
                break;
            case OnnxType.SequenceOf when value is not OnnxSequence: throw Bad();
            case OnnxType.OptionalOf when value is not OnnxOptional: throw Bad();
            case OnnxType.MapOf when value is not OnnxMap: throw Bad();
        }

        IngotException Bad() => new($"input '{input.Name}' must be {input.Type}, it is given as {value.Describe()}");
    }
}
