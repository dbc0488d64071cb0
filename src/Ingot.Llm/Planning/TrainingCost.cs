namespace Ingot.Llm.Planning;

/// <summary>How numbers are kept while training.</summary>
public enum TrainingFormat
{
    /// <summary>Everything in float32.</summary>
    Fp32,
    /// <summary>16-bit weights and gradients beside float32 master weights and moments: 16 bytes a parameter with Adam (Rajbhandari et al. 2020, "ZeRO", section 3.1).</summary>
    Mixed,
    /// <summary>Ingot's own: float32 weights and gradients, a bf16 copy of the weights for products, activations in bf16.</summary>
    Bf16,
}

/// <summary>What updates the weights.</summary>
public enum TrainingOptimizer
{
    /// <summary>No state.</summary>
    Sgd,
    /// <summary>Two float32 moments a parameter.</summary>
    Adam,
    /// <summary>One float32 momentum for matrices of the blocks, Adam for the rest.</summary>
    Muon,
}

/// <summary>Bytes by what they are for.</summary>
/// <param name="Weights">Copies of the weights in all formats.</param>
/// <param name="Gradients">Of all weights at one time; a fused step needs fewer.</param>
/// <param name="Optimizer">Moments.</param>
/// <param name="Activations">What the backward pass reads again, and the logits.</param>
public sealed record MemoryByKind(double Weights, double Gradients, double Optimizer, double Activations)
{
    public double Total => Weights + Gradients + Optimizer + Activations;
}

/// <summary>FLOPs, memory and expected loss of training a shape, from published formulas.</summary>
/// <param name="Shape">What is trained.</param>
/// <param name="Tokens">D: tokens it sees.</param>
public sealed record TrainingCost(ModelShape Shape, double Tokens)
{
    /// <summary>Tokens of a micro-batch, whose activations are in memory at one time.</summary>
    public double MicroBatchTokens { get; init; } = 4096;

    public TrainingFormat Format { get; init; } = TrainingFormat.Fp32;

    public TrainingOptimizer Optimizer { get; init; } = TrainingOptimizer.Adam;

    /// <summary>Blocks are computed again in the backward pass; only their inputs are kept.</summary>
    public bool Recompute { get; init; }

    /// <summary>6 N D: two FLOPs a weight and token forward, four backward, with N as the model's name has it, else counted.</summary>
    /// <remarks>Kaplan et al. 2020, "Scaling laws for neural language models", section 2.1.</remarks>
    public double SixNd => 6 * (Shape.NominalParameters > 0 ? Shape.NominalParameters : Shape.Parameters) * Tokens;

    /// <summary>6 FLOPs a weight in a matrix product and 12 L H D T for attention's two products over the full square, a token; what is computed again counts once more.</summary>
    /// <remarks>Chowdhery et al. 2022, "PaLM", appendix B.</remarks>
    public double ExactFlopsPerToken => Forward(Shape.ContextLength) * 3;

    /// <summary><see cref="ExactFlopsPerToken"/> for all tokens.</summary>
    public double ExactFlops => ExactFlopsPerToken * Tokens;

    /// <summary>What the machine really computes: a masked half of attention's square is skipped, recomputed blocks are computed twice.</summary>
    public double ExecutedFlops => (Forward(Shape.ContextLength / 2.0) * 3 + (Recompute ? Forward(Shape.ContextLength / 2.0) - 2.0 * Shape.VocabularySize * Shape.Width : 0)) * Tokens;

    double Forward(double positions) => 2.0 * Shape.MatrixParameters + 4.0 * Shape.Layers * Shape.Heads * Shape.HeadWidth * positions;

    /// <summary>Memory of training, by kind.</summary>
    public MemoryByKind Memory
    {
        get
        {
            double n = Shape.Parameters, matrices = (double)Shape.Layers * Shape.BlockMatrices;
            double weights = Format switch { TrainingFormat.Fp32 => 4, _ => 6 } * n;
            double gradients = (Format == TrainingFormat.Mixed ? 2 : 4) * n;
            double optimizer = Optimizer switch { TrainingOptimizer.Adam => 8 * n, TrainingOptimizer.Muon => 8 * (n - matrices) + 4 * matrices, _ => 0 };
            return new(weights, gradients, optimizer, ActivationBytes);
        }
    }

    /// <summary>
    /// Of a micro-batch. Kept of a block, in numbers a token: its input, the norm's output, queries, keys, values, attention's result, the middle of the residual stream, its norm's output, and
    /// the feed-forward layer's gate, rise and product (attention's scores are made again, as in FlashAttention). Recomputed, its input alone, and one block's rest. Beside them the logits in float32.
    /// </summary>
    /// <remarks>The terms of Korthikanti et al. 2022, "Reducing activation recomputation in large transformer models", equation 1, without dropout masks and scores, for these blocks.</remarks>
    double ActivationBytes
    {
        get
        {
            double size = Format == TrainingFormat.Fp32 ? 4 : 2, query = (double)Shape.Heads * Shape.HeadWidth, key = (double)Shape.KeyHeads * Shape.HeadWidth;
            double rest = 3.0 * Shape.Width + 2 * query + 2 * key + (Shape.IsGated ? 3.0 : 2.0) * Shape.Hidden;
            double blocks = Recompute ? Shape.Layers * (double)Shape.Width + rest : Shape.Layers * (Shape.Width + rest);
            return MicroBatchTokens * (size * blocks + 4.0 * Shape.VocabularySize);
        }
    }

    /// <summary>Bytes of keys and values a token of context: 2 L G D numbers.</summary>
    /// <remarks>Shazeer 2019, "Fast transformer decoding", with grouped heads (Ainslie et al. 2023).</remarks>
    /// <param name="shape">Of the model.</param>
    /// <param name="bytesPerNumber">2 for fp16 and bf16.</param>
    public static long KvCacheBytesPerToken(ModelShape shape, int bytesPerNumber) => 2L * shape.Layers * shape.KeyHeads * shape.HeadWidth * bytesPerNumber;

    /// <summary>Expected loss in nats a token on web text: 1.69 + 406.4 / N^0.34 + 410.7 / D^0.28.</summary>
    /// <remarks>Hoffmann et al. 2022, "Training compute-optimal large language models", equation 10. For other text and vocabularies it is another number.</remarks>
    public double ChinchillaLoss => 1.69 + 406.4 / Math.Pow(Shape.Parameters, 0.34) + 410.7 / Math.Pow(Tokens, 0.28);

    /// <summary>The tokens that <paramref name="perParameter"/> tokens a parameter are: 20 by Hoffmann et al. 2022, table 3.</summary>
    public static double OptimalTokens(ModelShape shape, double perParameter = 20) => perParameter * shape.Parameters;
}
