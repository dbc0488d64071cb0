using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Ingot.Llm.Data;

namespace Ingot.Llm.Evaluation;

/// <summary>The texts in a file, a folder or a .tar.gz, and the rows of a CSV.</summary>
static class TaskArchive
{
    /// <summary>An archive that unpacks to more than this is not a set of questions.</summary>
    const long MostBytes = 1L << 30;

    /// <summary>Names and texts, in ordinal order; a .gz at the end of a name is left out.</summary>
    /// <exception cref="IngotException">It does not exist or cannot be read.</exception>
    public static List<(string Name, string Text)> Files(string path)
    {
        if (Directory.Exists(path))
            return [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(f => IsTask(Plain(f))).Order(StringComparer.Ordinal).Select(f => (Plain(f), DataSource.Text(f)))];
        if (!path.EndsWith(".tar.gz", StringComparison.OrdinalIgnoreCase) && !path.EndsWith(".tgz", StringComparison.OrdinalIgnoreCase)) return [(Plain(path), DataSource.Text(path))];
        var files = new List<(string Name, string Text)>();
        long bytes = 0;
        try
        {
            using var archive = new TarReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
            while (archive.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile) || entry.DataStream is null || !IsTask(entry.Name)) continue;
                if ((bytes += entry.Length) > MostBytes) throw new IngotException($"{path} unpacks to more than {MostBytes >> 20} MB; it is no set of questions");
                using var reader = new StreamReader(entry.DataStream, Encoding.UTF8);
                files.Add((entry.Name, reader.ReadToEnd()));
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException) { throw new IngotException($"there is no file or folder {path}", e); }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException) { throw new IngotException($"cannot read {path}: {e.Message}", e); }
        return [.. files.OrderBy(f => f.Name, StringComparer.Ordinal)];
    }

    static string Plain(string name) => name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? name[..^3] : name;

    static bool IsTask(string name) => Path.GetExtension(name).ToLowerInvariant() is ".csv" or ".json" or ".jsonl";

    /// <summary>Rows of fields; quoted fields may have commas, line ends and doubled quotes (RFC 4180).</summary>
    public static IEnumerable<List<string>> Csv(string text)
    {
        var row = new List<string>();
        var field = new StringBuilder();
        bool isQuoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (isQuoted)
            {
                if (c != '"') field.Append(c);
                else if (i + 1 < text.Length && text[i + 1] == '"') field.Append(text[++i]);
                else isQuoted = false;
            }
            else if (c == '"' && field.Length == 0) isQuoted = true;
            else if (c is ',' or '\n')
            {
                row.Add(field.ToString().TrimEnd('\r'));
                field.Clear();
                if (c != '\n') continue;
                if (row.Count > 1 || row[0].Length > 0) yield return row;
                row = [];
            }
            else field.Append(c);
        }
        if (field.Length == 0 && row.Count == 0) yield break;
        row.Add(field.ToString().TrimEnd('\r'));
        yield return row;
    }
}
