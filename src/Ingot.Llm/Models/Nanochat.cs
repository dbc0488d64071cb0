using Ingot.Nn;

namespace Ingot.Llm.Models;

/// <summary>The shape of nanochat's model: everything follows from the depth.</summary>
/// <param name="Depth">Blocks; even, as every other block has a table of value embeddings.</param>
/// <param name="VocabularySize">V, a multiple of 64.</param>
/// <param name="ContextLength">The most positions.</param>
/// <param name="HeadWidth">D; the width is depth times 64, in heads of this.</param>
public sealed record NanochatConfig(int Depth, int VocabularySize = 32768, int ContextLength = 512, int HeadWidth = 64)
{
    /// <summary>C.</summary>
    public int Width => Depth * 64;

    /// <summary>H.</summary>
    public int Heads => Width / HeadWidth;

    /// <exception cref="IngotException">The numbers make no model.</exception>
    public NanochatConfig Checked()
    {
        if (this is not { Depth: > 0, VocabularySize: > 0, ContextLength: > 1, HeadWidth: > 0 }) throw new IngotException($"the sizes of a nanochat model must be positive, its context at least 2: {this}");
        if (Width % HeadWidth != 0 || HeadWidth % 2 != 0) throw new IngotException($"the width {Width} must be a multiple of the head width {HeadWidth}, and that even");
        return this;
    }
}

/// <summary>
/// nanochat's transformer: rotary positions, query and key norms, squared ReLU, norms without weights, no biases, untied head with a soft cap. Around the blocks:
/// each position blends in the token before it (smear), each block the first embedding, every other block a value embedding of its own, and before the
/// head part of the middle block's output is taken away again (backout).
/// </summary>
/// <remarks>github.com/karpathy/nanochat, nanochat/gpt.py of July 2026, with full windows.</remarks>
public sealed class Nanochat : ILanguageModel
{
    const double SoftCap = 15, RopeBase = 100_000;
    const int SmearChannels = 24;

    readonly Tensor token;                                  // (V, C)
    readonly Block[] blocks;
    readonly Tensor head;                                   // (V, C)
    readonly Tensor residualScales, firstScales;            // (L)
    readonly Tensor smearGate, smearScale, backoutScale;    // (1, 24), (1), (1)
    [NotState] readonly Tensor cosine, sine;                // (T, D/2)

    [NotState]
    public NanochatConfig Config { get; }

    public int ContextLength => Config.ContextLength;

    public int VocabularySize => Config.VocabularySize;

    /// <param name="config">The shape.</param>
    /// <param name="seed">Of the initial weights.</param>
    public Nanochat(NanochatConfig config, ulong seed)
    {
        Config = config.Checked();
        int c = config.Width, last = Math.Max(1, config.Depth - 1);
        ulong stream = 0;
        Tensor Normal(double deviation, params ReadOnlySpan<int> shape) => RandomWeights.Normal(new(shape), deviation, seed, stream++).WithGrad();
        Tensor Uniform(double low, double high, params ReadOnlySpan<int> shape) => RandomWeights.Uniform(new(shape), low, high, seed, stream++).WithGrad();
        double bound = Math.Sqrt(3.0 / c); // a uniform distribution of deviation 1 / sqrt(C)
        token = Normal(0.8, config.VocabularySize, c);
        head = Normal(0.001, config.VocabularySize, c);
        blocks = [.. Enumerable.Range(0, config.Depth).Select(i =>
        {
            bool hasValues = i % 2 == (config.Depth - 1) % 2;
            return new Block(config.Heads)
            {
                Query = Uniform(-bound, bound, c, c),
                Key = Uniform(-bound, bound, c, c),
                Value = Uniform(-bound, bound, c, c),
                Output = Tensor.Zeros(c, c).WithGrad(),
                Up = Uniform(-0.4 * bound, 0.4 * bound, 4 * c, c),
                Down = Tensor.Zeros(c, 4 * c).WithGrad(),
                ValueEmbedding = hasValues ? Uniform(-bound, bound, config.VocabularySize, c) : null,
                ValueGate = hasValues ? Uniform(0, 0.02, config.Heads, Block.GateChannels) : null,
            };
        })];
        residualScales = Tensor.Linspace(1.15, 1.15 - 0.10 * (config.Depth - 1) / last, config.Depth).Realize().WithGrad();
        firstScales = Tensor.Linspace(0.20, 0.20 - 0.15 * (config.Depth - 1) / last, config.Depth).Realize().WithGrad();
        smearGate = Uniform(0, 0.02, 1, Math.Min(SmearChannels, c));
        smearScale = Tensor.Zeros(1).WithGrad();
        backoutScale = Tensor.Full([1], 0.2).WithGrad();
        (cosine, sine) = Rotations(config);
    }

