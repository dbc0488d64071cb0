using System.Diagnostics;
using Ingot.Llm.Evaluation;
using Ingot.Llm.Models;

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
    readonly Decoder model;
    readonly Mixture data;
    readonly IReadOnlyList<TokenSource> validation;
    readonly LikelihoodRows likelihood;
    readonly StageLoop loop;
    readonly Compiled wholeStep;

    /// <param name="model">What is trained, in place: the weights the stage begins with, also where it is continued.</param>
    /// <param name="data">On what.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Of the stage; a checkpoint in it is continued.</param>
    /// <param name="validation">Domains that bits per byte are measured on.</param>
    /// <exception cref="IngotException">The folder's checkpoint is of another stage, from another model, of other data, or damaged.</exception>
    public StageTrainer(Decoder model, Mixture data, StageOptions options, string folder, IReadOnlyList<TokenSource>? validation = null) : this(model, data, options, folder, validation, keepsCheckpoints: true) { }

    /// <param name="model">What is trained.</param>
    /// <param name="data">On what.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Of the stage.</param>
    /// <param name="validation">Domains.</param>
    /// <param name="keepsCheckpoints">False for a measurement, of which nothing is to stay.</param>
    internal StageTrainer(Decoder model, Mixture data, StageOptions options, string folder, IReadOnlyList<TokenSource>? validation, bool keepsCheckpoints)
    {
        (this.model, this.data, Options, this.validation, likelihood) = (model, data, options.Checked(), validation ?? [], new(model));
        if (data.Length > model.ContextLength) throw new IngotException($"sequences of {data.Length} tokens do not fit into the model's context of {model.ContextLength}");
        loop = new(model, options, folder, $"{data.Length}{string.Concat(data.Sources.Select(s => $" {s.Name}:{s.Count}:{s.Fingerprint:x16}"))}") { KeepsCheckpoints = keepsCheckpoints };
        wholeStep = new Compiled(inputs => Update(inputs[0], inputs[1]));
    }

    public StageOptions Options { get; }

    /// <summary>Steps done.</summary>
    public int CurrentStep => loop.CurrentStep;

    /// <summary>Steps of them that were not taken, as the loss or the gradient was not finite.</summary>
    public int Skipped => loop.Skipped;

    /// <summary>Trains to the last step, or until cancelled; writes a checkpoint in either case.</summary>
    /// <param name="report">Called with every line of the log.</param>
    /// <param name="cancellation">Ends the run after the step it is at.</param>
    /// <returns>All steps are done.</returns>
    /// <exception cref="IngotException">Too many steps in a row were not finite, or the disk is full; the last checkpoint stays.</exception>
    public bool Run(Action<StageLine>? report = null, CancellationToken cancellation = default)
    {
        var clock = new Stopwatch();
        int lineStep = CurrentStep, finite = 0;
        double sum = 0, norm = 0;
        return loop.Run(number =>
        {
            clock.Start();
            var results = Step(number);
            (double loss, norm) = (results[0].Item<float>(), results[1].Item<float>());
            clock.Stop();
            if (!double.IsFinite(loss) || !double.IsFinite(norm)) return false;
            (sum, finite) = (sum + loss, finite + 1);
            return true;
        }, done =>
        {
            bool evaluates = done == Options.Steps || Options.EvaluateEvery > 0 && done % Options.EvaluateEvery == 0;
            if (!evaluates && done % Options.LogEvery != 0) return null;
            double seconds = clock.Elapsed.TotalSeconds / (done - lineStep), rate = Options.SequencesPerStep * (double)data.Length / seconds;
            var line = new StageLine(done, finite > 0 ? sum / finite : double.NaN, norm, Options.RateAt((double)done / Options.Steps), rate, rate * model.TrainingFlopsPerToken(data.Length) / 1e9, Skipped,
                evaluates ? validation.ToDictionary(v => v.Name, BitsPerByte) : null)
            { SecondsPerStep = seconds };
            report?.Invoke(line);
            (sum, finite, lineStep) = (0, 0, done);
            clock.Reset();
            return line;
        }, cancellation);
    }

    /// <summary>Takes a step.</summary>
    /// <returns>The loss and the gradient's norm.</returns>
    Tensor[] Step(int number)
    {
        if (Options.MicroBatches > 1) return InMicroBatches(number);
        var (x, y) = data.Batch(Options.Seed, number, Options.Steps, 0, Options.Batch);
        return wholeStep.Run([x, y]);
    }

    /// <summary>What is captured of a step of one micro-batch.</summary>
    Tensor[] Update(Tensor tokens, Tensor targets)
    {
        loop.ZeroGrad();
        var loss = Loss(tokens, targets);
        loss.Backward();
        return [loss, loop.Taken(loss)];
    }

    /// <summary>The last micro-batch is computed with the optimizer's step, those before it at once, as no two fit into the memory that one takes.</summary>
    Tensor[] InMicroBatches(int number)
    {
        loop.ZeroGrad();
        Tensor? mean = null;
        for (int i = 0; i < Options.MicroBatches; i++)
        {
            var (x, y) = data.Batch(Options.Seed, number, Options.Steps, i * Options.Batch, Options.Batch);
            var part = Loss(x, y) / Options.MicroBatches;
            part.Backward();
            mean = mean is null ? part.Detach() : mean + part.Detach();
            if (i < Options.MicroBatches - 1) Tensor.Realize([.. loop.Parameters.Select(p => p.Grad!), mean]);
        }
        return [mean!, loop.Taken(mean!)];
    }

    Tensor Loss(Tensor tokens, Tensor targets)
    {
        using var products = Options.Precision == TrainingPrecision.Bf16 ? Precision.Bf16() : null;
        return model.Loss(tokens, targets);
    }

    /// <summary>Cross-entropy of a whole domain in bits for each byte of its text; in float32, whatever the training's precision.</summary>
    public double BitsPerByte(TokenSource source) => likelihood.BitsPerByte(source, data.Length, Options.Name).Value;
}
