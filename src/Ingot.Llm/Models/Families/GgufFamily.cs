namespace Ingot.Llm.Models.Families;

// How a family is kept in GGUF files.
abstract partial record Family
{
    /// <summary>general.architecture; null: llama.cpp has no such models.</summary>
    public virtual string? GgufArchitecture => null;

    /// <summary>Queries, keys and values are one tensor.</summary>
    protected virtual bool JoinsQkv => false;

    /// <summary>Gate and up are one tensor.</summary>
    protected virtual bool JoinsGate => false;

    /// <summary>Heads turn adjacent pairs.</summary>
    protected virtual bool IsAdjacentInGguf => false;

    /// <exception cref="FormatException">It is none that Ingot knows; the message names it.</exception>
    public static Family OfGguf(GgufFields fields, string architecture) => Array.Find(All, f => f.GgufArchitecture == architecture)
        ?? throw new FormatException($"{fields.Path} is of the architecture {architecture}, which Ingot does not have{UnknownParts.Of(fields)}; it has {string.Join(", ", All.Select(f => f.GgufArchitecture).Where(a => a is not null).Distinct())}");

    /// <summary>The shape that a file's metadata tell.</summary>
    /// <exception cref="FormatException">A key is missing or wrong, or asks for what Ingot does not have.</exception>
    public DecoderConfig Read(GgufFields f)
    {
        UnknownParts.Refuse(f);
        int width = f.Size("embedding_length"), heads = f.Size("attention.head_count");
        int headWidth = f.OptionalSize("attention.key_length") ?? (width % heads == 0 ? width / heads : throw new FormatException($"{f.Path}: a width of {width} is not divisible by {heads} heads, and there is no attention.key_length"));
        if (f.OptionalSize("attention.value_length") is { } values && values != headWidth) throw new FormatException($"{f.Path}: values are {values} wide and keys {headWidth}, which Ingot does not have");
        int turned = f.OptionalSize("rope.dimension_count") ?? headWidth;
        if (!f.HasTensor("token_embd.weight")) throw new FormatException($"{f.Path} has no tensor token_embd.weight");
        int context = f.OptionalSize("context_length") ?? 2048;
        return Adapt(WithLayersInReason(new()
        {
            Family = ModelType,
            Width = width,
            Hidden = f.Size("feed_forward_length"),
            Layers = f.Size("block_count"),
            Heads = heads,
            KeyHeads = f.OptionalSize("attention.head_count_kv") ?? heads,
            HeadWidth = headWidth,
            RotaryWidth = turned == headWidth ? null : turned,
            AdjacentRotation = IsAdjacentInGguf,
            VocabularySize = f.Rows("token_embd.weight"),
            ContextLength = context,
            RopeTheta = f.Number("rope.freq_base", 10000),
            Scaling = ScalingOf(f, context),
            NormEpsilon = f.OptionalNumber("attention.layer_norm_rms_epsilon") ?? f.Number("attention.layer_norm_epsilon", 1e-5),
            TiedHead = !f.HasTensor("output.weight"),
            QkNorm = f.HasTensor("blk.0.attn_q_norm.weight"),
            QkvBiases = f.HasTensor("blk.0.attn_q.bias") || f.HasTensor("blk.0.attn_qkv.bias"),
            OutputBias = f.HasTensor("blk.0.attn_output.bias"),
            MlpBiases = f.HasTensor("blk.0.ffn_up.bias"),
        }, f.Path), f);
    }

    /// <summary>What the family's models have without a key, and what its own keys say.</summary>
    protected virtual DecoderConfig Adapt(DecoderConfig config, GgufFields fields) => config;

    static RopeScaling? ScalingOf(GgufFields f, int context)
    {
        if (f.Values("rope_freqs.weight") is { } divisors) return Recognised(divisors, f.Number("rope.freq_base", 10000));
        int original = f.OptionalSize("rope.scaling.original_context_length") ?? context;
        double amplitude = f.Number("rope.scaling.attn_factor", 1);
        if (f.Values("rope_factors_short.weight") is { } brief && f.Values("rope_factors_long.weight") is { } lengthy) return new RopeScaling.LongRope(brief, lengthy, original, amplitude);
        double factor = f.OptionalNumber("rope.scaling.factor") ?? f.Number("rope.scale_linear", 1);
        return f.Text("rope.scaling.type") switch
        {
            null or "linear" => factor is 0 or 1 ? null : new RopeScaling.Linear(factor),
            "none" => null,
            "yarn" => new RopeScaling.Yarn(factor, original, amplitude * RopeScaling.YarnAmplitude(factor), f.Number("rope.scaling.yarn_beta_fast", 32), f.Number("rope.scaling.yarn_beta_slow", 1)),
            "longrope" => null, // its factors would be tensors
            var kind => throw new FormatException($"{f.Path}: rope scaling '{kind}' is none that Ingot has: none, linear, yarn, longrope"),
        };
    }

    /// <summary>The factors of Llama 3 come without the formula that they were made with. If they are its usual one they are taken for it, so that config.json can say it.</summary>
    static RopeScaling? Recognised(IReadOnlyList<double> divisors, double theta)
    {
        if (divisors.All(d => d == 1)) return null;
        var usual = new RopeScaling.Llama3(divisors.Max(), 1, 4, 8192);
        var theirs = new Rope(2 * divisors.Count, theta, usual, isLong: false).Divisors(theta);
        return theirs.Zip(divisors).All(d => Math.Abs(d.First / d.Second - 1) < 1e-5) ? usual : new RopeScaling.Divided(divisors);
    }

