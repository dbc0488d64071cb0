using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// Graph to scalar expressions: the value of a node at an index. Movement becomes index arithmetic, a reduction a <see cref="Op.Fold"/> over fresh
/// ranges, a node that has memory a read. Half precisions compute in float32 and round at each node, as the interpreter does.
/// </summary>
/// <param name="inMemory">Nodes that are read rather than recomputed.</param>
/// <param name="siteOf">Number of the place in the user's program where a gather was built.</param>
/// <param name="slotOf">Launch slot of a Const or Random node that arrives as an argument, or -1.</param>
sealed class Lowering(Func<Node, bool> inMemory, Func<Node, int> slotOf, Func<Node, int> siteOf)
{
    readonly struct Key(Node node, Node[] index, Node? valid) : IEquatable<Key>
    {
        readonly Node node = node;
        readonly Node[] index = index;
        readonly Node? valid = valid;

        public bool Equals(Key o)
        {
            if (node != o.node || valid != o.valid) return false;
            for (int i = 0; i < index.Length; i++) if (index[i] != o.index[i]) return false;
            return true;
        }

        public override bool Equals(object? o) => o is Key k && Equals(k);

        public override int GetHashCode()
        {
            var h = new HashCode();
            h.Add(node);
            h.Add(valid);
            foreach (var i in index) h.Add(i);
            return h.ToHashCode();
        }
    }

    readonly Dictionary<Key, Node> memo = [];

    /// <summary>The value of n at an index; where valid is false nothing is read and the result is unspecified.</summary>
    public Node Value(Node n, Node[] index, Node? valid = null) => inMemory(n) ? Ir.Read(n, index, IsInside(index, n.Shape) ? null : valid) : Compute(n, index, valid);

    /// <summary>The index is one of an element wherever it is asked for: such a read needs no guard, and so does not vary with what the guard varies with.</summary>
    static bool IsInside(Node[] index, Shape shape)
    {
        for (int d = 0; d < index.Length; d++)
            if (IndexMath.Bounds(index[d]) is var (lo, hi) && (lo < 0 || hi >= shape[d])) return false;
        return true;
    }

    /// <summary>As <see cref="Value"/>, but n itself is computed even where it has memory: the body of the kernel that makes it.</summary>
    public Node Compute(Node n, Node[] index, Node? valid = null)
    {
        var key = new Key(n, index, valid);
        if (memo.TryGetValue(key, out var found)) return found;
        return memo[key] = Make(n, index, valid);
    }

