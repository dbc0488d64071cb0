namespace Ingot.Llm.Models;

/// <summary>
/// Rotary positions: dimensions i and i + D/2 of a head are turned by an angle proportional to the position (Hugging Face's "rotate half").
/// </summary>
/// <remarks>Su et al. 2021, "RoFormer"; the scaling of Llama 3.1 as in Meta's and Hugging Face's code.</remarks>
sealed class Rope
{
    readonly double[] frequencies; // radians a position

    public Rope(DecoderConfig config) =>
        frequencies = [.. Enumerable.Range(0, config.HeadWidth / 2).Select(i => Scaled(Math.Pow(config.RopeTheta, -2.0 * i / config.HeadWidth), config.Scaling))];

    /// <summary>D/2.</summary>
    public int Pairs => frequencies.Length;

    static double Scaled(double frequency, RopeScaling? scaling)
    {
        switch (scaling)
        {
            case RopeScaling.Linear s:
                return frequency / s.Factor;
            case RopeScaling.Llama3 s:
                double turns = s.OriginalContext * frequency / (2 * Math.PI); // in the original context
                double share = Math.Clamp((turns - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor), 0, 1);
                return frequency * ((1 - share) / s.Factor + share);
            default:
                return frequency;
        }
    }

    /// <summary>Cosines and sines, (positions, D/2) each.</summary>
    public (Tensor Cos, Tensor Sin) Rows(ReadOnlySpan<int> positions)
    {
        var cos = new float[positions.Length * Pairs];
        var sin = new float[cos.Length];
        for (int i = 0; i < cos.Length; i++) (sin[i], cos[i]) = Turn(positions[i / Pairs] * frequencies[i % Pairs]);
        return (Tensor.From(cos, positions.Length, Pairs), Tensor.From(sin, positions.Length, Pairs));

        static (float, float) Turn(double angle) => ((float)Math.Sin(angle), (float)Math.Cos(angle));
    }

    /// <summary>Turns heads.</summary>
    /// <param name="x">(B, T, heads, D).</param>
    /// <param name="cos">(T, D/2), of each position.</param>
    /// <param name="sin">(T, D/2), of each position.</param>
    public static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        int half = x.Size(-1) / 2;
        (cos, sin) = (cos.Unsqueeze(1), sin.Unsqueeze(1));
        Tensor low = x.Narrow(-1, 0, half), high = x.Narrow(-1, half, half);
        return Tensor.Cat([low * cos - high * sin, high * cos + low * sin], -1);
    }
}
