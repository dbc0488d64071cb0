using System.Diagnostics;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Ingot.Codegen.X64;

namespace Ingot.Codegen.Il;

/// <summary>
/// From IL to machine code, on threads of the pool: while the JIT is busy with one kernel, the next is lowered, others are compiled, and the first of the
/// program may run already.
/// </summary>
static class IlCompiler
{
    static long ticks;

    /// <summary>Time spent since the process began, of all threads together.</summary>
    public static TimeSpan Time => TimeSpan.FromTicks(Interlocked.Read(ref ticks));

    /// <summary>Begins to compile a phase.</summary>
    /// <param name="name">For listings.</param>
    /// <param name="unit">What the code is bound to.</param>
    /// <param name="write">Writes the code; called on another thread.</param>
    public static Task<KernelCode> Start(string name, MatrixCode? unit, Action<ILGenerator> write) =>
        // Listings are in order.
        IlListing.Sink is null ? Task.Run(() => Compile(name, unit, write)) : Task.FromResult(Compile(name, unit, write));

    static KernelCode Compile(string name, MatrixCode? unit, Action<ILGenerator> write)
    {
        long start = Stopwatch.GetTimestamp();
        var method = new DynamicMethod(name, typeof(void), [typeof(object), typeof(nint), typeof(long), typeof(long), typeof(long)], typeof(IlCompiler).Module, true);
        write(IlListing.Of(method, method.GetILGenerator(4096)));
        var code = method.CreateDelegate<KernelCode>(unit);
        RuntimeHelpers.PrepareDelegate(code);
        Interlocked.Add(ref ticks, Stopwatch.GetElapsedTime(start).Ticks);
        return code;
    }
}
