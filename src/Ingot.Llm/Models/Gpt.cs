using System.Text.Json.Serialization;
using Ingot.Autograd;
using Ingot.Nn;
using Ingot.Runtime;

namespace Ingot.Llm.Models;

/// <summary>The shape of a GPT.</summary>
/// <param name="VocabularySize">V.</param>
/// <param name="ContextLength">The most positions; each has an embedding of its own.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">H; C / H wide each.</param>
/// <param name="Width">C: the residual stream; the MLP is four times as wide.</param>
/// <param name="TiedHead">The output weights are the token embedding's.</param>
/// <param name="Biases">Linear layers have biases too, not only the norms.</param>
/// <param name="TanhGelu">GELU by its tanh approximation, as GPT-2; otherwise its exact form.</param>
public sealed record GptConfig(int VocabularySize, int ContextLength, int Layers, int Heads, int Width, bool TiedHead = true, bool Biases = false, bool TanhGelu = false)
{
    /// <summary>GPT-2 with 124M parameters; its vocabulary of 50,257 padded to a multiple of 128, as usual for speed.</summary>
    public static GptConfig Gpt2 { get; } = new(50304, 1024, 12, 12, 768, Biases: true, TanhGelu: true);

    /// <summary>Number of trained values; a double, since a size mistyped may pass 2^63.</summary>
    [JsonIgnore]
    public double ParameterCount => (double)Width * (VocabularySize * (TiedHead ? 1 : 2) + ContextLength + 2) + Layers * (12.0 * Width * Width + (Biases ? 13.0 : 4.0) * Width);

    /// <summary>Values of the largest tensor among them.</summary>
    [JsonIgnore]
    public double LargestWeight => (double)Width * Math.Max(4.0 * Width, Math.Max(VocabularySize, ContextLength));

    /// <exception cref="IngotException">The numbers make no model.</exception>
    public GptConfig Checked()
    {
        if (this is not { VocabularySize: > 0, ContextLength: > 0, Layers: > 0, Heads: > 0, Width: > 0 }) throw new IngotException($"every size of a GPT must be at least 1: {this}");
        if (Width % Heads != 0) throw new IngotException($"the width {Width} is not divisible by {Heads} heads");
        RequireMemory(sizeof(float) * ParameterCount, "the weights alone take");
        return this;
    }

    /// <summary>Asked before anything is allocated, as the system might grant what it does not have and kill the process later.</summary>
    /// <exception cref="InsufficientMemoryException">There is less than that.</exception>
    internal void RequireMemory(double bytes, string purpose)
    {
        if (bytes <= MemoryPool.Limit && LargestWeight <= Array.MaxLength) return;
        throw new InsufficientMemoryException($"a model of {ParameterCount:N0} parameters (vocabulary {VocabularySize:N0}, context {ContextLength:N0}, {Layers:N0} layers, width {Width:N0}) is too large: {purpose} "
            + $"{bytes / (1 << 20):N0} MB, the limit is {MemoryPool.Limit >> 20:N0} MB; make it smaller, or raise INGOT_MEMORY");
    }
}

/// <summary>
/// A GPT-2 style transformer: learned positions, layer norm before each part, causal attention, GELU. By default without biases but the norms' and with GELU's
/// exact form, as nanoGPT's small character model; <see cref="GptConfig.Gpt2"/> has both as GPT-2.
/// </summary>
/// <remarks>Radford et al. 2019, "Language models are unsupervised multitask learners"; initialisation as there and in nanoGPT.</remarks>
public sealed class Gpt : ILanguageModel
{
    readonly Tensor token;          // (V, C)
    readonly Tensor position;       // (T, C)
    readonly Block[] blocks;
    readonly Tensor finalNormWeight, finalNormBias; // (C)
    readonly Tensor? head;          // (V, C)

    [NotState]
    public GptConfig Config { get; }

    /// <summary>Keeps only what goes into each block, and computes the block again where its gradient needs what is inside.</summary>
    [NotState]
    public bool Recompute { get; init; }

    public int ContextLength => Config.ContextLength;

    public int VocabularySize => Config.VocabularySize;

    /// <param name="config">The shape.</param>
    /// <param name="seed">Of the initial weights: normal with deviation 0.02, and 0.02 / sqrt(2 layers) where a block adds to the residual stream.</param>
    public Gpt(GptConfig config, ulong seed)
    {
        Config = config.Checked();
        token = Weight(config.VocabularySize, config.Width);
        position = Weight(config.ContextLength, config.Width);
        blocks = [.. Enumerable.Range(0, config.Layers).Select(_ => new Block(config))];
        (finalNormWeight, finalNormBias) = Norm(config.Width);
        head = config.TiedHead ? null : Weight(config.VocabularySize, config.Width);
        Initialize(seed);
    }

    // Shapes: B sequences, T positions, C width, H heads, D = C / H, V vocabulary.

