using System.CommandLine;
using Ingot.Llm.Training;
using Ingot.Runtime;

namespace Ingot.Cli;

/// <summary><c>ingot train</c>: a character-level GPT on text files.</summary>
sealed class TrainCommand
{
    const string DefaultPreset = "char-small";

    readonly Option<string[]> data = new("--data", "-d") { Description = "Text to train on, UTF-8: files, or folders with text files. Ingot's own stories if none is given.", AllowMultipleArgumentsPerToken = true };
    readonly Option<string?> preset = new("--preset", "-p") { Description = $"Named settings: {string.Join(", ", TrainingOptions.Presets.Keys)}." };
    readonly Option<string> output = Options.Folder("--out", "-o", "Folder of the run: checkpoint and log.jsonl.");
    readonly Option<bool> resume = new("--resume") { Description = "Continue the run in the folder where it stopped, bit for bit." };
    readonly Option<bool> force = new("--force") { Description = "Replace a run that is in the folder already." };
    readonly Option<int?> steps = Options.Number<int>("--steps", "Steps of the optimizer.");
    readonly Option<ulong?> seed = Options.Number<ulong>("--seed", "Decides weights, batches and stories; the same seed gives the same model.");
    readonly Option<int?> layers = Options.Number<int>("--layers", "Transformer blocks.");
    readonly Option<int?> heads = Options.Number<int>("--heads", "Attention heads a block.");
    readonly Option<int?> width = Options.Number<int>("--width", "Width of the model; divisible by the heads.");
    readonly Option<int?> context = Options.Number<int>("--context", "Characters the model sees at a time.");
    readonly Option<int?> batch = Options.Number<int>("--batch", "Sequences a step.");
    readonly Option<bool> recompute = new("--recompute") { Description = "Compute each block again in the backward pass: less memory, more time, the same model." };
    readonly Option<double?> rate = Options.Number<double>("--lr", "Highest learning rate; it falls to a tenth of it.");
    readonly Option<string?> precision = new("--precision") { Description = "bf16: products of operands rounded to bf16, summed in float32, fast where there is a matrix unit; fp32 (the default): all in float32. Weights are float32 in either." };
    readonly Option<int?> warmup = Options.Number<int>("--warmup", "Steps in which the learning rate rises.");
    readonly Option<int?> logEvery = Options.Number<int>("--log-every", "Steps between lines of log.jsonl.");
    readonly Option<int?> evaluateEvery = Options.Number<int>("--eval-every", "Steps between measurements of the validation loss; 0: at the end only.");
    readonly Option<int?> checkpointEvery = Options.Number<int>("--checkpoint-every", "Steps between checkpoints.");

    public static Command Create()
    {
        var c = new TrainCommand();
        c.output.DefaultValueFactory = _ => "run";
        c.precision.AcceptOnlyFromAmong("fp32", "bf16");
        var command = new Command("train", "Train a character-level GPT on text files.")
        {
            c.data, c.preset, c.output, c.resume, c.force, c.steps, c.seed, c.layers, c.heads, c.width, c.context, c.batch, c.recompute, c.rate, c.precision, c.warmup, c.logEvery, c.evaluateEvery, c.checkpointEvery,
        };
        command.SetAction(c.Run);
        return command;
    }

    int Run(ParseResult args)
    {
        var folder = Path.GetFullPath(args.GetValue(output)!);
        bool resumes = args.GetValue(resume);
        if (resumes && args.GetValue(force)) throw new IngotException("--resume continues a run and --force replaces it; give one of them");
        var trainer = resumes ? Resume(args, folder) : Trainer.Start(folder, Chosen(args, TrainingOptions.Preset(DefaultPreset)), args.GetValue(force));
        var o = trainer.Options;
        Console.WriteLine($"{trainer.ParameterCount:N0} parameters: {o.Layers} layers, {o.Heads} heads, width {o.Width}, context {o.ContextLength}, {trainer.Tokenizer.VocabularySize} characters");
        Console.WriteLine($"{(trainer.FirstStep > 0 ? $"continuing at step {trainer.FirstStep} of" : "training for")} {o.Steps:N0} steps of {o.TokensPerStep:N0} characters; {folder}");
        double peak = Peaks.Measure().Gflops;
        bool isDone = ProgressDisplay.Run(o.Steps, report => trainer.Run(report, peak, StopSignal.Token));
        if (!isDone)
        {
            Console.Error.WriteLine(trainer.CurrentStep > 0 ? $"ingot: stopped at step {trainer.CurrentStep}; the checkpoint is written, continue with --resume"
                : "ingot: stopped before the first step; there is no checkpoint yet");
            return StopSignal.ExitCode;
        }
        Console.WriteLine($"done. Try: ingot sample --model {args.GetValue(output)} --prompt \"...\"");
        return 0;
    }

    Trainer Resume(ParseResult args, string folder)
    {
        var run = new RunFolder(folder);
        // A run that was killed before its first checkpoint is started again; with --data even one that was killed before it had a folder. Without either,
        // the folder is most likely mistyped, and training on Ingot's own stories is not what was asked for.
        if (!run.HasStarted && args.GetValue(data) is not { Length: > 0 })
            throw new IngotException($"there is no run in {folder} to resume; check --out, or leave --resume out to start one");
        if (!run.HasCheckpoint) Console.WriteLine($"the run in {folder} has no checkpoint yet: starting it");
        var options = run.HasCheckpoint ? run.Read().Options : run.ReadStart() ?? TrainingOptions.Preset(DefaultPreset);
        var asked = Chosen(args, options);
        if (run.HasCheckpoint && asked with { Data = options.Data } != options)
            throw new IngotException($"the run in {folder} was started with other settings, and a resumed run keeps them; leave the options out, or start anew with --force");
        return Trainer.Resume(folder, asked, args.GetValue(data));
    }

    /// <summary>The given settings with what the command line says in their place.</summary>
    TrainingOptions Chosen(ParseResult args, TrainingOptions o)
    {
        if (args.GetValue(preset) is { } name) o = TrainingOptions.Preset(name);
        if (args.GetValue(data) is { Length: > 0 } paths)
        {
            if (paths.Any(string.IsNullOrWhiteSpace)) throw new IngotException("--data takes files or folders, and one of those given is an empty text");
            o = o with { Data = [.. paths.Select(Path.GetFullPath)] };
        }
        if (args.GetValue(rate) is { } lr) o = o with { LearningRate = lr, MinLearningRate = lr / 10 };
        if (args.GetValue(precision) is { } products) o = o with { Precision = products == "bf16" ? TrainingPrecision.Bf16 : TrainingPrecision.Fp32 };
        return (o with
        {
            Steps = args.GetValue(steps) ?? o.Steps,
            Seed = args.GetValue(seed) ?? o.Seed,
            Layers = args.GetValue(layers) ?? o.Layers,
            Heads = args.GetValue(heads) ?? o.Heads,
            Width = args.GetValue(width) ?? o.Width,
            ContextLength = args.GetValue(context) ?? o.ContextLength,
            Batch = args.GetValue(batch) ?? o.Batch,
            Recompute = args.GetValue(recompute) || o.Recompute,
            WarmupSteps = args.GetValue(warmup) ?? o.WarmupSteps,
            LogEvery = args.GetValue(logEvery) ?? o.LogEvery,
            EvaluateEvery = args.GetValue(evaluateEvery) ?? o.EvaluateEvery,
            CheckpointEvery = args.GetValue(checkpointEvery) ?? o.CheckpointEvery,
        }).Checked();
    }
}
