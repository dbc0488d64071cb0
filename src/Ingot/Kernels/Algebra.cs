using System.Runtime.CompilerServices;
using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>Simplification rules, a line of algebra each. What holds only for integers says so: x + 0 = x is false for -0.0.</summary>
static class Algebra
{
    /// <summary>The node after the first rule that matches, or the node.</summary>
    public static Node Simplify(Node n)
    {
        var r = Fold(n) ?? Identity(n) ?? Select(n);
        return r ?? n;
    }

    static Node? Identity(Node n) => n switch
    {
        { Op: Op.Mul, src: [var x, { Const: 1.0 }] } => Hit(n, x),                                   // x*1 = x
        { Op: Op.Mul, src: [{ Const: 1.0 }, var x] } => Hit(n, x),                                   // 1*x = x
        { Op: Op.Div, src: [var x, { Const: 1.0 }] } => Hit(n, x),                                   // x/1 = x
        { Op: Op.Neg, src: [{ Op: Op.Neg } x] } => Hit(n, x.src[0]),                                 // -(-x) = x
        { Op: Op.Add, DType.IsFloat: false, src: [var x, { IntConst: 0 }] } => Hit(n, x),            // x+0 = x, integers
        { Op: Op.Add, DType.IsFloat: false, src: [{ IntConst: 0 }, var x] } => Hit(n, x),            // 0+x = x, integers
        { Op: Op.Mul, DType.IsFloat: false, src: [_, { IntConst: 0 } zero] } => Hit(n, zero),        // x*0 = 0, integers
        { Op: Op.And, DType: DType.Bool, src: [var x, { IntConst: 1 }] } => Hit(n, x),               // x & true = x
        { Op: Op.And, DType: DType.Bool, src: [{ IntConst: 1 }, var x] } => Hit(n, x),               // true & x = x
        { Op: Op.And, src: [var x, var y] } when x == y => Hit(n, x),                                // x & x = x
        { Op: Op.Or, src: [var x, var y] } when x == y => Hit(n, x),                                 // x | x = x
        { Op: Op.Max, src: [var x, var y] } when x == y => Hit(n, x),                                // max(x, x) = x
        { Op: Op.Cast, src: [{ Op: Op.Cast, DType: DType.F32 } x] } when x.src[0].DType == n.DType && n.DType is DType.F16 or DType.BF16 => Hit(n, x.src[0]), // widening loses nothing
        { Op: Op.Cast, DType: DType.F16 or DType.BF16, src: [{ Op: Op.Where, DType: DType.F32, src: [var c, var x, var y] }] } when Narrow(x, n.DType) is { } a && Narrow(y, n.DType) is { } b =>
            Hit(n, Ir.Scalar(Op.Where, n.DType, c, a, b)),                                          // nor does a choice of what was widened
        _ => null,
    };

    /// <summary>What a float32 value widens, or a constant that the narrow type holds; null if rounding it may make a difference.</summary>
    static Node? Narrow(Node x, DType t) => x switch
    {
        { Op: Op.Cast, src: [var half] } when half.DType == t => half,
        { Const: 0.0 or double.NegativeInfinity or double.PositiveInfinity } => Build.Const(t, Shape.Scalar, x.Const!.Value),
        _ => null,
    };

    static Node? Select(Node n) => n switch
    {
        { Op: Op.Where, src: [_, var a, var b] } when a == b => Hit(n, a),                           // c ? a : a = a
        { Op: Op.Where, src: [{ IntConst: 1 }, var a, _] } => Hit(n, a),                             // true ? a : b = a
        { Op: Op.Where, src: [{ IntConst: 0 }, _, var b] } => Hit(n, b),                             // false ? a : b = b
        _ => null,
    };

    /// <summary>An operation on constants alone is a constant.</summary>
    static Node? Fold(Node n)
    {
        if (n.src.Length == 0 || !Array.TrueForAll(n.src, s => s.Op == Op.Const)) return null;
        var a = n.src[0];
        if (n.Op == Op.Cast)
            return (a.DType.IsFloat, n.DType.IsFloat) switch
            {
                (_, true) => Hit(n, Build.Const(n.DType, Shape.Scalar, a.Const!.Value)),
                (false, _) => Hit(n, Build.Const(n.DType, Shape.Scalar, a.IntConst!.Value)),
                _ when n.DType == DType.Bool => Hit(n, Build.Const(DType.Bool, Shape.Scalar, a.Const != 0 ? 1L : 0L)),
                _ => null,
            };
        if (!n.Op.IsUnary && !n.Op.IsBinary || n.Op.IsTranscendental) return null; // these round as the kernel's polynomials do
        var info = n.Op.Info;
        var b = n.src.Length > 1 ? n.src[1] : a;
        if (a.DType.IsFloat)
        {
            if (info.Float is null) return null;
            double v = info.Float(a.Const!.Value, b.Const!.Value);
            return Hit(n, n.DType.IsFloat ? Build.Const(n.DType, Shape.Scalar, v) : Build.Const(n.DType, Shape.Scalar, (long)v));
        }
        return info.Integer is null || a.DType == DType.U64 ? null : Hit(n, Build.Const(n.DType, Shape.Scalar, info.Integer(a.IntConst!.Value, b.IntConst!.Value)));
    }

    static Node Hit(Node from, Node to, [CallerLineNumber] int line = 0)
    {
        RewriteTrace.Fired("Algebra.cs", from, to, line);
        return to;
    }
}

/// <summary>DEBUG=5: every rewrite with its rule's line.</summary>
static class RewriteTrace
{
    public static Action<string>? Sink { get; set; }

    public static void Fired(string file, Node from, Node to, int line)
    {
        if (Sink is { } sink && from != to) sink($"  rewrite {file}:{line}: {from.Op} -> {to}");
    }
}
