using Ingot.Graph;

namespace Ingot.Autograd;

/// <summary>
/// One line of calculus a primitive: from the gradient of a node's value to the gradient of one operand. Everything is built from
/// graph nodes, so the backward pass is scheduled and fused like any other program, and can be differentiated again.
/// </summary>
static class Gradient
{
    /// <summary>The gradient that operand <paramref name="i"/> of <paramref name="n"/> receives; null where none flows.</summary>
    /// <param name="n">A node of the forward pass.</param>
    /// <param name="i">Which operand.</param>
    /// <param name="g">Gradient of the node's value, of its shape and dtype.</param>
    public static Node? Of(Node n, int i, Node g)
    {
        Node a = n.src[0], b = n.src.Length > 1 ? n.src[1] : a;
        return (n.Op, i) switch
        {
            (Op.Exp, _) => Mul(g, n),
            (Op.Exp2, _) => Mul(Mul(g, n), Like(n, Math.Log(2))),
            (Op.Log2, _) => Div(Mul(g, Like(n, 1 / Math.Log(2))), a),
            (Op.Sin, _) => Mul(g, Build.Unary(Op.Cos, a)),
            (Op.Cos, _) => Neg(Mul(g, Build.Unary(Op.Sin, a))),
            (Op.Erf, _) => Mul(g, Mul(Build.Unary(Op.Exp, Mul(Neg(a), a)), Like(n, 2 / Math.Sqrt(Math.PI)))),
            (Op.Sqrt, _) => Div(g, Add(n, n)),
            (Op.Recip, _) => Neg(Mul(g, Mul(n, n))),
            (Op.Neg, _) => Neg(g),
            (Op.Add, _) => g,
            (Op.Mul, 0) => Mul(g, b),
            (Op.Mul, 1) => Mul(g, a),
            (Op.Div, 0) => Div(g, b),
            (Op.Div, 1) => Neg(Div(Mul(g, n), b)),
            (Op.Max, 0) => Larger(a, b, g),
            (Op.Max, 1) => Larger(b, a, g),
            (Op.Mod, 0) => g,
            (Op.Mod, 1) => Mul(g, Div(Sub(n, a), b)), // a mod b = a - floor(a/b) b
            (Op.Where, 1) => Build.Where(a, g, Like(g, 0)),
            (Op.Where, 2) => Build.Where(a, Like(g, 0), g),
            (Op.Cast, _) when n.Arg is CastArg cast => cast.RoundsGradientTo is { } narrow ? Build.Rounded(g, narrow) : g,
            (Op.Cast, _) => a.DType.IsFloat && n.DType.IsFloat ? Build.Cast(g, a.DType) : null,

            (Op.Reduce, _) => n.ReduceInfo.Kind switch
            {
                Op.Add => Build.Expand(g, a.Shape),
                Op.Mul => Product(n, a, g),
                _ => Maxima(n, a, g),
            },
            (Op.Scan, _) => n.ReduceInfo.Kind switch
            {
                Op.Add => SumFromHere(g, n.Axes[0]),
                Op.Mul => RunningProduct(n, a, g),
                _ => RunningMaximum(n, a, g),
            },

            (Op.Reshape, _) => Build.Reshape(g, a.Shape),
            (Op.Permute, _) => Build.Permute(g, Inverse(n.Axes)),
            (Op.Expand, _) => Build.Reduce(Op.Add, g, [.. Enumerable.Range(0, a.Shape.Rank).Where(d => a.Shape[d] != n.Shape[d])]),
            (Op.Pad, _) => Build.Shrink(g, n.Margins.Before, n.Margins.After),
            (Op.Shrink, _) => Build.Pad(g, n.Margins.Before, n.Margins.After),
            (Op.Flip, _) => Build.Flip(g, n.Axes.Span),
            (Op.Window, _) => Build.Reshape(Build.Reduce(Op.Add, Build.Unwindow(g, n.Windows.Axis, a.Shape[n.Windows.Axis], n.Windows.Stride, n.Windows.Dilation), n.Shape.Rank - 1), a.Shape),
            (Op.Unwindow, _) => WindowDiagonal(n, a, g),

            (Op.Gather, 0) => Build.Scatter(Like(a, 0), Flat(b), Build.Reshape(g, new Shape([(int)b.Shape.Count, .. a.Shape.Span[1..]])), add: true),
            (Op.Scatter, 0) => Build.Scatter(g, b, Like(n.src[2], 0), add: false),
            (Op.Scatter, 2) => Winners(n, b, Build.Gather(g, b)),
            (Op.ScatterAdd, 0) => g,
            (Op.ScatterAdd, 2) => Build.Gather(g, b),
            (Op.Contiguous, 0) => n.src.Length == 1 ? Build.Contiguous(g) : g, // what is to lie in memory has a gradient that does, in the same layout
            (Op.Contiguous, _) => null, // waited for, not read

            // Piecewise constant, or not of real numbers.
            (Op.Trunc or Op.IDiv or Op.CmpLt or Op.CmpNe or Op.And or Op.Or or Op.Xor or Op.Shl or Op.Shr, _) => null,
            (Op.Bitcast or Op.Sort or Op.Detach or Op.Assign, _) => null,
            (Op.Where, 0) or (Op.Gather or Op.Scatter or Op.ScatterAdd, 1) => null,
            _ => throw new IngotException($"{n} has no gradient rule; use Detach() on its result if none is wanted"),
        };
    }

