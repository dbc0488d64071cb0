using System.Runtime.InteropServices;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>
/// A scheduled and compiled graph: a list of launches over buffers that are leaves (given each time), outputs (allocated each time) or temporaries
/// (at fixed places of one arena). Running it again with other leaves and scalars compiles and schedules nothing.
/// </summary>
sealed partial class Plan
{
    /// <summary>Where a buffer's memory comes from at run time.</summary>
    enum Kind { Leaf, Output, Temporary }

    sealed record Buffer(Kind Kind, int Index, long Offset, long Bytes, DType DType, Shape Shape);

    /// <summary>One use of a compiled kernel: its buffers, its scalars, and the extents of its phases.</summary>
    sealed class Instance
    {
        public required int[] Buffers;
        public required int[] Scalars;
        public required Phase[] Phases;
        public long Flops, Bytes;
        /// <summary>What <see cref="Address"/> points into: addresses of sizes, a phase each, if its code takes any; then, from <see cref="First"/>, the launch's arguments.</summary>
        public long[] Words = [];
        public int First;
        public nint Address;
        public long[] ScratchOffsets = [];
        /// <summary>The kernel before its recipe, kept under VERIFY=1.</summary>
        public KernelAst? Reference;
    }

    readonly List<Launch> launches = [];
    readonly List<Buffer> buffers = [];
    readonly List<(DType DType, Shape Shape, int AssignedLeaf, long Bytes)> outputs = [];
    readonly List<Undo.Overwrite> overwrites = [];
    readonly List<(string Text, int Checked)> sites;

    /// <summary>For each target, which of the results it is: targets may turn out to be one node.</summary>
    public int[] OutputOf { get; private set; } = [];
    long arenaBytes;

    /// <summary>The launches between which each buffer is needed.</summary>
    (int First, int Last)[] uses = [];

    public int LaunchCount => launches.Count;

    /// <summary>Kernel uses: a launch over 148 parameters is 148.</summary>
    public int KernelCount => launches.Sum(l => Math.Max(1, l.Instances.Count));

    public long TemporaryBytes => arenaBytes;

    /// <summary>Leaves that are overwritten.</summary>
    public IEnumerable<int> AssignedLeaves => outputs.Where(o => o.AssignedLeaf >= 0).Select(o => o.AssignedLeaf);

    /// <summary>Bytes that are allocated for each distinct target; 0 for those that are assigned.</summary>
    public IReadOnlyList<long> ResultBytes => outputs.ConvertAll(o => o.AssignedLeaf >= 0 ? 0 : o.Bytes);

    /// <summary>Bytes of assigned tensors that are kept while the run may still fail.</summary>
    public long OldBytes => overwrites.Sum(o => o.Bytes);

    /// <summary>Name, FLOPs and bytes of each launch, in order.</summary>
    public IEnumerable<(string Name, long Flops, long Bytes, int Reads, int Writes)> Describe() =>
        launches.Select(l => l.Host is { } host ? (l.Name, 0, BytesOf(host), host.Buffers.Length - 1, 1) : (l.Name, l.Instances.Sum(i => i.Flops), l.Instances.Sum(i => i.Bytes), l.Instances.Sum(i => i.Buffers.Length) - l.Instances.Sum(i => Writes[i]), l.Instances.Sum(i => Writes[i])));

    /// <summary>What became of each kernel, in words.</summary>
    public IEnumerable<string> Recipes => launches.Where(l => l.Kernel is not null).Select(l => string.Join("; ", l.Kernel!.Nest.Recipe));

    readonly Dictionary<Instance, int> Writes = [];

    Plan(List<(string, int)> sites) => this.sites = sites;

