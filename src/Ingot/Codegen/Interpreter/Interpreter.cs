using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Codegen;

/// <summary>
/// The reference: evaluates graph nodes one by one, exactly as the op table says, rounding every result to its dtype.
/// Plain and slow, to be stepped through. All back ends are tested against it.
/// </summary>
static class Interpreter
{
    /// <summary>A node's value: doubles for floating dtypes, 64-bit integers for the rest, row-major.</summary>
    internal sealed record Value(Node Node, double[]? F, long[]? I)
    {
        public long Count => Node.Shape.Count;
    }

    /// <summary>Computes the nodes and sets their <see cref="Node.Realized"/>.</summary>
    public static void Realize(IReadOnlyList<Node> targets)
    {
        var values = Evaluate(targets);
        foreach (var t in targets)
        {
            if (t.Op == Op.Assign)
            {
                Store(values[t], t.src[0].Storage);
                t.src[0].Storage.Version++;
                t.Realized = Build.Buffer(t.DType, t.Shape, t.src[0].Storage);
                continue;
            }
            var storage = Storage.Allocate(t.Shape.Count * t.DType.Size);
            Store(values[t], storage);
            t.Realized = Build.Buffer(t.DType, t.Shape, storage);
        }
    }

    /// <summary>The values of the roots and of everything below them that is not already in memory.</summary>
    public static Dictionary<Node, Value> Evaluate(IReadOnlyList<Node> roots)
    {
        var values = new Dictionary<Node, Value>(ReferenceEqualityComparer.Instance);
        foreach (var n in Build.TopologicalOrder(roots, n => n.Realized is not null))
            values[n] = n.Realized is { } r ? Load(n, r) : Eval(n, values);
        return values;
    }

    static Value Eval(Node n, Dictionary<Node, Value> values)
    {
        var src = Array.ConvertAll(n.src, s => values[s]);
        int count = checked((int)n.Shape.Count);
        return n.Op switch
        {
            Op.Buffer => Load(n, n),
            Op.Const => n.DType.IsFloat ? Floats(n, _ => n.Const!.Value) : Integers(n, _ => n.IntConst!.Value),
            Op.Iota => n.DType.IsFloat ? Floats(n, i => i) : Integers(n, i => i),
            Op.Random => Integers(n, i => Threefry.Bits(((RandomArg)n.Arg!).Key, ((RandomArg)n.Arg!).Counter + (ulong)i)),
            Op.Where => Map(n, src, i => src[0].I![i] != 0 ? 1 : 2),
            Op.Cast => Cast(n, src[0]),
            Op.Bitcast => Bitcast(n, src[0]),
            Op.Reduce => Reduce(n, src[0]),
            Op.Scan => Scan(n, src[0]),
            Op.Sort => Sort(n, src[0]),
            Op.Gather => Gather(n, src[0], src[1]),
            Op.Scatter or Op.ScatterAdd => Scatter(n, src[0], src[1], src[2]),
            Op.Assign => src[1] with { Node = n },
            Op.Contiguous or Op.Leaf or Op.Detach or Op.Reshape => src[0] with { Node = n },
            Op.Custom => Custom(n, src),
            _ when n.Op.IsMovement => Move(n, src[0]),
            _ when n.Op.IsElementwise => Elementwise(n, src),
            _ => throw new NotSupportedException($"{n.Op} is not a graph operation"),
        };

        Value Elementwise(Node node, Value[] s)
        {
            var info = node.Op.Info;
            if (s[0].F is { } a)
            {
                var f = info.Float ?? throw new DTypeException($"{node.Op} has no meaning on {s[0].Node.DType.Name}");
                var b = s.Length > 1 ? s[1].F! : a;
                return node.DType.IsFloat ? Floats(node, i => f(a[i], b[i])) : Integers(node, i => (long)f(a[i], b[i]));
            }
            var g = info.Integer ?? throw new DTypeException($"{node.Op} has no meaning on {s[0].Node.DType.Name}");
            var x = s[0].I!;
            var y = s.Length > 1 ? s[1].I! : x;
            if (s[0].Node.DType == DType.U64) // 64-bit unsigned values are held as their bits
                g = node.Op switch { Op.CmpLt => (p, q) => (ulong)p < (ulong)q ? 1 : 0, Op.Max => (p, q) => (long)Math.Max((ulong)p, (ulong)q), Op.Shr => (p, q) => (long)((ulong)p >> (int)q), _ => g };
            return Integers(node, i => g(x[i], y[i]));
        }
    }

