using Ingot.Kernels;
using Ingot.Nn;
using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;

namespace Ingot.Tests;

/// <summary>The same program gives the same bits, whatever runs it.</summary>
[Collection(nameof(ProcessWide))]
public sealed class DeterminismTests : IDisposable
{
    readonly int threads = WorkerPool.Threads;
    readonly (int Beam, string Cache) settings = (Settings.Beam, Settings.Cache);
    readonly string folder = Path.Combine(Path.GetTempPath(), $"ingot-recipes-{Environment.ProcessId}");

    public void Dispose()
    {
        WorkerPool.Threads = threads;
        (Settings.Beam, Settings.Cache) = settings;
        Realizer.Clear();
        if (Directory.Exists(folder)) Directory.Delete(folder, true);
    }

    /// <summary>A training with everything in it that could depend on who computes it: reductions of all kinds, products, random numbers, scatters.</summary>
    static int[] Train(int threads)
    {
        WorkerPool.Threads = threads;
        Tensor.ManualSeed(7);
        Tensor table = Tensor.Randn(50, 64).WithGrad(), filter = Tensor.Uniform([16, 1, 3, 3], -0.3, 0.3).WithGrad();
        Tensor up = Tensor.Uniform([160, 64], -0.1, 0.1).WithGrad(), bias = Tensor.Zeros(160).WithGrad(), down = Tensor.Uniform([50, 160], -0.1, 0.1).WithGrad();
        Tensor[] p = [table, filter, up, bias, down];
        var optimizer = new AdamW(p, Schedules.WarmupCosine(1e-2));
        var losses = new List<Tensor>();
        for (int step = 0; step < 4; step++)
        {
            Tensor tokens = Tensor.RandInt(0, 50, [8, 16]), next = Tensor.RandInt(0, 50, [128]);
            optimizer.ZeroGrad();
            var x = tokens.Embedding(table);
            var mixed = x.ScaledDotProductAttention(x, x, isCausal: true);
            var image = mixed.Reshape(8, 1, 32, 32).Conv2d(filter, padding: 1).Mean(1).Reshape(128, 64);
            var logits = image.LayerNorm().Linear(up, bias).Gelu().Dropout(0.1).Linear(down);
            var loss = logits.CrossEntropy(next);
            loss.Backward();
            Clip.GradNorm(p, 1);
            optimizer.Step(step / 4.0);
            losses.Add(loss);
        }
        return [.. losses.Concat(p).SelectMany(t => t.ToArray<float>()).Select(BitConverter.SingleToInt32Bits)];
    }

    [Fact]
    public void Training_TwiceWithAnyNumberOfThreads_GivesTheSameBits()
    {
        var first = Train(1);
        first.Length.ShouldBeGreaterThan(20000);
        foreach (int threads in new[] { 1, 2, 3 }) Train(threads).ShouldBe(first, $"{threads} threads");
    }

    [Fact]
    public void Training_WhileAnotherThreadComputes_GivesTheSameBitsByTheSamePlans()
    {
        var first = Train(2);
        int plans = Realizer.PlansMade;
        using var stop = new CancellationTokenSource();
        static void Other() => Tensor.From([1f, 2], 2).Square().Realize();
        Other();
        var other = Task.Run(() => { while (!stop.IsCancellationRequested) Other(); }, CancellationToken.None);
        for (int i = 0; i < 3; i++) Train(2).ShouldBe(first);
        stop.Cancel();
        other.Wait();
        Realizer.PlansMade.ShouldBe(plans + 1); // the other thread's
    }

    [Fact]
    public void Training_WithRecipesFoundBySearch_GivesTheSameBits()
    {
        Settings.Cache = folder;
        Realizer.Clear();
        var heuristic = Train(2);
        Realizer.Clear();
        Settings.Beam = 2;
        Train(2).ShouldBe(heuristic, "while searching");
        File.ReadAllLines(RecipeCache.File).Length.ShouldBeGreaterThan(10);
        // A new process would read the recipes from the file.
        Realizer.Clear();
        Settings.Beam = 0;
        Train(2).ShouldBe(heuristic, "with recipes found before");
    }

    [Fact]
    public void Training_WithAnyRecipe_GivesTheSameBits()
    {
        var heuristic = Train(2);
        for (int seed = 1; seed <= 4; seed++)
        {
            var random = new Random(seed);
            Realizer.Clear();
            CompiledKernel.Forced = _ => Recipe.Random(random);
            try { Train(2).ShouldBe(heuristic, $"recipes of seed {seed}"); }
            finally { CompiledKernel.Forced = null; }
        }
    }
}
