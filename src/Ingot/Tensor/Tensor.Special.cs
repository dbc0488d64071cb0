namespace Ingot;

/// <summary>The error function and its relatives.</summary>
public sealed partial class Tensor
{
    /// <summary>The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x; within 6 ulp in float32, 1e-14 in float64.</summary>
    public Tensor Erf() => Precisely(x => x.DType == DType.F64 ? ErfOfDoubles(x) : ErfOfFloats(x));

    // A rational minimax fit on |x| <= 3.93, from where on a float32 cannot tell the function from 1.
    static Tensor ErfOfFloats(Tensor x)
    {
        var inside = x.Clamp(-3.93, 3.93);
        var z = inside * inside;
        var y = inside * Series(z, ErfAbove, ErfAbove) / Series(z, ErfBelow, ErfBelow);
        return y.Clamp(-1, 1);
    }

    static Tensor ErfOfDoubles(Tensor x) => x.Odd(t =>
    {
        var isSmall = t < 1;
        var small = isSmall.Where(t, 0);
        return isSmall.Where(small * Series(small * small, ErfSmall, ErfSmall), 1 - ErfcOf(isSmall.Where(1, t)));
    });

    /// <summary>1 - Erf(x) without its cancellation for large x; within 1 ulp in float32 (float64 inside), 1e-13 relative in float64.</summary>
    public Tensor Erfc() => Precisely(x =>
    {
        var wide = x.To(DType.F64);
        var isNegative = wide < 0;
        var t = isNegative.Where(-wide, wide);
        var isSmall = t < 0.5;
        var tail = ErfcOf(isSmall.Where(1, t));
        var small = isSmall.Where(wide, 0);
        return isSmall.Where(1 - small * Series(small * small, ErfSmall, ErfSmall), isNegative.Where(2 - tail, tail)).To(x.DType);
    });

    /// <summary>erfc(t) for t >= 0.5: e^(-t^2) / (1 + 2t) times a polynomial in u = 1 - 7.5/(t + 3.75), which maps the half-line to an interval.</summary>
    static Tensor ErfcOf(Tensor t)
    {
        var u = 1 - 7.5 / (t + 3.75);
        var bell = ExpOf(-(t * t)); // t^2 <= 700 rounded costs 700 * 2^-53: the 1e-13
        return bell * Series(u, ErfcTail, ErfcTail) / (1 + 2 * t);
    }

    static readonly double[] ErfAbove = [1.1283791467200466, 0.19070034665424576, 0.052778483439250026, 0.003775790888799053, 0.00028468435666528617, 2.04213308150807e-06];
    static readonly double[] ErfBelow = [1.0, 0.5023365248157113, 0.11422231601376923, 0.014989859921477102, 0.0011642127436112862, 3.799920117519994e-05];

    // erf(x)/x in x^2 for |x| <= 1: a Chebyshev fit, error 2e-21.
    static readonly double[] ErfSmall =
    [
        1.1283791670955126, -0.37612638903183754, 0.1128379167095512, -0.02686617064512984, 0.0052239776254232985, -0.000854832702193483, 0.00012055332902888736,
        -1.4925647567519332e-05, 1.6462045441468418e-06, -1.6364642158167616e-07, 1.4792401209404813e-08, -1.216456005728345e-09, 8.709045129053106e-11, -4.230945824295338e-12,
    ];

    // (1 + 2t) e^(t^2) erfc(t) in u for t >= 0.5: a Chebyshev fit, error 2e-15.
    static readonly double[] ErfcTail =
    [
        1.2375126308378288, -0.14024059858556231, 0.0035854154851578425, 0.08227673849173738, -0.10880393012935713, 0.09230432111137579, -0.05869339877653662,
        0.02836227810719623, -0.009746578230784014, 0.0017556206210245873, 0.0002937091034636397, -0.00029013081321451286, 5.165413199519988e-05, 2.2322160719995253e-05,
        -1.1429985787192522e-05, -8.764484012782414e-07, 1.6965999588383039e-06, -1.3765938235567425e-07, -1.8642718596567046e-07, 4.7501265575527354e-08,
    ];
}
