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
        var dtype = ResultType(a, b);
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

    /// <summary>-1, 0 or 1; NaN of NaN.</summary>
    public Tensor Sign() => (this > 0).Where(1, (this < 0).Where(-1, 0)).To(DType);

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
    public Tensor FloorDivide(Tensor other) =>
        ResultType(this, other).IsFloat ? (this / other).Floor() : Binary(Op.IDiv, this, other);

    /// <summary>Rounded towards 0.</summary>
    public Tensor Trunc() => DType.IsFloat ? new(Build.Unary(Op.Trunc, Node)) : this;

    /// <summary>The greatest whole number not above x.</summary>
    public Tensor Floor()
    {
        var whole = Trunc();
        return DType.IsFloat ? (this < whole).Where(whole - 1, whole) : this;
    }

    public Tensor IsNan() => DType.IsFloat ? Ne(this) : ZerosLike(this).To(DType.Bool);

    public Tensor IsInf() => DType.IsFloat ? Abs().Eq(double.PositiveInfinity) : ZerosLike(this).To(DType.Bool);

    public Tensor IsFinite() => DType.IsFloat ? Abs() < double.PositiveInfinity : OnesLike(this).To(DType.Bool);
}
