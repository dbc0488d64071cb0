using Ingot.Runtime;

namespace Ingot.Formats;

/// <summary>Writes a file as a whole or not at all: into a temporary file of the same folder, flushed to the disk, then renamed over the target, and the new name flushed too.</summary>
public static class AtomicFile
{
    /// <summary>Calls <paramref name="write"/> with a stream; the file appears under its name only when everything has reached the disk.</summary>
    /// <param name="path">The file to create or replace. Its folder is created if it does not exist.</param>
    /// <param name="write">Writes the content; may seek.</param>
    /// <exception cref="IngotException">The file cannot be written (no space, no permission); nothing is left behind and an older file stays as it was.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var full = Path.GetFullPath(path);
        // Same folder, so that the rename never crosses a file system; the process id, so that two processes cannot share it.
        var temporary = $"{full}.{Environment.ProcessId}.tmp";
        try
        {
            var folder = Path.GetDirectoryName(full)!;
            Directory.CreateDirectory(folder);
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
            FolderNames.Flush(folder);
        }
        catch (Exception e)
        {
            Discard(temporary);
            if (IsOfTheSystem(e)) throw new IngotException($"cannot write {path}: {Reason(e)}", e);
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
