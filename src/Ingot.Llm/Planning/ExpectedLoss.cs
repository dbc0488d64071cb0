namespace Ingot.Llm.Planning;

/// <summary>The loss at the end of pretraining on the generated world in nats a token, by a law of the form of Hoffmann et al. 2022, E + A / N^a + B / D^b, whose numbers were fitted to Ingot's own runs (docs/LOG.md).</summary>
public static class ExpectedLoss
{
    const double Entropy = 0.45, A = 60, AlphaN = 0.5, B = 4000, BetaD = 0.6;

    /// <param name="shape">What is trained.</param>
    /// <param name="tokens">D, of pretraining.</param>
    public static double Of(ModelShape shape, double tokens) => Entropy + A / Math.Pow(shape.Parameters, AlphaN) + B / Math.Pow(tokens, BetaD);
}
