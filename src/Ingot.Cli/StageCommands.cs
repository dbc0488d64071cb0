using System.CommandLine;
using Ingot.Llm.Models;
using Ingot.Llm.Pipeline;
using Ingot.Llm.Planning;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;

namespace Ingot.Cli;

/// <summary><c>ingot pretrain</c>, <c>midtrain</c> and <c>sft</c>: the stages that learn from text, one at a time.</summary>
sealed class StageCommands
{
    /// <summary>Tokens a sequence where --set model.context says nothing and the model has room for more.</summary>
    const int LongestSequence = 1024;

    readonly StageRecipe recipe;
    readonly StageArguments arguments;
    readonly Option<int?> steps = Options.Number<int>("--steps", "Steps of the optimizer; otherwise what the tokens take.");
    readonly Option<double?> tokens = Options.Number<double>("--tokens", "Tokens to train on; otherwise the stage's part of 20 a parameter.");
    readonly Option<double?> flops = Options.Number<double>("--flops", "Floating-point operations to train for, attention included, from which the tokens follow: models of several shapes at equal work.");
    readonly Option<int> depth = Options.Number("--depth", null, "Layers of a new model, from which its other sizes follow.", 4);
    readonly Option<string?> tokenizerPath = new("--tokenizer") { Description = "tokenizer.json of a new model; otherwise one is trained on the data." };

    StageCommands(StageRecipe recipe) => (this.recipe, arguments) = (recipe, new(recipe.Name, mustStart: recipe != StageRecipe.Base));

    public static Command Pretrain() => Create(StageRecipe.Base, "pretrain", "Train a new model, or train one on, on documents.");

    public static Command Midtrain() => Create(StageRecipe.Mid, "midtrain", "Teach a model conversations: their format, questions, tools, who it is.");

    public static Command Sft() => Create(StageRecipe.Sft, "sft", "Fine-tune a model on conversations, with the loss on the assistant's words only.");

    static Command Create(StageRecipe recipe, string name, string description)
    {
        var c = new StageCommands(recipe);
        var command = new Command(name, description) { c.steps, c.tokens, c.flops };
        command.Options.Add(c.depth);
        command.Options.Add(c.tokenizerPath);
        c.arguments.AddTo(command);
        command.SetAction(c.Run);
        return command;
    }

    int Run(ParseResult args)
    {
        var variation = new Variation(arguments.Set(args));
        if (recipe != StageRecipe.Base && variation.OfPretraining is { Count: > 0 } names) throw new IngotException($"--set {string.Join(", ", names)} is of pretraining; stage '{recipe.Name}' keeps its own mix");
        var varied = variation.Recipe(recipe);
        if (args.GetValue(tokens) is not null && args.GetValue(flops) is not null) throw new IngotException("--tokens and --flops both say how long to train; give one of them");
        var corpora = arguments.Corpora(args);
        return arguments.Run(args, folder => Start(args, folder, variation, corpora), (folder, model, tokenizer) =>
        {
            // A model of others may have a context that no batch on a processor has room for.
            int length = Math.Min(variation.ContextLength ?? LongestSequence, model.ContextLength);
            var shape = Shape(model.Config) with { ContextLength = length };
            double share = StageRecipe.InOrder.First(s => s.Recipe == recipe).Share, wanted = args.GetValue(tokens)
                ?? args.GetValue(flops) / new TrainingCost(shape, 1).ExactFlopsPerToken ?? share * TrainingCost.OptimalTokens(shape);
            if (!(wanted > 0) || !double.IsFinite(wanted)) throw new IngotException($"--{(args.GetValue(flops) is null ? "tokens" : "flops")} must be positive, not {args.GetValue(flops) ?? wanted}");
            var run = variation.Options(Dial.Options(shape, wanted / share, arguments.Seed(args), variation.Precision ?? MachineSpeed.BestPrecision));
            double perStep = (double)run.SequencesPerStep * length;
            int count = args.GetValue(steps) ?? (int)Math.Clamp(Math.Round(wanted / perStep), 1, int.MaxValue / 2);
            var options = varied.Options(run, variation, count);
            return () =>
            {
                Keep(tokenizer, folder);
                Console.WriteLine($"{model.Config.ParameterCount:N0} parameters; {count:N0} steps of {perStep:N0} tokens; {folder}");
                var data = new StageData(corpora, tokenizer, arguments.Seed(args));
                var display = new StageDisplay(MachineSpeed.PeakGflops(options.Precision));
                return new StageTrainer(model, data.Of(varied, count * perStep, length), options, folder, data.Validation).Run(line => display.Line(recipe.Name, count, line), StopSignal.Token);
            };
        });
    }

    (Decoder, Tokenizer) Start(ParseResult args, string folder, Variation variation, IReadOnlyList<WeightedCorpus> corpora)
    {
        if (arguments.From(args) != StageArguments.Random)
        {
            if (variation.OfNewModels is { Count: > 0 } names) throw new IngotException($"--set {string.Join(", ", names)} shapes a new model; the one in {arguments.From(args)} has its shape already");
            return arguments.Start(args);
        }
        if (recipe != StageRecipe.Base) Console.WriteLine("from random weights: a control, that learns this stage alone");
        var shape = variation.Shape(ModelShape.OfDepth(args.GetValue(depth)));
        string kept = TokenizerPath(folder);
        var tokenizer = File.Exists(kept) && !arguments.Replaces(args) ? TokenizerFile.Load(kept) : args.GetValue(tokenizerPath) is { } path ? TokenizerFile.Load(path)
            : CorpusTokenizer.Train(corpora, shape.VocabularySize, variation.SplitPattern, arguments.Seed(args), StopSignal.Token);
        return (Dial.NewModel(shape, variation, tokenizer, arguments.Seed(args)), tokenizer);
    }

    /// <summary>A stage that was stopped goes on with the tokenizer that it began with.</summary>
    static void Keep(Tokenizer tokenizer, string folder)
    {
        if (File.Exists(TokenizerPath(folder))) return;
        Directory.CreateDirectory(folder);
        TokenizerFile.Save(tokenizer, TokenizerPath(folder));
    }

    static string TokenizerPath(string folder) => Path.Combine(folder, "tokenizer.json");

    static ModelShape Shape(DecoderConfig c) =>
        new ModelShape(c.Layers, c.Width, c.Heads, c.KeyHeads, c.HeadWidth, c.Hidden, c.VocabularySize, c.ContextLength) { IsTied = c.TiedHead, HasQkNorm = c.QkNorm, IsGated = c.FeedForward == FeedForwardKind.SwiGlu }.Checked();
}
