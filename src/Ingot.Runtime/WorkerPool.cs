using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Ingot.Runtime;

/// <summary>Work cut into chunks that may run in any order and at the same time.</summary>
public interface IChunkWork
{
    /// <summary>Runs one chunk. It must not block on other chunks or threads.</summary>
    /// <param name="chunk">0 to chunks - 1; each is run exactly once.</param>
    /// <param name="worker">0 to <see cref="WorkerPool.Threads"/> - 1; no two threads run with the same number at a time, so it may index scratch memory.</param>
    void Run(int chunk, int worker);
}

/// <summary>
/// The threads that run kernels. <see cref="Run"/> forks a job over them and joins it: about 1 us while they spin, 10 us once they have parked.
/// The caller works too, so a pool of one thread starts none.
/// </summary>
/// <remarks>
/// All coordination is in one 64-bit claim word, [generation : 32 | chunks not yet claimed : 32]. A thread claims a chunk by compare-and-swap, from a
/// word with chunks left to the same word with one fewer. Success proves that the job of that generation is live and cannot end before the claimed
/// chunk is done, so what is read after it (the work, its number of chunks) belongs to that job. A late waker with a word of an earlier
/// generation fails and looks again; it never touches the next job by accident.
/// </remarks>
public static class WorkerPool
{
    /// <summary>More than any machine this is meant for has; keeps a mistyped setting from starting a million threads.</summary>
    internal const int MaxThreads = 1024;

    /// <summary>The middle of 20 to 50 us: longer than the gap between two kernels of one replay, shorter than a time slice anybody would miss.</summary>
    const double SpinMicroseconds = 35;

    /// <summary>The two words every thread hammers, each on cache lines of its own (two: x64 fetches lines in pairs).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 512)]
    struct Words
    {
        [FieldOffset(128)] public long Claim;
        [FieldOffset(256)] public long Unfinished;
    }

    sealed class Worker(int index)
    {
        public readonly int Index = index;
        public readonly WakeSignal Wake = new();
        public int Parked; // 1 while it waits for, or is about to wait for, Wake
    }

    static Words words;

    // The job: written by the caller between two jobs, read by workers only after a successful claim (participants: see Claim).
    static IChunkWork? job;
    static int total, participants;
    static Exception? error;
    static int errorChunk;

    static readonly Lock oneJob = new(), errors = new();
    static Worker[] workers = []; // workers[i] has Index i + 1; grows under oneJob, never shrinks

    /// <summary>This thread's worker number + 1 while it runs a chunk; 0 outside.</summary>
    [ThreadStatic] static int running;

    /// <summary>Threads a job runs on, the caller included: <c>INGOT_THREADS</c>, by default one a logical processor. A change holds from the next job on.</summary>
    public static int Threads
    {
        get => Settings.Threads;
        set => Settings.Threads = value;
    }

    /// <summary>Runs chunks 0 to chunks - 1 and returns when all are done. A call from inside a chunk runs on that chunk's thread.</summary>
    /// <remarks>
    /// One job at a time: a call from another thread waits its turn. If chunks throw, the others still run, then the exception of the lowest-numbered
    /// of them is rethrown here. (A call from inside a chunk is a plain loop: the first exception ends it.)
    /// </remarks>
    /// <param name="work">What to run.</param>
    /// <param name="chunks">How many chunks it has.</param>
    /// <param name="mostWorkers">No more threads than this, whatever <see cref="Threads"/> says by now: there is scratch memory for so many.</param>
    public static void Run(IChunkWork work, int chunks, int mostWorkers = MaxThreads)
    {
        ArgumentNullException.ThrowIfNull(work);
        ArgumentOutOfRangeException.ThrowIfNegative(chunks);
        if (running != 0)
        {
            for (int chunk = 0; chunk < chunks; chunk++) work.Run(chunk, running - 1);
            return;
        }
        lock (oneJob)
        {
            int threads = Math.Min(Math.Min(Threads, mostWorkers), chunks);
            running = 1;
            try
            {
                if (threads <= 1)
                    for (int chunk = 0; chunk < chunks; chunk++) RunChunk(work, chunk, 0);
                else
                    Fork(work, chunks, threads);
            }
            finally { running = 0; }

            if (error is { } e)
            {
                error = null;
                ExceptionDispatchInfo.Throw(e);
            }
        }
    }

