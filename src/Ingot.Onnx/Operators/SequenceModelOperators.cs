namespace Ingot.Onnx.Operators;

/// <summary>Recurrences that language models put in the place of attention: a state is carried from step to step, and from call to call.</summary>
static class SequenceModelOperators
{
    /// <summary>A convolution (N, C, time) of each channel by itself that sees only what came before, which starts with the state of an earlier call.</summary>
    [OnnxOperator("CausalConvWithState", Since = 27)]
    static Tensor[] CausalConvWithState(OperatorCall c)
    {
        var (input, weight) = (c.Tensor(0), c.Tensor(1)); // (N, C, T), (C, 1, K)
        if (input.Rank != 3 || weight.Rank != 3 || weight.Shape[1] != 1 || weight.Shape[0] != input.Shape[1])
            throw c.Bad($"needs an input of (batch, channels, time) and a weight of (channels, 1, width), not {input.Shape} and {weight.Shape}");
        int width = weight.Shape[2], before = width - 1;
        var past = c.OptionalTensor(3) ?? Tensor.Zeros([input.Shape[0], input.Shape[1], before], input.DType);
        var whole = before == 0 ? input : Tensor.Cat([past.To(input.DType), input], 2);
        var output = input.Shape[2] == 0 ? input : Activated(c, Convolved(whole, weight, c.OptionalTensor(2)), input.DType);
        return [output, whole.Narrow(2, whole.Shape[2] - before, before)];
    }

    /// <summary>Windows of the signal (N, C, T, K) by the channel's weights.</summary>
    static Tensor Convolved(Tensor whole, Tensor weight, Tensor? bias)
    {
        var compute = whole.DType == DType.F64 ? DType.F64 : DType.F32;
        var windows = whole.To(compute).Unfold(2, weight.Shape[2], 1);
        var sum = (windows * weight.To(compute)).Sum(-1);
        return bias is null ? sum : sum + bias.To(compute).Reshape(-1, 1);
    }

    static Tensor Activated(OperatorCall c, Tensor y, DType dtype) => c.Text("activation", "none") switch
    {
        "none" or "" => y.To(dtype),
        "silu" or "swish" => y.To(dtype).Widely(x => x.Silu()),
        var other => throw c.Bad($"activation '{other}' is not none, silu or swish"),
    };

    /// <summary>
    /// Linear attention (Katharopoulos et al. 2020; with a gate, Yang et al. 2024; with the delta rule, Schlag et al. 2021): a state S of (keys, values) for each head, to which
    /// every step adds k v^T, from which the query reads. Steps run one after the other.
    /// </summary>
    /// <remarks>Inputs are (B, T, heads * width); decay is in logarithms, for each key's element or for each head. Several query heads may share a state.</remarks>
    [OnnxOperator("LinearAttention", Since = 27)]
    static Tensor[] LinearAttention(OperatorCall c)
    {
        var input = c.Tensor(0);
        int queryHeads = Heads(c, "q_num_heads"), heads = Heads(c, "kv_num_heads");
        if (input.Rank != 3 || queryHeads % heads != 0) throw c.Bad($"needs (batch, time, heads * width) and a multiple of {heads} query heads, not {input.Shape} and {queryHeads}");
        int batch = input.Shape[0], time = input.Shape[1], keyWidth = input.Shape[2] / queryHeads, valueWidth = c.Shape(2)[2] / heads;
        double scale = c.Float("scale", 0);
        if (scale == 0) scale = 1 / Math.Sqrt(keyWidth);
        string rule = c.Text("update_rule", "gated_delta");
        var (isGated, isDelta) = rule switch
        {
            "linear" => (false, false),
            "gated" => (true, false),
            "delta" => (false, true),
            "gated_delta" => (true, true),
            _ => throw c.Bad($"update_rule '{rule}' is not linear, gated, delta or gated_delta"),
        };
        if ((isGated && !c.Has(4)) || (isDelta && !c.Has(5))) throw c.Bad($"update_rule '{rule}' needs {(isGated ? "a decay" : "")}{(rule == "gated_delta" ? " and " : "")}{(isDelta ? "a beta" : "")}");

        var compute = input.DType == DType.F64 ? DType.F64 : DType.F32;
        var query = Split(0, queryHeads); // (B, T, Hq, dk)
        var (key, value) = (Split(1, heads), Split(2, heads)); // (B, T, H, dk), (B, T, H, dv)
        var decay = isGated ? Split(4, heads).Exp() : null; // (B, T, H, dk or 1)
        var beta = isDelta ? PerHead(c.Tensor(5).To(compute)) : null; // (B, T, H or 1, 1)
        var state = c.OptionalTensor(3)?.To(compute) ?? Tensor.Zeros([batch, heads, keyWidth, valueWidth], compute); // (B, H, dk, dv)

        var outputs = new List<Tensor>();
        for (int t = 0; t < time; t++)
        {
            var k = key.Select(1, t).Unsqueeze(-1); // (B, H, dk, 1)
            if (decay is not null) state *= decay.Select(1, t).Unsqueeze(-1);
            var written = value.Select(1, t); // (B, H, dv)
            if (beta is not null) written = beta.Select(1, t) * (written - (state * k).Sum(-2));
            state = (state + k * written.Unsqueeze(-2)).Contiguous(); // each step's state is written once: the steps' arithmetic is not nested
            var q = query.Select(1, t).Reshape(batch, heads, queryHeads / heads, keyWidth);
            outputs.Add(q.Matmul(state).Reshape(batch, 1, queryHeads * valueWidth) * scale);
        }
        var output = time == 0 ? Tensor.Zeros([batch, 0, queryHeads * valueWidth], input.DType) : Tensor.Cat([.. outputs], 1).To(input.DType);
        return [output, state.To(c.OptionalTensor(3)?.DType ?? input.DType)];

        Tensor Split(int i, int count) => c.Tensor(i).To(compute).Reshape(batch, time, count, c.Shape(i)[2] / count);
        Tensor PerHead(Tensor x) => x.Reshape(batch, time, x.Shape[2], 1);
    }

    static int Heads(OperatorCall c, string name) => c.OptionalInt(name) is > 0 and var n and <= int.MaxValue ? (int)n : throw c.Bad($"needs {name}");
}
