using System.Text.Json;

namespace Ingot.Llm.Report;

/// <summary>
/// A file with a JSON object a line that another process may be writing. Each call gives the lines that are new; the last one counts only once its line end is there.
/// </summary>
sealed class JsonLinesFile(string path)
{
    long offset;

    /// <summary>Whole lines that were no JSON object.</summary>
    public int Unreadable { get; private set; }

    /// <summary>Reads what was appended since the last call.</summary>
    /// <param name="restarted">The file was cut or replaced: the lines are all it has, and those given before no longer count.</param>
    public List<JsonElement> ReadNew(out bool restarted)
    {
        restarted = false;
        var lines = new List<JsonElement>();
        byte[] bytes;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // A run that is resumed cuts its log back to the checkpoint: what we stand behind is then no line's end, or beyond the file's.
            if (offset > 0 && !EndsLine(stream))
            {
                (restarted, offset, Unreadable) = (true, 0, 0);
                stream.Position = 0;
            }
            if (stream.Length == offset) return lines;
            stream.Position = offset;
            bytes = new byte[stream.Length - offset];
            int read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            Array.Resize(ref bytes, read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return lines;
        }
        int start = 0;
        for (int end; (end = Array.IndexOf(bytes, (byte)'\n', start)) >= 0; start = end + 1)
            if (Parse(bytes.AsMemory(start, end - start)) is { } line) lines.Add(line);
        offset += start;
        return lines;
    }

    bool EndsLine(FileStream stream)
    {
        if (stream.Length < offset) return false;
        stream.Position = offset - 1;
        return stream.ReadByte() == '\n';
    }

    JsonElement? Parse(ReadOnlyMemory<byte> line)
    {
        if (line.Span.Trim((byte)' ').Trim((byte)'\r').IsEmpty) return null;
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document.RootElement.Clone();
        }
        catch (JsonException) { } // counted below
        Unreadable++;
        return null;
    }
}
