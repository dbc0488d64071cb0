using Ingot.Llm.Training;

namespace Ingot.Llm.Pipeline;

/// <summary>What makes a stage of training on text differ from the others: what it sees and how fast it learns. Stages are one continuum, and what was seen first stays in all of them.</summary>
/// <param name="Name">Also of its folder.</param>
/// <param name="Stream">Number of the text it draws.</param>
/// <param name="Conversations">The part of conversations at some progress of the stage; the rest are documents.</param>
/// <param name="Repeats">The part of repeated runs of random tokens, which comes off both.</param>
/// <param name="Adapt">Its rates, from the run's.</param>
public sealed record StageRecipe(string Name, ulong Stream, ProgressCurve Conversations, ProgressCurve Repeats, Func<StageOptions, StageOptions> Adapt)
{
    /// <summary>Pretraining: at first repeated runs, until the model can look things up in its text; then documents, and conversations more and more, so that their format is no surprise.</summary>
    public static StageRecipe Base { get; } = new("base", 1, ProgressCurve.Parse("0:0.3,1:0.5"), ProgressCurve.Parse("0:1,0.1:0"), o => o with { Warmup = 0.02, Cooldown = 0.3, FinalRate = 0.4 });

    /// <summary>Mid-training: conversations prevail.</summary>
    public static StageRecipe Mid { get; } = new("mid", 2, ProgressCurve.Parse("0:0.6,1:0.8"), ProgressCurve.Parse("0"), o => Slower(o, 0.7) with { Warmup = 0.02, Cooldown = 0.98, FinalRate = 0.5 });

    /// <summary>Supervised fine-tuning: conversations, and a rest of documents against forgetting.</summary>
    public static StageRecipe Sft { get; } = new("sft", 3, ProgressCurve.Parse("0.9"), ProgressCurve.Parse("0"), o => Slower(o, 0.4) with { Warmup = 0.02, Cooldown = 0.98, FinalRate = 0.02 });

    /// <summary>The stages that learn from text, in order, and the part of all tokens that each has.</summary>
    public static IReadOnlyList<(StageRecipe Recipe, double Share)> InOrder { get; } = [(Base, 0.6), (Mid, 0.2), (Sft, 0.2)];

    /// <summary>How often in a stage bits per byte are measured.</summary>
    public const int Evaluations = 3;

    /// <summary>The stage's options.</summary>
    /// <param name="run">Batch, precision and rates of the run.</param>
    /// <param name="variation">May change the course of the rates.</param>
    /// <param name="steps">Of the stage.</param>
    public StageOptions Options(StageOptions run, Variation variation, int steps) =>
        (variation.Course(Adapt(run)) with { Name = Name, Steps = steps, LogEvery = Math.Max(1, steps / 100), EvaluateEvery = Math.Max(1, (steps + Evaluations - 1) / Evaluations) }).Checked();

    /// <exception cref="IngotException">There is none of this name.</exception>
    public static StageRecipe Named(string name) => InOrder.Select(s => s.Recipe).FirstOrDefault(r => r.Name == name) ?? throw new IngotException($"there is no stage '{name}'; there are {string.Join(", ", InOrder.Select(s => s.Recipe.Name))}");

    /// <summary>The seed of the text that this stage sees: what mid-training shows has not been seen in pretraining.</summary>
    public ulong StreamOf(ulong seed) => seed * 16 + Stream;

    static StageOptions Slower(StageOptions o, double factor) => o with { MatrixRate = factor * o.MatrixRate, EmbeddingRate = factor * o.EmbeddingRate, VectorRate = factor * o.VectorRate };
}
