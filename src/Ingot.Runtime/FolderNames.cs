namespace Ingot.Runtime;

/// <summary>The names in a folder, as opposed to what is in its files.</summary>
public static class FolderNames
{
    /// <summary>
    /// Waits until files created, renamed and removed in a folder are so on the disk as well: without it a file whose content is safe may be gone after a power
    /// cut, or the one before be back. Only Linux needs and has it; file systems that cannot are left alone.
    /// </summary>
    public static void Flush(string folder)
    {
        if (OperatingSystem.IsLinux()) Libc.FlushFolder(folder);
    }
}
