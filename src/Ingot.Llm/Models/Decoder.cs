using Ingot.Autograd;
using Ingot.Nn;

namespace Ingot.Llm.Models;

/// <summary>What attention does with the heads of a layer: queries (B, T, H, D), keys and values (B, T, G, D) to (B, T, H, D).</summary>
delegate Tensor Attention(int layer, Tensor queries, Tensor keys, Tensor values);

/// <summary>
/// The decoder that Llama, Mistral, Qwen2, Qwen3 and Ingot's own models share: RMS norm before each part, rotary positions, grouped-query attention, SwiGLU; with or
/// without norms of queries and keys, biases, a tied head. Its tensors are named as Hugging Face names them.
/// </summary>
/// <remarks>Touvron et al. 2023, "LLaMA"; Yang et al. 2025, "Qwen3 technical report".</remarks>
public sealed class Decoder : ILanguageModel
{
    readonly Body model;
    readonly Projection? lmHead;
    [NotState] readonly Rope rope;
    [NotState] (Tensor Cos, Tensor Sin) rotations; // of positions from 0, as many as were asked for

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
    public Decoder(DecoderConfig config, ulong seed) : this(config)
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
        rope = new(config);
        rotations = rope.Rows([0]);
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
        return Hidden(tokens, cos, sin, (_, q, k, v) => Attend(q, k, v));
    }

    /// <summary>The head.</summary>
    /// <param name="hidden">(.., C).</param>
    /// <returns>(.., V).</returns>
    public Tensor Logits(Tensor hidden)
    {
        var logits = hidden.Linear(lmHead?.Weight ?? model.EmbedTokens.Weight);
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
        double weights = Module.StateDict(this).Where(p => p.Value.Rank == 2 && !p.Key.Contains("embed_tokens", StringComparison.Ordinal)).Sum(p => (double)p.Value.Count);
        if (lmHead is null) weights += model.EmbedTokens.Weight.Count;
        return 6 * weights + 12.0 * Config.Layers * Config.Heads * Config.HeadWidth * length;
    }

    /// <summary>Cosines and sines of given positions, for <see cref="Hidden(Tensor, Tensor, Tensor, Attention)"/>.</summary>
    internal (Tensor Cos, Tensor Sin) RotationsAt(ReadOnlySpan<int> positions) => rope.Rows(positions);

    /// <param name="tokens">(B, T).</param>
    /// <param name="cos">(T, D/2), of the T positions.</param>
    /// <param name="sin">(T, D/2), of the T positions.</param>
    /// <param name="attend">How positions look at each other.</param>
    internal Tensor Hidden(Tensor tokens, Tensor cos, Tensor sin, Attention attend)
    {
        var x = tokens.Embedding(model.EmbedTokens.Weight);                                 // (B, T, C)
        foreach (var (i, block) in model.Layers.Index())
        {
            Tensor Run(Tensor y) => block.Forward(y, cos, sin, (q, k, v) => attend(i, q, k, v), Config);
            x = Recompute ? Checkpoint.Run(Run, x) : Run(x);
        }
        return model.Norm.Of(x, Config);
    }

    (Tensor, Tensor) Rotations(int length)
    {
        if (rotations.Cos.Size(0) < length) // in powers of two: a context may be far longer than what is ever used
            rotations = rope.Rows([.. Enumerable.Range(0, (int)Math.Min(ContextLength, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length)))]);
        return (rotations.Cos.Narrow(0, 0, length), rotations.Sin.Narrow(0, 0, length));
    }

    /// <summary>Each position looks at itself and those before it, within the window.</summary>
    Tensor Attend(Tensor q, Tensor k, Tensor v)
    {
        int b = q.Size(0), h = Config.Heads, g = Config.KeyHeads, t = q.Size(1), d = Config.HeadWidth;
        // The H / G query heads of a group stand beside each other and meet the group's keys by broadcasting.
        q = q.Transpose(1, 2).Reshape(b, g, h / g, t, d);
        (k, v) = (k.Transpose(1, 2).Unsqueeze(2), v.Transpose(1, 2).Unsqueeze(2));          // (B, G, 1, T, D)
        var scores = q.Matmul(k.Transpose(-2, -1)) * (1 / Math.Sqrt(d));       // (B, G, H/G, T, T)
        var position = Tensor.Arange(t);
        var query = position.Unsqueeze(1);
        var isHidden = query < position;                                                    // (T, T): query t sees keys up to t
        if (Config.Window is { } window) isHidden |= query - position >= window;
        return isHidden.Where(double.NegativeInfinity, scores).Softmax(-1).Matmul(v).Reshape(b, h, t, d).Transpose(1, 2);
    }

    // The names of these classes' members are those of Hugging Face's checkpoints.

    sealed class Body(DecoderConfig config)
    {
        public Projection EmbedTokens { get; } = new(config.VocabularySize, config.Width, false);   // (V, C)
        public Block[] Layers { get; } = [.. Enumerable.Range(0, config.Layers).Select(_ => new Block(config))];
        public Scale Norm { get; } = new(config.Width);                                             // (C)
    }

    sealed class Block(DecoderConfig config)
    {
        public Scale InputLayernorm { get; } = new(config.Width);
        public Heads SelfAttn { get; } = new(config);
        public Scale PostAttentionLayernorm { get; } = new(config.Width);
        public FeedForward Mlp { get; } = new(config);

        public Tensor Forward(Tensor x, Tensor cos, Tensor sin, Func<Tensor, Tensor, Tensor, Tensor> attend, DecoderConfig config)
        {
            x += SelfAttn.Forward(InputLayernorm.Of(x, config), cos, sin, attend, config);
            return x + Mlp.Forward(PostAttentionLayernorm.Of(x, config));
        }
    }

    sealed class Heads(DecoderConfig config)
    {
        public Projection QProj { get; } = new(config.Heads * config.HeadWidth, config.Width, config.QkvBiases);
        public Projection KProj { get; } = new(config.KeyHeads * config.HeadWidth, config.Width, config.QkvBiases);
        public Projection VProj { get; } = new(config.KeyHeads * config.HeadWidth, config.Width, config.QkvBiases);
        public Projection OProj { get; } = new(config.Width, config.Heads * config.HeadWidth, config.OutputBias);
        public Scale? QNorm { get; } = config.QkNorm ? new(config.HeadWidth) : null;
        public Scale? KNorm { get; } = config.QkNorm ? new(config.HeadWidth) : null;

        public Tensor Forward(Tensor x, Tensor cos, Tensor sin, Func<Tensor, Tensor, Tensor, Tensor> attend, DecoderConfig config)
        {
            int b = x.Size(0), t = x.Size(1), d = config.HeadWidth;
            Tensor Split(Tensor y, int heads, Scale? norm)
            {
                y = y.Reshape(b, t, heads, d);
                return norm is null ? y : y.RmsNorm(norm.Weight, config.NormEpsilon);
            }

            var q = Rope.Rotate(Split(QProj.Of(x), config.Heads, QNorm), cos, sin);                 // (B, T, H, D)
            var k = Rope.Rotate(Split(KProj.Of(x), config.KeyHeads, KNorm), cos, sin);              // (B, T, G, D)
            var v = Split(VProj.Of(x), config.KeyHeads, null);
            return OProj.Of(attend(q, k, v).Reshape(b, t, config.Heads * d));                       // (B, T, C)
        }
    }

    sealed class FeedForward(DecoderConfig config)
    {
        [NotState] readonly FeedForwardKind kind = config.FeedForward;

        public Projection? GateProj { get; } = config.FeedForward == FeedForwardKind.SwiGlu ? new(config.Hidden, config.Width, config.MlpBiases) : null;
        public Projection UpProj { get; } = new(config.Hidden, config.Width, config.MlpBiases);
        public Projection DownProj { get; } = new(config.Width, config.Hidden, config.MlpBiases);

        public Tensor Forward(Tensor x) => DownProj.Of(kind switch
        {
            FeedForwardKind.Relu2 => UpProj.Of(x).Relu().Square(),
            FeedForwardKind.Gelu => UpProj.Of(x).Gelu(),
            _ => GateProj!.Of(x).Silu() * UpProj.Of(x),
        });
    }

    /// <summary>A matrix (out, in), perhaps with a bias (out).</summary>
    sealed class Projection(int rows, int columns, bool hasBias)
    {
        public Tensor Weight { get; } = Tensor.Zeros(rows, columns).WithGrad();
        public Tensor? Bias { get; } = hasBias ? Tensor.Zeros(rows).WithGrad() : null;

        public Tensor Of(Tensor x) => x.Linear(Weight, Bias);
    }

    /// <summary>The weight of a norm.</summary>
    sealed class Scale(int width)
    {
        public Tensor Weight { get; } = Tensor.Ones(width).WithGrad();

        public Tensor Of(Tensor x, DecoderConfig config) => config.LayerNorm ? x.LayerNorm(Weight, epsilon: config.NormEpsilon) : x.RmsNorm(Weight, config.NormEpsilon);
    }
}
