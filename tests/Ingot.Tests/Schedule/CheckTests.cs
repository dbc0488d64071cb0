using System.Runtime.CompilerServices;
using Ingot.Nn;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Schedule;

/// <summary>CHECK=1 names the operation and the line of this file that made the first NaN or infinity.</summary>
[Collection(nameof(ProcessWide))]
public sealed class CheckTests
{
    static int Line([CallerLineNumber] int line = 0) => line;

    [Fact]
    public void Check_LogarithmOfZero_NamesItAndItsLine()
    {
        using var watch = new Watch(check: 1);
        var x = Tensor.From([1f, 2f, 0f, 4f]);
        var a = x + 0f;
        var b = a.Log(); int line = Line();
        var error = Should.Throw<IngotException>(() => (b * 2 - 1).Realize());
        error.Message.ShouldContain("Log2 makes the first NaN or infinity: f32(4,), -Infinity at [2], from 0");
        error.Message.ShouldContain($"CheckTests.cs:{line}");
    }

    [Fact]
    public void Check_ZeroOverZero_NamesTheDivision()
    {
        using var watch = new Watch(check: 1);
        Tensor a = Tensor.From([1f, 0f, 3f, 4f]).Reshape(2, 2), b = Tensor.From([1f, 0f, 1f, 1f]).Reshape(2, 2);
        var q = a / b; int line = Line();
        var error = Should.Throw<IngotException>(() => q.Sum(1).Realize());
        error.Message.ShouldContain("NaN at [0, 1], from 0 and 0");
        error.Message.ShouldContain($"CheckTests.cs:{line}");
    }

    [Fact]
    public void Check_RowMaskedWhole_NamesTheDifferenceOfInfinities()
    {
        using var watch = new Watch(check: 1);
        var mask = Tensor.From([true, true]);
        var scores = mask.Where(double.NegativeInfinity, Tensor.From([1f, 2f]));
        var p = scores.Softmax(0); int line = Line();
        Should.Throw<IngotException>(() => p.Realize()).Message.ShouldContain($"CheckTests.cs:{line}");
    }

    [Fact]
    public void Check_InfiniteMaskWithFiniteResult_Passes()
    {
        using var watch = new Watch(check: 1);
        var mask = Tensor.From([true, false, false]);
        var p = mask.Where(double.NegativeInfinity, Tensor.From([1f, 2f, 2f])).Softmax(0);
        p.ToArray<float>().ShouldBe([0, 0.5f, 0.5f]);
    }

    [Fact]
    public void Check_InputWithNaN_SaysSo()
    {
        using var watch = new Watch(check: 1);
        var x = Tensor.From([1f, float.NaN]);
        Should.Throw<IngotException>(() => (x + 1).Realize()).Message.ShouldContain("a tensor that the computation reads, f32(2,), already holds NaN at [1]");
    }

    [Fact]
    public void Check_OptimizerStepThatDiverges_IsTracedFromTheValuesBeforeTheStep()
    {
        using var watch = new Watch(check: 1);
        // The step overwrites its parameter: looked at afterwards, that would hold the infinity from the start.
        var p = Tensor.From([1f, 2f]).WithGrad();
        p.Grad = Tensor.From([float.MaxValue, 0f]);
        Should.Throw<IngotException>(() => new Sgd([p], 1000).Step()).Message.ShouldContain("Mul makes the first NaN or infinity");
    }

    [Fact]
    public void Check_Off_NaNPasses()
    {
        using var watch = new Watch();
        Tensor.From([0f]).Log().ToArray<float>().ShouldBe([float.NegativeInfinity]);
    }
}
