using System.Diagnostics;
using System.Globalization;
using Ingot.Runtime;

namespace Ingot.Formats.Fuzzing;

/// <summary>Something that must not happen, with the input that makes it happen.</summary>
public sealed record FuzzFinding(string Parser, int Seed, long Index, string What, byte[] Input)
{
    /// <summary>The same for findings that differ in numbers and names only.</summary>
    public string Kind => KindOf(What);

    /// <summary>The parser is still at it: the run ended with this.</summary>
    public bool IsHang { get; init; }

    internal static string KindOf(string what) => what.LastIndexOf(" at at ", StringComparison.Ordinal) is var at and >= 0 ? what[..what.IndexOf(':', StringComparison.Ordinal)] + what[at..] : string.Concat(what.Where(c => !char.IsAsciiDigit(c)));
}

/// <summary>What a run came to.</summary>
/// <param name="Accepted">Inputs that were read.</param>
/// <param name="Refused">Inputs that were refused with an error of Ingot's own.</param>
/// <param name="Slowest">Milliseconds of the slowest input.</param>
/// <param name="MostAllocated">The most bytes that one input allocated beyond twice its length.</param>
/// <param name="Findings">What must not happen, each kind once.</param>
public sealed record FuzzReport(long Accepted, long Refused, double Slowest, long MostAllocated, IReadOnlyList<FuzzFinding> Findings);

/// <summary>Runs a parser over mutated files. Input i of a seed is always the same, whatever the number of threads, so a finding can be looked at again.</summary>
public static class FuzzRun
{
    /// <summary>What parsers of files may allocate besides twice the file.</summary>
    public const long Allowance = 16L << 20;

    const double SlowMilliseconds = 1000;
    const int MostFindings = 20;

    /// <summary>Input <paramref name="index"/> of a run.</summary>
    public static byte[] Input(FuzzTarget target, int seed, long index)
    {
        var random = new Random(HashCode(seed, index));
        var input = target.Seed(random);
        return random.Next(64) < (input.IsChanged ? 48 : 2) ? input.Bytes : Mutation.Apply(input, random.Next(4) == 0 ? target.Seed(random).Bytes : input.Bytes, random);
    }

    /// <summary>Tries <paramref name="count"/> inputs.</summary>
    /// <param name="target">The parser.</param>
    /// <param name="seed">Which inputs.</param>
    /// <param name="first">Index of the first.</param>
    /// <param name="count">How many.</param>
    /// <param name="jobs">Threads.</param>
    /// <param name="patience">How long one input may take before the run gives up on it: a hang is reported and ends the run, though its thread cannot be ended. 30 s if not given.</param>
    /// <param name="cancel">Ends the run early; what was done so far is reported.</param>
    public static FuzzReport Run(FuzzTarget target, int seed, long first, long count, int jobs, TimeSpan? patience = null, CancellationToken cancel = default)
    {
        var run = new Workers(target, seed, first, first + count, Math.Max(1, (int)Math.Min(jobs, count)), cancel);
        return run.Wait(patience ?? TimeSpan.FromSeconds(30));
    }

    /// <summary>Threads that try inputs, watched by the one that waits for them.</summary>
    sealed class Workers
    {
        readonly FuzzTarget target;
        readonly int seed;
        readonly long end;
        readonly CancellationToken cancel;
        readonly Lock gate = new();
        readonly List<FuzzFinding> findings = [];
        readonly (long Index, byte[] Input, long Since)[] current; // what each thread is at; Since 0: nothing
        readonly CountdownEvent running;
        Exception? failure;
        long next, accepted, refused, most;
        double slowest;
        bool isOver;

        public Workers(FuzzTarget target, int seed, long first, long end, int jobs, CancellationToken cancel)
        {
            (this.target, this.seed, next, this.end, this.cancel) = (target, seed, first, end, cancel);
            (current, running) = (new (long, byte[], long)[jobs], new(jobs));
            for (int job = 0; job < jobs; job++)
            {
                int slot = job;
                // In the background: one that hangs does not keep the process alive. The stack is that of a pool's thread on most systems.
                new Thread(() => Work(slot), 1536 << 10) { IsBackground = true, Name = $"fuzz {target.Name}" }.Start();
            }
        }

