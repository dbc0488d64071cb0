using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Tests.Fuzz;

/// <summary>
/// A graph drawn from a tape of numbers: each choice takes the next one, so that a shorter tape, or one with smaller numbers,
/// is a simpler graph, and shrinking the tape shrinks the graph. At the end of the tape every choice is the first.
/// </summary>
sealed class RandomGraph
{
    /// <summary>Nothing, one, and both sides of the vector widths of all targets.</summary>
    static readonly int[] Extents = [2, 1, 0, 3, 4, 7, 8, 9, 15, 16, 17, 33];

    /// <summary>Elements a node may have; the interpreter is slow.</summary>
    const long MaxCount = 3000;

    static readonly DType[] DTypesDrawn = [DType.F32, DType.F64, DType.I32, DType.I64, DType.U8, DType.Bool];

    /// <summary>Values with exact sums and products, ties, both zeros, and what is not finite.</summary>
    static readonly double[] Values = [1, 0, -1, 2, 0.5, -0.25, 3, -0.0, -2.5, 7, double.PositiveInfinity, double.NaN, double.NegativeInfinity];

    readonly int[] tape;
    int at;

    /// <summary>All nodes built, operands first.</summary>
    public List<Node> Nodes { get; } = [];

    public RandomGraph(int[] tape)
    {
        this.tape = tape;
        Nodes.Add(Leaf());
        // Six numbers a node, about: what is left of the tape says how many more there are.
        while (at < tape.Length && Nodes.Count < 40)
            if (Step() is { } node && node.Shape.Count <= MaxCount) Nodes.Add(node);
    }

    /// <summary>What is realised: the last node, and one or two from the middle, so that some values have readers inside and outside.</summary>
    public List<Node> Targets => [.. new[] { Nodes[^1], Nodes[Nodes.Count / 2], Nodes[Nodes.Count / 3] }.Distinct()];

    public override string ToString() => string.Join("\n", Nodes.Select((n, i) => $"  %{i} = {n} ({string.Join(", ", n.Src.Select(s => Nodes.IndexOf(s) is >= 0 and var j ? $"%{j}" : s.ToString()))})"));

    int Draw(int count) => at < tape.Length ? (int)((uint)tape[at++] % (uint)count) : 0;

    T Pick<T>(IReadOnlyList<T> list) => list[Draw(list.Count)];

    /// <summary>An earlier node, rather a late one.</summary>
    Node Any() => Nodes[^(1 + Math.Min(Draw(Nodes.Count), Draw(Nodes.Count)))];

    Node Leaf()
    {
        int rank = Draw(4);
        var dims = new int[rank];
        long count = 1;
        for (int i = 0; i < rank; i++)
        {
            dims[i] = Pick(Extents);
            if (count * dims[i] > MaxCount / 4) dims[i] = 1;
            count *= dims[i];
        }
        return Leaf(Pick(DTypesDrawn), new Shape(dims));
    }

    Node Leaf(DType dtype, Shape shape)
    {
        switch (Draw(4))
        {
            case 1 when dtype is DType.I32 or DType.I64 or DType.F32 && shape.Count > 0:
                return Build.Reshape(Build.Iota(dtype, (int)shape.Count), shape);
            case 2:
                return dtype.IsFloat ? Build.Const(dtype, shape, Pick(Values)) : Build.Const(dtype, shape, (long)Draw(5));
        }
        int seed = Draw(1000);
        bool finite = Draw(4) != 3;
        int count = (int)shape.Count;
        double Value(int i) => Values[(uint)(i * 7919 + seed * 31 + i * i) % (uint)(finite ? Values.Length - 3 : Values.Length)];
        long Whole(int i) => (i * 37 + seed) % 23 - 7;
        return Build.Buffer(dtype, shape, dtype switch
        {
            DType.F32 => Fill(count, i => (float)Value(i)),
            DType.F64 => Fill(count, Value),
            DType.I32 => Fill(count, i => (int)Whole(i)),
            DType.I64 => Fill(count, Whole),
            DType.U8 => Fill(count, i => (byte)Whole(i)),
            _ => Fill(count, i => Whole(i) > 2),
        });
    }

