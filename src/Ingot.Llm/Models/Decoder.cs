using Ingot.Autograd;
using Ingot.Nn;

namespace Ingot.Llm.Models;

/// <summary>What attention does with the heads of a layer: queries (B, T, H, D), keys and values (B, T, G, D) to (B, T, H, D).</summary>
delegate Tensor Attention(int layer, Tensor queries, Tensor keys, Tensor values);

/// <summary>
/// The decoder that Llama, Mistral, SmolLM, Qwen, Gemma 3, Phi-3, GPT-2 and Ingot's own models share: a norm before each part, positions, grouped-query attention,
/// a feed-forward layer; what a family has of its own is said by its <see cref="DecoderConfig"/>. Its tensors are named as Hugging Face names those of Llama.
/// </summary>
/// <remarks>Touvron et al. 2023, "LLaMA"; Yang et al. 2025, "Qwen3 technical report"; Gemma team 2025, "Gemma 3 technical report".</remarks>
public sealed class Decoder : ILanguageModel
{
    readonly Body model;
    readonly Projection? lmHead;
    [NotState] readonly Positions positions;
    [NotState] (Tensor Cos, Tensor Sin, bool IsLong) rotations; // of positions from 0, as many as were asked for

    [NotState]
    public DecoderConfig Config { get; }

    /// <summary>Keeps only what goes into each block, and computes the block again where its gradient needs what is inside.</summary>
    [NotState]
    public bool Recompute { get; init; }

    public int ContextLength => Config.ContextLength;

    public int VocabularySize => Config.VocabularySize;

    /// <summary>A model with initial weights.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="seed">Of the weights: normal with deviation 0.02, and 0.02 / sqrt(2 layers) where a block adds to the residual stream; biases 0.</param>
    public Decoder(DecoderConfig config, ulong seed) : this(config.Fitting())
    {
        ulong stream = 0;
        var initial = new Dictionary<string, Tensor>();
        foreach (var (name, weight) in Module.NamedParameters(this))
        {
            if (weight.Rank < 2) continue;
            bool addsToStream = name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
            initial[name] = RandomWeights.Normal(weight.Shape, addsToStream ? 0.02 / Math.Sqrt(2 * config.Layers) : 0.02, seed, stream++);
        }
        Module.LoadStateDict(this, initial, strict: false);
    }

    /// <summary>A model whose weights are to be loaded: zeros that take no memory yet.</summary>
    internal Decoder(DecoderConfig config)
    {
        Config = config.Checked();
        model = new(config);
        lmHead = config.TiedHead ? null : new(config.VocabularySize, config.Width, false);
        positions = new(config);
        var (cos, sin) = positions.Rows([0], isLong: false);
        rotations = (cos, sin, false);
    }

    // Shapes: B sequences, T positions, C width, H query heads, G key heads, D head width, V vocabulary.

    public Tensor Forward(Tensor tokens) => Logits(Hidden(tokens));

    /// <summary>What goes into the head: (B, T, C).</summary>
    /// <param name="tokens">(B, T).</param>
    public Tensor Hidden(Tensor tokens)
    {
        int t = tokens.Size(1);
        if (t > ContextLength) throw new ShapeException($"{t} tokens do not fit into a context of {ContextLength}");
        var (cos, sin) = Rotations(t);
        return Hidden(tokens, cos, sin, Attend);
    }

    /// <summary>The head.</summary>
    /// <param name="hidden">(.., C).</param>
    /// <returns>(.., V).</returns>
    public Tensor Logits(Tensor hidden)
    {
        var logits = (lmHead ?? model.EmbedTokens).Of(hidden);
        return Config.LogitCap is { } cap ? (logits / cap).Tanh() * cap : logits;
    }

    /// <summary>Mean cross-entropy in nats of predicting each target.</summary>
    /// <param name="tokens">(B, T).</param>
    /// <param name="targets">(B, T): the tokens that come next.</param>
    /// <param name="mask">(B, T), bool: the positions that count; all if not given.</param>
    public Tensor Loss(Tensor tokens, Tensor targets, Tensor? mask = null)
    {
        if (mask is not null) targets = mask.Where(targets, -100); // CrossEntropy's mark of what does not count
        return Forward(tokens).Reshape(-1, VocabularySize).CrossEntropy(targets.Reshape(-1));
    }

    /// <summary>Operations that training on one token takes in matrix products, forward and backward: 6 a weight that takes part, and 12 H D T a layer for attention.</summary>
    /// <param name="length">T: tokens a sequence.</param>
    public double TrainingFlopsPerToken(int length)
    {
        double weights = Module.StateDict(this).Where(p => p.Value.Rank == 2 && !p.Key.Contains("embed_", StringComparison.Ordinal)).Sum(p => (double)p.Value.Count);
        if (lmHead is null) weights += (double)Config.VocabularySize * Config.Width;
        return 6 * weights + 12.0 * Config.Layers * Config.Heads * Config.HeadWidth * length;
    }

    /// <summary>Columns of the tables that <see cref="RotationsAt"/> gives.</summary>
    internal int RotationWidth => positions.Width;

