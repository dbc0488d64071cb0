using Ingot.Llm.Models;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Training;

namespace Ingot.Llm.Pipeline;

/// <summary>Trains one stage in its folder and leaves its model there; done once, it is only loaded.</summary>
public static class StageRun
{
    /// <summary>Where the finished model of a stage is.</summary>
    public static string ModelPath(string folder) => Path.Combine(folder, "model");

    /// <summary>Runs the stage, or goes on with it.</summary>
    /// <param name="folder">Of the stage.</param>
    /// <param name="start">The model that it starts from; trained in place.</param>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="data">Its batches.</param>
    /// <param name="options">How.</param>
    /// <param name="validation">Domains that bits per byte are measured on.</param>
    /// <param name="report">Called with every line of the log.</param>
    /// <param name="cancellation">Stops it after the step it is at, with a checkpoint.</param>
    /// <returns>True when all steps are done and the model is in the folder.</returns>
    public static bool Run(string folder, Decoder start, Tokenizer tokenizer, Mixture data, StageOptions options, IReadOnlyList<TokenSource> validation, Action<StageLine>? report, CancellationToken cancellation)
    {
        if (!new StageTrainer(start, data, options, folder, validation).Run(report, cancellation)) return false;
        new ModelFolder(start, tokenizer).Save(ModelPath(folder));
        return true;
    }

    /// <summary>True if a stage's model is there.</summary>
    public static bool IsDone(string folder) => ModelFolder.Exists(ModelPath(folder));
}