    static Storage Fill<T>(int count, Func<int, T> value) where T : unmanaged => Storage.Of<T>([.. Enumerable.Range(0, count).Select(value)]);

    Node? Step() => Draw(17) switch
    {
        0 => Reshape(Any()),
        1 => Permute(Any()),
        2 => Expand(Any()),
        3 => Pad(Any()),
        4 => Shrink(Any()),
        5 => Flip(Any()),
        6 => Window(Any()),
        7 or 8 => Reduce(Any()),
        9 => Unary(Any()),
        10 => Build.Cast(Any(), Pick(DTypesDrawn)) is { } c && !LosesMeaning(c) ? c : null,
        11 => Where(Any()),
        12 => Scan(Any()),
        13 => Leaf(),
        14 => Gather(Any()),
        _ => Binary(Any()),
    };

    /// <summary>A float that is not finite or too large has no defined integer; no two machines agree. And a rounding error may decide a bool.</summary>
    static bool LosesMeaning(Node cast) => cast.Op == Op.Cast && cast.src[0].DType.IsFloat && !cast.DType.IsFloat && (cast.DType != DType.Bool || ErrorBound.IsInexact(cast.src[0]));

    Node Reshape(Node x)
    {
        var dims = x.Shape.ToArray().ToList();
        switch (Draw(3))
        {
            case 0: // merge two neighbours
                if (dims.Count < 2) return x;
                int i = Draw(dims.Count - 1);
                dims[i] *= dims[i + 1];
                dims.RemoveAt(i + 1);
                break;
            case 1: // split one
                if (dims.Count == 0 || dims.Count > 4) return x;
                int j = Draw(dims.Count), f = 2 + Draw(3);
                if (dims[j] % f != 0) return x;
                dims[j] /= f;
                dims.Insert(j + Draw(2), f);
                break;
            default: // a dimension of one more
                if (dims.Count > 4) return x;
                dims.Insert(Draw(dims.Count + 1), 1);
                break;
        }
        return Build.Reshape(x, new Shape([.. dims]));
    }

