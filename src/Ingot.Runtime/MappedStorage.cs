using System.Diagnostics.CodeAnalysis;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Ingot.Runtime;

/// <summary>A file mapped into memory as a whole, of any size; pages are read when they are first touched. Unmapped when nothing refers to it any more.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Storages point into the mapping, so only the finalizer of its handle knows when it may go.")]
public sealed class MappedFile
{
    readonly SafeMemoryMappedViewHandle? mapping;

    /// <summary>Maps a file that exists. Writes to the memory are private to this process and never reach the file.</summary>
    /// <exception cref="IOException">The file is missing or cannot be mapped.</exception>
    public MappedFile(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        (Path, Bytes) = (stream.Name, stream.Length);
        if (Bytes == 0) return; // systems refuse to map nothing
        using var map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        // The view outlives file and map object, so no file handle is held.
        mapping = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.CopyOnWrite).SafeMemoryMappedViewHandle;
        Address = mapping.DangerousGetHandle();
    }

    /// <summary>The file's full path.</summary>
    public string Path { get; }

    /// <summary>The file's length.</summary>
    public long Bytes { get; }

    /// <summary>Where the file's first byte is; page-aligned. 0 for an empty file.</summary>
    internal nint Address { get; }
}

/// <summary>
/// A part of a mapped file as memory: weights are used where they lie. It is aligned as it happens to lie in the file, so kernels may not take 64 bytes for granted.
/// </summary>
public sealed class MappedStorage : Storage
{
    /// <summary>Keeps the mapping alive for as long as this part of it.</summary>
    public MappedFile File { get; }

    /// <exception cref="ArgumentOutOfRangeException">The part does not lie inside the file.</exception>
    public MappedStorage(MappedFile file, long offset, long bytes)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (offset < 0 || bytes < 0 || offset > file.Bytes - bytes)
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + bytes} are not in {file.Path}, which has {file.Bytes}");
        File = file;
        Bytes = bytes;
        Address = file.Address + (nint)offset;
        GC.SuppressFinalize(this); // the mapping has its own
    }

    protected override void Release() { }
}
