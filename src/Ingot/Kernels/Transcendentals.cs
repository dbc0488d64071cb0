using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// Float32 transcendentals as polynomials over primitives, the same in scalar and vector code, so that an element's value does not depend on
/// where a vector ends. Errors (tests hold them): exp 1 ulp, exp2, log2, sin and cos 2 ulp, erf 6 ulp. Denormal results included; NaN and
/// infinities as in C. Coefficients are minimax fits of the relative error with the leading ones rounded to float32 before the rest was fitted.
/// </summary>
static class Transcendentals
{
    /// <summary>Replaces the transcendental functions of float32, and Recip; of other types the op table's meaning is computed element by element.</summary>
    public static Node Expand(Node root) => Ir.Rewrite(root, n => n switch
    {
        { Op: Op.Exp, DType: DType.F32 } => Exp(n.src[0]),
        { Op: Op.Exp2, DType: DType.F32 } => Exp2(n.src[0]),
        { Op: Op.Log2, DType: DType.F32 } => Log2(n.src[0]),
        { Op: Op.Sin, DType: DType.F32 } => Sin(n),
        { Op: Op.Cos, DType: DType.F32 } => Cos(n),
        { Op: Op.Erf, DType: DType.F32 } => Erf(n.src[0]),
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

    /// <summary>x limited to low..high; NaN fails both comparisons and goes through. On x86 two instructions.</summary>
    static Node Clamp(Node x, double low, double high)
    {
        var above = Select(Bin(Op.CmpLt, x, F(low)), F(low), x);
        return Select(Bin(Op.CmpLt, F(high), above), F(high), above);
    }

    /// <summary>1.5 * 2^23: adding it leaves the nearest integer in the low bits.</summary>
    const double Magic = 12582912;

    /// <summary>Magic for <see cref="Scale"/>: twice the exponent's bias is in it.</summary>
    const double BiasedMagic = Magic + 2 * 127;

    /// <summary>p * 2^n for n in the low bits of shifted = n + BiasedMagic: in two factors, so that denormal results and 2^128 * 0.9 come out right.</summary>
    static Node Scale(Node p, Node shifted)
    {
        var biased = Bits(shifted, DType.I32); // n + 254, and Magic's own bits above the ten that matter
        var half = Bin(Op.Shr, biased, I(1));
        Node Power(Node exponent) => Bits(Bin(Op.Shl, exponent, I(23)), DType.F32);
        return Mul(Mul(p, Power(half)), Power(Sub(biased, half)));
    }

    /// <summary>What <see cref="Scale"/> made, as a number and a whole exponent: AVX-512 has an instruction that gives the same bits.</summary>
    public static (Node X, Node Exponent)? AsScale(Node n) =>
        n is { Op: Op.Mul, DType: DType.F32, src: [{ Op: Op.Mul, src: [var p, var first] }, var second] }
        && Shifted(first) is { Op: Op.Shr, src: [{ Op: Op.Bitcast, src: [{ Op: Op.Add or Op.Fma } shifted] } biased, { IntConst: 1 }] } half && Shifted(second) == Sub(biased, half)
            ? (p, Sub(shifted, F(BiasedMagic)))
            : null;

    static Node? Shifted(Node power) => power is { Op: Op.Bitcast, DType: DType.F32, src: [{ Op: Op.Shl, src: [var exponent, { IntConst: 23 }] }] } ? exponent : null;

    /// <summary>e^x = 2^n * e^r with n = round(x / ln2). ln2 in two parts: n times the first, taken from x, is exact in a fused operation.</summary>
    static Node Exp(Node x)
    {
        var c = Clamp(x, -104, 89); // beyond these the result is 0 or infinity anyway
        var shifted = Fma(c, F(1.4426950408889634), F(BiasedMagic));
        var n = Sub(shifted, F(BiasedMagic));
        var r = Fma(n, F(1.904654323148236e-09), Fma(n, F(-0.693147182464599609375), c));
        return Scale(Polynomial(r, 0.001383890281431377, 0.008369192481040955, 0.04166810214519501, 0.16666516661643982, 0.4999999403953552, 1, 1), shifted);
    }

    /// <summary>2^x = 2^n * 2^r with n the nearest integer.</summary>
    static Node Exp2(Node x)
    {
        var c = Clamp(x, -152, 130);
        var shifted = Add(c, F(BiasedMagic));
        var r = Sub(c, Sub(shifted, F(BiasedMagic)));
        return Scale(Polynomial(r, 0.0001582153927301988, 0.0013418154558166862, 0.009617063216865063, 0.05550272390246391, 0.24022655189037323, 0.6931472420692444, 1), shifted);
    }

    const int SignBit = int.MinValue;

    /// <summary>sin(x) = (-1)^n sin(|x| - n pi) with n = round(|x| / pi), and the sign of x, which a zero keeps too.</summary>
    static Node Sin(Node sin)
    {
        var bits = Bits(sin.src[0], DType.I32);
        var size = Bits(Bin(Op.And, bits, I(int.MaxValue)), DType.F32);
        var shifted = Fma(size, F(1 / Math.PI), F(Magic));
        var sign = Bin(Op.And, Bin(Op.Xor, bits, Bin(Op.Shl, Bits(shifted, DType.I32), I(31))), I(SignBit));
        return UnlessLarge(size, sin, SineBeyond(Sub(shifted, F(Magic)), size, sign));
    }

    /// <summary>cos(x) = (-1)^(n+1) sin(|x| - (n + 1/2) pi) with n = round(|x| / pi - 1/2).</summary>
    static Node Cos(Node cos)
    {
        var size = Bits(Bin(Op.And, Bits(cos.src[0], DType.I32), I(int.MaxValue)), DType.F32);
        var shifted = Add(Fma(size, F(1 / Math.PI), F(-0.5)), F(Magic + 1)); // odd, so that the low bit is that of n + 1
        var sign = Bin(Op.Shl, Bits(shifted, DType.I32), I(31));
        return UnlessLarge(size, cos, SineBeyond(Add(Sub(shifted, F(Magic + 1)), F(0.5)), size, sign));
    }

    /// <summary>
    /// sin(x - n pi), the sign flipped by the sign bit. pi in three parts: n times the first, taken from x, is exact, and what is left of pi is 1e-22.
    /// The coefficients were searched, as float32, for the least error of this very evaluation (1.9 ulp over all x below 2^18), among those that give 1
    /// at pi/2 and never more.
    /// </summary>
    static Node SineBeyond(Node n, Node x, Node sign)
    {
        var r = Fma(n, F(3.430198833e-15), Fma(n, F(8.7422776573475858e-08), Fma(n, F(-3.1415927410125732), x)));
        var z = Mul(r, r);
        var sine = Fma(Mul(r, z), Polynomial(z, 2.5984491e-06, -0.000198072637, 0.00833306462, -0.166666627), r);
        return Bits(Bin(Op.Xor, Bits(sine, DType.I32), sign), DType.F32);
    }

    /// <summary>
    /// From 2^18 on the product with 1/pi is too coarse to round to the nearest n, and x - n pi leaves the range of the fit. There, as for infinity and
    /// NaN, the op table's function is called: the reduction of Payne and Hanek would cost every vector some 80 instructions for what hardly occurs.
    /// </summary>
    static Node UnlessLarge(Node size, Node framework, Node polynomial) =>
        Ir.Elementwise(Op.Where, DType.F32, new RareArg(), Bin(Op.CmpLt, size, F(1 << 18)), polynomial, framework);

    /// <summary>A rational minimax fit on |x| &lt;= 3.93, from where on a float32 cannot tell the function from 1.</summary>
    static Node Erf(Node x)
    {
        var c = Clamp(x, -3.93, 3.93);
        var z = Mul(c, c);
        var above = Polynomial(z, 2.041971219179909e-06, 0.00028480873709518074, 0.003779612052833318, 0.05279029451945165, 0.19078388709416966, 1.128379145352235);
        var below = Polynomial(z, 3.8004086550050334e-05, 0.001165213541798989, 0.014997442803623527, 0.11425754661966503, 0.5024105371936851, 1);
        return Clamp(Bin(Op.Div, Mul(c, above), below), -1, 1); // rounding alone goes a little beyond
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
