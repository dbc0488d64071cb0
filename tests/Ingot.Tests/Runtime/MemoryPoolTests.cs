using System.Runtime.CompilerServices;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

[Collection(nameof(ProcessWide))]
public sealed class MemoryPoolTests : IDisposable
{
    readonly (long? Memory, bool Guard, long CollectEvery, long CacheBudget) before =
        (Settings.Memory, Settings.Guard, MemoryPool.CollectEvery, MemoryPool.CacheBudget);

    public MemoryPoolTests()
    {
        Settings.Guard = false;
        Drain();
    }

    public void Dispose() => (Settings.Memory, Settings.Guard, MemoryPool.CollectEvery, MemoryPool.CacheBudget) = before;

    /// <summary>Frees what other tests have dropped, so that it is not counted here.</summary>
    static void Drain()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        MemoryPool.Trim();
    }

    [Theory]
    [InlineData(0, 64)]
    [InlineData(1, 64)]
    [InlineData(64, 64)]
    [InlineData(65, 128)]
    [InlineData(256, 256)]
    [InlineData(257, 320)]
    [InlineData(1024, 1024)]
    [InlineData(1025, 1280)]
    [InlineData(2 << 20, 2 << 20)]
    [InlineData((2 << 20) + 1, 4 << 20)]
    [InlineData((9L << 20) - 5, 10 << 20)]
    [InlineData((5L << 30) + 1, 6L << 30)]
    public void SizeClass_Bytes_IsTheNextStep(long bytes, long size) => MemoryPool.SizeClass(bytes).ShouldBe(size);

    [Fact]
    public void SizeClass_AnySize_HoldsItInMultiplesOf64AndIsItsOwnClass()
    {
        var random = new Random(1);
        for (int i = 0; i < 10_000; i++)
        {
            long bytes = random.NextInt64(1L << random.Next(1, 40));
            long size = MemoryPool.SizeClass(bytes);
            size.ShouldBeGreaterThanOrEqualTo(bytes);
            (size % 64).ShouldBe(0);
            MemoryPool.SizeClass(size).ShouldBe(size);
            if (bytes > 256) (size <= bytes * 1.25 || size <= bytes + (2 << 20)).ShouldBeTrue($"{bytes} wastes too much with {size}");
        }
    }

    [Theory]
    [InlineData(1, 64)]
    [InlineData(1000, 64)]
    [InlineData((2 << 20) - 1, 64)]
    [InlineData(2 << 20, 2 << 20)]
    [InlineData(5_000_000, 2 << 20)]
    public void Rent_Block_IsAligned(long bytes, long alignment)
    {
        nint address = MemoryPool.Rent(bytes);
        (address % alignment).ShouldBe(0);
        MemoryPool.Return(address, bytes);
    }

    [Fact]
    public void Rent_AfterReturn_GivesTheSameBlockAndCountsIt()
    {
        long start = MemoryPool.BytesInUse;
        nint first = MemoryPool.Rent(1_000_000);
        long size = MemoryPool.SizeClass(1_000_000);
        MemoryPool.BytesInUse.ShouldBe(start + size);
        MemoryPool.Return(first, 1_000_000);
        MemoryPool.BytesInUse.ShouldBe(start);
        MemoryPool.BytesCached.ShouldBe(size);
        nint again = MemoryPool.Rent(999_000); // the same class
        again.ShouldBe(first);
        MemoryPool.BytesCached.ShouldBe(0);
        MemoryPool.Return(again, 999_000);
    }

    [Fact]
    public void PeakBytes_AfterReturn_Stays()
    {
        MemoryPool.ResetPeak();
        long start = MemoryPool.PeakBytes;
        nint a = MemoryPool.Rent(3 << 20), b = MemoryPool.Rent(3 << 20);
        MemoryPool.Return(a, 3 << 20);
        MemoryPool.Return(b, 3 << 20);
        MemoryPool.PeakBytes.ShouldBe(start + (8 << 20));
        MemoryPool.ResetPeak();
        MemoryPool.PeakBytes.ShouldBe(start);
    }

    [Fact]
    public void Return_OverCacheBudget_EvictsToStayBelow()
    {
        MemoryPool.CacheBudget = 10 << 20;
        var blocks = Enumerable.Range(0, 8).Select(_ => MemoryPool.Rent(4 << 20)).ToList();
        blocks.ForEach(b => MemoryPool.Return(b, 4 << 20));
        MemoryPool.BytesCached.ShouldBe(8 << 20);
        nint big = MemoryPool.Rent(64 << 20);
        MemoryPool.Return(big, 64 << 20); // more than the whole budget: straight to the system
        MemoryPool.BytesCached.ShouldBe(8 << 20);
    }

    [Fact]
    public void Rent_OverLimit_ThrowsWithTheFigures()
    {
        Settings.Memory = MemoryPool.BytesInUse + (100 << 20);
        nint held = MemoryPool.Rent(80 << 20);
        var e = Should.Throw<OutOfMemoryException>(() => MemoryPool.Rent(30 << 20));
        e.Message.ShouldContain("asked for 30 MB");
        e.Message.ShouldContain($"{MemoryPool.BytesInUse / 1048576.0:0.#} MB in use");
        e.Message.ShouldContain($"limit {Settings.Memory / 1048576.0:0.#} MB");
        MemoryPool.Return(held, 80 << 20);
        nint fits = MemoryPool.Rent(96 << 20); // the cached 80 MB give way
        (MemoryPool.BytesInUse + MemoryPool.BytesCached).ShouldBeLessThanOrEqualTo(MemoryPool.Limit);
        MemoryPool.Return(fits, 96 << 20);
    }

    [Fact]
    public void Rent_MoreThanTheMachineHas_ThrowsOutOfMemory()
    {
        Settings.Memory = long.MaxValue; // the refusal has to come from the system
        Should.Throw<OutOfMemoryException>(() => MemoryPool.Rent(1L << 58));
    }

    [Fact]
    public void Rent_LimitReachedByDroppedStorages_CollectsThem()
    {
        Settings.Memory = MemoryPool.BytesInUse + (100 << 20);
        MemoryPool.CollectEvery = long.MaxValue; // leaves it to the last resort
        Drop(6, 16 << 20);
        nint address = MemoryPool.Rent(96 << 20);
        MemoryPool.Return(address, 96 << 20);
    }

    [Fact]
    public void Allocate_ThousandsDropped_FootprintStaysFlat()
    {
        MemoryPool.CollectEvery = 64 << 20;
        long start = MemoryPool.BytesInUse;
        MemoryPool.ResetPeak();
        for (int i = 0; i < 2000; i++) Drop(1, 4 << 20); // 8 GB in all
        (MemoryPool.PeakBytes - start).ShouldBeLessThan(200 << 20);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Drop(int count, long bytes)
    {
        for (int i = 0; i < count; i++) Storage.Allocate(bytes).Span<byte>()[0] = 1;
    }

    [Fact]
    public void RentAndReturn_FromManyThreads_BlocksNeverOverlap()
    {
        long start = MemoryPool.BytesInUse;
        int wrong = 0;
        Parallel.For(0, 4, thread =>
        {
            var random = new Random(thread);
            for (int i = 0; i < 2000; i++)
            {
                var storage = Storage.Allocate(random.Next(1, 5000));
                var span = storage.Span<byte>();
                span.Fill((byte)(i + thread));
                if (i % 16 == 0) Thread.Yield();
                if (span.ContainsAnyExcept((byte)(i + thread))) Interlocked.Increment(ref wrong);
                GC.KeepAlive(storage);
            }
        });
        wrong.ShouldBe(0);
        Drain();
        MemoryPool.BytesInUse.ShouldBe(start);
    }
}
