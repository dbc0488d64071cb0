using Ingot.Nn;

namespace Ingot.Bench.Models;

/// <summary>BERT-base without its pooler, 109M parameters: 12 blocks of 12 heads, 768 wide, a norm after each part.</summary>
/// <remarks>Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers for language understanding".</remarks>
sealed class Bert
{
    const int Vocabulary = 30522, Positions = 512, Width = 768, Heads = 12, Layers = 12;
    const double Epsilon = 1e-12;

    readonly Embedding word = new(Vocabulary, Width), position = new(Positions, Width), kind = new(2, Width);
    readonly LayerNorm norm = new(Width, Epsilon);
    readonly Block[] blocks = [.. Enumerable.Range(0, Layers).Select(_ => new Block())];

    // Shapes: B sequences, T positions, C width, H heads, D = C / H.

    /// <summary>(B, T, C) from token numbers, kinds of segments (0 or 1) and a mask (1: a token, 0: padding), (B, T) each.</summary>
    public Tensor Forward(Tensor tokens, Tensor kinds, Tensor mask)
    {
        var x = norm.Forward(word.Forward(tokens) + kind.Forward(kinds) + position.Weight.Narrow(0, 0, tokens.Size(1)));
        var penalty = (1 - mask.To(DType.F32)) * -10000.0;                                  // (B, T)
        penalty = penalty.Unsqueeze(1).Unsqueeze(1);                                        // (B, 1, 1, T)
        foreach (var block in blocks) x = block.Forward(x, penalty);
        return x;
    }

    /// <summary>Multiply-adds of a sequence.</summary>
    public static double MultiplyAdds(int length) => Layers * (12.0 * Width * Width * length + 2.0 * length * length * Width);

    sealed class Block
    {
        readonly Linear query = new(Width, Width), key = new(Width, Width), value = new(Width, Width), output = new(Width, Width);
        readonly Linear up = new(Width, 4 * Width), down = new(4 * Width, Width);
        readonly LayerNorm attentionNorm = new(Width, Epsilon), outputNorm = new(Width, Epsilon);

        public Tensor Forward(Tensor x, Tensor penalty)
        {
            x = attentionNorm.Forward(Attend(x, penalty) + x);
            return outputNorm.Forward(down.Forward(up.Forward(x).Gelu()) + x);
        }

        Tensor Attend(Tensor x, Tensor penalty)
        {
            int b = x.Size(0), t = x.Size(1), d = Width / Heads;
            Tensor Split(Linear layer) => layer.Forward(x).Reshape(b, t, Heads, d).Transpose(1, 2);              // (B, H, T, D)
            var scores = Split(query).Matmul(Split(key).Transpose(-2, -1)) * (1 / Math.Sqrt(d)) + penalty;      // (B, H, T, T)
            return output.Forward(scores.Softmax(-1).Matmul(Split(value)).Transpose(1, 2).Reshape(b, t, Width));
        }
    }
}
