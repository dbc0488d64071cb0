using System.Diagnostics;
using Ingot.Runtime;

namespace Ingot.Formats.Fuzzing;

/// <summary>Something that must not happen, with the input that makes it happen.</summary>
public sealed record FuzzFinding(string Parser, int Seed, long Index, string What, byte[] Input)
{
    /// <summary>The same for findings that differ in numbers and names only.</summary>
    public string Kind => KindOf(What);

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
    /// <summary>Besides twice the file.</summary>
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
    /// <param name="cancel">Ends the run early; what was done so far is reported.</param>
    public static FuzzReport Run(FuzzTarget target, int seed, long first, long count, int jobs, CancellationToken cancel = default)
    {
        var gate = new Lock();
        var findings = new List<FuzzFinding>();
        long accepted = 0, refused = 0, most = 0;
        double slowest = 0;
        Parallel.For(first, first + count, new ParallelOptions { MaxDegreeOfParallelism = jobs }, (i, loop) =>
        {
            if (cancel.IsCancellationRequested) { loop.Stop(); return; }
            var input = Input(target, seed, i);
            var result = Try(target, input);
            if (result.Milliseconds > SlowMilliseconds && result.What is null) result = Try(target, input) is { Milliseconds: > SlowMilliseconds } again // not when the machine was busy
                ? again with { What = $"took {again.Milliseconds:0} ms" } : result with { Milliseconds = 0 };
            lock (gate)
            {
                if (result.Accepted) accepted++; else refused++;
                slowest = Math.Max(slowest, result.Milliseconds);
                most = Math.Max(most, result.Allocated - 2 * input.Length);
                if (result.What is null || findings.Any(f => f.Kind == FuzzFinding.KindOf(result.What))) return;
                findings.Add(new(target.Name, seed, i, result.What, input));
                if (findings.Count == MostFindings) loop.Stop();
            }
        });
        return new(accepted, refused, slowest, most, findings);
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
        if (allocated > 2L * input.Length + Allowance) what ??= "allocates more than twice the file and 16 MB";
        return new(accepted, clock.Elapsed.TotalMilliseconds, allocated, what);
    }

    static int HashCode(int seed, long index) // not System.HashCode, which differs from process to process
    {
        ulong h = ((ulong)(uint)seed << 32 ^ (ulong)index) * 0x9E3779B97F4A7C15;
        return (int)((h ^ h >> 29) * 0xBF58476D1CE4E5B9 >> 33);
    }
}
