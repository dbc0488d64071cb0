using Ingot.Codegen;
using Ingot.Graph;

namespace Ingot.Tests.Fuzz;

/// <summary>
/// How far a node's value may be from the interpreter's: 0 where every back end computes the same bits, which is all but sums and products
/// in another order and the polynomials of the transcendental functions. Those errors are carried on to the nodes that read them.
/// </summary>
sealed class ErrorBound(Dictionary<Node, Interpreter.Value> values)
{
    readonly Dictionary<Node, double> bounds = [];

    /// <summary>The order of a reduction, or a polynomial, may change this node's bits.</summary>
    public static bool IsInexact(Node n) => n.DType.IsFloat && (IsSource(n) || Array.Exists(n.src, IsInexact));

    static bool IsSource(Node n) => n.Op.IsTranscendental || (n.Op is Op.Reduce or Op.Scan && n.ReduceInfo.Kind != Op.Max);

    /// <summary>The largest absolute difference to expect; infinite if the values say nothing (an overflow that depends on the order).</summary>
    public double Of(Node n)
    {
        if (!IsInexact(n)) return 0;
        if (bounds.TryGetValue(n, out double known)) return known;
        return bounds[n] = Bound(n);
    }

    double Bound(Node n)
    {
        double unit = n.DType == DType.F64 ? 1e-16 : 6e-8; // half an ulp of a number near 1
        double largest = Largest(n), limit = (n.DType == DType.F64 ? double.MaxValue : float.MaxValue) / 4;
        double length = n.Op is Op.Reduce or Op.Scan ? n.Axes.Aggregate(1.0, (a, i) => a * n.src[0].Shape[i]) : 1;
        double error = n.Op switch
        {
            Op.Exp or Op.Exp2 or Op.Log2 or Op.Erf => 16 * unit * (largest + 1),
            Op.Sin or Op.Cos => 16 * unit,
            Op.Mul => Times(Largest(n.src[0]), Of(n.src[1])) + Times(Largest(n.src[1]), Of(n.src[0])) + Times(Of(n.src[0]), Of(n.src[1])),
            Op.Add => Of(n.src[0]) + Of(n.src[1]),
            // |sqrt a - sqrt b| <= sqrt |a - b|; a quotient's error grows as its divisor comes near 0; a remainder jumps.
            Op.Sqrt => Math.Sqrt(Of(n.src[0])),
            Op.Recip => Quotient(1, 0, n.src[0]),
            Op.Div => Quotient(Largest(n.src[0]), Of(n.src[0]), n.src[1]),
            Op.Mod or Op.Trunc => n.src.Max(Of) == 0 ? 0 : double.PositiveInfinity,
            Op.Reduce or Op.Scan when n.ReduceInfo.Kind == Op.Add => length * (Of(n.src[0]) + 4 * unit * Largest(n.src[0])) + (length * Largest(n.src[0]) > limit ? double.PositiveInfinity : 0),
            Op.Reduce or Op.Scan when n.ReduceInfo.Kind == Op.Mul => PartialsOverflow(n.src[0], length, limit) ? double.PositiveInfinity : 4 * length * unit * largest,
            _ => n.src.Max(Of),
        };
        return largest > limit ? double.PositiveInfinity : error + 2 * unit * largest;
    }

    /// <summary>Error of a / b, where a is at most that large and that wrong.</summary>
    double Quotient(double a, double error, Node b)
    {
        double wrong = Of(b), least = values[b].F!.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(1).Min() - wrong;
        return wrong == 0 && error == 0 ? 0 : least <= 0 ? double.PositiveInfinity : error / least + a * wrong / (least * least);
    }

    static double Times(double a, double b) => b == 0 ? 0 : a * b;

    /// <summary>Zero times what overflowed is NaN in one order and zero in another.</summary>
    bool PartialsOverflow(Node x, double length, double limit) => Math.Pow(Math.Max(1, Largest(x)), length) > limit;

    /// <summary>The largest finite magnitude.</summary>
    double Largest(Node n) => values[n].F!.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();
}
