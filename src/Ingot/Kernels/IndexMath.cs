using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>
/// Index arithmetic on 64-bit integers, kept in one canonical form: a sum of (coefficient x atom) plus a constant. An atom is a range,
/// or something that is not linear (a quotient, a remainder, a loaded index). Bounds of atoms decide quotients and remainders.
/// </summary>
static class IndexMath
{
    /// <summary>A linear form. Terms are sorted, so equal sums are equal nodes.</summary>
    public sealed class Linear
    {
        public readonly List<(Node Atom, long Factor)> Terms = [];
        public long Constant;

        public void Add(Node atom, long factor)
        {
            for (int i = 0; i < Terms.Count; i++)
            {
                if (Terms[i].Atom != atom) continue;
                long f = Terms[i].Factor + factor;
                if (f == 0) Terms.RemoveAt(i);
                else Terms[i] = (atom, f);
                return;
            }
            if (factor != 0) Terms.Add((atom, factor));
        }

        public Linear Scaled(long c)
        {
            var r = new Linear { Constant = Constant * c };
            if (c != 0) foreach (var (a, f) in Terms) r.Terms.Add((a, f * c));
            return r;
        }

        public long FactorOf(Node atom)
        {
            foreach (var (a, f) in Terms) if (a == atom) return f;
            return 0;
        }

        public Node ToNode()
        {
            Terms.Sort(static (x, y) => Order(x.Atom, y.Atom));
            Node? sum = null;
            foreach (var (a, f) in Terms)
            {
                var t = f == 1 ? a : Ir.Scalar(Op.Mul, DType.I64, a, Ir.Int(f));
                sum = sum is null ? t : Ir.Scalar(Op.Add, DType.I64, sum, t);
            }
            return sum is null ? Ir.Int(Constant) : Constant == 0 ? sum : Ir.Scalar(Op.Add, DType.I64, sum, Ir.Int(Constant));
        }

        /// <summary>By structure alone, ranges first: a kernel's text is then the same in every process.</summary>
        static int Order(Node a, Node b)
        {
            if (ReferenceEquals(a, b)) return 0;
            if (Ir.IsRange(a) && Ir.IsRange(b)) return Ir.Id(a).CompareTo(Ir.Id(b));
            int order = Ir.IsRange(b).CompareTo(Ir.IsRange(a));
            if (order == 0) order = a.Op.CompareTo(b.Op);
            if (order == 0) order = a.DType.CompareTo(b.DType);
            if (order == 0) order = Nullable.Compare(a.IntConst, b.IntConst);
            if (order == 0 && a.Arg is BufferSlot x && b.Arg is BufferSlot y) order = x.Slot.CompareTo(y.Slot);
            if (order == 0) order = a.src.Length.CompareTo(b.src.Length);
            for (int i = 0; order == 0 && i < a.src.Length; i++) order = Order(a.src[i], b.src[i]);
            return order;
        }
    }

    /// <summary>The linear form of an I64 expression.</summary>
    public static Linear Of(Node n)
    {
        var r = new Linear();
        Collect(n, 1, r);
        return r;
    }

    static void Collect(Node n, long factor, Linear into)
    {
        if (n.IntConst is { } c) into.Constant += c * factor;
        else if (n.DType == DType.I64 && n.Op == Op.Add) { Collect(n.src[0], factor, into); Collect(n.src[1], factor, into); }
        else if (n.DType == DType.I64 && n.Op == Op.Mul && n.src[1].IntConst is { } m) Collect(n.src[0], factor * m, into);
        else if (n.DType == DType.I64 && n.Op == Op.Neg) Collect(n.src[0], -factor, into);
        else into.Add(n, factor);
    }

    public static Node Add(Node a, Node b)
    {
        var r = Of(a);
        Collect(b, 1, r);
        return r.ToNode();
    }

    /// <summary>The smaller of two; a where the bounds decide.</summary>
    public static Node Min(Node a, Node b) => Less(a, b) is var less && less == Ir.True ? a : Ir.Scalar(Op.Where, DType.I64, less, a, b);

    public static Node Min(Node a, long b) => Bounds(a).Max <= b ? a : Min(a, Ir.Int(b));

    /// <summary>Mixed-radix digits of a flat index over ranges, outermost first.</summary>
    public static void Digits(IReadOnlyList<Node> ranges, Node flat, Dictionary<Node, Node> into)
    {
        long inner = 1;
        for (int i = ranges.Count - 1; i >= 0; i--)
        {
            long extent = Ir.Extent(ranges[i]);
            var q = Div(flat, inner);
            into[ranges[i]] = i == 0 ? q : Mod(q, extent);
            inner *= extent;
        }
    }

