using Ingot.Runtime;

namespace Ingot.Graph;

/// <summary>
/// Builds graph nodes with their shape and dtype rules checked. Nothing here broadcasts or promotes: that is the tensor layer's part.
/// Movement that changes nothing returns its operand.
/// </summary>
public static class Build
{
    public static Node Const(DType dtype, Shape shape, double value) =>
        dtype.IsFloat ? Node.Of(Op.Const, dtype, shape, ConstArg.Of(Numbers.Round(dtype, value))) : Const(dtype, shape, (long)value);

    public static Node Const(DType dtype, Shape shape, long value) =>
        dtype.IsFloat ? Const(dtype, shape, (double)value) : Node.Of(Op.Const, dtype, shape, ConstArg.Of(Numbers.Wrap(dtype, value)));

    /// <summary>A scalar whose value C# gives for every run.</summary>
    public static Node Host(DType dtype, Shape shape, HostValue source) =>
        Node.Of(Op.Const, dtype, shape, new HostArg(BitConverter.DoubleToInt64Bits(Numbers.Round(dtype, source.Now)), source));

    public static Node Buffer(DType dtype, Shape shape, Storage storage) => Node.Of(Op.Buffer, dtype, shape, new BufferArg(storage, storage.Version));

    /// <summary>0, 1, ..., n - 1.</summary>
    public static Node Iota(DType dtype, int n) => Node.Of(Op.Iota, dtype, new Shape(n), null);

    /// <summary>n random u32.</summary>
    public static Node Random(int n, ulong key, ulong counter) => Node.Of(Op.Random, DType.U32, new Shape(n), new RandomArg(key, counter));

    public static Node Unary(Op op, Node x) => Node.Of(op, x.DType, x.Shape, null, x);

    public static Node Binary(Op op, Node a, Node b)
    {
        Require(a.Shape.Equals(b.Shape), $"{op} of {a.Shape} and {b.Shape}");
        Require(a.DType == b.DType, $"{op} of {a.DType.Name} and {b.DType.Name}");
        return Node.Of(op, op.Info.Rule == DTypeRule.Bool ? DType.Bool : a.DType, a.Shape, null, a, b);
    }

    public static Node Where(Node condition, Node a, Node b)
    {
        Require(condition.DType == DType.Bool && a.DType == b.DType, $"Where of {condition.DType.Name}, {a.DType.Name} and {b.DType.Name}");
        Require(condition.Shape.Equals(a.Shape) && a.Shape.Equals(b.Shape), $"Where of {condition.Shape}, {a.Shape} and {b.Shape}");
        return Node.Of(Op.Where, a.DType, a.Shape, null, condition, a, b);
    }

    public static Node Cast(Node x, DType dtype) => x.DType == dtype ? x : Node.Of(Op.Cast, dtype, x.Shape, null, x);

    /// <summary>Rounded to what a narrower dtype can hold, in its own dtype; the gradient passes as it is.</summary>
    public static Node Rounded(Node x, DType to) =>
        x is { Op: Op.Cast, src: [{ } narrow] } && narrow.DType == to ? x : Node.Of(Op.Cast, x.DType, x.Shape, new CastArg(null), Narrowed(x, to));

    /// <summary>What is only moved is narrowed where it was made: it is then kept in the order in which it was made, and what several products read is rounded once.</summary>
    static Node Narrowed(Node x, DType to) =>
        x is { Op: Op.Cast, Arg: CastArg { RoundsGradientTo: null }, src: [{ } narrow] } && narrow.DType == to ? narrow
        : x.Op is Op.Reshape or Op.Permute or Op.Shrink ? Node.Of(x.Op, to, x.Shape, x.Arg, Narrowed(x.src[0], to))
        : Node.Of(Op.Cast, to, x.Shape, new CastArg(null), x);

    /// <summary>x, whose gradient is rounded to what a narrower dtype can hold.</summary>
    public static Node GradientRounded(Node x, DType to) => x.RequiresGrad ? Node.Of(Op.Cast, x.DType, x.Shape, new CastArg(to), x) : x;

