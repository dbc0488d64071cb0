using Ingot.Llm.Models;
using Ingot.Nn;
using Ingot.Schedule;

namespace Ingot.Llm.Tests.Training;

/// <summary>The schedule of a GPT's whole training step: forward, backward, clipping, AdamW. Changes what the process counts, so nothing runs beside it.</summary>
[Collection(nameof(TrainingStepTests))]
[CollectionDefinition(nameof(TrainingStepTests), DisableParallelization = true)]
public class TrainingStepTests
{
    const int Layers = 2;

    static Plan Step(Gpt model, Optimizer optimizer, double progress, bool clips)
    {
        var parameters = Module.Parameters(model);
        Tensor tokens = Tensor.RandInt(0, 65, [4, 32]).Realize(), targets = Tensor.RandInt(0, 65, [4, 32]).Realize();
        optimizer.ZeroGrad();
        model.Loss(tokens, targets).Backward();
        if (clips) Clip.GradNorm(parameters, 1);
        optimizer.Step(progress);
        return Realizer.LastPlan.ShouldNotBeNull();
    }

    static (Gpt, AdamW) Make()
    {
        var model = new Gpt(new GptConfig(65, 32, Layers, 2, 64), seed: 1);
        return (model, new AdamW(Module.Parameters(model), Schedules.WarmupCosine(1e-3, 1e-4, 0.1)));
    }

    [Fact]
    public void Step_ThatRecomputesItsBlocks_TakesLessMemoryAndGivesTheSameBits()
    {
        static (long Bytes, int[][] Bits) Run(bool recomputes)
        {
            var model = new Gpt(new GptConfig(65, 32, 4, 2, 64), seed: 1) { Recompute = recomputes };
            var optimizer = new AdamW(Module.Parameters(model), 1e-3);
            Tensor.ManualSeed(2);
            long bytes = 0;
            for (int i = 0; i < 3; i++) bytes = Step(model, optimizer, 0, clips: false).PeakTemporaryBytes;
            return (bytes, [.. Module.Parameters(model).Select(p => Array.ConvertAll(p.ToArray<float>(), BitConverter.SingleToInt32Bits))]);
        }
        var (kept, again) = (Run(false), Run(true));
        again.Bits.ShouldBe(kept.Bits);
        again.Bytes.ShouldBeLessThan(kept.Bytes * 3 / 4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SecondStep_OfAGpt_CompilesNothing(bool clips)
    {
        var (model, optimizer) = Make();
        Step(model, optimizer, 0, clips);
        var (kernels, plans) = (CompiledKernel.Compiled, Realizer.PlansMade);
        for (int i = 1; i < 5; i++) Step(model, optimizer, i / 4.0, clips);
        (CompiledKernel.Compiled, Realizer.PlansMade).ShouldBe((kernels, plans));
    }

    /// <summary>Forward 7 launches a block, attention one of them, backward 13 with the optimizer in them, some twenty around: a change for the worse shows here.</summary>
    [Fact]
    public void Step_OfAGpt_IsFewLaunchesAndCopiesNothing()
    {
        var (model, optimizer) = Make();
        var plan = Step(model, optimizer, 0, clips: false);
        string listing = string.Join("\n", plan.Describe());
        plan.LaunchCount.ShouldBeLessThanOrEqualTo(20 * Layers + 19, listing);
        plan.Describe().Where(k => k.Flops == 0).ShouldBeEmpty(listing);
        plan.Recipes.Count(r => r.StartsWith("blocks of", StringComparison.Ordinal) && r.Contains("masked positions skipped")).ShouldBe(3 * Layers, listing); // attention
    }
}
