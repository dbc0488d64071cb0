using System.Buffers;
using System.IO.Compression;
using System.Text;
using System.Text.Unicode;
using Ingot.Llm.Chat;

namespace Ingot.Llm.Data;

/// <summary>What was found in a source: a text, or a conversation.</summary>
/// <param name="Source">The file, and the line or type in it.</param>
/// <param name="Text">The document; for a conversation, all its words.</param>
/// <param name="Conversation">Turns, where the source has turns.</param>
public sealed record DataItem(string Source, string Text, Conversation? Conversation = null);

/// <summary>
/// Reads the user's own data: text, Markdown, C#, XML documentation and other text files, JSONL and JSON with texts or conversations, any of these gzipped, and folders of them.
/// </summary>
public static class DataSource
{
    /// <summary>What stands between the documents of one text file; both are used by published sets.</summary>
    static readonly string[] DocumentMarks = ["<|endoftext|>", "<|end_of_text|>"];

    static readonly string[] Endings = [".txt", ".md", ".text", ".markdown", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".html", ".xml", ".cs", ".py", ".tokens"];

    /// <summary>Folders that hold what programs wrote; a file named directly is always read.</summary>
    static readonly string[] SkippedFolders = ["bin", "obj", "node_modules", "artifacts"];

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
        string text = Text(path);
        return Ending(path) switch
        {
            ".jsonl" or ".ndjson" => JsonRecords.ReadLines(path, text),
            ".json" => JsonRecords.ReadDocument(path, text),
            ".xml" when XmlDocumentation.IsOne(text) => XmlDocumentation.Read(path, text).Select(t => new DataItem($"{path}: {t.Name}", t.Text)),
            _ => Documents(path, text),
        };
    }

    static IEnumerable<DataItem> Documents(string path, string text) =>
        text.Split(DocumentMarks, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select((t, i) => new DataItem(i == 0 ? path : $"{path}: {i + 1}", t));

    /// <summary>A file's text, unzipped, without byte order mark, line ends as they are.</summary>
    internal static string Text(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
            // By its first bytes, not by its name: a downloaded set may be called anything.
            if (bytes is [0x1F, 0x8B, ..])
            {
                using var zipped = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
                using var plain = new MemoryStream();
                zipped.CopyTo(plain);
                bytes = plain.ToArray();
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException) { throw new IngotException($"there is no file or folder {path}", e); }
        catch (InvalidDataException e) { throw new IngotException($"{path} is a damaged gzip file: {e.Message}", e); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new IngotException($"cannot read {path}: {e.Message}", e); }
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
