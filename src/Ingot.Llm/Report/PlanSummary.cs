using System.Text.Json;

namespace Ingot.Llm.Report;

/// <summary>A stage of the plan.</summary>
public sealed record PlannedStage(string Name, double? Steps, double? Tokens, double? Seconds);

/// <summary>What the report shows of plan.json. Every number may be missing: a plan of another version, or of a stage run alone, has fewer.</summary>
public sealed record PlanSummary
{
    /// <summary>The budget that was asked for.</summary>
    public double? Minutes { get; init; }

    public double? Depth { get; init; }

    public double? Parameters { get; init; }

    public double? Tokens { get; init; }

    /// <summary>6 N D.</summary>
    public double? Flops6nd { get; init; }

    /// <summary>With attention.</summary>
    public double? FlopsExact { get; init; }

    /// <summary>Bytes by kind, in the file's order: weights, gradients, optimizer, activations, kvCache.</summary>
    public IReadOnlyDictionary<string, double> Memory { get; init; } = new Dictionary<string, double>();

    /// <summary>Predicted for the whole run.</summary>
    public double? Seconds { get; init; }

    /// <summary>Predicted at the end of pretraining, nats a token.</summary>
    public double? Loss { get; init; }

    public IReadOnlyList<PlannedStage> Stages { get; init; } = [];

    /// <summary>Layers, width, heads, keyHeads, headWidth, hidden, vocabularySize, contextLength.</summary>
    public IReadOnlyDictionary<string, double> Model { get; init; } = new Dictionary<string, double>();

    public string? Cpu { get; init; }

    public double? Cores { get; init; }

    /// <summary>What this machine reached with this model family when the plan was made, 10^9 FLOPs a second.</summary>
    public double? Gflops { get; init; }

    /// <summary>What its units can do at best.</summary>
    public double? PeakGflops { get; init; }

    internal PlannedStage? Stage(string name) => Stages.FirstOrDefault(s => s.Name == name);

    internal double? ModelNumber(string name) => Model.TryGetValue(name, out double v) ? v : null;

    /// <summary>Memory of training; the cache of keys and values is generation's.</summary>
    internal double? TrainingBytes => Memory.Count == 0 ? null : Memory.Where(m => m.Key is not ("kvCache" or "total" or "bytesPerParameter")).Sum(m => m.Value);

    /// <summary>Reads plan.json; fields that it does not have stay null.</summary>
    public static PlanSummary Read(JsonElement e)
    {
        var machine = e.Field("machine") ?? default;
        return new()
        {
            Minutes = e.Number("minutes"),
            Depth = e.Number("depth"),
            Parameters = e.Number("parameters"),
            Tokens = e.Number("tokens"),
            Flops6nd = e.Number("flops6nd"),
            FlopsExact = e.Number("flopsExact"),
            Memory = Numbers(e, "memory"),
            Seconds = e.Number("seconds"),
            Loss = e.Number("loss"),
            Stages = [.. e.Items("stages").Where(s => s.Text("name") is not null).Select(s => new PlannedStage(s.Text("name")!, s.Number("steps"), s.Number("tokens"), s.Number("seconds")))],
            Model = Numbers(e, "model"),
            Cpu = machine.Text("cpu"),
            Cores = machine.Number("cores"),
            Gflops = machine.Number("gflops"),
            PeakGflops = machine.Number("peakGflops"),
        };
    }

    internal static Dictionary<string, double> Numbers(JsonElement e, string name)
    {
        var numbers = new Dictionary<string, double>();
        if (e.Field(name) is not { } o) return numbers;
        foreach (var p in o.Fields())
            if (o.Number(p.Name) is { } n) numbers[p.Name] = n;
        return numbers;
    }
}
