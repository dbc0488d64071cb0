using System.Runtime.InteropServices;
using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>What a plan is given for one run.</summary>
/// <param name="Leaves">Memory of the leaves.</param>
/// <param name="Scalars">Values that are not part of the structure.</param>
/// <param name="OriginOf">The user's line of a node that may fail.</param>
readonly record struct PlanArguments(Storage[] Leaves, long[] Scalars, Func<int, string?> OriginOf);

/// <summary>
/// The structure of a graph as a sequence of words, in topological order, and beside it what is not structure: leaves' memory and scalar values.
/// Two graphs with equal words run by one plan.
/// </summary>
/// <remarks>
/// A float constant has a slot at each of its uses, for nodes are interned: a learning rate that happens to equal a decay today is one node with it, and
/// must be neither another structure than tomorrow's nor one argument for both.
/// </remarks>
sealed class PlanKey : IEquatable<PlanKey>
{
    readonly List<long> words;
    readonly List<object> objects;
    int hash;

    // One key at a time is being looked up, under the realiser's lock. What it takes is as large as the graph and stays from step to step: thrown
    // away, it would be garbage of the kind that only full collections find.
    static readonly List<long> SharedWords = [];
    static readonly List<object> SharedObjects = [];
    static readonly List<Node> order = [];
    static readonly HashSet<Node> done = [];
    static readonly Stack<(Node, bool)> stack = [];
    static readonly Dictionary<Node, int> number = [], randomOf = [];
    static readonly Dictionary<Storage, int> storages = new(ReferenceEqualityComparer.Instance);
    static readonly Dictionary<Node, ConstArg> constants = [];
    static readonly Dictionary<(Node User, int Operand), int> scalarUses = [];

    public List<Storage> Leaves { get; private set; } = [];
    public List<long> Scalars { get; private set; } = [];

    /// <summary>Nodes that may fail as they run, by a bad index or in the user's own kernel: this graph's, since a plan serves graphs built at other lines.</summary>
    public List<Node> Checked { get; } = [];

    public PlanArguments Arguments() => new([.. Leaves], [.. Scalars], i => Checked[i].Origin);

    /// <summary>Leaves that a gradient is wanted of.</summary>
    public HashSet<int> Parameters { get; } = [];

    /// <summary>Scalars that C# computes for every run: which of <see cref="Scalars"/>, from where, and as what.</summary>
    public List<(int Scalar, HostValue Source, DType DType)> HostScalars { get; } = [];

    /// <summary>Random streams: the first of each one's four <see cref="Scalars"/>.</summary>
    public List<(int Scalar, RandomArg Stream)> RandomScalars { get; } = [];

    /// <summary>A floating scalar as a kernel's argument.</summary>
    public static long Word(DType dtype, double value) => dtype == DType.F64 ? BitConverter.DoubleToInt64Bits(value) : BitConverter.SingleToInt32Bits((float)value);

    /// <summary>The four arguments of a random stream.</summary>
    public static void Write(ulong key, ulong counter, Span<long> scalars) =>
        (scalars[0], scalars[1], scalars[2], scalars[3]) = ((uint)key, (uint)(key >> 32), (uint)counter, (uint)(counter >> 32));

    public static int LeafOf(Node buffer) => storages.TryGetValue(buffer.Storage, out int i) ? i : throw new InvalidOperationException($"{buffer} is no leaf of this plan");

    /// <summary>Number of the first scalar of a constant that stands for a use (<see cref="ScalarUse"/>) or of a random stream; -1 for other nodes.</summary>
    public static int ScalarOf(Node n) => n.Arg is ScalarArg s ? s.Scalar : randomOf.GetValueOrDefault(n, -1);

    /// <summary>What stands in a plan for an operand (-1: the node itself) that is a float constant, or a constant's view: a constant of that use alone. Else null.</summary>
    public static Node? ScalarUse(Node user, int operand)
    {
        if (!scalarUses.TryGetValue((user, operand), out int scalar)) return null;
        var n = operand < 0 ? user : user.src[operand];
        return Node.Of(Op.Const, n.DType, n.Shape, new ScalarArg(constants[n].Bits, scalar));
    }

    sealed record ScalarArg(long Bits, int Scalar) : ConstArg(Bits);

    /// <summary>All nodes of the latest graph, operands first.</summary>
    public static IReadOnlyList<Node> Order => order;

    /// <summary>Lets go of the latest graph.</summary>
    public static void Forget()
    {
        SharedWords.Clear();
        SharedObjects.Clear();
        order.Clear();
        done.Clear();
        number.Clear();
        randomOf.Clear();
        storages.Clear();
        constants.Clear();
        scalarUses.Clear();
    }

