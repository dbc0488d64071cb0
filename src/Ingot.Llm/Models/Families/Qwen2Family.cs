using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>Qwen2 and 2.5: biases on queries, keys and values, whatever the file says.</summary>
sealed record Qwen2Family() : Family("qwen2", "Qwen2ForCausalLM")
{
    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json) => WindowLayers.Optional(config with { QkvBiases = true }, json);

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        Require(config is { QkNorm: false, QkvBiases: true, OutputBias: false, MlpBiases: false }, "has biases on queries, keys and values and nowhere else, no norms of queries and keys");
        WindowLayers.WriteOptional(json, config);
    }

    public override string? GgufArchitecture => "qwen2";
}
