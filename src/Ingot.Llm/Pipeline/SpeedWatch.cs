using System.Diagnostics;
using Ingot.Runtime;

namespace Ingot.Llm.Pipeline;

/// <summary>Notices a run that is much slower than planned, and looks for the cause.</summary>
/// <param name="plannedGflops">What training reached when the plan was made.</param>
/// <param name="plannedPeak">What the machine's vectors could do at best then.</param>
public sealed class SpeedWatch(double plannedGflops, double plannedPeak)
{
    /// <summary>So many slow lines of the log in a row are no accident.</summary>
    const int Lines = 3;

    readonly Stopwatch wall = Stopwatch.StartNew();
    TimeSpan work = Process.GetCurrentProcess().TotalProcessorTime;
    int slow;

    /// <summary>Takes the speed of a line of the log.</summary>
    /// <param name="gflops">Of training.</param>
    /// <returns>What to tell, once for each time that the run becomes slow; null: nothing.</returns>
    public string? Observe(double gflops)
    {
        var now = Process.GetCurrentProcess().TotalProcessorTime;
        double share = (now - work) / wall.Elapsed / WorkerPool.Threads;
        work = now;
        wall.Restart();
        slow = gflops < plannedGflops / 2 ? slow + 1 : 0;
        return slow == Lines ? $"slow: {gflops:0} GFLOPS, less than half of the {plannedGflops:0} that were planned; {Cause(share, plannedPeak, Peaks.GflopsNow)}" : null;
    }

    /// <summary>The likely cause.</summary>
    /// <param name="share">Of the threads' time that this process had a core.</param>
    /// <param name="plannedPeak">GFLOPS at best when the plan was made.</param>
    /// <param name="peak">Measures it now.</param>
    internal static string Cause(double share, double plannedPeak, Func<double> peak)
    {
        if (share < 0.75) return $"this process gets {100 * share:0} % of its threads' time: other programs use the cores";
        double now = peak();
        return now < 0.7 * plannedPeak ? $"the processor itself reaches {now:0} GFLOPS where it reached {plannedPeak:0}: a lower clock, heat, or neighbours on a shared machine"
            : "the processor is as fast as before: memory that others use, or paging, is the likely cause";
    }
}
