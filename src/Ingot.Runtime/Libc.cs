using System.Runtime.InteropServices;

namespace Ingot.Runtime;

/// <summary>The few calls of Linux's C library that .NET does not offer. Elsewhere nothing here is called.</summary>
static unsafe partial class Libc
{
    public const int ProtectNone = 0, ReadWrite = 3, ReadExecute = 5;
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

    /// <summary>Waits until the names in a folder are on the disk, where the file system can.</summary>
    public static void FlushFolder(string path)
    {
        int folder = open(path, 0x80000 /* read only, close on exec */);
        if (folder < 0) return;
        _ = fsync(folder);
        _ = close(folder);
    }

    /// <summary>The C library has no function for it, and each architecture a number of its own.</summary>
    static readonly nint futex = !OperatingSystem.IsLinux() ? -1 : RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => 98,
        _ => -1,
    };

    public static bool HasFutex => futex >= 0;

    /// <summary>Sleeps if the word holds the value, until woken; may return early.</summary>
    public static void FutexWait(int* word, int value) => _ = syscall(futex, word, 128 /* wait, private to the process */, value, null, null, 0);

    /// <summary>Wakes one thread that sleeps on the word.</summary>
    public static void FutexWake(int* word) => _ = syscall(futex, word, 129 /* wake, private */, 1, null, null, 0);

    [LibraryImport("libc")]
    private static partial nint syscall(nint number, int* word, nint operation, nint value, void* timeout, void* word2, nint value3);

    /// <summary>Asks for the use of the matrix unit's tiles, for this process and its threads; false if it is refused, or the system is too old to know of them.</summary>
    public static bool RequestTileData()
    {
        const nint ArchPrctl = 158, RequestPermission = 0x1023, TileData = 18;
        return OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && syscall3(ArchPrctl, RequestPermission, TileData) == 0;
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint syscall3(nint number, nint first, nint second);

    /// <summary>What a signal may need for the saved registers alone, by the system's word; a guess where it does not say.</summary>
    public static long LeastSignalStack()
    {
        const nuint MinSigStkSz = 51;
        return OperatingSystem.IsLinux() && getauxval(MinSigStkSz) is > 0 and var bytes ? (long)bytes : 16 << 10;
    }

    /// <summary>Where the handlers of the calling thread run from now on that ask for a stack of their own.</summary>
    public static bool SetSignalStack(nint address, long bytes)
    {
        var stack = new SignalStackDescription { Address = address, Bytes = (nuint)bytes };
        return OperatingSystem.IsLinux() && sigaltstack(&stack, null) == 0;
    }

    /// <summary>Size of the calling thread's stack for signals; 0 if it has none.</summary>
    public static long SignalStackBytes()
    {
        const int Disabled = 2;
        SignalStackDescription stack;
        return OperatingSystem.IsLinux() && sigaltstack(null, &stack) == 0 && (stack.Flags & Disabled) == 0 ? (long)stack.Bytes : 0;
    }

    [StructLayout(LayoutKind.Sequential)]
    struct SignalStackDescription
    {
        public nint Address;
        public int Flags;
        public nuint Bytes;
    }

    [LibraryImport("libc")]
    private static partial int sigaltstack(SignalStackDescription* now, SignalStackDescription* before);

    [LibraryImport("libc")]
    private static partial nuint getauxval(nuint type);

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc")]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc")]
    private static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc")]
    private static partial int fsync(int file);

    [LibraryImport("libc")]
    private static partial int close(int file);
}
