using System.Runtime.CompilerServices;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>
/// Operands that are packed once: where a stage of a product copies nothing but tensors that stay the same from run to run (a model's weights, in inference),
/// the copy is kept, and later runs skip the stage.
/// </summary>
sealed partial class Plan
{
    /// <summary>Bytes of copies that are kept.</summary>
    public long KeptBytes => packs?.Sum(p => p.Kept?.Sum(k => k.Bytes) ?? 0) ?? 0;

    /// <summary>Bytes of all copies that may be kept, once they are.</summary>
    public long CopyBytes => (packs ??= FindPacks()).Sum(p => p.Bytes);

    /// <summary>Runs with the same memory before a copy is kept: more than one batch of training has micro-batches.</summary>
    const int RunsBeforeKept = 16;

    /// <summary>A stage that may be kept.</summary>
    sealed class Pack(Launch launch, int phase, int slot, int[][] leaves)
    {
        public Launch Launch { get; } = launch;
        public int Phase { get; } = phase;

        /// <summary>The scratch slot that it fills.</summary>
        public int Slot { get; } = slot;

        /// <summary>For each instance, the leaves that it copies from.</summary>
        public int[][] Leaves { get; } = leaves;

        readonly int[] all = [.. leaves.SelectMany(l => l)];
        readonly WeakReference<Storage>[] seen = [.. leaves.SelectMany(l => l).Select(_ => new WeakReference<Storage>(null!))];
        readonly int[] versions = new int[leaves.Sum(l => l.Length)];
        int runs;

        /// <summary>Bytes of the copies.</summary>
        public long Bytes => Launch.Instances.Count * Codegen.Il.IlEmitter.ScratchBytes(Launch.Kernel!.Nest.Slots[Slot]);

        /// <summary>The copies, an instance each; null while there are none.</summary>
        public Storage[]? Kept { get; private set; }

        /// <summary>Takes note of a run's memory, and makes or drops room for the copies.</summary>
        public void Look(Storage[] memory)
        {
            int at = 0;
            bool same = true;
            foreach (int leaf in all)
            {
                var storage = memory[leaf];
                if (!seen[at].TryGetTarget(out var last) || !ReferenceEquals(last, storage) || versions[at] != storage.Version || storage is BorrowedStorage)
                {
                    same = false;
                    seen[at].SetTarget(storage);
                    versions[at] = storage.Version;
                }
                at++;
            }
            if (!same)
            {
                (runs, Kept) = (0, null);
                copies.Clear();
                if (PackedCopy.AreKnown(memory[all[0]])) Take(memory);
                Launch.Skipped[Phase] = Kept is not null;
                return;
            }
            if (Kept is not null || ++runs != RunsBeforeKept) return;
            Keep(memory);
        }

        /// <summary>Perhaps another plan has the copies: of the same model for other sizes. Apart from <see cref="Look"/>, which must not allocate where memory changes with every run.</summary>
        void Take(Storage[] memory)
        {
            var made = Launch.Instances.Select((_, i) => PackedCopy.Find(Launch, Phase, Slot, Sources(memory, i))).ToArray();
            if (Array.TrueForAll(made, m => m is not null)) Kept = made!;
        }

        Storage[] Sources(Storage[] memory, int instance) => Array.ConvertAll(Leaves[instance], l => memory[l]);

        readonly List<PackedCopy> copies = [];

        /// <summary>A run has filled the copies.</summary>
        public void Ran()
        {
            Launch.Skipped[Phase] = Kept is not null;
            foreach (var c in copies) c.IsMade = true;
            copies.Clear();
        }

        void Keep(Storage[] memory)
        {
            try
            {
                Kept = Launch.Instances.ConvertAll(_ => Storage.Allocate(Codegen.Il.IlEmitter.ScratchBytes(Launch.Kernel!.Nest.Slots[Slot]))).ToArray();
                copies.AddRange(Kept.Select((k, i) => PackedCopy.Add(Launch, Phase, Slot, Sources(memory, i), k)));
            }
            catch (OutOfMemoryException)
            {
                runs = int.MinValue; // not worth memory that others need
            }
        }
    }

