namespace Ingot.Onnx.Operators;

/// <summary>Arithmetic of two or more tensors, which broadcast.</summary>
static class ArithmeticOperators
{
    [OnnxOperator("Add")]
    static Tensor Add(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a + b;
    }

    [OnnxOperator("Sub")]
    static Tensor Sub(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a - b;
    }

    [OnnxOperator("Mul")]
    static Tensor Mul(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a * b;
    }

    /// <summary>Of integers, the quotient rounded towards 0.</summary>
    [OnnxOperator("Div")]
    static Tensor Div(OperatorCall c)
    {
        var (a, b) = c.Pair();
        if (a.DType.IsFloat) return a / b;
        if (a.DType == DType.U64) return QuotientOfUnsigned(a, b);
        var floor = a.FloorDivide(b);
        if (a.DType.IsUnsigned) return floor;
        var isBelow = (floor < 0) & (floor * b).Ne(a);
        return isBelow.Where(floor + 1, floor).To(a.DType);
    }

    /// <summary>a / b in 64 unsigned bits from signed division: half of a is never negative, and twice its quotient is at most one too little.</summary>
    static Tensor QuotientOfUnsigned(Tensor a, Tensor b)
    {
        var half = (a >> Tensor.Ones([], DType.U64)).To(DType.I64);
        var isHuge = b.To(DType.I64) < 0; // 2^63 and above go into a once or not at all
        var divisor = isHuge.Where(Tensor.Ones([], DType.I64), b.To(DType.I64));
        var near = half.FloorDivide(divisor).To(DType.U64) * Tensor.Full([], 2L, DType.U64);
        var quotient = (a - near * b >= b).Where(near + Tensor.Ones([], DType.U64), near);
        return isHuge.Where((a >= b).To(DType.U64), quotient).To(DType.U64);
    }

    /// <summary>The remainder with the divisor's sign, or with fmod = 1 the dividend's.</summary>
    [OnnxOperator("Mod", Since = 10)]
    static Tensor Mod(OperatorCall c)
    {
        var (a, b) = c.Pair();
        if (a.DType == DType.U64) return a - QuotientOfUnsigned(a, b) * b;
        if (!c.Flag("fmod")) return a.Remainder(b).To(a.DType);
        return (a.DType.IsFloat ? a.Widely(x => x.Fmod(b.To(x.DType))) : a.Fmod(b)).To(a.DType);
    }

    /// <summary>The result has the base's type, whatever the exponent's is.</summary>
    [OnnxOperator("Pow")]
    static Tensor Pow(OperatorCall c)
    {
        var (x, y) = c.Pair();
        // A known exponent gives products and roots, which fuse, instead of the general power.
        if (x.DType.IsFloat && c.IsKnownScalar(1) && y.Rank <= x.Rank) return x.Pow(c.ScalarOf<double>(1));
        if (x.DType.IsFloat) return x.Pow(y.To(x.DType));
        if (!y.DType.IsFloat) return x.Pow(y.To(x.DType));
        var (real, exponent) = (x.To(DType.F64), y.To(DType.F64));
        var power = real.Pow(exponent);
        return ((exponent >= 0) & exponent.Trunc().Eq(exponent)).Where(power.Round(), power).To(x.DType); // by logarithms 9^3 is a little less than 729
    }

    [OnnxOperator("Sum")]
    static Tensor Sum(OperatorCall c) => c.Tensors().Aggregate((a, b) => a + b);

    [OnnxOperator("Mean")]
    static Tensor Mean(OperatorCall c)
    {
        var all = c.Tensors();
        return (all.Select(x => x.DType == DType.F64 ? x : x.To(DType.F32)).Aggregate((a, b) => a + b) / all.Length).To(all[0].DType);
    }

    [OnnxOperator("Max")]
    static Tensor Max(OperatorCall c) => c.Tensors().Aggregate((a, b) => a.Maximum(b));

    [OnnxOperator("Min")]
    static Tensor Min(OperatorCall c) => c.Tensors().Aggregate((a, b) => a.Minimum(b));

    // ---- comparison and logic ----

    [OnnxOperator("Equal")]
    static Tensor Equal(OperatorCall c)
    {
        if (c.TypeOf(0) == OnnxDType.String) return EqualStrings(c.Strings(0), c.Strings(1));
        var (a, b) = c.Pair();
        return a.Eq(b);
    }

    /// <summary>Strings are compared by numbers that are equal where they are.</summary>
    static Tensor EqualStrings(StringTensor a, StringTensor b)
    {
        var numbers = new Dictionary<string, long>();
        return Numbered(a).Eq(Numbered(b));

        Tensor Numbered(StringTensor s)
        {
            long[] values = [.. s.Values.Select(v => numbers.TryGetValue(v, out long n) ? n : numbers[v] = numbers.Count)];
            return Tensor.From(values, [values.Length]).Reshape(s.Shape);
        }
    }

    [OnnxOperator("Less")]
    static Tensor Less(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a < b;
    }

    [OnnxOperator("LessOrEqual", Since = 12)]
    static Tensor LessOrEqual(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a <= b;
    }

    [OnnxOperator("Greater")]
    static Tensor Greater(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a > b;
    }

    [OnnxOperator("GreaterOrEqual", Since = 12)]
    static Tensor GreaterOrEqual(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a >= b;
    }

    [OnnxOperator("And")]
    [OnnxOperator("BitwiseAnd", Since = 18)]
    static Tensor And(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a & b;
    }

    [OnnxOperator("Or")]
    [OnnxOperator("BitwiseOr", Since = 18)]
    static Tensor Or(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a | b;
    }

    [OnnxOperator("Xor")]
    [OnnxOperator("BitwiseXor", Since = 18)]
    static Tensor Xor(OperatorCall c)
    {
        var (a, b) = c.Pair();
        return a ^ b;
    }

    [OnnxOperator("Not")]
    [OnnxOperator("BitwiseNot", Since = 18)]
    static Tensor Not(OperatorCall c) => ~c.Tensor(0);

    /// <summary>Bits moved out are lost; a move by the width or more leaves 0.</summary>
    [OnnxOperator("BitShift", Since = 11)]
    static Tensor BitShift(OperatorCall c)
    {
        var (x, count) = c.Pair();
        var moved = c.Text("direction", "") switch
        {
            "LEFT" => x << count,
            "RIGHT" => x >> count,
            var other => throw c.Bad($"direction must be LEFT or RIGHT, not '{other}'"),
        };
        return (count < Tensor.Full([], 8L * x.DType.Size, x.DType)).Where(moved, Tensor.Zeros([], x.DType)).To(x.DType);
    }

    [OnnxOperator("Where", Since = 9)]
    static OnnxValue Where(OperatorCall c)
    {
        var condition = c.Tensor(0);
        return OnnxValue.Move([c.Input(1), c.Input(2)], t => condition.Where(t[0], t[1]).To(t[0].DType));
    }
}
