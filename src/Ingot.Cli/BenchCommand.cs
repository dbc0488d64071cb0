using System.CommandLine;
using Ingot.Bench;
using Ingot.Runtime;

namespace Ingot.Cli;

/// <summary><c>ingot bench</c>: the figures of docs/PERFORMANCE.md, each beside this machine's peaks.</summary>
sealed class BenchCommand
{
    readonly Argument<string[]> names = new("NAME") { Arity = ArgumentArity.ZeroOrMore, Description = "Benchmarks, or how their names begin; all of them if none is given." };
    readonly Option<bool> json = new("--json") { Description = "A line of JSON for each figure." };
    readonly Option<bool> list = new("--list") { Description = "Only show the names and what they mean." };
    readonly Option<int?> threads = Options.Number<int>("--threads", "Threads to run on; by default all processors.");
    readonly Option<string?> data = new("--data") { Description = "Text for the character-level trainings; Ingot's own stories if none is given." };
    readonly Option<string?> check = new("--check") { Description = $"A page such as docs/PERFORMANCE.md: measure its cheap rows again and fail where a fraction of the peak is more than {PerformancePage.Tolerance:P0} off." };
    readonly Option<string?> into = new("--into") { Description = "A page such as docs/PERFORMANCE.md: write the figures into its rows." };
    readonly Option<string?> from = new("--from") { Description = "Take the figures from a file that --json wrote instead of measuring them." };

    public static Command Create()
    {
        var c = new BenchCommand();
        var command = new Command("bench", "Measure kernels, training steps and models as fractions of what this machine can do.") { c.names, c.json, c.list, c.threads, c.data, c.check, c.into, c.from };
        command.SetAction(c.Run);
        return command;
    }

    int Run(ParseResult args)
    {
        var chosen = Benchmark.Select(Catalogue.All, args.GetValue(names) ?? []);
        if (args.GetValue(list))
        {
            foreach (var b in chosen) Console.WriteLine($"{b.Name,-34} {b.Meaning}");
            return 0;
        }
        if (args.GetValue(threads) is { } n) WorkerPool.Threads = n;
        if (args.GetValue(check) is { } page) return Check(new(page), NewSession(args));
        var target = args.GetValue(into) is { } file ? new PerformancePage(file) : null;
        var figures = args.GetValue(from) is { } earlier ? Read(earlier, chosen) : Measured(chosen, NewSession(args));
        foreach (var figure in figures)
        {
            Console.WriteLine(args.GetValue(json) ? figure.ToJson() : figure.ToString());
            if (target is null) continue;
            if (!target.Fill(figure)) Console.Error.WriteLine($"ingot: {figure.Name} has no row in {args.GetValue(into)}");
            target.Save(); // after each, as a run may be stopped
        }
        return 0;
    }

    BenchSession NewSession(ParseResult args)
    {
        bool isJson = args.GetValue(json);
        var session = new BenchSession { TextFile = args.GetValue(data), Listener = isJson ? null : Console.WriteLine };
        var peaks = session.Peaks;
        (isJson ? Console.Error : Console.Out).WriteLine($"{Cpu.Name}, {peaks.Level}, {peaks.Threads} threads: {peaks.Gflops:N0} GFLOPS, reads {peaks.ReadGBs:N1} GB/s, "
            + $"copies {peaks.CopyGBs:N1}, {peaks.CopyNonTemporalGBs:N1} non-temporally");
        return session;
    }

    static IEnumerable<Figure> Measured(IReadOnlyList<Benchmark> chosen, BenchSession session)
    {
        foreach (var benchmark in chosen)
        {
            StopSignal.Token.ThrowIfCancellationRequested();
            yield return benchmark.Run(session);
        }
    }

    static IEnumerable<Figure> Read(string path, IReadOnlyList<Benchmark> chosen)
    {
        var wanted = chosen.Select(b => b.Name).ToHashSet();
        return File.ReadLines(path).Where(line => line.StartsWith('{')).Select(Figure.FromJson).Where(f => wanted.Contains(f.Name));
    }

    static int Check(PerformancePage page, BenchSession session)
    {
        var wrong = page.Check(benchmark =>
        {
            StopSignal.Token.ThrowIfCancellationRequested();
            return benchmark.Run(session);
        }, Console.WriteLine);
        if (wrong.Count == 0) return 0;
        Console.Error.WriteLine($"ingot: {wrong.Count} of the page's figures are off by more than {PerformancePage.Tolerance:P0}: {string.Join("; ", wrong)}");
        return 1;
    }
}
