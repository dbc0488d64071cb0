using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// Float32 transcendentals as polynomials over primitives, the same in scalar and vector code, so that an element's value does not depend on
/// where a vector ends. Errors (tests hold them): exp2 1 ulp, log2 2 ulp. Denormal results included; NaN and infinities as in C.
/// </summary>
static class Transcendentals
{
    /// <summary>Replaces Exp2 and Log2 of float32, and Recip; other types call the framework element by element.</summary>
    public static Node Expand(Node root) => Ir.Rewrite(root, n => n switch
    {
        { Op: Op.Exp2, DType: DType.F32 } => Exp2(n.src[0]),
        { Op: Op.Log2, DType: DType.F32 } => Log2(n.src[0]),
        { Op: Op.Recip } => Ir.Scalar(Op.Div, n.DType, F(1, n.DType), n.src[0]),
        _ => null,
    });

    static Node F(double v, DType t = DType.F32) => Build.Const(t, Shape.Scalar, v);
    static Node I(long v) => Build.Const(DType.I32, Shape.Scalar, v);
    static Node Bin(Op op, Node a, Node b) => Ir.Scalar(op, op is Op.CmpLt or Op.CmpNe ? DType.Bool : a.DType, a, b);
    static Node Add(Node a, Node b) => Bin(Op.Add, a, b);
    static Node Sub(Node a, Node b) => Bin(Op.Add, a, Ir.Scalar(Op.Neg, b.DType, b));
    static Node Mul(Node a, Node b) => Bin(Op.Mul, a, b);
    static Node Fma(Node a, Node b, Node c) => Ir.Scalar(Op.Fma, DType.F32, a, b, c);
    static Node Select(Node c, Node a, Node b) => Ir.Scalar(Op.Where, a.DType, c, a, b);
    static Node Bits(Node x, DType t) => Ir.Scalar(Op.Bitcast, t, x);

    /// <summary>Horner's scheme, highest power first.</summary>
    static Node Polynomial(Node x, params double[] c)
    {
        var r = F(c[0]);
        for (int i = 1; i < c.Length; i++) r = Fma(r, x, F(c[i]));
        return r;
    }

    /// <summary>2^x = 2^n * 2^r with n the nearest integer; 2^r for |r| &lt;= 1/2 by its series in r ln 2, which is exact to float32 at degree 7.</summary>
    static Node Exp2(Node x)
    {
        // Beyond these the result is 0 or infinity anyway; NaN fails both comparisons and goes through.
        var low = Select(Bin(Op.CmpLt, x, F(-152)), F(-152), x);
        var c = Select(Bin(Op.CmpLt, F(130), low), F(130), low);
        const double magic = 12582912; // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
        var shifted = Add(c, F(magic));
        var n = Add(Bits(shifted, DType.I32), I(-0x4B400000));
        var r = Sub(c, Sub(shifted, F(magic)));
        const double l = 0.693147180559945309417;
        var p = Polynomial(r, Math.Pow(l, 7) / 5040, Math.Pow(l, 6) / 720, Math.Pow(l, 5) / 120, Math.Pow(l, 4) / 24, l * l * l / 6, l * l / 2, l, 1);
        // Two factors, so that denormal results and 2^128 * 0.9 come out right.
        var half = Bin(Op.Shr, n, I(1));
        Node Power(Node e) => Bits(Bin(Op.Shl, Add(e, I(127)), I(23)), DType.F32);
        return Mul(Mul(p, Power(half)), Power(Sub(n, half)));
    }

    /// <summary>log2(m 2^e) = e + log2(m), m in [2/3, 4/3): log2(m) = 2/ln2 * atanh(s), s = (m-1)/(m+1), by its odd series.</summary>
    static Node Log2(Node x)
    {
        // Denormals are scaled up first.
        var small = Bin(Op.CmpLt, x, F(1.17549435e-38));
        var scaled = Select(small, Mul(x, F(8388608)), x);
        var bits = Bits(scaled, DType.I32);
        // e such that m = x / 2^e lies in [2/3, 4/3).
        var e = Bin(Op.Shr, Add(bits, I(-0x3F2AAAAB)), I(23));
        var m = Bits(Add(bits, Ir.Scalar(Op.Neg, DType.I32, Bin(Op.Shl, e, I(23)))), DType.F32);
        var exponent = Add(Ir.Scalar(Op.Cast, DType.F32, e), Select(small, F(-23), F(0)));
        var f = Add(m, F(-1));
        var s = Bin(Op.Div, f, Add(m, F(1)));
        var z = Mul(s, s);
        const double k = 2.885390081777926815; // 2 / ln 2
        // log2(m) = f/ln2 corrected: k*s = f*(1/ln2) - s*f*(1/ln2) exactly, which keeps the leading term f exact for m near 1.
        var tail = Mul(Mul(s, z), Polynomial(z, k / 11, k / 9, k / 7, k / 5, k / 3));
        const double inverse = 1.44269504088896340736;
        double hi = (float)inverse, lo = inverse - hi;
        // k*s = (f - s*f)/ln2, as s = f/(2+f).
        var main = Fma(f, F(hi), Fma(f, F(lo), Fma(Mul(s, f), F(-inverse), tail)));
        var result = Add(exponent, main);
        var infinity = F(double.PositiveInfinity);
        result = Select(Bin(Op.CmpLt, x, infinity), result, x);                                   // inf -> inf, NaN -> NaN
        result = Select(Bin(Op.CmpLt, x, F(0)), F(double.NaN), result);
        return Select(Bin(Op.CmpNe, x, F(0)), result, F(double.NegativeInfinity));
    }
}
