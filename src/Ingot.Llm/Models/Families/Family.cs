using System.Text.Json.Nodes;

namespace Ingot.Llm.Models.Families;

/// <summary>What is particular to a family of models: how its config.json says what the shared decoder needs.</summary>
/// <param name="ModelType">"model_type" in config.json.</param>
/// <param name="Architecture">The class that Hugging Face's transformers loads it with.</param>
abstract partial record Family(string ModelType, string Architecture)
{
    static readonly Family[] All = [new LlamaFamily(), new MistralFamily(), new SmolLm3Family(), new Qwen2Family(), new Qwen3Family(), new Gemma3Family(), new Phi3Family(), new Gpt2Family(), new IngotFamily()];

    /// <exception cref="FormatException">It is none that Ingot knows; the message names it, and what of it is missing as far as the fields tell.</exception>
    public static Family Of(ConfigJson config)
    {
        var architectures = config.Texts("architectures");
        var type = config.Text("model_type");
        return Array.Find(All, f => architectures.Count > 0 ? architectures.Any(f.Has) : type == f.ModelType)
            ?? throw new FormatException($"{config.Path} is of the architecture {(architectures.Count > 0 ? string.Join(", ", architectures) : type ?? "(none given)")}, which Ingot does not have{UnknownParts.Of(config)}; it has {string.Join(", ", All.Select(f => f.Architecture))}");
    }

    /// <exception cref="IngotException">There is no such family.</exception>
    public static Family Named(string type) => Array.Find(All, f => f.ModelType == type) ?? throw new IngotException($"there is no family '{type}'; there are {string.Join(", ", All.Select(f => f.ModelType))}");

    /// <summary>True for the classes that transformers loads models of the family with.</summary>
    protected virtual bool Has(string architecture) => architecture == Architecture;

    /// <summary>The names of the activations that the family's feed-forward layer may have, the one to be written first.</summary>
    protected virtual IReadOnlyList<string> Activations => ["silu", "swish"];

    /// <exception cref="FormatException">A field is missing or wrong, or asks for what Ingot does not have.</exception>
    public virtual DecoderConfig Read(ConfigJson c)
    {
        int width = c.Size("hidden_size"), heads = c.Size("num_attention_heads");
        if ((c.Text("hidden_act") ?? c.Text("hidden_activation") ?? Activations[0]) is var activation && !Activations.Contains(activation))
            throw new FormatException($"{c.Path}: 'hidden_act' is '{activation}'; Ingot's {ModelType} has {Activations[0]}");
        UnknownParts.Refuse(c);
        var rope = c.Section("rope_parameters"); // newer files have it; older ones rope_theta and rope_scaling
        if (rope?.Section("full_attention") is { } ofFullLayers) rope = ofFullLayers;
        var begin = c.Tokens("bos_token_id");
        int context = c.OptionalSize("max_position_embeddings") ?? 2048;
        int headWidth = c.OptionalSize("head_dim") ?? (width % heads == 0 ? width / heads : throw new FormatException($"{c.Path}: a hidden_size of {width} is not divisible by {heads} heads, and there is no head_dim"));
        double turned = (rope ?? c).Number("partial_rotary_factor", c.Number("partial_rotary_factor", 1)) * headWidth;
        var config = new DecoderConfig
        {
            Family = ModelType,
            Width = width,
            Hidden = c.Size("intermediate_size"),
            Layers = c.Size("num_hidden_layers"),
            Heads = heads,
            KeyHeads = c.OptionalSize("num_key_value_heads") ?? heads,
            HeadWidth = headWidth,
            RotaryWidth = (int)turned == headWidth ? null : (int)turned,
            VocabularySize = c.Size("vocab_size"),
            ContextLength = context,
            RopeTheta = (rope ?? c).Number("rope_theta", 10000),
            Scaling = RopeJson.Read(rope ?? c.Section("rope_scaling"), c, context),
            NormEpsilon = c.Number("rms_norm_eps", 1e-6),
            TiedHead = c.Flag("tie_word_embeddings", false),
            QkNorm = false,
            BeginToken = begin.Count > 0 ? begin[0] : null,
            EndTokens = c.Tokens("eos_token_id"),
        };
        return Adapt(WithLayersInReason(config, c.Path), c);
    }

    /// <summary>Far beyond any model. Lists of layers are made from the number, so that one of 2^31 would take all memory.</summary>
    const int MostLayers = 10_000;

    protected static DecoderConfig WithLayersInReason(DecoderConfig config, string path) =>
        config.Layers <= MostLayers ? config : throw new FormatException($"{path} asks for {config.Layers:N0} layers; Ingot's limit is {MostLayers:N0}");

    /// <summary>config.json of a model, as transformers reads it.</summary>
    /// <exception cref="IngotException">The model has what the family's files cannot express.</exception>
    public virtual JsonObject Write(DecoderConfig c)
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
            ["rope_scaling"] = RopeJson.Write(c.Scaling),
            ["hidden_act"] = Activations[0],
            ["tie_word_embeddings"] = c.TiedHead,
            ["bos_token_id"] = c.BeginToken,
            ["eos_token_id"] = EndTokens(c),
            ["torch_dtype"] = "float32",
        };
        if (c.RotaryWidth is { } turned) json["partial_rotary_factor"] = (double)turned / c.HeadWidth;
        if (c.Scaling is RopeScaling.LongRope s) json["original_max_position_embeddings"] = s.OriginalContext;
        RequireCommon(c);
        Amend(json, c);
        return json;
    }

    /// <summary>eos_token_id: one number, several, or none.</summary>
    protected static JsonNode? EndTokens(DecoderConfig c) =>
        c.EndTokens is [var one] ? JsonValue.Create(one) : c.EndTokens.Count == 0 ? null : new JsonArray([.. c.EndTokens.Select(t => (JsonNode)t)]);

    /// <summary>What families with other kinds of norms, feed-forward layers and positions say themselves.</summary>
    protected virtual void RequireCommon(DecoderConfig c)
    {
        Require(c is { LayerNorm: false, FeedForward: FeedForwardKind.SwiGlu, LogitCap: null, LearnedPositions: false, PostNorms: false, NormsFromOne: false, EmbeddingScale: null, AttentionScale: null },
            "has RMS norms, SwiGLU, and neither a cap of logits, norms behind its parts nor scales of embeddings");
        Require(c.WindowRopeTheta is null && (c.RotaryWidth is null || ModelType == "phi3"), "turns all of a head, in all layers alike");
        Require(c.UnrotatedLayers.Count == 0 || ModelType == "smollm3", "has rotary positions in every layer");
    }

    /// <summary>The decoder's tensors from those of a Hugging Face folder.</summary>
    public virtual Dictionary<string, Weight> FromFolder(Dictionary<string, Weight> file, DecoderConfig config) => file;

    /// <summary>The tensors of a Hugging Face folder from the decoder's.</summary>
    public virtual Dictionary<string, Weight> ToFolder(Dictionary<string, Weight> ours, DecoderConfig config) => ours;

    /// <summary>What this family's fields add, and what its models have without a field.</summary>
    protected virtual DecoderConfig Adapt(DecoderConfig config, ConfigJson json) => config;

    /// <summary>Writes those fields.</summary>
    /// <exception cref="IngotException">The model has what the family cannot express.</exception>
    protected virtual void Amend(JsonObject json, DecoderConfig config) { }

    /// <summary>The error of a model that its family's files cannot describe.</summary>
    protected void Require(bool holds, string what)
    {
        if (!holds) throw new IngotException($"a model of the family {ModelType} {what}; save it as another family");
    }
}
