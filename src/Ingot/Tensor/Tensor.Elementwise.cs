using Ingot.Graph;

namespace Ingot;

/// <summary>Elementwise selection, arithmetic, rounding, comparison and logic.</summary>
public sealed partial class Tensor
{
    /// <summary>this ? a : b, elementwise; this is a bool tensor. The branch not taken gives no gradient.</summary>
    /// <exception cref="DTypeException">This tensor is not bool.</exception>
    public Tensor Where(Tensor a, Tensor b)
    {
        if (DType != DType.Bool) throw new DTypeException($"Where is a method of a bool condition, this tensor is {DType.Name}; use x.Ne(0).Where(a, b)");
        var dtype = a.IsNumber && b.IsNumber && ResultType(a, b) == DType.F64 ? DType.F32 : ResultType(a, b); // C#'s double literals are Python's floats
        var shape = Shape.Broadcast(Shape, Shape.Broadcast(a.Shape, b.Shape));
        return new(Build.Where(Spread(Node, shape), Spread(a.As(dtype), shape), Spread(b.As(dtype), shape)));
    }

    /// <summary>The greater of two; NaN if either is. Equal operands share the gradient.</summary>
    public Tensor Maximum(Tensor other) => Binary(ResultType(this, other) == DType.Bool ? Op.Or : Op.Max, this, other);

    /// <summary>The lesser of two; NaN if either is. Equal operands share the gradient.</summary>
    public Tensor Minimum(Tensor other)
    {
        var (a, b) = Meet(this, other);
        if (a.DType == DType.Bool) return new(Build.Binary(Op.And, a, b));
        return new(a.DType.IsFloat ? Negated(Build.Binary(Op.Max, Negated(a), Negated(b))) : Build.Where(Build.Binary(Op.CmpLt, a, b), a, b));
    }

    /// <summary>The absolute value; its gradient at 0 is 0, as equal operands of a maximum share theirs.</summary>
    public Tensor Abs() => DType.IsUnsigned ? this : new(Build.Binary(Op.Max, Node, Negated(Node)));

    /// <summary>-1, 0 or 1, in this dtype; 0 of NaN, as in PyTorch.</summary>
    public Tensor Sign() => new((this > 0).Where(OnesLike(this), DType.IsUnsigned ? ZerosLike(this) : (this < 0).Where(FullLike(this, -1), ZerosLike(this))).Node);

    public Tensor Square() => this * this;

    /// <summary>Square root; NaN of negative numbers.</summary>
    public Tensor Sqrt() => Precisely(x => new(Build.Unary(Op.Sqrt, x.Node)));

    /// <summary>1 / x.</summary>
    public Tensor Reciprocal() => Precisely(x => new(Build.Unary(Op.Recip, x.Node)));

    /// <summary>1 / sqrt(x).</summary>
    public Tensor Rsqrt() => Precisely(x => x.Sqrt().Reciprocal());

    /// <summary>The remainder with the sign of the divisor (Python's %, not C#'s); of an integer division by 0, 0.</summary>
    public Tensor Remainder(Tensor other) => Binary(Op.Mod, this, other);

    /// <summary>The quotient rounded towards minus infinity, in the operands' own dtype; of integers by 0, 0.</summary>
    public Tensor FloorDivide(Tensor other)
    {
        if (!ResultType(this, other).IsFloat) return Binary(Op.IDiv, this, other);
        // The quotient may round up to a whole number, which its floor must not become (1 / 0.1): what the remainder leaves divides exactly.
        var (a, b) = (WithoutGradient(), other.WithoutGradient());
        var rest = a.Fmod(b);
        var quotient = (a - rest) / b;
        var whole = (rest.Ne(0) & ((rest < 0) ^ (b < 0))).Where(quotient - 1, quotient).Round();
        return b.Eq(0).Where(a / b, whole);
    }

    /// <summary>Rounded towards 0.</summary>
    public Tensor Trunc() => DType.IsFloat ? new(Build.Unary(Op.Trunc, Node)) : this;

    /// <summary>The greatest whole number not above x.</summary>
    public Tensor Floor()
    {
        if (!DType.IsFloat) return this;
        var whole = Trunc();
        return (this < whole).Where(whole - 1, whole);
    }

    /// <summary>The least whole number not below x.</summary>
    public Tensor Ceil()
    {
        if (!DType.IsFloat) return this;
        var whole = Trunc();
        return (whole < this).Where(whole + 1, whole);
    }

