using Ingot.Formats;

namespace Ingot.Tests.Formats;

public sealed class AtomicFileTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("ingot-test-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Write_WriterFails_KeepsTheOldFileAndLeavesNothingBehind()
    {
        var path = Path.Combine(folder, "f");
        AtomicFile.WriteText(path, "old");
        // 28 is ENOSPC as .NET reports it on Linux, 112 as Windows does.
        var e = Should.Throw<IngotException>(() => AtomicFile.Write(path, s => { s.Write(new byte[100_000]); throw new IOException("disk full", 28); }));
        e.Message.ShouldBe($"cannot write {path}: no space left on the disk; free some, or choose another folder");
        File.ReadAllText(path).ShouldBe("old");
        Directory.GetFileSystemEntries(folder).ShouldBe([path]);
    }

    [Fact]
    public void Write_OtherException_PassesThroughAndLeavesNothingBehind()
    {
        Should.Throw<InvalidOperationException>(() => AtomicFile.Write(Path.Combine(folder, "f"), _ => throw new InvalidOperationException()));
        Directory.GetFileSystemEntries(folder).ShouldBeEmpty();
    }

    [Fact]
    public void Write_FolderMissing_CreatesIt()
    {
        AtomicFile.WriteText(Path.Combine(folder, "a", "b"), "x");
        File.ReadAllText(Path.Combine(folder, "a", "b")).ShouldBe("x");
    }

    [Fact]
    public void Write_FolderIsAFile_SaysSo()
    {
        AtomicFile.WriteText(Path.Combine(folder, "a"), "x");
        Should.Throw<IngotException>(() => AtomicFile.WriteText(Path.Combine(folder, "a", "b"), "x")).Message.ShouldStartWith("cannot write ");
    }
}