    /// <summary>
    /// What <see cref="Hidden(Tensor, Tensor, Tensor, Attention)"/> is told of given positions: (T, <see cref="RotationWidth"/>) each. Cosines and sines for every kind of
    /// layer side by side, or, where positions have embeddings, the positions' numbers.
    /// </summary>
    /// <remarks>LongRoPE's are those of a context as long as the model's, since a cached key cannot be turned anew when its text becomes long.</remarks>
    internal (Tensor Cos, Tensor Sin) RotationsAt(ReadOnlySpan<int> at) => positions.Rows(at, positions.IsLong(ContextLength));

    /// <param name="tokens">(B, T).</param>
    /// <param name="cos">(T, <see cref="RotationWidth"/>), of the T positions.</param>
    /// <param name="sin">(T, <see cref="RotationWidth"/>), of the T positions.</param>
    /// <param name="attend">How positions look at each other.</param>
    internal Tensor Hidden(Tensor tokens, Tensor cos, Tensor sin, Attention attend)
    {
        var x = model.EmbedTokens.Rows(tokens);                                             // (B, T, C)
        if (Config.EmbeddingScale is { } scale) x *= (float)scale;
        if (model.EmbedPositions is { } table) x += table.Rows(cos.Reshape(-1).To(DType.I32)); // (T, C)
        foreach (var (i, block) in model.Layers.Index())
        {
            var rotation = positions.OfLayer(i, cos, sin);
            Tensor Run(Tensor y) => block.Forward(y, rotation, (q, k, v) => attend(i, q, k, v), Config);
            x = Recompute ? Checkpoint.Run(Run, x) : Run(x);
        }
        return model.Norm.Of(x, Config);
    }