    static void Fork(IChunkWork work, int chunks, int threads)
    {
        while (workers.Length < threads - 1) Start();

        (job, total, participants) = (work, chunks, threads);
        words.Unfinished = chunks;
        long generation = (words.Claim >>> 32) + 1;
        // A full fence: the job is visible before the claim word, and the word before the look at Parked below.
        Interlocked.Exchange(ref words.Claim, (generation << 32) | (uint)chunks);
        foreach (var w in workers.AsSpan(0, threads - 1))
            if (Volatile.Read(ref w.Parked) == 1 && Interlocked.Exchange(ref w.Parked, 0) == 1) w.Wake.Raise();

        RunClaimed(worker: 0);

        // A worker that was scheduled out in mid-chunk is waited for by giving the processor away, possibly to it.
        long deadline = Stopwatch.GetTimestamp() + SpinTicks(threads);
        while (Volatile.Read(ref words.Unfinished) != 0)
            if (Stopwatch.GetTimestamp() < deadline) Thread.SpinWait(4);
            else Thread.Yield();
        job = null;
    }

    /// <summary>Runs chunks of the present job until none is left to claim.</summary>
    static void RunClaimed(int worker)
    {
        int done = 0;
        while (Claim(worker, out int chunk))
        {
            RunChunk(job!, chunk, worker);
            done++;
        }
        // One decrement for all: while any chunk of ours is not yet counted the job cannot end, so all of them belonged to the same job.
        if (done > 0) Interlocked.Add(ref words.Unfinished, -done);
    }

    static bool Claim(int worker, out int chunk)
    {
        while (true)
        {
            long seen = Volatile.Read(ref words.Claim);
            int left = (int)(uint)seen;
            // If participants is already the next job's, the swap below fails, since the generation has moved on.
            if (left == 0 || worker >= Volatile.Read(ref participants))
            {
                chunk = -1;
                return false;
            }
            if (Interlocked.CompareExchange(ref words.Claim, seen - 1, seen) != seen) continue;
            chunk = total - left;
            return true;
        }
    }

    static void RunChunk(IChunkWork work, int chunk, int worker)
    {
        try
        {
            work.Run(chunk, worker);
        }
        catch (Exception e)
        {
            lock (errors)
                if (error is null || chunk < errorChunk) (error, errorChunk) = (e, chunk);
        }
    }

    static void Start()
    {
        var w = new Worker(workers.Length + 1);
        workers = [.. workers, w];
        new Thread(() => Loop(w)) { IsBackground = true, Name = $"ingot worker {w.Index}" }.Start();
    }

    static void Loop(Worker w)
    {
        running = w.Index + 1;
        while (true)
        {
            RunClaimed(w.Index);
            if (!SpinForWork(w.Index)) Park(w);
        }
    }

    static bool HasWork(int worker) => (uint)Volatile.Read(ref words.Claim) != 0 && worker < Volatile.Read(ref participants);

    static bool SpinForWork(int worker)
    {
        long deadline = Stopwatch.GetTimestamp() + SpinTicks(worker + 1);
        do
        {
            if (HasWork(worker)) return true;
            Thread.SpinWait(4);
        }
        while (Stopwatch.GetTimestamp() < deadline);
        return false;
    }

    static void Park(Worker w)
    {
        // Parked is raised before the last look for work, and a job is published before Parked is looked at: one of the two sees the other.
        Interlocked.Exchange(ref w.Parked, 1);
        if (HasWork(w.Index) && Interlocked.Exchange(ref w.Parked, 0) == 1) return;
        w.Wake.Await(); // also when the caller has taken Parked down at the same moment: its signal must be used up
    }

    /// <summary>Spinning with more threads than processors only keeps the thread that has work from running.</summary>
    static long SpinTicks(int threads) => threads <= Environment.ProcessorCount ? (long)(SpinMicroseconds * Stopwatch.Frequency / 1e6) : 0;
}