    static Value Floats(Node n, Func<int, double> f)
    {
        var r = new double[checked((int)n.Shape.Count)];
        for (int i = 0; i < r.Length; i++) r[i] = Numbers.Round(n.DType, f(i));
        return new(n, r, null);
    }

    static Value Integers(Node n, Func<int, long> f)
    {
        var r = new long[checked((int)n.Shape.Count)];
        for (int i = 0; i < r.Length; i++) r[i] = Numbers.Wrap(n.DType, f(i));
        return new(n, null, r);
    }

    /// <summary>Each element taken from one of the operands at the same place.</summary>
    static Value Map(Node n, Value[] src, Func<int, int> which) =>
        n.DType.IsFloat ? Floats(n, i => src[which(i)].F![i]) : Integers(n, i => src[which(i)].I![i]);

    /// <summary>Each element taken from place f(i) of x; zero where f(i) is negative.</summary>
    static Value Take(Node n, Value x, Func<int, long> f) =>
        n.DType.IsFloat ? Floats(n, i => f(i) is >= 0 and var j ? x.F![j] : 0) : Integers(n, i => f(i) is >= 0 and var j ? x.I![j] : 0);

    static Value Cast(Node n, Value x) => (n.DType, x.F) switch
    {
        (DType.Bool, { } f) => Integers(n, i => f[i] != 0 ? 1 : 0),
        (_, { } f) when n.DType.IsFloat => Floats(n, i => f[i]),
        (_, { } f) => Integers(n, i => Truncate(n.DType, f[i])),
        _ when n.DType.IsFloat => Floats(n, i => x.Node.DType == DType.U64 ? (ulong)x.I![i] : x.I![i]),
        _ => Integers(n, i => x.I![i]),
    };

    static long Truncate(DType to, double x) => to == DType.U64 ? (long)(ulong)x : (long)x;

    static Value Bitcast(Node n, Value x)
    {
        var storage = Storage.Allocate(n.Shape.Count * n.DType.Size);
        Store(x, storage);
        return Load(n, Build.Buffer(n.DType, n.Shape, storage));
    }

    static Value Reduce(Node n, Value x)
    {
        var kind = n.ReduceInfo.Kind;
        int count = checked((int)n.Shape.Count);
        double start = kind switch { Op.Add => 0, Op.Mul => 1, _ => double.NegativeInfinity };
        var f = kind.Info.Float!;
        var g = kind.Info.Integer!;
        var accF = new double[count];
        var accI = new long[count];
        Array.Fill(accF, start);
        Array.Fill(accI, kind switch { Op.Add => 0, Op.Mul => 1, _ => n.DType.IsUnsigned ? 0 : long.MinValue >> (64 - 8 * n.DType.Size) });
        var outStrides = n.Shape.Strides();
        var dims = x.Node.Shape;
        for (int i = 0; i < x.Count; i++)
        {
            long rest = i, o = 0;
            for (int d = dims.Rank - 1; d >= 0; d--)
            {
                if (n.Shape[d] != 1) o += rest % dims[d] * outStrides[d];
                rest /= dims[d];
            }
            if (x.F is not null) accF[o] = f(accF[o], x.F[i]);
            else accI[o] = g(accI[o], x.I![i]);
        }
        return n.DType.IsFloat ? Floats(n, i => accF[i]) : Integers(n, i => accI[i]);
    }

