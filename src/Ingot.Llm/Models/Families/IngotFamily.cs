using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>
/// Ingot's own models where they deviate from Qwen3: layer norms, another feed-forward layer, capped logits. No other program knows this model_type, so that none reads such a
/// model as what it is not.
/// </summary>
sealed record IngotFamily() : Family("ingot", "IngotForCausalLM")
{
    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json) => config with
    {
        QkNorm = json.Flag("qk_norm", true),
        LayerNorm = json.Text("norm") switch { null or "rms" => false, "layer" => true, var other => throw new FormatException($"{json.Path}: 'norm' is '{other}'; there are rms, layer") },
        FeedForward = json.Text("feed_forward") switch
        {
            null or "swiglu" => FeedForwardKind.SwiGlu,
            "relu2" => FeedForwardKind.Relu2,
            "gelu" => FeedForwardKind.Gelu,
            var other => throw new FormatException($"{json.Path}: 'feed_forward' is '{other}'; there are swiglu, relu2, gelu"),
        },
        LogitCap = json.Has("logit_cap") ? json.Number("logit_cap") : null,
    };

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        Require(config is { QkvBiases: false, OutputBias: false, MlpBiases: false, Window: null }, "has no biases and no window");
        json["qk_norm"] = config.QkNorm;
        json["norm"] = config.LayerNorm ? "layer" : "rms";
        json["feed_forward"] = config.FeedForward switch { FeedForwardKind.Relu2 => "relu2", FeedForwardKind.Gelu => "gelu", _ => "swiglu" };
        json["logit_cap"] = config.LogitCap;
    }
}
