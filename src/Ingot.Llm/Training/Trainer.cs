using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Ingot.Llm.Corpus;
using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Nn;

namespace Ingot.Llm.Training;

/// <summary>Where a run is; reported at every line of the log.</summary>
/// <param name="Line">The line.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Remaining">Estimated from the time of the steps so far.</param>
public sealed record TrainingStatus(LogLine Line, int Steps, TimeSpan Remaining);

/// <summary>Trains a character-level GPT on a text, in a folder that can be resumed bit for bit after a kill at any moment.</summary>
public sealed class Trainer
{
    /// <summary>Sequences a batch of validation: as many as the activations of a small model fit in the caches with.</summary>
    const int ValidationBatch = 64;

    readonly RunFolder folder;
    readonly string dataHash;
    readonly TokenBatches batches;
    readonly AdamW optimizer;
    readonly IReadOnlyList<Tensor> parameters;
    readonly Compiled compiledStep;
    readonly Number progress = new(0);
    readonly long logBytes;
    int step;

    public TrainingOptions Options { get; }

    public Gpt Model { get; }

    public CharTokenizer Tokenizer { get; }

    /// <summary>Steps done before this process took over.</summary>
    public int FirstStep { get; }

    /// <summary>Steps done.</summary>
    public int CurrentStep => step;

    /// <summary>Number of trained values.</summary>
    public long ParameterCount => parameters.Sum(p => p.Count);

    Trainer(RunFolder folder, TrainingOptions options, string text, Checkpoint? checkpoint)
    {
        (this.folder, Options) = (folder, options.Checked());
        dataHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        if (checkpoint is not null && checkpoint.DataHash != dataHash)
            throw new IngotException($"the text is not the one the run in {folder.Path} was started with; give the same data, or start a new run with --force");
        Tokenizer = CharTokenizer.Train(text);
        batches = new(Tokenizer.Encode(text), options.ContextLength);
        RequireMemory(options.ModelConfig(Tokenizer.VocabularySize), options);
        Model = new(options.ModelConfig(Tokenizer.VocabularySize), options.Seed) { Recompute = options.Recompute };
        parameters = Module.Parameters(Model);
        optimizer = NewOptimizer(parameters, Options);
        compiledStep = Compiled.Of(Update);
        if (checkpoint is null) return;
        folder.Restore(checkpoint.Model, state => Module.LoadStateDict(Model, state));
        folder.Restore(checkpoint.Optimizer, optimizer.LoadStateDict);
        (step, logBytes) = (checkpoint.Step, checkpoint.LogBytes);
        FirstStep = step;
    }

    /// <summary>Weights, gradients, the optimizer's two moments and what each layer hands to the next: no training does with less.</summary>
    /// <exception cref="InsufficientMemoryException">There is less than that.</exception>
    static void RequireMemory(GptConfig model, TrainingOptions options) => model.Checked().RequireMemory(
        sizeof(float) * (4 * model.ParameterCount + (double)options.TokensPerStep * (model.Width * (model.Layers + 1.0) + model.VocabularySize)),
        $"training it on {options.TokensPerStep:N0} characters a step takes more than");

    /// <summary>A new run.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="options">What to train, on what.</param>
    /// <param name="force">Removes a run that is there already.</param>
    /// <exception cref="IngotException">There is one already; or the data or the options cannot be used. Nothing is written or removed then.</exception>
    public static Trainer Start(string path, TrainingOptions options, bool force = false)
    {
        var folder = new RunFolder(path);
        if (folder.HasRun && !force) throw new IngotException($"the folder {path} has a run already; continue it with --resume, replace it with --force, or choose another --out");
        var trainer = new Trainer(folder, options, ReadText(options), null);
        folder.Create();
        using (folder.Lock())
        {
            if (folder.HasRun) folder.Clear();
            folder.NoteStart(trainer.Options);
        }
        return trainer;
    }

    /// <summary>Continues the run in a folder with the options it was started with. One that was killed before its first checkpoint starts anew.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="options">For the case that there is no checkpoint yet.</param>
    /// <param name="data">Where the data is now, if it was moved; null: where it was.</param>
    /// <exception cref="IngotException">The checkpoint is damaged, or the data has changed.</exception>
    public static Trainer Resume(string path, TrainingOptions options, IReadOnlyList<string>? data = null)
    {
        var folder = new RunFolder(path);
        var checkpoint = folder.HasCheckpoint ? folder.Read() : null;
        if (checkpoint is not null) options = checkpoint.Options;
        if (data is { Count: > 0 }) options = options with { Data = data };
        var trainer = new Trainer(folder, options, ReadText(options), checkpoint);
        folder.Create();
        using (folder.Lock())
        {
            folder.RemoveAllBut(checkpoint);
            if (checkpoint is null) folder.NoteStart(trainer.Options);
        }
        return trainer;
    }

    static string ReadText(TrainingOptions options) =>
        options.Data.Count > 0 ? TextSource.Read(options.Data) : StoryCorpus.Generate(options.Seed, options.StoryBytes);

