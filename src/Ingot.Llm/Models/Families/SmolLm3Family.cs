using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>SmolLM3: Llama in which every fourth layer has no positions at all (NoPE). SmolLM 1 and 2 are Llama.</summary>
sealed record SmolLm3Family() : Family("smollm3", "SmolLM3ForCausalLM")
{
    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json)
    {
        // The list says where positions are: its name is the opposite of its meaning.
        var rotated = json.Numbers("no_rope_layers");
        if (rotated is { Count: > 0 } && rotated.Count != config.Layers) throw new FormatException($"{json.Path}: 'no_rope_layers' has {rotated.Count} entries for {config.Layers} layers");
        int interval = json.OptionalSize("no_rope_layer_interval") ?? 4;
        bool biases = json.Flag("attention_bias", false);
        return WindowLayers.Optional(config with
        {
            UnrotatedLayers = [.. Enumerable.Range(0, config.Layers).Where(i => rotated is { Count: > 0 } ? rotated[i] == 0 : (i + 1) % interval == 0)],
            QkvBiases = biases,
            OutputBias = biases,
            MlpBiases = json.Flag("mlp_bias", false),
            TiedHead = json.Flag("tie_word_embeddings", true),
        }, json);
    }

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        Require(!config.QkNorm && config.QkvBiases == config.OutputBias, "has no norms of queries and keys, and biases on all of attention or none");
        json["no_rope_layers"] = new JsonArray([.. Enumerable.Range(0, config.Layers).Select(i => (JsonNode)(config.UnrotatedLayers.Contains(i) ? 0 : 1))]);
        json["attention_bias"] = config.QkvBiases;
        json["mlp_bias"] = config.MlpBiases;
        WindowLayers.WriteOptional(json, config);
    }

    /// <summary>llama.cpp has the standard: every fourth layer.</summary>
    public override string? GgufArchitecture => "smollm3";

    protected override bool IsAdjacentInGguf => true;

    protected override DecoderConfig Adapt(DecoderConfig config, GgufFields fields) => config with { UnrotatedLayers = EveryFourth(config.Layers) };

    protected override void Amend(Dictionary<string, object> keys, DecoderConfig config) =>
        Require(config.UnrotatedLayers.SequenceEqual(EveryFourth(config.Layers)), "has no positions in every fourth layer, in GGUF, and nowhere else");

    static int[] EveryFourth(int layers) => [.. Enumerable.Range(0, layers).Where(i => (i + 1) % 4 == 0)];
}
