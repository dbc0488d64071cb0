using System.CommandLine;
using Ingot.Llm.Corpus.World;
using Ingot.Llm.Models;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Planning;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;

namespace Ingot.Cli;

/// <summary><c>ingot dpo</c> and <c>ingot rl</c>: the stages that learn from whole answers, one at a time.</summary>
sealed class AnswerCommands
{
    readonly StageArguments arguments;
    readonly Option<int> steps;
    readonly Option<string?> like = new("--like") { Description = "With --from random: the model whose shape and tokenizer are taken." };
    readonly Option<string[]> tasks = new("--tasks", "-t")
    {
        Description = $"What to practise: kinds of the world's exercises ({string.Join(", ", WorldCorpus.TaskKinds.Undemonstrated.Concat(WorldCorpus.TaskKinds.Demonstrated))}), with commas between, or a JSONL file of {{prompt, answer}}. Those without demonstrations if none is given.",
    };
    readonly Option<double?> kl = Options.Number<double>("--kl", "Weight of the divergence from the model that the stage starts from.");

    AnswerCommands(string name, int defaultSteps) => (arguments, steps) = (new(name, mustStart: true, settings: Variation.KnownOfAnswers), Options.Number("--steps", "-n", "Steps.", defaultSteps));

    public static Command Dpo()
    {
        var c = new AnswerCommands("dpo", 60);
        return c.Build(new("dpo", "Teach a model which of two answers is the better one. --data takes a JSONL file of {prompt, chosen, rejected}, too."), c.Prefer);
    }

    public static Command Rl()
    {
        var c = new AnswerCommands("rl", 60);
        return c.Build(new("rl", "Let a model practise tasks whose answers a program judges: reinforcement learning.") { c.tasks, c.kl }, c.Practise);
    }

    Command Build(Command command, Func<ParseResult, string, Decoder, Tokenizer, Func<bool>> prepare)
    {
        command.Options.Add(steps);
        command.Options.Add(like);
        arguments.AddTo(command);
        command.SetAction(args => arguments.Run(args, _ => Start(args), (folder, model, tokenizer) => prepare(args, folder, model, tokenizer)));
        return command;
    }

    (Decoder, Tokenizer) Start(ParseResult args)
    {
        if (arguments.From(args) != StageArguments.Random) return arguments.Start(args);
        var shape = StageArguments.Load(args.GetValue(like) ?? throw new IngotException("--from random needs --like MODEL, whose shape and tokenizer are taken"));
        Console.WriteLine("from random weights: a control, that learns this stage alone");
        return (new(shape.Model.Config, arguments.Seed(args)), shape.Tokenizer ?? throw new IngotException($"{args.GetValue(like)} has no tokenizer.json"));
    }

    Func<bool> Prefer(ParseResult args, string folder, Decoder model, Tokenizer tokenizer)
    {
        var data = arguments.Data(args);
        bool isPairs = data.Count > 0 && data.All(AnswerFiles.HasPairs);
        IReadOnlyList<PreferencePair> pairs = isPairs ? [.. data.SelectMany(AnswerFiles.Pairs)] : AnswerStages.Pairs(arguments.Corpora(args), arguments.Seed(args), args.GetValue(steps));
        var options = new Variation(arguments.Set(args)).OfAnswers(AnswerStages.Dpo(args.GetValue(steps), arguments.Seed(args), MachineSpeed.BestPrecision)).Checked();
        return () =>
        {
            var trainer = new DpoTrainer(model, tokenizer, pairs, options, folder);
            Console.WriteLine($"{pairs.Count - trainer.LeftOut:N0} pairs{(trainer.LeftOut > 0 ? $", {trainer.LeftOut:N0} more are too long for the model's context" : "")}; {options.Steps:N0} steps of {options.Batch}; {folder}");
            return trainer.Run(line => StageDisplay.Line("dpo", options.Steps, line), StopSignal.Token);
        };
    }

    Func<bool> Practise(ParseResult args, string folder, Decoder model, Tokenizer tokenizer)
    {
        var options = new Variation(arguments.Set(args)).OfAnswers(AnswerStages.Rl(args.GetValue(steps), arguments.Seed(args)));
        options = (options with { KlWeight = args.GetValue(kl) ?? options.KlWeight }).Checked();
        var pool = Pool(args, model, tokenizer);
        return () =>
        {
            var trainer = new GrpoTrainer(model, tokenizer, pool, options, folder);
            Console.WriteLine($"{pool.Training.Count:N0} tasks to practise, {Math.Min(pool.HeldOut.Count, options.CheckCount):N0} to check; {options.Steps:N0} steps of {options.Prompts} x {options.Group} answers; {folder}");
            return trainer.Run(line =>
            {
                StageDisplay.Line("rl", options.Steps, line);
                if (line.Warning is { } warning) Console.Error.WriteLine($"ingot: warning: {warning}");
            }, StopSignal.Token);
        };
    }

    TaskPool Pool(ParseResult args, Decoder model, Tokenizer tokenizer)
    {
        if (args.GetValue(tasks) is not { Length: > 0 } given) return AnswerStages.Tasks(arguments.Corpora(args), arguments.Seed(args), model, tokenizer, words => Console.WriteLine($"rl {words}")) ?? throw new IngotException("no tasks whose answers a program can judge can be made of this text; give a longer one, or a file of them with --tasks");
        var files = given.Where(File.Exists).ToList();
        if (files.Count == given.Length) return TaskPool.Of([.. files.SelectMany(AnswerFiles.Tasks)]);
        if (files.Count > 0) throw new IngotException("--tasks takes kinds of exercises or files, not both");
        var world = arguments.World(args) is { } path ? WorldDefinition.Load(path) : WorldDefinition.BuiltIn;
        return TaskPool.OfWorld(new(world), [.. given.SelectMany(g => g.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))], arguments.Seed(args));
    }
}
