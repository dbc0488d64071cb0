using System.Collections.Concurrent;

namespace Ingot.Runtime;

/// <summary>
/// Blocks for tests (<c>INGOT_GUARD=1</c>): each ends at a page that may not be touched, so that an overrun crashes where it happens. Freed blocks are
/// unmapped, so use after free crashes too, and fresh ones hold NaN, so results made of uninitialised memory show.
/// </summary>
/// <remarks>
/// A block must start at a multiple of 64, so up to 63 bytes lie between its last byte and the guard page. They hold a pattern that is checked when the block
/// is freed; so does the part of the first page in front of it. Linux only; elsewhere blocks are plain.
/// </remarks>
static unsafe class GuardedBlocks
{
    const byte Canary = 0xA5, Fresh = 0xFF; // four bytes of 0xFF are a NaN, and -1 as an integer

    static readonly ConcurrentDictionary<nint, (nint Start, long Mapped)> blocks = new();
    static int count; // the dictionary's own takes all its locks

    /// <summary>Linux gives a process 65,530 mappings; a block takes two, and without any left .NET itself ends the process.</summary>
    const int Most = 16_384;

    /// <summary>Whether the next block can be guarded; beyond that it is a plain one.</summary>
    public static bool HaveRoom => OperatingSystem.IsLinux() && Volatile.Read(ref count) < Most;

    /// <summary>The block's address, 0 if there is no memory.</summary>
    public static nint Allocate(long bytes)
    {
        nint page = Libc.PageBytes;
        long body = (bytes + 63) / 64 * 64;
        long pages = Math.Max(1, (body + page - 1) / page) * page;
        nint start = Libc.MapPages(pages + page);
        if (start == 0) return 0;
        if (!Libc.Protect(start + (nint)pages, page, Libc.ProtectNone))
        {
            Libc.UnmapPages(start, pages + page);
            return 0;
        }
        nint address = start + (nint)(pages - body);
        Fill(start, address - start, Canary);
        Fill(address, bytes, Fresh);
        Fill(address + (nint)bytes, body - bytes, Canary);
        blocks[address] = (start, pages + page);
        Interlocked.Increment(ref count);
        return address;
    }

    /// <summary>Frees a block if it is one of ours.</summary>
    public static bool TryFree(nint address, long bytes)
    {
        if (blocks.IsEmpty || !blocks.TryRemove(address, out var block)) return false;
        Interlocked.Decrement(ref count);
        // Blocks are freed by finalizers, where nobody could catch an exception: end the process and say why.
        if (!IsIntact(block, address, bytes)) Environment.FailFast($"A kernel wrote outside a buffer of {bytes} bytes (found by INGOT_GUARD when it was freed).");
        Libc.UnmapPages(block.Start, block.Mapped);
        return true;
    }

    /// <summary>Whether the bytes between block and guard page, and in front of the block, are as they were made.</summary>
    public static bool IsIntact(nint address, long bytes) => IsIntact(blocks[address], address, bytes);

    static bool IsIntact((nint Start, long Mapped) block, nint address, long bytes)
    {
        nint guard = block.Start + (nint)block.Mapped - Libc.PageBytes, end = address + (nint)bytes;
        return !new ReadOnlySpan<byte>((void*)block.Start, (int)(address - block.Start)).ContainsAnyExcept(Canary)
            && !new ReadOnlySpan<byte>((void*)end, (int)(guard - end)).ContainsAnyExcept(Canary);
    }

    static void Fill(nint address, long bytes, byte value) => System.Runtime.InteropServices.NativeMemory.Fill((void*)address, (nuint)bytes, value);
}
