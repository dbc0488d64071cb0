using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Ingot.Nn;
using Decoder = Ingot.Llm.Models.Decoder;

namespace Ingot.Llm.Training;

/// <summary>
/// What the trainers of all stages do alike: go on from the folder's checkpoint, take steps whose gradients are finite, write the log and checkpoints. A step is a function
/// of weights, options and its number, so that a run that was killed ends with the same bits.
/// </summary>
sealed class StageLoop
{
    readonly Decoder model;
    readonly UpdateOptions options;
    readonly StageFolder folder;
    readonly CombinedOptimizer optimizer;
    readonly IReadOnlyList<Tensor> parameters;
    readonly Number progress = new(0);
    readonly string fingerprint;
    readonly long logBytes;
    int skippedInARow;

    /// <summary>False for a measurement, of which nothing is to stay.</summary>
    public bool KeepsCheckpoints { get; init; } = true;

    /// <param name="model">What is trained, in place: the weights the stage begins with, also where it is continued.</param>
    /// <param name="options">Of the stage.</param>
    /// <param name="path">Its folder.</param>
    /// <param name="data">Fingerprint of the data; the model's is added, so that a stage is continued from the model it began with.</param>
    /// <exception cref="IngotException">The folder's checkpoint is of another stage, of other data, or damaged.</exception>
    public StageLoop(Decoder model, UpdateOptions options, string path, string data)
    {
        (this.model, this.options, folder, fingerprint) = (model, options, new(path), $"{Fingerprint.Of(model):x16} {data}");
        parameters = Module.Parameters(model);
        optimizer = options.OptimizerOf(model);
        if (!folder.HasCheckpoint) return;
        var checkpoint = folder.Read();
        if (!checkpoint.IsUnder(options)) throw new IngotException($"the stage in {path} was started with other settings; remove the folder to start it anew");
        if (checkpoint.Data != fingerprint) throw new IngotException($"the stage in {path} was started from another model or on other data; give the same, or remove the folder to start it anew");
        Module.LoadStateDict(model, folder.Tensors(checkpoint, "model."));
        optimizer.LoadStateDict(folder.Tensors(checkpoint, "optimizer."));
        (CurrentStep, Skipped, logBytes) = (checkpoint.Step, checkpoint.Skipped, checkpoint.LogBytes);
    }

    /// <summary>Steps done.</summary>
    public int CurrentStep { get; private set; }

    /// <summary>Steps of them in which an update was left out.</summary>
    public int Skipped { get; private set; }

    /// <summary>Forgets gradients, for a loss to leave new ones.</summary>
    public void ZeroGrad() => optimizer.ZeroGrad();

    /// <summary>What is trained: gradients to be computed before the step are theirs.</summary>
    public IReadOnlyList<Tensor> Parameters => parameters;

    /// <summary>Clips the gradient and takes a step of the optimizer, unless loss or gradient is not finite. Within a compiled function.</summary>
    /// <param name="loss">Whose gradients there are.</param>
    /// <param name="measured">What else is computed from the weights before the step.</param>
    /// <returns>The gradient's norm.</returns>
    public Tensor Taken(Tensor loss, params Tensor[] measured)
    {
        if (measured.Length > 0) Tensor.Realize([loss, .. measured]); // with the gradients, which share the forward pass
        var norm = Ingot.Nn.Clip.GradNorm(parameters, options.Clip);
        optimizer.Step(progress, onlyIf: loss.Detach().IsFinite() & norm.IsFinite());
        return norm;
    }

    /// <summary>Takes steps to the last one, or until cancelled; writes a checkpoint in either case.</summary>
    /// <param name="step">Takes the step of this number; false if an update of it was not finite and so was left out.</param>
    /// <param name="line">What the log says after the step, on which as many steps were done as it is given; null: nothing.</param>
    /// <param name="cancellation">Ends the run after the step it is at.</param>
    /// <returns>All steps are done.</returns>
    public bool Run(Func<int, bool> step, Func<int, object?> line, CancellationToken cancellation)
    {
        try { Directory.CreateDirectory(folder.Path); }
        catch (Exception e) when (Formats.AtomicFile.IsOfTheSystem(e)) { throw new IngotException($"cannot make the folder {folder.Path}: {Formats.AtomicFile.Reason(e)}", e); }
        using var log = new TrainingLog(folder.LogPath, logBytes);
        var sinceSaved = Stopwatch.StartNew();
        int saved = CurrentStep;
        while (CurrentStep < options.Steps && !cancellation.IsCancellationRequested)
        {
            progress.Value = (double)CurrentStep / options.Steps;
            bool isFinite = step(CurrentStep);
            CurrentStep++;
            if (isFinite) skippedInARow = 0;
            else Skip(saved);
            if (line(CurrentStep) is { } entry) log.Append(entry);
            if (CurrentStep < options.Steps && sinceSaved.Elapsed.TotalSeconds < options.CheckpointSeconds) continue;
            Save(log);
            saved = CurrentStep;
            sinceSaved.Restart();
        }
        if (saved < CurrentStep) Save(log);
        return CurrentStep == options.Steps;
    }

    /// <summary>The lines of the log so far that belong to the steps done, oldest first.</summary>
    public IReadOnlyList<T> Lines<T>()
    {
        if (logBytes == 0) return [];
        var lines = new List<T>();
        using var file = new FileStream(folder.LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[Math.Min(logBytes, file.Length)];
        file.ReadExactly(bytes);
        foreach (var text in Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            lines.Add(JsonSerializer.Deserialize<T>(text, JsonSerializerOptions.Web)!);
        return lines;
    }

    void Skip(int saved)
    {
        Skipped++;
        if (++skippedInARow >= options.MostSkipped)
            throw new IngotException($"the loss or its gradient was not finite in {skippedInARow} steps in a row, up to step {CurrentStep} of stage '{options.Name}', and none of these steps was taken; lower the learning rates. {(saved > 0 ? $"The last checkpoint is of step {saved}" : "There is no checkpoint yet")}");
    }

    void Save(TrainingLog log)
    {
        if (!KeepsCheckpoints) return;
        log.FlushToDisk();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (name, t) in Module.StateDict(model)) tensors["model." + name] = t;
        foreach (var (name, t) in optimizer.StateDict()) tensors["optimizer." + name] = t;
        folder.Save(new(1, CurrentStep, Skipped, $"state-{CurrentStep:D7}.safetensors", log.Bytes, fingerprint, options.Steps, StageCheckpoint.AsJson(options)), tensors);
    }
}
