using Ingot.Llm.Pipeline;

namespace Ingot.Llm.Tests.Pipeline;

public class SpeedWatchTests
{
    [Fact]
    public void Observe_ThreeSlowLinesInARow_TellsOnce()
    {
        var watch = new SpeedWatch(100, 200);
        foreach (double gflops in new[] { 90.0, 49, 49, 51, 49, 49 }) watch.Observe(gflops).ShouldBeNull();
        watch.Observe(40)!.ShouldContain("less than half of the 100");
        watch.Observe(40).ShouldBeNull();
    }

    [Theory]
    [InlineData(0.4, 200, "40 %")]
    [InlineData(0.9, 100, "100 GFLOPS where it reached 200")]
    [InlineData(0.9, 190, "paging")]
    public void Cause_IsWhatTheFiguresSay(double share, double peakNow, string expected) => SpeedWatch.Cause(share, 200, () => peakNow).ShouldContain(expected);
}
