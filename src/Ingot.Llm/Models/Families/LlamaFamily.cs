using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>Llama 2 and 3, SmolLM, TinyLlama: no norms of queries and keys; biases only where the file says so.</summary>
sealed record LlamaFamily() : Family("llama", "LlamaForCausalLM")
{
    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json)
    {
        bool biases = json.Flag("attention_bias", false);
        return config with { QkvBiases = biases, OutputBias = biases, MlpBiases = json.Flag("mlp_bias", false) };
    }

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        Require(!config.QkNorm && config.Window is null && config.QkvBiases == config.OutputBias, "has no norms of queries and keys, no window, and biases on all of attention or none");
        json["attention_bias"] = config.QkvBiases;
        json["mlp_bias"] = config.MlpBiases;
    }

    public override string? GgufArchitecture => "llama";

    protected override bool IsAdjacentInGguf => true;

    /// <summary>A window is Mistral's; llama.cpp does not look at it.</summary>
    protected override DecoderConfig Adapt(DecoderConfig config, GgufFields fields) =>
        fields.OptionalSize("attention.sliding_window") is { } window ? config with { Family = "mistral", Window = window } : config;
}
