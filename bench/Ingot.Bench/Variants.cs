using System.Diagnostics;
using Ingot.Runtime;

namespace Ingot.Bench;

/// <summary>40 products near 1024 cubed with odd sizes, layouts, prologues and epilogues drawn with a fixed seed: a changed shape must not fall off a cliff.</summary>
static class Variants
{
    const int Count = 40;

    public static IEnumerable<Benchmark> All()
    {
        yield return new("variants", "% of the plain 1024 cubed product's rate, beside it, that 40 odd products with fused operations reach: their median, lowest and highest", Measure);
    }

    static Figure Measure(BenchSession session)
    {
        var random = new Random(1);
        Tensor plainA = Tensor.Randn([1024, 1024]).Realize(), plainB = Tensor.Randn([1024, 1024]).Realize();
        var fractions = new List<double>();
        for (int i = 0; i < Count; i++)
        {
            int m = random.Next(900, 1150), k = random.Next(900, 1150), n = random.Next(900, 1150);
            bool at = random.Next(2) == 0, bt = random.Next(2) == 0;
            int prologue = random.Next(3), epilogue = random.Next(5);
            Tensor a = Tensor.Randn(at ? [k, m] : [m, k]).Realize(), b = Tensor.Randn(bt ? [n, k] : [k, n]).Realize();
            Tensor bias = Tensor.Randn([n]).Realize(), other = Tensor.Randn([m, n]).Realize();
            Tensor Run()
            {
                Tensor x = at ? a.Transpose(0, 1) : a, y = bt ? b.Transpose(0, 1) : b;
                if (prologue == 1) x *= 0.5;
                if (prologue == 2) y = y.Relu();
                var z = x.Matmul(y);
                return epilogue switch { 1 => z + bias, 2 => (z + bias).Relu(), 3 => (z + bias).Gelu("tanh"), 4 => z + other, _ => z };
            }
            double[] seconds = Fastest(Programs.Into(() => plainA.Matmul(plainB)), Programs.Into(Run));
            double fraction = (double)m * k * n / seconds[1] / ((double)(1 << 30) / seconds[0]);
            fractions.Add(fraction);
            string[] prologues = ["", ", A scaled", ", B rectified"], epilogues = ["", ", bias", ", bias + relu", ", bias + gelu", ", residual"];
            session.Detail($"  {m} x {k} x {n}{(at ? ", A transposed" : "")}{(bt ? ", B transposed" : "")}{prologues[prologue]}{epilogues[epilogue]}: {fraction:P0}");
        }
        double rate = Sampling.Median(fractions);
        return new("variants", 100 * rate, "%", null, 100 * fractions.Min(), 100 * fractions.Max(), Count, Count) { Note = $"{fractions.Count(f => f >= 0.8)} of {Count} reach 80 %, on {WorkerPool.Threads} threads" };
    }

    /// <summary>The fastest run of each, turn by turn: what the machine can do between its other work.</summary>
    static double[] Fastest(params Action[] programs)
    {
        foreach (var run in programs) run();
        double[] best = [.. programs.Select(_ => double.MaxValue)];
        for (var all = Stopwatch.StartNew(); all.ElapsedMilliseconds < 250 * programs.Length;)
            for (int i = 0; i < programs.Length; i++)
            {
                long start = Stopwatch.GetTimestamp();
                programs[i]();
                best[i] = Math.Min(best[i], Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        return best;
    }
}
