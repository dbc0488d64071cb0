using System.Diagnostics;
using Ingot.Codegen.Il;
using Ingot.Kernels;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>What DEBUG=1..6, GRAPH=1 and PROFILE=1 print and write about a realise.</summary>
static class Observe
{
    public static bool IsOn => Settings.Debug >= 2 || Profiler.IsOn;

    /// <summary>Where the listings go; tests read them.</summary>
    public static TextWriter Output { get; set; } = Console.Error;

    static int realises, replays, pictures;

    /// <summary>One realise under DEBUG or GRAPH, from before its plan is looked up.</summary>
    internal sealed class Realise : IDisposable
    {
        readonly long start = Stopwatch.GetTimestamp();
        readonly int compiled = CompiledKernel.Compiled;
        readonly TimeSpan compileTime = CompiledKernel.CompileTime;

        public Realise()
        {
            // Rewrites and instructions are reported by layers below, which know nothing of settings.
            RewriteTrace.Sink = Settings.Debug >= 5 ? Output.WriteLine : null;
            IlListing.Sink = Settings.Debug >= 4 ? Output.WriteLine : null;
        }

        public void Dispose()
        {
            RewriteTrace.Sink = null;
            IlListing.Sink = null;
        }

        public void Done(Plan plan, bool isNew)
        {
            if (isNew && Settings.Graph > 0) Draw(plan);
            if (Settings.Debug < 1) return;
            int kernels = CompiledKernel.Compiled - compiled;
            string compile = kernels > 0 ? $", of which {(CompiledKernel.CompileTime - compileTime).TotalMilliseconds:F1} ms compiling {Count(kernels, "kernel")}" : "";
            Output.WriteLine($"realise {Interlocked.Increment(ref realises)}: {(isNew ? "new plan" : "known plan")}, {Count(plan.KernelCount, "kernel")} in {Count(plan.LaunchCount, "launch")}, "
                + $"{plan.TemporaryBytes:N0} B of temporaries, {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F3} ms{compile}");
            if (isNew) Output.WriteLine($"  memory: {plan.MemoryByKind()}");
        }

        public void Replayed(CapturedProgram program)
        {
            if (Settings.Debug >= 1)
                Output.WriteLine($"replay {Interlocked.Increment(ref replays)}: {Count(program.KernelCount, "kernel")} in {Count(program.LaunchCount, "launch")}, "
                    + $"{program.TemporaryBytes:N0} B of temporaries, {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F3} ms");
        }

        static string Count(int n, string what) => n == 1 ? $"1 {what}" : $"{n} {what}{(what.EndsWith('h') ? "es" : "s")}";

        static void Draw(Plan plan)
        {
            string file = $"ingot-graph-{Interlocked.Increment(ref pictures)}.svg";
            try
            {
                File.WriteAllText(file, plan.Picture());
                Output.WriteLine($"GRAPH=1: wrote {file}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Output.WriteLine($"GRAPH=1: no picture, since {e.Message}"); // a read-only folder is no reason to stop a program
            }
        }
    }

    /// <summary>DEBUG=1: a call of a compiled function that could not be replayed, and why.</summary>
    public static void Traced(string why)
    {
        if (Settings.Debug >= 1) Output.WriteLine($"compiled function: traced, since {why}");
    }

    /// <summary>Null where nobody looks.</summary>
    public static Realise? Realising() => Settings.Debug > 0 || Settings.Graph > 0 ? new() : null;

    /// <summary>DEBUG=2: a line a launch. PROFILE=1: an event.</summary>
    public static void Ran(string name, CompiledKernel kernel, int instances, long flops, long bytes, long start)
    {
        long end = Stopwatch.GetTimestamp();
        double seconds = (end - start) / (double)Stopwatch.Frequency;
        string many = instances > 1 ? $" x{instances}" : "", recipe = string.Join("; ", kernel.Nest.Recipe);
        double gflops = flops / seconds / 1e9, gbs = bytes / seconds / 1e9;
        Profiler.Event(name + many, start, end, 0, ("flops", flops), ("bytes", bytes), ("gflops", gflops), ("gbs", gbs), ("recipe", recipe));
        if (Settings.Debug < 2) return;
        var (fraction, roof) = OfPeak(kernel.Nest.UsesMatrixUnit, gflops, gbs);
        Output.WriteLine($"  {name + many,-32} {flops,14:N0} FLOP {bytes,14:N0} B {seconds * 1e6,10:F1} us {gflops,8:F1} GFLOPS {gbs,7:F1} GB/s {fraction,5:P0} of {roof}  {recipe}");
    }

    /// <summary>The same for what runs on the host.</summary>
    public static void RanOnHost(string name, long bytes, long start)
    {
        long end = Stopwatch.GetTimestamp();
        double seconds = (end - start) / (double)Stopwatch.Frequency, gbs = bytes / seconds / 1e9;
        Profiler.Event(name, start, end, 0, ("bytes", bytes), ("gbs", gbs));
        if (Settings.Debug >= 2) Output.WriteLine($"  {name,-32} {"on the host",19} {bytes,14:N0} B {seconds * 1e6,10:F1} us {"",15} {gbs,7:F1} GB/s");
    }

    /// <summary>PROFILE=1: one worker's part of a launch.</summary>
    public static void RanChunk(string kernel, string phase, long from, long to, long start, int worker) =>
        // Row 0 is the caller's, where the launch itself is drawn: its chunks nest under it.
        Profiler.Event($"{kernel} {phase}", start, Profiler.Now, worker, ("from", from), ("to", to));

    /// <summary>The nearer of the machine's two roofs. The peaks are measured at the first call, which takes half a second.</summary>
    static (double Fraction, string Roof) OfPeak(bool usesMatrixUnit, double gflops, double gbs)
    {
        var peaks = Peaks.Measure();
        var matrix = usesMatrixUnit ? peaks.MatrixGflops : null; // an emulated unit has no peak of its own
        double compute = gflops / (matrix ?? peaks.Gflops), memory = gbs / peaks.BestGBs;
        return compute > memory ? (compute, matrix is null ? "FMA peak" : "matrix peak") : (memory, "bandwidth");
    }

    /// <summary>DEBUG=3: what a kernel computes, and the loops that its recipe made of it.</summary>
    public static void Compiling(string ast, LoopNest nest)
    {
        Output.WriteLine($"  kernel {nest.Name}");
        Indented(ast);
        Output.WriteLine($"    recipe: {(nest.Recipe.Count > 0 ? string.Join("; ", nest.Recipe) : "none")}");
        Indented(NestPrinter.Print(nest));
    }

    /// <summary>DEBUG=2 under BEAM: what a search tried and found.</summary>
    public static void Searched(string kernel, int candidates, double heuristic, double best, Recipe recipe)
    {
        if (Settings.Debug >= 2) Output.WriteLine($"  search {kernel,-25} {candidates,4} candidates, {heuristic * 1e6:F1} us -> {best * 1e6:F1} us  {(recipe == new Recipe() ? "the heuristic recipe" : recipe)}");
    }

    /// <summary>DEBUG=6: machine code.</summary>
    public static void Disassembled(CompiledKernel kernel)
    {
        for (int i = 0; i < kernel.Code.Length; i++)
        {
            Output.WriteLine($"    machine code of {kernel.Nest.Name} {kernel.Nest.Phases[i].Name}:");
            foreach (var line in Disassembly.Of(kernel.Code[i])) Output.WriteLine($"    {line}");
        }
    }

    static void Indented(string text)
    {
        foreach (var line in text.TrimEnd().Split('\n')) Output.WriteLine($"    {line}");
    }
}