    public static Node Bitcast(Node x, DType dtype)
    {
        Require(x.DType.Size == dtype.Size, $"Bitcast of {x.DType.Name} to {dtype.Name}");
        return x.DType == dtype ? x : Node.Of(Op.Bitcast, dtype, x.Shape, null, x);
    }

    /// <summary>Reduces with Add, Mul or Max; the axes stay with extent 1.</summary>
    public static Node Reduce(Op kind, Node x, params ReadOnlySpan<int> axes)
    {
        var sorted = axes.ToArray();
        Array.Sort(sorted);
        var dims = x.Shape.ToArray();
        foreach (var a in sorted) dims[a] = 1;
        return sorted.Length == 0 ? x : Node.Of(Op.Reduce, x.DType, new Shape(dims), new ReduceArg(kind, new Shape(sorted)), x);
    }

    public static Node Scan(Op kind, Node x, int axis) => Node.Of(Op.Scan, x.DType, x.Shape, new ReduceArg(kind, new Shape(axis)), x);

    /// <summary>Indices (i64) that sort each row of the last axis; stable.</summary>
    public static Node Sort(Node x, bool descending) => Node.Of(Op.Sort, DType.I64, x.Shape, new SortArg(descending), x);

    public static Node Reshape(Node x, Shape shape)
    {
        Require(x.Shape.Count == shape.Count, $"Reshape of {x.Shape} to {shape}");
        return x.Shape.Equals(shape) ? x
            : x.Op == Op.Reshape ? Reshape(x.src[0], shape)
            : x.Op == Op.Const ? Node.Of(Op.Const, x.DType, shape, x.Arg)
            : Node.Of(Op.Reshape, x.DType, shape, null, x);
    }

    /// <summary>Dimension i of the result is dimension order[i] of x.</summary>
    public static Node Permute(Node x, params ReadOnlySpan<int> order)
    {
        var dims = new int[order.Length];
        bool identity = true;
        for (int i = 0; i < dims.Length; i++) { dims[i] = x.Shape[order[i]]; identity &= order[i] == i; }
        return identity ? x
            : x.Op == Op.Const ? Node.Of(Op.Const, x.DType, new Shape(dims), x.Arg)
            : Node.Of(Op.Permute, x.DType, new Shape(dims), new AxesArg(new Shape(order)), x);
    }

    /// <summary>Repeats dimensions of extent 1; the rank stays.</summary>
    public static Node Expand(Node x, Shape shape)
    {
        Require(x.Shape.Rank == shape.Rank, $"Expand of {x.Shape} to {shape}");
        for (int i = 0; i < shape.Rank; i++) Require(x.Shape[i] == shape[i] || x.Shape[i] == 1, $"Expand of {x.Shape} to {shape}");
        return x.Shape.Equals(shape) ? x
            : x.Op == Op.Const ? Node.Of(Op.Const, x.DType, shape, x.Arg)
            : Node.Of(Op.Expand, x.DType, shape, null, x);
    }

    /// <summary>Zeros before and after each dimension (both non-negative).</summary>
    public static Node Pad(Node x, Shape before, Shape after)
    {
        var dims = new int[x.Shape.Rank];
        for (int i = 0; i < dims.Length; i++) dims[i] = x.Shape[i] + before[i] + after[i];
        return x.Shape.Equals(new Shape(dims)) ? x : Node.Of(Op.Pad, x.DType, new Shape(dims), new MarginsArg(before, after), x);
    }

    /// <summary>Cuts elements off before and after each dimension (both non-negative).</summary>
    public static Node Shrink(Node x, Shape before, Shape after)
    {
        var dims = new int[x.Shape.Rank];
        for (int i = 0; i < dims.Length; i++) dims[i] = x.Shape[i] - before[i] - after[i];
        return x.Shape.Equals(new Shape(dims)) ? x
            : x.Op == Op.Const ? Node.Of(Op.Const, x.DType, new Shape(dims), x.Arg)
            : Node.Of(Op.Shrink, x.DType, new Shape(dims), new MarginsArg(before, after), x);
    }

