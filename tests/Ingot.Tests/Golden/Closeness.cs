using Ingot.Codegen;

namespace Ingot.Tests.Golden;

/// <summary>How near two values must be, and what to say when they are not.</summary>
static class Closeness
{
    /// <summary>
    /// Relative to the element, and absolute as a part of the tensor's largest magnitude (a small element that was left by
    /// cancellation carries the error of the large ones it came from).
    /// </summary>
    static (double Relative, double Absolute) Tolerance(DType dtype) => dtype switch
    {
        DType.F64 => (1e-13, 1e-14), // 450 ulp: transcendental functions are polynomials of a few ulp, and their gradients compose them
        DType.F32 => (5e-6, 1e-6),   // 42 ulp: a dozen roundings of composed operations, sums of up to 60 in another order
        DType.F16 => (1e-3, 2e-4),   // 2 ulp: a composed operation may round between its steps where PyTorch does not
        DType.BF16 => (8e-3, 4e-3),  // 2 ulp, for the same reason
        _ => (0, 0),
    };

    /// <summary>Null if every element agrees within its dtype's tolerance (times a factor); else the first that does not, and how many.</summary>
    public static string? Difference(Interpreter.Value actual, Interpreter.Value expected, double factor, bool signOfZero)
    {
        double scale = expected.F?.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max() ?? 0;
        var (relative, absolute) = Tolerance(expected.Node.DType);
        return Difference(actual, expected, e => double.IsFinite(e) ? factor * (relative * Math.Abs(e) + absolute * scale) : 0, signOfZero);
    }

    /// <summary>Null if no element is further off than this.</summary>
    public static string? Difference(Interpreter.Value actual, Interpreter.Value expected, double tolerance) => Difference(actual, expected, _ => tolerance, signOfZero: false);

    static string? Difference(Interpreter.Value actual, Interpreter.Value expected, Func<double, double> tolerance, bool signOfZero)
    {
        if (actual.Node.DType != expected.Node.DType) return $"dtype {actual.Node.DType.Name}, expected {expected.Node.DType.Name}";
        if (!actual.Node.Shape.Equals(expected.Node.Shape)) return $"shape {actual.Node.Shape}, expected {expected.Node.Shape}";
        int first = -1, wrong = 0;
        for (int i = 0; i < expected.Count; i++)
        {
            bool same = expected.F is { } e
                ? Near(actual.F![i], e[i], tolerance(e[i]), signOfZero)
                : actual.I![i] == expected.I![i];
            if (same) continue;
            wrong++;
            if (first < 0) first = i;
        }
        if (wrong == 0) return null;
        string Show(Interpreter.Value v) => v.F is { } f ? f[first].ToString("R") : v.I![first].ToString();
        return $"element {first} of {expected.Node.DType.Name}{expected.Node.Shape} is {Show(actual)}, expected {Show(expected)} ({wrong} of {expected.Count} differ)";
    }

    static bool Near(double actual, double expected, double tolerance, bool signOfZero)
    {
        if (double.IsPositiveInfinity(tolerance)) return true;
        if (double.IsNaN(expected) || double.IsNaN(actual)) return double.IsNaN(expected) && double.IsNaN(actual);
        if (signOfZero && expected == 0 && actual == 0) return double.IsNegative(actual) == double.IsNegative(expected);
        return actual == expected || Math.Abs(actual - expected) <= tolerance;
    }
}
