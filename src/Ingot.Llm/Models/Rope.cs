namespace Ingot.Llm.Models;

/// <summary>Cosines and sines of positions, (T, pairs) each.</summary>
readonly record struct Rotation(Tensor Cos, Tensor Sin);

/// <summary>
/// Rotary positions: pairs of a head's dimensions are turned by an angle proportional to the position; the pairs (i, i + R/2) of the first R dimensions (Hugging
/// Face's "rotate half"), or the adjacent ones.
/// </summary>
/// <remarks>Su et al. 2021, "RoFormer"; the scalings as their papers and Hugging Face's modeling_rope_utils have them.</remarks>
sealed class Rope
{
    readonly double[] frequencies; // radians a position
    readonly double amplitude;

    /// <param name="width">R: how many dimensions are turned.</param>
    /// <param name="theta">Base of the frequencies.</param>
    /// <param name="scaling">Null: none.</param>
    /// <param name="isLong">LongRoPE's factors for texts longer than the original context.</param>
    public Rope(int width, double theta, RopeScaling? scaling, bool isLong)
    {
        frequencies = [.. Enumerable.Range(0, width / 2).Select(i => Scaled(i, width, theta, scaling, isLong))];
        amplitude = scaling switch { RopeScaling.Yarn s => s.Amplitude, RopeScaling.LongRope s => s.Amplitude, _ => 1 };
    }

    /// <summary>R/2.</summary>
    public int Pairs => frequencies.Length;

    static double Scaled(int i, int width, double theta, RopeScaling? scaling, bool isLong)
    {
        double frequency = Math.Pow(theta, -2.0 * i / width);
        switch (scaling)
        {
            case RopeScaling.Linear s:
                return frequency / s.Factor;
            case RopeScaling.Llama3 s:
                double turns = s.OriginalContext * frequency / (2 * Math.PI); // in the original context
                double share = Math.Clamp((turns - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor), 0, 1);
                return frequency * ((1 - share) / s.Factor + share);
            case RopeScaling.Yarn s:
                // The dimension whose wavelength turns so often in the original context.
                double DimensionOf(double rotations) => width * Math.Log(s.OriginalContext / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta));
                double from = Math.Max(0, Math.Floor(DimensionOf(s.BetaFast))), to = Math.Min(width - 1, Math.Ceiling(DimensionOf(s.BetaSlow)));
                double divided = Math.Clamp((i - from) / Math.Max(to - from, 0.001), 0, 1);
                return frequency * (divided / s.Factor + 1 - divided);
            case RopeScaling.Divided s:
                return frequency / s.Divisors[i];
            case RopeScaling.LongRope s:
                return frequency / (isLong ? s.Long : s.Short)[i];
            default:
                return frequency;
        }
    }

    /// <summary>What each frequency of the base is divided by.</summary>
    public IReadOnlyList<double> Divisors(double theta) => [.. frequencies.Select((f, i) => Math.Pow(theta, -(double)i / Pairs) / f)];

    /// <summary>Writes the cosines and sines of a position.</summary>
    public void Write(int position, Span<float> cos, Span<float> sin)
    {
        for (int i = 0; i < Pairs; i++)
        {
            double angle = position * frequencies[i];
            (cos[i], sin[i]) = ((float)(amplitude * Math.Cos(angle)), (float)(amplitude * Math.Sin(angle)));
        }
    }

    /// <summary>Turns heads.</summary>
    /// <param name="x">(B, T, heads, D).</param>
    /// <param name="rotation">Of each position; twice as many dimensions are turned as it has pairs, the others stay.</param>
    /// <param name="adjacent">The pairs are (2i, 2i + 1).</param>
    public static Tensor Rotate(Tensor x, Rotation rotation, bool adjacent)
    {
        int half = rotation.Cos.Size(-1), d = x.Size(-1);
        Tensor cos = rotation.Cos.Unsqueeze(1), sin = rotation.Sin.Unsqueeze(1);
        if (adjacent)
        {
            var pairs = x.Narrow(-1, 0, 2 * half).Reshape(x.Size(0), x.Size(1), x.Size(2), half, 2);
            (cos, sin) = (cos.Unsqueeze(-1), sin.Unsqueeze(-1));
            Tensor even = pairs.Narrow(-1, 0, 1), odd = pairs.Narrow(-1, 1, 1);
            var turned = Tensor.Cat([even * cos - odd * sin, odd * cos + even * sin], -1).Reshape(x.Size(0), x.Size(1), x.Size(2), 2 * half);
            return 2 * half == d ? turned : Tensor.Cat([turned, x.Narrow(-1, 2 * half, d - 2 * half)], -1);
        }
        Tensor low = x.Narrow(-1, 0, half), high = x.Narrow(-1, half, half);
        Tensor[] parts = [low * cos - high * sin, high * cos + low * sin];
        return Tensor.Cat(2 * half == d ? parts : [.. parts, x.Narrow(-1, 2 * half, d - 2 * half)], -1);
    }
}
