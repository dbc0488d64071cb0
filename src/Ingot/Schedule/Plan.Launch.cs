using Ingot.Runtime;

namespace Ingot.Schedule;

sealed partial class Plan
{
    /// <summary>Instances of one kernel that do not depend on each other: one fork and join for all.</summary>
    sealed class Launch : IChunkWork
    {
        public required string Name;
        public CompiledKernel? Kernel;
        public List<Instance> Instances = [];
        /// <summary>What runs on the host instead of a kernel.</summary>
        public HostStep? Host;
        /// <summary>Whether it writes to a leaf: what it assigns to.</summary>
        public bool Assigns;
        /// <summary>Whether it may meet a bad index, or is the user's own.</summary>
        public bool MayFail;

        /// <summary>Phases whose results are still in memory: see <see cref="Pack"/>.</summary>
        public bool[] Skipped = [];

        /// <summary>How a phase is cut: chunk i of the launch is chunk (i - First) of some instance.</summary>
        sealed record Split(int Total, int[] First, long[] Length);

        Split[] splits = [];
        int splitFor; // threads
        int phase;

        public void Execute(int mostWorkers)
        {
            if (splitFor != WorkerPool.Threads) CutPhases();
            for (phase = 0; phase < splits.Length; phase++)
            {
                if (Skipped.Length > phase && Skipped[phase]) continue;
                int total = splits[phase].Total;
                if (total == 1) Run(0, 0);
                else WorkerPool.Run(this, total, mostWorkers);
            }
        }

        void CutPhases()
        {
            splitFor = WorkerPool.Threads;
            splits = [.. Enumerable.Range(0, Kernel!.Code.Length).Select(Cut)];
        }

        Split Cut(int phase)
        {
            var (total, first, lengths) = (0, new int[Instances.Count], new long[Instances.Count]);
            for (int i = 0; i < first.Length; i++)
            {
                var p = Instances[i].Phases[phase];
                // A chunk is worth some 10 us; eight a thread where there is enough work, and as many as there are if each takes long: what is left over at the end is then short.
                double work = p.Extent * p.Cost;
                long chunks = Math.Clamp((long)(work / 40000), 1, Math.Clamp((long)(work / 2e6), 8L * splitFor, 64L * splitFor));
                long length = (p.Extent + chunks - 1) / chunks;
                length = (length + p.Grain - 1) / p.Grain * p.Grain;
                (first[i], lengths[i]) = (total, length);
                total += (int)((p.Extent + length - 1) / length);
            }
            return new(total, first, lengths);
        }

        public void Run(int chunk, int worker)
        {
            var split = splits[phase];
            int i = Instances.Count == 1 ? 0 : Array.BinarySearch(split.First, chunk) is var at && at >= 0 ? at : ~at - 1;
            var instance = Instances[i];
            long start = (chunk - split.First[i]) * split.Length[i], end = Math.Min(start + split.Length[i], instance.Phases[phase].Extent);
            if (!Profiler.IsOn) { Kernel!.Code[phase](instance.Address, start, end, worker); return; }
            long from = Profiler.Now;
            Kernel!.Code[phase](instance.Address, start, end, worker);
            Observe.RanChunk(Name, instance.Phases[phase].Name, start, end, from, worker);
        }
    }
}
