namespace Ingot.Graph;

/// <summary>The error function in float64, which the framework does not have, and the polynomials that its complement is made of as well.</summary>
static class ErrorFunction
{
    /// <summary>2/sqrt(pi) times the integral of e^(-t^2) from 0 to x; relative error below 1e-14.</summary>
    public static double Erf(double x)
    {
        double t = Math.Abs(x);
        if (t < 1) return x * Polynomial(Near, x * x);
        double tail = Math.Exp(-t * t) * Polynomial(Tail, 1 - 7.5 / (t + 3.75)) / (1 + 2 * t);
        return double.IsNaN(x) ? x : Math.CopySign(1 - tail, x);
    }

    static double Polynomial(double[] c, double x)
    {
        double sum = 0;
        for (int i = c.Length - 1; i >= 0; i--) sum = sum * x + c[i];
        return sum;
    }

    /// <summary>erf(x)/x in x^2 for |x| &lt;= 1: a Chebyshev fit, error 2e-21.</summary>
    public static readonly double[] Near =
    [
        1.1283791670955126, -0.37612638903183754, 0.1128379167095512, -0.02686617064512984, 0.0052239776254232985, -0.000854832702193483, 0.00012055332902888736,
        -1.4925647567519332e-05, 1.6462045441468418e-06, -1.6364642158167616e-07, 1.4792401209404813e-08, -1.216456005728345e-09, 8.709045129053106e-11, -4.230945824295338e-12,
    ];

    /// <summary>(1 + 2t) e^(t^2) erfc(t) in u = 1 - 7.5/(t + 3.75), which maps t >= 0.5 to an interval: a Chebyshev fit, error 2e-15.</summary>
    public static readonly double[] Tail =
    [
        1.2375126308378288, -0.14024059858556231, 0.0035854154851578425, 0.08227673849173738, -0.10880393012935713, 0.09230432111137579, -0.05869339877653662,
        0.02836227810719623, -0.009746578230784014, 0.0017556206210245873, 0.0002937091034636397, -0.00029013081321451286, 5.165413199519988e-05, 2.2322160719995253e-05,
        -1.1429985787192522e-05, -8.764484012782414e-07, 1.6965999588383039e-06, -1.3765938235567425e-07, -1.8642718596567046e-07, 4.7501265575527354e-08,
    ];
}