    public static Node Flip(Node x, params ReadOnlySpan<int> axes) =>
        axes.Length == 0 || x.Op == Op.Const ? x : Node.Of(Op.Flip, x.DType, x.Shape, new AxesArg(new Shape(axes)), x);

    /// <summary>Windows of size elements along an axis (extent I), as many as fit: the axis gets their number O = (I - (size-1)*dilation - 1)/stride + 1, a new last axis the size.</summary>
    public static Node Window(Node x, int axis, int size, int stride = 1, int dilation = 1)
    {
        int span = (size - 1) * dilation + 1;
        Require(size >= 1 && stride >= 1 && dilation >= 1 && span <= x.Shape[axis], $"Window of {size} (stride {stride}, dilation {dilation}) over dimension {axis} of {x.Shape}");
        int[] dims = [.. x.Shape, size];
        int count = dims[axis] = (x.Shape[axis] - span) / stride + 1;
        if (stride == size && dilation == 1) // side by side: no element is in two windows
        {
            int rank = x.Shape.Rank;
            var after = new int[rank];
            after[axis] = x.Shape[axis] - count * size;
            var split = Reshape(Shrink(x, new Shape(new int[rank]), new Shape(after)), new Shape([.. x.Shape.Span[..axis], count, size, .. x.Shape.Span[(axis + 1)..]]));
            return Permute(split, [.. Enumerable.Range(0, rank + 1).Where(d => d != axis + 1), axis + 1]);
        }
        return Node.Of(Op.Window, x.DType, new Shape(dims), new WindowArg(axis, size, stride, dilation), x);
    }

    /// <summary>The transpose of <see cref="Window"/> before its sum: x is (.., O, .., size), the result (.., extent, .., size).</summary>
    public static Node Unwindow(Node x, int axis, int extent, int stride = 1, int dilation = 1)
    {
        var dims = x.Shape.ToArray();
        Require((dims[axis] - 1) * (long)stride + (dims[^1] - 1) * (long)dilation < extent, $"Unwindow of {x.Shape} to extent {extent} of dimension {axis}");
        dims[axis] = extent;
        return Node.Of(Op.Unwindow, x.DType, new Shape(dims), new WindowArg(axis, dims[^1], stride, dilation), x);
    }

    /// <summary>x[index] along axis 0: shape index.Shape + x.Shape[1..]. The index is i32 or i64, from 0.</summary>
    public static Node Gather(Node x, Node index)
    {
        Require(index.DType is DType.I32 or DType.I64, $"Gather by {index.DType.Name}");
        var node = Node.Of(Op.Gather, x.DType, new Shape([.. index.Shape, .. x.Shape.Span[1..]]), null, x, index);
        node.Origin ??= Origins.UserLine();
        return node;
    }

    /// <summary>An index that is reported where it is not in [0, extent): a gather of positions from themselves, which compiles to the check alone.</summary>
    /// <param name="index">The index, i32 or i64.</param>
    /// <param name="extent">The extent it must be in.</param>
    /// <param name="what">What the index is for, in the error's words.</param>
    public static Node Check(Node index, int extent, string what)
    {
        var node = Node.Of(Op.Gather, DType.I32, index.Shape, null, Iota(DType.I32, extent), index);
        node.Origin ??= $"{Origins.UserLine() ?? "an unknown line"} for {what}";
        return node;
    }

    /// <summary>
    /// Whether elements can differ along an axis: a gather of what does not vary would never look at its index. Memory counts as varying; a graph too large to
    /// tell does not.
    /// </summary>
    public static bool Varies(Node x, int axis)
    {
        int left = 64; // nodes looked at: shared ones are met once a path
        return In(x, axis);

        bool In(Node x, int axis) => x.Realized is not null || (--left >= 0 && x.Op switch
        {
            Op.Const => false,
            Op.Leaf or Op.Detach or Op.Shrink or Op.Flip => In(x.src[0], axis),
            Op.Expand => x.src[0].Shape[axis] == x.Shape[axis] && In(x.src[0], axis),
            Op.Permute => In(x.src[0], x.Axes[axis]),
            Op.Reshape when KeepsAxis(x, axis) => In(x.src[0], axis),
            Op.Reshape => Enumerable.Range(0, x.src[0].Shape.Rank).Any(a => In(x.src[0], a)),
            _ => !x.Op.IsElementwise || Array.Exists(x.src, s => In(s, axis)),
        });

        static bool KeepsAxis(Node x, int axis) =>
            axis < x.src[0].Shape.Rank && x.Shape.Span[..(axis + 1)].SequenceEqual(x.src[0].Shape.Span[..(axis + 1)]);
    }

