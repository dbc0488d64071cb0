namespace Ingot.Onnx.Operators;

/// <summary>From floats to few bits and back: a scale and a zero point for all, for each index of an axis, or for each block along it.</summary>
static class Quantization
{
    /// <summary>Rounded to the nearest, ties to even, plus the zero point, held within the type's range.</summary>
    /// <param name="scaled">Floats, divided by their scale already.</param>
    /// <param name="zero">Zero point; null: 0.</param>
    /// <param name="type">An integer or an 8- or 4-bit float.</param>
    /// <param name="saturate">For 8-bit floats.</param>
    public static OnnxTensor Quantized(Tensor scaled, Tensor? zero, OnnxDType type, bool saturate)
    {
        if (type.IsSmallFloat) return CastOperators.Convert(new OnnxTensor(type == OnnxDType.Float4E2M1 && zero is not null ? scaled + zero.To(scaled.DType) : scaled), type, saturate);
        var (low, high) = Range(type);
        // NaN has no integer: 0, as the hardware's conversions of most processors give.
        var whole = scaled.IsNan().Where(Tensor.ZerosLike(scaled), scaled).Round().Clamp(-2e9, 2e9).To(DType.F64);
        if (zero is not null) whole += zero.To(DType.F64);
        return new(whole.Clamp(low, high).To(DType.I32).To(type.Storage), type);
    }

    static (double Low, double High) Range(OnnxDType type) => type switch
    {
        OnnxDType.UInt8 => (0, 255),
        OnnxDType.Int8 => (-128, 127),
        OnnxDType.UInt16 => (0, 65535),
        OnnxDType.Int16 => (-32768, 32767),
        OnnxDType.UInt4 => (0, 15),
        OnnxDType.Int4 => (-8, 7),
        OnnxDType.UInt2 => (0, 3),
        OnnxDType.Int2 => (-2, 1),
        OnnxDType.Int32 => (int.MinValue, int.MaxValue),
        _ => throw new DTypeException($"nothing is quantized to {type}"),
    };

    /// <summary>A scale or zero point in the shape that broadcasts with x.</summary>
    static Tensor Spread(OperatorCall c, Tensor t, Shape x)
    {
        if (t.Count == 1) return t.Reshape([]);
        int axis = x.Axis((int)c.Int("axis", 1)), block = (int)c.Int("block_size", 0);
        if (t.Rank == 1 && block == 0)
        {
            if (t.Shape[0] != x[axis]) throw c.Bad($"{t.Shape[0]} scales do not fit dimension {axis} of {x}");
            int[] dims = [.. Enumerable.Repeat(1, x.Rank)];
            dims[axis] = t.Shape[0];
            return t.Reshape(dims);
        }
        if (t.Rank != x.Rank) throw c.Bad($"scales {t.Shape} do not fit {x}");
        if (block <= 0) block = (x[axis] + t.Shape[axis] - 1) / t.Shape[axis];
        return t.RepeatInterleave(block, axis).Narrow(axis, 0, x[axis]);
    }

    [OnnxOperator("QuantizeLinear", Since = 10)]
    static OnnxValue QuantizeLinear(OperatorCall c)
    {
        var x = c.Tensor(0);
        var scale = CastOperators.Numbers(c.Numbers(1));
        var type = c.DType("output_dtype", OnnxDType.Undefined);
        if (c.Has(2)) type = c.TypeOf(2);
        if (type == OnnxDType.Undefined) type = OnnxDType.UInt8;
        var precision = c.DType("precision", OnnxDType.Undefined);
        var compute = precision != OnnxDType.Undefined ? precision.Storage : scale.DType.IsFloat && x.DType.IsFloat ? DTypes.Promote(x.DType, scale.DType) : DType.F32;
        var scaled = x.To(compute) / Spread(c, scale.To(compute), x.Shape);
        var zero = c.Has(2) && !type.IsSmallFloat ? Spread(c, CastOperators.Numbers(c.Numbers(2)), x.Shape) : null;
        return Quantized(scaled, zero, type, c.Flag("saturate", true));
    }

    [OnnxOperator("DequantizeLinear", Since = 10)]
    static OnnxValue DequantizeLinear(OperatorCall c)
    {
        var x = c.Numbers(0);
        var scale = CastOperators.Numbers(c.Numbers(1));
        var type = c.DType("output_dtype", OnnxDType.Undefined);
        if (type == OnnxDType.Undefined) type = c.TypeOf(1);
        var compute = type == OnnxDType.Double ? DType.F64 : DType.F32;
        var values = CastOperators.Numbers(x);
        // Integers of 32 bits lose their last ones in float32: their difference is taken before.
        if (c.Has(2) && !x.DType.IsSmallFloat)
        {
            var zero = Spread(c, CastOperators.Numbers(c.Numbers(2)), x.Shape);
            values = x.DType == OnnxDType.Int32 ? values.To(DType.I64) - zero.To(DType.I64) : values.To(DType.I32) - zero.To(DType.I32);
        }
        else if (c.Has(2)) c.Numbers(2);
        return CastOperators.Convert(new OnnxTensor(values.To(compute) * Spread(c, scale.To(compute), x.Shape)), type);
    }

    [OnnxOperator("DynamicQuantizeLinear", Since = 11)]
    static OnnxValue[] DynamicQuantizeLinear(OperatorCall c)
    {
        var x = c.Tensor(0);
        Tensor high = x.Max().Maximum(0f), low = x.Min().Minimum(0f);
        var scale = (high - low) / 255f;
        var isFlat = scale.Eq(0f);
        var divisor = isFlat.Where(Tensor.OnesLike(scale), scale); // all zeros: any scale will do
        var zero = (-low / divisor).Round().Clamp(0f, 255f);
        var y = (x / divisor).Round() + zero;
        return [y.Clamp(0f, 255f).To(DType.I32).To(DType.U8), scale, zero.To(DType.I32).To(DType.U8)];
    }
}
