using System.Diagnostics;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Ingot.Codegen.X64;

namespace Ingot.Codegen.Il;

/// <summary>
/// A phase on its way from IL to machine code, on a thread of the pool: while the JIT is busy with one kernel, the next is lowered, others are compiled, and
/// the first of the program may run already. Whoever needs code that no thread has begun with compiles it himself, so a pool whose threads all wait for
/// results holds nobody up.
/// </summary>
sealed class IlCompilation : IThreadPoolWorkItem
{
    static long ticks;

    /// <summary>Time spent since the process began, of all threads together.</summary>
    public static TimeSpan Time => TimeSpan.FromTicks(Interlocked.Read(ref ticks));

    readonly TaskCompletionSource<KernelCode> code = new();
    readonly string name;
    readonly MatrixCode? unit;
    Action<ILGenerator>? write;

    IlCompilation(string name, MatrixCode? unit, Action<ILGenerator> write) => (this.name, this.unit, this.write) = (name, unit, write);

    /// <summary>Begins to compile a phase.</summary>
    /// <param name="name">For listings.</param>
    /// <param name="unit">What the code is bound to.</param>
    /// <param name="write">Writes the code, on any thread.</param>
    public static IlCompilation Start(string name, MatrixCode? unit, Action<ILGenerator> write)
    {
        var compilation = new IlCompilation(name, unit, write);
        if (IlListing.Sink is null) ThreadPool.UnsafeQueueUserWorkItem(compilation, preferLocal: false);
        else compilation.Execute(); // listings are in order
        return compilation;
    }

    /// <summary>The code; waits for it.</summary>
    public KernelCode Code
    {
        get
        {
            Execute();
            return code.Task.GetAwaiter().GetResult();
        }
    }

    /// <summary>Compiles, unless a thread has begun with it.</summary>
    public void Execute()
    {
        if (Interlocked.Exchange(ref write, null) is not { } mine) return;
        long start = Stopwatch.GetTimestamp();
        try
        {
            var method = new DynamicMethod(name, typeof(void), [typeof(object), typeof(nint), typeof(long), typeof(long), typeof(long)], typeof(IlCompilation).Module, true);
            mine(IlListing.Of(method, method.GetILGenerator(4096)));
            var made = method.CreateDelegate<KernelCode>(unit);
            RuntimeHelpers.PrepareDelegate(made);
            Interlocked.Add(ref ticks, Stopwatch.GetElapsedTime(start).Ticks);
            code.SetResult(made);
        }
        catch (Exception e) { code.SetException(e); } // to whoever waits
    }
}
