using Ingot.Formats;

namespace Ingot.Llm.Models.Families;

/// <summary>What a GGUF file says of its architecture: the keys that begin with its name, and which tensors there are.</summary>
/// <param name="file">The file.</param>
/// <param name="path">What errors call it.</param>
/// <param name="architecture">general.architecture.</param>
sealed class GgufFields(Gguf file, string path, string architecture)
{
    public string Path => path;

    public bool HasTensor(string name) => file.Contains(name);

    /// <summary>The first dimension of a tensor.</summary>
    public int Rows(string name) => file.Find(name).Shape[0];

    /// <summary>The values of a small tensor; null if there is none.</summary>
    public IReadOnlyList<double>? Values(string name) => file.Contains(name) ? [.. file[name].To(DType.F32).ToArray<float>().Select(v => (double)v)] : null;

    public int Size(string key) => OptionalSize(key) ?? throw Missing(key);

    /// <summary>A whole number from 1 to 2^31 - 1; of an array, in which layers may differ, what all of them have.</summary>
    public int? OptionalSize(string key)
    {
        if (!file.Metadata.TryGetValue(Full(key), out var value)) return null;
        long[] numbers = value.Type == GgufValueType.Array ? [.. file.Metadata.Integers(Full(key))!.Distinct()] : [file.Metadata.Integer(Full(key))!.Value];
        if (numbers.Length != 1) throw new FormatException($"{path}: '{Full(key)}' differs from layer to layer, which Ingot does not have");
        return numbers[0] is > 0 and <= int.MaxValue ? (int)numbers[0] : throw new FormatException($"{path}: '{Full(key)}' is {numbers[0]}, not a whole number from 1");
    }

    /// <summary>True if the key is there and says more than 0.</summary>
    public bool IsSet(string key) => file.Metadata.TryGetValue(Full(key), out var value) && value.Type is not (GgufValueType.Array or GgufValueType.String or GgufValueType.Bool) && file.Metadata.Number(Full(key)) != 0;

    public double Number(string key, double? standard = null) => file.Metadata.Number(Full(key)) is { } n ? double.IsFinite(n) ? n : throw new FormatException($"{path}: '{Full(key)}' is {n}") : standard ?? throw Missing(key);

    public double? OptionalNumber(string key) => file.Metadata.ContainsKey(Full(key)) ? Number(key) : null;

    public string? Text(string key) => file.Metadata.Text(Full(key));

    string Full(string key) => $"{architecture}.{key}";

    FormatException Missing(string key) => new($"{path} has no metadata '{Full(key)}'");
}
