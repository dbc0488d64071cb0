using Ingot.Formats;
using Ingot.Nn;

namespace Ingot.Llm.Models;

/// <summary>A decoder's weights from those of a file and back.</summary>
static class DecoderWeights
{
    /// <summary>How many names of each kind a message lists.</summary>
    const int Listed = 10;

    /// <summary>A decoder with weights as they lie in a file. Its matrices keep their precision and memory; norms and biases, which are small, become float32.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="weights">By the decoder's names.</param>
    /// <param name="name">What errors call the file.</param>
    /// <exception cref="FormatException">A tensor is missing, unknown or of another shape than the configuration says; all of them are listed.</exception>
    public static Decoder Load(DecoderConfig config, IReadOnlyDictionary<string, Weight> weights, string name)
    {
        var model = Empty(config, weights, name, mustFit: false);
        var vectors = new Dictionary<string, Tensor>();
        var matrices = model.Projections().ToDictionary(p => p.Name + ".weight", p => p.Matrix);
        foreach (var (key, weight) in weights)
        {
            if (matrices.TryGetValue(key, out var matrix)) matrix.Take(weight);
            else vectors[key] = weight.Values().To(DType.F32);
        }
        Module.LoadStateDict(model, vectors, strict: false);
        return model;
    }

    /// <summary>A decoder in float32, whose weights are its own and can be trained.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="weights">By the decoder's names.</param>
    /// <param name="name">What errors call the file.</param>
    /// <exception cref="FormatException">As of <see cref="Load"/>.</exception>
    /// <exception cref="InsufficientMemoryException">They do not fit into the memory that Ingot may take.</exception>
    public static Decoder Trainable(DecoderConfig config, IReadOnlyDictionary<string, Weight> weights, string name)
    {
        var model = Empty(config, weights, name, mustFit: true);
        Module.LoadStateDict(model, weights.ToDictionary(p => p.Key, p => p.Value.Values()));
        return model;
    }

    /// <summary>A decoder without weights, once those of the file are known to fit.</summary>
    static Decoder Empty(DecoderConfig config, IReadOnlyDictionary<string, Weight> weights, string name, bool mustFit)
    {
        // Before a model of that many layers is made: a damaged number must not take all memory.
        string last = $"model.layers.{config.Layers - 1}.input_layernorm.weight";
        if (!weights.ContainsKey(last)) throw new FormatException($"{name} says {config.Layers} layers, but there is no tensor {last}");
        var model = New(config, name, mustFit);
        Check(model, weights, name);
        return model;
    }

    /// <exception cref="FormatException">The numbers make no model.</exception>
    static Decoder New(DecoderConfig config, string name, bool mustFit)
    {
        try { return new(mustFit ? config.Fitting() : config); }
        catch (Exception e) when (e is IngotException and not FormatException or OverflowException) { throw new FormatException($"{name}: {e.Message}", e); }
    }

    static void Check(Decoder model, IReadOnlyDictionary<string, Weight> weights, string name)
    {
        var expected = Module.StateDict(model);
        var problems = new List<string>();
        Report("missing", expected.Keys.Where(n => !weights.ContainsKey(n)));
        Report("unexpected", weights.Keys.Where(n => !expected.ContainsKey(n)));
        Report("mis-shaped", expected.Where(t => weights.TryGetValue(t.Key, out var w) && !w.Shape.Equals(t.Value.Shape)).Select(t => $"{t.Key} (the file has {weights[t.Key].Shape}, the model {t.Value.Shape})"));
        Report("of types that Ingot does not multiply with:", weights.Where(w => w.Value.Shape.Rank == 2 ? !QuantizedMatrix.IsSupported(w.Value.Type) : w.Value.Type.DType?.IsFloat != true).Select(w => $"{w.Key} ({w.Value.Type})"));
        if (problems.Count > 0) throw new FormatException($"{name} does not hold the weights of this model: {string.Join("; ", problems)}");

        void Report(string kind, IEnumerable<string> names)
        {
            var all = names.ToList();
            if (all.Count > 0) problems.Add($"{kind} {string.Join(", ", all.Take(Listed))}{(all.Count > Listed ? $" and {all.Count - Listed} more" : "")}");
        }
    }

    /// <summary>The weights as they are in memory, by the decoder's names.</summary>
    public static Dictionary<string, Weight> Of(Decoder model)
    {
        var weights = Module.StateDict(model).ToDictionary(p => p.Key, p => Weight.Of(p.Value));
        foreach (var (name, matrix) in model.Projections())
            if (matrix.Source is { } stored) weights[name + ".weight"] = stored;
        return weights;
    }

    /// <summary>
    /// Queries' and keys' rows in the other order of pairs: heads that turn (2i, 2i + 1) become heads that turn (i, i + R/2), or the reverse. Products of queries and keys
    /// stay what they were.
    /// </summary>
    /// <param name="weights">By the decoder's names.</param>
    /// <param name="config">The shape that they have.</param>
    /// <param name="adjacent">How they are to be.</param>
    public static Dictionary<string, Weight> WithRotation(Dictionary<string, Weight> weights, DecoderConfig config, bool adjacent)
    {
        if (config.AdjacentRotation == adjacent || config.LearnedPositions) return weights;
        var order = RotationOrder(config.HeadWidth, config.RotaryWidth ?? config.HeadWidth, adjacent);
        return weights.ToDictionary(p => p.Key, p => (p.Key.Contains(".q_", StringComparison.Ordinal) || p.Key.Contains(".k_", StringComparison.Ordinal)) && p.Key.Contains(".self_attn.", StringComparison.Ordinal)
            ? p.Value.InOrder([.. Enumerable.Range(0, p.Value.Shape[0]).Select(row => row / config.HeadWidth * config.HeadWidth + order[row % config.HeadWidth])]) : p.Value);
    }

    /// <summary>Which row of a head of the one kind is each row of the other.</summary>
    static int[] RotationOrder(int headWidth, int turned, bool adjacent) =>
        [.. Enumerable.Range(0, headWidth).Select(i => i >= turned ? i : adjacent ? i % 2 * (turned / 2) + i / 2 : i < turned / 2 ? 2 * i : 2 * (i - turned / 2) + 1)];
}
