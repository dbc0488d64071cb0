using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>Phi-3, 3.5 and 4: Llama with queries, keys and values in one matrix, gate and up in another, LongRoPE, perhaps a window and a part of each head without rotation.</summary>
sealed record Phi3Family() : Family("phi3", "Phi3ForCausalLM")
{
    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json)
    {
        bool biases = json.Flag("attention_bias", false);
        return config with { Window = json.OptionalSize("sliding_window"), QkvBiases = biases, OutputBias = biases };
    }

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        Require(config is { QkNorm: false, QkvBiases: false, OutputBias: false, MlpBiases: false } && config.FullLayers.Count == 0, "has neither norms of queries and keys nor biases, and one window for all layers");
        json["sliding_window"] = config.Window;
        if (config.Scaling is null) json["original_max_position_embeddings"] = config.ContextLength;
    }

    public override Dictionary<string, Weight> FromFolder(Dictionary<string, Weight> file, DecoderConfig config) => Fused.Split(file, config, "self_attn.qkv_proj", "mlp.gate_up_proj");

    public override Dictionary<string, Weight> ToFolder(Dictionary<string, Weight> ours, DecoderConfig config) => Fused.Join(ours, config, "self_attn.qkv_proj", "mlp.gate_up_proj");

    public override string? GgufArchitecture => "phi3";

    protected override bool JoinsQkv => true;

    protected override bool JoinsGate => true;

    protected override DecoderConfig Adapt(DecoderConfig config, GgufFields fields) => config with { Window = fields.OptionalSize("attention.sliding_window") };
}
