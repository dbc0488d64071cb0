using Ingot.Graph;

namespace Ingot.Codegen;

/// <summary>How errors of operands reach a result: first-order bounds, absolute. Compiled code and the interpreter round alike, so no operation adds an error but those that are polynomials.</summary>
static class Errors
{
    /// <summary>Half a unit in the last place of 1.</summary>
    public static double Unit(DType t) => t switch { DType.F64 => 1.2e-16, DType.F32 => 6e-8, DType.F16 => 4.9e-4, _ => 4e-3 };

    /// <summary>The distance of neighbours near 0.</summary>
    public static double Smallest(DType t) => t switch { DType.F64 => double.Epsilon, DType.F16 => 6e-8, _ => float.Epsilon };

    public static double Largest(DType t) => t switch { DType.F64 => double.MaxValue, DType.F16 => 65504, _ => float.MaxValue };

    public static double Mul(double a, double ea, double b, double eb) => Times(Math.Abs(a), eb) + Times(Math.Abs(b), ea) + Times(ea, eb);

    /// <summary>The bound of value = op(a, b), where a and b are wrong by up to ea and eb.</summary>
    public static double Of(Op op, DType t, double value, double a, double ea, double b, double eb)
    {
        // 4 ulp is what the tests of the polynomials allow, and some; the framework's own are better.
        double polynomial = op.IsTranscendental && double.IsFinite(value) ? 8 * Unit(t) * Math.Abs(value) + 2 * Smallest(t) : 0;
        if (ea == 0 && eb == 0) return polynomial;
        double e = op switch
        {
            Op.Neg => ea,
            Op.Add => ea + eb,
            Op.Max => Math.Max(ea, eb),
            Op.Mul => Mul(a, ea, b, eb),
            Op.Div => Quotient(value, ea, b, eb),
            Op.Recip => Quotient(value, 0, a, ea),
            Op.Sqrt => a > 2 * ea ? ea / (2 * Math.Sqrt(a - ea)) : Math.Sqrt(Math.Abs(a) + ea),
            Op.Exp => Math.Abs(value) * (Math.Exp(ea) - 1),
            Op.Exp2 => Math.Abs(value) * (Math.Pow(2, ea) - 1),
            Op.Log2 => a > 2 * ea ? ea / (a - ea) * 1.45 : double.PositiveInfinity,
            Op.Sin or Op.Cos => Math.Min(ea, 2),
            Op.Erf => Math.Min(1.13 * ea, 2),
            Op.Trunc => Math.Truncate(a + ea) - Math.Truncate(a - ea),
            _ => double.PositiveInfinity, // a remainder jumps
        };
        return double.IsNaN(e) ? double.PositiveInfinity : e + polynomial;
    }

    static double Quotient(double quotient, double ea, double b, double eb) =>
        Math.Abs(b) > 2 * eb ? (Times(Math.Abs(quotient), eb) + ea) / (Math.Abs(b) - eb) : double.PositiveInfinity;

    /// <summary>No error times infinity is no error.</summary>
    static double Times(double x, double e) => e == 0 ? 0 : x * e;
}
