namespace Ingot.Schedule;

/// <summary>What a plan's memory is for: printed under DEBUG=1, and when there is not enough of it.</summary>
sealed partial class Plan
{
    /// <summary>Leaves that a gradient is wanted of.</summary>
    public IReadOnlySet<int> Parameters { get; set; } = new HashSet<int>();

    /// <summary>Bytes of temporaries at the launch that needs most of them. The arena may be a little larger: what lives at different times has to fit around each other.</summary>
    public long PeakTemporaryBytes => AtPeak().Bytes;

    /// <summary>Bytes of all that a run needs: leaves, results, old values of what is assigned, temporaries.</summary>
    public long TotalBytes => buffers.Where(b => b.Kind == Kind.Leaf).GroupBy(b => b.Index).Sum(g => g.Max(b => b.Shape.Count * b.DType.Size)) + ResultBytes.Sum() + OldBytes + arenaBytes;

    /// <summary>Bytes of leaves, of results, and of temporaries at the launch that needs most of them, each by kind.</summary>
    public string MemoryByKind()
    {
        var assigned = AssignedLeaves.ToHashSet();
        var leaves = buffers.Where(b => b.Kind == Kind.Leaf).GroupBy(b => b.Index).Select(g => (Leaf: g.Key, Bytes: g.Max(b => b.Shape.Count * b.DType.Size))).ToList();
        long Leaves(Func<int, bool> which) => leaves.Where(l => which(l.Leaf)).Sum(l => l.Bytes);
        var (peak, peakBytes) = AtPeak();
        var parts = new List<(string Kind, long Bytes)>
        {
            ("weights", Leaves(Parameters.Contains)),
            ("state that is assigned", Leaves(l => assigned.Contains(l) && !Parameters.Contains(l))),
            ("other tensors read", Leaves(l => !assigned.Contains(l) && !Parameters.Contains(l))),
            ("results", ResultBytes.Sum()),
            ("old values kept while it may fail", OldBytes),
            ("temporaries", arenaBytes),
        };
        string text = $"{Megabytes(TotalBytes)}: {Join(parts)}";
        return peakBytes == 0 ? text : $"{text}; at their peak, launch {peak + 1} of {launches.Count} ({launches[peak].Name}), the temporaries are {Join(TemporariesAt(peak))}";
    }

    static string Join(IEnumerable<(string Kind, long Bytes)> parts) => string.Join(", ", parts.Where(p => p.Bytes > 0).Select(p => $"{Megabytes(p.Bytes)} {p.Kind}"));

    static string Megabytes(long bytes) => bytes < 100_000 ? $"{bytes:N0} B" : $"{bytes / 1e6:N1} MB";

    (int Launch, long Bytes) AtPeak()
    {
        var live = new long[launches.Count];
        for (int b = 0; b < buffers.Count; b++)
            if (buffers[b].Kind == Kind.Temporary && uses[b].First >= 0)
                for (int l = uses[b].First; l <= uses[b].Last; l++) live[l] += buffers[b].Bytes;
        for (int l = 0; l < launches.Count; l++) live[l] += ScratchBytes(launches[l]);
        return live.Length == 0 ? (0, 0) : (Array.IndexOf(live, live.Max()), live.Max());
    }

    long ScratchBytes(Launch launch) => launch.Kernel is null ? 0 : launch.Instances.Count * launch.Kernel.Nest.Slots.Where(s => s.ScratchElements > 0).Sum(s => BytesOf(s, workers));

    /// <summary>
    /// Temporaries that live at a launch. In a training step, which assigns to what it differentiates by, those that the loss is computed through and that are read
    /// again later are activations kept for the backward pass; those that an update reads, and as large as what it updates, are gradients.
    /// </summary>
    List<(string Kind, long Bytes)> TemporariesAt(int launch)
    {
        var forward = Forward();
        HashSet<int> updates = [], readLater = [];
        for (int l = 0; l < launches.Count; l++)
        {
            if (!forward.Contains(l)) readLater.UnionWith(BuffersOf(launches[l]));
            if (!launches[l].Assigns) continue;
            foreach (var i in launches[l].Instances)
            {
                var sizes = i.Buffers.Where(b => buffers[b].Kind == Kind.Leaf).Select(b => buffers[b].Shape.Count).ToHashSet();
                updates.UnionWith(i.Buffers.Where(b => sizes.Contains(buffers[b].Shape.Count)));
            }
        }
        long activations = 0, gradients = 0, others = 0;
        for (int b = 0; b < buffers.Count; b++)
        {
            if (buffers[b].Kind != Kind.Temporary || uses[b].First < 0 || uses[b].First > launch || uses[b].Last < launch) continue;
            bool isForward = forward.Contains(uses[b].First);
            if (isForward && readLater.Contains(b)) activations += buffers[b].Bytes;
            else if (!isForward && updates.Contains(b)) gradients += buffers[b].Bytes;
            else others += buffers[b].Bytes;
        }
        return [("activations kept", activations), ("gradients", gradients), ("passed between kernels", others), ("scratch", ScratchBytes(launches[launch]))];
    }

    /// <summary>Launches that the loss depends on: the scalar result with the fewest launches before it. None where nothing is assigned.</summary>
    HashSet<int> Forward()
    {
        if (outputs.TrueForAll(o => o.AssignedLeaf < 0)) return [];
        var madeBy = new Dictionary<int, int>();
        for (int l = 0; l < launches.Count; l++)
        {
            if (launches[l].Host is { } host) madeBy[host.Buffers[^1]] = l;
            foreach (var i in launches[l].Instances)
                foreach (int s in launches[l].Kernel!.Written)
                    if (s >= 0 && s < i.Buffers.Length) madeBy[i.Buffers[s]] = l;
        }
        HashSet<int>? fewest = null;
        for (int b = 0; b < buffers.Count; b++)
        {
            if (buffers[b].Kind != Kind.Output || buffers[b].Shape.Count != 1 || !madeBy.TryGetValue(b, out int last)) continue;
            var before = new HashSet<int> { last };
            var stack = new Stack<int>(before);
            while (stack.TryPop(out int l))
                foreach (int read in BuffersOf(launches[l]))
                    if (buffers[read].Kind != Kind.Leaf && madeBy.TryGetValue(read, out int maker) && maker < l && before.Add(maker)) stack.Push(maker);
            if (fewest is null || before.Count < fewest.Count) fewest = before;
        }
        return fewest ?? [];
    }
}
