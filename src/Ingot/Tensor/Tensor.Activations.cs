namespace Ingot;

/// <summary>Activation functions.</summary>
public sealed partial class Tensor
{
    /// <summary>x where x > 0, else 0; NaN stays. The gradient at 0 is 0.</summary>
    // "Below the least positive number" is "not above 0", but for NaN, which compares false and passes. A maximum would give 0 half the gradient.
    public Tensor Relu() => DType.IsFloat ? (this < LeastPositive()).Where(0, this) : Maximum(0);

    /// <summary>The smallest number above 0 of this dtype.</summary>
    double LeastPositive() => DType switch
    {
        DType.F64 => double.Epsilon,
        DType.F32 => float.Epsilon,
        DType.F16 => Math.ScaleB(1, -24),
        _ => Math.ScaleB(1, -133),
    };
}
