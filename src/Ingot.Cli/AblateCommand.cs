using System.CommandLine;
using Ingot.Bench.Ablations;

namespace Ingot.Cli;

/// <summary><c>ingot ablate</c>: pretrains a base and what deviates from it with several seeds each, and says which differences are more than chance.</summary>
sealed class AblateCommand
{
    readonly Argument<string> list = new("LIST") { Description = "A text of lines 'name: arguments of ingot pretrain'; 'all: ...' comes first and has the plan that all share, then the base. See bench/ablations.txt." };
    readonly Option<string> output = Options.Folder("--out", "-o", "Folder of the runs; those in it that are finished are kept, and one that was stopped goes on.");
    readonly Option<int> seeds = Options.Number("--seeds", null, "Runs of each, with the seeds 1, 2, ...", 3);
    readonly Option<string[]> only = new("--only") { Description = "Names of the list to run beside the base; all if none is given.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };
    readonly Option<string[]> add = new("--add") { Description = "Another line of the list, such as 'layernorm: --set model.norm=layernorm'.", DefaultValueFactory = _ => [] };
    readonly Option<bool> table = new("--table") { Description = "Only print the table of what is finished." };

    public static Command Create()
    {
        var c = new AblateCommand();
        c.output.DefaultValueFactory = _ => "ablations";
        var command = new Command("ablate", "Compare deviations with a base over several seeds, by held-out bits per byte of pretraining.") { c.list, c.output, c.seeds, c.only, c.add, c.table };
        command.SetAction(c.Run);
        return command;
    }

    int Run(ParseResult args)
    {
        int count = args.GetValue(seeds);
        if (count < 1) throw new IngotException($"--seeds must be at least 1, not {count}");
        ulong[] numbers = [.. Enumerable.Range(1, count).Select(s => (ulong)s)];
        string file = args.GetValue(list)!;
        if (!File.Exists(file)) throw new IngotException($"there is no file {Path.GetFullPath(file)}");
        var all = AblationList.Parse([.. File.ReadLines(file), .. args.GetValue(add)!]);
        var names = args.GetValue(only)!;
        if (names.FirstOrDefault(n => all.All(a => a.Name != n)) is { } unknown) throw new IngotException($"the list has no '{unknown}'; it has {string.Join(", ", all.Select(a => a.Name))}");
        var chosen = all.Where((a, i) => i == 0 || names.Length == 0 || names.Contains(a.Name)).ToList();
        var folder = new AblationFolder(Path.GetFullPath(args.GetValue(output)!));

        if (!args.GetValue(table) && !chosen.All(ablation => numbers.All(seed => Train(folder, ablation, seed)))) return StopSignal.ExitCode;
        Console.Write(AblationTable.Markdown([.. chosen.Select(a => folder.Read(a, numbers))]));
        return 0;
    }

    /// <summary>One run.</summary>
    /// <returns>False if it was stopped.</returns>
    static bool Train(AblationFolder folder, Ablation ablation, ulong seed)
    {
        folder.Claim(ablation);
        if (folder.IsDone(ablation, seed)) return true;
        var parsed = StageCommands.Pretrain().Parse([.. ablation.Arguments, "--seed", $"{seed}", "--out", folder.Run(ablation, seed)]);
        if (parsed.Errors.Count > 0) throw new IngotException($"'{ablation.Name}': {parsed.Errors[0].Message}");
        Console.WriteLine($"{ablation.Name}, seed {seed}: {string.Join(' ', ablation.Arguments)}");
        parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        // What diverges ends the list, with its name: such a line is to be taken out or changed, not passed over.
        return folder.IsDone(ablation, seed);
    }
}
