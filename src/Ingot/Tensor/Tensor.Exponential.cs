using Ingot.Graph;

namespace Ingot;

/// <summary>Exponentials and logarithms.</summary>
public sealed partial class Tensor
{
    const double Log2E = 1.4426950408889634, Ln2 = 0.6931471805599453;

    /// <summary>e to the power x; within 2 ulp in float32.</summary>
    public Tensor Exp() => Precisely(ExpOf);

    // e^x = 2^k * 2^(r*log2(e)) with k = trunc(x*log2(e)) and r = x - k*ln2. A plain 2^(x*log2(e)) is 63 ulp off at x = 86, as the
    // rounding error of the product is magnified by its size; k*(high part of ln2) is exact, so r has no such error.
    // k stays in the exponent range while r takes the rest: an infinite x then arrives in r and needs no case of its own.
    static Tensor ExpOf(Tensor x)
    {
        bool wide = x.DType == DType.F64;
        var (high, low) = wide ? (0.6931471803691238, 1.9082149292705877e-10) : (0.693359375, -2.1219444005469057e-4);
        int least = wide ? -1022 : -126, greatest = wide ? 1023 : 127;
        var turns = new Tensor(Build.Unary(Op.Trunc, Build.Detach((x * Log2E).Node)));
        turns = (turns < greatest).Where(turns, greatest); // NaN becomes a number here and stays NaN in r
        turns = (turns > least).Where(turns, least);
        var rest = x - turns * high - turns * low;
        var scale = new Tensor(Build.Bitcast(wide ? ((turns.To(DType.I64) + greatest).Shift(52)).Node : (turns.To(DType.I32) + greatest).Shift(23).Node, x.DType));
        return (rest * Log2E).Exp2() * scale;
    }

    Tensor Shift(int bits) => new(Build.Binary(Op.Shl, Node, Build.Const(DType, Shape, (long)bits)));

    /// <summary>2 to the power x.</summary>
    public Tensor Exp2() => Precisely(x => new(Build.Unary(Op.Exp2, x.Node)));

    /// <summary>The natural logarithm; -inf of 0, NaN of negative numbers; within 2 ulp in float32.</summary>
    public Tensor Log() => Precisely(x => x.Log2() * Ln2); // ln2 happens to be within 3e-9 of a float32

    /// <summary>The binary logarithm.</summary>
    public Tensor Log2() => Precisely(x => new(Build.Unary(Op.Log2, x.Node)));

    /// <summary>x to a power.</summary>
    public Tensor Pow(double exponent) => Precisely(x => (x.To(DType.F64).Log2() * exponent).Exp2().To(x.DType));
}
