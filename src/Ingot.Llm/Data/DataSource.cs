using System.Buffers;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Unicode;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;

namespace Ingot.Llm.Data;

/// <summary>What was found in a source: a text, a conversation, or a preference.</summary>
/// <param name="Source">The file, and the line or type in it.</param>
/// <param name="Text">The document; for a conversation, all its words.</param>
/// <param name="Conversation">Turns, where the source has turns.</param>
/// <param name="Preference">A better and a worse answer, where the source has both.</param>
public sealed record DataItem(string Source, string Text, Conversation? Conversation = null, PreferencePair? Preference = null);

/// <summary>
/// Reads the user's own data: text, Markdown, C#, XML documentation and other text files, JSONL and JSON with texts or conversations, any of these gzipped or in a tar archive, and folders of them.
/// </summary>
public static class DataSource
{
    /// <summary>What stands between the documents of one text file; both are used by published sets.</summary>
    static readonly string[] DocumentMarks = ["<|endoftext|>", "<|end_of_text|>"];

    static readonly string[] Endings = [".txt", ".md", ".text", ".markdown", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".html", ".xml", ".cs", ".py", ".tokens", ".tar", ".tgz"];

    /// <summary>Folders that hold what programs wrote; a file named directly is always read.</summary>
    static readonly string[] SkippedFolders = ["bin", "obj", "node_modules", "artifacts"];

    /// <summary>Bytes that a file may become when it is unpacked, and files an archive may have: a small archive can hold far more than any memory.</summary>
    const long LargestUnpacked = 1L << 30;

    const int MostEntries = 1_000_000;

    /// <summary>Documents and conversations of the paths, in order; a folder's files in ordinal order of their paths.</summary>
    /// <exception cref="IngotException">A path does not exist, or a file is empty, unreadable, not UTF-8, or broken JSON, with the place.</exception>
    public static IEnumerable<DataItem> Read(params IReadOnlyList<string> paths)
    {
        if (paths.Count == 0) throw new IngotException("no data was given; use --data PATH");
        return paths.SelectMany(Files).SelectMany(ReadFile);
    }

    static IReadOnlyList<string> Files(string path)
    {
        if (!Directory.Exists(path)) return [path];
        try
        {
            var files = Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
                .Where(f => Endings.Contains(Ending(f)) && !Path.GetRelativePath(path, f).Split(Path.DirectorySeparatorChar)[..^1].Any(d => d.StartsWith('.') || SkippedFolders.Contains(d))).ToList();
            if (files.Count == 0) throw new IngotException($"the folder {path} has no text files ({string.Join(' ', Endings)}, also with .gz)");
            files.Sort(StringComparer.Ordinal);
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IngotException($"cannot read the folder {path}: {e.Message}", e);
        }
    }

    /// <summary>The ending that says what is inside: ".jsonl" of "a.jsonl.gz".</summary>
    static string Ending(string path) => Path.GetExtension(path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path).ToLowerInvariant();

    static IEnumerable<DataItem> ReadFile(string path)
    {
        var bytes = Bytes(path);
        return IsTar(bytes) ? Archive(path, bytes) : Items(path, Text(path, bytes));
    }

    static IEnumerable<DataItem> Items(string path, string text) => Ending(path) switch
    {
        ".jsonl" or ".ndjson" => JsonRecords.ReadLines(path, text),
        ".json" => JsonRecords.ReadDocument(path, text),
        ".xml" when XmlDocumentation.IsOne(text) => XmlDocumentation.Read(path, text).Select(t => new DataItem($"{path}: {t.Name}", t.Text)),
        _ => Documents(path, text),
    };

    /// <summary>POSIX archives have this word in the first header.</summary>
    static bool IsTar(ReadOnlySpan<byte> bytes) => bytes.Length >= 512 && bytes.Slice(257, 5).SequenceEqual("ustar"u8);

    /// <summary>The text files of an archive in its order. Nothing is unpacked to the disk: names are names, links are passed over.</summary>
    static IEnumerable<DataItem> Archive(string path, byte[] bytes)
    {
        using var reader = new TarReader(new MemoryStream(bytes));
        int read = 0;
        for (int number = 0; Next(reader, path) is { } entry; number++)
        {
            if (number == MostEntries) throw new IngotException($"{path} has more than {MostEntries:N0} files; unpack it and give the folder");
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || !Endings.Contains(Ending(entry.Name)) || entry.DataStream is not { Length: > 0 } data) continue;
            var content = new byte[data.Length];
            try { data.ReadExactly(content); }
            catch (EndOfStreamException e) { throw new IngotException($"{path} is not whole: it ends within {entry.Name}", e); }
            string name = $"{path}: {entry.Name}";
            content = Unzipped(name, content);
            if (IsTar(content)) continue; // an archive within an archive
            read++;
            foreach (var item in Items(name, Text(name, content))) yield return item;
        }
        if (read == 0) throw new IngotException($"the archive {path} has no text files ({string.Join(' ', Endings)}, also with .gz)");
    }

    static TarEntry? Next(TarReader reader, string path)
    {
        try { return reader.GetNextEntry(); }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or IOException or System.FormatException or ArgumentException or NotSupportedException) { throw new IngotException($"{path} is a damaged tar archive: {e.Message}", e); }
    }

    static IEnumerable<DataItem> Documents(string path, string text) =>
        text.Split(DocumentMarks, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select((t, i) => new DataItem(i == 0 ? path : $"{path}: {i + 1}", t));

    /// <summary>A file's text, unzipped, without byte order mark, line ends as they are.</summary>
    internal static string Text(string path) => Text(path, Bytes(path));

    static byte[] Bytes(string path)
    {
        try { return Unzipped(path, File.ReadAllBytes(path)); }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException) { throw new IngotException($"there is no file or folder {path}", e); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new IngotException($"cannot read {path}: {e.Message}", e); }
    }

    /// <summary>By the first bytes, not by the name: a downloaded set may be called anything.</summary>
    internal static byte[] Unzipped(string name, byte[] bytes, long most = LargestUnpacked)
    {
        if (bytes is not [0x1F, 0x8B, ..]) return bytes;
        try
        {
            // Twice: the first time only to count, so that no memory is taken for what is then refused, and none for growing.
            long length = 0;
            var buffer = new byte[1 << 16];
            using (var counted = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress))
                for (int n; (n = counted.Read(buffer)) > 0;)
                    if ((length += n) > most) throw new IngotException($"{name} becomes more than {most:N0} bytes when it is unzipped; unzip and cut it first");
            var plain = new byte[length];
            using var zipped = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
            zipped.ReadExactly(plain);
            return plain;
        }
        catch (InvalidDataException e) { throw new IngotException($"{name} is a damaged gzip file: {e.Message}", e); }
    }

    static string Text(string path, byte[] bytes)
    {
        var text = bytes.AsSpan(bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? 3 : 0);
        if (text.IsEmpty) throw new IngotException($"{path} is empty; training needs text");
        if (!Utf8.IsValid(text))
        {
            int at = 0;
            while (Rune.DecodeFromUtf8(text[at..], out _, out int used) == OperationStatus.Done) at += used;
            throw new IngotException($"{path} is not UTF-8 text: the byte 0x{text[at]:X2} at offset {at + bytes.Length - text.Length} is not valid there; convert the file to UTF-8 first");
        }
        return Encoding.UTF8.GetString(text);
    }
}