    /// <summary>The decoder's tensors from those of a GGUF file.</summary>
    public Dictionary<string, Weight> FromGguf(Dictionary<string, Weight> file, DecoderConfig config)
    {
        var found = new Dictionary<string, Weight>();
        foreach (var (name, weight) in file)
            if (GgufNames.Ours(name, config.PostNorms, JoinsGate) is { } ours) found[ours] = config.NormsFromOne && IsNorm(ours) ? weight.Plus(-1) : weight;
        return Fused.Split(found, config, JoinsQkv ? GgufNames.Qkv : null, JoinsGate ? GgufNames.GateUp : null);
    }

    /// <summary>The tensors of a GGUF file from the decoder's, factors of rotary frequencies among them.</summary>
    public Dictionary<string, Weight> ToGguf(Dictionary<string, Weight> ours, DecoderConfig config)
    {
        var all = Fused.Join(DecoderWeights.WithRotation(ours, config, IsAdjacentInGguf), config, JoinsQkv ? GgufNames.Qkv : null, JoinsGate ? GgufNames.GateUp : null);
        var written = all.ToDictionary(p => GgufNames.File(p.Key, config.PostNorms, JoinsGate), p => config.NormsFromOne && IsNorm(p.Key) ? p.Value.Plus(1) : p.Value);
        int width = config.RotaryWidth ?? config.HeadWidth;
        switch (config.Scaling)
        {
            case RopeScaling.Llama3 or RopeScaling.Divided:
                Put("rope_freqs.weight", new Rope(width, config.RopeTheta, config.Scaling, isLong: false).Divisors(config.RopeTheta));
                break;
            case RopeScaling.LongRope s:
                Put("rope_factors_short.weight", s.Short);
                Put("rope_factors_long.weight", s.Long);
                break;
        }
        return written;

        void Put(string name, IReadOnlyList<double> values) => written[name] = Weight.Of(Tensor.From(values.Select(v => (float)v).ToArray(), values.Count));
    }

    static bool IsNorm(string name) => name.EndsWith("norm.weight", StringComparison.Ordinal);

    /// <summary>The keys of the architecture.</summary>
    /// <exception cref="IngotException">llama.cpp has no such models, or none with what this one has.</exception>
    public Dictionary<string, object> GgufMetadata(DecoderConfig c)
    {
        if (GgufArchitecture is null) throw new IngotException($"GGUF has no architecture for models of the family {ModelType}; llama.cpp could not run it");
        _ = Write(c with { AdjacentRotation = false }); // the family's own conditions
        Require(c.Window is null || ModelType is "gemma3_text" or "mistral" or "phi3", "has a window, which llama.cpp's models of the architecture do not");
        Require(c.Heads * c.HeadWidth == c.Width || ModelType is not ("qwen2" or "phi3" or "gpt2"), "has, in GGUF, heads that are together as wide as the model");
        var keys = new Dictionary<string, object>
        {
            ["context_length"] = (uint)c.ContextLength,
            ["embedding_length"] = (uint)c.Width,
            ["block_count"] = (uint)c.Layers,
            ["feed_forward_length"] = (uint)c.Hidden,
            ["attention.head_count"] = (uint)c.Heads,
            ["attention.head_count_kv"] = (uint)c.KeyHeads,
            ["attention.key_length"] = (uint)c.HeadWidth,
            ["attention.value_length"] = (uint)c.HeadWidth,
            [c.LayerNorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"] = (float)c.NormEpsilon,
            ["vocab_size"] = (uint)c.VocabularySize,
        };
        if (!c.LearnedPositions)
        {
            keys["rope.dimension_count"] = (uint)(c.RotaryWidth ?? c.HeadWidth);
            keys["rope.freq_base"] = (float)c.RopeTheta;
        }
        switch (c.Scaling)
        {
            case RopeScaling.Linear s:
                keys["rope.scaling.type"] = "linear";
                keys["rope.scaling.factor"] = (float)s.Factor;
                break;
            case RopeScaling.Yarn s:
                keys["rope.scaling.type"] = "yarn";
                keys["rope.scaling.factor"] = (float)s.Factor;
                keys["rope.scaling.original_context_length"] = (uint)s.OriginalContext;
                keys["rope.scaling.attn_factor"] = (float)(s.Amplitude / RopeScaling.YarnAmplitude(s.Factor));
                keys["rope.scaling.yarn_beta_fast"] = (float)s.BetaFast;
                keys["rope.scaling.yarn_beta_slow"] = (float)s.BetaSlow;
                break;
            case RopeScaling.LongRope s:
                keys["rope.scaling.original_context_length"] = (uint)s.OriginalContext;
                keys["rope.scaling.attn_factor"] = (float)s.Amplitude;
                break;
        }
        if (c.Window is { } window) keys["attention.sliding_window"] = (uint)window;
        Amend(keys, c);
        return keys.ToDictionary(k => $"{GgufArchitecture}.{k.Key}", k => k.Value);
    }

    /// <summary>The family's own keys.</summary>
    protected virtual void Amend(Dictionary<string, object> keys, DecoderConfig config) { }
}