    public Tensor Forward(Tensor tokens)
    {
        int t = tokens.Size(1);
        if (t > ContextLength) throw new ShapeException($"{t} tokens do not fit into a context of {ContextLength}");
        var x = tokens.Embedding(token) + position.Narrow(0, 0, t);               // (B, T, C)
        foreach (var block in blocks) x = Recompute ? Checkpoint.Run(block.Forward, x) : block.Forward(x);
        return x.LayerNorm(finalNormWeight, finalNormBias).Linear(head ?? token);  // (B, T, V)
    }

    /// <summary>Mean cross-entropy in nats of predicting each target.</summary>
    /// <param name="tokens">(B, T).</param>
    /// <param name="targets">(B, T): the tokens that come next.</param>
    public Tensor Loss(Tensor tokens, Tensor targets) => Forward(tokens).Reshape(-1, VocabularySize).CrossEntropy(targets.Reshape(-1));

    /// <summary>Multiply-adds, two operations each, that training on one token takes, forward and backward.</summary>
    /// <remarks>6 a weight that takes part in a matrix product (the embeddings' look-ups take none), and 12 C T a layer for the attention's two products.</remarks>
    public double TrainingFlopsPerToken => TrainingFlopsPerTokenAt(ContextLength);

    /// <inheritdoc cref="TrainingFlopsPerToken"/>
    /// <param name="length">T: tokens a sequence, at most the context.</param>
    public double TrainingFlopsPerTokenAt(int length) =>
        6.0 * (Config.Layers * 12L * Config.Width * Config.Width + (long)Config.VocabularySize * Config.Width) + 12.0 * Config.Layers * Config.Width * length;

    void Initialize(ulong seed)
    {
        ulong stream = 0;
        var initial = new Dictionary<string, Tensor>();
        foreach (var (name, weight) in Module.NamedParameters(this))
        {
            if (weight.Rank < 2) continue; // norms start at weight 1, bias 0
            double deviation = name.EndsWith(".output", StringComparison.Ordinal) || name.EndsWith(".down", StringComparison.Ordinal) ? 0.02 / Math.Sqrt(2 * Config.Layers) : 0.02;
            initial[name] = RandomWeights.Normal(weight.Shape, deviation, seed, stream++);
        }
        Module.LoadStateDict(this, initial, strict: false);
    }

    static Tensor Weight(int rows, int columns) => Tensor.Zeros(rows, columns).WithGrad();

    static Tensor Bias(int width) => Tensor.Zeros(width).WithGrad();

    static (Tensor Weight, Tensor Bias) Norm(int width) => (Tensor.Ones(width).WithGrad(), Tensor.Zeros(width).WithGrad());

    sealed class Block
    {
        readonly int heads;
        readonly Tensor attentionNormWeight, attentionNormBias, mlpNormWeight, mlpNormBias; // (C)
        readonly Tensor queryKeyValue;  // (3C, C)
        readonly Tensor output;         // (C, C)
        readonly Tensor up;             // (4C, C)
        readonly Tensor down;           // (C, 4C)
        readonly Tensor? queryKeyValueBias, outputBias, upBias, downBias; // (3C), (C), (4C), (C)
        readonly string gelu;

        public Block(GptConfig config)
        {
            int c = config.Width;
            heads = config.Heads;
            (attentionNormWeight, attentionNormBias) = Norm(c);
            (mlpNormWeight, mlpNormBias) = Norm(c);
            (queryKeyValue, output, up, down) = (Weight(3 * c, c), Weight(c, c), Weight(4 * c, c), Weight(c, 4 * c));
            gelu = config.TanhGelu ? "tanh" : "none";
            if (config.Biases) (queryKeyValueBias, outputBias, upBias, downBias) = (Bias(3 * c), Bias(c), Bias(4 * c), Bias(c));
        }

        public Tensor Forward(Tensor x)
        {
            x += Attend(x.LayerNorm(attentionNormWeight, attentionNormBias).Linear(queryKeyValue, queryKeyValueBias)).Linear(output, outputBias);
            return x + x.LayerNorm(mlpNormWeight, mlpNormBias).Linear(up, upBias).Gelu(gelu).Linear(down, downBias);
        }

        Tensor Attend(Tensor qkv)
        {
            int b = qkv.Size(0), t = qkv.Size(1), c = qkv.Size(2) / 3, d = c / heads;
            var parts = qkv.Reshape(b, t, 3, heads, d).Permute(2, 0, 3, 1, 4);              // (3, B, H, T, D)
            Tensor q = parts[0], k = parts[1], v = parts[2];                                // (B, H, T, D)
            var scores = q.Matmul(k.Transpose(-2, -1)) * (1 / Math.Sqrt(d));                // (B, H, T, T)
            var time = Tensor.Arange(t);
            var isFuture = time.Unsqueeze(1) < time;                                        // (T, T): query t sees keys up to t
            var weights = isFuture.Where(double.NegativeInfinity, scores).Softmax(-1);
            return weights.Matmul(v).Transpose(1, 2).Reshape(b, t, c);                      // (B, T, C)
        }
    }
}
