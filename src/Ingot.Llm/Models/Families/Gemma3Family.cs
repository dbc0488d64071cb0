using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>
/// Gemma 3, the text part: embeddings scaled by sqrt(C), norms before and behind each part, kept as their distance from 1, norms of queries and keys, GeGLU, and a
/// window in all but every sixth layer, with rotary frequencies of their own.
/// </summary>
sealed record Gemma3Family() : Family("gemma3_text", "Gemma3ForCausalLM")
{
    protected override bool Has(string architecture) => architecture is "Gemma3ForCausalLM" or "Gemma3ForConditionalGeneration";

    protected override IReadOnlyList<string> Activations => ["gelu_pytorch_tanh", "gelu_tanh"];

    /// <summary>A model that sees images keeps what is said here in a section, often without what transformers has as the standard.</summary>
    public override DecoderConfig Read(ConfigJson c) => base.Read((c.Section("text_config") ?? c).Else(Standard));

    static readonly JsonObject Standard = new()
    {
        ["vocab_size"] = 262208,
        ["hidden_size"] = 2304,
        ["intermediate_size"] = 9216,
        ["num_hidden_layers"] = 26,
        ["num_attention_heads"] = 8,
        ["num_key_value_heads"] = 4,
        ["head_dim"] = 256,
        ["max_position_embeddings"] = 131072,
        ["rope_theta"] = 1000000.0,
        ["tie_word_embeddings"] = true,
        ["bos_token_id"] = 2,
        ["eos_token_id"] = 1,
    };

    protected override DecoderConfig Adapt(DecoderConfig config, ConfigJson json)
    {
        if (json.Flag("use_bidirectional_attention", false)) throw new FormatException($"{json.Path}: 'use_bidirectional_attention' is true: an encoder, which Ingot does not have");
        int pattern = json.OptionalSize("sliding_window_pattern") ?? 6;
        var full = WindowLayers.Read(json, config.Layers) ?? [.. Enumerable.Range(0, config.Layers).Where(i => (i + 1) % pattern == 0)];
        bool biases = json.Flag("attention_bias", false);
        return config with
        {
            Window = json.OptionalSize("sliding_window") ?? 4096,
            FullLayers = full,
            WindowRopeTheta = json.Section("rope_parameters")?.Section("sliding_attention")?.Number("rope_theta", 10000) ?? json.Number("rope_local_base_freq", 10000),
            AttentionScale = ScaleOf(json.Number("query_pre_attn_scalar", 256), config.HeadWidth),
            EmbeddingScale = Math.Sqrt(config.Width),
            LogitCap = json.IsSet("final_logit_softcapping") ? json.Number("final_logit_softcapping") : null,
            FeedForward = FeedForwardKind.GeGlu,
            QkNorm = true,
            PostNorms = true,
            NormsFromOne = true,
            QkvBiases = biases,
            OutputBias = biases,
        };
    }

    /// <summary>Null where it is attention's usual one.</summary>
    static double? ScaleOf(double scalar, int headWidth) => scalar == headWidth ? null : 1 / Math.Sqrt(scalar);

    protected override void RequireCommon(DecoderConfig c) => Require(
        c is { LayerNorm: false, FeedForward: FeedForwardKind.GeGlu, QkNorm: true, PostNorms: true, NormsFromOne: true, LearnedPositions: false, MlpBiases: false, RotaryWidth: null, Window: not null, WindowRopeTheta: not null }
        && c.EmbeddingScale == Math.Sqrt(c.Width) && c.QkvBiases == c.OutputBias && c.UnrotatedLayers.Count == 0, "has scaled embeddings, four norms a block, norms of queries and keys, GeGLU and a window");

    protected override void Amend(JsonObject json, DecoderConfig config)
    {
        json.Remove("hidden_act");
        json["hidden_activation"] = Activations[0];
        json["query_pre_attn_scalar"] = config.AttentionScale is { } scale ? Math.Round(1 / (scale * scale), 6) : config.HeadWidth;
        json["sliding_window"] = config.Window;
        json["layer_types"] = WindowLayers.Write(config);
        json["rope_local_base_freq"] = config.WindowRopeTheta;
        json["final_logit_softcapping"] = config.LogitCap;
        json["attn_logit_softcapping"] = null;
        json["attention_bias"] = config.QkvBiases;
    }

    /// <summary>The language model within one that sees images.</summary>
    public override Dictionary<string, Weight> FromFolder(Dictionary<string, Weight> file, DecoderConfig config)
    {
        if (file.ContainsKey("model.embed_tokens.weight")) return file;
        var found = new Dictionary<string, Weight>();
        foreach (var (name, weight) in file)
        {
            if (name.Contains("vision_tower.", StringComparison.Ordinal) || name.Contains("multi_modal_projector.", StringComparison.Ordinal)) continue;
            found[name.Replace("language_model.model.", "model.", StringComparison.Ordinal).Replace("model.language_model.", "model.", StringComparison.Ordinal).Replace("language_model.lm_head.", "lm_head.", StringComparison.Ordinal)] = weight;
        }
        return found;
    }

    public override string? GgufArchitecture => "gemma3";

    /// <summary>llama.cpp knows the 27B by its layers: there alone queries are scaled by the width, not by that of a head.</summary>
    const int LargestLayers = 62;

    protected override DecoderConfig Adapt(DecoderConfig config, GgufFields fields) => config with
    {
        Window = fields.OptionalSize("attention.sliding_window") ?? 1024,
        FullLayers = EverySixth(config.Layers),
        WindowRopeTheta = fields.Number("rope.freq_base_swa", 10000),
        AttentionScale = config.Layers == LargestLayers ? ScaleOf((double)config.Width / config.Heads, config.HeadWidth) : null,
        EmbeddingScale = Math.Sqrt(config.Width),
        LogitCap = fields.IsSet("final_logit_softcapping") ? fields.Number("final_logit_softcapping") : null,
        FeedForward = FeedForwardKind.GeGlu,
        PostNorms = true,
        NormsFromOne = true,
    };

    protected override void Amend(Dictionary<string, object> keys, DecoderConfig config)
    {
        Require(config.FullLayers.SequenceEqual(EverySixth(config.Layers)) && config.WindowRopeTheta == 10000 && !config.QkvBiases, "has in GGUF a window in all but every sixth layer, with a rotary base of 10,000, and no biases");
        Require(config.AttentionScale == (config.Layers == LargestLayers ? ScaleOf((double)config.Width / config.Heads, config.HeadWidth) : null), "scales queries by the width of a head, in GGUF");
        if (config.LogitCap is { } cap) keys["final_logit_softcapping"] = (float)cap;
    }

    static int[] EverySixth(int layers) => [.. Enumerable.Range(0, layers).Where(i => (i + 1) % 6 == 0)];
}