    /// <summary>The nearest whole number; halves go to the even one.</summary>
    public Tensor Round()
    {
        if (!DType.IsFloat) return this;
        var whole = Trunc();
        var past = (this - whole).Abs(); // exact
        var isOdd = (whole * 0.5).Trunc().Ne(whole * 0.5);
        return ((past > 0.5) | (past.Eq(0.5) & isOdd)).Where(whole + WithoutGradient().Sign(), whole);
    }

    /// <summary>Rounded to a number of decimal places.</summary>
    public Tensor Round(int decimals) => Precisely(x => (x * Math.Pow(10, decimals)).Round() / Math.Pow(10, decimals));

    /// <summary>What <see cref="Trunc"/> cuts off; has the sign of x.</summary>
    public Tensor Frac() => this - Trunc();

    /// <summary>The remainder with the sign of the dividend (C#'s %); of an integer division by 0, 0.</summary>
    public Tensor Fmod(Tensor other)
    {
        var (a, b) = Meet(this, other);
        var (x, y) = (new Tensor(a), new Tensor(b));
        var rest = x.Abs().Remainder(y.Abs());
        return x.DType.IsUnsigned ? rest : x.SignBit().Where(-rest, rest);
    }

    /// <summary>Is the number negative, -0 included?</summary>
    internal Tensor SignBit()
    {
        if (!DType.IsFloat) return this < 0;
        var bits = DType.Size switch { 2 => DType.I16, 4 => DType.I32, _ => DType.I64 };
        return new Tensor(Build.Bitcast(Build.Detach(Node), bits)) < 0;
    }

    /// <summary>x limited to min..max, either of which may be null. NaN stays. The gradient passes at the limits themselves.</summary>
    public Tensor Clamp(Tensor? min = null, Tensor? max = null)
    {
        var x = this;
        if (min is not null) x = (x < min).Where(min, x);
        if (max is not null) x = (x > max).Where(max, x);
        return x;
    }

    /// <summary>this + weight * (end - this), exact at weight 0 and 1.</summary>
    public Tensor Lerp(Tensor end, Tensor weight) => (weight.Abs() < 0.5).Where(this + weight * (end - this), end - (end - this) * (1 - weight));

    // ---- comparison ----

    public Tensor IsNan() => DType.IsFloat ? Ne(this) : ZerosLike(this).To(DType.Bool);

    public Tensor IsInf() => DType.IsFloat ? Abs().Eq(double.PositiveInfinity) : ZerosLike(this).To(DType.Bool);

    public Tensor IsFinite() => DType.IsFloat ? Abs() < double.PositiveInfinity : OnesLike(this).To(DType.Bool);

    /// <summary>One bool: the same shape, and no element further from the other's than absolute + relative * |other|.</summary>
    public bool AllClose(Tensor other, double relative = 1e-5, double absolute = 1e-8) => IsClose(other, relative, absolute).All().Item<bool>();

    /// <summary>Is an element no further from the other's than absolute + relative * |other|? Equal infinities are close, NaN is not.</summary>
    public Tensor IsClose(Tensor other, double relative = 1e-5, double absolute = 1e-8)
    {
        var near = (this - other).Abs() <= absolute + relative * other.Abs();
        return Eq(other) | (near & IsFinite() & other.IsFinite());
    }

    // ---- logic, on truth values: anything but 0 is true ----

    public Tensor LogicalAnd(Tensor other) => ToMask() & other.ToMask();

    public Tensor LogicalOr(Tensor other) => ToMask() | other.ToMask();

    public Tensor LogicalXor(Tensor other) => ToMask() ^ other.ToMask();

    public Tensor LogicalNot() => ~ToMask();

    // ---- bits of integers ----

    public Tensor BitwiseAnd(Tensor other) => this & other;

    public Tensor BitwiseOr(Tensor other) => this | other;

    public Tensor BitwiseXor(Tensor other) => this ^ other;

    public Tensor BitwiseNot() => ~this;

    /// <summary>Bits moved up; the count is from 0 to the dtype's bits - 1.</summary>
    public static Tensor operator <<(Tensor x, Tensor count) => Bitwise(Op.Shl, x, count, "<<");

    /// <summary>Bits moved down, keeping the sign; the count is from 0 to the dtype's bits - 1.</summary>
    public static Tensor operator >>(Tensor x, Tensor count) => Bitwise(Op.Shr, x, count, ">>");
}
