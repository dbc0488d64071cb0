using System.Text.Json;

namespace Ingot.Tests.Golden;

/// <summary>An operator in Ingot's words: outputs in PyTorch's order.</summary>
delegate Tensor[] GoldenOperator(GoldenCall call);

/// <summary>What an operator is called with: the inputs, and the attributes under PyTorch's names.</summary>
sealed class GoldenCall(IReadOnlyList<Tensor?> inputs, JsonElement attributes)
{
    public Tensor this[int i] => inputs[i]!;

    /// <summary>An optional input; null if it was not given.</summary>
    public Tensor? Maybe(int i) => i < inputs.Count ? inputs[i] : null;

    /// <summary>All inputs from one on.</summary>
    public Tensor[] From(int first) => [.. inputs.Skip(first).Select(t => t!)];

    public bool Has(string name) => attributes.TryGetProperty(name, out var a) && a.ValueKind != JsonValueKind.Null;

    /// <summary>The attribute was written without a fraction.</summary>
    public bool IsWhole(string name) => attributes.GetProperty(name) is { ValueKind: JsonValueKind.Number } a && a.TryGetInt64(out _) && !a.GetRawText().Contains('.', StringComparison.Ordinal);

    public int Int(string name) => attributes.GetProperty(name).GetInt32();

    public int Int(string name, int otherwise) => Has(name) ? Int(name) : otherwise;

    /// <summary>A list of numbers, or one.</summary>
    public int[] Ints(string name) => attributes.GetProperty(name) is { ValueKind: JsonValueKind.Array } a ? [.. a.EnumerateArray().Select(e => e.GetInt32())] : [Int(name)];

    public bool IsList(string name) => Has(name) && attributes.GetProperty(name).ValueKind == JsonValueKind.Array;

    /// <summary>A number, or one a dimension, or none.</summary>
    public PerDimension Each(string name) => Has(name) ? Ints(name) is [var all] ? all : Ints(name) : default;

    public double[] Doubles(string name) => [.. attributes.GetProperty(name).EnumerateArray().Select(e => e.GetDouble())];

    public bool IsText(string name) => Has(name) && attributes.GetProperty(name).ValueKind == JsonValueKind.String;

    public double Number(string name) => attributes.GetProperty(name) switch
    {
        { ValueKind: JsonValueKind.String } a => a.GetString() == "inf" ? double.PositiveInfinity : double.NegativeInfinity,
        { ValueKind: JsonValueKind.True } => 1,
        { ValueKind: JsonValueKind.False } => 0,
        var a => a.GetDouble(),
    };

    public double Number(string name, double otherwise) => Has(name) ? Number(name) : otherwise;

    public (double, double) Numbers(string name, double first, double second) => Has(name) ? (attributes.GetProperty(name)[0].GetDouble(), attributes.GetProperty(name)[1].GetDouble()) : (first, second);

    /// <summary>A number of the program, as a C# literal would be: an integer or a double.</summary>
    public Tensor Literal(string name) => attributes.GetProperty(name).ValueKind is JsonValueKind.True or JsonValueKind.False ? (Tensor)Flag(name) : IsWhole(name) ? (Tensor)Int(name) : (Tensor)Number(name);

    public bool Flag(string name, bool otherwise = false) => Has(name) ? attributes.GetProperty(name).GetBoolean() : otherwise;

    public string Text(string name) => attributes.GetProperty(name).GetString()!;

    public DType DType(string name, DType otherwise) => Has(name) ? Enum.Parse<DType>(Text(name), ignoreCase: true) : otherwise;
}