    /// <param name="targets">Clean target nodes.</param>
    /// <param name="leafOf">Number of a Buffer node among the leaves.</param>
    /// <param name="slotOf">Number of the first scalar of a Const or Random node, or -1.</param>
    /// <param name="checkedAt">Numbers of the nodes that may fail as they run, among <see cref="PlanKey.Checked"/>.</param>
    public static Plan Make(IReadOnlyList<Node> targets, Func<Node, int> leafOf, Func<Node, int> slotOf, IReadOnlyDictionary<Node, int> checkedAt)
    {
        var sites = new List<(string, int)>();
        int Site(Node n)
        {
            sites.Add(($"{n.Op} of {n.src[0].DType.Name}{n.src[0].Shape}", checkedAt.GetValueOrDefault(n, -1)));
            return sites.Count - 1;
        }
        var plan = new Plan(sites);
        plan.Build(targets, Scheduler.Run([.. targets.Distinct()], slotOf, Site), leafOf, n => checkedAt.GetValueOrDefault(n, -1));
        return plan;
    }

    void Build(IReadOnlyList<Node> targets, List<Scheduler.Kernel> kernels, Func<Node, int> leafOf, Func<Node, int> checkedAt)
    {
        var number = new Dictionary<Node, int>(ReferenceEqualityComparer.Instance);
        var distinct = targets.Distinct().ToList();
        OutputOf = [.. targets.Select(t => distinct.IndexOf(t))];
        foreach (var t in distinct)
            outputs.Add((t.DType, t.Shape, t.Op == Op.Assign ? leafOf(t.src[0]) : -1, Math.Max(1, t.Shape.Count) * t.DType.Size));
        int BufferOf(Node n)
        {
            if (number.TryGetValue(n, out int id)) return id;
            int output = distinct.IndexOf(n);
            buffers.Add(n.Op == Op.Buffer ? new(Kind.Leaf, leafOf(n), 0, 0, n.DType, n.Shape)
                : n.Op == Op.Assign ? new(Kind.Leaf, leafOf(n.src[0]), 0, 0, n.DType, n.Shape)
                : output >= 0 ? new(Kind.Output, output, 0, 0, n.DType, n.Shape)
                : new(Kind.Temporary, -1, 0, Math.Max(64, n.Shape.Count * n.DType.Size), n.DType, n.Shape));
            return number[n] = buffers.Count - 1;
        }

        // Launches: kernels come in dependence order, level by level; equal kernels of one level share a launch.
        var made = new HashSet<int>();
        for (int at = 0; at < kernels.Count; at++)
        {
            var k = kernels[at];
            var ids = k.Buffers.ConvertAll(BufferOf);
            if (k.Ast is null)
            {
                launches.Add(HostLaunch(k.Outputs[0], [.. ids], checkedAt(k.Outputs[0])));
                continue;
            }
            long flops = k.Ast.Flops();
            var scalars = NumberScalars(k.Ast);
            var reference = Settings.Verify > 0 ? Copy(k.Ast) : null;
            var compiled = CompiledKernel.Of(k.Ast, (key, ast) => RecipeCache.Find(key) ?? (Settings.Beam > 0 ? Search(key, ast, [.. k.Buffers], scalars.Length) : null), out var nest, (kernels.Count << 16) | at);
            var writes = k.Ast.Steps.SelectMany(s => s.Stores).Select(s => s.Slot).Where(s => k.Ast.Slots[s].ScratchElements == 0).ToHashSet();
            var instance = new Instance { Buffers = [.. ids], Scalars = scalars, Phases = [.. nest.Phases], Flops = flops, Bytes = Traffic(k, writes), Reference = reference };
            Writes[instance] = writes.Count;
            // An earlier launch of the same kernel takes this one in, if nothing this one reads or overwrites was touched since. Computed earlier than
            // needed, a large temporary would be in memory for longer: what a checkpoint computes again, with the first time.
            var same = launches.LastOrDefault(l => l.Kernel == compiled);
            bool isLarge = ids.Where((_, slot) => writes.Contains(slot)).Any(id => buffers[id] is { Kind: Kind.Temporary, Bytes: > SmallTemporary });
            if (same is null || (isLarge && same != launches[^1]) || !Independent(same, ids, writes)) launches.Add(same = new Launch { Name = k.Ast.Name, Kernel = compiled });
            same.Instances.Add(instance);
            same.Assigns |= writes.Any(s => buffers[ids[s]].Kind == Kind.Leaf);
            same.MayFail |= k.MayFail && Ir.All(k.Ast.Roots).Exists(n => n.Op == Op.CheckIndex);
        }
        PlaceTemporaries();
        FindOverwrites();
    }

