using System.Diagnostics;
using System.Runtime.InteropServices;
using Ingot.Graph;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>BEAM=n: candidates for a kernel's recipe are compiled and timed on buffers of its sizes; the best goes to the cache.</summary>
sealed partial class Plan
{
    /// <summary>Rounds of changing one choice of each of the n best.</summary>
    const int Rounds = 4;

    /// <summary>A candidate is run this often, unless it is hopeless after the first run.</summary>
    const int Runs = 5;

    /// <summary>Times the heuristic recipe's estimate. The estimate knows nothing of caches, which seldom make up for a factor of two.</summary>
    const double Hopeless = 2;

    static Recipe? Search(string key, KernelAst ast, Node[] values, int scalars)
    {
        using var arena = new TrialBuffers(values, ast);
        bool ofContractions = ContractionNest.TryBuild(Copy(ast), Cpu.VectorBytes, Cpu.UsesMatrixUnit, new()) is not null;
        var tried = new HashSet<string>();
        double expected = 0;
        var beam = new List<(Recipe Recipe, double Seconds)>();
        double? heuristic = Time(new());
        if (heuristic is not { } first) return null;
        beam.Add((new(), first));
        for (int round = 0; round < Rounds; round++)
        {
            var found = new List<(Recipe Recipe, double Seconds)>();
            foreach (var r in beam.SelectMany(b => b.Recipe.Neighbours(ofContractions)).Distinct())
                if (Time(r) is { } seconds) found.Add((r, seconds));
            double best = beam[0].Seconds;
            beam = [.. beam.Concat(found).OrderBy(b => b.Seconds).Take(Settings.Beam)];
            if (beam[0].Seconds > 0.98 * best) break; // nothing but noise any more
        }
        // A last race, turn by turn: what was fast only because the machine was quiet just then does not win.
        var (winner, was, now) = (new Recipe(), first, first);
        if (beam[0].Recipe != winner)
        {
            CompiledKernel a = Emitted(winner), b = Emitted(beam[0].Recipe);
            (was, now) = (double.MaxValue, double.MaxValue);
            for (int turn = 0; turn < Runs; turn++)
            {
                was = Math.Min(was, arena.Time(a, scalars, double.MaxValue));
                now = Math.Min(now, arena.Time(b, scalars, double.MaxValue));
            }
            if (now < 0.97 * was) winner = beam[0].Recipe;
        }
        Observe.Searched(ast.Name, tried.Count, was, now, winner);
        RecipeCache.Keep(key, winner);
        return winner;

        CompiledKernel Emitted(Recipe recipe) => CompiledKernel.Emit(key, CompiledKernel.Nested(Copy(ast), recipe), recipe);

        // Null: the same loops as a candidate before, or by the count of instructions far from the heuristic recipe's: not worth compiling.
        double? Time(Recipe recipe)
        {
            var nest = CompiledKernel.Nested(Copy(ast), recipe);
            if (tried.Count == 0) expected = nest.Cycles;
            if (nest.Cycles > Hopeless * expected) return null;
            return tried.Add(NestPrinter.Print(nest)) ? arena.Time(CompiledKernel.Emit(key, nest, recipe), scalars, beam.Count > 0 ? 2 * beam[0].Seconds : double.MaxValue) : null;
        }
    }

    /// <summary>Memory for a kernel under trial: floats of a half, so that nothing overflows or is denormal, and zeros, so that indices are in range.</summary>
    sealed class TrialBuffers : IDisposable
    {
        readonly List<(nint Address, long Bytes)> blocks = [];
        readonly int launchSlots;

        public TrialBuffers(Node[] values, KernelAst ast)
        {
            launchSlots = values.Length;
            for (int slot = 0; slot < values.Length; slot++) Fill(Rent(Math.Max(64, values[slot].Shape.Count * values[slot].DType.Size)), blocks[slot].Bytes, ast.Slots[slot].DType);
        }

        nint Rent(long bytes)
        {
            nint address = MemoryPool.Rent(bytes, isBrief: true);
            blocks.Add((address, bytes));
            return address;
        }

        static void Fill(nint address, long bytes, DType dtype)
        {
            const int most = 1 << 28; // what is beyond stays as it was
            var memory = new BorrowedStorage(address, bytes);
            if (dtype == DType.F32) memory.Span<float>(0, (int)Math.Min(most, bytes / 4)).Fill(0.5f);
            else if (dtype == DType.F64) memory.Span<double>(0, (int)Math.Min(most, bytes / 8)).Fill(0.5);
            else
                for (long at = 0; at < bytes; at += most) memory.Span<byte>(at, (int)Math.Min(most, bytes - at)).Clear();
        }

        /// <summary>The least time of some runs; a candidate slower than the limit at once is not run again.</summary>
        public double Time(CompiledKernel kernel, int scalars, double limit)
        {
            var slots = kernel.Nest.Slots;
            int workers = WorkerPool.Threads;
            var instance = new Instance { Buffers = [], Scalars = [], Phases = [.. kernel.Nest.Phases], Words = GC.AllocateArray<long>(1 + slots.Count + scalars, pinned: true) };
            for (int s = 0; s < slots.Count; s++) instance.Words[1 + s] = s < launchSlots ? blocks[s].Address : Rent(BytesOf(slots[s], workers));
            for (int s = 0; s < scalars; s++) instance.Words[1 + slots.Count + s] = BitConverter.SingleToInt32Bits(0.5f);
            instance.Address = Marshal.UnsafeAddrOfPinnedArrayElement(instance.Words, 0);
            var launch = new Launch { Name = kernel.Nest.Name, Kernel = kernel, Instances = [instance] };
            var error = GC.AllocateArray<long>(4, pinned: true);
            instance.Words[0] = Marshal.UnsafeAddrOfPinnedArrayElement(error, 0);
            double best = double.MaxValue;
            for (int run = 0; run <= Runs && (run < 2 || best < limit); run++) // the first warms caches up
            {
                long start = Stopwatch.GetTimestamp();
                launch.Execute(workers);
                if (run > 0) best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            Return(launchSlots);
            GC.KeepAlive(error);
            return best;
        }

        public void Dispose() => Return(0);

        void Return(int from)
        {
            for (int i = from; i < blocks.Count; i++) MemoryPool.Return(blocks[i].Address, blocks[i].Bytes);
            blocks.RemoveRange(from, blocks.Count - from);
        }
    }
}
