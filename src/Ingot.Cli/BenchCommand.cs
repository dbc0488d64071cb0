using System.CommandLine;
using Ingot.Bench;
using Ingot.Runtime;

namespace Ingot.Cli;

/// <summary><c>ingot bench</c>: the figures of docs/PERFORMANCE.md, each beside this machine's peaks.</summary>
static class BenchCommand
{
    public static Command Create()
    {
        var names = new Argument<string[]>("NAME") { Arity = ArgumentArity.ZeroOrMore, Description = "Benchmarks, or how their names begin; all of them if none is given." };
        var json = new Option<bool>("--json") { Description = "A line of JSON for each figure." };
        var list = new Option<bool>("--list") { Description = "Only show the names and what they mean." };
        var threads = Options.Number<int>("--threads", "Threads to run on; by default all processors.");
        var data = new Option<string?>("--data") { Description = "Text for the character-level trainings; Ingot's own stories if none is given." };
        var command = new Command("bench", "Measure kernels, training steps and models as fractions of what this machine can do.") { names, json, list, threads, data };
        command.SetAction(args =>
        {
            var chosen = Benchmark.Select(Catalogue.All, args.GetValue(names) ?? []);
            if (args.GetValue(list)) return List(chosen);
            if (args.GetValue(threads) is { } n) WorkerPool.Threads = n;
            return Run(chosen, args.GetValue(json), args.GetValue(data));
        });
        return command;
    }

    static int List(IReadOnlyList<Benchmark> chosen)
    {
        foreach (var b in chosen) Console.WriteLine($"{b.Name,-34} {b.Meaning}");
        return 0;
    }

    static int Run(IReadOnlyList<Benchmark> chosen, bool asJson, string? data)
    {
        var session = new BenchSession { TextFile = data };
        var peaks = session.Peaks;
        string header = $"{Cpu.Name}, {peaks.Level}, {peaks.Threads} threads: {peaks.Gflops:N0} GFLOPS, reads {peaks.ReadGBs:N1} GB/s, copies {peaks.CopyGBs:N1}, {peaks.CopyNonTemporalGBs:N1} non-temporally";
        (asJson ? Console.Error : Console.Out).WriteLine(header);
        foreach (var benchmark in chosen)
        {
            StopSignal.Token.ThrowIfCancellationRequested();
            var figure = benchmark.Run(session);
            Console.WriteLine(asJson ? figure.ToJson() : figure.ToString());
        }
        return 0;
    }
}
