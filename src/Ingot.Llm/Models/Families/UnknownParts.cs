namespace Ingot.Llm.Models.Families;

/// <summary>Parts of other architectures, by the fields that give them away: so that an error can say what is missing.</summary>
static class UnknownParts
{
    static readonly (string Field, string Part)[] Fields =
    [
        ("num_local_experts", "a mixture of experts"), ("num_experts", "a mixture of experts"), ("n_routed_experts", "a mixture of experts"),
        ("kv_lora_rank", "latent attention (MLA)"), ("ssm_cfg", "state space layers"), ("state_size", "state space layers"), ("mamba_d_state", "state space layers"),
        ("linear_num_value_heads", "linear attention"), ("is_encoder_decoder", "an encoder"), ("d_kv", "an encoder"), ("alibi", "ALiBi positions"), ("attn_logit_softcapping", "a cap of attention's scores"),
        ("parallel_attn", "attention and feed-forward side by side"), ("use_parallel_residual", "attention and feed-forward side by side"),
        ("vision_config", "images"), ("audio_config", "sound"),
    ];

    /// <summary>", namely its ...", or nothing if no field tells.</summary>
    public static string Of(ConfigJson c)
    {
        var parts = Found(c).Concat(c.Section("text_config") is { } text ? Found(text) : []).Distinct().ToList();
        return parts.Count == 0 ? "" : $", among it {string.Join(", ", parts)}";
    }

    static readonly (string Key, string Part)[] Keys =
    [
        ("expert_count", "a mixture of experts"), ("attention.kv_lora_rank", "latent attention (MLA)"), ("ssm.state_size", "state space layers"), ("wkv.head_size", "linear attention"),
        ("attn_logit_softcapping", "a cap of attention's scores"), ("attention.max_alibi_bias", "ALiBi positions"), ("embedding_length_per_layer_input", "embeddings for each layer"),
    ];

    /// <summary>The same of a GGUF file.</summary>
    public static string Of(GgufFields f)
    {
        var parts = Found(f).Distinct().ToList();
        return parts.Count == 0 ? "" : $", among it {string.Join(", ", parts)}";
    }

    /// <exception cref="FormatException">As below.</exception>
    public static void Refuse(GgufFields f)
    {
        if (Found(f).FirstOrDefault() is { } part) throw new FormatException($"{f.Path} asks for {part}, which Ingot does not have");
    }

    static IEnumerable<string> Found(GgufFields f) => Keys.Where(k => f.IsSet(k.Key)).Select(k => k.Part);

    /// <exception cref="FormatException">A file of a known family asks for one of these parts, of which there are variants of known families too.</exception>
    public static void Refuse(ConfigJson c)
    {
        if (Found(c).FirstOrDefault() is { } part) throw new FormatException($"{c.Path} asks for {part}, which Ingot does not have");
    }

    static IEnumerable<string> Found(ConfigJson c) => Fields.Where(f => c.IsSet(f.Field)).Select(f => f.Part);
}
