using Ingot.Codegen.Il;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Schedule;

/// <summary>Copies of operands that stay the same from run to run are kept, and dropped when the operand changes.</summary>
[Collection(nameof(ProcessWide))]
public class PacksTests
{
    static readonly Tensor W = Tensor.Randn(200, 96).Realize();

    static float[] Run(Tensor x, Tensor w) => x.Linear(w).ToArray<float>();

    [Fact]
    public void Linear_ManyRunsWithTheSameWeight_GiveTheSameBitsWithoutPackingAgain()
    {
        var x = Tensor.Randn(50, 96).Realize();
        var first = Run(x, W);
        for (int i = 0; i < 30; i++) Run(x, W).ShouldBe(first);
        Realizer.LastPlan!.KeptBytes.ShouldBeGreaterThanOrEqualTo(200 * 96 * sizeof(float));
        // Another input, the same weight: still kept, and right.
        var y = Tensor.Randn(50, 96).Realize();
        var fresh = (y.Reshape(50, 1, 96) * W).Sum(-1).ToArray<float>();
        Run(y, W).Zip(fresh, (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(1e-4f);
    }

    [Fact]
    public void Linear_WeightAssignedAfterManyRuns_UsesTheNewOne()
    {
        var w = Tensor.Randn(120, 64).Realize();
        var x = Tensor.Randn(40, 64).Realize();
        for (int i = 0; i < 30; i++) Run(x, w);
        Realizer.LastPlan!.KeptBytes.ShouldBeGreaterThan(0);
        var before = Run(x, w);
        w.Assign(w * 2).Realize();
        Run(x, w).ShouldBe([.. before.Select(v => v * 2)]);
        Realizer.LastPlan!.KeptBytes.ShouldBe(0);
    }

    [Fact]
    public void Linear_OfOtherRowsInOneFamily_TakesTheCopyThatIsThere()
    {
        var w = Tensor.Randn(120, 64).Realize();
        Tensor[] inputs = [.. new[] { 80, 81, 90, 91 }.Select(rows => Tensor.Randn(rows, 64).Realize())];
        var expected = Array.ConvertAll(inputs, x => Run(x, w));
        using var family = CodeFamily.Enter(new());
        Realizer.Clear(); // the plans above were not the family's
        for (int i = 0; i < 30; i++) Run(inputs[0], w).ShouldBe(expected[0]);
        Realizer.LastPlan!.KeptBytes.ShouldBeGreaterThan(0);
        for (int i = 1; i < inputs.Length; i++)
        {
            Run(inputs[i], w).ShouldBe(expected[i]);
            Realizer.LastPlan!.KeptBytes.ShouldBeGreaterThan(0, "at the first run");
        }
        // A change of the weight drops it for all of them.
        w.Assign(w * 2).Realize();
        Run(inputs[1], w).ShouldBe([.. expected[1].Select(v => v * 2)]);
        Realizer.LastPlan!.KeptBytes.ShouldBe(0);
    }

    [Fact]
    public void Linear_OtherWeightsInTurn_NeverMixes()
    {
        Tensor[] weights = [Tensor.Randn(120, 64).Realize(), Tensor.Randn(120, 64).Realize()];
        var x = Tensor.Randn(40, 64).Realize();
        var expected = Array.ConvertAll(weights, w => Run(x, w));
        for (int i = 0; i < 60; i++) Run(x, weights[i / 20 % 2]).ShouldBe(expected[i / 20 % 2], $"run {i}");
    }

    [Fact]
    public void Linear_CapturedWithAWeightThatIsAResult_FollowsIt()
    {
        var a = Tensor.Randn(64, 64).Realize();
        var x = Tensor.Randn(40, 64).Realize();
        var captured = Compiled.Of((Tensor s) => { var w = (a * s).Realize(); return x.Linear(w); });
        for (int i = 0; i < 40; i++)
        {
            var scale = Tensor.From([1f + i]);
            var expected = Run(x, (a * scale).Realize());
            captured.Call(scale).ToArray<float>().ShouldBe(expected, $"call {i}");
        }
    }
}
