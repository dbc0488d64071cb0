using System.Numerics;
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

/// <summary>
/// A floating constant that C# computes anew for every run, a learning rate for one: never part of a graph's structure, whatever its value, and a replayed
/// graph gets the value of the moment.
/// </summary>
/// <param name="Bits">The value when the node was made.</param>
/// <param name="Source">Where it comes from; compared by reference.</param>
public sealed record HostArg(long Bits, HostValue Source) : ConstArg(Bits);

/// <summary>A number of the C# program that enters graphs; see <see cref="HostArg"/>.</summary>
public sealed class HostValue(Func<double> value)
{
    public double Now => value();
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

/// <summary>A cast as any other, but for gradients: they pass as they are, or are rounded to a dtype (and stay of their own). Gone after the backward pass is built.</summary>
public sealed record CastArg(DType? RoundsGradientTo) : NodeArg;

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

/// <summary>The kernel that computes a Custom node. Its identity is the instance's: a kernel is made once and used often.</summary>
public sealed record CustomArg(CustomKernel Kernel) : NodeArg;

/// <summary>Identity of a leaf that wants a gradient. Compared by reference.</summary>
public sealed record LeafArg(object Owner) : NodeArg
{
    public bool Equals(LeafArg? other) => ReferenceEquals(Owner, other?.Owner);
    public override int GetHashCode() => RuntimeHelpers.GetHashCode(Owner);
}

/// <summary>
/// One node of the graph: immutable, interned (structurally equal nodes that one thread makes are the same object), compared by reference.
/// Shape and dtype are those of its value.
/// </summary>
/// <remarks>
/// A table is a thread's own: what becomes one node decides what is fused with what, and so the last bits of results. It must not depend on when another thread
/// realises and forgets what it has built.
/// </remarks>
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

    /// <summary>The user's line that built the node ("Program.cs:12"), where one was recorded: for gathers and custom kernels, and for everything under CHECK=1.</summary>
    public string? Origin { get; internal set; }

    /// <summary>Smallest and largest value of an integer kernel expression, once it has been asked for (Kernels/IndexMath).</summary>
    internal (long Min, long Max)? IndexBounds { get; set; }

    internal readonly Node[] src;
    readonly int hash;
    readonly NodeTable table;

    Node(Op op, DType dtype, Shape shape, Node[] src, NodeArg? arg, int hash, NodeTable table)
    {
        (Op, DType, Shape, this.src, Arg, this.hash, this.table) = (op, dtype, shape, src, arg, hash, table);
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
        CustomArg c => c.Kernel.Name,
        MarginsArg m => $"{m.Before} {m.After}",
        _ => Arg!.GetType().Name,
    };

    // ---- interning ----

    [ThreadStatic]
    static NodeTable? thisThreads;

    static NodeTable Table => thisThreads ??= new();

    /// <summary>Nodes in this thread's table.</summary>
    public static int InternedCount => Table.Count;

    /// <summary>Forgets what this thread has made.</summary>
    internal static void NewEpoch() => Table.Clear();

    /// <summary>Forgets what the threads have made that made these: a data loader's makes batches and never realises one.</summary>
    internal static void NewEpoch(IEnumerable<Node> realised)
    {
        NodeTable? last = null;
        foreach (var n in realised)
        {
            if (n.table != last) n.table.Clear();
            last = n.table;
        }
        NewEpoch();
    }

    /// <summary>The same for what a captured program was given, of which no graph is looked at.</summary>
    internal static void NewEpoch(Tensor[] given)
    {
        foreach (var t in given) t.Node.table.Clear();
        NewEpoch();
    }

    /// <summary>A node that another thread or an earlier epoch made becomes this thread's, if that has no equal of it.</summary>
    internal static Node Adopted(Node n) => Table.Find(n.Op, n.DType, n.Shape, n.Arg, n.src, n.hash) ?? Table.Add(n);

    /// <summary>The node with these parts: an existing one if this thread's epoch has it.</summary>
    public static Node Of(Op op, DType dtype, Shape shape, NodeArg? arg, params Node[] src)
    {
        int hash = HashCode.Combine((int)op | ((int)dtype << 16), shape.GetHashCode(), arg?.GetHashCode() ?? 0);
        foreach (var s in src) hash = ((int)BitOperations.RotateLeft((uint)hash, 5) ^ s.hash) * -1640531535; // Knuth's multiplier: the low bits choose the place
        return Table.Find(op, dtype, shape, arg, src, hash) ?? Table.Add(Made());

        Node Made()
        {
            var node = new Node(op, dtype, shape, src, arg, hash, Table);
            if (Settings.Check > 0) node.Origin = Origins.UserLine();
            return node;
        }
    }

    bool Has(Op op, DType dtype, Shape shape, NodeArg? arg, Node[] src)
    {
        if (Op != op || DType != dtype || this.src.Length != src.Length || !Shape.Equals(shape)) return false;
        for (int i = 0; i < src.Length; i++)
            if (!ReferenceEquals(this.src[i], src[i])) return false;
        return Equals(Arg, arg);
    }

    /// <summary>Of its structure, so that a hash table of nodes, which compares them by reference, need not ask for an identity.</summary>
    public override int GetHashCode() => hash;

    /// <summary>
    /// Interned for one realise epoch: strong while a graph is built and run, emptied afterwards, so history cannot leak. The memory stays: a table
    /// as large as a training step's graph would be garbage of the kind that only full collections find. Locked, as another thread may realise what this one made.
    /// </summary>
    sealed class NodeTable
    {
        readonly Lock gate = new();
        Node?[] slots = new Node?[1 << 12]; // a power of two, at most half full; a node is at its hash or after it

        public int Count { get; private set; }

        public Node? Find(Op op, DType dtype, Shape shape, NodeArg? arg, Node[] src, int hash)
        {
            lock (gate)
            {
                for (int i = hash & (slots.Length - 1); slots[i] is { } node; i = (i + 1) & (slots.Length - 1))
                    if (node.hash == hash && node.Has(op, dtype, shape, arg, src)) return node;
                return null;
            }
        }

        /// <summary>Adds a node that was not found.</summary>
        public Node Add(Node node)
        {
            lock (gate)
            {
                if (2 * Count >= slots.Length) Grow();
                int i = node.hash & (slots.Length - 1);
                while (slots[i] is not null) i = (i + 1) & (slots.Length - 1);
                slots[i] = node;
                Count++;
                return node;
            }
        }

        void Grow()
        {
            var old = slots;
            slots = new Node?[2 * old.Length];
            foreach (var node in old)
            {
                if (node is null) continue;
                int i = node.hash & (slots.Length - 1);
                while (slots[i] is not null) i = (i + 1) & (slots.Length - 1);
                slots[i] = node;
            }
        }

        public void Clear()
        {
            lock (gate)
            {
                if (Count > 0) Array.Clear(slots); // replays make no nodes, and the table may be large
                Count = 0;
            }
        }
    }
}
