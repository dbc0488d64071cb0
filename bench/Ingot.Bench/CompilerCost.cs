using System.Diagnostics;
using Ingot.Llm.Models;
using Ingot.Nn;
using Ingot.Schedule;

namespace Ingot.Bench;

/// <summary>What the compiler itself costs: making a plan and its kernels, and going through a known program.</summary>
static class CompilerCost
{
    public static IEnumerable<Benchmark> All()
    {
        yield return new("compile", "s of the first step of training GPT-2 124M (4 x 64) before its first kernel: building the graph, scheduling, compiling", Compile);
        yield return Overhead("overhead.captured", "% of a captured step of training GPT-2 124M (4 x 64) that is in no kernel", isCaptured: true);
        yield return Overhead("overhead.retraced", "the same where each step builds its graph again", isCaptured: false);
        yield return Dispatch("dispatch", "us to replay a captured program of 300 running sums of 64 numbers, one after the other, with the barriers between them", threads: null);
        yield return Dispatch("dispatch.1thread", "the same on one thread, where a barrier costs nothing: dispatch alone", threads: 1);
    }

    /// <summary>Steps of GPT-2, captured or traced each time: what part of their time is in no kernel.</summary>
    static Benchmark Overhead(string name, string meaning, bool isCaptured) => new(name, meaning, session =>
    {
        const int warm = 3, steps = 5;
        var model = new Gpt(GptConfig.Gpt2, seed: 1);
        var optimizer = new AdamW(Module.Parameters(model), learningRate: 1e-4, weightDecay: 0.0);
        Tensor Step(Tensor tokens, Tensor targets)
        {
            optimizer.ZeroGrad();
            var loss = model.Loss(tokens, targets);
            loss.Backward();
            optimizer.Step();
            return loss;
        }
        var compiled = Compiled.Of((Func<Tensor, Tensor, Tensor>)Step);
        var batches = TrainingSteps.RandomBatches(50257, 4, 64);
        var parts = new List<double>();
        Plan.IsTimed = true;
        try
        {
            for (int i = 0; i < warm + steps; i++)
            {
                var (tokens, targets) = batches[i % batches.Count];
                long inKernels = Plan.LaunchTicks, start = Stopwatch.GetTimestamp();
                _ = (isCaptured ? compiled.Call(tokens, targets) : Step(tokens, targets)).Item<float>();
                long all = Stopwatch.GetTimestamp() - start;
                if (i >= warm) parts.Add(100.0 * (all - (Plan.LaunchTicks - inKernels)) / all);
            }
        }
        finally
        {
            Plan.IsTimed = false;
        }
        return new(name, Sampling.Median(parts), "%", null, parts.Min(), parts.Max(), steps, steps);
    });

    static Figure Compile(BenchSession session)
    {
        var model = new Gpt(GptConfig.Gpt2, seed: 1);
        var optimizer = new AdamW(Module.Parameters(model), learningRate: 1e-4, weightDecay: 0.0);
        var (tokens, targets) = TrainingSteps.RandomBatches(50257, 4, 64)[0];
        Realizer.Clear(); // what earlier benchmarks compiled
        var (planned, compiled, compileTime) = (Realizer.PlanTime, CompiledKernel.Compiled, CompiledKernel.CompileTime);
        // Building the graph, with the backward pass; then all that comes before the first kernel. The rest of a first step is fresh pages, and no compiler's.
        long start = Stopwatch.GetTimestamp();
        optimizer.ZeroGrad();
        model.Loss(tokens, targets).Backward();
        double traced = Stopwatch.GetElapsedTime(start).TotalSeconds;
        optimizer.Step();
        double seconds = traced + (Realizer.PlanTime - planned).TotalSeconds;
        return new("compile", seconds, "s", null, seconds, seconds, 1, 1)
        {
            Note = $"{traced:F2} s build the graph, {(CompiledKernel.CompileTime - compileTime).TotalSeconds:F2} s compile {CompiledKernel.Compiled - compiled} kernels, the rest schedules",
        };
    }

    static Benchmark Dispatch(string name, string meaning, int? threads) => new(name, meaning, session =>
    {
        const int kernels = 300;
        // Running sums are never fused with each other (small products are: a row program takes dozens of them), and 64 elements take next to no time themselves.
        var x = Tensor.Rand(64).Realize();
        int launches = 0;
        var program = Compiled.Of(y =>
        {
            for (int i = 0; i < kernels; i++) y = (0.03 * y).CumSum(0);
            y.Realize();
            launches = Realizer.LastPlan!.LaunchCount;
            return y;
        });
        int before = Runtime.WorkerPool.Threads;
        try
        {
            if (threads is { } n) Runtime.WorkerPool.Threads = n;
            var figure = Sampling.Measure(name, "us", session.Fma, 0, s => 1e6 * s, () => program.Call(x));
            return figure with { Note = $"{launches} kernels" };
        }
        finally
        {
            Runtime.WorkerPool.Threads = before;
        }
    });
}
