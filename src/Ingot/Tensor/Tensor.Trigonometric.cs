using Ingot.Graph;

namespace Ingot;

/// <summary>
/// Trigonometric and hyperbolic functions. The odd ones work on t = |x|, written as a select whose slope at 0 is 1 or -1, and
/// restore the sign in the same way: through Abs their gradient at 0 would be 0.
/// </summary>
public sealed partial class Tensor
{
    /// <summary>Sine of x radians; within 2 ulp in float32, whatever the size of x.</summary>
    public Tensor Sin() => Precisely(x => new(Build.Unary(Op.Sin, x.Node)));

    /// <summary>Cosine of x radians; within 2 ulp in float32, whatever the size of x.</summary>
    public Tensor Cos() => Precisely(x => new(Build.Unary(Op.Cos, x.Node)));

    /// <summary>Tangent of x radians; within 5 ulp in float32.</summary>
    public Tensor Tan() => Precisely(x => x.Sin() / x.Cos());

    /// <summary>Angle (radians, -pi/2 to pi/2) with this sine; NaN outside -1..1; within 4 ulp in float32.</summary>
    public Tensor Asin() => Precisely(x => x.Odd(t =>
    {
        var (angle, isLarge) = AsinParts(t);
        return isLarge.Where(Math.PI / 2 - 2 * angle, angle);
    }));

    /// <summary>Angle (radians, 0 to pi) with this cosine; NaN outside -1..1; within 4 ulp in float32.</summary>
    public Tensor Acos() => Precisely(x =>
    {
        var isNegative = x < 0;
        var (angle, isLarge) = AsinParts(isNegative.Where(-x, x));
        return isLarge.Where(isNegative.Where(Math.PI - 2 * angle, 2 * angle), isNegative.Where(Math.PI / 2 + angle, Math.PI / 2 - angle));
    });

    /// <summary>asin(t) for t up to 0.5, else asin(sqrt((1 - t)/2)), which is half the rest to a right angle.</summary>
    static (Tensor Angle, Tensor IsLarge) AsinParts(Tensor t)
    {
        var isLarge = t > 0.5;
        var z = isLarge.Where((1 - t) * 0.5, t * t);
        var s = isLarge.Where(isLarge.Where(z, 1).Sqrt(), t);
        return (s + s * (z * Series(z, AsinNarrow, AsinWide)), isLarge);
    }

    /// <summary>Angle (radians, -pi/2 to pi/2) with this tangent; within 3 ulp in float32.</summary>
    public Tensor Atan() => Precisely(x => x.Odd(t => AtanOf(t, OnesLike(t))));

    /// <summary>Angle (radians, -pi to pi) of the point (other, this), the signs of zeros included; within 4 ulp in float32.</summary>
    public Tensor Atan2(Tensor other)
    {
        var dtype = ResultType(this, other) is { IsFloat: true } f ? f : DType.F32;
        var (a, b) = Meet(this, other, dtype);
        var (y, x) = (new Tensor(a).To(dtype.ComputeType), new Tensor(b).To(dtype.ComputeType));
        var (below, left) = (y.SignBit(), x.SignBit());
        var (rise, run) = (below.Where(-y, y), left.Where(-x, x));
        var isOrigin = rise.Eq(0) & run.Eq(0);
        var isCorner = rise.IsInf() & run.IsInf(); // 45 degrees, where the quotient is NaN
        var angle = AtanOf(isCorner.Where(1, rise), (isCorner | isOrigin).Where(1, run));
        angle = left.Where(Math.PI - angle, angle);
        return below.Where(-angle, angle).To(dtype);
    }

    /// <summary>atan(y / x) for y, x >= 0 with one division: the quotient is turned by 45 or 90 degrees to lie below tan(pi/8).</summary>
    static Tensor AtanOf(Tensor y, Tensor x)
    {
        var isSteep = y > x * 2.414213562373095;
        var isMiddle = y > x * 0.41421356237309503;
        var u = isSteep.Where(-x, isMiddle.Where(y - x, y)) / isSteep.Where(y, isMiddle.Where(y + x, x));
        var z = u * u;
        return isSteep.Where(FullLike(y, Math.PI / 2), isMiddle.Where(FullLike(y, Math.PI / 4), ZerosLike(y))) + (u + u * (z * Series(z, AtanNarrow, AtanWide)));
    }

    /// <summary>Hyperbolic sine; within 4 ulp in float32.</summary>
    public Tensor Sinh() => Precisely(x => x.Odd(t =>
    {
        var isSmall = t < 1;
        var small = isSmall.Where(t, 0);
        var large = isSmall.Where(1, t);
        var z = small * small;
        var half = HalfExp(large);
        return isSmall.Where(small + small * (z * Series(z, SinhNarrow, SinhWide)), half - 0.25 / half);
    }));

