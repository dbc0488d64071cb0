using Ingot.Graph;

namespace Ingot;

/// <summary>
/// A number that may differ from call to call of a <see cref="Compiled"/> function. A plain number of C# is a constant of what was captured; this one is looked
/// at again at every call.
/// </summary>
/// <example><code>
/// var rate = new Number(0.1);
/// var step = Compiled.Of(x => w.Assign(w - x * rate));
/// rate.Value = 0.05;
/// </code></example>
public sealed class Number
{
    readonly HostValue source;

    public Number(double value)
    {
        Value = value;
        source = new(() => Value);
    }

    public double Value { get; set; }

    /// <summary>Made of a plain number, on the way to a parameter of this type: nobody will change it.</summary>
    internal bool IsFixed { get; private init; }

    public static implicit operator Number(double value) => new(value) { IsFixed = true };

    /// <summary>A float32 scalar of the value it has when a tensor is computed from it by a compiled function, or now.</summary>
    public static implicit operator Tensor(Number number) => Tensor.Host(number.source);
}