    /// <summary>What has to be kept: leaves written up to the last launch that may fail, the failing one itself included.</summary>
    void FindOverwrites()
    {
        int last = Settings.Verify > 0 ? launches.Count - 1 : launches.FindLastIndex(l => l.MayFail);
        for (int l = 0; l <= last; l++)
            foreach (var i in launches[l].Instances)
                for (int s = 0; s < i.Buffers.Length; s++)
                    if (buffers[i.Buffers[s]] is { Kind: Kind.Leaf } b && launches[l].Kernel!.Written.Contains(s)) overwrites.Add(new(l, b.Index, b.Shape.Count * b.DType.Size));
    }

    /// <summary>Bytes of a temporary that is computed early for the sake of a shared launch.</summary>
    const long SmallTemporary = 64 * 1024;

    /// <summary>Whether a kernel with these buffers may run as early as the given launch.</summary>
    bool Independent(Launch at, List<int> ids, HashSet<int> writes)
    {
        var mine = ids.Select(Memory).ToList();
        var myWrites = ids.Where((_, slot) => writes.Contains(slot)).Select(Memory).ToHashSet();
        for (int i = launches.Count - 1; i >= 0; i--)
        {
            foreach (var x in launches[i].Instances)
                for (int b = 0; b < x.Buffers.Length; b++)
                {
                    var m = Memory(x.Buffers[b]);
                    bool written = launches[i].Kernel!.Written.Contains(b);
                    if ((written && mine.Contains(m)) || myWrites.Contains(m)) return false;
                }
            if (launches[i].Host is { } host && Array.Exists(host.Buffers, b => mine.Contains(Memory(b)))) return false;
            if (launches[i] == at) return true;
        }
        return false;
    }

    (Kind, int) Memory(int buffer) => buffers[buffer] is { Kind: Kind.Leaf } leaf ? (Kind.Leaf, leaf.Index) : (Kind.Output, -1 - buffer);

    /// <summary>Scalar arguments numbered from 0 within the kernel; returns the plan's numbers.</summary>
    static int[] NumberScalars(KernelAst ast)
    {
        var numbers = new List<int>();
        for (int i = 0; i < ast.Steps.Count; i++)
            ast.Steps[i] = ast.Steps[i] with
            {
                Stores = [.. ast.Steps[i].Stores.Select(s => s with
                {
                    Value = Ir.Rewrite(s.Value, n =>
                    {
                        if (n.Arg is not SlotArg a) return null;
                        int at = numbers.IndexOf(a.Slot);
                        if (at < 0) { numbers.Add(a.Slot); at = numbers.Count - 1; }
                        return Ir.Elementwise(Op.Arg, n.DType, new SlotArg(at));
                    }),
                })],
            };
        return [.. numbers];
    }

    /// <summary>Bytes that must cross memory at least: every buffer once, as much of it as the kernel can touch.</summary>
    static long Traffic(Scheduler.Kernel k, HashSet<int> writes)
    {
        long total = 0;
        var free = new FreeRanges();
        for (int slot = 0; slot < k.Buffers.Count; slot++)
        {
            long size = k.Buffers[slot].Shape.Count, touched = 0;
            foreach (var n in Ir.All(k.Ast!.Roots))
                if (n is { Op: Op.Load, Arg: BufferSlot b } && b.Slot == slot) touched = Math.Max(touched, free.Of(n.src[0]).Aggregate(1L, (p, r) => p * Ir.Extent(r)));
            if (touched > 0) total += Math.Min(size, touched) * k.Buffers[slot].DType.Size;
            if (writes.Contains(slot)) total += size * k.Buffers[slot].DType.Size;
        }
        return total;
    }