    /// <summary>The key of a graph, good until the next one is made: <see cref="Frozen"/> to keep it.</summary>
    public static PlanKey Of(IReadOnlyList<Node> targets)
    {
        Forget();
        var key = new PlanKey(SharedWords, SharedObjects, 0);
        var isTarget = new HashSet<Node>(targets);
        Build.Order(targets, static n => n.Realized is not null, order, done, stack);
        foreach (var n in order)
        {
            if (IsConstant(n) && !isTarget.Contains(n)) continue;
            number[n] = number.Count;
            key.Add(n);
        }
        foreach (var t in targets) key.words.Add(number[t]);
        key.words.Add((int)Cpu.Level);
        var h = new HashCode();
        h.AddBytes(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(key.words)));
        foreach (var o in key.objects) h.Add(o);
        key.hash = h.ToHashCode();
        return key;
    }

    /// <summary>A float constant that is not structure, or nothing but movement of one.</summary>
    static bool IsConstant(Node n)
    {
        if (n.Realized is not null) return false;
        if (n is { Op: Op.Const, DType.IsFloat: true, Arg: ConstArg c })
        {
            bool isArgument = c is HostArg || !IsStructural(c.Float);
            if (isArgument) constants[n] = c;
            return isArgument;
        }
        if (!(n.Op.IsMark || n.Op is Op.Reshape or Op.Expand or Op.Permute or Op.Shrink or Op.Flip) || !constants.TryGetValue(n.src[0], out var value)) return false;
        constants[n] = value;
        return true;
    }

    /// <summary>A slot of its own for this use.</summary>
    void AddScalar(Node user, int operand)
    {
        var n = operand < 0 ? user : user.src[operand];
        words.Add(-1);
        words.Add(((long)n.DType << 8) | (long)n.Shape.Rank);
        foreach (int d in n.Shape.Span) words.Add(d);
        scalarUses[(user, operand)] = Scalars.Count;
        var value = constants[n];
        if (value is HostArg host) HostScalars.Add((Scalars.Count, host.Source, n.DType));
        Scalars.Add(Word(n.DType, value.Float));
    }

    void Add(Node n)
    {
        var buffer = n.Realized ?? (n.Op == Op.Buffer ? n : null);
        words.Add(((long)(buffer is null ? n.Op : Op.Buffer) << 16) | ((long)n.DType << 8) | (long)n.Shape.Rank);
        foreach (int d in n.Shape.Span) words.Add(d);
        if (buffer is not null)
        {
            var arg = (BufferArg)buffer.Arg!;
            Realizer.CheckVersion(buffer);
            // One leaf a storage: two views of one memory must be seen as such.
            if (!storages.TryGetValue(arg.Storage, out int leaf))
            {
                storages[arg.Storage] = leaf = Leaves.Count;
                Leaves.Add(arg.Storage);
            }
            words.Add(leaf);
            return;
        }
        if (n.Op is Op.Gather or Op.Scatter or Op.ScatterAdd or Op.Custom) Checked.Add(n);
        if (n.Op == Op.Leaf && (n.src[0].Realized ?? n.src[0]) is { Op: Op.Buffer } memory) Parameters.Add(LeafOf(memory));
        if (constants.ContainsKey(n))
        {
            AddScalar(n, -1);
            return;
        }
        for (int i = 0; i < n.src.Length; i++)
        {
            if (constants.ContainsKey(n.src[i])) AddScalar(n, i);
            else words.Add(number[n.src[i]]);
        }
        switch (n.Arg)
        {
            case null: break;
            case ConstArg c: words.Add(c.Bits); break;
            case RandomArg r:
                randomOf[n] = Scalars.Count;
                RandomScalars.Add((Scalars.Count, r));
                Scalars.AddRange([0, 0, 0, 0]);
                Write(r.Key, r.Counter, CollectionsMarshal.AsSpan(Scalars)[^4..]);
                break;
            case LeafArg: break;
            default: objects.Add(n.Arg); break;
        }
    }

    /// <summary>Constants that simplification may rely on.</summary>
    static bool IsStructural(double x) => x is 0 or 1 or -1 || double.IsInfinity(x) || double.IsNaN(x);

    /// <summary>The structure as bytes that mean the same in another process; false if it holds what belongs to this one.</summary>
    public bool Write(BinaryWriter to)
    {
        to.Write(words.Count);
        to.Write(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(words)));
        to.Write(objects.Count);
        foreach (object o in objects)
        {
            ReadOnlySpan<Shape> shapes = o switch { AxesArg a => [a.Axes], ReduceArg r => [r.Axes], MarginsArg m => [m.Before, m.After], _ => [] };
            (int kind, int[] numbers) = o switch
            {
                AxesArg => (1, (int[])[]),
                ReduceArg r => (2, [(int)r.Kind]),
                MarginsArg => (3, []),
                WindowArg w => (4, [w.Axis, w.Size, w.Stride, w.Dilation]),
                CastArg c => (5, [c.RoundsGradientTo is { } t ? (int)t : -1]),
                _ => (0, []),
            };
            if (kind == 0) return false;
            to.Write((byte)kind);
            foreach (int n in numbers) to.Write(n);
            foreach (var s in shapes)
            {
                to.Write(s.Rank);
                foreach (int d in s.Span) to.Write(d);
            }
        }
        return true;
    }

    /// <summary>The key without what belongs to one run, to be kept.</summary>
    public PlanKey Frozen() => new([.. words], [.. objects], hash);

    PlanKey(List<long> words, List<object> objects, int hash) => (this.words, this.objects, this.hash) = (words, objects, hash);

    public bool Equals(PlanKey? o) => o is not null && hash == o.hash && words.Count == o.words.Count && objects.Count == o.objects.Count
        && CollectionsMarshal.AsSpan(words).SequenceEqual(CollectionsMarshal.AsSpan(o.words)) && objects.SequenceEqual(o.objects);

    public override bool Equals(object? obj) => Equals(obj as PlanKey);

    public override int GetHashCode() => hash;
}
