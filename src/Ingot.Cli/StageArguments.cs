using System.CommandLine;
using Ingot.Llm.Models;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Tokenizers;

namespace Ingot.Cli;

/// <summary>The options that the commands of all stages share: from which model, on what, into which folder.</summary>
sealed class StageArguments
{
    public const string Random = "random";

    readonly Option<string> from = new("--from") { Description = "The model to start from: a model's folder, a stage's or a run's; or 'random', a model of initial weights, to compare with." };
    readonly Option<string> output;
    readonly Option<string[]> data = new("--data", "-d") { Description = "Your own text: files and folders (text, Markdown, C#, XML documentation, JSONL, gzip). The generated world and the documentation of .NET if none is given.", AllowMultipleArgumentsPerToken = true };
    readonly Option<string?> world = new("--world") { Description = "A JSON file that replaces names, objects and facts of the generated world." };
    readonly Option<ulong> seed = Options.Number("--seed", null, "Decides weights, batches and generated text; the same seed gives the same model.", 1UL);
    readonly Option<string[]> set;
    readonly Option<bool> force = new("--force") { Description = "Start anew: what Ingot wrote into the folder before is removed, other files stay." };

    /// <param name="defaultOutput">Name of the folder if none is given.</param>
    /// <param name="mustStart">The command cannot do without --from.</param>
    /// <param name="outputDescription">What is in the folder.</param>
    /// <param name="settings">What --set takes; all that can be varied if not given.</param>
    public StageArguments(string defaultOutput, bool mustStart, string outputDescription = "Folder of the stage: checkpoint, log.jsonl, and the model when it is done. The same command again goes on with it.",
        IEnumerable<string>? settings = null)
    {
        set = new("--set") { Description = $"A deviation, name=value; may be given several times. Names: {string.Join(", ", settings ?? Variation.Known.Keys)}.", DefaultValueFactory = _ => [] };
        output = Options.Folder("--out", "-o", outputDescription);
        output.DefaultValueFactory = _ => defaultOutput;
        if (mustStart) from.Required = true;
        else from.DefaultValueFactory = _ => Random;
    }

    public void AddTo(Command command, bool withStart = true)
    {
        foreach (var option in new Option[] { output, data, world, seed, set, force }) command.Options.Add(option);
        if (withStart) command.Options.Insert(0, from);
    }

    public ulong Seed(ParseResult args) => args.GetValue(seed);

    public string? World(ParseResult args) => args.GetValue(world) is { } path ? Path.GetFullPath(path) : null;

    public IReadOnlyList<string> Data(ParseResult args)
    {
        var paths = args.GetValue(data) ?? [];
        if (paths.Any(string.IsNullOrWhiteSpace)) throw new IngotException("--data takes files or folders, and one of those given is an empty text");
        return [.. paths.Select(Path.GetFullPath)];
    }

    public IReadOnlyList<string> Set(ParseResult args) => args.GetValue(set)!;

    public string From(ParseResult args) => args.GetValue(from)!;

    public bool Replaces(ParseResult args) => args.GetValue(force);

    /// <summary>The folder to write to.</summary>
    /// <exception cref="IngotException">It holds something else than a stage or a run.</exception>
    public string Output(ParseResult args)
    {
        var path = Path.GetFullPath(args.GetValue(output)!);
        if (File.Exists(path)) throw new IngotException($"--out is a file: {path}; give a folder");
        if (!Directory.Exists(path) || !Directory.EnumerateFileSystemEntries(path).Any()) return path;
        bool isOurs = new[] { "plan.json", "checkpoint.json", "log.jsonl", "tokenizer.json" }.Any(name => File.Exists(Path.Combine(path, name))) || StageRun.IsDone(path);
        return isOurs ? path : throw new IngotException($"{path} is not empty and holds no run; choose another folder");
    }

    /// <summary>What the commands of single stages do alike: pass over what is done, go on with what was stopped, start anew with --force, leave the model in the folder.</summary>
    /// <param name="args">Of the command.</param>
    /// <param name="start">The model that the stage starts from.</param>
    /// <param name="prepare">Reads and checks everything else; what it returns trains the model in the folder, and is false if it was stopped. Only then is anything replaced.</param>
    public int Run(ParseResult args, Func<string, (Decoder Model, Tokenizer Tokenizer)> start, Func<string, Decoder, Tokenizer, Func<bool>> prepare)
    {
        var folder = Output(args);
        if (StageRun.IsDone(folder) && !Replaces(args))
        {
            Console.WriteLine($"{folder} is done already. Try: ingot chat --model {folder}, or --force to train anew");
            return 0;
        }
        if (Replaces(args) && From(args) != Random && (Path.GetFullPath(From(args)) + Path.DirectorySeparatorChar).StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new IngotException($"--force would remove the model in {From(args)}, which the stage starts from; choose another --out");
        var (model, tokenizer) = start(folder);
        var train = prepare(folder, model, tokenizer);
        if (Replaces(args)) RunDirectory.Clear(folder);
        if (!train())
        {
            Console.Error.WriteLine("ingot: stopped; the same command goes on from the checkpoint");
            return StopSignal.ExitCode;
        }
        new ModelFolder(model, tokenizer).Save(StageRun.ModelPath(folder));
        Console.WriteLine($"done. Try: ingot chat --model {folder}");
        return 0;
    }

    public IReadOnlyList<WeightedCorpus> Corpora(ParseResult args) => Ingot.Llm.Pipeline.Corpora.Of(World(args), Data(args), Console.WriteLine);

    /// <summary>The model that --from names.</summary>
    /// <exception cref="IngotException">There is none, or it has no tokenizer.</exception>
    public (Decoder Model, Tokenizer Tokenizer) Start(ParseResult args)
    {
        string name = From(args);
        var folder = Load(name);
        return (folder.Model, folder.Tokenizer ?? throw new IngotException($"{name} has no tokenizer.json"));
    }

    /// <summary>The model in a folder, in that of a stage or of a run.</summary>
    public static ModelFolder Load(string name)
    {
        string path = Path.GetFullPath(name);
        if (!ModelFolder.Exists(path) && ModelFolder.Exists(StageRun.ModelPath(path))) path = StageRun.ModelPath(path);
        if (!ModelFolder.Exists(path)) throw new IngotException($"there is no model in {path}: no config.json; give a model's folder, a stage's or a run's");
        return ModelFolder.Load(path);
    }
}