    /// <summary>target with rows index[i] (index one-dimensional) replaced by src[i], or src[i] added to them; in index order.</summary>
    public static Node Scatter(Node target, Node index, Node src, bool add)
    {
        Require(index.Shape.Rank == 1 && index.DType is DType.I32 or DType.I64, $"Scatter by {index.DType.Name}{index.Shape}");
        Require(src.DType == target.DType && src.Shape.Equals(new Shape([index.Shape[0], .. target.Shape.Span[1..]])), $"Scatter of {src.Shape} into {target.Shape}");
        var node = Node.Of(add ? Op.ScatterAdd : Op.Scatter, target.DType, target.Shape, null, target, index, src);
        node.Origin ??= Origins.UserLine();
        return node;
    }

    public static Node Contiguous(Node x) => x.Op is Op.Buffer or Op.Contiguous ? x : Node.Of(Op.Contiguous, x.DType, x.Shape, null, x);

    /// <summary>value, to be written into buffer's memory.</summary>
    public static Node Assign(Node buffer, Node value)
    {
        Require(buffer.Op == Op.Buffer && buffer.DType == value.DType && buffer.Shape.Equals(value.Shape), $"Assign of {value} to {buffer}");
        return Node.Of(Op.Assign, value.DType, value.Shape, null, buffer, value);
    }

    /// <summary>What a kernel of the user's own computes from the operands.</summary>
    public static Node Custom(CustomKernel kernel, DType dtype, Shape shape, params Node[] src)
    {
        var node = Node.Of(Op.Custom, dtype, shape, new CustomArg(kernel), src);
        node.Origin ??= Origins.UserLine();
        return node;
    }

    public static Node Leaf(Node x, object owner) => Node.Of(Op.Leaf, x.DType, x.Shape, new LeafArg(owner), x);

    public static Node Detach(Node x) => x.RequiresGrad ? Node.Of(Op.Detach, x.DType, x.Shape, null, x) : x;

    /// <summary>Nodes below (and with) the roots, operands before users; an explicit stack, so depth is no limit.</summary>
    /// <param name="roots">Where to start.</param>
    /// <param name="isLeaf">Nodes whose operands are not visited; they are listed themselves.</param>
    public static List<Node> TopologicalOrder(IEnumerable<Node> roots, Func<Node, bool>? isLeaf = null)
    {
        var order = new List<Node>();
        Order(roots, isLeaf, order, [], new());
        return order;
    }

    /// <summary>The same with the caller's memory, which is emptied first: for graphs as large as a training step, at every step.</summary>
    internal static void Order(IEnumerable<Node> roots, Func<Node, bool>? isLeaf, List<Node> order, HashSet<Node> done, Stack<(Node, bool)> stack)
    {
        order.Clear();
        done.Clear();
        foreach (var root in roots)
        {
            stack.Push((root, false));
            while (stack.TryPop(out var top))
            {
                var (node, expanded) = top;
                if (expanded) { order.Add(node); continue; }
                if (!done.Add(node)) continue;
                stack.Push((node, true));
                if (isLeaf?.Invoke(node) == true) continue;
                for (int i = node.src.Length - 1; i >= 0; i--)
                    if (!done.Contains(node.src[i])) stack.Push((node.src[i], false));
            }
        }
    }

    static void Require(bool holds, string what)
    {
        if (!holds) throw new ShapeException($"invalid graph: {what}");
    }
}
