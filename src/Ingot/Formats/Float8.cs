namespace Ingot.Formats;

/// <summary>The two 8-bit floats of the OCP specification (Micikevicius et al. 2022, "FP8 formats for deep learning"), decoded by table.</summary>
static class Float8
{
    /// <summary>The float32 value of each byte. E4M3 (4 exponent bits) has no infinity and one NaN a sign; E5M2 is IEEE-like.</summary>
    public static float[] Table(int exponentBits)
    {
        int fractionBits = 7 - exponentBits, bias = (1 << (exponentBits - 1)) - 1, top = (1 << exponentBits) - 1;
        var table = new float[256];
        for (int b = 0; b < 256; b++)
        {
            int exponent = (b >> fractionBits) & top, fraction = b & ((1 << fractionBits) - 1);
            float scale = 1f / (1 << fractionBits);
            float magnitude = exponent == top && exponentBits == 5 ? (fraction == 0 ? float.PositiveInfinity : float.NaN)
                : exponent == top && fraction == (1 << fractionBits) - 1 ? float.NaN
                : exponent == 0 ? fraction * scale * MathF.Pow(2, 1 - bias)
                : (1 + fraction * scale) * MathF.Pow(2, exponent - bias);
            table[b] = b >= 128 ? -magnitude : magnitude;
        }
        return table;
    }
}
