using System.Globalization;
using System.Runtime.InteropServices;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

[Collection(nameof(ProcessWide))]
public sealed class GuardedBlocksTests : IDisposable
{
    readonly bool before = Settings.Guard;

    public GuardedBlocksTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "guard pages are made on Linux only");
        Settings.Guard = true;
        if (!GuardedBlocks.HaveRoom) Settle();
    }

    /// <summary>Blocks that nobody holds any more are given back.</summary>
    static void Settle()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    public void Dispose() => Settings.Guard = before;

    /// <summary>Asks the kernel, since trying would end the process.</summary>
    static bool IsAccessible(nint address)
    {
        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            var fields = line.Split(' ', 3); // 7f00-7f10 rw-p ...
            var range = fields[0].Split('-');
            if (address >= nint.Parse(range[0], NumberStyles.HexNumber) && address < nint.Parse(range[1], NumberStyles.HexNumber))
                return fields[1].StartsWith("rw", StringComparison.Ordinal);
        }
        return false;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(3_000_001)]
    public void Allocate_Guarded_NextCacheLineIsOutOfBounds(int bytes)
    {
        var storage = Storage.Allocate(bytes);
        nint end = storage.Address + (bytes + 63) / 64 * 64;
        (storage.Address % 64).ShouldBe(0);
        if (bytes > 0) IsAccessible(storage.Address + bytes - 1).ShouldBeTrue();
        IsAccessible(end).ShouldBeFalse();
        GuardedBlocks.IsIntact(storage.Address, bytes).ShouldBeTrue();
        GC.KeepAlive(storage);
    }

    [Fact]
    public void Allocate_Guarded_HoldsNaN()
    {
        var storage = Storage.Allocate(400);
        foreach (float x in storage.Span<float>()) float.IsNaN(x).ShouldBeTrue();
        GC.KeepAlive(storage);
    }

    [Theory]
    [InlineData(100)] // just behind the end, in the same cache line
    [InlineData(-1)]
    public void IsIntact_ByteWrittenOutside_IsFalse(int offset)
    {
        var storage = Storage.Allocate(100);
        nint outside = storage.Address + offset;
        byte kept = Marshal.ReadByte(outside);
        Marshal.WriteByte(outside, 0);
        GuardedBlocks.IsIntact(storage.Address, 100).ShouldBeFalse();
        Marshal.WriteByte(outside, kept); // or its finalizer ends the test run
        GC.KeepAlive(storage);
    }

    [Fact]
    public void Allocate_MoreBlocksThanTheSystemHasMappings_LeavesSomeUnguarded()
    {
        var blocks = Enumerable.Range(0, 40_000).Select(_ => Storage.Allocate(0)).ToList();
        File.ReadLines("/proc/self/maps").Count().ShouldBeLessThan(50_000);
        GC.KeepAlive(blocks);
    }

    [Fact]
    public void Return_Guarded_UnmapsTheBlock()
    {
        Settle(); // or finalizers of what other tests dropped give back blocks between the two counts
        long start = MemoryPool.BytesInUse;
        nint address = MemoryPool.Rent(5_000_000);
        MemoryPool.BytesInUse.ShouldBe(start + MemoryPool.SizeClass(5_000_000));
        MemoryPool.Return(address, 5_000_000);
        GuardedBlocks.TryFree(address, 5_000_000).ShouldBeFalse();
    }

    [Fact]
    public void Return_GuardTurnedOffMeanwhile_StillFreesTheGuardedBlock()
    {
        nint address = MemoryPool.Rent(1000);
        Settings.Guard = false;
        long cached = MemoryPool.BytesCached;
        MemoryPool.Return(address, 1000);
        MemoryPool.BytesCached.ShouldBe(cached);
    }
}
