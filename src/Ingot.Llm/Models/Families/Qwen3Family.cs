using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>Qwen3, and Ingot's own models: norms of queries and keys, a head width of its own.</summary>
sealed record Qwen3Family() : Family("qwen3", "Qwen3ForCausalLM")
{
    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json)
    {
        if (json.Flag("use_sliding_window", false)) throw new FormatException($"{json.Path}: 'use_sliding_window' is true: layers with and without a window in one model are not supported");
        bool biases = json.Flag("attention_bias", false);
        return config with { QkNorm = true, QkvBiases = biases, OutputBias = biases };
    }

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        Require(config is { QkNorm: true, MlpBiases: false, Window: null } && config.QkvBiases == config.OutputBias, "has norms of queries and keys, no biases on the feed-forward layer, biases on all of attention or none, no window");
        json["attention_bias"] = config.QkvBiases;
        json["use_sliding_window"] = false;
    }
}
