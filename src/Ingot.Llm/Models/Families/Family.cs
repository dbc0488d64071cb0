using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>What is particular to a family of models: how its config.json says what the shared decoder needs.</summary>
/// <param name="ModelType">"model_type" in config.json.</param>
/// <param name="Architecture">The class that Hugging Face's transformers loads it with.</param>
abstract record Family(string ModelType, string Architecture)
{
    static readonly Family[] All = [new LlamaFamily(), new MistralFamily(), new Qwen2Family(), new Qwen3Family(), new IngotFamily()];

    /// <exception cref="FormatException">It is none that Ingot knows; the message names it.</exception>
    public static Family Of(ConfigJson config)
    {
        var architectures = config.Texts("architectures");
        var type = config.Text("model_type");
        return Array.Find(All, f => architectures.Count > 0 ? architectures.Contains(f.Architecture) : type == f.ModelType)
            ?? throw new FormatException($"{config.Path} is of the architecture {(architectures.Count > 0 ? string.Join(", ", architectures) : type ?? "(none given)")}, which Ingot does not have; it has {string.Join(", ", All.Select(f => f.Architecture))}");
    }

    /// <exception cref="IngotException">There is no such family.</exception>
    public static Family Named(string type) => Array.Find(All, f => f.ModelType == type) ?? throw new IngotException($"there is no family '{type}'; there are {string.Join(", ", All.Select(f => f.ModelType))}");

    /// <exception cref="FormatException">A field is missing or wrong, or asks for what Ingot does not have.</exception>
    public DecoderConfig Read(ConfigJson c)
    {
        int width = c.Size("hidden_size"), heads = c.Size("num_attention_heads");
        if ((c.Text("hidden_act") ?? "silu") is var activation and not ("silu" or "swish")) throw new FormatException($"{c.Path}: 'hidden_act' is '{activation}'; Ingot's decoder has silu");
        var rope = c.Section("rope_parameters"); // newer files have it; older ones rope_theta and rope_scaling
        var begin = c.Tokens("bos_token_id");
        var config = new DecoderConfig
        {
            Family = ModelType,
            Width = width,
            Hidden = c.Size("intermediate_size"),
            Layers = c.Size("num_hidden_layers"),
            Heads = heads,
            KeyHeads = c.OptionalSize("num_key_value_heads") ?? heads,
            HeadWidth = c.OptionalSize("head_dim") ?? (width % heads == 0 ? width / heads : throw new FormatException($"{c.Path}: a hidden_size of {width} is not divisible by {heads} heads, and there is no head_dim")),
            VocabularySize = c.Size("vocab_size"),
            ContextLength = c.OptionalSize("max_position_embeddings") ?? 2048,
            RopeTheta = (rope ?? c).Number("rope_theta", 10000),
            Scaling = ReadScaling(rope ?? c.Section("rope_scaling")),
            NormEpsilon = c.Number("rms_norm_eps", 1e-6),
            TiedHead = c.Flag("tie_word_embeddings", false),
            QkNorm = false,
            BeginToken = begin.Count > 0 ? begin[0] : null,
            EndTokens = c.Tokens("eos_token_id"),
        };
        return Adapt(config, c);
    }

    static RopeScaling? ReadScaling(ConfigJson? c) => (c?.Text("rope_type") ?? c?.Text("type")) switch
    {
        null or "default" => null,
        "linear" => new RopeScaling.Linear(c!.Number("factor")),
        "llama3" => new RopeScaling.Llama3(c!.Number("factor"), c.Number("low_freq_factor"), c.Number("high_freq_factor"), c.Size("original_max_position_embeddings")),
        var kind => throw new FormatException($"{c!.Path}: rope scaling '{kind}' is none that Ingot has: default, linear, llama3"),
    };

    /// <summary>config.json of a model, as transformers reads it.</summary>
    public JsonObject Write(DecoderConfig c)
    {
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray(Architecture),
            ["model_type"] = ModelType,
            ["hidden_size"] = c.Width,
            ["intermediate_size"] = c.Hidden,
            ["num_hidden_layers"] = c.Layers,
            ["num_attention_heads"] = c.Heads,
            ["num_key_value_heads"] = c.KeyHeads,
            ["head_dim"] = c.HeadWidth,
            ["vocab_size"] = c.VocabularySize,
            ["max_position_embeddings"] = c.ContextLength,
            ["rms_norm_eps"] = c.NormEpsilon,
            ["rope_theta"] = c.RopeTheta,
            ["rope_scaling"] = c.Scaling switch
            {
                RopeScaling.Linear s => new JsonObject { ["rope_type"] = "linear", ["factor"] = s.Factor },
                RopeScaling.Llama3 s => new JsonObject
                {
                    ["rope_type"] = "llama3",
                    ["factor"] = s.Factor,
                    ["low_freq_factor"] = s.LowFrequencyFactor,
                    ["high_freq_factor"] = s.HighFrequencyFactor,
                    ["original_max_position_embeddings"] = s.OriginalContext,
                },
                _ => null,
            },
            ["hidden_act"] = "silu",
            ["tie_word_embeddings"] = c.TiedHead,
            ["bos_token_id"] = c.BeginToken,
            ["eos_token_id"] = c.EndTokens is [var one] ? JsonValue.Create(one) : c.EndTokens.Count == 0 ? null : new JsonArray([.. c.EndTokens.Select(t => (JsonNode)t)]),
            ["torch_dtype"] = "float32",
        };
        if (ModelType != "ingot") Require(c is { LayerNorm: false, FeedForward: FeedForwardKind.SwiGlu, LogitCap: null }, "has RMS norms, SwiGLU and logits without a cap");
        Amend(json, c);
        return json;
    }

    /// <summary>What this family's fields add, and what its models have without a field.</summary>
    protected abstract DecoderConfig Adapt(DecoderConfig config, ConfigJson json);

    /// <summary>Writes those fields.</summary>
    /// <exception cref="IngotException">The model has what the family cannot express.</exception>
    protected abstract void Amend(JsonObject json, DecoderConfig config);

    /// <summary>The error of a model that its family's files cannot describe.</summary>
    protected void Require(bool holds, string what)
    {
        if (!holds) throw new IngotException($"a model of the family {ModelType} {what}; save it as another family");
    }
}