    public static Node Add(Node a, long c) => Add(a, Ir.Int(c));

    public static Node Mul(Node a, Node b) =>
        b.IntConst is { } c ? Mul(a, c) : a.IntConst is { } d ? Mul(b, d) : Ir.Scalar(Op.Mul, DType.I64, a, b);

    public static Node Mul(Node a, long c) => Of(a).Scaled(c).ToNode();

    public static Node Div(Node a, Node b) => b.IntConst is { } c and > 0 ? Div(a, c) : Ir.Scalar(Op.IDiv, DType.I64, a, b);

    /// <summary>floor(a / c), c > 0: multiples of c leave; what stays within [0, c) vanishes.</summary>
    public static Node Div(Node a, long c)
    {
        if (c == 1) return a;
        var (whole, rest) = Split(Of(a), c);
        var r = rest.ToNode();
        var (lo, hi) = Bounds(r);
        if (Floor(lo, c) == Floor(hi, c)) { whole.Constant += Floor(lo, c); return whole.ToNode(); }
        if (Coarse(rest, c) is var (g, big, _) && g > 1) { Collect(Div(Divided(big, g).ToNode(), c / g), 1, whole); return whole.ToNode(); }
        // (x / a) / b = x / (a*b)
        if (r.Op == Op.IDiv && r.src[1].IntConst is { } inner and > 0) { Collect(Div(r.src[0], inner * c), 1, whole); return whole.ToNode(); }
        whole.Add(Ir.Scalar(Op.IDiv, DType.I64, r, Ir.Int(c)), 1);
        return whole.ToNode();
    }

    public static Node Mod(Node a, Node b) => b.IntConst is { } c and > 0 ? Mod(a, c) : Ir.Scalar(Op.Mod, DType.I64, a, b);

    /// <summary>a - c*floor(a / c), c > 0.</summary>
    public static Node Mod(Node a, long c)
    {
        if (c == 1) return Ir.Int(0);
        var (_, rest) = Split(Of(a), c);
        var r = rest.ToNode();
        var (lo, hi) = Bounds(r);
        if (Floor(lo, c) == Floor(hi, c)) { rest.Constant -= Floor(lo, c) * c; return rest.ToNode(); }
        if (Coarse(rest, c) is var (g, big, small) && g > 1) return Add(Mul(Mod(Divided(big, g).ToNode(), c / g), g), small.ToNode());
        // (x % (k*c)) % c = x % c
        if (r.Op == Op.Mod && r.src[1].IntConst is { } inner && inner % c == 0) return Mod(r.src[0], c);
        return Ir.Scalar(Op.Mod, DType.I64, r, Ir.Int(c));
    }

    /// <summary>a &lt; b as a bool node, decided by bounds where they allow.</summary>
    public static Node Less(Node a, Node b)
    {
        var d = Of(a);
        Collect(b, -1, d);
        var (lo, hi) = Bounds(d.ToNode());
        return hi < 0 ? Ir.True : lo >= 0 ? Build.Const(DType.Bool, Shape.Scalar, 0L) : Ir.Scalar(Op.CmpLt, DType.Bool, a, b);
    }

    /// <summary>The multiples of c (divided by it) and the rest, with factors within [0, c).</summary>
    static (Linear Whole, Linear Left) Split(Linear a, long c)
    {
        var whole = new Linear { Constant = Floor(a.Constant, c) };
        var rest = new Linear { Constant = a.Constant - Floor(a.Constant, c) * c };
        foreach (var (atom, f) in a.Terms)
        {
            long q = Floor(f, c), r = f - q * c;
            // -1 stays -1 where that keeps the rest in bounds: r and r - c are equally right.
            whole.Add(atom, q);
            rest.Add(atom, r);
        }
        return (whole, rest);
    }

