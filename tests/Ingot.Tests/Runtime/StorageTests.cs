using System.Runtime.CompilerServices;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

[Collection(nameof(ProcessWide))]
public sealed class StorageTests : IDisposable
{
    readonly string file = Path.Combine(Path.GetTempPath(), $"ingot-map-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(file);

    [Fact]
    public void Of_Values_HoldsThemAligned()
    {
        var s = Storage.Of<int>([1, -2, 3]);
        s.Bytes.ShouldBe(12);
        (s.Address % 64).ShouldBe(0);
        s.Span<int>().ToArray().ShouldBe([1, -2, 3]);
        s.Span<int>(1, 2).ToArray().ShouldBe([-2, 3]);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(3, 1)]
    [InlineData(0, 4)]
    [InlineData(0, -1)]
    [InlineData(long.MaxValue / 2, 1)]
    public void Span_PartOutside_Throws(long start, int length) =>
        Should.Throw<ArgumentOutOfRangeException>(() => Storage.Of<int>([1, 2, 3]).Span<int>(start, length).Length);

    [Fact]
    public void Finalizer_DroppedStorage_GivesItsMemoryBack()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long start = MemoryPool.BytesInUse;
        Drop();
        MemoryPool.BytesInUse.ShouldBeGreaterThan(start);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        MemoryPool.BytesInUse.ShouldBe(start);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Drop() => Storage.Allocate(1 << 20);

    [Fact]
    public void MappedStorage_PartOfAFile_ReadsItAndWritesStayPrivate()
    {
        File.WriteAllBytes(file, [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i % 251))]);
        var mapped = new MappedFile(file);
        mapped.Bytes.ShouldBe(10_000);
        var s = new MappedStorage(mapped, 4999, 100);
        s.Span<byte>()[0].ShouldBe((byte)(4999 % 251));
        s.Span<byte>()[99].ShouldBe((byte)(5098 % 251));
        s.Span<byte>()[0] = 255;
        new MappedStorage(mapped, 4999, 1).Span<byte>()[0].ShouldBe((byte)255);
        File.ReadAllBytes(file)[4999].ShouldBe((byte)(4999 % 251));
        GC.KeepAlive(s);
    }

    [Fact]
    public void MappedStorage_BeyondTwoGigabytes_ReadsTheRightPlace()
    {
        const long At = (3L << 30) + 12;
        using (var f = new FileStream(file, FileMode.CreateNew))
        {
            f.SetLength(At + 8); // sparse: it takes no room on disk
            f.Position = At;
            f.Write(BitConverter.GetBytes(0x1234567890ABCDEF));
        }
        var mapped = new MappedFile(file);
        new MappedStorage(mapped, At, 8).Span<long>()[0].ShouldBe(0x1234567890ABCDEF);
        var whole = new MappedStorage(mapped, 0, mapped.Bytes);
        whole.Bytes.ShouldBe(At + 8);
        whole.Span<int>(At / 4, 1)[0].ShouldBe(unchecked((int)0x90ABCDEF));
        Should.Throw<OverflowException>(() => whole.Span<byte>().Length);
        GC.KeepAlive(whole);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 101)]
    [InlineData(100, 1)]
    [InlineData(5, -1)]
    [InlineData(long.MaxValue, 1)]
    public void MappedStorage_OutsideTheFile_ThrowsWithTheNumbers(long offset, long bytes)
    {
        File.WriteAllBytes(file, new byte[100]);
        var mapped = new MappedFile(file);
        Should.Throw<ArgumentOutOfRangeException>(() => new MappedStorage(mapped, offset, bytes)).Message.ShouldContain("which has 100");
    }

    [Fact]
    public void MappedFile_Empty_HasNoBytes()
    {
        File.WriteAllBytes(file, []);
        new MappedStorage(new MappedFile(file), 0, 0).Bytes.ShouldBe(0);
    }

    [Fact]
    public void MappedFile_Missing_Throws() => Should.Throw<FileNotFoundException>(() => new MappedFile(file + ".none"));

    [Fact]
    public void MappedFile_AllStoragesDropped_IsUnmapped()
    {
        Assert.SkipUnless(File.Exists("/proc/self/maps"), "only Linux lists its mappings");
        File.WriteAllBytes(file, new byte[100_000]);
        Map();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        File.ReadAllText("/proc/self/maps").ShouldNotContain(Path.GetFileName(file));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    void Map()
    {
        var s = new MappedStorage(new MappedFile(file), 7, 10);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        File.ReadAllText("/proc/self/maps").ShouldContain(Path.GetFileName(file)); // the storage alone keeps it
        s.Span<byte>()[0].ShouldBe((byte)0);
        GC.KeepAlive(s);
    }
}