    (Tensor, Tensor) Rotations(int length)
    {
        bool isLong = positions.IsLong(length);
        if (rotations.Cos.Size(0) < length || rotations.IsLong != isLong) // in powers of two: a context may be far longer than what is ever used
        {
            int count = (int)Math.Min(ContextLength, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length));
            var (cos, sin) = positions.Rows([.. Enumerable.Range(0, count)], isLong);
            rotations = (cos, sin, isLong);
        }
        return (rotations.Cos.Narrow(0, 0, length), rotations.Sin.Narrow(0, 0, length));
    }

    /// <summary>The matrices by name, the embedding's among them.</summary>
    internal IEnumerable<(string Name, Projection Matrix)> Projections()
    {
        yield return ("model.embed_tokens", model.EmbedTokens);
        if (model.EmbedPositions is { } table) yield return ("model.embed_positions", table);
        foreach (var (i, block) in model.Layers.Index())
        {
            string at = $"model.layers.{i}.";
            yield return (at + "self_attn.q_proj", block.SelfAttn.QProj);
            yield return (at + "self_attn.k_proj", block.SelfAttn.KProj);
            yield return (at + "self_attn.v_proj", block.SelfAttn.VProj);
            yield return (at + "self_attn.o_proj", block.SelfAttn.OProj);
            if (block.Mlp.GateProj is { } gate) yield return (at + "mlp.gate_proj", gate);
            yield return (at + "mlp.up_proj", block.Mlp.UpProj);
            yield return (at + "mlp.down_proj", block.Mlp.DownProj);
        }
        if (lmHead is not null) yield return ("lm_head", lmHead);
    }

    /// <summary>Each position looks at itself and those before it, within the window.</summary>
    Tensor Attend(int layer, Tensor q, Tensor k, Tensor v)
    {
        int b = q.Size(0), h = Config.Heads, g = Config.KeyHeads, t = q.Size(1), d = Config.HeadWidth;
        // The H / G query heads of a group stand beside each other and meet the group's keys by broadcasting.
        q = q.Transpose(1, 2).Reshape(b, g, h / g, t, d);
        (k, v) = (k.Transpose(1, 2).Unsqueeze(2), v.Transpose(1, 2).Unsqueeze(2));          // (B, G, 1, T, D)
        var scores = q.Matmul(k.Transpose(-2, -1)) * (1 / Math.Sqrt(d));       // (B, G, H/G, T, T)
        var position = Tensor.Arange(t);
        var query = position.Unsqueeze(1);
        var isHidden = query < position;                                                    // (T, T): query t sees keys up to t
        if (Config.WindowOf(layer) is { } window) isHidden |= query - position >= window;
        return isHidden.Where(double.NegativeInfinity, scores).Softmax(-1).Matmul(v).Reshape(b, h, t, d).Transpose(1, 2);
    }

    // The names of these classes' members are those of Hugging Face's checkpoints.

    sealed class Body(DecoderConfig config)
    {
        public Projection EmbedTokens { get; } = new(config.VocabularySize, config.Width, false);   // (V, C)
        public Projection? EmbedPositions { get; } = config.LearnedPositions ? new(config.ContextLength, config.Width, false) : null;
        public Block[] Layers { get; } = [.. Enumerable.Range(0, config.Layers).Select(_ => new Block(config))];
        public Scale Norm { get; } = new(config.Width, config);                                     // (C)
    }

    sealed class Block(DecoderConfig config)
    {
        public Scale InputLayernorm { get; } = new(config.Width, config);
        public Heads SelfAttn { get; } = new(config);
        // With norms behind the parts, this one is behind attention; otherwise before the feed-forward layer.
        public Scale PostAttentionLayernorm { get; } = new(config.Width, config);
        public Scale? PreFeedforwardLayernorm { get; } = config.PostNorms ? new(config.Width, config) : null;
        public FeedForward Mlp { get; } = new(config);
        public Scale? PostFeedforwardLayernorm { get; } = config.PostNorms ? new(config.Width, config) : null;

        public Tensor Forward(Tensor x, Rotation? rotation, Func<Tensor, Tensor, Tensor, Tensor> attend, DecoderConfig config)
        {
            var attended = SelfAttn.Forward(InputLayernorm.Of(x, config), rotation, attend, config);
            if (PreFeedforwardLayernorm is null)
            {
                x += attended;
                return x + Mlp.Forward(PostAttentionLayernorm.Of(x, config));
            }
            x += PostAttentionLayernorm.Of(attended, config);
            return x + PostFeedforwardLayernorm!.Of(Mlp.Forward(PreFeedforwardLayernorm.Of(x, config)), config);
        }
    }

    sealed class Heads(DecoderConfig config)
    {
        public Projection QProj { get; } = new(config.Heads * config.HeadWidth, config.Width, config.QkvBiases);
        public Projection KProj { get; } = new(config.KeyHeads * config.HeadWidth, config.Width, config.QkvBiases);
        public Projection VProj { get; } = new(config.KeyHeads * config.HeadWidth, config.Width, config.QkvBiases);
        public Projection OProj { get; } = new(config.Width, config.Heads * config.HeadWidth, config.OutputBias);
        public Scale? QNorm { get; } = config.QkNorm ? new(config.HeadWidth, config) : null;
        public Scale? KNorm { get; } = config.QkNorm ? new(config.HeadWidth, config) : null;

        public Tensor Forward(Tensor x, Rotation? rotation, Func<Tensor, Tensor, Tensor, Tensor> attend, DecoderConfig config)
        {
            int b = x.Size(0), t = x.Size(1), d = config.HeadWidth;
            Tensor Split(Tensor y, int heads) => y.Reshape(b, t, heads, d);
            Tensor Placed(Tensor y, Scale? norm)
            {
                if (norm is not null) y = norm.OfHeads(y, config);
                return rotation is { } r ? Rope.Rotate(y, r, config.AdjacentRotation) : y;
            }

            var q = Placed(Split(QProj.Of(x), config.Heads), QNorm);                                // (B, T, H, D)
            var k = Placed(Split(KProj.Of(x), config.KeyHeads), KNorm);                             // (B, T, G, D)
            var v = Split(VProj.Of(x), config.KeyHeads);
            if (config.AttentionScale is { } scale) q *= (float)(scale * Math.Sqrt(d));             // attention itself divides by the root
            return OProj.Of(attend(q, k, v).Reshape(b, t, config.Heads * d));                       // (B, T, C)
        }
    }

    sealed class FeedForward(DecoderConfig config)
    {
        [NotState] readonly FeedForwardKind kind = config.FeedForward;

        public Projection? GateProj { get; } = config.IsGated ? new(config.Hidden, config.Width, config.MlpBiases) : null;
        public Projection UpProj { get; } = new(config.Hidden, config.Width, config.MlpBiases);
        public Projection DownProj { get; } = new(config.Width, config.Hidden, config.MlpBiases);

        public Tensor Forward(Tensor x) => DownProj.Of(kind switch
        {
            FeedForwardKind.Relu2 => UpProj.Of(x).Relu().Square(),
            FeedForwardKind.Gelu => UpProj.Of(x).Gelu(),
            FeedForwardKind.GeluTanh => UpProj.Of(x).Gelu("tanh"),
            FeedForwardKind.GeGlu => GateProj!.Of(x).Gelu("tanh") * UpProj.Of(x),
            _ => GateProj!.Of(x).Silu() * UpProj.Of(x),
        });
    }

    /// <summary>The weight of a norm, and perhaps its bias.</summary>
    sealed class Scale(int width, DecoderConfig config)
    {
        public Tensor Weight { get; } = (config.NormsFromOne ? Tensor.Zeros(width) : Tensor.Ones(width)).WithGrad();
        public Tensor? Bias { get; } = config.NormBiases ? Tensor.Zeros(width).WithGrad() : null;

        public Tensor Of(Tensor x, DecoderConfig config) => config.LayerNorm ? x.LayerNorm(Factor(config), Bias, config.NormEpsilon) : OfHeads(x, config);

        /// <summary>Queries and keys pass an RMS norm in any case.</summary>
        public Tensor OfHeads(Tensor x, DecoderConfig config) => x.RmsNorm(Factor(config), config.NormEpsilon);

        Tensor Factor(DecoderConfig config) => config.NormsFromOne ? Weight + 1 : Weight;
    }
}
