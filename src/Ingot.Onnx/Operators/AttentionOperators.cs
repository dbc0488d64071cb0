namespace Ingot.Onnx.Operators;

/// <summary>Attention of heads (B, H, T, D), with masks, caches and caps; its linear and flexible relatives; rotary positions.</summary>
static class AttentionOperators
{
    [OnnxOperator("Attention", Since = 23)]
    static Tensor[] Attention(OperatorCall c)
    {
        Tensor q = c.Tensor(0), k = c.Tensor(1), v = c.Tensor(2);
        var dtype = q.DType;
        bool isPacked = q.Rank == 3;
        if (isPacked)
        {
            int heads = (int)(c.OptionalInt("q_num_heads") ?? throw c.Bad("has no q_num_heads")), shared = (int)(c.OptionalInt("kv_num_heads") ?? throw c.Bad("has no kv_num_heads"));
            (q, k, v) = (Heads(c, q, heads), Heads(c, k, shared), Heads(c, v, shared));
        }
        if (q.Rank != 4 || k.Rank != 4 || v.Rank != 4) throw c.Bad($"Q {c.Shape(0)}, K {c.Shape(1)} and V {c.Shape(2)} must have three or four dimensions each");
        int past = 0;
        if (c.Has(4))
        {
            past = c.Shape(4)[2];
            (k, v) = (Tensor.Cat([c.Tensor(4), k], 2), Tensor.Cat([c.Tensor(5), v], 2));
        }
        var (presentKey, presentValue) = (k, v);
        int group = q.Shape[1] / Math.Max(1, k.Shape[1]);
        if (k.Shape[1] == 0 || q.Shape[1] != group * k.Shape[1]) throw c.Bad($"{q.Shape[1]} heads of Q do not fit {k.Shape[1]} of K");
        if (group > 1) (k, v) = (k.RepeatInterleave(group, 1), v.RepeatInterleave(group, 1));
        float scale = c.OptionalFloat("scale") ?? (float)(1 / Math.Sqrt(q.Shape[3])), root = MathF.Sqrt(scale);
        int mode = (int)c.Int("qk_matmul_output_mode", 0);
        var compute = c.DType("softmax_precision", OnnxDType.Undefined) is var p && p != OnnxDType.Undefined ? p.Storage : dtype.ComputeType;
        var scores = (q * root).To(dtype).Matmul((k * root).To(dtype).Transpose(2, 3)); // (B, H, T, S)
        var shown = scores;
        float cap = c.Float("softcap", 0);
        var bias = Bias(c, q, k.Shape[2], past);
        if (cap > 0) scores = (scores / cap).Tanh() * cap;
        if (mode == 1) shown = scores;
        if (bias is not null) scores += bias.To(scores.DType);
        if (mode == 2) shown = scores;
        var probabilities = scores.To(compute).Softmax(-1);
        if (bias is not null)
        {
            // A row that may look at nothing gives nothing.
            var isBlind = bias.Amax([-1], keepDim: true).Eq(double.NegativeInfinity);
            probabilities = isBlind.Where(Tensor.ZerosLike(probabilities), probabilities);
        }
        if (mode == 3) shown = probabilities;
        var y = probabilities.To(dtype).Matmul(v);
        if (isPacked) y = y.Permute(0, 2, 1, 3).Flatten(2);
        return [y.To(dtype), presentKey, presentValue, shown.To(dtype)];
    }

    static Tensor Heads(OperatorCall c, Tensor x, int heads) => heads > 0 && x.Rank == 3 && x.Shape[2] % heads == 0 ? x.Reshape(x.Shape[0], x.Shape[1], heads, x.Shape[2] / heads).Permute(0, 2, 1, 3)
        : throw c.Bad($"{x.Shape} does not hold {heads} heads");

