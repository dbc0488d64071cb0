using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Ingot.Runtime;

namespace Ingot.Graph;

/// <summary>What a node carries besides its operands; one type a kind of op.</summary>
public abstract record NodeArg;

/// <summary>A constant: <see cref="Float"/> for floating dtypes, <see cref="Integer"/> for the rest. Compared by bits, so -0.0 and NaN keep their identity.</summary>
public record ConstArg(long Bits) : NodeArg
{
    public static ConstArg Of(double value) => new(BitConverter.DoubleToInt64Bits(value));
    public static ConstArg Of(long value) => new(value);
    public double Float => BitConverter.Int64BitsToDouble(Bits);
    public long Integer => Bits;
}

/// <summary>Axes of a Permute (the order), Flip or Reduce.</summary>
public sealed record AxesArg(Shape Axes) : NodeArg;

/// <summary>Reduce and Scan: the operation (Add, Mul or Max) and its axes.</summary>
public sealed record ReduceArg(Op Kind, Shape Axes) : NodeArg;

/// <summary>Pad: zeros before and after each dimension. Shrink: elements cut off before and after each dimension.</summary>
public sealed record MarginsArg(Shape Before, Shape After) : NodeArg;

/// <summary>Window and Unwindow: windows of <paramref name="Size"/> elements along <paramref name="Axis"/>.</summary>
public sealed record WindowArg(int Axis, int Size, int Stride, int Dilation) : NodeArg;

/// <summary>Sort: direction.</summary>
public sealed record SortArg(bool Descending) : NodeArg;

/// <summary>The memory behind a Buffer node. A class: two buffers are never the same node.</summary>
/// <param name="Storage">The memory.</param>
/// <param name="Version">The storage's version when the node was made; a later Assign makes this node stale.</param>
public sealed record BufferArg(Storage Storage, int Version) : NodeArg
{
    public bool Equals(BufferArg? other) => ReferenceEquals(Storage, other?.Storage) && Version == other.Version;
    public override int GetHashCode() => HashCode.Combine(RuntimeHelpers.GetHashCode(Storage), Version);
}

/// <summary>A stream of random bits: Threefry-2x32 of (key, counter + position). The counter is a launch argument: replaying advances it, no recompilation.</summary>
public sealed record RandomArg(ulong Key, ulong Counter) : NodeArg;

/// <summary>Identity of a leaf that wants a gradient. Compared by reference.</summary>
public sealed record LeafArg(object Owner) : NodeArg
{
    public bool Equals(LeafArg? other) => ReferenceEquals(Owner, other?.Owner);
    public override int GetHashCode() => RuntimeHelpers.GetHashCode(Owner);
}

/// <summary>
/// One node of the graph: immutable, interned (structurally equal nodes are the same object), compared by reference.
/// Shape and dtype are those of its value.
/// </summary>
public sealed class Node
{
    public Op Op { get; }
    public DType DType { get; }
    public Shape Shape { get; }
    public IReadOnlyList<Node> Src => src;
    public NodeArg? Arg { get; }

    /// <summary>A gradient can flow to a leaf below this node.</summary>
    public bool RequiresGrad { get; }

    /// <summary>The buffer that holds this node's value once it has been computed; set by a realise, never unset.</summary>
    public Node? Realized { get; internal set; }

    /// <summary>The user's line that built the node ("Program.cs:12"), where one was recorded: for gathers, and for everything under CHECK=1.</summary>
    public string? Origin { get; internal set; }

    /// <summary>Smallest and largest value of an integer kernel expression, once it has been asked for (Kernels/IndexMath).</summary>
    internal (long Min, long Max)? IndexBounds { get; set; }

    internal readonly Node[] src;
    readonly int hash;

    Node(Op op, DType dtype, Shape shape, Node[] src, NodeArg? arg, int hash)
    {
        (Op, DType, Shape, this.src, Arg, this.hash) = (op, dtype, shape, src, arg, hash);
        RequiresGrad = op == Op.Leaf || (op != Op.Detach && Array.Exists(src, s => s.RequiresGrad));
    }

    /// <summary>The constant's value as a double, null unless this is a floating or integer constant.</summary>
    public double? Const => Op != Op.Const ? null : DType.IsFloat ? ((ConstArg)Arg!).Float : ((ConstArg)Arg!).Integer;

    /// <summary>The constant's value as an integer, null unless this is an integer or bool constant.</summary>
    public long? IntConst => Op == Op.Const && !DType.IsFloat ? ((ConstArg)Arg!).Integer : null;

    public Storage Storage => ((BufferArg)Arg!).Storage;

    public ReduceArg ReduceInfo => (ReduceArg)Arg!;

    public Shape Axes => Arg is ReduceArg r ? r.Axes : ((AxesArg)Arg!).Axes;

    public WindowArg Windows => (WindowArg)Arg!;

    public MarginsArg Margins => (MarginsArg)Arg!;

    public override string ToString() => $"{Op}{(Arg is null or BufferArg ? "" : $"[{Describe()}]")} {DType.Name}{Shape}";

    string Describe() => Arg switch
    {
        ConstArg => Const!.Value.ToString("R"),
        ReduceArg r => $"{r.Kind} {r.Axes}",
        AxesArg a => a.Axes.ToString(),
        MarginsArg m => $"{m.Before} {m.After}",
        _ => Arg!.GetType().Name,
    };

    // ---- interning ----

    readonly struct Key(Op op, DType dtype, Shape shape, Node[] src, NodeArg? arg, int hash) : IEquatable<Key>
    {
        public readonly int Hash = hash;
        readonly Op op = op;
        readonly DType dtype = dtype;
        readonly Shape shape = shape;
        readonly Node[] src = src;
        readonly NodeArg? arg = arg;

        public bool Equals(Key o)
        {
            if (Hash != o.Hash || op != o.op || dtype != o.dtype || src.Length != o.src.Length || !shape.Equals(o.shape)) return false;
            for (int i = 0; i < src.Length; i++)
                if (!ReferenceEquals(src[i], o.src[i])) return false;
            return Equals(arg, o.arg);
        }

        public override bool Equals(object? obj) => obj is Key k && Equals(k);
        public override int GetHashCode() => Hash;
    }

    /// <summary>Interned for one realise epoch: strong while a graph is built and run, dropped whole afterwards, so history cannot leak.</summary>
    static ConcurrentDictionary<Key, Node> table = new();

    /// <summary>Nodes in the current epoch's table.</summary>
    public static int InternedCount => table.Count;

    internal static void NewEpoch() => table = new();

    /// <summary>The node with these parts: an existing one if the epoch has it.</summary>
    public static Node Of(Op op, DType dtype, Shape shape, NodeArg? arg, params Node[] src)
    {
        var h = new HashCode();
        h.Add((int)op);
        h.Add((int)dtype);
        h.Add(shape.GetHashCode());
        foreach (var s in src) h.Add(RuntimeHelpers.GetHashCode(s));
        if (arg is not null) h.Add(arg.GetHashCode());
        int hash = h.ToHashCode();
        var key = new Key(op, dtype, shape, src, arg, hash);
        if (table.TryGetValue(key, out var found)) return found;
        var node = new Node(op, dtype, shape, src, arg, hash);
        if (Settings.Check > 0) node.Origin = Origins.UserLine();
        return table.GetOrAdd(key, node);
    }

    public override int GetHashCode() => hash;
}
