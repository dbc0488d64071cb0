using System.Diagnostics;
using Ingot.Runtime;

namespace Ingot.Schedule;

/// <summary>What DEBUG=1..6 and PROFILE=1 print and write about kernels that run.</summary>
static class Observe
{
    public static bool IsOn => Settings.Debug >= 2 || Settings.Profile > 0;

    /// <summary>Where the listings go; tests read them.</summary>
    public static TextWriter Output { get; set; } = Console.Error;

    public static void Ran(string name, CompiledKernel kernel, int instances, long flops, long bytes, long start)
    {
        long end = Stopwatch.GetTimestamp();
        double seconds = (end - start) / (double)Stopwatch.Frequency;
        if (Settings.Debug < 2) return;
        double gflops = flops / seconds / 1e9, gbs = bytes / seconds / 1e9;
        string many = instances > 1 ? $" x{instances}" : "";
        Output.WriteLine($"  {name + many,-32} {flops,14:N0} FLOP {bytes,14:N0} B {seconds * 1e6,10:F1} us {gflops,8:F1} GFLOPS {gbs,7:F1} GB/s  {string.Join("; ", kernel.Nest.Recipe)}");
    }
}
