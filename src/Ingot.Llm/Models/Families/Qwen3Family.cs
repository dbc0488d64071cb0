using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>Qwen3, and Ingot's own models: norms of queries and keys, a head width of its own.</summary>
sealed record Qwen3Family() : Family("qwen3", "Qwen3ForCausalLM")
{
    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json)
    {
        bool biases = json.Flag("attention_bias", false);
        return WindowLayers.Optional(config with { QkNorm = true, QkvBiases = biases, OutputBias = biases }, json);
    }

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        Require(config is { QkNorm: true, MlpBiases: false } && config.QkvBiases == config.OutputBias, "has norms of queries and keys, no biases on the feed-forward layer, biases on all of attention or none");
        json["attention_bias"] = config.QkvBiases;
        WindowLayers.WriteOptional(json, config);
    }

    public override string? GgufArchitecture => "qwen3";
}
