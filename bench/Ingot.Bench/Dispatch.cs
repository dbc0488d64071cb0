using System.Diagnostics;
using Ingot.Nn;
using Ingot.Runtime;
using Ingot.Schedule;

namespace Ingot.Bench;

/// <summary>What the compiler itself costs: replay of captured programs, and a training step's time outside of its kernels. Least of many runs, in microseconds.</summary>
static class Dispatch
{
    const int Kernels = 300;

    public static void Run()
    {
        // Running sums are never merged. 300 of 32 elements take no time themselves, and are too small for two threads: no barrier.
        Chain("without barriers", x => x.CumSum(0), 32, threads: 1);
        // Each reads its predecessor's memory in reverse; large enough for two chunks.
        Chain("with barriers", x => new(Graph.Build.Contiguous((x.Flip(0) + 1).Node)), 1 << 17, threads: Math.Max(2, WorkerPool.Threads));
        Step();
    }

    static void Chain(string name, Func<Tensor, Tensor> link, int n, int threads)
    {
        Tensor Program(Tensor x)
        {
            for (int i = 0; i < Kernels; i++) x = link(x);
            return x;
        }
        var x = Tensor.Ones(n).Realize();
        var captured = Compiled.Of(Program);
        int before = WorkerPool.Threads;
        WorkerPool.Threads = threads;
        captured.Call(x);
        double replay = Least(() => captured.Call(x), out double replayLaunches), retrace = Least(() => Program(x).Realize(), out double retraceLaunches);
        double alone = 0;
        if (threads > 1)
        {
            WorkerPool.Threads = 1;
            alone = Least(() => captured.Call(x), out _) / threads;
        }
        WorkerPool.Threads = before;
        int launches = Realizer.LastPlan!.LaunchCount;
        Console.WriteLine($"dispatch {name}: {launches} launches; replay {replay:F0} us, {replay - replayLaunches:F0} outside of launches{(threads > 1 ? $", {replay - alone:F0} more than {1.0 / threads:P0} of one thread's" : "")}; retraced {retrace:F0} us, {retrace - retraceLaunches:F0} outside");
    }

    /// <summary>A small GPT-like training step, where overhead shows most.</summary>
    static void Step()
    {
        Tensor.ManualSeed(1);
        const int width = 128, layers = 4;
        var weights = new List<Tensor>();
        Tensor Weight(params int[] shape) => Add((Tensor.Randn(shape) * 0.05).Realize().WithGrad());
        Tensor Add(Tensor w) { weights.Add(w); return w; }
        var blocks = Enumerable.Range(0, layers).Select(_ => (Norm: Add(Tensor.Ones(width).WithGrad()), Shift: Add(Tensor.Zeros(width).WithGrad()), Up: Weight(4 * width, width), Down: Weight(width, 4 * width))).ToList();
        Tensor table = Weight(65, width), x = Tensor.RandInt(0, 65, [12, 64], DType.I32).Realize(), y = Tensor.RandInt(0, 65, [12, 64], DType.I32).Realize();
        var adam = new AdamW(weights, Schedules.WarmupCosine(1e-3));
        var progress = new Number(0.5);
        Tensor Train(Tensor tokens, Tensor targets)
        {
            adam.ZeroGrad();
            var h = tokens.Embedding(table);
            foreach (var b in blocks) h += h.LayerNorm(b.Norm, b.Shift).Linear(b.Up).Gelu().Linear(b.Down);
            var loss = h.Linear(table).Reshape(-1, 65).CrossEntropy(targets.Reshape(-1));
            loss.Backward();
            Clip.GradNorm(weights, 1);
            adam.Step(progress);
            return loss;
        }
        var captured = Compiled.Of(Train);
        captured.Call(x, y);
        captured.Call(x, y);
        double replay = Least(() => captured.Call(x, y), out double replayLaunches), retrace = Least(() => Train(x, y), out double retraceLaunches);
        Console.WriteLine($"dispatch training step: {Realizer.LastPlan!.LaunchCount} launches; replay {replay:F0} us, {(replay - replayLaunches) / replay:P1} outside of launches; retraced {retrace:F0} us, {(retrace - retraceLaunches) / retrace:P1} outside");
    }

    /// <summary>The fastest of the runs of about a second, and its time inside launches.</summary>
    static double Least(Action run, out double inLaunches)
    {
        (double best, inLaunches) = (double.MaxValue, 0);
        for (int i = 0; i < 20; i++) run();
        Plan.IsTimed = true;
        for (var all = Stopwatch.StartNew(); all.ElapsedMilliseconds < 1000;)
        {
            long ticks = Plan.LaunchTicks, start = Stopwatch.GetTimestamp();
            run();
            double time = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            if (time < best) (best, inLaunches) = (time, (Plan.LaunchTicks - ticks) * 1e6 / Stopwatch.Frequency);
        }
        Plan.IsTimed = false;
        return best;
    }
}