    // ---- the longer rules ----

    /// <summary>PyTorch's <c>maximum</c>: the larger operand takes it all, equal ones half each.</summary>
    static Node Larger(Node mine, Node other, Node g) =>
        Build.Where(Build.Binary(Op.CmpLt, mine, other), Like(g, 0), Build.Where(Build.Binary(Op.CmpNe, mine, other), g, Mul(g, Like(g, 0.5))));

    /// <summary>PyTorch's <c>amax</c>: evenly among the elements equal to the maximum.</summary>
    static Node Maxima(Node n, Node a, Node g)
    {
        var differs = Build.Binary(Op.CmpNe, a, Build.Expand(n, a.Shape));
        var count = Build.Reduce(Op.Add, Build.Where(differs, Like(a, 0), Like(a, 1)), n.Axes.Span);
        return Build.Where(differs, Like(a, 0), Build.Expand(Div(g, count), a.Shape));
    }

    /// <summary>
    /// The product of the others. Dividing by the element fails where it is zero, so the product of the non-zero elements is used:
    /// with one zero only that element has a gradient, with two none has. (A second derivative at a zero misses its cross terms.)
    /// </summary>
    static Node Product(Node n, Node a, Node g)
    {
        var nonZero = Build.Binary(Op.CmpNe, a, Like(a, 0));
        var zeros = Build.Expand(Build.Reduce(Op.Add, Build.Where(nonZero, Like(a, 0), Like(a, 1)), n.Axes.Span), a.Shape);
        var safe = Build.Where(nonZero, a, Like(a, 1));
        var product = Build.Expand(Mul(g, Build.Reduce(Op.Mul, safe, n.Axes.Span)), a.Shape);
        var most = Build.Where(nonZero, Like(a, 1), Like(a, 2)); // fewer zeros than this: a non-zero element needs none, a zero itself alone
        return Build.Where(Build.Binary(Op.CmpLt, zeros, most), Div(product, safe), Like(a, 0));
    }

    /// <summary>out[i] = sum of g[j], j >= i.</summary>
    static Node SumFromHere(Node g, int axis) => Build.Flip(Build.Scan(Op.Add, Build.Flip(g, axis), axis), axis);

    /// <summary>
    /// Before the first zero, the sum of g[j] n[j] over j >= i, divided by a[i]; at the first zero, the same of the products without it;
    /// behind it, nothing, for every product has that zero in it.
    /// </summary>
    static Node RunningProduct(Node n, Node a, Node g)
    {
        int axis = n.Axes[0];
        var nonZero = Build.Binary(Op.CmpNe, a, Like(a, 0));
        var zeros = Build.Scan(Op.Add, Build.Where(nonZero, Like(a, 0), Like(a, 1)), axis);
        var firstZero = Build.Where(nonZero, Like(nonZero, 0), Build.Binary(Op.CmpLt, zeros, Like(a, 2)));
        var without = Build.Scan(Op.Mul, Build.Where(firstZero, Like(a, 1), a), axis);
        var ordinary = Div(SumFromHere(Mul(g, n), axis), Build.Where(nonZero, a, Like(a, 1)));
        return Build.Where(nonZero, ordinary, Build.Where(firstZero, SumFromHere(Mul(g, without), axis), Like(a, 0)));
    }

