using System.Diagnostics;
using System.Text.Json;
using Ingot.Runtime;

namespace Ingot.Tests.Runtime;

[Collection(nameof(ProcessWide))]
public sealed class ProfilerTests : IDisposable
{
    readonly string file = Path.Combine(Path.GetTempPath(), $"ingot-trace-{Guid.NewGuid():N}.json");

    public void Dispose()
    {
        Profiler.Stop();
        File.Delete(file);
    }

    JsonElement[] Events() => [.. JsonDocument.Parse(File.ReadAllText(file)).RootElement.EnumerateArray()];

    [Fact]
    public void Event_On_IsInTheFileWithTimesInMicroseconds()
    {
        Profiler.Start(file);
        long start = Profiler.Now, end = start + Stopwatch.Frequency / 1000; // a millisecond
        Profiler.Event("matmul \"a\"", start, end, worker: 3, ("gflops", 12.5), ("recipe", "tile 8"), ("intensity", double.PositiveInfinity));
        Profiler.Event("copy", end, end);
        Profiler.Stop();
        var events = Events();
        events.Length.ShouldBe(2);
        var first = events[0];
        first.GetProperty("name").GetString().ShouldBe("matmul \"a\"");
        first.GetProperty("ph").GetString().ShouldBe("X");
        first.GetProperty("dur").GetDouble().ShouldBe(1000, 0.01);
        first.GetProperty("tid").GetInt32().ShouldBe(3);
        first.GetProperty("args").GetProperty("gflops").GetDouble().ShouldBe(12.5);
        first.GetProperty("args").GetProperty("recipe").GetString().ShouldBe("tile 8");
        first.GetProperty("args").GetProperty("intensity").ValueKind.ShouldBe(JsonValueKind.String);
        (events[1].GetProperty("ts").GetDouble() - first.GetProperty("ts").GetDouble()).ShouldBe(1000, 0.01);
        events[1].TryGetProperty("args", out _).ShouldBeFalse();
    }

    [Fact]
    public void Event_FromManyThreads_AllArrive()
    {
        Profiler.Start(file);
        Parallel.For(0, 4000, i => Profiler.Event("e", i, i + 1, i % 4, ("i", i)));
        Profiler.Stop();
        Events().Select(e => e.GetProperty("args").GetProperty("i").GetInt32()).Order().ShouldBe(Enumerable.Range(0, 4000));
    }

    [Fact]
    public void Event_Off_AllocatesNothing()
    {
        Profiler.Stop();
        Profiler.IsOn.ShouldBeFalse();
        Profiler.Event("warm", 0, 1, 0, ("n", 1));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) Profiler.Event("off", i, i + 1, 0, ("n", i), ("s", "text"));
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Fact]
    public void Start_Twice_ClosesTheFirstFile()
    {
        Profiler.Start(file);
        Profiler.Event("one", 0, 1);
        var other = file + ".2";
        Profiler.Start(other);
        try
        {
            Events().Length.ShouldBe(1);
        }
        finally
        {
            Profiler.Stop();
            File.Delete(other);
        }
    }
}
