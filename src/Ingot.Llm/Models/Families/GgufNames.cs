namespace Ingot.Llm.Models.Families;

/// <summary>The names of tensors in GGUF files and in the decoder.</summary>
static class GgufNames
{
    static readonly (string File, string Ours)[] Outer =
    [
        ("token_embd", "model.embed_tokens"), ("position_embd", "model.embed_positions"), ("output_norm", "model.norm"), ("output", "lm_head"),
    ];

    static readonly (string File, string Ours)[] InBlock =
    [
        ("attn_norm", "input_layernorm"), ("attn_q", "self_attn.q_proj"), ("attn_k", "self_attn.k_proj"), ("attn_v", "self_attn.v_proj"), ("attn_output", "self_attn.o_proj"),
        ("attn_q_norm", "self_attn.q_norm"), ("attn_k_norm", "self_attn.k_norm"), ("attn_qkv", Qkv), ("ffn_gate", "mlp.gate_proj"), ("ffn_down", "mlp.down_proj"), ("post_ffw_norm", "post_feedforward_layernorm"),
    ];

    /// <summary>The fused matrix of files that have one.</summary>
    public const string Qkv = "self_attn.qkv_proj";

    /// <summary>The same of gate and up.</summary>
    public const string GateUp = "mlp.gate_up_proj";

    const string Block = "blk.", Layers = "model.layers.";

    /// <summary>The decoder's name; null for tensors that are none of its weights: factors of rotary frequencies.</summary>
    /// <param name="name">In the file.</param>
    /// <param name="hasPostNorms">There are norms behind a block's parts.</param>
    /// <param name="joinsGate">ffn_up is gate and up in one.</param>
    public static string? Ours(string name, bool hasPostNorms, bool joinsGate)
    {
        int dot = name.LastIndexOf('.');
        if (dot < 0) return name;
        var (stem, kind) = (name[..dot], name[dot..]);
        if (stem is "rope_freqs" or "rope_factors_long" or "rope_factors_short" || stem.EndsWith(".attn_rot_embd", StringComparison.Ordinal)) return null;
        if (Array.Find(Outer, n => n.File == stem).Ours is { } outer) return outer + kind;
        if (!stem.StartsWith(Block, StringComparison.Ordinal) || stem.IndexOf('.', Block.Length) is not (> 0 and var layer)) return name;
        string inner = stem[(layer + 1)..];
        return InBlocks(hasPostNorms, joinsGate).FirstOrDefault(n => n.File == inner).Ours is { } ours ? $"{Layers}{stem[Block.Length..layer]}.{ours}{kind}" : name;
    }

    /// <summary>The name in the file.</summary>
    /// <exception cref="IngotException">GGUF has no name for it.</exception>
    public static string File(string name, bool hasPostNorms, bool joinsGate)
    {
        int dot = name.LastIndexOf('.');
        var (stem, kind) = (name[..dot], name[dot..]);
        if (Array.Find(Outer, n => n.Ours == stem).File is { } outer) return outer + kind;
        if (stem.StartsWith(Layers, StringComparison.Ordinal) && stem.IndexOf('.', Layers.Length) is > 0 and var layer
            && InBlocks(hasPostNorms, joinsGate).FirstOrDefault(n => n.Ours == stem[(layer + 1)..]).File is { } inner) return $"{Block}{stem[Layers.Length..layer]}.{inner}{kind}";
        throw new IngotException($"GGUF has no name for the tensor {name}");
    }

    static IEnumerable<(string File, string Ours)> InBlocks(bool hasPostNorms, bool joinsGate) =>
    [
        .. InBlock,
        ("ffn_up", joinsGate ? GateUp : "mlp.up_proj"),
        .. hasPostNorms ? new[] { ("post_attention_norm", "post_attention_layernorm"), ("ffn_norm", "pre_feedforward_layernorm") } : [("ffn_norm", "post_attention_layernorm")],
    ];
}
