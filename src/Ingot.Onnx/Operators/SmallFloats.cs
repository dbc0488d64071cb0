namespace Ingot.Onnx.Operators;

/// <summary>
/// Floats of 8 and 4 bits, from float32 and back. FN: no infinities; UZ: no negative zero, its pattern is the one NaN. E8M0 is a power of two without sign or zero.
/// </summary>
/// <remarks>Micikevicius et al. 2022 "FP8 formats for deep learning"; Noune et al. 2022 (UZ); OCP Microscaling Formats 1.0 (E2M1, E8M0).</remarks>
static class SmallFloats
{
    /// <summary>A layout of bits.</summary>
    /// <param name="Exponent">Exponent bits.</param>
    /// <param name="Fraction">Fraction bits.</param>
    /// <param name="Bias">What is taken from the stored exponent.</param>
    /// <param name="IsUz">One NaN at the pattern of negative zero.</param>
    /// <param name="HasInfinity">As IEEE: the highest exponent is infinity and NaN.</param>
    /// <param name="HasNan">Whether there is a NaN at all.</param>
    readonly record struct Layout(int Exponent, int Fraction, int Bias, bool IsUz, bool HasInfinity, bool HasNan);

    static Layout Of(OnnxDType type) => type switch
    {
        OnnxDType.Float8E4M3FN => new(4, 3, 7, false, false, true),
        OnnxDType.Float8E4M3FNUZ => new(4, 3, 8, true, false, true),
        OnnxDType.Float8E5M2 => new(5, 2, 15, false, true, true),
        OnnxDType.Float8E5M2FNUZ => new(5, 2, 16, true, false, true),
        OnnxDType.Float4E2M1 => new(2, 1, 1, false, false, false),
        _ => throw new DTypeException($"{type} is not an 8- or 4-bit float"),
    };

    static readonly Dictionary<OnnxDType, float[]> Tables = new OnnxDType[]
    {
        OnnxDType.Float8E4M3FN, OnnxDType.Float8E4M3FNUZ, OnnxDType.Float8E5M2, OnnxDType.Float8E5M2FNUZ, OnnxDType.Float4E2M1, OnnxDType.Float8E8M0,
    }.ToDictionary(t => t, Table);

    /// <summary>The value of every bit pattern.</summary>
    public static float[] ValuesOf(OnnxDType type) => Tables[type];

    static float[] Table(OnnxDType type)
    {
        if (type == OnnxDType.Float8E8M0) return [.. Enumerable.Range(0, 256).Select(b => b == 255 ? float.NaN : MathF.Pow(2, b - 127))];
        var layout = Of(type);
        int sign = 1 << (layout.Exponent + layout.Fraction);
        return [.. Enumerable.Range(0, 2 * sign).Select(b => Value(b))];

        float Value(int bits)
        {
            int magnitude = bits & (sign - 1), exponent = magnitude >> layout.Fraction, fraction = magnitude & ((1 << layout.Fraction) - 1), top = (1 << layout.Exponent) - 1;
            if (layout.IsUz && bits == sign) return float.NaN;
            if (layout.HasInfinity && exponent == top) return fraction != 0 ? float.NaN : bits >= sign ? float.NegativeInfinity : float.PositiveInfinity;
            if (layout is { IsUz: false, HasInfinity: false, HasNan: true } && magnitude == sign - 1) return float.NaN;
            float value = exponent == 0 ? MathF.ScaleB(fraction, 1 - layout.Bias - layout.Fraction) : MathF.ScaleB(fraction + (1 << layout.Fraction), exponent - layout.Bias - layout.Fraction);
            return bits >= sign ? -value : value;
        }
    }

    public static float[] Decode(OnnxDType type, ReadOnlySpan<byte> bits)
    {
        var table = Tables[type];
        var values = new float[bits.Length];
        for (int i = 0; i < bits.Length; i++) values[i] = table[bits[i] & (table.Length - 1)];
        return values;
    }

    /// <summary>The nearest value, ties to the even pattern.</summary>
    /// <param name="type">The type.</param>
    /// <param name="values">Float32 values.</param>
    /// <param name="saturate">What is too large becomes the largest finite value; else infinity, or NaN where there is none.</param>
    /// <param name="bits">A pattern for each.</param>
    public static void Encode(OnnxDType type, ReadOnlySpan<float> values, bool saturate, Span<byte> bits)
    {
        var layout = Of(type);
        for (int i = 0; i < values.Length; i++) bits[i] = Encode(layout, values[i], saturate);
    }

    static byte Encode(Layout layout, float value, bool saturate)
    {
        int sign = 1 << (layout.Exponent + layout.Fraction), top = (1 << layout.Exponent) - 1;
        int s = float.IsNegative(value) ? sign : 0;
        int nan = layout.IsUz ? sign : s | (sign - 1);
        if (layout.HasInfinity) nan = s | (top << layout.Fraction) | ((1 << layout.Fraction) - 1);
        // The largest finite pattern: below infinity, below the NaN, or the last of all.
        int largest = layout.HasInfinity ? (top << layout.Fraction) - 1 : layout is { IsUz: false, HasNan: true } ? sign - 2 : sign - 1;
        int beyond = layout.HasInfinity ? top << layout.Fraction | s : layout.HasNan ? nan : s | largest;
        if (float.IsNaN(value)) return (byte)(layout.HasNan ? nan : s);
        if (float.IsInfinity(value)) return (byte)(saturate ? s | largest : beyond);
        double magnitude = Math.Abs((double)value);
        int exponent = magnitude == 0 ? 1 - layout.Bias : Math.Max(Math.ILogB(magnitude), 1 - layout.Bias);
        // In units of the last place of that exponent, rounded to even; carries run into the exponent by themselves.
        double units = Math.Round(Math.ScaleB(magnitude, layout.Fraction - exponent), MidpointRounding.ToEven);
        int pattern = exponent + layout.Bias > top + 1 ? int.MaxValue : (int)units + ((exponent + layout.Bias - 1) << layout.Fraction);
        if (pattern > largest) return (byte)(saturate ? s | largest : beyond);
        return (byte)(layout.IsUz && pattern == 0 ? 0 : s | pattern);
    }

    /// <summary>E8M0: the power of two that <paramref name="mode"/> (nearest, up, down) chooses.</summary>
    public static byte EncodeE8M0(float value, bool saturate, string mode)
    {
        if (float.IsNaN(value) || value < 0) return 255;
        if (float.IsInfinity(value)) return (byte)(saturate ? 254 : 255);
        uint bits = BitConverter.SingleToUInt32Bits(value);
        int exponent = (int)(bits >> 23);
        uint fraction = bits & 0x7FFFFF;
        bool isUp = mode switch
        {
            "up" => fraction > 0,
            "down" => false,
            // Nearest: by the first bit of the fraction, ties away from zero; below the smallest normal by the value itself.
            _ => fraction >= 0x400000 && (exponent > 0 || fraction > 0x400000),
        };
        if (exponent == 0 && mode == "nearest") isUp = fraction > 0x600000 - 0x1; // between 2^-127 (fraction 0x400000) and 2^-126
        if (exponent == 0 && mode == "up") isUp = fraction > 0x400000;
        if (isUp) exponent++;
        return (byte)(exponent >= 255 ? saturate ? 254 : 255 : exponent);
    }
}
