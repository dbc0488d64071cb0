using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Ingot.Llm.Chat;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Data;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Models;
using Ingot.Llm.Training;

namespace Ingot.Cli;

/// <summary><c>ingot eval</c>: what a model knows and can do, each score with its 95% interval beside chance.</summary>
sealed class EvalCommand
{
    readonly Option<string> model = Options.Folder("--model", "-m", "Folder of a model; or: random, which answers by chance.");
    readonly Option<string?> world = new("--world") { Description = "A world's file (docs/world.md); the built-in one is asked about where neither --tasks nor --data is given." };
    readonly Option<string[]> tasks = new("--tasks") { Description = "Task files or folders: Ingot's JSONL (docs/llm.md), MMLU, GSM8K, BIG-Bench Hard, HumanEval, CORE; also .gz and .tar.gz.", AllowMultipleArgumentsPerToken = true };
    readonly Option<string[]> data = new("--data") { Description = "Texts whose bits per byte are measured, a domain a path.", AllowMultipleArgumentsPerToken = true };
    readonly Option<string[]> training = new("--training") { Description = "What the model was trained on: copies, memorisation and 13-gram overlap are measured against it.", AllowMultipleArgumentsPerToken = true };
    readonly Option<int> count = Options.Number("--count", "-n", "Items a task, at most.", 500);
    readonly Option<int> shots = Options.Number("--shots", null, "Solved questions before each, where a set brings such.", 0);
    readonly Option<ulong> seed = Options.Number("--seed", null, "Of the questions and of what is sampled.", 1ul);
    readonly Option<string> stage = new("--stage") { Description = "What the scores are filed under.", DefaultValueFactory = _ => "sft" };
    readonly Option<bool> plain = new("--plain") { Description = "Ask in plain text, Q: and A:, also where the tokenizer has Ingot's chat format." };
    readonly Option<string?> output = new("--out", "-o") { Description = "A file that the scores are appended to, a line of JSON each." };
    readonly Option<bool> json = new("--json") { Description = "JSON in place of the table." };
    readonly Option<bool> baselines = new("--baselines") { Description = "Also what simple-minded rules would score." };

    public static Command Create()
    {
        var c = new EvalCommand();
        c.model.Required = true;
        var command = new Command("eval", "Measure a model: facts, reading, arithmetic, stories, or any task file, with intervals and beside chance.")
        {
            c.model, c.world, c.tasks, c.data, c.training, c.count, c.shots, c.seed, c.stage, c.plain, c.output, c.json, c.baselines,
        };
        command.SetAction(c.Run);
        command.Subcommands.Add(PerplexityCommand.Create());
        return command;
    }

    int Run(ParseResult args)
    {
        int items = args.GetValue(count);
        if (items < 1) throw new IngotException($"--count must be at least 1, not {items}");
        bool isRandom = args.GetValue(model) == "random";
        var folder = isRandom ? null : StageArguments.Load(args.GetValue(model)!);
        if (folder is { Tokenizer: null }) throw new IngotException($"{args.GetValue(model)} has no tokenizer.json");
        string[] files = args.GetValue(tasks) ?? [], texts = args.GetValue(data) ?? [], trained = args.GetValue(training) ?? [];
        if (isRandom && texts.Length > 0) throw new IngotException("bits per byte need a model; --model random has none");

        var documents = trained.Length == 0 ? null : DataSource.Read(trained).Select(d => d.Text).ToList();
        var asked = new List<EvaluationTask>();
        if (args.GetValue(world) is not null || files.Length == 0 && texts.Length == 0)
            asked.AddRange(WorldTasks.Of(new(args.GetValue(world) is { } path ? WorldDefinition.Load(path) : WorldDefinition.BuiltIn), args.GetValue(seed), items, documents));
        foreach (var file in files) asked.AddRange(TaskFile.Read(file, new(items, args.GetValue(seed), args.GetValue(shots))));

        string name = isRandom ? "random" : args.GetValue(stage)!;
        var metrics = new List<Metric>(isRandom ? Evaluator.Run(new RandomAnswerer(asked, args.GetValue(seed)), name, asked, StopSignal.Token)
            : Evaluator.Run(folder!.Model, folder.Tokenizer!, name, asked, new(args.GetValue(seed), args.GetValue(plain) ? Prompting.Plain : Prompting.Auto), StopSignal.Token));
        foreach (var path in texts) metrics.Add(BitsPerByte(folder!, path, name));
        if (documents is not null) metrics.AddRange(TrainingOverlap.AsMetrics(TrainingOverlap.Of(asked, documents)));
        if (args.GetValue(baselines)) metrics.AddRange(asked.OfType<ExactTask>().SelectMany(t => t.Rules.Select(r => Rule(t, r.Key, r.Value))));

        if (args.GetValue(json)) Console.WriteLine(JsonSerializer.Serialize(metrics, JsonSerializerOptions.Web));
        else Print(metrics);
        if (args.GetValue(output) is { } to) File.AppendAllLines(to, metrics.Select(m => JsonSerializer.Serialize(m, JsonSerializerOptions.Web)));
        return 0;
    }

    static Metric BitsPerByte(ModelFolder folder, string path, string stage)
    {
        var tokenizer = folder.Tokenizer!;
        int begin = ChatFormat.Fits(tokenizer) ? new ChatFormat(tokenizer).Begin : folder.Model.Config.BeginToken ?? (tokenizer.BeginIds is [var first, ..] ? first : folder.Model.Config.EndTokens is [var end, ..] ? end : 0);
        var source = TokenSource.OfDocuments(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), tokenizer, begin, DataSource.Read(path).Select(d => d.Text));
        return new LikelihoodRows(folder.Model).BitsPerByte(source, Math.Min(folder.Model.ContextLength, 1024), stage, cancellation: StopSignal.Token);
    }

    static Metric Rule(ExactTask task, string rule, double share)
    {
        var (low, high) = Interval.Wilson(share * task.Items.Count, task.Items.Count);
        return new($"{task.Name}: {rule}", "rule", share, task.Items.Count, low, high, null);
    }

    static void Print(List<Metric> metrics)
    {
        int width = metrics.Count == 0 ? 4 : metrics.Max(m => m.Name.Length);
        Console.WriteLine($"{"name".PadRight(width)}   value   95% interval         n   baseline");
        foreach (var m in metrics)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{m.Name.PadRight(width)}  {m.Value,6:F3}   {m.Low,6:F3} to {m.High,6:F3}  {m.N,6}   {(m.Baseline is { } b ? b.ToString("F3", CultureInfo.InvariantCulture) : "")}").TrimEnd());
    }
}
