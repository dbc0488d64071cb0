namespace Ingot;

/// <summary>A number for each spatial dimension, outermost first, or one for all of them: <c>2</c>, <c>(2, 1)</c>, <c>(1, 2, 2)</c>.</summary>
public readonly struct PerDimension
{
    readonly int[]? values;

    PerDimension(int[]? values) => this.values = values;

    public static implicit operator PerDimension(int all) => new([all]);

    public static implicit operator PerDimension((int, int) pair) => new([pair.Item1, pair.Item2]);

    public static implicit operator PerDimension((int, int, int) triple) => new([triple.Item1, triple.Item2, triple.Item3]);

    public static implicit operator PerDimension(int[]? values) => new(values);

    /// <summary>Left at its default: the operation decides.</summary>
    internal bool IsDefault => values is null;

    internal PerDimension Or(PerDimension otherwise) => IsDefault ? otherwise : this;

    /// <summary>One number for each of so many dimensions.</summary>
    /// <exception cref="ShapeException">Another number of them was given.</exception>
    internal int[] Of(int spatial, string what) => values switch
    {
        [var all] => [.. Enumerable.Repeat(all, spatial)],
        { } each when each.Length == spatial => each,
        _ => throw new ShapeException($"{what} is one number, or one for each of {spatial} dimension{(spatial == 1 ? "" : "s")}, not {this}"),
    };

    public override string ToString() => values is null ? "default" : $"({string.Join(", ", values)})";
}

/// <summary>Margins of a convolution: numbers, <c>"same"</c> for a result as large as the input, <c>"valid"</c> for none.</summary>
public readonly struct ConvPadding
{
    readonly PerDimension numbers;
    readonly string? name;

    ConvPadding(PerDimension numbers, string? name) => (this.numbers, this.name) = (numbers, name);

    public static implicit operator ConvPadding(int all) => new(all, null);

    public static implicit operator ConvPadding((int, int) pair) => new(pair, null);

    public static implicit operator ConvPadding((int, int, int) triple) => new(triple, null);

    public static implicit operator ConvPadding(PerDimension numbers) => new(numbers, null);

    public static implicit operator ConvPadding(string? name) => new(default, name);

    /// <summary>Numbers of zeros before and after each dimension. Where "same" needs an odd number of them, the last stands behind.</summary>
    /// <exception cref="IngotException">An unknown name, or "same" with a stride.</exception>
    internal (int[] Before, int[] After) Of(int[] kernel, int[] stride, int[] dilation, string operation)
    {
        int n = kernel.Length;
        switch (name)
        {
            case null:
                int[] each = numbers.Or(0).Of(n, $"the padding of {operation}");
                return Array.TrueForAll(each, p => p >= 0) ? (each, each) : throw new ShapeException($"the padding of {operation} is at least 0, not {numbers}");
            case "valid":
                return (new int[n], new int[n]);
            case "same":
                if (Array.Exists(stride, s => s != 1))
                    throw new IngotException($"{operation} with padding \"same\" gives a result as large as the input, which a stride of {(PerDimension)stride} does not; give the padding in numbers");
                int[] total = [.. kernel.Select((k, i) => (k - 1) * dilation[i])];
                return ([.. total.Select(t => t / 2)], [.. total.Select(t => t - t / 2)]);
            default:
                throw new IngotException($"the padding of {operation} is a number, a number a dimension, \"same\" or \"valid\", not \"{name}\"");
        }
    }
}
