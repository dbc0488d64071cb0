using Ingot.Graph;

namespace Ingot;

/// <summary>C#'s operators: arithmetic, comparison, logic.</summary>
public sealed partial class Tensor
{
    /// <summary>Elementwise sum; of bools, their disjunction.</summary>
    public static Tensor operator +(Tensor a, Tensor b) => Binary(ResultType(a, b) == DType.Bool ? Op.Or : Op.Add, a, b);

    /// <summary>Elementwise difference.</summary>
    /// <exception cref="DTypeException">Both are bool: use ^ or LogicalNot.</exception>
    public static Tensor operator -(Tensor a, Tensor b)
    {
        var (x, y) = Meet(a, b);
        if (x.DType == DType.Bool) throw new DTypeException("bool - bool has no meaning; use a ^ b, or a.LogicalNot()");
        return new(Build.Binary(Op.Add, x, Negated(y)));
    }

    /// <summary>Elementwise product; of bools, their conjunction.</summary>
    public static Tensor operator *(Tensor a, Tensor b) => Binary(ResultType(a, b) == DType.Bool ? Op.And : Op.Mul, a, b);

    /// <summary>True division: integers give float32. <see cref="FloorDivide"/> stays with integers.</summary>
    public static Tensor operator /(Tensor a, Tensor b) => Binary(Op.Div, a, b, ResultType(a, b) is { IsFloat: true } f ? f : DType.F32);

    /// <summary>The remainder with the divisor's sign, as in Python (not C#'s): see <see cref="Remainder"/>.</summary>
    public static Tensor operator %(Tensor a, Tensor b) => a.Remainder(b);

    /// <exception cref="DTypeException">The tensor is bool.</exception>
    public static Tensor operator -(Tensor x) =>
        x.DType == DType.Bool ? throw new DTypeException("-bool has no meaning; use LogicalNot()") : new(Negated(x.Node));

    public static Tensor operator +(Tensor x) => x;

    static Node Negated(Node n) => n switch
    {
        { Op: Op.Const, Arg: HostArg } => Build.Unary(Op.Neg, n),
        { Op: Op.Const, DType.IsFloat: true } => Build.Const(n.DType, n.Shape, -n.Const!.Value),
        { Op: Op.Const } => Build.Const(n.DType, n.Shape, unchecked(-n.IntConst!.Value)),
        _ => Build.Unary(Op.Neg, n),
    };

    public static Tensor operator <(Tensor a, Tensor b) => Binary(Op.CmpLt, a, b);

    public static Tensor operator >(Tensor a, Tensor b) => Binary(Op.CmpLt, b, a);

    public static Tensor operator <=(Tensor a, Tensor b) => b >= a;

    public static Tensor operator >=(Tensor a, Tensor b)
    {
        var (x, y) = Meet(a, b);
        var less = Build.Binary(Op.CmpLt, x, y);
        if (!x.DType.IsFloat) return new(Not(less));
        return new(Build.Binary(Op.Or, Build.Binary(Op.CmpLt, y, x), Not(Build.Binary(Op.CmpNe, x, y)))); // not "not less": NaN is neither
    }

    /// <summary>Elementwise equality (== stays reference equality). NaN equals nothing.</summary>
    public Tensor Eq(Tensor other) => new(Not(Ne(other).Node));

    /// <summary>Elementwise inequality.</summary>
    public Tensor Ne(Tensor other) => Binary(Op.CmpNe, this, other);

    static Node Not(Node condition) => Build.Binary(Op.Xor, condition, Build.Const(DType.Bool, condition.Shape, 1L));

    public static Tensor operator &(Tensor a, Tensor b) => Bitwise(Op.And, a, b, "&");

    public static Tensor operator |(Tensor a, Tensor b) => Bitwise(Op.Or, a, b, "|");

    public static Tensor operator ^(Tensor a, Tensor b) => Bitwise(Op.Xor, a, b, "^");

    /// <summary>Flips every bit; of a bool, its negation.</summary>
    public static Tensor operator ~(Tensor x)
    {
        x.RequireInteger("~");
        return new(x.DType == DType.Bool ? Not(x.Node) : Build.Binary(Op.Xor, x.Node, Build.Const(x.DType, x.Shape, -1L)));
    }

    static Tensor Bitwise(Op op, Tensor a, Tensor b, string name)
    {
        a.RequireInteger(name);
        b.RequireInteger(name);
        return Binary(op, a, b);
    }
}