        public FuzzReport Wait(TimeSpan patience)
        {
            while (!running.Wait(Math.Clamp((int)patience.TotalMilliseconds / 10, 10, 250)))
            {
                lock (gate)
                {
                    var (index, input, _) = Array.Find(current, c => c.Since != 0 && Stopwatch.GetElapsedTime(c.Since) > patience);
                    if (input is null) continue;
                    isOver = true;
                    findings.Add(new(target.Name, seed, index, string.Create(CultureInfo.InvariantCulture, $"hangs: not done after {patience.TotalSeconds:0.#} s"), input) { IsHang = true });
                    break;
                }
            }
            lock (gate)
            {
                if (failure is not null) throw new IngotException($"no input can be made for {target.Name}: {failure.Message}", failure);
                return new(accepted, refused, slowest, most, [.. findings]);
            }
        }

        void Work(int slot)
        {
            try
            {
                while (Take(slot) is { } index)
                {
                    var input = Input(target, seed, index);
                    lock (gate) current[slot] = (index, input, Stopwatch.GetTimestamp());
                    var result = Try(target, input);
                    if (result.Milliseconds > SlowMilliseconds && result.What is null) result = Again(target, input, result);
                    lock (gate) Add(index, input, result);
                }
            }
            catch (Exception e) // of what makes inputs: a defect of the fuzzer's
            {
                lock (gate) (failure, isOver) = (e, true);
            }
            finally
            {
                lock (gate) current[slot] = default;
                running.Signal();
            }
        }

        /// <summary>A second try of one that was slow: where the machine was busy, what counts is the processor's time.</summary>
        static Outcome Again(FuzzTarget target, byte[] input, Outcome first)
        {
            double? before = ProcessorMilliseconds();
            var again = Try(target, input);
            double milliseconds = ProcessorMilliseconds() - before ?? again.Milliseconds;
            return milliseconds > SlowMilliseconds ? again with { Milliseconds = milliseconds, What = again.What ?? $"took {milliseconds:0} ms" } : first with { Milliseconds = milliseconds };
        }

        long? Take(int slot)
        {
            lock (gate)
            {
                if (isOver || next == end || cancel.IsCancellationRequested) return null;
                current[slot] = (next, [], Stopwatch.GetTimestamp());
                return next++;
            }
        }

        void Add(long index, byte[] input, Outcome result)
        {
            if (result.Accepted) accepted++; else refused++;
            slowest = Math.Max(slowest, result.Milliseconds);
            most = Math.Max(most, result.Allocated - 2 * input.Length);
            if (result.What is null || findings.Any(f => f.Kind == FuzzFinding.KindOf(result.What))) return;
            findings.Add(new(target.Name, seed, index, result.What, input));
            if (findings.Count == MostFindings) isOver = true;
        }
    }

    /// <param name="Accepted">It was read.</param>
    /// <param name="Milliseconds">Of reading and use.</param>
    /// <param name="Allocated">Bytes, managed and native, of reading.</param>
    /// <param name="What">What is wrong; null if nothing is.</param>
    public readonly record struct Outcome(bool Accepted, double Milliseconds, long Allocated, string? What);

    /// <summary>Tries one input.</summary>
    public static Outcome Try(FuzzTarget target, byte[] input)
    {
        long allocatedBefore = GC.GetAllocatedBytesForCurrentThread() + MemoryPool.RentedByThisThread, allocated = 0;
        var clock = Stopwatch.StartNew();
        bool accepted = false;
        string? what = null;
        try
        {
            Action use;
            try { use = target.Parse(input); }
            finally { allocated = GC.GetAllocatedBytesForCurrentThread() + MemoryPool.RentedByThisThread - allocatedBefore; }
            accepted = true;
            use();
        }
        catch (IngotException) { }
        catch (Exception e) // any other is what this looks for
        {
            what = $"{e.GetType().Name}: {e.Message} at {e.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("Ingot.", StringComparison.Ordinal))?.Trim()}";
        }
        if (allocated > 2L * input.Length + target.Allowance) what ??= $"allocates more than twice the file and {target.Allowance >> 20} MB";
        return new(accepted, clock.Elapsed.TotalMilliseconds, allocated, what);
    }

    /// <summary>What the calling thread has had of the processor; null where the system does not say.</summary>
    internal static double? ProcessorMilliseconds()
    {
        try
        {
            return OperatingSystem.IsLinux() && long.TryParse(File.ReadAllText("/proc/thread-self/schedstat").Split(' ')[0], CultureInfo.InvariantCulture, out long nanoseconds) ? nanoseconds / 1e6 : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return null; }
    }

    static int HashCode(int seed, long index) // not System.HashCode, which differs from process to process
    {
        ulong h = ((ulong)(uint)seed << 32 ^ (ulong)index) * 0x9E3779B97F4A7C15;
        return (int)((h ^ h >> 29) * 0xBF58476D1CE4E5B9 >> 33);
    }
}
