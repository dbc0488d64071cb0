using System.CommandLine;
using Ingot.Llm.Chat;
using Ingot.Llm.Models;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Planning;
using Ingot.Llm.Tokenizers;

namespace Ingot.Cli;

/// <summary><c>ingot pretrain</c>, <c>midtrain</c> and <c>sft</c>: the stages that learn from text, one at a time.</summary>
sealed class StageCommands
{
    readonly StageRecipe recipe;
    readonly StageArguments arguments;
    readonly Option<int?> steps = Options.Number<int>("--steps", "Steps of the optimizer; otherwise what the tokens take.");
    readonly Option<double?> tokens = Options.Number<double>("--tokens", "Tokens to train on; otherwise the stage's part of 20 a parameter.");
    readonly Option<int> depth = Options.Number("--depth", null, "Layers of a new model, from which its other sizes follow.", 4);
    readonly Option<string?> tokenizerPath = new("--tokenizer") { Description = "tokenizer.json of a new model; otherwise one is trained on the data." };

    StageCommands(StageRecipe recipe) => (this.recipe, arguments) = (recipe, new(recipe.Name, mustStart: recipe != StageRecipe.Base));

    public static Command Pretrain() => Create(StageRecipe.Base, "pretrain", "Train a new model, or train one on, on documents.");

    public static Command Midtrain() => Create(StageRecipe.Mid, "midtrain", "Teach a model conversations: their format, questions, tools, who it is.");

    public static Command Sft() => Create(StageRecipe.Sft, "sft", "Fine-tune a model on conversations, with the loss on the assistant's words only.");

    static Command Create(StageRecipe recipe, string name, string description)
    {
        var c = new StageCommands(recipe);
        var command = new Command(name, description) { c.steps, c.tokens };
        if (recipe == StageRecipe.Base)
        {
            command.Options.Add(c.depth);
            command.Options.Add(c.tokenizerPath);
        }
        c.arguments.AddTo(command);
        command.SetAction(c.Run);
        return command;
    }

    int Run(ParseResult args)
    {
        var folder = arguments.Output(args);
        var variation = new Variation(arguments.Set(args));
        var corpora = arguments.Corpora(args);
        var (model, tokenizer) = Start(args, folder, variation, corpora);
        if (StageRun.IsDone(folder))
        {
            Console.WriteLine($"{folder} is done already. Try: ingot chat --model {StageRun.ModelPath(folder)}, or --force to train anew");
            return 0;
        }
        var shape = Shape(model.Config);
        double share = StageRecipe.InOrder.First(s => s.Recipe == recipe).Share, wanted = args.GetValue(tokens) ?? share * TrainingCost.OptimalTokens(shape);
        if (!(wanted > 0) || !double.IsFinite(wanted)) throw new IngotException($"--tokens must be positive, not {wanted}");
        var options = variation.Course(recipe.Adapt(variation.Options(Dial.Options(shape, wanted / share, arguments.Seed(args), variation.Precision ?? MachineSpeed.BestPrecision))));
        double perStep = (double)options.SequencesPerStep * shape.ContextLength;
        int count = args.GetValue(steps) ?? (int)Math.Clamp(Math.Round(wanted / perStep), 1, int.MaxValue / 2);
        options = (options with { Name = recipe.Name, Steps = count, LogEvery = Math.Max(1, count / 100), EvaluateEvery = Math.Max(1, (count + StageRecipe.Evaluations - 1) / StageRecipe.Evaluations) }).Checked();
        var data = new StageData(corpora, tokenizer, arguments.Seed(args));
        Console.WriteLine($"{model.Config.ParameterCount:N0} parameters; {count:N0} steps of {perStep:N0} tokens; {folder}");
        var display = new StageDisplay(MachineSpeed.PeakGflops(options.Precision));
        bool isDone = StageRun.Run(folder, model, tokenizer, data.Of(recipe, count * perStep, shape.ContextLength), options, data.Validation, line => display.Line(recipe.Name, count, line), StopSignal.Token);
        if (!isDone)
        {
            Console.Error.WriteLine("ingot: stopped; the same command goes on from the checkpoint");
            return StopSignal.ExitCode;
        }
        Console.WriteLine($"done. Try: ingot chat --model {StageRun.ModelPath(folder)}");
        return 0;
    }

    (Decoder, Tokenizer) Start(ParseResult args, string folder, Variation variation, IReadOnlyList<WeightedCorpus> corpora)
    {
        if (arguments.From(args) != StageArguments.Random) return arguments.Start(args);
        if (recipe != StageRecipe.Base && args.GetValue(tokenizerPath) is null)
            Console.WriteLine("from random weights: a control, that learns this stage alone");
        var shape = variation.Shape(ModelShape.OfDepth(args.GetValue(depth)));
        string kept = Path.Combine(folder, "tokenizer.json");
        var tokenizer = File.Exists(kept) ? TokenizerFile.Load(kept) : args.GetValue(tokenizerPath) is { } path ? TokenizerFile.Load(path) : CorpusTokenizer.Train(corpora, shape.VocabularySize, variation.SplitPattern, arguments.Seed(args), StopSignal.Token);
        if (!File.Exists(kept))
        {
            Directory.CreateDirectory(folder);
            TokenizerFile.Save(tokenizer, kept);
        }
        var format = new ChatFormat(tokenizer);
        return (new(Dial.Config(shape, variation) with { VocabularySize = tokenizer.VocabularySize, BeginToken = format.Begin, EndTokens = [format.AssistantEnd] }, arguments.Seed(args)), tokenizer);
    }

    static ModelShape Shape(DecoderConfig c) => new ModelShape(c.Layers, c.Width, c.Heads, c.KeyHeads, c.HeadWidth, c.Hidden, c.VocabularySize, c.ContextLength) { IsTied = c.TiedHead, HasQkNorm = c.QkNorm }.Checked();
}