    /// <summary>What is added to scores (.., T, S): 0 where a query may look, -inf where not, or the mask's own numbers; null: it may look anywhere.</summary>
    static Tensor? Bias(OperatorCall c, Tensor q, int keys, int past)
    {
        int queries = q.Shape[2];
        Tensor? bias = null;
        if (c.OptionalTensor(3) is { } mask)
        {
            if (mask.DType == DType.Bool) mask = mask.Where(0f, float.NegativeInfinity);
            if (mask.Shape[^1] < keys) mask = mask.Pad([0, keys - mask.Shape[^1]], PadMode.Constant, double.NegativeInfinity);
            bias = mask;
        }
        var lengths = c.OptionalTensor(6)?.To(DType.I64).Reshape([-1, 1, 1, 1]);
        // A query's own place among the keys: after what is cached.
        var place = Tensor.Arange(0L, queries).Reshape(queries, 1) + (lengths is not null && past == 0 ? lengths - queries : (Tensor)(long)past);
        var key = Tensor.Arange(0L, keys);
        Tensor? sees = c.Flag("is_causal") ? key <= place : null;
        long left = c.Int("left_window_size", -1), right = c.Int("right_window_size", -1);
        if (left >= 0) And(key >= place - left);
        if (right >= 0) And(key <= place + right);
        if (lengths is not null) And(key < lengths);
        if (sees is null) return bias;
        var blocked = sees.Where(0f, float.NegativeInfinity);
        return bias is null ? blocked : sees.Where(bias.To(bias.DType.ComputeType), Tensor.Full([], double.NegativeInfinity, bias.DType.ComputeType));

        void And(Tensor more) => sees = sees is null ? more : sees & more;
    }

    [OnnxOperator("RotaryEmbedding", Since = 23)]
    static Tensor RotaryEmbedding(OperatorCall c)
    {
        Tensor x = c.Tensor(0), cos = c.Tensor(1), sin = c.Tensor(2);
        bool isPacked = x.Rank == 3;
        if (isPacked) x = Heads(c, x, (int)c.Int("num_heads", 0)); // (B, H, T, D)
        int size = x.Shape[3], rotated = (int)c.Int("rotary_embedding_dim", 0);
        if (rotated == 0) rotated = size;
        if (c.OptionalTensor(3) is { } positions) (cos, sin) = (positions.Embedding(cos), positions.Embedding(sin));
        if (cos.Rank != 3 || cos.Shape[2] * 2 != rotated || rotated > size) throw c.Bad($"a cosine cache {c.Shape(1)} does not fit {rotated} rotated elements of {size}");
        (cos, sin) = (cos.Unsqueeze(1), sin.Unsqueeze(1)); // (B, 1, T, D/2)
        var part = x.Narrow(3, 0, rotated);
        bool isInterleaved = c.Flag("interleaved");
        var pairs = isInterleaved ? part.Reshape([.. part.Shape.Span[..3], rotated / 2, 2]) : part.Reshape([.. part.Shape.Span[..3], 2, rotated / 2]);
        int axis = isInterleaved ? 4 : 3;
        Tensor a = pairs.Select(axis, 0), b = pairs.Select(axis, 1);
        var y = Tensor.Stack([(cos * a) - (sin * b), (sin * a) + (cos * b)], axis).Reshape(part.Shape);
        if (rotated < size) y = Tensor.Cat([y, x.Narrow(3, rotated, size - rotated)], 3);
        return isPacked ? y.Permute(0, 2, 1, 3).Reshape(c.Shape(0)) : y;
    }

    [OnnxOperator("FlexAttention", Domain = "ai.onnx.preview")]
    static Tensor FlexAttention(OperatorCall c)
    {
        Tensor q = c.Tensor(0), k = c.Tensor(1), v = c.Tensor(2);
        if (q.Rank != 4 || k.Rank != 4 || v.Rank != 4) throw c.Bad($"Q {q.Shape}, K {k.Shape} and V {v.Shape} must have four dimensions each");
        int group = q.Shape[1] / Math.Max(1, k.Shape[1]);
        if (group > 1) (k, v) = (k.RepeatInterleave(group, 1), v.RepeatInterleave(group, 1));
        float root = MathF.Sqrt(c.OptionalFloat("scale") ?? (float)(1 / Math.Sqrt(q.Shape[3])));
        var scores = (q * root).To(q.DType).Matmul((k * root).To(q.DType).Transpose(2, 3));
        var precision = c.DType("softmax_precision", OnnxDType.Undefined);
        scores = scores.To(precision != OnnxDType.Undefined ? precision.Storage : q.DType.ComputeType);
        scores = Modified(c, "score_mod", scores);
        var probabilities = Modified(c, "prob_mod", scores.Softmax(-1));
        return probabilities.Matmul(v.To(probabilities.DType)).To(v.DType);
    }

    /// <summary>A graph attribute applied to every score.</summary>
    static Tensor Modified(OperatorCall c, string name, Tensor x) =>
        c.Graph(name) is not { } graph ? x : graph.Run([x])[0] is OnnxTensor y ? y.Tensor.To(x.DType) : throw c.Bad($"its {name} gives no tensor");
}
