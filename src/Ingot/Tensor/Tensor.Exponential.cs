using Ingot.Graph;

namespace Ingot;

/// <summary>Exponentials and logarithms.</summary>
public sealed partial class Tensor
{
    const double Ln2 = 0.6931471805599453;

    /// <summary>e to the power x; within 1 ulp in float32.</summary>
    public Tensor Exp() => Precisely(ExpOf);

    static Tensor ExpOf(Tensor x) => new(Build.Unary(Op.Exp, x.Node));

    /// <summary>2 to the power x; within 2 ulp in float32.</summary>
    public Tensor Exp2() => Precisely(x => new(Build.Unary(Op.Exp2, x.Node)));

    /// <summary>The natural logarithm; -inf of 0, NaN of negative numbers; within 2 ulp in float32.</summary>
    public Tensor Log() => Precisely(x => x.Log2() * Ln2); // ln2 happens to be within 3e-9 of a float32

    /// <summary>The binary logarithm.</summary>
    public Tensor Log2() => Precisely(x => new(Build.Unary(Op.Log2, x.Node)));

    /// <summary>The decimal logarithm; within 3 ulp in float32.</summary>
    // log10(2) is most of an ulp away from a float32: its low part is added.
    public Tensor Log10() => Precisely(x =>
    {
        var y = x.Log2();
        return x.DType == DType.F64 ? y * 0.30102999566398120 : (y.IsFinite().Where(y, 0) * -1.4320989e-8) + y * 0.3010300099849701;
    });

    /// <summary>log(1 + x), accurate for small x; within 4 ulp in float32.</summary>
    // log(u) of the rounded u = 1 + x, and what the rounding lost, c: log(u + c) = log(u) + c/u. The correction takes no
    // part in the gradient, which is 1/u.
    public Tensor Log1p() => Precisely(x =>
    {
        var u = 1 + x;
        var exact = x.WithoutGradient();
        var whole = 1 + exact;
        var correction = ((whole > 0) & (whole < double.PositiveInfinity)).Where((exact - (whole - 1)) / whole, 0);
        return x.Eq(0).Where(x, u.Log() + correction); // -0 stays -0
    });

    /// <summary>e^x - 1, accurate for small x; within 4 ulp in float32.</summary>
    public Tensor Expm1() => Precisely(x =>
    {
        var isSmall = x.Abs() < 0.5;
        var small = isSmall.Where(x, 0); // the series of a large x would overflow, and its gradient make 0 * infinity
        return isSmall.Where(small * (1 + small * Series(small, Expm1Narrow, Expm1Wide)), ExpOf(x) - 1); // a product keeps -0
    });

    // (e^x - 1 - x) / x^2 on |x| <= 0.5: Chebyshev fits, error below 1e-8 and 1e-18.
    static readonly double[] Expm1Narrow = [0.5, 0.16666667139493802, 0.04166666713918055, 0.008333182071584195, 0.001388873772021196, 0.000199621762266955, 2.492243642934227e-05];
    static readonly double[] Expm1Wide =
    [
        0.5, 0.16666666666666666, 0.041666666666666664, 0.008333333333333333, 0.0013888888888888978, 0.00019841269841269893, 2.4801587301372304e-05,
        2.755731922385946e-06, 2.75573194696589e-07, 2.5052108529916113e-08, 2.0876612898749422e-09, 1.605895909905728e-10, 1.151263870943768e-11,
    ];

    /// <summary>c[0] + c[1] z + c[2] z^2 + ..., with the coefficients of the width of z.</summary>
    static Tensor Series(Tensor z, double[] narrow, double[] wide)
    {
        var c = z.DType == DType.F64 ? wide : narrow;
        Tensor sum = c[^1];
        for (int i = c.Length - 2; i >= 0; i--) sum = sum * z + c[i];
        return sum;
    }

