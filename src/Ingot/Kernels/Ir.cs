using System.Runtime.CompilerServices;
using Ingot.Graph;

namespace Ingot.Kernels;

/// <summary>A loop variable: 0 to Extent - 1. Ids order loops: a smaller id was made earlier.</summary>
sealed record RangeArg(int Id, long Extent) : NodeArg;

/// <summary>The lane number inside a vector, 0 to Lanes - 1: what depends on it is a vector.</summary>
sealed record LaneArg(int Lanes) : NodeArg;

/// <summary>A scalar that arrives with the launch: a float constant of the graph, or a part of a random stream's key and counter.</summary>
sealed record SlotArg(int Slot) : NodeArg;

/// <summary>A number that simplification must not look at: see <see cref="Ir.Size"/>.</summary>
sealed record SizeArg(long Value, string Name) : NodeArg;

/// <summary>An element of the value of a graph node, by its multi-dimensional index: what lowering produces before buffers are known.</summary>
sealed record ReadArg(Node Source) : NodeArg
{
    public bool Equals(ReadArg? other) => ReferenceEquals(Source, other?.Source);
    public override int GetHashCode() => RuntimeHelpers.GetHashCode(Source);
}

/// <summary>An element of a kernel buffer, by its flat index.</summary>
sealed record BufferSlot(int Slot) : NodeArg;

/// <summary>CheckIndex: the extent the value must be in, and the place in the user's program.</summary>
sealed record CheckArg(long Extent, int Site) : NodeArg;

/// <summary>Fold: the operation, and whether lanes accumulate side by side along the last range (else strictly in order).</summary>
sealed record FoldArg(Op Kind, bool Lanes = false) : NodeArg;

/// <summary>An accumulator.</summary>
sealed record AccArg(int Id) : NodeArg;

/// <summary>Where: the third operand is wanted rarely, and is computed only where the condition fails.</summary>
sealed record RareArg : NodeArg;

/// <summary>Kernel nodes: scalars over loop ranges. They are graph nodes of scalar shape, so that one rewriter serves both.</summary>
static class Ir
{
    static int nextRange;

    public static Node Int(long value) => Node.Of(Op.Const, DType.I64, Shape.Scalar, ConstArg.Of(value));

    public static Node True { get; } = Build.Const(DType.Bool, Shape.Scalar, 1L);

    public static Node False { get; } = Build.Const(DType.Bool, Shape.Scalar, 0L);

    /// <summary>A fresh loop variable; an extent of 1 needs none.</summary>
    public static Node Range(long extent) =>
        extent == 1 ? Int(0) : Node.Of(Op.Range, DType.I64, Shape.Scalar, new RangeArg(Interlocked.Increment(ref nextRange), extent));

    /// <summary>A natural number as if it were not known: what is written with it has the same form whatever it is, and so one code for all sizes (<see cref="Codegen.Il.CodeFamily"/>).</summary>
    /// <param name="value">The number.</param>
    /// <param name="name">What it is the number of: two that happen to be equal are two.</param>
    public static Node Size(long value, string name) => Node.Of(Op.Arg, DType.I64, Shape.Scalar, new SizeArg(value, name));

    public static Node Lane(int lanes) => Node.Of(Op.Range, DType.I64, Shape.Scalar, new LaneArg(lanes));

    public static Node Scalar(Op op, DType dtype, params Node[] src) => Node.Of(op, dtype, Shape.Scalar, null, src);

    public static Node Elementwise(Op op, DType dtype, NodeArg? arg, params Node[] src) => Node.Of(op, dtype, Shape.Scalar, arg, src);

    public static Node Read(Node source, Node[] index, Node? valid) =>
        Node.Of(Op.Load, source.DType, Shape.Scalar, new ReadArg(source), valid is null ? index : [.. index, valid]);

    public static Node Load(DType dtype, int slot, Node index, Node? valid = null) =>
        Node.Of(Op.Load, dtype, Shape.Scalar, new BufferSlot(slot), valid is null ? [index] : [index, valid]);

    public static Node Fold(Op kind, Node value, params ReadOnlySpan<Node> ranges)
    {
        var used = new List<Node> { value };
        foreach (var r in ranges)
            if (r.Op == Op.Range) used.Add(r);
        return Node.Of(Op.Fold, value.DType, Shape.Scalar, new FoldArg(kind), [.. used]);
    }

