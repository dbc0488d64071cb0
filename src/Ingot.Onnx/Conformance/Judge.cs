using Ingot.Onnx.Operators;

namespace Ingot.Onnx.Conformance;

/// <summary>Whether an output is the expected one, as ONNX judges: type and shape, then |a - b| within 1e-7 + 1e-3 |b|, NaN equal to NaN, strings equal.</summary>
static class Judge
{
    const double Relative = 1e-3, Absolute = 1e-7;

    /// <summary>Null if it is; else why not.</summary>
    /// <param name="actual">What came out.</param>
    /// <param name="expected">What should have.</param>
    /// <param name="typeOnly">Random values: type and shape alone are compared.</param>
    public static string? Difference(OnnxValue? actual, OnnxValue expected, bool typeOnly)
    {
        switch (actual, expected)
        {
            case (OnnxTensor a, OnnxTensor b):
                if (a.DType != b.DType) return $"type {a.DType} instead of {b.DType}";
                if (!a.Shape.Equals(b.Shape)) return $"shape {a.Shape} instead of {b.Shape}";
                return typeOnly ? null : Numbers(a, b);
            case (StringTensor a, StringTensor b):
                if (!a.Shape.Equals(b.Shape)) return $"shape {a.Shape} instead of {b.Shape}";
                for (int i = 0; i < a.Values.Count; i++)
                    if (a.Values[i] != b.Values[i]) return $"element {i} is '{a.Values[i]}' instead of '{b.Values[i]}'";
                return null;
            case (OnnxSequence a, OnnxSequence b):
                if (a.Items.Count != b.Items.Count) return $"{a.Items.Count} items instead of {b.Items.Count}";
                for (int i = 0; i < a.Items.Count; i++)
                    if (Difference(a.Items[i], b.Items[i], typeOnly) is { } why) return $"item {i}: {why}";
                return null;
            case (OnnxOptional a, OnnxOptional b):
                return (a.Value, b.Value) switch
                {
                    (null, null) => null,
                    ({ } x, { } y) => Difference(x, y, typeOnly),
                    _ => $"{a.Describe()} instead of {b.Describe()}",
                };
            case (OnnxMap a, OnnxMap b):
                return a.Entries.Count == b.Entries.Count && a.Entries.All(e => b.Entries.TryGetValue(e.Key, out var v) && v.Equals(e.Value)) ? null : "another map";
            default: return $"{actual?.Describe() ?? "nothing"} instead of {expected.Describe()}";
        }
    }

    static string? Numbers(OnnxTensor actual, OnnxTensor expected)
    {
        var storage = expected.Storage.DType;
        if (!expected.DType.IsSmallFloat && storage is DType.I64 or DType.U64)
        {
            var (x, y) = (actual.Storage.To(DType.I64).ToArray<long>(), expected.Storage.To(DType.I64).ToArray<long>());
            for (int i = 0; i < x.Length; i++)
                if (x[i] != y[i] && Math.Abs((double)x[i] - y[i]) > Absolute + (Relative * Math.Abs((double)y[i]))) return $"element {i} is {x[i]} instead of {y[i]}";
            return null;
        }
        var (a, b) = (Values(actual), Values(expected));
        int wrong = 0, first = -1;
        for (int i = 0; i < a.Length; i++)
        {
            if (Same(a[i], b[i])) continue;
            if (wrong++ == 0) first = i;
        }
        return wrong == 0 ? null : $"{wrong} of {a.Length} elements differ, the first at {first}: {a[first]:R} instead of {b[first]:R}";
    }

    static bool Same(double a, double b) => a.Equals(b) || a == b || Math.Abs(a - b) <= Absolute + (Relative * Math.Abs(b));

    /// <summary>The elements as numbers, whatever their type.</summary>
    public static double[] Values(OnnxTensor tensor) => tensor.DType.IsSmallFloat ? Array.ConvertAll(SmallFloats.Decode(tensor.DType, tensor.Storage.ToArray<byte>()), f => (double)f) : tensor.Storage.ToArray<double>();
}