    // Shapes: B sequences, T positions, C width, H heads, D head width, V vocabulary.

    public Tensor Forward(Tensor tokens)
    {
        int t = tokens.Size(1);
        if (t > ContextLength) throw new ShapeException($"{t} tokens do not fit into a context of {ContextLength}");
        var x = Smeared(Norm(tokens.Embedding(token)));                                     // (B, T, C)
        var first = x;
        Tensor cos = cosine.Narrow(0, 0, t), sin = sine.Narrow(0, 0, t);                    // (T, D/2)
        Tensor? middle = null;
        foreach (var (i, block) in blocks.Index())
        {
            x = block.Forward(residualScales.Narrow(0, i, 1) * x + firstScales.Narrow(0, i, 1) * first, tokens, cos, sin);
            if (i == blocks.Length / 2) middle = x;
        }
        if (middle is not null) x -= backoutScale * middle;
        return SoftCap * (Norm(x).Linear(head) / SoftCap).Tanh();                           // (B, T, V)
    }

    /// <summary>Mean cross-entropy in nats of predicting each target.</summary>
    /// <param name="tokens">(B, T).</param>
    /// <param name="targets">(B, T): the tokens that come next.</param>
    public Tensor Loss(Tensor tokens, Tensor targets) => Forward(tokens).Reshape(-1, VocabularySize).CrossEntropy(targets.Reshape(-1));

    /// <summary>Floating-point operations that training on one token takes in matrix products, forward and backward.</summary>
    /// <param name="length">T: tokens a sequence.</param>
    public double TrainingFlopsPerToken(int length)
    {
        double weights = head.Count + smearGate.Count + blocks.Sum(b => b.MatrixWeights);
        return 6 * weights + 12.0 * Config.Depth * Config.Width * length;
    }

    /// <summary>nanochat's optimizer: Muon for the blocks' matrices; AdamW for embeddings, head and scales, each with a rate of its own.</summary>
    public CombinedOptimizer Optimizer()
    {
        double scale = Math.Sqrt(768.0 / Config.Width); // rates of vectors a token are tuned for a width of 768
        static AdamW Adam(double rate, double beta1, double beta2, double decay, params IEnumerable<Tensor> parameters) => new(parameters, rate, beta1, beta2, 1e-10, decay);
        return new(
            new Muon(blocks.SelectMany(b => b.Matrices), 0.02, 0.95, form: MuonForm.Nanochat, beta2: 0.9),
            Adam(0.004 * scale, 0.8, 0.96, 0.01, head),
            Adam(0.2 * scale, 0.8, 0.995, 0.001, token),
            Adam(0.1 * scale, 0.8, 0.995, 0.01, blocks.Select(b => b.ValueEmbedding).OfType<Tensor>()),
            Adam(0.005, 0.8, 0.95, 0.05, residualScales),
            Adam(0.5, 0.96, 0.95, 0, firstScales),
            Adam(0.2, 0.8, 0.95, 0, smearGate, smearScale, backoutScale));
    }

    static Tensor Norm(Tensor x) => x.RmsNorm(epsilon: 1.1920929e-7); // float32's epsilon, as PyTorch takes it

