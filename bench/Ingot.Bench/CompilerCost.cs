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
        yield return new("compile", "s that the first step of training GPT-2 124M (4 x 64) takes beyond a later one: scheduling and compiling", Compile);
        yield return Dispatch("dispatch", "us to replay a captured program of 300 small kernels, one after the other, with the barriers between them", threads: null);
        yield return Dispatch("dispatch.1thread", "the same on one thread, where a barrier costs nothing: dispatch alone", threads: 1);
    }

    static Figure Compile(BenchSession session)
    {
        var model = new Gpt(GptConfig.Gpt2, seed: 1);
        var optimizer = new AdamW(Module.Parameters(model), learningRate: 1e-4, weightDecay: 0.0);
        var (tokens, targets) = TrainingSteps.RandomBatches(50257, 4, 64)[0];
        Realizer.Clear(); // what earlier benchmarks compiled
        var compileTime = CompiledKernel.CompileTime;
        int compiled = CompiledKernel.Compiled;
        double Step()
        {
            long start = Stopwatch.GetTimestamp();
            optimizer.ZeroGrad();
            var loss = model.Loss(tokens, targets);
            loss.Backward();
            optimizer.Step();
            _ = loss.Item<float>();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        double first = Step(), compiling = (CompiledKernel.CompileTime - compileTime).TotalSeconds;
        compiled = CompiledKernel.Compiled - compiled;
        double[] later = [Step(), Step(), Step()];
        return new("compile", first - later.Min(), "s", null, first - later.Max(), first - later.Min(), 1, 1) { Note = $"{compiling:F2} s of it compile {compiled} kernels" };
    }

    static Benchmark Dispatch(string name, string meaning, int? threads) => new(name, meaning, session =>
    {
        const int kernels = 300;
        // Each kernel reads all of the one before through a flip, so that none can be fused or left out.
        var x = Tensor.Rand(64).Realize();
        var program = Compiled.Of(y =>
        {
            for (int i = 0; i < kernels; i++) y = (y.Flip(0) + 0.5).Contiguous();
            return y;
        });
        int before = Runtime.WorkerPool.Threads;
        try
        {
            if (threads is { } n) Runtime.WorkerPool.Threads = n;
            var figure = Sampling.Measure(name, "us", session.Fma, 0, s => 1e6 * s, () => program.Call(x));
            int launches = Realizer.LastPlan!.LaunchCount;
            return figure with { Note = $"{launches} launches" };
        }
        finally
        {
            Runtime.WorkerPool.Threads = before;
        }
    });
}