    Node Make(Node n, Node[] ix, Node? valid)
    {
        var x = n.src.Length > 0 ? n.src[0] : null!;
        switch (n.Op)
        {
            case Op.Const:
                return slotOf(n) is >= 0 and var slot ? Ir.Elementwise(Op.Arg, n.DType, new SlotArg(slot)) : Node.Of(Op.Const, n.DType, Shape.Scalar, n.Arg);
            case Op.Iota:
                return n.DType == DType.I64 ? ix[0] : Ir.Scalar(Op.Cast, n.DType, ix[0]);
            case Op.Random:
                return RandomBits(slotOf(n), ix[0]);
            case Op.Leaf or Op.Detach or Op.Contiguous:
                return Value(x, ix, valid);
            case Op.Reshape:
                return Value(x, Reshape(ix, n.Shape, x.Shape), valid);
            case Op.Permute:
                {
                    var src = new Node[ix.Length];
                    for (int i = 0; i < ix.Length; i++) src[n.Axes[i]] = ix[i];
                    return Value(x, src, valid);
                }
            case Op.Expand:
                {
                    var src = (Node[])ix.Clone();
                    for (int i = 0; i < ix.Length; i++) if (x.Shape[i] == 1) src[i] = Ir.Int(0);
                    return Value(x, src, valid);
                }
            case Op.Shrink:
                {
                    var src = new Node[ix.Length];
                    for (int i = 0; i < ix.Length; i++) src[i] = IndexMath.Add(ix[i], n.Margins.Before[i]);
                    return Value(x, src, valid);
                }
            case Op.Flip:
                {
                    var src = (Node[])ix.Clone();
                    foreach (var a in n.Axes) src[a] = IndexMath.Add(IndexMath.Mul(ix[a], -1), x.Shape[a] - 1);
                    return Value(x, src, valid);
                }
            case Op.Pad:
                {
                    var src = (Node[])ix.Clone();
                    Node inside = Ir.True;
                    for (int i = 0; i < ix.Length; i++)
                    {
                        src[i] = IndexMath.Add(ix[i], -n.Margins.Before[i]);
                        inside = Ir.And(inside, Inside(src[i], x.Shape[i]));
                    }
                    return Guarded(x, src, inside, valid);
                }
            case Op.Window:
                {
                    var w = n.Windows;
                    var src = ix[..^1];
                    src[w.Axis] = IndexMath.Add(IndexMath.Mul(ix[w.Axis], w.Stride), IndexMath.Mul(ix[^1], w.Dilation));
                    return Value(x, src, valid);
                }
            case Op.Unwindow:
                {
                    var w = n.Windows;
                    var src = (Node[])ix.Clone();
                    var at = IndexMath.Add(ix[w.Axis], IndexMath.Mul(ix[^1], -w.Dilation));
                    // Shifted by a multiple of the stride to be non-negative, so that quotient and remainder are those of naturals.
                    long shift = ((w.Size - 1) * (long)w.Dilation + w.Stride - 1) / w.Stride;
                    var up = IndexMath.Add(at, shift * w.Stride);
                    src[w.Axis] = IndexMath.Add(IndexMath.Div(up, w.Stride), -shift);
                    var inside = Inside(src[w.Axis], x.Shape[w.Axis]);
                    var hits = IndexMath.Less(IndexMath.Mod(up, w.Stride), Ir.Int(1));
                    return Guarded(x, src, Ir.And(hits, inside), valid);
                }
            case Op.Gather:
                {
                    int rank = n.src[1].Shape.Rank;
                    return Value(x, [Checked(n, Value(n.src[1], ix[..rank], valid), valid), .. ix[rank..]], valid);
                }
            case Op.Reduce:
                {
                    var src = (Node[])ix.Clone();
                    var ranges = new List<Node>();
                    foreach (var a in n.Axes)
                    {
                        src[a] = Ir.Range(x.Shape[a]);
                        if (src[a].Op == Op.Range) ranges.Add(src[a]);
                    }
                    var kind = n.ReduceInfo.Kind;
                    if (x.Shape.Count == 0) return Identity(kind, n.DType);
                    var value = Value(x, src, valid);
                    if (ranges.Count == 0) return value;
                    // Booleans reduce as integers: or is a maximum, and a product.
                    var wide = n.DType == DType.Bool ? Ir.Scalar(Op.Cast, DType.I32, value) : Widen(value);
                    if (n.DType == DType.Bool && kind == Op.Add) kind = Op.Max;
                    return Narrow(Merge(kind, wide, ranges), n.DType);
                }
            case Op.Where:
                return Round(n.DType, Ir.Scalar(Op.Where, n.DType.ComputeType, Value(x, ix, valid), Widen(Value(n.src[1], ix, valid)), Widen(Value(n.src[2], ix, valid))));
            case Op.Cast:
                return Cast(Value(x, ix, valid), n.DType);
            case Op.Bitcast:
                return Ir.Scalar(Op.Bitcast, n.DType, Value(x, ix, valid));
            default:
                if (!n.Op.IsElementwise) throw new InvalidOperationException($"{n.Op} has no scalar form");
                var operands = Array.ConvertAll(n.src, s => Widen(Value(s, ix, valid)));
                return Arithmetic(n.Op, n.DType, operands);
        }
    }

    /// <summary>
    /// A loaded row number, checked against dimension 0 of what it selects from, unless its bounds are known to fit. In the padding of a guard there is nothing to
    /// check: a guarded read is row 0 there, and so is what is computed from positions, which are outside of their dimensions.
    /// </summary>
    Node Checked(Node n, Node row, Node? valid = null)
    {
        row = ToIndex(row);
        var (lo, hi) = IndexMath.Bounds(row);
        int extent = n.src[0].Shape[0];
        if (valid is not null && (lo < 0 || hi >= extent) && (row.Op == Op.Cast ? row.src[0] : row).Op != Op.Load) row = Ir.Scalar(Op.Where, DType.I64, valid, row, Ir.Int(0));
        return lo >= 0 && hi < extent ? row : Ir.Elementwise(Op.CheckIndex, DType.I64, new CheckArg(extent, siteOf(n)), row);
    }

    /// <summary>Destination row of element i of a scatter.</summary>
    public Node ScatterRow(Node scatter, Node i) => Checked(scatter, Value(scatter.src[1], [i]));