    /// <summary>Hyperbolic cosine; within 4 ulp in float32.</summary>
    public Tensor Cosh() => Precisely(x =>
    {
        var half = HalfExp((x < 0).Where(-x, x));
        return half + 0.25 / half;
    });

    /// <summary>e^x / 2, also where e^x overflows: up to 89.4 in float32.</summary>
    static Tensor HalfExp(Tensor x)
    {
        var root = ExpOf(x * 0.5);
        return root * 0.5 * root;
    }

    /// <summary>Hyperbolic tangent; within 4 ulp in float32.</summary>
    // With e^(-2t) nothing overflows, so that the gradient of a large x is 0 and not 0 * infinity.
    public Tensor Tanh() => Precisely(x => x.Odd(t =>
    {
        var isSmall = t < 0.625;
        var small = isSmall.Where(t, 0);
        var z = small * small;
        var e = ExpOf(t * -2);
        return isSmall.Where(small + small * (z * Series(z, TanhNarrow, TanhWide)), (1 - e) / (1 + e));
    }));

    /// <summary>Inverse of <see cref="Sinh"/>; within 5 ulp in float32.</summary>
    public Tensor Asinh() => Precisely(x => x.Odd(t =>
    {
        var isHuge = t > 1e9; // its square would not change, and may overflow
        var s = isHuge.Where(1, t);
        var z = s * s;
        return isHuge.Where(isHuge.Where(t, 1).Log() + Ln2, (s + z / (1 + (z + 1).Sqrt())).Log1p());
    }));

    /// <summary>Inverse of <see cref="Cosh"/>; NaN below 1; within 5 ulp in float32.</summary>
    public Tensor Acosh() => Precisely(x =>
    {
        var isHuge = x > 1e9;
        var d = isHuge.Where(1, x - 1);
        return isHuge.Where(isHuge.Where(x, 1).Log() + Ln2, (d + (d * (d + 2)).Sqrt()).Log1p());
    });

    /// <summary>Inverse of <see cref="Tanh"/>; infinite at -1 and 1, NaN beyond; within 5 ulp in float32.</summary>
    public Tensor Atanh() => Precisely(x => x.Odd(t => (2 * t / (1 - t)).Log1p() * 0.5));

    /// <summary>An odd function from its values for t >= 0.</summary>
    Tensor Odd(Func<Tensor, Tensor> positive)
    {
        var isNegative = SignBit(); // rather than x < 0, so that -0 stays -0
        var y = positive(isNegative.Where(-this, this));
        return isNegative.Where(-y, y);
    }

    // (f(x)/x - 1) / x^2 as a polynomial in x^2: Chebyshev fits up to |x| = 0.5 (asin), tan(pi/8) (atan), 1 (sinh), 0.625 (tanh); errors below 1e-7 and 1e-16, which x^2 makes smaller still.
    static readonly double[] AsinNarrow = [0.16666672414795305, 0.07498855072600821, 0.04500138006991017, 0.026554542206161328, 0.038085023561092654];
    static readonly double[] AsinWide =
    [
        0.16666666666666669, 0.07499999999998433, 0.04464285714635543, 0.030381944138531247, 0.02237217294214989, 0.017352392720869973, 0.013971212973552933,
        0.011479177415184906, 0.01032281435018578, 0.005457506718640358, 0.01740087944269402, -0.014851887071247204, 0.028757851367421566,
    ];
    static readonly double[] AtanNarrow = [-0.3333333176116852, 0.19999540483648964, -0.1426395559798464, 0.10743731490791084, -0.06451928208121749];
    static readonly double[] AtanWide =
    [
        -0.3333333333333333, 0.19999999999999804, -0.14285714285659828, 0.11111111105155447, -0.09090908753500877, 0.07692296375032143,
        -0.06666424885738255, 0.05878928997834775, -0.05230454270650244, 0.04551593220626549, -0.034570561981427744, 0.016285756855221028,
    ];
    static readonly double[] SinhNarrow = [0.16666666646842135, 0.00833333967591706, 0.00019838101968683888, 2.8062802582276946e-06];
    static readonly double[] SinhWide =
    [
        0.16666666666666666, 0.008333333333333333, 0.00019841269841269773, 2.755731922404034e-06,
        2.505210836405804e-08, 1.6059048396350562e-10, 7.646625361656657e-13, 2.8445264169895285e-15,
    ];
    static readonly double[] TanhNarrow = [-0.33333328944134255, 0.13332769736976327, -0.05385090957851358, 0.020997178999074752, -0.006096714165908197];
    static readonly double[] TanhWide =
    [
        -0.3333333333333333, 0.13333333333333333, -0.053968253968253076, 0.021869488536096472, -0.008863235527882459, 0.0035921279948771647, -0.0014558338279042078,
        0.0005900223329023258, -0.00023909642770594748, 9.676689210002811e-05, -3.879904218166128e-05, 1.4832897548417558e-05, -4.770834648519767e-06, 9.171549402654542e-07,
    ];
}
