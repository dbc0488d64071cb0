namespace Ingot.Formats.Quantization;

/// <summary>
/// Finds the integers of a super-block of 256 values: levels, and the scales (and minima) of its parts, which are integers themselves, in units that
/// the block keeps as 16-bit floats. Least squares throughout: what is minimised is the sum of squared differences after decoding.
/// </summary>
static class SuperBlockSearch
{
    const int Values = 256;

    /// <summary>value = unit * scale * level, levels from <paramref name="low"/> to -low - 1.</summary>
    /// <param name="values">256 finite values.</param>
    /// <param name="width">Values in a part.</param>
    /// <param name="low">The least level, such as -4.</param>
    /// <param name="lowScale">The least scale, such as -32; the largest is -lowScale - 1.</param>
    /// <param name="scales">A scale a part.</param>
    /// <param name="levels">A level a value.</param>
    /// <param name="unit">Where the unit is written.</param>
    public static void Symmetric(ReadOnlySpan<float> values, int width, int low, int lowScale, Span<sbyte> scales, Span<sbyte> levels, Span<byte> unit)
    {
        Span<float> best = stackalloc float[Values / width];
        for (int i = 0; i < best.Length; i++) best[i] = BestScale(values.Slice(i * width, width), low);
        // The largest takes the level without a counterpart: a step more of resolution for the others.
        float u = HalfScale.Round(unit, SmallBlocks.Largest(best) / lowScale);
        double error = Choose(values, width, low, lowScale, best, u, scales, levels);

        // Now that the integers are known, least squares has a better unit, often enough; with it they are chosen once more.
        double xs = 0, ss = 0;
        for (int i = 0; i < Values; i++)
        {
            double s = scales[i / width] * levels[i];
            xs += values[i] * s;
            ss += s * s;
        }
        Span<byte> refitted = stackalloc byte[2];
        float again = ss > 0 ? HalfScale.Round(refitted, (float)(xs / ss)) : u;
        if (again == u || !float.IsFinite(again)) return;
        Span<sbyte> otherScales = stackalloc sbyte[scales.Length], otherLevels = stackalloc sbyte[Values];
        if (Choose(values, width, low, lowScale, best, again, otherScales, otherLevels) >= error) return;
        otherScales.CopyTo(scales);
        otherLevels.CopyTo(levels);
        refitted.CopyTo(unit);
    }

    /// <summary>Scales and levels for a unit; returns the squared error.</summary>
    static double Choose(ReadOnlySpan<float> values, int width, int low, int lowScale, ReadOnlySpan<float> best, float unit, Span<sbyte> scales, Span<sbyte> levels)
    {
        float inverse = HalfScale.Inverse(unit);
        double sum = 0;
        for (int i = 0; i < best.Length; i++)
        {
            var part = values.Slice(i * width, width);
            int guess = (int)MathF.Round(best[i] * inverse), chosen = 0;
            double least = double.PositiveInfinity;
            for (int s = guess - 1; s <= guess + 1; s++)
            {
                int scale = Math.Clamp(s, lowScale, -lowScale - 1);
                double error = Error(part, unit * scale, low);
                if (error < least) (least, chosen) = (error, scale);
            }
            scales[i] = (sbyte)chosen;
            float perStep = HalfScale.Inverse(unit * chosen);
            for (int j = 0; j < width; j++) levels[i * width + j] = (sbyte)Nearest(part[j] * perStep, low, -low - 1);
            sum += least;
        }
        return sum;
    }

    /// <summary>value = unit * scale * level - minimumUnit * minimum, levels from 0 to <paramref name="top"/>.</summary>
    /// <param name="values">256 finite values.</param>
    /// <param name="width">Values in a part.</param>
    /// <param name="top">The largest level.</param>
    /// <param name="topScale">The largest scale and minimum; the least are 0.</param>
    /// <param name="scales">A scale a part.</param>
    /// <param name="minima">A minimum a part.</param>
    /// <param name="levels">A level a value.</param>
    /// <param name="units">Where unit and minimumUnit are written, one after the other.</param>
    public static void Affine(ReadOnlySpan<float> values, int width, int top, int topScale, Span<byte> scales, Span<byte> minima, Span<byte> levels, Span<byte> units)
    {
        int parts = Values / width;
        Span<float> bestScale = stackalloc float[parts], bestMinimum = stackalloc float[parts];
        float largestScale = 0, largestMinimum = 0;
        for (int i = 0; i < parts; i++)
        {
            (bestScale[i], bestMinimum[i]) = BestLine(values.Slice(i * width, width), top);
            largestScale = MathF.Max(largestScale, bestScale[i]);
            largestMinimum = MathF.Max(largestMinimum, bestMinimum[i]);
        }
        float unit = HalfScale.Round(units, largestScale / topScale), minimumUnit = HalfScale.Round(units[2..], largestMinimum / topScale);
        double least = Choose(values, width, top, topScale, bestScale, bestMinimum, unit, minimumUnit, scales, minima, levels);

        // As above, for both units: the line x = unit * a - minimumUnit * b through a = scale * level and b = minimum.
        double aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;
        for (int i = 0; i < Values; i++)
        {
            double a = scales[i / width] * levels[i], b = -minima[i / width];
            (aa, ab, bb, xa, xb) = (aa + a * a, ab + a * b, bb + b * b, xa + values[i] * a, xb + values[i] * b);
        }
        if (aa == 0) return;
        double determinant = aa * bb - ab * ab;
        Span<byte> refitted = stackalloc byte[4], otherScales = stackalloc byte[parts], otherMinima = stackalloc byte[parts], otherLevels = stackalloc byte[Values];
        for (int both = 0; both <= (determinant > 0 ? 1 : 0); both++) // without minima first: beside an outlier, they are best given up
        {
            float again = HalfScale.Round(refitted, (float)(both == 0 ? xa / aa : (xa * bb - xb * ab) / determinant));
            float minimumAgain = HalfScale.Round(refitted[2..], both == 0 ? minimumUnit : (float)((xb * aa - xa * ab) / determinant));
            if ((again == unit && minimumAgain == minimumUnit) || !(again > 0 && minimumAgain >= 0) || !float.IsFinite(again + minimumAgain)) continue;
            double error = Choose(values, width, top, topScale, bestScale, bestMinimum, again, minimumAgain, otherScales, otherMinima, otherLevels);
            if (error >= least) continue;
            least = error;
            otherScales.CopyTo(scales);
            otherMinima.CopyTo(minima);
            otherLevels.CopyTo(levels);
            refitted.CopyTo(units);
        }
    }

