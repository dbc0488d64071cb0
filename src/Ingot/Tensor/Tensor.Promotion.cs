using Ingot.Graph;

namespace Ingot;

/// <summary>How operands meet: dtype promotion and broadcasting, before a primitive is built.</summary>
public sealed partial class Tensor
{
    /// <summary>
    /// A number of the program rather than data: <c>x * 2.5</c>, <c>Tensor.Scalar(3)</c>. It takes the other operand's dtype
    /// within its kind (PyTorch's wrapped number). Zero-dimensional constants are these.
    /// </summary>
    bool IsNumber => Node.Op == Op.Const && Rank == 0;

    /// <summary>The dtype in which these tensors meet (<c>torch.result_type</c>): tensors with dimensions count first, then scalar tensors, then plain numbers; a later group only matters if it is of a higher kind.</summary>
    public static DType ResultType(params ReadOnlySpan<Tensor> tensors)
    {
        DType? dims = null, zero = null, numbers = null;
        bool onlyNumbers = true;
        foreach (var t in tensors) onlyNumbers &= t.IsNumber;
        foreach (var t in tensors)
        {
            if (onlyNumbers) Join(ref numbers, t.DType);
            // A Python number has no width: next to a tensor it is a default float, a 64-bit integer or a bool.
            else if (t.IsNumber) Join(ref numbers, t.DType.IsFloat ? DType.F32 : t.DType == DType.Bool ? DType.Bool : DType.I64);
            else if (t.Rank == 0) Join(ref zero, t.DType);
            else Join(ref dims, t.DType);
        }
        return Combine(dims, Combine(zero, numbers)) ?? throw new DTypeException("no tensors to take a common dtype of");

        static void Join(ref DType? all, DType one) => all = all is { } a ? DTypes.Promote(a, one) : one;

        static DType? Combine(DType? first, DType? second)
        {
            if (first is not { } f) return second;
            if (second is not { } s || f.IsFloat) return f;
            return f == DType.Bool || s.IsFloat ? DTypes.Promote(f, s) : f;
        }
    }

    /// <summary>This tensor's node as a dtype; a constant is made anew, so that no cast remains of it.</summary>
    Node As(DType dtype)
    {
        var n = Node;
        if (n.DType == dtype) return n;
        if (n.Op != Op.Const || dtype == DType.Bool) return Build.Cast(n, dtype);
        if (n.Arg is HostArg host) return dtype.IsFloat ? Build.Host(dtype, n.Shape, host.Source) : Build.Cast(n, dtype);
        return n.DType.IsFloat ? Build.Const(dtype, n.Shape, n.Const!.Value) : Build.Const(dtype, n.Shape, n.IntConst!.Value);
    }

    /// <summary>A node repeated to a shape it broadcasts to.</summary>
    internal static Node Spread(Node n, Shape shape)
    {
        if (n.Shape.Equals(shape)) return n;
        var dims = new int[shape.Rank];
        Array.Fill(dims, 1);
        n.Shape.Span.CopyTo(dims.AsSpan(shape.Rank - n.Shape.Rank));
        return Build.Expand(Build.Reshape(n, new Shape(dims)), shape);
    }

    /// <summary>Two operands in their common dtype (or the one given) and shape.</summary>
    internal static (Node A, Node B) Meet(Tensor a, Tensor b, DType? dtype = null)
    {
        var t = dtype ?? ResultType(a, b);
        var shape = Shape.Broadcast(a.Shape, b.Shape);
        return (Spread(a.As(t), shape), Spread(b.As(t), shape));
    }

    static Tensor Binary(Op op, Tensor a, Tensor b, DType? dtype = null)
    {
        var (x, y) = Meet(a, b, dtype);
        return new(Build.Binary(op, x, y));
    }

    /// <summary>This tensor if floating, else as float32: what functions with real values do with integers.</summary>
    Tensor Floating() => DType.IsFloat ? this : To(DType.F32);

    /// <summary>Computes in float32 for the half precisions and rounds once at the end; integers become float32.</summary>
    Tensor Precisely(Func<Tensor, Tensor> f) => DType is DType.F16 or DType.BF16 ? f(To(DType.F32)).To(DType) : f(Floating());

    void RequireInteger(string operation)
    {
        if (DType.IsFloat) throw new DTypeException($"{operation} needs an integer or bool tensor, this one is {DType.Name}; cast it with To()");
    }
}