    /// <summary>To the element that the running maximum showed: of equal ones the last, as PyTorch's <c>cummax</c>.</summary>
    static Node RunningMaximum(Node n, Node a, Node g)
    {
        int axis = n.Axes[0], length = a.Shape[axis], rank = a.Shape.Rank, rows = length == 0 ? 0 : (int)(a.Shape.Count / length);
        if (rows == 0) return g;
        int[] last = [.. Enumerable.Range(0, rank).Where(d => d != axis), axis];
        Node Rows(Node x) => Build.Reshape(Build.Permute(x, last), new Shape(rows, length));
        var column = Build.Expand(Build.Reshape(Build.Iota(DType.I64, length), new Shape(1, length)), new Shape(rows, length));
        var row = Build.Expand(Build.Reshape(Build.Iota(DType.I64, rows), new Shape(rows, 1)), new Shape(rows, length));
        var isRecord = Build.Binary(Op.CmpNe, Rows(a), Rows(n));
        var shown = Build.Scan(Op.Max, Build.Where(isRecord, Like(column, 0), column), 1); // position 0 is a record always
        var flat = Add(Mul(row, Like(row, length)), shown);
        var sum = Build.Scatter(Build.Const(g.DType, new Shape(rows * length), 0.0), Flat(flat), Flat(Rows(g)), add: true);
        int[] dims = [.. last.Select(d => a.Shape[d])];
        return Build.Permute(Build.Reshape(sum, new Shape(dims)), Inverse(new Shape(last)));
    }

    /// <summary>Element (o, k) went to (o*stride + k*dilation, k): windows of the gradient, of which those with the same k count.</summary>
    static Node WindowDiagonal(Node n, Node a, Node g)
    {
        var w = n.Windows;
        int rank = a.Shape.Rank;
        if (g.Op == Op.Expand && g.src[0].Shape[^1] == 1) // the same for every k, as below a sum of windows: any of them will do
        {
            var same = Build.Expand(g.src[0], new Shape([.. g.Shape.Span[..^1], 1]));
            var all = Build.Window(Build.Reshape(same, new Shape(g.Shape.Span[..^1])), w.Axis, w.Size, w.Stride, w.Dilation);
            var behind = new int[rank];
            behind[w.Axis] = all.Shape[w.Axis] - a.Shape[w.Axis];
            return Build.Shrink(all, new Shape(new int[rank]), new Shape(behind));
        }
        var windows = Build.Window(g, w.Axis, w.Size, w.Stride, w.Dilation); // (.., O' >= O, .., k, k')
        var after = new int[rank + 1];
        after[w.Axis] = windows.Shape[w.Axis] - a.Shape[w.Axis];
        windows = Build.Shrink(windows, new Shape(new int[rank + 1]), new Shape(after));
        Node Position(int d)
        {
            var dims = Enumerable.Repeat(1, rank + 1).ToArray();
            dims[d] = w.Size;
            return Build.Expand(Build.Reshape(Build.Iota(DType.I32, w.Size), new Shape(dims)), windows.Shape);
        }
        var diagonal = Build.Where(Build.Binary(Op.CmpNe, Position(rank - 1), Position(rank)), Like(windows, 0), windows);
        return Build.Reshape(Build.Reduce(Op.Add, diagonal, rank), a.Shape);
    }

    /// <summary>Zero for rows of a scatter that a later row with the same index overwrote.</summary>
    static Node Winners(Node n, Node index, Node g)
    {
        int count = index.Shape[0];
        var position = Build.Iota(DType.I32, count);
        var last = Build.Scatter(Build.Const(DType.I32, new Shape(n.Shape[0]), 0L), index, position, add: false);
        var lost = Build.Binary(Op.CmpNe, Build.Gather(last, index), position);
        int[] dims = new int[g.Shape.Rank];
        Array.Fill(dims, 1);
        dims[0] = count;
        return Build.Where(Build.Expand(Build.Reshape(lost, new Shape(dims)), g.Shape), Like(g, 0), g);
    }

    // ---- notation ----

    static int[] Inverse(Shape order)
    {
        var inverse = new int[order.Rank];
        for (int d = 0; d < inverse.Length; d++) inverse[order[d]] = d;
        return inverse;
    }

    static Node Flat(Node x) => Build.Reshape(x, new Shape(checked((int)x.Shape.Count)));

    static Node Like(Node x, double value) => x.DType.IsFloat ? Build.Const(x.DType, x.Shape, value) : Build.Const(x.DType, x.Shape, (long)value);

    internal static Node Add(Node a, Node b) => Build.Binary(Op.Add, a, b);

    static Node Sub(Node a, Node b) => Add(a, Neg(b));

    static Node Neg(Node a) => Build.Unary(Op.Neg, a);

    static Node Div(Node a, Node b) => Build.Binary(Op.Div, a, b);

    /// <summary>The gradient of a loss starts as 1: those products need no node.</summary>
    static Node Mul(Node a, Node b) => IsOne(a) ? b : IsOne(b) ? a : Build.Binary(Op.Mul, a, b);

    static bool IsOne(Node n) => n is { Const: 1.0, Arg: not HostArg };
}
