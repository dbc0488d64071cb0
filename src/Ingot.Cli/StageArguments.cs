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
    readonly Option<string[]> set = new("--set") { Description = $"A deviation, name=value; may be given several times. Names: {string.Join(", ", Variation.Known.Keys)}.", DefaultValueFactory = _ => [] };
    readonly Option<bool> force = new("--force") { Description = "Replace what is in the folder already." };

    /// <param name="defaultOutput">Name of the folder if none is given.</param>
    /// <param name="mustStart">The command cannot do without --from.</param>
    public StageArguments(string defaultOutput, bool mustStart)
    {
        output = Options.Folder("--out", "-o", "Folder of the stage: checkpoint, log.jsonl, and the model when it is done. The same command again goes on with it.");
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

    /// <summary>The folder, emptied if that was asked for.</summary>
    /// <exception cref="IngotException">It holds something else than a stage or a run.</exception>
    public string Output(ParseResult args)
    {
        var path = Path.GetFullPath(args.GetValue(output)!);
        if (File.Exists(path)) throw new IngotException($"--out is a file: {path}; give a folder");
        if (!Directory.Exists(path) || !Directory.EnumerateFileSystemEntries(path).Any()) return path;
        bool isOurs = new[] { "plan.json", "checkpoint.json", "log.jsonl", "tokenizer.json" }.Any(name => File.Exists(Path.Combine(path, name))) || Directory.Exists(Path.Combine(path, "model"));
        if (!isOurs) throw new IngotException($"{path} is not empty and holds no run; choose another folder");
        if (args.GetValue(force)) Directory.Delete(path, recursive: true);
        return path;
    }

    public IReadOnlyList<WeightedCorpus> Corpora(ParseResult args) => Ingot.Llm.Pipeline.Corpora.Of(World(args), Data(args), Console.WriteLine);

    /// <summary>The model that --from names, or one of the same shape with initial weights.</summary>
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
