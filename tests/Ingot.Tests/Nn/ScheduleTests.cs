using Ingot.Nn;

namespace Ingot.Tests.Nn;

public class ScheduleTests
{
    [Fact]
    public void WarmupCosine_RisesAndFalls()
    {
        var s = Schedules.WarmupCosine(1, 0.1, 0.2);
        s.At(0).ShouldBe(0);
        s.At(0.1).ShouldBe(0.5, 1e-12);
        s.At(0.2).ShouldBe(1, 1e-12);
        s.At(0.6).ShouldBe(0.55, 1e-12);
        s.At(1).ShouldBe(0.1, 1e-12);
        Schedules.WarmupCosine(1, 0, 0).At(0).ShouldBe(1);
        Schedules.WarmupCosine(2, 0, warmup: 1).At(1).ShouldBe(2);
        Schedules.WarmupCosine(2, 0, warmup: 1).At(0.5).ShouldBe(1);
    }

    [Fact]
    public void Linear_IsAStraightLine()
    {
        var s = Schedules.Linear(1, 3);
        new[] { s.At(0), s.At(0.5), s.At(1), s.At(2) }.ShouldBe([1, 2, 3, 3]);
        s.IsConstant.ShouldBeFalse();
    }

    [Fact]
    public void ConstantThenDecay_FallsInTheLastPart()
    {
        var s = Schedules.ConstantThenDecay(2, 0, 0.5);
        new[] { s.At(0), s.At(0.5), s.At(0.75), s.At(1) }.ShouldBe([2, 2, 1, 0]);
    }

    [Fact]
    public void NumbersAndFunctions_AreSchedules()
    {
        Ingot.Nn.Schedule number = 0.5, function = new Func<double, double>(t => t * t);
        number.At(0.3).ShouldBe(0.5);
        number.IsConstant.ShouldBeTrue();
        function.At(0.5).ShouldBe(0.25);
    }
}