    /// <summary>Adds to each position but the first a gated part of the one before it.</summary>
    Tensor Smeared(Tensor x)
    {
        int t = x.Size(1);
        Tensor later = x.Narrow(1, 1, t - 1), before = x.Narrow(1, 0, t - 1);               // (B, T - 1, C)
        var gate = smearScale * later.Narrow(-1, 0, smearGate.Size(1)).Linear(smearGate).Sigmoid(); // (B, T - 1, 1)
        return Tensor.Cat([x.Narrow(1, 0, 1), later + gate * before], 1);
    }

    /// <summary>Cosine and sine of each position times base^(-2i/D).</summary>
    static (Tensor, Tensor) Rotations(NanochatConfig config)
    {
        int half = config.HeadWidth / 2;
        var cos = new float[config.ContextLength * half];
        var sin = new float[cos.Length];
        for (int i = 0; i < cos.Length; i++)
        {
            double angle = i / half * Math.Pow(RopeBase, -2.0 * (i % half) / config.HeadWidth);
            (cos[i], sin[i]) = ((float)Math.Cos(angle), (float)Math.Sin(angle));
        }
        return (Tensor.From(cos, config.ContextLength, half), Tensor.From(sin, config.ContextLength, half));
    }

    sealed class Block(int heads)
    {
        public const int GateChannels = 12;
        const double Sharpness = 1.2; // of queries and keys each, whose norm takes the scale away

        public required Tensor Query { get; init; }     // (C, C)
        public required Tensor Key { get; init; }       // (C, C)
        public required Tensor Value { get; init; }     // (C, C)
        public required Tensor Output { get; init; }    // (C, C)
        public required Tensor Up { get; init; }        // (4C, C)
        public required Tensor Down { get; init; }      // (C, 4C)
        public Tensor? ValueEmbedding { get; init; }    // (V, C)
        public Tensor? ValueGate { get; init; }         // (H, 12)

        /// <summary>What Muon trains.</summary>
        internal IEnumerable<Tensor> Matrices => new[] { Query, Key, Value, Output, Up, Down, ValueGate }.OfType<Tensor>();

        internal double MatrixWeights => Matrices.Sum(m => (double)m.Count);

        public Tensor Forward(Tensor x, Tensor tokens, Tensor cos, Tensor sin)
        {
            x += Attend(Norm(x), tokens, cos, sin);
            return x + Norm(x).Linear(Up).Relu().Square().Linear(Down);
        }

        Tensor Attend(Tensor x, Tensor tokens, Tensor cos, Tensor sin)
        {
            int b = x.Size(0), t = x.Size(1), d = x.Size(2) / heads;
            Tensor Heads(Tensor y) => y.Reshape(b, t, heads, d).Transpose(1, 2);                            // (B, H, T, D)
            var q = Norm(Rotated(Heads(x.Linear(Query)), cos, sin)) * Sharpness;
            var k = Norm(Rotated(Heads(x.Linear(Key)), cos, sin)) * Sharpness;
            var v = Heads(x.Linear(Value));
            if (ValueEmbedding is not null)
            {
                var gate = 3 * x.Narrow(-1, 0, GateChannels).Linear(ValueGate!).Sigmoid();                  // (B, T, H)
                v += gate.Transpose(1, 2).Unsqueeze(-1) * Heads(tokens.Embedding(ValueEmbedding));
            }
            var scores = q.Matmul(k.Transpose(-2, -1)) * (1 / Math.Sqrt(d));                                // (B, H, T, T)
            var time = Tensor.Arange(t);
            var weights = (time.Unsqueeze(1) < time).Where(double.NegativeInfinity, scores).Softmax(-1);
            return weights.Matmul(v).Transpose(1, 2).Reshape(b, t, heads * d).Linear(Output);               // (B, T, C)
        }

        /// <summary>Turns the pairs (i, i + D/2) of a head.</summary>
        static Tensor Rotated(Tensor x, Tensor cos, Tensor sin)
        {
            int half = x.Size(-1) / 2;
            Tensor low = x.Narrow(-1, 0, half), high = x.Narrow(-1, half, half);
            return Tensor.Cat([low * cos + high * sin, high * cos - low * sin], -1);
        }
    }
}
