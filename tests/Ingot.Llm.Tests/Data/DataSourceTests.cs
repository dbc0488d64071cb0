using System.Formats.Tar;
using System.IO.Compression;
using Ingot.Llm.Chat;
using Ingot.Llm.Data;

namespace Ingot.Llm.Tests.Data;

public sealed class DataSourceTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[name])!);
        File.WriteAllText(folder[name], text);
        return folder[name];
    }

    List<DataItem> Items(string name, string text) => [.. DataSource.Read(Write(name, text))];

    [Fact]
    public void Read_TextWithDocumentMarks_IsSeveralDocuments() => Items("a.txt", "one\n<|endoftext|>\ntwo\n<|endoftext|>\n").Select(i => i.Text).ShouldBe(["one", "two"]);

    [Fact]
    public void Read_Folder_TakesKnownEndingsAtAnyDepthButNotWhatProgramsWrote()
    {
        Write("d/b.md", "b");
        Write("d/a/c.cs", "c");
        Write("d/bin/x.txt", "x");
        Write("d/.git/y.txt", "y");
        Write("d/z.bin", "z");
        DataSource.Read(folder["d"]).Select(i => i.Text).ShouldBe(["c", "b"]);
    }

    [Fact]
    public void Read_Gzip_IsUnzippedWhateverItsName()
    {
        foreach (var name in new[] { "a.jsonl.gz", "b.jsonl" })
        {
            using (var zip = new GZipStream(File.Create(folder[name]), CompressionMode.Compress)) zip.Write("{\"text\":\"hello\"}\n"u8);
            DataSource.Read(folder[name]).Single().Text.ShouldBe("hello");
        }
        Write("c.gz", "");
        File.WriteAllBytes(folder["c.gz"], [0x1F, 0x8B, 8, 0, 1, 2]);
        Should.Throw<IngotException>(() => DataSource.Read(folder["c.gz"]).ToList()).Message.ShouldContain("c.gz");
    }

    [Fact]
    public void Read_TarGz_GivesItsTextFilesAndWritesNothing()
    {
        var files = new (string Name, string Text)[] { ("a/one.txt", "one"), ("../../escape.txt", "two"), ("/abs.jsonl", "{\"text\":\"three\"}"), ("b.bin", "no"), ("empty.txt", "") };
        using (var zip = new GZipStream(File.Create(folder["x.tar.gz"]), CompressionMode.Compress))
        using (var tar = new TarWriter(zip, TarEntryFormat.Ustar))
        {
            foreach (var (name, text) in files) tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text)) });
            tar.WriteEntry(new UstarTarEntry(TarEntryType.SymbolicLink, "link.txt") { LinkName = "/etc/passwd" });
        }
        DataSource.Read(folder["x.tar.gz"]).Select(i => i.Text).ShouldBe(["one", "two", "three"]);
        DataSource.Read(folder.Path).Count().ShouldBe(3); // found in a folder, too
        Directory.GetFileSystemEntries(folder.Path).Length.ShouldBe(1);
        var bytes = File.ReadAllBytes(folder["x.tar.gz"]);
        using (var zipped = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress))
        using (var plain = new MemoryStream())
        {
            zipped.CopyTo(plain);
            File.WriteAllBytes(folder["cut.tar"], plain.ToArray()[..514]);
        }
        Should.Throw<IngotException>(() => DataSource.Read(folder["cut.tar"]).ToList()).Message.ShouldContain("cut.tar");
    }

    [Fact]
    public void Read_GzipThatBecomesTooMuch_IsRefused()
    {
        using var zipped = new MemoryStream();
        using (var zip = new GZipStream(zipped, CompressionMode.Compress, leaveOpen: true)) zip.Write(new byte[1 << 20]);
        DataSource.Unzipped("bomb", zipped.ToArray(), 1 << 20).Length.ShouldBe(1 << 20);
        Should.Throw<IngotException>(() => DataSource.Unzipped("bomb", zipped.ToArray(), (1 << 20) - 1)).Message.ShouldContain("bomb becomes more than");
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}""")]
    [InlineData("""{"id":1,"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}""")]
    [InlineData("""{"prompt":"q","completion":"a"}""")]
    [InlineData("""{"question":"q","answer":"a"}""")]
    [InlineData("""{"instruction":"q","input":"","output":"a"}""")]
    [InlineData("""{"instruction":"q","instances":[{"input":"","output":"a"}]}""")]
    [InlineData("""[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]""")]
    [InlineData("""{"turns":["q","a"]}""")]
    [InlineData("""{"input":"q","target":"a"}""")]
    public void Read_ConversationShapes_AreTurns(string line)
    {
        var messages = Items("a.jsonl", line + "\n\n" + line).ShouldHaveCountAndFirst(2).Conversation!.Messages;
        messages.Select(m => (m.Role, m.Parts.Single().Text)).ShouldBe([(Role.User, "q"), (Role.Assistant, "a")]);
    }

    [Theory]
    [InlineData("{\"text\":\"a\"}\n{", "line 2 is not JSON")]
    [InlineData("{\"colour\":\"red\"}", "has the fields colour")]
    [InlineData("{\"messages\":[{\"role\":\"king\",\"content\":\"a\"}]}", "the role 'king'")]
    [InlineData("{\"messages\":[{\"role\":\"user\"}]}", "neither content nor value")]
    public void Read_BrokenRecord_SaysWhereAndWhat(string text, string words) => Should.Throw<IngotException>(() => Items("a.jsonl", text)).Message.ShouldContain(words);

    [Fact]
    public void Read_NotUtf8_NamesTheOffset()
    {
        File.WriteAllBytes(folder["a.txt"], [(byte)'a', 0xE9, (byte)'b']);
        Should.Throw<IngotException>(() => DataSource.Read(folder["a.txt"]).ToList()).Message.ShouldContain("0xE9 at offset 1");
    }

    [Theory]
    [InlineData("text/wikitext2-valid.tokens.gz", 1)]
    [InlineData("text/tinystories-valid.txt", 400)]
    [InlineData("evals/gsm8k-train.jsonl.gz", 7000)]
    [InlineData("evals/humaneval-first20.jsonl", 20)]
    [InlineData("instruct/dolly-sample.jsonl", 50)]
    [InlineData("instruct/dummy_conversation.json", 100)]
    [InlineData("instruct/mt_bench_question.jsonl", 80)]
    [InlineData("instruct/seed_tasks.jsonl", 175)]
    [InlineData("evals/bbh-18-tasks.tar.gz", 4000)]
    public void Read_SharedSets_GiveDocumentsOrConversations(string name, int atLeast)
    {
        var items = DataSource.Read(SharedData.Path(name)).ToList();
        items.Count.ShouldBeGreaterThanOrEqualTo(atLeast);
        items.ShouldAllBe(i => i.Text.Length > 0);
        if (!name.StartsWith("text")) items.ShouldAllBe(i => i.Conversation != null && i.Conversation.Messages[0].Role == Role.User);
    }

    [Fact]
    public void XmlDocumentation_Type_IsPlainEnglish()
    {
        var item = Items("a.xml", """
            <?xml version="1.0"?><doc><assembly><name>A</name></assembly><members>
            <member name="T:N.Box`1"><summary>Holds <see cref="T:System.Int32" />s.</summary></member>
            <member name="M:N.Box`1.Add(System.Int32)"><summary>Adds <paramref name="x" />
              at the end.</summary><param name="x">The number.</param><returns><see langword="true" /> if added.</returns></member>
            </members></doc>
            """).Single();
        item.Text.ShouldBe("N.Box: Holds Int32s.\nBox.Add: Adds x at the end. x: The number. Returns: true if added.");
    }
}

static class ListAssertions
{
    /// <summary>The first of exactly n items.</summary>
    public static T ShouldHaveCountAndFirst<T>(this List<T> items, int n)
    {
        items.Count.ShouldBe(n);
        return items[0];
    }
}
