using System.Runtime.InteropServices;
using Ingot.Graph;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>
/// The structure of a graph as a sequence of words, in topological order, and beside it what is not structure: leaves' memory and scalar values.
/// Two graphs with equal words run by one plan.
/// </summary>
sealed class PlanKey : IEquatable<PlanKey>
{
    readonly List<long> words = [];
    readonly List<object> objects = [];
    int hash;
    Dictionary<Node, int>? leafOf = new(ReferenceEqualityComparer.Instance), scalarOf = new(ReferenceEqualityComparer.Instance);

    public List<Storage> Leaves { get; private set; } = [];
    public List<long> Scalars { get; private set; } = [];

    public int LeafOf(Node buffer) => leafOf!.TryGetValue(buffer, out int i) ? i : throw new InvalidOperationException($"{buffer} is no leaf of this plan");

    public int ScalarOf(Node n) => scalarOf!.GetValueOrDefault(n, -1);

    public static PlanKey Of(IReadOnlyList<Node> targets)
    {
        var key = new PlanKey();
        var number = new Dictionary<Node, int>(ReferenceEqualityComparer.Instance);
        var storages = new Dictionary<Storage, int>(ReferenceEqualityComparer.Instance);
        foreach (var n in Build.TopologicalOrder(targets, n => n.Realized is not null))
        {
            number[n] = number.Count;
            key.Add(n, number, storages);
        }
        foreach (var t in targets) key.words.Add(number[t]);
        key.words.Add((int)Cpu.Level);
        var h = new HashCode();
        h.AddBytes(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(key.words)));
        foreach (var o in key.objects) h.Add(o);
        key.hash = h.ToHashCode();
        return key;
    }

    void Add(Node n, Dictionary<Node, int> number, Dictionary<Storage, int> storages)
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
            leafOf![buffer] = leaf;
            words.Add(leaf);
            return;
        }
        foreach (var s in n.src) words.Add(number[s]);
        switch (n.Arg)
        {
            case null: break;
            case ConstArg c when n.DType.IsFloat && !IsStructural(c.Float):
                words.Add(-1);
                scalarOf![n] = Scalars.Count;
                Scalars.Add(n.DType == DType.F64 ? c.Bits : BitConverter.SingleToInt32Bits((float)c.Float));
                break;
            case ConstArg c: words.Add(c.Bits); break;
            case RandomArg r:
                scalarOf![n] = Scalars.Count;
                Scalars.AddRange([(uint)r.Key, (uint)(r.Key >> 32), (uint)r.Counter, (uint)(r.Counter >> 32)]);
                break;
            case LeafArg: break;
            default: objects.Add(n.Arg); break;
        }
    }

    /// <summary>Constants that simplification may rely on.</summary>
    static bool IsStructural(double x) => x is 0 or 1 or -1 || double.IsInfinity(x) || double.IsNaN(x);

    /// <summary>The key without what belongs to one run, to be kept.</summary>
    public PlanKey Frozen()
    {
        leafOf = scalarOf = null;
        return new PlanKey(words, objects, hash);
    }

    PlanKey() { }

    PlanKey(List<long> words, List<object> objects, int hash) => (this.words, this.objects, this.hash) = (words, objects, hash);

    public bool Equals(PlanKey? o) => o is not null && hash == o.hash && words.Count == o.words.Count && objects.Count == o.objects.Count
        && CollectionsMarshal.AsSpan(words).SequenceEqual(CollectionsMarshal.AsSpan(o.words)) && objects.SequenceEqual(o.objects);

    public override bool Equals(object? obj) => Equals(obj as PlanKey);

    public override int GetHashCode() => hash;
}