    /// <summary>AdamW with the options' schedule; vectors are not decayed.</summary>
    internal static AdamW NewOptimizer(IReadOnlyList<Tensor> parameters, TrainingOptions options)
    {
        // Progress is step / steps; the rate is a function of the whole step, which it gives back exactly.
        var rate = Schedules.Of(progress => options.LearningRateAt((int)Math.Round(progress * options.Steps)));
        return new([
            new ParameterGroup(parameters.Where(p => p.Rank >= 2)) { WeightDecay = options.WeightDecay },
            new ParameterGroup(parameters.Where(p => p.Rank < 2)) { WeightDecay = 0.0 },
        ], rate, beta1: 0.9, beta2: options.Beta2);
    }

    /// <summary>Trains to the last step, or until cancelled; writes a checkpoint in either case.</summary>
    /// <param name="report">Called with every line of the log.</param>
    /// <param name="peakGflops">The machine's measured peak, for the log's peakFraction; 0: not measured.</param>
    /// <param name="cancellation">Ends the run after the step it is at.</param>
    /// <returns>All steps are done.</returns>
    /// <exception cref="IngotException">The loss is no longer a number, or the disk is full; the last checkpoint stays.</exception>
    public bool Run(Action<TrainingStatus>? report = null, double peakGflops = 0, CancellationToken cancellation = default)
    {
        using var exclusively = folder.Lock();
        using var log = new TrainingLog(folder.LogPath, logBytes);
        var (clock, all) = (new Stopwatch(), new Stopwatch()); // since the last line; since the first; both without evaluation and checkpoints
        int first = step, lineStep = step, saved = step;
        bool isPastCompilation = false;
        while (step < Options.Steps && !cancellation.IsCancellationRequested)
        {
            clock.Start();
            all.Start();
            var loss = Step();
            bool isLast = step == Options.Steps, evaluates = isLast || Options.EvaluateEvery > 0 && step % Options.EvaluateEvery == 0;
            if (isLast || evaluates || step % Options.LogEvery == 0)
            {
                double value = loss.Item<float>(); // waits for the step, so the clock is honest
                clock.Stop();
                all.Stop();
                if (!double.IsFinite(value)) throw new IngotException($"the loss at step {step} is {value}; lower the learning rate ({Options.LearningRate}). {LastCheckpoint(saved)}");
                double rate = (step - lineStep) * Options.TokensPerStep / clock.Elapsed.TotalSeconds;
                var line = new LogLine(step, value, evaluates ? ValidationLoss() : null, rate, peakGflops > 0 ? rate * Model.TrainingFlopsPerToken / (peakGflops * 1e9) : null);
                log.Append(line);
                report?.Invoke(new(line, Options.Steps, all.Elapsed / (step - first) * (Options.Steps - step)));
                if (!isPastCompilation)
                {
                    // Everything was compiled in these steps: they say little about those to come.
                    (first, isPastCompilation) = (step, true);
                    all.Reset();
                }
                lineStep = step;
                clock.Reset();
            }
            if (isLast || step % Options.CheckpointEvery == 0)
            {
                clock.Stop();
                all.Stop();
                Save(log, saved);
                saved = step;
            }
        }
        if (saved < step) Save(log, saved);
        return step == Options.Steps;
    }

    static string LastCheckpoint(int saved) => saved > 0 ? $"The last checkpoint is of step {saved}" : "There is no checkpoint yet";

    /// <summary>One step of the optimizer.</summary>
    /// <returns>The loss of its batch, before the update.</returns>
    Tensor Step()
    {
        var (tokens, targets) = batches.Training(Options.Seed, step, Options.Batch);
        progress.Value = (double)step / Options.Steps;
        var loss = compiledStep.Call(tokens, targets);
        step++;
        return loss;
    }

    /// <summary>What is captured of it.</summary>
    Tensor Update(Tensor tokens, Tensor targets)
    {
        optimizer.ZeroGrad();
        var loss = Loss(tokens, targets);
        loss.Backward();
        Clip.GradNorm(parameters, Options.Clip);
        optimizer.Step(progress);
        return loss;
    }

    Tensor Loss(Tensor tokens, Tensor targets)
    {
        using var products = Options.Precision == TrainingPrecision.Bf16 ? Precision.Bf16() : null;
        return Model.Loss(tokens, targets);
    }

    /// <summary>Mean loss in nats a token over the whole validation part.</summary>
    public double ValidationLoss()
    {
        using var noGrad = new NoGrad();
        double sum = 0;
        long count = 0;
        foreach (var (tokens, targets) in batches.Validation(ValidationBatch))
        {
            sum += Loss(tokens, targets).Item<float>() * (double)tokens.Count;
            count += tokens.Count;
        }
        return sum / count;
    }

    void Save(TrainingLog log, int saved)
    {
        // A finite loss says nothing of the update after it, and one checkpoint replaces the other.
        if (parameters.FirstOrDefault(p => !Array.TrueForAll(p.ToArray<float>(), float.IsFinite)) is { } bad)
            throw new IngotException($"the weights at step {step} hold a NaN or an infinity ({bad.DType.Name}{bad.Shape}); lower the learning rate ({Options.LearningRate}). {LastCheckpoint(saved)}");
        log.FlushToDisk();
        var tokenizer = JsonSerializer.Deserialize<JsonElement>(Tokenizer.ToJson());
        var checkpoint = new Checkpoint(1, step, step == Options.Steps, $"model-{step:D6}.safetensors", $"optimizer-{step:D6}.safetensors", log.Bytes, dataHash, Model.Config, Options, tokenizer);
        folder.Save(checkpoint, Module.StateDict(Model), optimizer.StateDict());
    }
}
