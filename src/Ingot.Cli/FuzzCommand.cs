using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Ingot.Formats.Fuzzing;
using Ingot.Llm.Fuzzing;
using Ingot.Onnx.Fuzzing;

namespace Ingot.Cli;

/// <summary><c>ingot fuzz</c>: parsers over mutated files.</summary>
static class FuzzCommand
{
    const int Chunk = 10_000;

    /// <summary>Every parser that reads files of others; a new one is added here.</summary>
    static IReadOnlyList<FuzzTarget> Targets => [.. FormatTargets.All, .. ModelTargets.All, .. TextTargets.All, .. OnnxTargets.All];

    public static Command Create()
    {
        var parser = new Argument<string>("PARSER") { Description = $"all, or one of {string.Join(", ", Targets.Select(t => t.Name))}." };
        parser.AcceptOnlyFromAmong(["all", .. Targets.Select(t => t.Name)]);
        var count = Options.Number("--count", "-n", "Inputs a parser.", 100_000L);
        var seed = Options.Number("--seed", null, "Which inputs: the same seed gives the same ones.", 1);
        var first = Options.Number("--first", null, "Index of the first input; with --count 1, the one that a finding names.", 0L);
        var jobs = Options.Number("--jobs", "-j", "Threads.", Environment.ProcessorCount);
        var output = Options.Folder("--out", "-o", "Where inputs with findings are written, as PARSER-SEED-INDEX.bin.");
        var command = new Command("fuzz", "Try a parser on mutated files: it must read or refuse each within a second and twice the file's memory. One that takes 30 s is written down and ends the run.") { parser, count, seed, first, jobs, output };
        command.SetAction(args =>
        {
            string name = args.GetValue(parser)!;
            if (args.GetValue(count) < 1 || args.GetValue(first) < 0 || args.GetValue(jobs) < 1) throw new IngotException("--count and --jobs are at least 1, --first at least 0");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"parser",-16}{"inputs",10}{"read",10}{"refused",10}{"a second",10}{"slowest ms",12}{"MB over 2x",12}{"findings",10}"));
            int findings = 0;
            foreach (var target in Targets)
                if (name == "all" || name == target.Name) findings += Run(target, args.GetValue(seed), args.GetValue(first), args.GetValue(count), args.GetValue(jobs), args.GetValue(output));
            return findings == 0 ? 0 : 1;
        });
        return command;
    }

    static int Run(FuzzTarget target, int seed, long first, long count, int jobs, string? folder)
    {
        var clock = Stopwatch.StartNew();
        long read = 0, refused = 0, most = 0;
        double slowest = 0;
        var findings = new List<FuzzFinding>();
        for (long at = 0; at < count && !StopSignal.Token.IsCancellationRequested; at += Chunk)
        {
            var part = FuzzRun.Run(target, seed, first + at, Math.Min(Chunk, count - at), jobs, cancel: StopSignal.Token);
            (read, refused, slowest, most) = (read + part.Accepted, refused + part.Refused, Math.Max(slowest, part.Slowest), Math.Max(most, part.MostAllocated));
            foreach (var f in part.Findings.Where(f => findings.All(g => g.Kind != f.Kind)).ToList())
            {
                findings.Add(f);
                Console.WriteLine($"{f.Parser}: --seed {f.Seed} --first {f.Index} --count 1 ({f.Input.Length} bytes): {f.What}");
                if (string.IsNullOrEmpty(folder)) continue;
                Directory.CreateDirectory(folder);
                File.WriteAllBytes(Path.Combine(folder, $"{f.Parser}-{f.Seed}-{f.Index}.bin"), f.Input);
            }
            if (findings.Count >= 20 || part.Findings.Any(f => f.IsHang)) break;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target.Name,-16}{read + refused,10}{read,10}{refused,10}{(read + refused) / clock.Elapsed.TotalSeconds,10:0}{slowest,12:0.0}{most / 1048576.0,12:0.00}{findings.Count,10}"));
        return findings.Count;
    }
}