    /// <summary>
    /// Splits a = big + small with g dividing c and every factor of big, and small within [0, g): then floor(a / c) = floor((big/g) / (c/g)),
    /// as small never carries. g = 1: no such split.
    /// </summary>
    static (long G, Linear Big, Linear Small) Coarse(Linear a, long c)
    {
        foreach (long threshold in a.Terms.Select(t => Math.Abs(t.Factor)).Distinct().Order())
        {
            long g = c;
            var big = new Linear();
            var small = new Linear { Constant = a.Constant };
            foreach (var (atom, f) in a.Terms)
                if (Math.Abs(f) >= threshold) { big.Terms.Add((atom, f)); g = Gcd(g, Math.Abs(f)); }
                else small.Terms.Add((atom, f));
            if (g <= 1) continue;
            long carry = Floor(small.Constant, g) * g;
            small.Constant -= carry;
            big.Constant += carry;
            var (lo, hi) = Bounds(small.ToNode());
            if (lo >= 0 && hi < g) return (g, big, small);
        }
        return (1, a, new Linear());
    }

    static Linear Divided(Linear a, long g)
    {
        var r = new Linear { Constant = a.Constant / g };
        foreach (var (atom, f) in a.Terms) r.Terms.Add((atom, f / g));
        return r;
    }

    static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    static long Floor(long a, long c) => OpTable.FloorDiv(a, c);

    const long Far = 1L << 60;

    /// <summary>Smallest and largest value of an integer expression, from its ranges; as wide as the dtype where nothing is known.</summary>
    public static (long Min, long Max) Bounds(Node n)
    {
        if (n.IndexBounds is { } known) return known;
        var own = OfType(n.DType);
        var b = n.DType is DType.I64 or DType.I32 || n.Op is Op.Const or Op.Cast ? Derive(n) : own;
        if (b.Min < own.Min || b.Max > own.Max) b = own; // it may wrap around
        n.IndexBounds = b;
        return b;
    }

    static (long Min, long Max) Derive(Node n)
    {
        switch (n.Op)
        {
            case Op.Const: return n.IntConst is { } v ? (v, v) : OfType(n.DType);
            case Op.Range: return n.Arg is LaneArg l ? (0, l.Lanes - 1) : (0, Ir.Extent(n) - 1);
            case Op.Arg when n.Arg is SizeArg || Chunk.Name(n) is not null: return (0, Far);
            case Op.CheckIndex: return (0, ((CheckArg)n.Arg!).Extent - 1);
            case Op.Neg: { var (a, b) = Bounds(n.src[0]); return Clamp(-(Int128)b, -(Int128)a); }
            case Op.Add: { var (a, b) = Bounds(n.src[0]); var (c, d) = Bounds(n.src[1]); return Clamp((Int128)a + c, (Int128)b + d); }
            case Op.Mul:
                {
                    var (a, b) = Bounds(n.src[0]);
                    var (c, d) = Bounds(n.src[1]);
                    Int128 p = (Int128)a * c, q = (Int128)a * d, r = (Int128)b * c, s = (Int128)b * d;
                    return Clamp(Int128.Min(Int128.Min(p, q), Int128.Min(r, s)), Int128.Max(Int128.Max(p, q), Int128.Max(r, s)));
                }
            case Op.IDiv when n.src[1].IntConst is { } c and > 0: { var (a, b) = Bounds(n.src[0]); return (Floor(a, c), Floor(b, c)); }
            case Op.Mod when n.src[1].IntConst is { } c and > 0: { var (a, b) = Bounds(n.src[0]); return Floor(a, c) == Floor(b, c) ? (a - Floor(a, c) * c, b - Floor(a, c) * c) : (0, c - 1); }
            case Op.Max: { var (a, b) = Bounds(n.src[0]); var (c, d) = Bounds(n.src[1]); return (Math.Max(a, c), Math.Max(b, d)); }
            case Op.Where: { var (a, b) = Bounds(n.src[1]); var (c, d) = Bounds(n.src[2]); return (Math.Min(a, c), Math.Max(b, d)); }
            case Op.Cast when n.src[0].DType is { IsFloat: false } from:
                {
                    var inner = Bounds(n.src[0]);
                    var own = OfType(n.DType);
                    return inner.Min >= own.Min && inner.Max <= own.Max ? inner : own;
                }
            default: return OfType(n.DType);
        }
    }

    static (long Min, long Max) OfType(DType t) => t switch
    {
        DType.Bool => (0, 1),
        DType.U8 => (0, 255),
        DType.I8 => (-128, 127),
        DType.I16 => (short.MinValue, short.MaxValue),
        DType.U16 => (0, ushort.MaxValue),
        DType.I32 => (int.MinValue, int.MaxValue),
        DType.U32 => (0, uint.MaxValue),
        _ => (-Far, Far),
    };

    static (long, long) Clamp(Int128 lo, Int128 hi) => ((long)Int128.Max(lo, -Far), (long)Int128.Min(hi, Far));
}