    /// <summary>a + b as the dtype computes it.</summary>
    public static Node Plus(DType t, Node a, Node b) => Round(t, Ir.Scalar(Op.Add, t == DType.Bool ? t : t.ComputeType, Widen(a), Widen(b)));

    /// <summary>A fold of a fold of the same kind is one fold: the inner one's ranges join, if nothing stands between but a guard.</summary>
    static Node Merge(Op kind, Node value, List<Node> ranges)
    {
        if (value.Op == Op.Fold && Ir.FoldKind(value) == kind)
            return Ir.Fold(kind, value.src[0], [.. ranges, .. value.src[1..]]);
        if (kind == Op.Add && value is { Op: Op.Where, src: [var inside, { Op: Op.Fold } inner, { Const: 0.0 }] } && Ir.FoldKind(inner) == kind)
            return Ir.Fold(kind, ZeroOutside(inside, inner.src[0]), [.. ranges, .. inner.src[1..]]);
        return Ir.Fold(kind, value, [.. ranges]);
    }

    static Node Arithmetic(Op op, DType dtype, Node[] s)
    {
        if (s[0].DType == DType.I64)
            switch (op)
            {
                case Op.Add: return IndexMath.Add(s[0], s[1]);
                case Op.Mul: return IndexMath.Mul(s[0], s[1]);
                case Op.IDiv: return IndexMath.Div(s[0], s[1]);
                case Op.Mod: return IndexMath.Mod(s[0], s[1]);
                case Op.CmpLt: return IndexMath.Less(s[0], s[1]);
            }
        var compute = dtype == DType.Bool ? DType.Bool : dtype.ComputeType;
        return Round(dtype, Algebra.Simplify(Ir.Scalar(op, compute, s)));
    }

    static Node Cast(Node x, DType to)
    {
        if (x.DType == to) return x;
        if (to == DType.I64 && x.DType == DType.I32) return ToIndex(x);
        x = Widen(x);
        return x.DType == to ? x : Algebra.Simplify(Ir.Scalar(Op.Cast, to, x));
    }

    /// <summary>A 32-bit integer as 64 bits; arithmetic on positions that cannot overflow is done in 64 bits all the way down, where it simplifies.</summary>
    static Node ToIndex(Node x) => x switch
    {
        { DType: DType.I64 } => x,
        { DType: DType.I32, IntConst: { } c } => Ir.Int(c),
        { DType: DType.I32, Op: Op.Cast } when x.src[0].DType == DType.I64 && FitsInt32(x.src[0]) => x.src[0],
        { DType: DType.I32, Op: Op.Add or Op.Mul or Op.IDiv or Op.Mod } when IndexMath.Bounds(x) is { Min: > int.MinValue, Max: < int.MaxValue } =>
            Arithmetic(x.Op, DType.I64, [ToIndex(x.src[0]), ToIndex(x.src[1])]),
        _ => Ir.Scalar(Op.Cast, DType.I64, x),
    };

    static bool FitsInt32(Node n) => IndexMath.Bounds(n) is { Min: >= int.MinValue, Max: <= int.MaxValue };

    /// <summary>Half precisions as float32, exactly.</summary>
    static Node Widen(Node x) => x.DType is DType.F16 or DType.BF16 ? (x.Op == Op.Cast && x.src[0].DType == DType.F32 && x.src[0].Op == Op.Cast && x.src[0].src[0].DType == x.DType ? x.src[0] : Ir.Scalar(Op.Cast, DType.F32, x)) : x;

    static Node Narrow(Node x, DType to) => x.DType == to ? x : Ir.Scalar(Op.Cast, to, x);

    static Node Round(DType to, Node x) => to is DType.F16 or DType.BF16 ? Algebra.Simplify(Ir.Scalar(Op.Cast, to, x)) : x;

    Node Guarded(Node x, Node[] index, Node inside, Node? valid)
    {
        if (inside.IntConst == 0) return Build.Const(x.DType, Shape.Scalar, 0L);
        if (inside == Ir.True) return Value(x, index, valid);
        var value = Value(x, index, Ir.And(valid, inside));
        if (value is { Op: Op.Load, Arg: ReadArg r } && value.src.Length > r.Source.Shape.Rank) return value; // a guarded read is zero outside
        var wide = Widen(value);
        return Narrow(ZeroOutside(inside, wide), x.DType);
    }

