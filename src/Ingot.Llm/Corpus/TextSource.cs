using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Ingot.Llm.Corpus;

/// <summary>Reads training text: a file, several files, or folders with text files anywhere below. UTF-8 and nothing else.</summary>
public static class TextSource
{
    /// <summary>The endings that count as text when a folder is searched; a file named directly is read whatever its ending.</summary>
    static readonly string[] Endings = [".txt", ".md", ".text", ".markdown", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".html", ".xml", ".cs", ".py"];

    /// <summary>The concatenation of the files, in the order given; the files of a folder in ordinal order of their paths, one line feed between files.</summary>
    /// <exception cref="IngotException">A path does not exist, a file is empty or unreadable or not UTF-8 (with the byte offset), or a folder has no text.</exception>
    public static string Read(params IReadOnlyList<string> paths)
    {
        if (paths.Count == 0) throw new IngotException("no data file was given; use --data FILE");
        return string.Join('\n', paths.SelectMany(Files).Select(ReadFile));
    }

    /// <summary>The files that a path stands for: itself, or the text files of a folder.</summary>
    /// <exception cref="IngotException">The folder has no text or cannot be read.</exception>
    public static IReadOnlyList<string> Files(string path)
    {
        if (!Directory.Exists(path)) return [path];
        try
        {
            var files = Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(f => Endings.Contains(Path.GetExtension(f).ToLowerInvariant())).ToList();
            if (files.Count == 0) throw new IngotException($"the folder {path} has no text files ({string.Join(' ', Endings)})");
            files.Sort(StringComparer.Ordinal);
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IngotException($"cannot read the folder {path}: {e.Message}", e);
        }
    }

    static string ReadFile(string path)
    {
        byte[] bytes;
        try { bytes = File.ReadAllBytes(path); }
        catch (FileNotFoundException e) { throw new IngotException($"there is no file or folder {path}", e); }
        catch (DirectoryNotFoundException e) { throw new IngotException($"there is no file or folder {path}", e); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new IngotException($"cannot read {path}: {e.Message}", e); }
        var text = bytes.AsSpan(bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? 3 : 0);
        if (text.IsEmpty) throw new IngotException($"{path} is empty; training needs text");
        if (!Utf8.IsValid(text))
        {
            int at = FirstInvalid(text) + bytes.Length - text.Length;
            throw new IngotException($"{path} is not UTF-8 text: the byte 0x{bytes[at]:X2} at offset {at} is not valid there; convert the file to UTF-8 first");
        }
        return Encoding.UTF8.GetString(text);
    }

    static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out int used) == OperationStatus.Done) at += used;
        return at;
    }
}
