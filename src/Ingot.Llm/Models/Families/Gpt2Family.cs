using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>GPT-2: learned positions, layer norms with biases, GELU by its tanh approximation, biases everywhere, a tied head; its matrices lie (in, out), and queries, keys and values are one.</summary>
sealed record Gpt2Family() : Family("gpt2", "GPT2LMHeadModel")
{
    static readonly (string File, string Ours)[] Names =
    [
        ("ln_1", "input_layernorm"), ("attn.c_proj", "self_attn.o_proj"), ("ln_2", "post_attention_layernorm"), ("mlp.c_fc", "mlp.up_proj"), ("mlp.c_proj", "mlp.down_proj"), ("attn.c_attn", "self_attn.qkv_proj"),
    ];

    static readonly (string File, string Ours)[] Outer = [("wte.", "model.embed_tokens."), ("wpe.", "model.embed_positions."), ("ln_f.", "model.norm.")];

    public override DecoderConfig Read(ConfigJson c)
    {
        if (c.Text("activation_function") is { } a && a is not ("gelu_new" or "gelu_pytorch_tanh")) throw new FormatException($"{c.Path}: 'activation_function' is '{a}'; Ingot's gpt2 has gelu_new");
        if (!c.Flag("scale_attn_weights", true) || c.Flag("scale_attn_by_inverse_layer_idx", false)) throw new FormatException($"{c.Path} scales attention otherwise than by 1 / sqrt(head width), which Ingot does not have");
        UnknownParts.Refuse(c);
        int width = c.Size("n_embd"), heads = c.Size("n_head");
        if (width % heads != 0) throw new FormatException($"{c.Path}: an n_embd of {width} is not divisible by {heads} heads");
        var begin = c.Tokens("bos_token_id");
        return Shape(width, c.OptionalSize("n_inner") ?? 4 * width, c.Size("n_layer"), heads, c.Size("vocab_size"), c.OptionalSize("n_positions") ?? c.OptionalSize("n_ctx") ?? 1024) with
        {
            NormEpsilon = c.Number("layer_norm_epsilon", 1e-5),
            TiedHead = c.Flag("tie_word_embeddings", true),
            BeginToken = begin.Count > 0 ? begin[0] : null,
            EndTokens = c.Tokens("eos_token_id"),
        };
    }

    /// <summary>What all of these models have in common.</summary>
    public static DecoderConfig Shape(int width, int hidden, int layers, int heads, int vocabulary, int context) => new()
    {
        Family = "gpt2",
        Width = width,
        Hidden = hidden,
        Layers = layers,
        Heads = heads,
        KeyHeads = heads,
        HeadWidth = width / heads,
        VocabularySize = vocabulary,
        ContextLength = context,
        LearnedPositions = true,
        LayerNorm = true,
        NormBiases = true,
        NormEpsilon = 1e-5,
        QkNorm = false,
        QkvBiases = true,
        OutputBias = true,
        MlpBiases = true,
        FeedForward = FeedForwardKind.GeluTanh,
    };

    public override JsonObject Write(DecoderConfig c)
    {
        RequireCommon(c);
        return new()
        {
            ["architectures"] = new JsonArray(Architecture),
            ["model_type"] = ModelType,
            ["n_embd"] = c.Width,
            ["n_inner"] = c.Hidden,
            ["n_layer"] = c.Layers,
            ["n_head"] = c.Heads,
            ["n_positions"] = c.ContextLength,
            ["n_ctx"] = c.ContextLength,
            ["vocab_size"] = c.VocabularySize,
            ["layer_norm_epsilon"] = c.NormEpsilon,
            ["activation_function"] = "gelu_new",
            ["tie_word_embeddings"] = c.TiedHead,
            ["bos_token_id"] = c.BeginToken,
            ["eos_token_id"] = EndTokens(c),
        };
    }

    protected override void RequireCommon(DecoderConfig c) => Require(
        c is { LearnedPositions: true, LayerNorm: true, NormBiases: true, QkNorm: false, QkvBiases: true, OutputBias: true, MlpBiases: true, FeedForward: FeedForwardKind.GeluTanh, Window: null, LogitCap: null, PostNorms: false, EmbeddingScale: null, AttentionScale: null }
        && c.KeyHeads == c.Heads && c.Heads * c.HeadWidth == c.Width, "has learned positions, layer norms, biases everywhere, GELU by tanh and as many key heads as heads");

    public override Dictionary<string, Weight> FromFolder(Dictionary<string, Weight> file, DecoderConfig config)
    {
        var found = new Dictionary<string, Weight>();
        foreach (var (key, weight) in file)
        {
            string name = key.StartsWith("transformer.", StringComparison.Ordinal) ? key["transformer.".Length..] : key;
            if (name.EndsWith(".attn.bias", StringComparison.Ordinal) || name.EndsWith(".attn.masked_bias", StringComparison.Ordinal)) continue; // the causal mask
            bool isTransposed = weight.Shape.Rank == 2 && name.StartsWith("h.", StringComparison.Ordinal);
            found[OursOf(name)] = isTransposed ? weight.Transposed() : weight;
        }
        return Fused.Split(found, config, "self_attn.qkv_proj", null);
    }

    static string OursOf(string name)
    {
        foreach (var (file, ours) in Outer)
            if (name.StartsWith(file, StringComparison.Ordinal)) return ours + name[file.Length..];
        if (!name.StartsWith("h.", StringComparison.Ordinal)) return name;
        int layer = name.IndexOf('.', 2), last = name.LastIndexOf('.');
        if (layer < 0 || last <= layer) return name;
        string inner = name[(layer + 1)..last];
        return $"model.layers.{name[2..layer]}.{Array.Find(Names, n => n.File == inner).Ours ?? inner}{name[last..]}";
    }

    public override Dictionary<string, Weight> ToFolder(Dictionary<string, Weight> ours, DecoderConfig config)
    {
        var written = new Dictionary<string, Weight>();
        foreach (var (name, weight) in Fused.Join(ours, config, "self_attn.qkv_proj", null))
        {
            bool isTransposed = weight.Shape.Rank == 2 && name.StartsWith("model.layers.", StringComparison.Ordinal);
            written[FileOf(name)] = isTransposed ? weight.Transposed() : weight;
        }
        return written;
    }

    static string FileOf(string name)
    {
        foreach (var (file, ours) in Outer)
            if (name.StartsWith(ours, StringComparison.Ordinal)) return $"transformer.{file}{name[ours.Length..]}";
        const string Layers = "model.layers.";
        if (!name.StartsWith(Layers, StringComparison.Ordinal)) return name;
        int layer = name.IndexOf('.', Layers.Length), last = name.LastIndexOf('.');
        return $"transformer.h.{name[Layers.Length..layer]}.{Array.Find(Names, n => n.Ours == name[(layer + 1)..last]).File}{name[last..]}";
    }

    public override string? GgufArchitecture => "gpt2";

    protected override bool JoinsQkv => true;

    protected override DecoderConfig Adapt(DecoderConfig config, GgufFields fields)
    {
        // With an output that is the embedding again, as converters write it, the head counts as its own.
        return Shape(config.Width, config.Hidden, config.Layers, config.Heads, config.VocabularySize, config.ContextLength) with { NormEpsilon = config.NormEpsilon, TiedHead = config.TiedHead };
    }
}
