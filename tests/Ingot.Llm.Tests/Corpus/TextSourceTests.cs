using Ingot.Llm.Corpus;

namespace Ingot.Llm.Tests.Corpus;

public sealed class TextSourceTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Write(string name, params byte[] bytes)
    {
        var path = folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    [Fact]
    public void Read_SeveralFiles_JoinsThemInOrder() => TextSource.Read([Write("b.txt", "b"u8.ToArray()), Write("a", "ä"u8.ToArray())]).ShouldBe("b\nä");

    [Fact]
    public void Read_Folder_TakesTextFilesAtAnyDepthInOrder()
    {
        Write("d/z.txt", "z"u8.ToArray());
        Write("d/sub/a.md", "a"u8.ToArray());
        Write("d/image.png", 0xFF);
        TextSource.Read([folder["d"]]).ShouldBe("a\nz");
    }

    [Fact]
    public void Read_ByteOrderMark_IsDropped() => TextSource.Read([Write("a", 0xEF, 0xBB, 0xBF, (byte)'x')]).ShouldBe("x");

    [Fact]
    public void Read_NotUtf8_NamesFileAndOffset()
    {
        var path = Write("a", (byte)'a', 0xC3, 0xA4, (byte)'b', 0xE9, (byte)'c');
        Should.Throw<IngotException>(() => TextSource.Read([path])).Message.ShouldBe($"{path} is not UTF-8 text: the byte 0xE9 at offset 4 is not valid there; convert the file to UTF-8 first");
    }

    [Fact]
    public void Read_NotUtf8AfterMark_CountsTheMark()
    {
        var path = Write("a", 0xEF, 0xBB, 0xBF, (byte)'x', 0x80);
        Should.Throw<IngotException>(() => TextSource.Read([path])).Message.ShouldContain("0x80 at offset 4");
    }

    [Theory]
    [InlineData(new byte[0])]
    [InlineData(new byte[] { 0xEF, 0xBB, 0xBF })]
    public void Read_EmptyFile_SaysSo(byte[] bytes)
    {
        var path = Write("empty", bytes);
        Should.Throw<IngotException>(() => TextSource.Read([path])).Message.ShouldBe($"{path} is empty; training needs text");
    }

    [Fact]
    public void Read_Missing_SaysSo() => Should.Throw<IngotException>(() => TextSource.Read([folder["none"]])).Message.ShouldBe($"there is no file or folder {folder["none"]}");

    [Fact]
    public void Read_FolderWithoutText_SaysSo()
    {
        Write("d/image.png", 0xFF);
        Should.Throw<IngotException>(() => TextSource.Read([folder["d"]])).Message.ShouldContain("has no text files");
    }
}