    /// <summary>Workers that have scratch of their own.</summary>
    int workers;

    static long BytesOf(SlotInfo scratch, int workers) => Codegen.Il.IlEmitter.ScratchBytes(scratch) * (scratch.PerWorker ? workers : 1);

    static IEnumerable<int> BuffersOf(Launch launch) => launch.Host?.Buffers ?? launch.Instances.SelectMany(i => i.Buffers);

    /// <summary>First fit by time of life: buffers that do not live at once may share memory. Scratch lives for its launch.</summary>
    void PlaceTemporaries()
    {
        (workers, arenaBytes) = (Runtime.WorkerPool.Threads, 0);
        var lives = new List<Life>();
        uses = new (int First, int Last)[buffers.Count];
        Array.Fill(uses, (-1, -1));
        for (int l = 0; l < launches.Count; l++)
            foreach (int b in BuffersOf(launches[l])) uses[b] = (uses[b].First < 0 ? l : uses[b].First, l);
        for (int b = 0; b < buffers.Count; b++)
        {
            int id = b;
            if (buffers[b].Kind == Kind.Temporary && uses[b].First >= 0) lives.Add(new(lives.Count, buffers[b].Bytes, uses[b].First, uses[b].Last, at => buffers[id] = buffers[id] with { Offset = at }));
        }
        for (int l = 0; l < launches.Count; l++)
            foreach (var i in launches[l].Instances)
            {
                var nest = launches[l].Kernel!.Nest;
                i.ScratchOffsets = new long[nest.Slots.Count];
                for (int s = 0; s < nest.Slots.Count; s++)
                {
                    var info = nest.Slots[s];
                    if (info.ScratchElements == 0) continue;
                    int slot = s;
                    lives.Add(new(lives.Count, BytesOf(info, workers), l, l, at => i.ScratchOffsets[slot] = at));
                }
                var sizes = launches[l].Kernel!.Sizes ?? [];
                i.First = sizes.Length;
                i.Words = GC.AllocateArray<long>(i.First + 1 + nest.Slots.Count + i.Scalars.Length, pinned: true);
                for (int p = 0; p < sizes.Length; p++)
                    if (sizes[p] is { } own) i.Words[i.First - 1 - p] = Marshal.UnsafeAddrOfPinnedArrayElement(own, 0);
                i.Address = Marshal.UnsafeAddrOfPinnedArrayElement(i.Words, i.First);
            }
        lives.Sort(static (a, b) => a.Bytes != b.Bytes ? b.Bytes.CompareTo(a.Bytes) : a.Number.CompareTo(b.Number));
        var placed = new List<Life>(lives.Count); // by address
        foreach (var life in lives)
        {
            long size = (life.Bytes + 127) / 64 * 64, at = 0;
            foreach (var p in placed)
            {
                if (p.First > life.Last || life.First > p.Last) continue;
                if (at + size <= p.From) break;
                at = Math.Max(at, p.To);
            }
            (life.From, life.To) = (at, at + size);
            int above = placed.FindIndex(p => p.From > at);
            placed.Insert(above < 0 ? placed.Count : above, life);
            life.Place(at);
            arenaBytes = Math.Max(arenaBytes, at + size);
        }
    }

    /// <summary>Something that needs memory from one launch to another. A class, as are all of which there are lists here: lists of values would each be compiled anew when a process starts.</summary>
    sealed class Life(int number, long bytes, int first, int last, Action<long> place)
    {
        public int Number => number;
        public long Bytes => bytes;
        public int First => first;
        public int Last => last;
        public Action<long> Place => place;

        /// <summary>Its place.</summary>
        public long From, To;
    }
}
