using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>Mistral: Llama with a window, in its first versions, and no biases.</summary>
sealed record MistralFamily() : Family("mistral", "MistralForCausalLM")
{
    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json) => config with { Window = json.OptionalSize("sliding_window") };

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        Require(config is { QkNorm: false, QkvBiases: false, OutputBias: false, MlpBiases: false } && config.FullLayers.Count == 0, "has neither norms of queries and keys nor biases, and one window for all layers");
        json["sliding_window"] = config.Window;
    }

    /// <summary>llama.cpp runs them as Llama, without the window: the same up to its length.</summary>
    public override string? GgufArchitecture => "llama";

    protected override bool IsAdjacentInGguf => true;
}
