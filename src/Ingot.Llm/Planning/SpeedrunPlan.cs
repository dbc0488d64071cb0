using System.Text.Json;
using Ingot.Formats;
using Ingot.Llm.Training;

namespace Ingot.Llm.Planning;

/// <summary>What is planned of a stage.</summary>
/// <param name="Name">Such as <c>base</c>.</param>
/// <param name="Steps">Of the optimizer.</param>
/// <param name="Tokens">That it is trained on; 0 where nothing is trained.</param>
/// <param name="Seconds">Expected.</param>
public sealed record StagePlan(string Name, int Steps, double Tokens, double Seconds);

/// <summary>What the plan expects in memory, in bytes.</summary>
public sealed record PlannedMemory(double Weights, double Gradients, double Optimizer, double Activations, double KvCache);

/// <summary>The machine that a plan was made on.</summary>
/// <param name="Cpu">Its name.</param>
/// <param name="Cores">Threads used.</param>
/// <param name="Gflops">What training the planned model reached, in 10^9 operations a second.</param>
/// <param name="PeakGflops">The most that the unit it computes on can do.</param>
/// <param name="VectorGflops">The most that multiply-adds of vectors reached.</param>
/// <param name="GeneratedTokensPerSecond">Of many short texts side by side.</param>
public sealed record PlannedMachine(string Cpu, int Cores, double Gflops, double PeakGflops, double VectorGflops, double GeneratedTokensPerSecond);

/// <summary>
/// Everything a run from nothing to a chat will do, decided before its first step; nothing later depends on the clock. Kept as plan.json in the run's folder, so that
/// the same command goes on with it.
/// </summary>
public sealed record SpeedrunPlan
{
    const string FileName = "plan.json";

    static readonly JsonSerializerOptions json = new(JsonSerializerOptions.Web) { WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true };

    /// <summary>1.</summary>
    public int Format { get; init; } = 1;

    /// <summary>What was asked for; a run is only continued by the same.</summary>
    public required SpeedrunSettings Settings { get; init; }

    /// <summary>The budget, if that was asked for.</summary>
    public double? Minutes => Settings.Minutes;

    public int Depth => Model.Layers;

    public required ModelShape Model { get; init; }

    /// <summary>N.</summary>
    public required long Parameters { get; init; }

    /// <summary>D: of all stages that learn from text.</summary>
    public required double Tokens { get; init; }

    /// <summary>6 N D.</summary>
    public required double Flops6nd { get; init; }

    /// <summary>Matrix products and attention over its full square.</summary>
    public required double FlopsExact { get; init; }

    public required PlannedMemory Memory { get; init; }

    /// <summary>Expected from the start of the command to its end.</summary>
    public required double Seconds { get; init; }

    /// <summary>Expected loss at the end of pretraining on the generated world, nats a token; null where nothing is known, as of other text.</summary>
    public double? Loss { get; init; }

    public required IReadOnlyList<StagePlan> Stages { get; init; }

    public required PlannedMachine Machine { get; init; }

    /// <summary>Batch, precision and rates of pretraining, from which the other stages' follow.</summary>
    public required StageOptions Options { get; init; }

    /// <summary>Items an evaluation set at the end.</summary>
    public required int EvaluationItems { get; init; }

    /// <exception cref="IngotException">There is no stage of this name.</exception>
    public StagePlan Stage(string name) => Stages.FirstOrDefault(s => s.Name == name) ?? throw new IngotException($"the plan has no stage '{name}'; it has {string.Join(", ", Stages.Select(s => s.Name))}");

    /// <summary>True if a folder has a plan.</summary>
    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, FileName));

    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, json) + "\n");
    }

    /// <exception cref="FormatException">It is damaged; the message names the file.</exception>
    public static SpeedrunPlan Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            var plan = JsonSerializer.Deserialize<SpeedrunPlan>(File.ReadAllText(path), json) ?? throw new FormatException($"{path} is empty");
            if (plan.Format != 1) throw new FormatException($"{path} has format {plan.Format}; this version of Ingot reads format 1");
            plan.Model.Checked();
            plan.Settings.Checked();
            plan.Options.Checked();
            return plan;
        }
        catch (Exception e) when (e is JsonException or IngotException and not FormatException) { throw new FormatException($"{path} is damaged: {e.Message}", e); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw new FormatException($"cannot read {path}: {e.Message}", e); }
    }
}