    /// <summary>
    /// A copy that is kept, for all plans that make the same one of the same memory: a model run at a hundred lengths has a hundred plans and its weights packed once. It lives
    /// as long as a plan has it. Used under the realiser's lock.
    /// </summary>
    sealed class PackedCopy
    {
        static readonly ConditionalWeakTable<Storage, List<PackedCopy>> OfMemory = [];

        readonly Codegen.Il.KernelCode code;
        readonly long[] sizes;
        readonly long extent, bytes;
        readonly WeakReference<Storage>[] sources;
        readonly int[] versions;
        readonly WeakReference<Storage> memory;

        /// <summary>Whether it holds what it is to hold.</summary>
        public bool IsMade { get; set; }

        PackedCopy(Launch launch, int phase, int slot, Storage[] sources, Storage memory)
        {
            (code, sizes, extent, bytes) = What(launch, phase, slot);
            this.sources = Array.ConvertAll(sources, s => new WeakReference<Storage>(s));
            versions = Array.ConvertAll(sources, s => s.Version);
            this.memory = new(memory);
        }

        /// <summary>Equal for stages that make equal copies of equal memory.</summary>
        static (Codegen.Il.KernelCode Code, long[] Sizes, long Extent, long Bytes) What(Launch launch, int phase, int slot) =>
            (launch.Kernel!.Code[phase], launch.Kernel.Sizes?[phase] ?? [], launch.Instances[0].Phases[phase].Extent, Codegen.Il.IlEmitter.ScratchBytes(launch.Kernel.Nest.Slots[slot]));

        public static PackedCopy Add(Launch launch, int phase, int slot, Storage[] sources, Storage memory)
        {
            var list = OfMemory.GetValue(sources[0], static _ => []);
            list.RemoveAll(c => !c.memory.TryGetTarget(out _));
            list.Add(new(launch, phase, slot, sources, memory));
            return list[^1];
        }

        /// <summary>Whether there are copies of this memory at all.</summary>
        public static bool AreKnown(Storage source) => OfMemory.TryGetValue(source, out _);

        public static Storage? Find(Launch launch, int phase, int slot, Storage[] sources)
        {
            if (!OfMemory.TryGetValue(sources[0], out var list)) return null;
            var (code, sizes, extent, bytes) = What(launch, phase, slot);
            foreach (var c in list)
                if (c.IsMade && c.code == code && c.extent == extent && c.bytes == bytes && c.sizes.AsSpan().SequenceEqual(sizes) && c.IsOf(sources) && c.memory.TryGetTarget(out var memory)) return memory;
            return null;
        }

        bool IsOf(Storage[] others)
        {
            if (others.Length != sources.Length) return false;
            for (int i = 0; i < others.Length; i++)
                if (!sources[i].TryGetTarget(out var s) || !ReferenceEquals(s, others[i]) || versions[i] != s.Version || s is BorrowedStorage) return false;
            return true;
        }
    }

    List<Pack>? packs;

    /// <summary>Stages that copy leaves, in a plan that assigns to nothing.</summary>
    List<Pack> FindPacks()
    {
        var found = new List<Pack>();
        if (AssignedLeaves.Any()) return found;
        foreach (var launch in launches)
        {
            if (launch.Kernel is not { Nest: var nest }) continue;
            launch.Skipped = new bool[nest.Phases.Count];
            var touched = nest.Phases.ConvertAll(p => p.Memory);
            for (int p = 0; p < touched.Count - 1; p++)
            {
                var (reads, writes, isFixed) = touched[p];
                if (!isFixed || reads.Count == 0 || writes.Count != 1) continue;
                int slot = writes.First();
                if (nest.Slots[slot] is not { ScratchElements: > 0, PerWorker: false } || touched.Where((_, i) => i != p).Any(t => t.Writes.Contains(slot))) continue;
                if (reads.Any(r => nest.Slots[r].ScratchElements > 0) || launch.Instances.Exists(i => reads.Any(r => buffers[i.Buffers[r]].Kind != Kind.Leaf))) continue;
                found.Add(new(launch, p, slot, [.. launch.Instances.Select(i => reads.Select(r => buffers[i.Buffers[r]].Index).ToArray())]));
            }
        }
        return found;
    }
}