    Node Permute(Node x)
    {
        int[] order = [.. Enumerable.Range(0, x.Shape.Rank)];
        for (int i = order.Length - 1; i > 0; i--)
        {
            int j = Draw(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return Build.Permute(x, order);
    }

    Node Expand(Node x)
    {
        var dims = x.Shape.ToArray();
        for (int i = 0; i < dims.Length; i++)
            if (dims[i] == 1) dims[i] = Pick(Extents);
        return dims.Aggregate(1L, (a, b) => a * b) <= MaxCount ? Build.Expand(x, new Shape(dims)) : x;
    }

    Node Pad(Node x) => Build.Pad(x, Margins(x, _ => 4), Margins(x, _ => 4));

    Node Shrink(Node x)
    {
        var before = Margins(x, d => Math.Min(d, 3) + 1);
        return Build.Shrink(x, before, Margins(x, d => Math.Min(d, 2) + 1, before));
    }

    /// <summary>A margin below the limit for each dimension, and not more than what others left of it.</summary>
    Shape Margins(Node x, Func<int, int> limit, Shape? taken = null)
    {
        var margins = new int[x.Shape.Rank];
        for (int i = 0; i < margins.Length; i++) margins[i] = Draw(limit(x.Shape[i] - (taken?[i] ?? 0)));
        return new Shape(margins);
    }

    Node Flip(Node x) => Build.Flip(x, Axes(x));

    int[] Axes(Node x) => [.. Enumerable.Range(0, x.Shape.Rank).Where(_ => Draw(2) == 0)];

    Node? Window(Node x)
    {
        if (x.Shape.Rank is 0 or > 4) return null;
        int axis = Draw(x.Shape.Rank), size = 1 + Draw(3), stride = 1 + Draw(3), dilation = 1 + Draw(2);
        if ((size - 1) * dilation + 1 > x.Shape[axis]) return null;
        var window = Build.Window(x, axis, size, stride, dilation);
        return Draw(3) == 2 ? Build.Unwindow(window, axis, x.Shape[axis], stride, dilation) : window;
    }

    Node Reduce(Node x)
    {
        // Products of many elements overflow or vanish: they are taken of few.
        var kind = Pick<Op>([Op.Add, Op.Max, Op.Mul]);
        var axes = Axes(x);
        if (x.DType == DType.Bool) kind = Op.Max;
        if (kind == Op.Mul && ErrorBound.IsInexact(x)) kind = Op.Add;
        if (kind == Op.Mul && axes.Aggregate(1L, (a, i) => a * x.Shape[i]) > 9) kind = Op.Max;
        return Build.Reduce(kind, x, axes);
    }

    Node? Scan(Node x) => x.Shape.Rank == 0 || x.DType == DType.Bool ? null : Build.Scan(Pick<Op>([Op.Add, Op.Max]), x, Draw(x.Shape.Rank));

    Node? Gather(Node x)
    {
        if (x.Shape.Rank == 0 || x.Shape[0] == 0) return null;
        int rows = Draw(5), seed = Draw(100);
        var index = Build.Buffer(DType.I64, new Shape(rows), Fill(rows, i => (long)(i * 7 + seed) % x.Shape[0]));
        return Build.Gather(x, index);
    }

    /// <summary>Functions with jumps or steep places (trunc, 1/x, comparisons) only take operands without rounding errors of their own.</summary>
    Node? Unary(Node x) => x.DType.IsFloat
        ? Build.Unary(ErrorBound.IsInexact(x) ? Op.Neg : Pick<Op>([Op.Neg, Op.Trunc, Op.Sqrt, Op.Recip, Op.Exp, Op.Exp2, Op.Log2, Op.Sin, Op.Cos, Op.Erf]), x)
        : x.DType is DType.I32 or DType.I64 ? Build.Unary(Op.Neg, x) : null;

    Node Binary(Node x)
    {
        var y = Match(Any(), x.DType, x.Shape);
        if (Draw(2) == 1) (x, y) = (y, x);
        Op[] ops = x.DType.IsFloat ? ErrorBound.IsInexact(x) || ErrorBound.IsInexact(y) ? [Op.Add, Op.Mul, Op.Max] : [Op.Add, Op.Mul, Op.Max, Op.CmpLt, Op.CmpNe, Op.Div]
            : x.DType == DType.Bool ? [Op.And, Op.Or, Op.Xor, Op.CmpNe]
            : [Op.Add, Op.Mul, Op.Max, Op.CmpLt, Op.CmpNe, Op.And, Op.Or, Op.Xor, Op.IDiv, Op.Mod, Op.Shl, Op.Shr];
        var op = Pick(ops);
        return Build.Binary(op, x, op is Op.Shl or Op.Shr ? Build.Const(x.DType, x.Shape, (long)Draw(5)) : y);
    }

    Node Where(Node x)
    {
        var condition = Match(Any(), DType.Bool, x.Shape);
        return Build.Where(condition, x, Match(Any(), x.DType, x.Shape));
    }

    /// <summary>The candidate broadcast and cast to this dtype and shape where it can be, else a fresh leaf.</summary>
    Node Match(Node candidate, DType dtype, Shape shape)
    {
        int missing = shape.Rank - candidate.Shape.Rank;
        if (missing < 0) return Leaf(dtype, shape);
        for (int i = 0; i < candidate.Shape.Rank; i++)
            if (candidate.Shape[i] != 1 && candidate.Shape[i] != shape[missing + i]) return Leaf(dtype, shape);
        int[] dims = [.. Enumerable.Repeat(1, missing), .. candidate.Shape];
        var cast = Build.Cast(candidate, dtype);
        return LosesMeaning(cast) ? Leaf(dtype, shape) : Build.Expand(Build.Reshape(cast, new Shape(dims)), shape);
    }
}
