using System.Diagnostics;
using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Llm.Training;

/// <summary>A line of a stage's log.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean of the losses since the line before, in nats a token that counts.</param>
/// <param name="GradNorm">Of the last step, before clipping.</param>
/// <param name="Rate">The factor on all learning rates.</param>
/// <param name="TokensPerSecond">Since the line before; evaluation and checkpoints do not count.</param>
/// <param name="Gflops">Of training, by 6 a weight and attention, that this is.</param>
/// <param name="Skipped">Steps so far without an update.</param>
/// <param name="BitsPerByte">By domain of validation; null where it was not computed.</param>
public sealed record StageLine(int Step, double Loss, double GradNorm, double Rate, double TokensPerSecond, double Gflops, int Skipped, IReadOnlyDictionary<string, double>? BitsPerByte)
{
    /// <summary>Since the line before.</summary>
    public double SecondsPerStep { get; init; }
}

/// <summary>
/// One stage of a language model's training: Muon on the blocks' matrices, AdamW on the rest, batches from a mixture. Resumed after a kill at any moment it ends with the same bits.
/// </summary>
public sealed class StageTrainer
{
    /// <summary>Rows of validation at a time.</summary>
    const int ValidationRows = 16;

    readonly Decoder model;
    readonly Mixture data;
    readonly IReadOnlyList<TokenSource> validation;
    readonly StageFolder folder;
    readonly CombinedOptimizer optimizer;
    readonly IReadOnlyList<Tensor> parameters;
    readonly Compiled wholeStep;
    readonly Number progress = new(0);
    readonly string fingerprint;
    readonly long logBytes;
    int skipped, skippedInARow;

    /// <param name="model">What is trained, in place.</param>
    /// <param name="data">On what.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Of the stage; a checkpoint in it is continued.</param>
    /// <param name="validation">Domains that bits per byte are measured on.</param>
    /// <exception cref="IngotException">The folder's checkpoint is of another stage, of other data, or damaged.</exception>
    public StageTrainer(Decoder model, Mixture data, StageOptions options, string folder, IReadOnlyList<TokenSource>? validation = null)
    {
        (this.model, this.data, Options, this.folder, this.validation) = (model, data, options.Checked(), new(folder), validation ?? []);
        if (data.Length > model.ContextLength) throw new IngotException($"sequences of {data.Length} tokens do not fit into the model's context of {model.ContextLength}");
        parameters = Module.Parameters(model);
        optimizer = options.OptimizerOf(model);
        wholeStep = new Compiled(inputs => Update(inputs[0], inputs[1]));
        fingerprint = Fingerprint(data);
        if (!this.folder.HasCheckpoint) return;
        var checkpoint = this.folder.Read();
        if (!checkpoint.IsUnder(options)) throw new IngotException($"the stage in {folder} was started with other settings; remove the folder to start it anew");
        if (checkpoint.Data != fingerprint) throw new IngotException($"the stage in {folder} was started on other data; give the same, or remove the folder to start it anew");
        Module.LoadStateDict(model, this.folder.Tensors(checkpoint, "model."));
        optimizer.LoadStateDict(this.folder.Tensors(checkpoint, "optimizer."));
        (CurrentStep, skipped, logBytes) = (checkpoint.Step, checkpoint.Skipped, checkpoint.LogBytes);
    }

    public StageOptions Options { get; }

    /// <summary>False for a measurement, of which nothing is to stay.</summary>
    internal bool KeepsCheckpoints { get; init; } = true;

    /// <summary>Steps done.</summary>
    public int CurrentStep { get; private set; }

    /// <summary>Steps of them that were not taken, as the loss or the gradient was not finite.</summary>
    public int Skipped => skipped;

    static string Fingerprint(Mixture data)
    {
        var text = new System.Text.StringBuilder($"{data.Length}");
        foreach (var s in data.Sources) text.Append(System.Globalization.CultureInfo.InvariantCulture, $" {s.Name}:{s.Count}:{s.Fingerprint:x16}");
        return text.ToString();
    }

