using System.Globalization;

namespace Ingot.Formats;

/// <summary>One of several files that hold a model together, as llama-gguf-split makes them: NAME-00001-of-00003.gguf and so on.</summary>
/// <param name="Prefix">Folder and NAME.</param>
/// <param name="Number">Of this part, from 0.</param>
/// <param name="Count">Of all parts.</param>
readonly record struct GgufParts(string Prefix, int Number, int Count)
{
    /// <summary>split.no and split.count are 16 bits wide.</summary>
    public const int Most = ushort.MaxValue;

    public const string NumberKey = "split.no", CountKey = "split.count", TensorsKey = "split.tensors.count";

    /// <summary>Where a part lies.</summary>
    /// <param name="number">From 0.</param>
    public string PathOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}-{number + 1:00000}-of-{Count:00000}.gguf");

    /// <summary>Null: the file is a whole model.</summary>
    /// <exception cref="FormatException">It is a part, but not called as one, so that the others cannot be found.</exception>
    public static GgufParts? Of(GgufMetadata metadata, string path)
    {
        if (metadata.Integer(CountKey) is not > 1 and var one) return one is null or 0 or 1 ? null : throw new FormatException($"{path}: a model has no {one} parts (split.count)");
        long count = metadata.Integer(CountKey)!.Value, number = metadata.Integer(NumberKey) ?? -1;
        if (count > Most || number < 0 || number >= count) throw new FormatException($"{path} says that it is part {number} (split.no, from 0) of {count} (split.count)");
        var parts = new GgufParts("", (int)number, (int)count);
        string ending = parts.PathOf((int)number);
        if (!path.EndsWith(ending, StringComparison.Ordinal)) throw new FormatException($"{path} is part {number + 1} of {count} of a model, but its name does not end with {ending}, so that the others cannot be found; give it its name back");
        return parts with { Prefix = path[..^ending.Length] };
    }

    /// <summary>A path without what a part's name ends with.</summary>
    public static string NameOf(string path) => System.Text.RegularExpressions.Regex.Replace(path, "-[0-9]{5}-of-[0-9]{5}(?=\\.gguf$|$)", "");
}
