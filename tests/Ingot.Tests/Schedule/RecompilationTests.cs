using Ingot.Nn;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Schedule;

/// <summary>What changes from step to step is data: after the first step nothing is scheduled or compiled.</summary>
[Collection(nameof(ProcessWide))]
public class RecompilationTests
{
    /// <summary>Runs steps; from the second on the counters must stand still.</summary>
    static void ShouldCompileOnce(Action<int> step, int steps = 6)
    {
        step(0);
        var (kernels, plans) = (CompiledKernel.Compiled, Realizer.PlansMade);
        for (int i = 1; i < steps; i++)
        {
            step(i);
            CompiledKernel.Compiled.ShouldBe(kernels, $"kernels compiled in step {i + 1}");
            Realizer.PlansMade.ShouldBe(plans, $"plans made in step {i + 1}");
        }
    }

    static Tensor[] Mlp() => [Tensor.Randn(16, 8).WithGrad(), Tensor.Zeros(16).WithGrad(), Tensor.Randn(4, 16).WithGrad(), Tensor.Zeros(4).WithGrad()];

    static Tensor Forward(Tensor[] p, Tensor x, double dropout = 0) => x.Linear(p[0], p[1]).Relu().Dropout(dropout).Linear(p[2], p[3]);

    static Tensor Batch() => Tensor.Randn(10, 8).Realize();

    public static TheoryData<string> Optimizers => ["sgd", "momentum", "nesterov", "adam", "adamw", "adamw cosine", "adamw warmup", "everything scheduled"];

    static Optimizer Make(string name, Tensor[] p) => name switch
    {
        "sgd" => new Sgd(p, Schedules.Linear(1, 0)),
        "momentum" => new Sgd(p, Schedules.WarmupCosine(0.1, 0, 0.3), momentum: 0.9),
        "nesterov" => new Sgd(p, 0.1, momentum: Schedules.Linear(0, 1), nesterov: true),
        "adam" => new Adam(p, Schedules.Linear(0, 1e-3)),
        "adamw" => new AdamW(p),
        "adamw cosine" => new AdamW(p, Schedules.WarmupCosine(1e-3, 1e-4, 0), beta2: 0.99),
        "adamw warmup" => new AdamW(p, Schedules.WarmupCosine(1e-3, 0, 0.5), weightDecay: Schedules.Linear(0, 0.1)),
        _ => new AdamW(p, Schedules.Linear(0, 1), Schedules.Linear(0.9, 0.99), Schedules.Linear(0.99, 0.999), weightDecay: Schedules.Linear(0.1, 0)),
    };

    [Theory]
    [MemberData(nameof(Optimizers))]
    public void SecondStep_WithAnyOptimizerAndSchedule_CompilesNothing(string name)
    {
        var p = Mlp();
        var optimizer = Make(name, p);
        ShouldCompileOnce(i =>
        {
            optimizer.ZeroGrad();
            Forward(p, Batch()).Square().Mean().Backward();
            optimizer.Step(i / 5.0); // from 0 to 1, ends included
        });
    }

    [Fact]
    public void SecondStep_WithDropout_CompilesNothing()
    {
        var p = Mlp();
        var optimizer = new AdamW(p);
        ShouldCompileOnce(_ =>
        {
            optimizer.ZeroGrad();
            Forward(p, Batch(), 0.3).Square().Mean().Backward();
            optimizer.Step();
        });
    }

    [Fact]
    public void SecondStep_WithGradientClipping_CompilesNothing()
    {
        var p = Mlp();
        var optimizer = new AdamW(p);
        var norms = new List<float>();
        ShouldCompileOnce(_ =>
        {
            optimizer.ZeroGrad();
            Forward(p, Batch()).Square().Mean().Backward();
            var norm = Clip.GradNorm(p, 1);
            optimizer.Step();
            norms.Add(norm.Item<float>());
        });
        norms.ShouldAllBe(n => n > 0);
    }

    [Fact]
    public void SecondStep_OfAConvolutionalNetwork_CompilesNothing()
    {
        Tensor filter = (Tensor.Randn(4, 1, 3, 3) * 0.3).Detach().WithGrad(), weight = (Tensor.Randn(10, 4 * 13 * 13) * 0.05).Detach().WithGrad();
        Tensor[] p = [filter, weight];
        var optimizer = new Adam(p, Schedules.WarmupCosine(1e-2));
        ShouldCompileOnce(i =>
        {
            var images = Tensor.Rand(2, 1, 28, 28).Realize();
            var labels = Tensor.RandInt(0, 10, [2]).Realize();
            optimizer.ZeroGrad();
            images.Conv2d(filter).Relu().MaxPool2d(2).Flatten(1).Linear(weight).CrossEntropy(labels).Backward();
            optimizer.Step(i / 5.0);
        });
    }

    [Fact]
    public void ChangedConstant_CompilesNothing()
    {
        var x = Tensor.Rand(100).Realize();
        ShouldCompileOnce(i => (x * (0.1 + i) + (0.7 - 0.1 * i)).Realize());
    }

    /// <summary>Equal constants are one node of the graph; that must not show in its structure.</summary>
    [Fact]
    public void ConstantsThatHappenToBeEqual_CompileNothingAndStayApart()
    {
        var x = Tensor.From([1f, 2f, 3f]);
        ShouldCompileOnce(i => (x * 0.5 + x.Square() * (0.5 + 0.3 * i)).Realize());
        (x * 0.5 + x.Square() * 0.25).ToArray<float>().ShouldBe([0.75f, 2f, 3.75f]);
        (x * 0.25 + x.Square() * 0.5).ToArray<float>().ShouldBe([0.75f, 2.5f, 5.25f]);
    }

    [Fact]
    public void ChangedSeed_CompilesNothingAndGivesOtherNumbers()
    {
        var results = new List<float[]>();
        ShouldCompileOnce(i =>
        {
            Tensor.ManualSeed((ulong)i);
            results.Add(Tensor.Randn(50).ToArray<float>());
        });
        results.Select(r => r[0]).Distinct().Count().ShouldBe(results.Count);
    }
}