    static Value Scan(Node n, Value x)
    {
        int axis = n.Axes[0];
        long stride = n.Shape.Strides()[axis];
        int extent = n.Shape[axis];
        var info = n.ReduceInfo.Kind.Info;
        if (x.F is { } f)
        {
            var acc = new double[f.Length];
            for (int i = 0; i < f.Length; i++) acc[i] = i / stride % extent == 0 ? f[i] : info.Float!(acc[i - stride], f[i]);
            return Floats(n, i => acc[i]);
        }
        var r = new long[x.I!.Length];
        for (int i = 0; i < r.Length; i++) r[i] = i / stride % extent == 0 ? x.I[i] : info.Integer!(r[i - stride], x.I[i]);
        return Integers(n, i => r[i]);
    }

    static Value Sort(Node n, Value x)
    {
        int length = n.Shape.Rank == 0 ? 1 : n.Shape[^1];
        var result = new long[checked((int)n.Shape.Count)];
        bool descending = ((SortArg)n.Arg!).Descending;
        for (int row = 0; row < result.Length; row += Math.Max(1, length))
        {
            int start = row;
            int Compare(long i, long j)
            {
                int c = x.F is { } f ? CompareFloats(f[start + i], f[start + j]) : x.I![start + i].CompareTo(x.I[start + j]);
                return c != 0 ? (descending ? -c : c) : i.CompareTo(j);
            }
            var order = Enumerable.Range(0, length).Select(i => (long)i).ToArray();
            Array.Sort(order, Compare);
            order.CopyTo(result, row);
        }
        return Integers(n, i => result[i]);
    }

    /// <summary>Sorts values in memory; compiled plans sort by this as well.</summary>
    /// <param name="n">The Sort node.</param>
    /// <param name="from">Its operand's values.</param>
    /// <param name="to">The indices, i64.</param>
    public static void RunSort(Node n, Storage from, Storage to)
    {
        var x = n.src[0];
        Store(Sort(n, Load(x, Build.Buffer(x.DType, x.Shape, from))), to);
    }

    static Value Custom(Node n, Value[] src)
    {
        Storage Memory(Node of) => Storage.Allocate(of.Shape.Count * of.DType.Size);
        Storage[] memory = [.. n.src.Select(Memory), Memory(n)];
        for (int i = 0; i < src.Length; i++) Store(src[i], memory[i]);
        ((CustomArg)n.Arg!).Kernel.Run(n, memory, n.Origin);
        return Load(n, Build.Buffer(n.DType, n.Shape, memory[^1]));
    }

    /// <summary>NaN is greater than every number, as in PyTorch.</summary>
    static int CompareFloats(double a, double b) =>
        double.IsNaN(a) ? (double.IsNaN(b) ? 0 : 1) : double.IsNaN(b) ? -1 : a < b ? -1 : a > b ? 1 : 0;

    static Value Move(Node n, Value x)
    {
        var from = x.Node.Shape;
        var strides = from.Strides();
        var outDims = n.Shape;
        return Take(n, x, i =>
        {
            if (n.Op == Op.Reshape) return i;
            long rest = i, at = 0, last = outDims.Rank == 0 ? 0 : i % outDims[^1];
            for (int d = outDims.Rank - 1; d >= 0; d--)
            {
                long index = rest % outDims[d];
                rest /= outDims[d];
                int source = d;
                switch (n.Op)
                {
                    case Op.Permute: source = n.Axes[d]; break;
                    case Op.Expand: if (from[d] == 1) index = 0; break;
                    case Op.Shrink: index += n.Margins.Before[d]; break;
                    case Op.Flip: if (n.Axes.Contains(d)) index = from[d] - 1 - index; break;
                    case Op.Pad:
                        index -= n.Margins.Before[d];
                        if (index < 0 || index >= from[d]) return -1;
                        break;
                    case Op.Window:
                        if (d == n.Windows.Axis) index = index * n.Windows.Stride + last * n.Windows.Dilation;
                        if (d == outDims.Rank - 1) continue; // the window axis itself
                        break;
                    case Op.Unwindow when d == n.Windows.Axis:
                        index -= last * n.Windows.Dilation;
                        if (index < 0 || index % n.Windows.Stride != 0) return -1;
                        index /= n.Windows.Stride;
                        if (index >= from[d]) return -1;
                        break;
                }
                at += index * strides[source];
            }
            return at;
        });
    }