    /// <summary>Trains to the last step, or until cancelled; writes a checkpoint in either case.</summary>
    /// <param name="report">Called with every line of the log.</param>
    /// <param name="cancellation">Ends the run after the step it is at.</param>
    /// <returns>All steps are done.</returns>
    /// <exception cref="IngotException">Too many steps in a row were not finite, or the disk is full; the last checkpoint stays.</exception>
    public bool Run(Action<StageLine>? report = null, CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(folder.Path);
        using var log = new TrainingLog(folder.LogPath, logBytes);
        var clock = new Stopwatch();
        var sinceSaved = Stopwatch.StartNew();
        int saved = CurrentStep, lineStep = CurrentStep, finite = 0;
        double sum = 0;
        while (CurrentStep < Options.Steps && !cancellation.IsCancellationRequested)
        {
            clock.Start();
            var (loss, norm) = Step();
            clock.Stop();
            if (double.IsFinite(loss) && double.IsFinite(norm)) (sum, finite, skippedInARow) = (sum + loss, finite + 1, 0);
            else Skip(saved);
            bool isLast = CurrentStep == Options.Steps, evaluates = isLast || Options.EvaluateEvery > 0 && CurrentStep % Options.EvaluateEvery == 0;
            if (evaluates || CurrentStep % Options.LogEvery == 0)
            {
                double rate = (CurrentStep - lineStep) * (double)Options.SequencesPerStep * data.Length / clock.Elapsed.TotalSeconds;
                var line = new StageLine(CurrentStep, finite > 0 ? sum / finite : double.NaN, norm, Options.RateAt((double)CurrentStep / Options.Steps), rate,
                    rate * model.TrainingFlopsPerToken(data.Length) / 1e9, skipped, evaluates ? validation.ToDictionary(v => v.Name, BitsPerByte) : null)
                { SecondsPerStep = clock.Elapsed.TotalSeconds / Math.Max(1, CurrentStep - lineStep) };
                log.Append(line);
                report?.Invoke(line);
                (sum, finite, lineStep) = (0, 0, CurrentStep);
                clock.Reset();
            }
            if (isLast || sinceSaved.Elapsed.TotalSeconds >= Options.CheckpointSeconds)
            {
                Save(log);
                saved = CurrentStep;
                sinceSaved.Restart();
            }
        }
        if (saved < CurrentStep) Save(log);
        return CurrentStep == Options.Steps;
    }

    void Skip(int saved)
    {
        skipped++;
        if (++skippedInARow >= Options.MostSkipped)
            throw new IngotException($"the loss or its gradient was not finite in {skippedInARow} steps in a row, up to step {CurrentStep} of stage '{Options.Name}', and none of these steps was taken; lower the learning rates. {(saved > 0 ? $"The last checkpoint is of step {saved}" : "There is no checkpoint yet")}");
    }

    (double Loss, double GradNorm) Step()
    {
        progress.Value = (double)CurrentStep / Options.Steps;
        Tensor[] results;
        if (Options.MicroBatches == 1)
        {
            var (x, y) = data.Batch(Options.Seed, CurrentStep, Options.Steps, 0, Options.Batch);
            results = wholeStep.Run([x, y]);
        }
        else results = InMicroBatches();
        CurrentStep++;
        return (results[0].Item<float>(), results[1].Item<float>());
    }

    /// <summary>What is captured of a step of one micro-batch.</summary>
    Tensor[] Update(Tensor tokens, Tensor targets)
    {
        optimizer.ZeroGrad();
        var loss = Loss(tokens, targets);
        loss.Backward();
        return [loss, Taken(loss)];
    }

    /// <summary>The last micro-batch is computed with the optimizer's step, those before it at once, as no two fit into the memory that one takes.</summary>
    Tensor[] InMicroBatches()
    {
        optimizer.ZeroGrad();
        Tensor? mean = null;
        for (int i = 0; i < Options.MicroBatches; i++)
        {
            var (x, y) = data.Batch(Options.Seed, CurrentStep, Options.Steps, i * Options.Batch, Options.Batch);
            var part = Loss(x, y) / Options.MicroBatches;
            part.Backward();
            mean = mean is null ? part.Detach() : mean + part.Detach();
            if (i < Options.MicroBatches - 1) Tensor.Realize([.. parameters.Select(p => p.Grad!), mean]);
        }
        return [mean!, Taken(mean!)];
    }

    /// <summary>Clips and takes the step, unless loss or gradient is not finite.</summary>
    /// <returns>The gradient's norm.</returns>
    Tensor Taken(Tensor loss)
    {
        var norm = Ingot.Nn.Clip.GradNorm(parameters, Options.Clip);
        optimizer.Step(progress, onlyIf: loss.Detach().IsFinite() & norm.IsFinite());
        return norm;
    }

    Tensor Loss(Tensor tokens, Tensor targets)
    {
        using var products = Options.Precision == TrainingPrecision.Bf16 ? Precision.Bf16() : null;
        return model.Loss(tokens, targets);
    }

    /// <summary>Cross-entropy of a whole domain in bits for each byte of its text.</summary>
    public double BitsPerByte(TokenSource source)
    {
        using var noGrad = new NoGrad();
        double nats = 0;
        long counted = 0;
        foreach (var (x, y, n) in source.InOrder(data.Length, ValidationRows))
        {
            if (n == 0) continue;
            nats += Loss(x, y).Item<float>() * (double)n;
            counted += n;
        }
        return nats / counted / Math.Log(2) * source.Count / source.Bytes;
    }

    void Save(TrainingLog log)
    {
        if (!KeepsCheckpoints) return;
        log.FlushToDisk();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (name, t) in Module.StateDict(model)) tensors["model." + name] = t;
        foreach (var (name, t) in optimizer.StateDict()) tensors["optimizer." + name] = t;
        folder.Save(new(1, CurrentStep, skipped, $"state-{CurrentStep:D7}.safetensors", log.Bytes, fingerprint, Options.Steps, StageCheckpoint.AsJson(Options)), tensors);
    }
}
