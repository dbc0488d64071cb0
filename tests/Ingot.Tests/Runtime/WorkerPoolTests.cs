using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

/// <summary>Tests that change the settings of the process: they run one after another, with nothing beside them.</summary>
[CollectionDefinition(nameof(ProcessWide), DisableParallelization = true)]
public sealed class ProcessWide;

[Collection(nameof(ProcessWide))]
public sealed class WorkerPoolTests : IDisposable
{
    readonly int threads = WorkerPool.Threads;

    public void Dispose() => WorkerPool.Threads = threads;

    /// <summary>Counts the runs of each chunk and checks that no two run under one worker number.</summary>
    sealed class Counting(int chunks, Action<int, int>? body = null) : IChunkWork
    {
        readonly int[] runs = new int[chunks];
        readonly int[] busy = new int[16]; // more threads than any test here asks for
        public int Clashes;
        public int HighestWorker;

        public void Run(int chunk, int worker)
        {
            if (Interlocked.Increment(ref busy[worker]) != 1) Interlocked.Increment(ref Clashes);
            Interlocked.Increment(ref runs[chunk]);
            InterlockedMax(ref HighestWorker, worker);
            body?.Invoke(chunk, worker);
            Interlocked.Decrement(ref busy[worker]);
        }

        public void ShouldHaveRun(int times = 1)
        {
            runs.Count(n => n != times).ShouldBe(0);
            Clashes.ShouldBe(0);
        }

        static void InterlockedMax(ref int target, int value)
        {
            for (int seen = target; seen < value; seen = target) Interlocked.CompareExchange(ref target, value, seen);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Run_TenThousandSmallJobs_EachChunkExactlyOnce(int n)
    {
        WorkerPool.Threads = n;
        for (int job = 0; job < 10_000; job++)
        {
            var work = new Counting(job % 37);
            WorkerPool.Run(work, job % 37);
            work.ShouldHaveRun();
            work.HighestWorker.ShouldBeLessThan(n);
        }
    }

    [Fact]
    public void Run_SameWorkAgain_SeesWritesOfTheJobBefore()
    {
        WorkerPool.Threads = 4;
        var cells = new long[64];
        var work = new Counting(64, (chunk, _) => cells[chunk] += cells[chunk] + 1);
        for (int i = 0; i < 20; i++) WorkerPool.Run(work, 64);
        work.ShouldHaveRun(20);
        cells.ShouldAllBe(c => c == (1 << 20) - 1); // c -> 2c + 1, twenty times
    }

    [Fact]
    public void Run_AfterWorkersParked_WakesThem()
    {
        WorkerPool.Threads = 2;
        for (int i = 0; i < 50; i++)
        {
            using var both = new Barrier(2);
            var work = new Counting(2, (_, _) => both.SignalAndWait(TimeSpan.FromSeconds(20)).ShouldBeTrue("two chunks should run at the same time"));
            WorkerPool.Run(work, 2);
            work.ShouldHaveRun();
            Thread.Sleep(2); // long after the 35 us of spinning
        }
    }

    [Fact]
    public void Run_ThreadsChangedBetweenJobs_NumbersStayBelowThreads()
    {
        for (int job = 0; job < 2_000; job++)
        {
            WorkerPool.Threads = 1 + job * 7 % 5;
            var work = new Counting(16);
            WorkerPool.Run(work, 16);
            work.ShouldHaveRun();
            work.HighestWorker.ShouldBeLessThan(WorkerPool.Threads);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Run_SomeChunksThrow_OthersRunAndLowestIsRethrown(int n)
    {
        WorkerPool.Threads = n;
        for (int i = 0; i < 200; i++)
        {
            var work = new Counting(20, (chunk, _) =>
            {
                if (chunk is 7 or 13) throw new InvalidDataException($"chunk {chunk}");
            });
            Should.Throw<InvalidDataException>(() => WorkerPool.Run(work, 20)).Message.ShouldBe("chunk 7");
            var after = new Counting(20);
            WorkerPool.Run(after, 20);
            after.ShouldHaveRun();
        }
    }

    [Fact]
    public void Run_FromInsideAChunk_RunsOnThatThread()
    {
        WorkerPool.Threads = 3;
        int strayed = 0;
        var outer = new Counting(8, (_, worker) =>
        {
            int thread = Environment.CurrentManagedThreadId;
            var inner = new Counting(5, (_, w) =>
            {
                if (w != worker || Environment.CurrentManagedThreadId != thread) Interlocked.Increment(ref strayed);
            });
            WorkerPool.Run(inner, 5);
            inner.ShouldHaveRun();
        });
        WorkerPool.Run(outer, 8);
        outer.ShouldHaveRun();
        strayed.ShouldBe(0);
    }

    [Fact]
    public void Run_FromSeveralThreads_EachJobIsWhole()
    {
        WorkerPool.Threads = 3;
        var busy = new int[WorkerPool.Threads]; // over all jobs: no worker number may be in use twice
        int clashes = 0;
        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            var work = new Counting(i % 9, (_, worker) =>
            {
                if (Interlocked.Increment(ref busy[worker]) != 1) Interlocked.Increment(ref clashes);
                Thread.SpinWait(20);
                Interlocked.Decrement(ref busy[worker]);
            });
            WorkerPool.Run(work, i % 9);
            work.ShouldHaveRun();
        });
        clashes.ShouldBe(0);
    }

    [Fact]
    public void Run_NegativeChunks_Throws() => Should.Throw<ArgumentOutOfRangeException>(() => WorkerPool.Run(new Counting(0), -1));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-3, 1)]
    [InlineData(1 << 20, WorkerPool.MaxThreads)]
    public void Threads_OutOfRange_IsClamped(int asked, int got)
    {
        WorkerPool.Threads = asked;
        WorkerPool.Threads.ShouldBe(got);
    }

    [Fact]
    public void Run_ManyTimes_AllocatesNothing()
    {
        WorkerPool.Threads = 2;
        var work = new Counting(8);
        WorkerPool.Run(work, 8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) WorkerPool.Run(work, 8);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }
}