    /// <summary>x to the power of a number. Small whole and half exponents are products and roots, the rest is computed in float64; integers to whole powers stay integers.</summary>
    /// <exception cref="DTypeException">An integer tensor to a negative whole power; cast it to a floating dtype.</exception>
    public Tensor Pow(double exponent)
    {
        if (!DType.IsFloat)
        {
            if (exponent != Math.Truncate(exponent)) return To(DType.F32).Pow(exponent);
            if (exponent < 0) throw new DTypeException($"{DType.Name} to the power {exponent} is no integer; cast it with To(DType.F32)");
            return Product(DType == DType.Bool ? To(DType.I64) : this, (long)exponent);
        }
        return exponent switch
        {
            0 => OnesLike(this),
            0.5 => Sqrt(),
            -0.5 => Rsqrt(),
            _ when exponent == Math.Truncate(exponent) && Math.Abs(exponent) <= 16 =>
                Precisely(x => exponent > 0 ? Product(x, (long)exponent) : Product(x, -(long)exponent).Reciprocal()),
            _ => Pow(FullLike(this, exponent)),
        };
    }

    /// <summary>x^n by repeated squaring.</summary>
    static Tensor Product(Tensor x, long n)
    {
        Tensor? product = null;
        for (; n > 0; n >>= 1)
        {
            if ((n & 1) != 0) product = product is null ? x : product * x;
            if (n > 1) x *= x;
        }
        return product ?? OnesLike(x);
    }

    /// <summary>x to the power y, in float64 inside. Integers to integers stay integers, for exponents from 0 to 255; a negative exponent gives 0 but for 1 and -1.</summary>
    public Tensor Pow(Tensor exponent)
    {
        var (a, b) = Meet(this, exponent);
        if (a.DType == DType.Bool) throw new DTypeException("bool to the power bool has no meaning; cast one with To()");
        var (x, y) = (new Tensor(a), new Tensor(b));
        if (!x.DType.IsFloat) return PowOfIntegers(x, y);
        // The exponent's dtype decides; a float32 result needs the logarithm to 31 bits.
        return PowOf(x.To(DType.F64), y.To(DType.F64)).To(x.DType);
    }

    static Tensor PowOf(Tensor x, Tensor y)
    {
        var isZero = x.Eq(0);
        var size = isZero.Where(1, x).Abs();
        var bits = size.Log2();
        var isOne = (bits.Eq(0) & ~y.IsFinite()) | (y.Eq(0) & ~bits.IsFinite()); // 1^y and x^0 are 1, whatever the other is: not 0 * infinity
        var power = isOne.Where(0, y * isOne.Where(0, bits)).Exp2();
        var isWhole = y.Trunc().Eq(y);
        var isOdd = isWhole & (y * 0.5).Trunc().Ne(y * 0.5);
        var signed = (x < 0).Where((isWhole | x.IsInf()).Where(isOdd.Where(-power, power), double.NaN), power);
        // Powers of 0 apart: through the logarithm the gradient at 0 would be 0 * infinity.
        var ofZero = y.Eq(1).Where(x, y.Eq(0).Where(1, (y > 0).Where(isOdd.Where(x.WithoutGradient(), 0), (y < 0).Where(isOdd.Where(x.WithoutGradient().Reciprocal(), double.PositiveInfinity), y))));
        return isZero.Where(ofZero, signed);
    }

    static Tensor PowOfIntegers(Tensor x, Tensor y)
    {
        var (product, square) = (OnesLike(x), x);
        for (int bit = 0; bit < Math.Min(8, 8 * x.DType.Size); bit++)
        {
            product = (y & (1L << bit)).Ne(0).Where(product * square, product);
            square *= square;
        }
        if (x.DType.IsUnsigned) return product;
        var inverse = x.Eq(1).Where(OnesLike(x), x.Eq(-1).Where((y & 1).Eq(0).Where(OnesLike(x), -OnesLike(x)), ZerosLike(x)));
        return (y < 0).Where(inverse, product);
    }
}
