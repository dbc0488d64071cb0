namespace Ingot.Llm.Models;

/// <summary>The shape of a Llama.</summary>
/// <param name="Width">C: the residual stream.</param>
/// <param name="Hidden">The feed-forward layer's inner width.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">H: query heads; C / H wide each.</param>
/// <param name="KeyHeads">G: key and value heads, each shared by H / G query heads (grouped-query attention).</param>
/// <param name="VocabularySize">V.</param>
/// <param name="ContextLength">The most positions it was trained for.</param>
/// <param name="RopeTheta">Base of the rotary frequencies.</param>
/// <param name="NormEpsilon">Added to the mean square in RMS norm.</param>
public sealed record LlamaConfig(
    int Width, int Hidden, int Layers, int Heads, int KeyHeads, int VocabularySize, int ContextLength, double RopeTheta = 10000, double NormEpsilon = 1e-5)
{
    /// <summary>D: the width of a head.</summary>
    public int HeadWidth => Width / Heads;
}

/// <summary>The weights of one block; matrices are (out, in).</summary>
public sealed record LlamaBlock(
    Tensor AttentionNorm, Tensor Query, Tensor Key, Tensor Value, Tensor Output, Tensor FeedForwardNorm, Tensor Gate, Tensor Down, Tensor Up);

/// <summary>
/// Llama: RMS norm before each part, rotary positions on adjacent pairs (2i, 2i + 1), grouped-query attention, SwiGLU, no biases.
/// </summary>
/// <remarks>Touvron et al. 2023, "LLaMA: open and efficient foundation language models"; the conventions are those of Meta's and llama2.c's checkpoints.</remarks>
public sealed class Llama(LlamaConfig config, Tensor embedding, IReadOnlyList<LlamaBlock> blocks, Tensor finalNorm, Tensor head) : ILanguageModel
{
    readonly (Tensor Cos, Tensor Sin) rotations = RotaryTables(config);

    public LlamaConfig Config { get; } = config;

    public int ContextLength => Config.ContextLength;

    public int VocabularySize => Config.VocabularySize;

    // Shapes: B sequences, T positions, C width, H query heads, G key heads, D head width, V vocabulary.

    public Tensor Forward(Tensor tokens)
    {
        int t = tokens.Size(1);
        if (t > ContextLength) throw new ShapeException($"{t} tokens do not fit into a context of {ContextLength}");
        var x = tokens.Embedding(embedding);                                      // (B, T, C)
        foreach (var block in blocks)
        {
            x += Attention(block, x.RmsNorm(block.AttentionNorm, Config.NormEpsilon));
            x += FeedForward(block, x.RmsNorm(block.FeedForwardNorm, Config.NormEpsilon));
        }
        return x.RmsNorm(finalNorm, Config.NormEpsilon).Linear(head);                                // (B, T, V)
    }

    Tensor Attention(LlamaBlock block, Tensor x)
    {
        int b = x.Size(0), t = x.Size(1), h = Config.Heads, g = Config.KeyHeads, d = Config.HeadWidth;
        var q = Rotate(x.Linear(block.Query).Reshape(b, t, h, d).Transpose(1, 2));  // (B, H, T, D)
        var k = Rotate(x.Linear(block.Key).Reshape(b, t, g, d).Transpose(1, 2));    // (B, G, T, D)
        var v = x.Linear(block.Value).Reshape(b, t, g, d).Transpose(1, 2);          // (B, G, T, D)
        // The H / G query heads of a group stand beside each other and meet the group's keys by broadcasting.
        q = q.Reshape(b, g, h / g, t, d);                                           // (B, G, H/G, T, D)
        k = k.Unsqueeze(2);                                                         // (B, G, 1, T, D)
        v = v.Unsqueeze(2);
        var scores = q.Matmul(k.Transpose(-2, -1)) * (1 / Math.Sqrt(d));            // (B, G, H/G, T, T)
        var position = Tensor.Arange(t);
        var isFuture = position.Unsqueeze(1) < position;                            // (T, T): query t sees keys up to t
        var weights = isFuture.Where(double.NegativeInfinity, scores).Softmax(-1);
        return weights.Matmul(v)                                                    // (B, G, H/G, T, D)
            .Reshape(b, h, t, d).Transpose(1, 2).Reshape(b, t, h * d)               // (B, T, C)
            .Linear(block.Output);
    }

    static Tensor FeedForward(LlamaBlock block, Tensor x) => (x.Linear(block.Gate).Silu() * x.Linear(block.Up)).Linear(block.Down);

    /// <summary>Turns each adjacent pair of a head by an angle proportional to its position.</summary>
    Tensor Rotate(Tensor x)
    {
        int b = x.Size(0), heads = x.Size(1), t = x.Size(2), half = Config.HeadWidth / 2;
        var pairs = x.Reshape(b, heads, t, half, 2);
        Tensor even = pairs.Narrow(-1, 0, 1), odd = pairs.Narrow(-1, 1, 1);                               // (B, heads, T, D/2, 1)
        Tensor cos = rotations.Cos.Narrow(0, 0, t).Unsqueeze(-1), sin = rotations.Sin.Narrow(0, 0, t).Unsqueeze(-1); // (T, D/2, 1)
        return Tensor.Cat([even * cos - odd * sin, even * sin + odd * cos], -1).Reshape(b, heads, t, 2 * half);
    }

    /// <summary>(T, D/2) each: cosine and sine of position times theta^(-2i/D).</summary>
    static (Tensor, Tensor) RotaryTables(LlamaConfig config)
    {
        int half = config.HeadWidth / 2;
        var cos = new float[config.ContextLength * half];
        var sin = new float[cos.Length];
        for (int i = 0; i < cos.Length; i++)
        {
            double angle = i / half * Math.Pow(config.RopeTheta, -2.0 * (i % half) / config.HeadWidth);
            (cos[i], sin[i]) = ((float)Math.Cos(angle), (float)Math.Sin(angle));
        }
        return (Tensor.From(cos, config.ContextLength, half), Tensor.From(sin, config.ContextLength, half));
    }
}
