using System.Globalization;
using Ingot.Graph;

namespace Ingot.Onnx.Operators;

/// <summary>From any element type to any other.</summary>
static class CastOperators
{
    [OnnxOperator("Cast")]
    static OnnxValue Cast(OperatorCall c)
    {
        // Opset 1 names the type.
        var to = c.Opset < 6 && c.OptionalName("to") is { } name ? Enum.Parse<OnnxDType>(name, ignoreCase: true) : c.DType("to", OnnxDType.Undefined);
        return Convert(c, c.Input(0), to);
    }

    [OnnxOperator("CastLike", Since = 15)]
    static OnnxValue CastLike(OperatorCall c) => Convert(c, c.Input(0), c.TypeOf(1));

    static OnnxValue Convert(OperatorCall c, OnnxValue value, OnnxDType to) => value switch
    {
        StringTensor s => to == OnnxDType.String ? s : Parse(c, s, to),
        OnnxTensor t when to == OnnxDType.String => Print(t, c.Read<double>(Widened(t))),
        OnnxTensor t => Convert(t, to, c.Flag("saturate", true), c.Text("round_mode", "up")),
        _ => throw c.Bad($"cannot cast {value.Describe()}"),
    };

    static OnnxTensor Widened(OnnxTensor t) => new(Numbers(t).To(DType.F64)) { IsKnown = t.IsKnown };

    /// <summary>The values of a tensor of any element type in one that Ingot computes in.</summary>
    public static Tensor Numbers(OnnxTensor t) => t.DType.IsComplex ? throw new DTypeException($"there is no arithmetic in {t.DType}")
        : t.DType.IsSmallFloat ? Tensor.Custom(SmallFloatKernels.Decoder(t.DType), t.Shape, DType.F32, t.Storage) : t.Storage;

    /// <summary>A tensor as another element type.</summary>
    /// <param name="t">Any type but complex.</param>
    /// <param name="to">The new type.</param>
    /// <param name="saturate">To 8-bit floats: what is too large becomes the largest value.</param>
    /// <param name="mode">To float8e8m0: which power of two.</param>
    public static OnnxTensor Convert(OnnxTensor t, OnnxDType to, bool saturate = true, string mode = "up")
    {
        if (t.DType == to) return t;
        var x = Numbers(t);
        if (to.IsSmallFloat) return new(Tensor.Custom(SmallFloatKernels.Encoder(to, saturate, mode), x.Shape, DType.U8, x.To(DType.F32)), to);
        if (to.IsSmallInteger)
        {
            // Whole part, of which the low bits stay.
            int bits = to.Bits;
            var low = x.To(DType.I32) & (1 << bits) - 1;
            bool isSigned = to is OnnxDType.Int4 or OnnxDType.Int2;
            return new((isSigned ? (low >= 1 << (bits - 1)).Where(low - (1 << bits), low) : low).To(to.Storage), to);
        }
        if (x.DType.IsFloat && to.Storage is DType.U8 or DType.I8 or DType.U16 or DType.I16) return new(x.To(DType.I32).To(to.Storage), to);
        return new(x.To(to.Storage), to);
    }

    static StringTensor Print(OnnxTensor t, double[] values)
    {
        Func<double, string> print = t.DType switch
        {
            OnnxDType.Bool => v => v != 0 ? "True" : "False",
            OnnxDType.Int64 or OnnxDType.UInt64 => null!,
            _ when !t.DType.IsSmallFloat && !t.Storage.DType.IsFloat => v => v.ToString("F0", CultureInfo.InvariantCulture),
            OnnxDType.Double => v => Decimal(v, v.ToString("R", CultureInfo.InvariantCulture)),
            OnnxDType.Float16 => v => Decimal(v, ((Half)v).ToString("R", CultureInfo.InvariantCulture)),
            _ => v => Decimal(v, ((float)v).ToString("R", CultureInfo.InvariantCulture)),
        };
        if (print is not null) return new(Array.ConvertAll(values, v => print(v)), t.Shape);
        return t.DType == OnnxDType.Int64 ? new(Array.ConvertAll(t.Storage.ToArray<long>(), v => v.ToString(CultureInfo.InvariantCulture)), t.Shape)
            : new(Array.ConvertAll(t.Storage.ToArray<ulong>(), v => v.ToString(CultureInfo.InvariantCulture)), t.Shape);
    }

    /// <summary>As NumPy prints: a point in every plain number, exponents as e-05.</summary>
    static string Decimal(double value, string shortest)
    {
        if (double.IsNaN(value)) return "NaN";
        if (double.IsInfinity(value)) return value > 0 ? "INF" : "-INF";
        int e = shortest.IndexOf('E', StringComparison.Ordinal);
        if (e < 0) return shortest.Contains('.', StringComparison.Ordinal) ? shortest : shortest + ".0";
        int exponent = int.Parse(shortest[(e + 1)..], CultureInfo.InvariantCulture);
        if (exponent is >= -4 and < 16) return value.ToString("0.0###################", CultureInfo.InvariantCulture);
        return $"{shortest[..e]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    static OnnxTensor Parse(OperatorCall c, StringTensor s, OnnxDType to)
    {
        int count = s.Values.Count;
        if (to.IsNative && to is OnnxDType.Int64 or OnnxDType.UInt64)
            return new(Tensor.From(s.Values.Select(v => decimal.TryParse(v.Trim(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var n) ? (long)(n > long.MaxValue ? unchecked((long)(ulong)n) : n) : (long)Number(v)).ToArray(), [count]).Reshape(s.Shape).To(to.Storage), to);
        var numbers = Tensor.From(s.Values.Select(Number).ToArray(), [count]).Reshape(s.Shape);
        return to == OnnxDType.Bool ? new(numbers.Ne(0), to) : Convert(new OnnxTensor(numbers), to);

        double Number(string text) => text.Trim().ToLowerInvariant() switch
        {
            "nan" or "+nan" or "-nan" => double.NaN,
            "inf" or "+inf" or "infinity" or "+infinity" => double.PositiveInfinity,
            "-inf" or "-infinity" => double.NegativeInfinity,
            "true" => 1,
            "false" => 0,
            var t => double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out double d) ? d : throw c.Bad($"'{text}' is not a number"),
        };
    }

    [OnnxOperator("BitCast", Since = 26)]
    static OnnxValue BitCast(OperatorCall c)
    {
        var x = c.Numbers(0);
        var to = c.DType("to", OnnxDType.Undefined);
        if (to is OnnxDType.Undefined or OnnxDType.String || to.IsComplex || x.DType.IsComplex || to.Bits != x.DType.Bits) throw c.Bad($"cannot read the bits of {x.DType} as {to}: they are not of one size");
        if (to == x.DType) return x;
        // Vectors hold truth as a mask of ones: its byte is a number's, 0 or 1, and any byte but 0 is true.
        if (to == OnnxDType.Bool || x.DType == OnnxDType.Bool) return new OnnxTensor(x.Storage.To(DType.U8).To(to.Storage), to);
        if (to.Bits >= 8) return new OnnxTensor(new Tensor(Build.Bitcast(x.Storage.Node, to.Storage)), to);
        // Below a byte: the pattern from the value, and back.
        int mask = (1 << to.Bits) - 1;
        var pattern = x.Storage.To(DType.I32) & mask;
        bool isSigned = to is OnnxDType.Int4 or OnnxDType.Int2;
        return new OnnxTensor((isSigned ? (pattern >= 1 << (to.Bits - 1)).Where(pattern - (1 << to.Bits), pattern) : pattern).To(to.Storage), to);
    }
}
