using Ingot.Nn;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Autograd;

/// <summary>What is computed along with a step is decided by the program, not by the moments at which the collector runs.</summary>
[Collection(nameof(ProcessWide))]
public sealed class CompanionsTests
{
    static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Step_WhereverTheCollectorRuns_IsOnePlan(bool clips)
    {
        Tensor weight = Tensor.Randn(4, 8).WithGrad(), bias = Tensor.Zeros(4).WithGrad();
        var optimizer = new AdamW([weight, bias], 1e-3);
        var plans = new List<Plan>();
        // Not inlined: a dropped loss is then nowhere but where the library keeps it.
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        void Backward() => Tensor.Randn(6, 8).Linear(weight, bias).Square().Mean().Backward();
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        void Clipped() => Clip.GradNorm([weight, bias], 1);
        for (int i = 0; i < 8; i++)
        {
            optimizer.ZeroGrad();
            if ((i & 1) != 0) Collect();
            Backward();
            if ((i & 2) != 0) Collect();
            if (clips) Clipped();
            if ((i & 4) != 0) Collect();
            optimizer.Step(i / 8.0);
            plans.Add(Realizer.LastPlan!);
        }
        plans.ShouldAllBe(p => p == plans[0]);
    }

    /// <summary>Reading the loss computes the gradients with it, but not those that were thrown away before, collected or not.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LossAlone_AfterZeroGrad_ComputesNoGradients(bool collects)
    {
        Tensor x = Tensor.Rand(6, 8).Realize(), weight = Tensor.Randn(4, 8).WithGrad();
        (x.Linear(weight).Square().Mean() * 3).Item<float>();
        int alone = Realizer.LastPlan!.KernelCount;
        var loss = x.Linear(weight).Square().Mean() * 3;
        loss.Backward();
        weight.ZeroGrad();
        if (collects) Collect();
        loss.Item<float>();
        Realizer.LastPlan!.KernelCount.ShouldBe(alone);
    }

    [Fact]
    public void LossAndGradients_WithoutOptimizer_AreLetGo()
    {
        var weight = Tensor.Randn(4, 8).WithGrad();
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        WeakReference Backward()
        {
            var loss = Tensor.Randn(6, 8).Linear(weight).Square().Mean();
            loss.Backward();
            return new WeakReference(loss);
        }
        var loss = Backward();
        weight.ZeroGrad();
        Collect();
        loss.IsAlive.ShouldBeFalse();
    }

    /// <summary>Running statistics are computed with the loss of their own batch, whatever other models have left behind.</summary>
    [Fact]
    public void BatchNorm_OfAnotherModel_IsNotComputedWithThisLoss()
    {
        Tensor x = Tensor.Rand(16, 4).Realize(), weight = Tensor.Randn(4, 4).WithGrad(), otherWeight = Tensor.Randn(4, 4).WithGrad();
        Tensor mean = Tensor.Zeros(4).Realize(), variance = Tensor.Ones(4).Realize(), otherMean = Tensor.Zeros(4).Realize(), otherVariance = Tensor.Ones(4).Realize();
        _ = x.Linear(otherWeight).BatchNorm(otherMean, otherVariance, training: true); // goes nowhere
        var loss = x.Linear(weight).BatchNorm(mean, variance, training: true).Square().Sum();
        loss.Backward();
        loss.Item<float>();
        Realizer.BufferOrNull(mean.Node).ShouldNotBeNull();
        Realizer.BufferOrNull(variance.Node).ShouldNotBeNull();
        Realizer.BufferOrNull(otherMean.Node).ShouldBeNull();
    }
}
