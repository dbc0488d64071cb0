using System.Runtime.InteropServices;

namespace Ingot.Runtime;

/// <summary>
/// Machine code assembled at run time. Its pages are never writable and executable at once: they are written first and turned executable then. They go back to
/// the system when the object is collected, so whoever may still call the code keeps the object.
/// </summary>
public sealed unsafe class ExecutableMemory
{
    readonly long mapped;

    /// <summary>Where the code begins; a multiple of the page size.</summary>
    public nint Address { get; }

    /// <summary>Whether this system lets a process make code this way: Linux does.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <exception cref="PlatformNotSupportedException">See <see cref="IsSupported"/>.</exception>
    /// <exception cref="InsufficientMemoryException">The system has no pages, or does not allow them to be executed.</exception>
    public ExecutableMemory(ReadOnlySpan<byte> code)
    {
        if (!IsSupported) throw new PlatformNotSupportedException("assembled machine code is supported on Linux only; the vector units are used elsewhere");
        ArgumentOutOfRangeException.ThrowIfZero(code.Length);
        nint page = Libc.PageBytes;
        mapped = (code.Length + page - 1) / page * page;
        nint address = Libc.MapPages(mapped);
        if (address == 0) throw new InsufficientMemoryException($"Out of memory: no {mapped} bytes for machine code.");
        code.CopyTo(new Span<byte>((void*)address, code.Length)); // mapped is at least as long
        if (!Libc.Protect(address, mapped, Libc.ReadExecute))
        {
            Libc.UnmapPages(address, mapped);
            throw new InsufficientMemoryException("The system does not allow memory to be made executable.");
        }
        Address = address;
    }

    /// <summary>Calls code that takes integers in the registers of the C convention of x64 and returns one.</summary>
    internal long Call(long first = 0, long second = 0, long third = 0)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64) throw new PlatformNotSupportedException("the code is x64's");
        long result = ((delegate* unmanaged<long, long, long, long>)Address)(first, second, third);
        GC.KeepAlive(this);
        return result;
    }

    ~ExecutableMemory()
    {
        if (Address != 0) Libc.UnmapPages(Address, mapped);
    }
}