    /// <summary>inside ? value : 0; a guard within a guard is one guard, which leaves the product of a convolution where its recipe looks for it.</summary>
    static Node ZeroOutside(Node inside, Node value) => value is { Op: Op.Where, src: [var c, var v, { IntConst: 0 } or { Const: 0.0 }] }
        ? Ir.Scalar(Op.Where, value.DType, Ir.And(c, inside), v, value.src[2])
        : Ir.Scalar(Op.Where, value.DType, inside, value, Build.Const(value.DType, Shape.Scalar, 0L));

    static Node Inside(Node i, long extent) => Ir.And(IndexMath.Less(Ir.Int(-1), i), IndexMath.Less(i, Ir.Int(extent)));

    public static Node Identity(Op kind, DType t) => kind switch
    {
        Op.Add => Build.Const(t, Shape.Scalar, 0L),
        Op.Mul => Build.Const(t, Shape.Scalar, 1L),
        _ when t.IsFloat => Build.Const(t, Shape.Scalar, double.NegativeInfinity),
        _ => Build.Const(t, Shape.Scalar, t switch { DType.I8 => sbyte.MinValue, DType.I16 => short.MinValue, DType.I32 => int.MinValue, DType.I64 => long.MinValue, _ => 0L }),
    };

    /// <summary>Index of the source of a reshape: dimensions are matched in groups of equal size, so that arithmetic stays local to a group.</summary>
    static Node[] Reshape(Node[] ix, Shape from, Shape to)
    {
        var result = new Node[to.Rank];
        if (from.Count == 0)
        {
            Array.Fill(result, Ir.Int(0));
            return result;
        }
        int i = from.Rank - 1, j = to.Rank - 1;
        while (i >= 0 || j >= 0)
        {
            int i1 = i, j1 = j;
            long a = i >= 0 ? from[i--] : 1, b = j >= 0 ? to[j--] : 1;
            while (a != b)
                if (a < b) a *= from[i--];
                else b *= to[j--];
            // Dimensions i+1..i1 of the view are dimensions j+1..j1 of the source.
            Node flat = Ir.Int(0);
            for (int d = i + 1; d <= i1; d++) flat = IndexMath.Add(IndexMath.Mul(flat, from[d]), ix[d]);
            long inner = 1;
            for (int d = j1; d > j; d--)
            {
                result[d] = d == j + 1 ? IndexMath.Div(flat, inner) : IndexMath.Mod(IndexMath.Div(flat, inner), to[d]);
                inner *= to[d];
            }
        }
        return result;
    }

    /// <summary>Threefry-2x32 over 32-bit lanes; slot holds the key, slot + 1 the counter, as 64-bit words. See <see cref="Threefry"/>.</summary>
    static Node RandomBits(int slot, Node position)
    {
        Node Word(int s) => Ir.Elementwise(Op.Arg, DType.U32, new SlotArg(s));
        Node U(Op op, Node a, Node b) => Ir.Scalar(op, DType.U32, a, b);
        Node C(long v) => Build.Const(DType.U32, Shape.Scalar, v);
        Node k0 = Word(slot), k1 = Word(slot + 1), c0 = Word(slot + 2), c1 = Word(slot + 3);
        var k2 = U(Op.Xor, U(Op.Xor, k0, k1), C(Threefry.Parity));
        Node[] k = [k0, k1, k2];
        var low = U(Op.Add, c0, Ir.Scalar(Op.Cast, DType.U32, position));
        var carry = Ir.Scalar(Op.Where, DType.U32, Ir.Scalar(Op.CmpLt, DType.Bool, low, c0), C(1), C(0));
        Node x0 = U(Op.Add, low, k0), x1 = U(Op.Add, U(Op.Add, c1, carry), k1);
        for (int round = 0; round < 20; round++)
        {
            int r = Threefry.Rotations[round % 8];
            x0 = U(Op.Add, x0, x1);
            x1 = U(Op.Xor, U(Op.Or, U(Op.Shl, x1, C(r)), U(Op.Shr, x1, C(32 - r))), x0);
            if (round % 4 != 3) continue;
            int s = round / 4 + 1;
            x0 = U(Op.Add, x0, k[s % 3]);
            x1 = U(Op.Add, x1, U(Op.Add, k[(s + 1) % 3], C(s)));
        }
        return x0;
    }
}
