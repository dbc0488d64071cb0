using System.Runtime.InteropServices;

namespace Ingot.Runtime;

/// <summary>The few calls of Linux's C library that .NET does not offer. Elsewhere nothing here is called.</summary>
static unsafe partial class Libc
{
    public const int ProtectNone = 0, ReadWrite = 3;
    const int PrivateAnonymous = 0x22, HugePage = 14;

    public static nint PageBytes => Environment.SystemPageSize;

    /// <summary>Fresh zeroed pages; 0 if there are none.</summary>
    public static nint MapPages(long bytes)
    {
        nint address = mmap(0, (nuint)bytes, ReadWrite, PrivateAnonymous, -1, 0);
        return address == -1 ? 0 : address;
    }

    public static void UnmapPages(nint address, long bytes) => _ = munmap(address, (nuint)bytes);

    public static bool Protect(nint address, long bytes, int protection) => mprotect(address, (nuint)bytes, protection) == 0;

    /// <summary>A wish, not a need: kernels without transparent huge pages refuse it, and the block works all the same.</summary>
    public static void AdviseHugePages(nint address, long bytes)
    {
        if (OperatingSystem.IsLinux()) _ = madvise(address, (nuint)bytes, HugePage);
    }

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")]
    private static partial int madvise(nint address, nuint length, int advice);
}