    /// <summary>Scales, minima and levels for the units; returns the squared error.</summary>
    static double Choose(ReadOnlySpan<float> values, int width, int top, int topScale, ReadOnlySpan<float> bestScale, ReadOnlySpan<float> bestMinimum, float unit, float minimumUnit, Span<byte> scales, Span<byte> minima, Span<byte> levels)
    {
        float inverse = HalfScale.Inverse(unit), minimumInverse = HalfScale.Inverse(minimumUnit);
        double sum = 0;
        for (int i = 0; i < scales.Length; i++)
        {
            var part = values.Slice(i * width, width);
            int scaleGuess = (int)MathF.Round(bestScale[i] * inverse), minimumGuess = (int)MathF.Round(bestMinimum[i] * minimumInverse);
            double least = double.PositiveInfinity;
            // Rounding one of the two moves the best place of the other, so the neighbours are looked at; and no minimum at all, which is best beside an outlier.
            for (int k = -1; k <= 2; k++)
                for (int s = scaleGuess - 1; s <= scaleGuess + 1; s++)
                {
                    int scale = Math.Clamp(s, 0, topScale), minimum = k == 2 ? 0 : Math.Clamp(minimumGuess + k, 0, topScale);
                    double error = Error(part, unit * scale, minimumUnit * minimum, top);
                    if (error < least) (least, scales[i], minima[i]) = (error, (byte)scale, (byte)minimum);
                }
            float shift = minimumUnit * minima[i], perStep = HalfScale.Inverse(unit * scales[i]);
            for (int j = 0; j < width; j++) levels[i * width + j] = (byte)Nearest((part[j] + shift) * perStep, 0, top);
            sum += least;
        }
        return sum;
    }

    /// <summary>As <see cref="TableLevels.BestScale"/>, with evenly spaced levels.</summary>
    static float BestScale(ReadOnlySpan<float> values, int low)
    {
        float largest = SmallBlocks.Largest(values), best = 0;
        if (largest == 0) return 0;
        double most = 0;
        for (int sign = 1; sign >= -1; sign -= 2) // first the one that puts the largest on the level without a counterpart
            for (int step = -9; step <= 9; step++)
            {
                float inverse = sign * (low + 0.1f * step) / largest;
                float xq = 0, qq = 0;
                foreach (float v in values)
                {
                    float q = Nearest(v * inverse, low, -low - 1);
                    xq += v * q;
                    qq += q * q;
                }
                if (qq > 0 && (double)xq * xq > most * qq) (most, best) = ((double)xq * xq / qq, xq / qq);
            }
        return best;
    }

    /// <summary>Scale and minimum of least squared error: levels from different starting scales, then the line through them by least squares; minima below 0 do not exist.</summary>
    static (float Scale, float Minimum) BestLine(ReadOnlySpan<float> values, int top)
    {
        var (low, high) = SmallBlocks.Range(values);
        low = MathF.Min(low, 0);
        if (high <= low) return (0, -low);
        (float, float) best = ((high - low) / top, -low);
        double least = Error(values, (high - low) / top, -low, top);
        int n = values.Length;
        for (int step = -10; step <= 10; step++)
        {
            float inverse = (top + 0.1f * step) / (high - low), minimum = -low;
            for (int round = 0; round < 2; round++) // levels, line, and once more from there
            {
                double q1 = 0, q2 = 0, x1 = 0, xq = 0;
                foreach (float v in values)
                {
                    float q = Nearest((v + minimum) * inverse, 0, top);
                    q1 += q;
                    q2 += q * q;
                    x1 += v;
                    xq += v * q;
                }
                double determinant = n * q2 - q1 * q1;
                if (determinant <= 0) break;
                double scale = (n * xq - q1 * x1) / determinant, offset = (scale * q1 - x1) / n;
                if (offset < 0) (offset, scale) = (0, xq / q2);
                if (scale <= 0) break;
                double error = Error(values, (float)scale, (float)offset, top);
                if (error < least) (least, best) = (error, ((float)scale, (float)offset));
                (inverse, minimum) = ((float)(1 / scale), (float)offset);
            }
        }
        return best;
    }

    static double Error(ReadOnlySpan<float> values, float step, int low)
    {
        float perStep = HalfScale.Inverse(step);
        double sum = 0;
        foreach (float v in values)
        {
            double d = v - step * Nearest(v * perStep, low, -low - 1);
            sum += d * d;
        }
        return sum;
    }

    static double Error(ReadOnlySpan<float> values, float step, float shift, int top)
    {
        float perStep = HalfScale.Inverse(step);
        double sum = 0;
        foreach (float v in values)
        {
            double d = v - (step * Nearest((v + shift) * perStep, 0, top) - shift);
            sum += d * d;
        }
        return sum;
    }

    /// <summary>The nearest level, as a float: rounding stays in the vector unit's registers.</summary>
    static float Nearest(float v, int low, int high) => MathF.Min(MathF.Max(MathF.Round(v), low), high);
}
