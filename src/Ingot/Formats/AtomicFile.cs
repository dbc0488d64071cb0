using Ingot.Runtime;

namespace Ingot.Formats;

/// <summary>Writes a file as a whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed over the target, and the new name flushed too.</summary>
public static class AtomicFile
{
    /// <summary>Calls <paramref name="write"/> with a stream; the file appears under its name only when everything has reached the disk.</summary>
    /// <param name="path">The file to create or replace. Its folder is created if it does not exist.</param>
    /// <param name="write">Writes the content; may seek.</param>
    /// <exception cref="IngotException">The file cannot be written (no space, no permission); nothing is left behind and an older file stays as it was.</exception>
    public static void Write(string path, Action<Stream> write) => WriteAll([(path, write)]);

    /// <summary>The same for files that belong together: none appears before all have reached the disk; then the first is the last to appear.</summary>
    /// <param name="files">Paths and what writes each.</param>
    /// <exception cref="IngotException">As <see cref="Write"/>.</exception>
    public static void WriteAll(IReadOnlyList<(string Path, Action<Stream> Write)> files)
    {
        // Same folder, so that the rename never crosses a file system; the process id, so that two processes cannot share it.
        static string TemporaryOf(string path) => $"{Path.GetFullPath(path)}.{Environment.ProcessId}.tmp";
        string current = "";
        var named = new List<string>();
        try
        {
            foreach (var (path, write) in files)
            {
                current = path;
                Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
                using var stream = new FileStream(TemporaryOf(path), FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            for (int i = files.Count - 1; i >= 0; i--)
            {
                current = files[i].Path;
                File.Move(TemporaryOf(current), Path.GetFullPath(current), overwrite: true);
                named.Add(current);
            }
            foreach (string folder in files.Select(f => Path.GetDirectoryName(Path.GetFullPath(f.Path))!).Distinct()) FolderNames.Flush(folder);
        }
        catch (Exception e)
        {
            foreach (var (path, _) in files) Discard(TemporaryOf(path));
            if (named.Count < files.Count) named.ForEach(Discard); // a part of them is of no use
            if (IsOfTheSystem(e)) throw new IngotException($"cannot write {current}: {Reason(e)}", e);
            throw;
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark.</summary>
    /// <exception cref="IngotException">As <see cref="Write"/>.</exception>
    public static void WriteText(string path, string text) => Write(path, s => s.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>The system's reason without the path, which the caller's message already has.</summary>
    public static string Reason(Exception e) => e is ArgumentOutOfRangeException ? "the file would become larger than the system allows (ulimit -f)"
        : IsNoSpace(e) ? "no space left on the disk; free some, or choose another folder"
        : e.Message;

    /// <summary>ENOSPC, Windows' ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL.</summary>
    public static bool IsNoSpace(Exception e) => (e.HResult & 0xFFFF) is 28 or 112 or 39;

    /// <summary>An error of the file system, not of the program. EFBIG arrives as an argument out of range, whoever calls.</summary>
    public static bool IsOfTheSystem(Exception e) => e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" };

    static void Discard(string temporary)
    {
        try { File.Delete(temporary); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // the first error is the one to report
    }
}
