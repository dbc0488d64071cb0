using System.Diagnostics;
using Ingot;
using Ingot.Runtime;

// dotnet run -c Release --project bench/Ingot.Bench -- [matmul] [variants] [dispatch]
// Figures are GFLOPS and fractions of the multiply-add peak that is measured beside each of them: shared machines drift.
string[] names = args.Length > 0 ? args : ["matmul", "variants", "dispatch"];
foreach (string name in names)
    switch (name)
    {
        case "matmul": Matmul(); break;
        case "variants": Variants(); break;
        case "dispatch": Ingot.Bench.Dispatch.Run(); break;
        default: Console.Error.WriteLine($"no benchmark is called {name}; there are matmul, variants and dispatch"); return 1;
    }
return 0;

// Square products in three layouts.
static void Matmul()
{
    foreach (int n in new[] { 256, 512, 1024, 2048 })
    {
        Tensor a = Tensor.Randn([n, n]).Realize(), b = Tensor.Randn([n, n]).Realize();
        double flops = 2.0 * n * n * n;
        Report($"matmul {n}", flops, () => a.Matmul(b));
        Report($"matmul {n}, B transposed", flops, () => a.Matmul(b.Transpose(0, 1)));
        Report($"matmul {n}, A transposed", flops, () => a.Transpose(0, 1).Matmul(b));
    }
}

// 40 products near 1024 cubed: odd sizes, layouts, prologues and epilogues drawn with a fixed seed; each as a fraction of the plain one beside it.
static void Variants()
{
    var random = new Random(1);
    Tensor plainA = Tensor.Randn([1024, 1024]).Realize(), plainB = Tensor.Randn([1024, 1024]).Realize();
    var fractions = new List<double>();
    for (int i = 0; i < 40; i++)
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
        double[] rates = Rates((2.0 * 1024 * 1024 * 1024, () => plainA.Matmul(plainB)), (2.0 * m * k * n, Run));
        double plain = rates[0], rate = rates[1];
        fractions.Add(rate / plain);
        string[] prologues = ["", ", A scaled", ", B rectified"], epilogues = ["", ", bias", ", bias + relu", ", bias + gelu", ", residual"];
        Console.WriteLine($"{m} x {k} x {n}{(at ? ", A transposed" : "")}{(bt ? ", B transposed" : "")}{prologues[prologue]}{epilogues[epilogue]}: {rate:F1} GFLOPS, {rate / plain:P0} of the plain product ({plain:F1})");
    }
    fractions.Sort();
    Console.WriteLine($"variants: lowest {fractions[0]:P0}, median {fractions[20]:P0}; {fractions.Count(f => f >= 0.8)} of 40 reach 80%");
}

static void Report(string name, double flops, Func<Tensor> run)
{
    double rate = Rate(flops, run), peak = Peaks.Measure().Gflops;
    Console.WriteLine($"{name,-28} {rate,8:F1} GFLOPS  {rate / peak,5:P0} of the peak ({peak:F0})");
}

static double Rate(double flops, Func<Tensor> run) => Rates((flops, run))[0];

// The fastest run of each, turn by turn for half a second apiece: what the machine can do between its other work.
static double[] Rates(params (double Flops, Func<Tensor> Run)[] programs)
{
    foreach (var (_, run) in programs) run().Realize();
    var best = programs.Select(_ => double.MaxValue).ToArray();
    for (var all = Stopwatch.StartNew(); all.ElapsedMilliseconds < 500 * programs.Length;)
        for (int i = 0; i < programs.Length; i++)
        {
            var result = programs[i].Run();
            long start = Stopwatch.GetTimestamp();
            result.Realize();
            best[i] = Math.Min(best[i], Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    return [.. programs.Select((p, i) => p.Flops / best[i] / 1e9)];
}
