using System.Text.Json.Serialization;
using Ingot.Llm.Models;

namespace Ingot.Llm.Training;

/// <summary>What a training run computes products in.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TrainingPrecision>))]
public enum TrainingPrecision
{
    /// <summary>float32.</summary>
    Fp32,
    /// <summary>Operands in bf16, sums in float32: see <see cref="Ingot.Precision"/>. Fast where there is a matrix unit.</summary>
    Bf16,
}

/// <summary>Everything that decides the result of a training run; kept in its checkpoint, so that a resumed run needs nothing else.</summary>
public sealed record TrainingOptions
{
    /// <summary>Files and folders of text; none: Ingot's own stories.</summary>
    public IReadOnlyList<string> Data { get; init; } = [];

    /// <summary>How much of Ingot's own stories to use where no data is given.</summary>
    public int StoryBytes { get; init; } = 2 << 20;

    public int Layers { get; init; } = 4;

    public int Heads { get; init; } = 4;

    public int Width { get; init; } = 128;

    /// <summary>Characters the model sees at a time.</summary>
    public int ContextLength { get; init; } = 64;

    /// <summary>Sequences a step.</summary>
    public int Batch { get; init; } = 12;

    public int Steps { get; init; } = 2000;

    /// <summary>Rises to this over <see cref="WarmupSteps"/>, then falls along a cosine to <see cref="MinLearningRate"/>.</summary>
    public double LearningRate { get; init; } = 1e-3;

    public double MinLearningRate { get; init; } = 1e-4;

    public int WarmupSteps { get; init; } = 100;

    public double Beta2 { get; init; } = 0.99;

    /// <summary>Of matrices; vectors (norms) have none.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Bound on the gradient's norm.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>Computes each block again in the backward pass instead of keeping what it computed: less memory, a third more time at most, the same bits.</summary>
    public bool Recompute { get; init; }

    public ulong Seed { get; init; } = 1;

    /// <summary>What products are computed in; weights and everything else are float32.</summary>
    public TrainingPrecision Precision { get; init; }

    /// <summary>Steps between lines of the log.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>Steps between passes over the validation part; 0: only at the end.</summary>
    public int EvaluateEvery { get; init; }

    /// <summary>Steps between checkpoints; there is one at the end in any case.</summary>
    public int CheckpointEvery { get; init; } = 250;

    /// <summary>The named settings.</summary>
    public static IReadOnlyDictionary<string, TrainingOptions> Presets { get; } = new Dictionary<string, TrainingOptions>
    {
        // nanoGPT's documented settings for Shakespeare's characters on a CPU.
        ["char-small"] = new(),
        // nanoGPT's settings for Shakespeare's characters on a GPU, without dropout.
        ["char-large"] = new() { Layers = 6, Heads = 6, Width = 384, ContextLength = 256, Batch = 64, Steps = 5000, EvaluateEvery = 250 },
        // About five minutes on two cores.
        // Seconds: to try things out.
        ["char-tiny"] = new() { Layers = 2, Heads = 2, Width = 32, ContextLength = 32, Batch = 8, Steps = 200, WarmupSteps = 20 },
    };

    /// <exception cref="IngotException">There is no such preset.</exception>
    public static TrainingOptions Preset(string name) =>
        Presets.TryGetValue(name, out var options) ? options : throw new IngotException($"there is no preset '{name}'; there are {string.Join(", ", Presets.Keys)}");

    [JsonIgnore]
    public int TokensPerStep => Batch * ContextLength;

    public GptConfig ModelConfig(int vocabularySize) => new(vocabularySize, ContextLength, Layers, Heads, Width);

    /// <summary>The rate of a step, from 0: a line up, then half a cosine down.</summary>
    public double LearningRateAt(int step)
    {
        if (step < WarmupSteps) return LearningRate * (step + 1) / (WarmupSteps + 1);
        double done = (double)(step - WarmupSteps) / Math.Max(1, Steps - WarmupSteps);
        return MinLearningRate + 0.5 * (1 + Math.Cos(Math.PI * done)) * (LearningRate - MinLearningRate);
    }

    /// <exception cref="IngotException">A number is out of range.</exception>
    public TrainingOptions Checked()
    {
        foreach (var (name, value) in new[] { ("layers", Layers), ("heads", Heads), ("width", Width), ("context length", ContextLength), ("batch", Batch), ("steps", Steps), ("log interval", LogEvery), ("checkpoint interval", CheckpointEvery), ("story bytes", StoryBytes) })
            if (value < 1) throw new IngotException($"the {name} must be at least 1, not {value}");
        if (Layers > 10_000) throw new IngotException($"{Layers:N0} layers are more than a graph of them could be built for; give at most 10,000");
        if ((long)Batch * ContextLength > Array.MaxLength) throw new IngotException($"a step of {Batch:N0} sequences of {ContextLength:N0} characters is too long; the product must be at most {Array.MaxLength:N0}");
        if (WarmupSteps < 0) throw new IngotException($"the warm-up cannot take {WarmupSteps} steps; 0 is none");
        if (EvaluateEvery < 0) throw new IngotException($"the evaluation interval cannot be {EvaluateEvery}; 0 evaluates at the end only");
        if (!(LearningRate > 0) || !(MinLearningRate >= 0) || !double.IsFinite(LearningRate)) throw new IngotException($"the learning rate must be positive, not {LearningRate} falling to {MinLearningRate}");
        return this;
    }
}
