namespace Ingot.Llm.Planning;

/// <summary>
/// The loss at the end of pretraining on the generated world in nats a token, by a law of the form of Hoffmann et al. 2022, E + A / N^a + B / D^b, whose numbers were fitted to three of Ingot's own runs of 0.36 and
/// 0.73 million parameters and 3.6 to 5.3 million tokens, one seed each, with E and the exponent of N kept from an older fit (docs/LOG.md): three points do not show that the law holds. Far beyond them the law is a guess.
/// </summary>
public static class ExpectedLoss
{
    const double E = 0.6, A = 66, AlphaN = 0.34, B = 18_340, BetaD = 0.66;

    /// <param name="shape">What is trained.</param>
    /// <param name="tokens">D, of pretraining.</param>
    public static double Of(ModelShape shape, double tokens) => E + A / Math.Pow(shape.Parameters, AlphaN) + B / Math.Pow(tokens, BetaD);
}
