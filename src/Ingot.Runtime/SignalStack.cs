using System.Collections.Concurrent;

namespace Ingot.Runtime;

/// <summary>
/// The memory that the system runs signal handlers in, for one thread that uses the matrix unit. From its first tile on, each signal of a thread leaves all eight tiles on
/// the handler's stack: 12 KB by Linux's count. The stack .NET gives its threads has 12 KB before its guard page, so that a null reference, which .NET
/// learns of by a signal, would end the process instead of becoming an exception.
/// </summary>
/// <remarks>A stack whose thread has ended is used again and never unmapped: the system may know of it until the very end of the thread.</remarks>
public sealed class SignalStack
{
    /// <summary>What .NET's handler may need beside the saved registers, with plenty to spare: only pages that are touched cost anything.</summary>
    const long HandlerBytes = 64 << 10;

    static readonly ConcurrentBag<nint> unused = [];
    static readonly long mapped = Libc.PageBytes + RoundUp(Libc.LeastSignalStack() + HandlerBytes, Libc.PageBytes);

    [ThreadStatic] static SignalStack? ofThread;

    readonly nint address;

    SignalStack(nint address) => this.address = address;

    /// <summary>Before a thread touches a tile. A thread that has its stack already pays a nanosecond.</summary>
    public static void Prepare()
    {
        if (ofThread is null) ofThread = Install();
    }

    static SignalStack Install()
    {
        if (!unused.TryTake(out nint address))
        {
            address = Libc.MapPages(mapped);
            if (address == 0) return new(0); // .NET's own has to do, as it does until somebody dereferences null
            Libc.Protect(address, Libc.PageBytes, Libc.ProtectNone);
        }
        if (Libc.SetSignalStack(address + Libc.PageBytes, mapped - Libc.PageBytes)) return new(address);
        unused.Add(address);
        return new(0);
    }

    static long RoundUp(long n, long multiple) => (n + multiple - 1) / multiple * multiple;

    ~SignalStack()
    {
        if (address != 0) unused.Add(address);
    }
}
