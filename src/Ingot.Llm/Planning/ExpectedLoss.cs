namespace Ingot.Llm.Planning;

/// <summary>
/// The loss at the end of pretraining on the generated world in nats a token, by a law of the form of Hoffmann et al. 2022, E + A / N^a + B / D^b, whose numbers were fitted to Ingot's own runs of 0.2 to
/// 0.6 million parameters and 2 to 6 million tokens (docs/LOG.md). At that size nearly all depends on the tokens; far beyond it the law is a guess.
/// </summary>
public static class ExpectedLoss
{
    const double E = 0.6, A = 8.7, AlphaN = 0.34, B = 11_900, BetaD = 0.62;

    /// <param name="shape">What is trained.</param>
    /// <param name="tokens">D, of pretraining.</param>
    public static double Of(ModelShape shape, double tokens) => E + A / Math.Pow(shape.Parameters, AlphaN) + B / Math.Pow(tokens, BetaD);
}