    public static Node And(Node? a, Node b) => a is null || a == True ? b : b == True || a == b || a == False ? a : b == False ? b : Scalar(Op.And, DType.Bool, a, b);

    public static long Extent(Node range) => ((RangeArg)range.Arg!).Extent;

    public static int Id(Node range) => ((RangeArg)range.Arg!).Id;

    public static bool IsLane(Node n) => n.Arg is LaneArg;

    public static bool IsRange(Node n) => n.Op == Op.Range && n.Arg is RangeArg;

    /// <summary>An accumulator; with a lane among its operands it is a vector.</summary>
    public static Node Acc(DType dtype, Node? lane) => Node.Of(Op.Acc, dtype, Shape.Scalar, new AccArg(Interlocked.Increment(ref nextRange)), lane is null ? [] : [lane]);

    public static Op FoldKind(Node n) => ((FoldArg)n.Arg!).Kind;

    /// <summary>Rebuilds an expression with some nodes replaced; integer arithmetic is simplified again on the way.</summary>
    public static Node Substitute(Node n, Dictionary<Node, Node> map)
    {
        var memo = new Dictionary<Node, Node>(map, ReferenceEqualityComparer.Instance);
        return Rebuild(n, memo, null);
    }

    /// <summary>Bottom-up: each node is rebuilt from its new operands, then given to rule (null: keep).</summary>
    public static Node Rewrite(Node n, Func<Node, Node?> rule) => Rebuild(n, new(ReferenceEqualityComparer.Instance), rule);

    public static Node Rebuild(Node root, Dictionary<Node, Node> memo, Func<Node, Node?>? rule)
    {
        var stack = new Stack<Node>();
        stack.Push(root);
        while (stack.TryPeek(out var n))
        {
            if (memo.ContainsKey(n)) { stack.Pop(); continue; }
            bool ready = true;
            foreach (var s in n.src)
                if (!memo.ContainsKey(s)) { stack.Push(s); ready = false; }
            if (!ready) continue;
            stack.Pop();
            bool same = true;
            foreach (var s in n.src) same &= ReferenceEquals(memo[s], s);
            var made = same ? n : Remake(n, Array.ConvertAll(n.src, s => memo[s]));
            memo[n] = rule?.Invoke(made) ?? made;
        }
        return memo[root];
    }

    /// <summary>The same operation on other operands, simplified where it is integer arithmetic or a fold over ranges that became constants.</summary>
    static Node Remake(Node n, Node[] src) => n switch
    {
        { Op: Op.Add, DType: DType.I64 } => IndexMath.Add(src[0], src[1]),
        { Op: Op.Mul, DType: DType.I64 } => IndexMath.Mul(src[0], src[1]),
        { Op: Op.IDiv, DType: DType.I64 } => IndexMath.Div(src[0], src[1]),
        { Op: Op.Mod, DType: DType.I64 } => IndexMath.Mod(src[0], src[1]),
        { Op: Op.CmpLt } when src[0].DType == DType.I64 => IndexMath.Less(src[0], src[1]),
        { Op: Op.And, DType: DType.Bool } => And(src[0], src[1]),
        { Op: Op.Load } when src.Length > 1 && src[^1] == True && (n.Arg is BufferSlot || src.Length > ((ReadArg)n.Arg!).Source.Shape.Rank) =>
            Node.Of(Op.Load, n.DType, Shape.Scalar, n.Arg, src[..^1]),
        { Op: Op.Load } when src.Length > 1 && src[^1] == False && n.Arg is BufferSlot => Build.Const(n.DType, Shape.Scalar, 0L),
        { Op: Op.Where } when src[0] == True => src[1],
        { Op: Op.Where } when src[0] == False => src[2],
        { Op: Op.Fold } => Node.Of(Op.Fold, n.DType, Shape.Scalar, n.Arg, [src[0], .. src[1..].SelectMany(s => IndexMath.Of(s).Terms).Select(t => t.Atom).Where(IsRange)]),
        _ => Node.Of(n.Op, n.DType, Shape.Scalar, n.Arg, src),
    };

    /// <summary>Every node of the expressions, operands first.</summary>
    public static List<Node> All(params IEnumerable<Node> roots) => Build.TopologicalOrder(roots);
}