    static Value Gather(Node n, Value x, Value index)
    {
        int rows = x.Node.Shape[0];
        long row = rows == 0 ? 0 : x.Count / rows;
        return Take(n, x, i => CheckedRow(n, index.I![i / row], rows) * row + i % row);
    }

    static Value Scatter(Node n, Value target, Value index, Value src)
    {
        int rows = n.Shape[0];
        long row = rows == 0 ? 0 : target.Count / rows;
        var f = (double[]?)target.F?.Clone();
        var v = (long[]?)target.I?.Clone();
        for (int i = 0; i < src.Count; i++)
        {
            long at = CheckedRow(n, index.I![i / row], rows) * row + i % row;
            if (f is not null) f[at] = n.Op == Op.ScatterAdd ? Numbers.Round(n.DType, f[at] + src.F![i]) : src.F![i];
            else v![at] = n.Op == Op.ScatterAdd ? Numbers.Wrap(n.DType, v[at] + src.I![i]) : src.I![i];
        }
        return new(n, f, v);
    }

    static long CheckedRow(Node n, long index, int rows) => index >= 0 && index < rows ? index
        : throw new TensorIndexException($"index {index} is out of range for dimension 0 of {n.src[0].Shape}{(n.Origin is { } at ? $", in the {n.Op} built at {at}" : "")}");

    // ---- memory ----

    internal static Value Load(Node n, Node buffer)
    {
        int count = checked((int)n.Shape.Count);
        var s = buffer.Storage;
        double[] F<T>(Func<T, double> f) where T : unmanaged { var a = s.Span<T>(0, count); var r = new double[count]; for (int i = 0; i < count; i++) r[i] = f(a[i]); GC.KeepAlive(s); return r; }
        long[] I<T>(Func<T, long> f) where T : unmanaged { var a = s.Span<T>(0, count); var r = new long[count]; for (int i = 0; i < count; i++) r[i] = f(a[i]); GC.KeepAlive(s); return r; }
        return n.DType switch
        {
            DType.F64 => new(n, F<double>(x => x), null),
            DType.F32 => new(n, F<float>(x => x), null),
            DType.F16 => new(n, F<Half>(x => (double)x), null),
            DType.BF16 => new(n, F<BFloat16>(x => (float)x), null),
            DType.I64 => new(n, null, I<long>(x => x)),
            DType.I32 => new(n, null, I<int>(x => x)),
            DType.I16 => new(n, null, I<short>(x => x)),
            DType.I8 => new(n, null, I<sbyte>(x => x)),
            DType.U8 => new(n, null, I<byte>(x => x)),
            DType.Bool => new(n, null, I<byte>(x => x != 0 ? 1 : 0)),
            DType.U16 => new(n, null, I<ushort>(x => x)),
            DType.U32 => new(n, null, I<uint>(x => x)),
            DType.U64 => new(n, null, I<ulong>(x => (long)x)),
            _ => throw new NotSupportedException(n.DType.Name),
        };
    }

    internal static void Store(Value v, Storage s)
    {
        int count = checked((int)v.Count);
        void F<T>(Func<double, T> f) where T : unmanaged { var a = s.Span<T>(0, count); for (int i = 0; i < count; i++) a[i] = f(v.F![i]); GC.KeepAlive(s); }
        void I<T>(Func<long, T> f) where T : unmanaged { var a = s.Span<T>(0, count); for (int i = 0; i < count; i++) a[i] = f(v.I![i]); GC.KeepAlive(s); }
        switch (v.Node.DType)
        {
            case DType.F64: F(x => x); break;
            case DType.F32: F(x => (float)x); break;
            case DType.F16: F(x => (Half)x); break;
            case DType.BF16: F(x => (BFloat16)(float)x); break;
            case DType.I64: I(x => x); break;
            case DType.I32: I(x => (int)x); break;
            case DType.I16: I(x => (short)x); break;
            case DType.I8: I(x => (sbyte)x); break;
            case DType.U8 or DType.Bool: I(x => (byte)x); break;
            case DType.U16: I(x => (ushort)x); break;
            case DType.U32: I(x => (uint)x); break;
            case DType.U64: I(x => (ulong)x); break;
        }
    }
}
