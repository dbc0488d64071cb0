using System.Text.Json;
using Ingot.Codegen;
using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Tests.Golden;

/// <summary>A tensor as the golden files write it: dtype[shape]base64.</summary>
sealed record GoldenTensor(DType DType, Shape Shape, byte[] Bytes)
{
    public static GoldenTensor? Parse(JsonElement text)
    {
        if (text.ValueKind == JsonValueKind.Null) return null;
        string s = text.GetString()!;
        int open = s.IndexOf('['), close = s.IndexOf(']');
        int[] dims = [.. s[(open + 1)..close].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        return new(Enum.Parse<DType>(s[..open], ignoreCase: true), new Shape(dims), Convert.FromBase64String(s[(close + 1)..]));
    }

    public Tensor ToTensor() => new(Node);

    /// <summary>The values, as the interpreter holds values.</summary>
    public Interpreter.Value Values
    {
        get
        {
            var buffer = Node;
            return Interpreter.Load(buffer, buffer);
        }
    }

    Node Node => Build.Buffer(DType, Shape, Storage.Of<byte>(Bytes));
}

/// <summary>One line of a golden file; generate.py's table.py says what the fields mean.</summary>
sealed class GoldenCase(JsonElement row)
{
    public string Op { get; } = row.GetProperty("op").GetString()!;

    public JsonElement Attributes { get; } = row.GetProperty("attrs");

    public IReadOnlyList<GoldenTensor?> Inputs { get; } = Tensors(row, "in");

    public IReadOnlyList<GoldenTensor?> Outputs { get; } = Tensors(row, "out");

    /// <summary>One an input; null where the input has no gradient. Empty if the case is forward only.</summary>
    public IReadOnlyList<GoldenTensor?> Gradients { get; } = Tensors(row, "grad");

    /// <summary>Gradients of the first gradient; empty if not asked for.</summary>
    public IReadOnlyList<GoldenTensor?> SecondGradients { get; } = Tensors(row, "grad2");

    public bool ComparesSignOfZero { get; } = row.TryGetProperty("zero", out _);

    public double ToleranceFactor { get; } = row.TryGetProperty("tol", out var t) ? t.GetDouble() : 1;

    /// <summary>Operator and attributes, without what tells shapes and values apart.</summary>
    public string Combination => $"{Op}({Attributes.GetRawText()[1..^1].Replace("\"", "", StringComparison.Ordinal)})";

    /// <summary>Tells cases of one combination apart.</summary>
    public string Variant { get; } = row.GetProperty("variant").GetString()!;

    public override string ToString() => Variant.Length == 0 ? Combination : $"{Combination} {Variant}";

    static GoldenTensor?[] Tensors(JsonElement row, string name) =>
        row.TryGetProperty(name, out var list) ? [.. list.EnumerateArray().Select(GoldenTensor.Parse)] : [];
}

/// <summary>All cases of the embedded *.jsonl files, by name.</summary>
static class GoldenFile
{
    static readonly Lazy<Dictionary<string, GoldenCase>> All = new(() => Read().ToDictionary(c => c.ToString()));

    public static IReadOnlyDictionary<string, GoldenCase> Cases => All.Value;

    static IEnumerable<GoldenCase> Read()
    {
        var assembly = typeof(GoldenFile).Assembly;
        foreach (string name in assembly.GetManifestResourceNames().Where(n => n.EndsWith(".jsonl", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            while (reader.ReadLine() is { } line) yield return new(JsonDocument.Parse(line).RootElement);
        }
    }
}
