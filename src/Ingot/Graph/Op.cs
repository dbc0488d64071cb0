namespace Ingot.Graph;

/// <summary>
/// The closed set of operations. The first groups are the tensor graph's primitives; the last is what kernels are made of.
/// A new high-level operation never needs a new one: it is a method of Tensor written with these.
/// </summary>
public enum Op : byte
{
    // Leaves.
    Const,
    /// <summary>Memory that holds values; has identity.</summary>
    Buffer,
    /// <summary>0, 1, 2, ... along a one-dimensional shape.</summary>
    Iota,
    /// <summary>Uniform random bits (u32) of a counter-based stream; has identity through its key.</summary>
    Random,

    // Elementwise, one operand.
    Exp,
    Exp2,
    Log2,
    Sin,
    Cos,
    /// <summary>2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.</summary>
    Erf,
    Sqrt,
    Recip,
    Trunc,
    Neg,

    // Elementwise, two operands of one dtype and shape.
    Add,
    Mul,
    /// <summary>True division; floating point only.</summary>
    Div,
    /// <summary>NaN if either operand is.</summary>
    Max,
    /// <summary>Integer division rounding towards minus infinity.</summary>
    IDiv,
    /// <summary>Remainder with the sign of the divisor; integers and floats.</summary>
    Mod,
    CmpLt,
    CmpNe,
    And,
    Or,
    Xor,
    Shl,
    Shr,

    /// <summary>condition ? a : b; a select, never arithmetic.</summary>
    Where,
    Cast,
    /// <summary>The same bits as another dtype of the same size.</summary>
    Bitcast,

    // Reductions. A reduced axis stays, with extent 1.
    Reduce,
    /// <summary>Running reduction along one axis, inclusive.</summary>
    Scan,
    /// <summary>Indices (i64) that sort along the last axis, stable; NaN last as PyTorch has it.</summary>
    Sort,

    // Movement: index arithmetic, never a copy.
    Reshape,
    Permute,
    Expand,
    Pad,
    Shrink,
    Flip,
    /// <summary>Sliding windows along an axis, as a new last axis: out[.., o, .., k] = in[.., o*stride + k*dilation, ..].</summary>
    Window,
    /// <summary>The transpose of Window before its sum: out[.., i, .., k] = in[.., (i - k*dilation)/stride, .., k] where that is an element, else 0.</summary>
    Unwindow,

    // Memory.
    /// <summary>(x, index): x[index] along axis 0; shape index.Shape + x.Shape[1..].</summary>
    Gather,
    /// <summary>(base, index, src): base with rows index[i] replaced by src[i], in index order.</summary>
    Scatter,
    /// <summary>(base, index, src): base with src[i] added to rows index[i], in index order.</summary>
    ScatterAdd,
    /// <summary>The same values, materialised.</summary>
    Contiguous,
    /// <summary>(buffer, value): value written into buffer's memory after all its readers of this realise.</summary>
    Assign,
    /// <summary>(operands...): what a kernel of the user's own computes from them.</summary>
    Custom,

    // Autograd's marks; the compiler sees through them.
    /// <summary>A leaf whose gradient is wanted.</summary>
    Leaf,
    /// <summary>No gradient flows through.</summary>
    Detach,

    // Kernels: scalars over loop ranges.
    /// <summary>A loop variable, 0 to extent - 1.</summary>
    Range,
    /// <summary>A scalar that arrives with the launch.</summary>
    Arg,
    /// <summary>(index[, valid]): an element of a kernel buffer; zero where not valid, without touching memory.</summary>
    Load,
    /// <summary>(value, extent): value, or 0 and a recorded error where it is not in [0, extent).</summary>
    CheckIndex,
    /// <summary>a*b + c, rounded once.</summary>
    Fma,
    /// <summary>(value, ranges...): reduction over bound ranges.</summary>
    Fold,
    /// <summary>Reads an accumulator of the loop nest.</summary>
    Acc,
    /// <summary>The lanes of a vector accumulator reduced to one scalar, halves first.</summary>
    Across,
}
