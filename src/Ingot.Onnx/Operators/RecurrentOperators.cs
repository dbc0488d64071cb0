namespace Ingot.Onnx.Operators;

/// <summary>RNN, GRU and LSTM: the products with the inputs of all steps are one, then step by step.</summary>
static class RecurrentOperators
{
    /// <summary>What the three have in common: T steps, N sequences, I inputs, H hidden.</summary>
    sealed class Layout
    {
        public required OperatorCall Call { get; init; }
        public required Tensor X { get; init; } // (T, N, I)
        public required int Hidden { get; init; }
        public required bool IsBatchFirst { get; init; }
        public required string Direction { get; init; }
        public int Steps => X.Shape[0];
        public int Batch => X.Shape[1];
        public int Directions => Direction == "bidirectional" ? 2 : 1;
        public bool IsReverse(int direction) => Direction == "reverse" || direction == 1;

        /// <summary>(N, 1): whether a sequence has this step; null where all have.</summary>
        public Tensor? Has(int step) => Call.Has(4) ? (Call.Tensor(4) > step).Unsqueeze(1) : null;

        /// <summary>(directions, N, H) of an initial state, batch first or not; zeros where absent.</summary>
        public Tensor Initial(int input, int direction)
        {
            if (!Call.Has(input)) return Tensor.Zeros([Batch, Hidden], X.DType);
            return IsBatchFirst ? Call.Tensor(input).Select(1, direction) : Call.Tensor(input).Select(0, direction);
        }

        /// <summary>Outputs of all steps of all directions: (T, D, N, H), or (N, T, D, H).</summary>
        public Tensor Sequence(List<Tensor> ofDirections) => Tensor.Stack([.. ofDirections], 1) is var y && IsBatchFirst ? y.Permute(2, 0, 1, 3) : y;

        /// <summary>The last states: (D, N, H), or (N, D, H).</summary>
        public Tensor Last(List<Tensor> ofDirections) => Tensor.Stack([.. ofDirections], IsBatchFirst ? 1 : 0);
    }

    static Layout Of(OperatorCall c)
    {
        bool isBatchFirst = c.Int("layout", 0) == 1;
        var x = isBatchFirst ? c.Tensor(0).Transpose(0, 1) : c.Tensor(0);
        if (x.Rank != 3) throw c.Bad($"its input must have three dimensions, it is {c.Shape(0)}");
        return new() { Call = c, X = x, Hidden = c.Shape(2)[2], IsBatchFirst = isBatchFirst, Direction = c.Text("direction", "forward") };
    }

    /// <summary>One direction: x W^T with the input's bias for all steps, then the steps in their order.</summary>
    /// <param name="l">The layout.</param>
    /// <param name="direction">Which.</param>
    /// <param name="gates">Gates in the weights.</param>
    /// <param name="states">Initial states; the first is what the steps give.</param>
    /// <param name="step">From x W^T (N, gates H) of a step and the states to the next states.</param>
    static (Tensor Y, Tensor[] Last) Run(Layout l, int direction, int gates, Tensor[] states, Func<Tensor, Tensor[], Tensor[]> step)
    {
        var c = l.Call;
        var products = l.X.Reshape([l.Steps * l.Batch, l.X.Shape[2]]).Matmul(c.Tensor(1).Select(0, direction).T());
        if (c.Has(3)) products += c.Tensor(3).Select(0, direction).Narrow(0, 0, gates * l.Hidden);
        products = products.Reshape([l.Steps, l.Batch, gates * l.Hidden]);
        if (l.Steps > 1) products = products.Contiguous();
        var outputs = new Tensor[l.Steps];
        for (int i = 0; i < l.Steps; i++)
        {
            int t = l.IsReverse(direction) ? l.Steps - 1 - i : i;
            var next = step(products.Select(0, t), states);
            outputs[t] = next[0];
            if (l.Has(t) is { } has)
            {
                outputs[t] = has.Where(next[0], Tensor.ZerosLike(next[0]));
                next = [.. next.Select((s, j) => has.Where(s, states[j]))];
            }
            states = next;
        }
        return (l.Steps == 0 ? Tensor.Zeros([0, l.Batch, l.Hidden], l.X.DType) : Tensor.Stack(outputs, 0), states);
    }

    static Func<Tensor, Tensor>[] Activations(OperatorCall c, int direction, params string[] standard)
    {
        var names = c.Texts("activations") ?? [.. standard, .. standard];
        float[] alphas = c.Floats("activation_alpha") ?? [], betas = c.Floats("activation_beta") ?? [];
        // Alphas and betas are listed only for the functions that have them, in order.
        int a = 0, b = 0;
        var all = names.Select(n => Activation(c, n, ref a, ref b, alphas, betas)).ToArray();
        return all[(direction * standard.Length)..((direction + 1) * standard.Length)];
    }

    static Func<Tensor, Tensor> Activation(OperatorCall c, string name, ref int a, ref int b, float[] alphas, float[] betas)
    {
        float Take(float[] values, ref int at, float otherwise) => at < values.Length ? values[at++] : otherwise;
        float alpha, beta;
        switch (name.ToLowerInvariant())
        {
            case "sigmoid": return x => x.Sigmoid();
            case "tanh": return x => x.Tanh();
            case "relu": return x => x.Relu();
            case "softsign": return x => x.Softsign();
            case "softplus": return x => x.Softplus();
            case "affine":
                (alpha, beta) = (Take(alphas, ref a, 1), Take(betas, ref b, 0));
                return x => (x * alpha) + beta;
            case "leakyrelu":
                alpha = Take(alphas, ref a, 0.01f);
                return x => x.LeakyRelu(alpha);
            case "thresholdedrelu":
                alpha = Take(alphas, ref a, 1);
                return x => x.Threshold(alpha, 0);
            case "scaledtanh":
                (alpha, beta) = (Take(alphas, ref a, 1), Take(betas, ref b, 1));
                return x => (x * beta).Tanh() * alpha;
            case "hardsigmoid":
                (alpha, beta) = (Take(alphas, ref a, 0.2f), Take(betas, ref b, 0.5f));
                return x => ((x * alpha) + beta).Clamp(0f, 1f);
            case "elu":
                alpha = Take(alphas, ref a, 1);
                return x => x.Elu(alpha);
            default: throw c.Bad($"there is no activation '{name}'");
        }
    }

    static Func<Tensor, Tensor> Clip(OperatorCall c) => c.OptionalFloat("clip") is { } clip ? x => x.Clamp(-clip, clip) : x => x;

    static Tensor? RecurrentBias(OperatorCall c, int direction, int gates, int hidden) => c.Has(3) ? c.Tensor(3).Select(0, direction).Narrow(0, gates * hidden, gates * hidden) : null;

    [OnnxOperator("RNN")]
    static Tensor[] Rnn(OperatorCall c)
    {
        var l = Of(c);
        var clip = Clip(c);
        List<Tensor> sequences = [], last = [];
        for (int d = 0; d < l.Directions; d++)
        {
            var f = Activations(c, d, "Tanh")[0];
            var (r, bias) = (c.Tensor(2).Select(0, d).T(), RecurrentBias(c, d, 1, l.Hidden));
            var (y, h) = Run(l, d, 1, [l.Initial(5, d)], (x, s) =>
            {
                var sum = x + s[0].Matmul(r);
                return [f(clip(bias is null ? sum : sum + bias))];
            });
            sequences.Add(y);
            last.Add(h[0]);
        }
        return [l.Sequence(sequences), l.Last(last)];
    }

    [OnnxOperator("GRU")]
    static Tensor[] Gru(OperatorCall c)
    {
        var l = Of(c);
        var clip = Clip(c);
        int n = l.Hidden;
        bool resetsAfter = c.Opset >= 3 && c.Flag("linear_before_reset");
        List<Tensor> sequences = [], last = [];
        for (int d = 0; d < l.Directions; d++)
        {
            var f = Activations(c, d, "Sigmoid", "Tanh");
            var (r, bias) = (c.Tensor(2).Select(0, d), RecurrentBias(c, d, 3, n)); // update, reset, hidden
            Tensor gates = r.Narrow(0, 0, 2 * n).T(), candidate = r.Narrow(0, 2 * n, n).T();
            var (y, h) = Run(l, d, 3, [l.Initial(5, d)], (x, s) =>
            {
                var both = x.Narrow(1, 0, 2 * n) + s[0].Matmul(gates);
                if (bias is not null) both += bias.Narrow(0, 0, 2 * n);
                both = f[0](clip(both));
                Tensor update = both.Narrow(1, 0, n), reset = both.Narrow(1, n, n), xh = x.Narrow(1, 2 * n, n);
                Tensor recurrent = resetsAfter ? s[0].Matmul(candidate) : (reset * s[0]).Matmul(candidate);
                if (bias is not null) recurrent += bias.Narrow(0, 2 * n, n);
                var hidden = f[1](clip(xh + (resetsAfter ? reset * recurrent : recurrent)));
                return [((1 - update) * hidden) + (update * s[0])];
            });
            sequences.Add(y);
            last.Add(h[0]);
        }
        return [l.Sequence(sequences), l.Last(last)];
    }

    [OnnxOperator("LSTM")]
    static Tensor[] Lstm(OperatorCall c)
    {
        var l = Of(c);
        var clip = Clip(c);
        int n = l.Hidden;
        bool couples = c.Flag("input_forget");
        List<Tensor> sequences = [], last = [], cells = [];
        for (int d = 0; d < l.Directions; d++)
        {
            var f = Activations(c, d, "Sigmoid", "Tanh", "Tanh");
            var (r, bias) = (c.Tensor(2).Select(0, d).T(), RecurrentBias(c, d, 4, n)); // input, output, forget, cell
            var peepholes = c.OptionalTensor(7)?.Select(0, d); // input, output, forget
            Tensor Peep(int gate, Tensor cell) => peepholes!.Narrow(0, gate * n, n) * cell;
            var (y, h) = Run(l, d, 4, [l.Initial(5, d), l.Initial(6, d)], (x, s) =>
            {
                var all = x + s[0].Matmul(r);
                if (bias is not null) all += bias;
                Tensor i = all.Narrow(1, 0, n), o = all.Narrow(1, n, n), g = all.Narrow(1, 2 * n, n), cell = all.Narrow(1, 3 * n, n);
                if (peepholes is not null) (i, g) = (i + Peep(0, s[1]), g + Peep(2, s[1]));
                i = f[0](clip(i));
                g = couples ? 1 - i : f[0](clip(g));
                var next = (g * s[1]) + (i * f[1](clip(cell)));
                if (peepholes is not null) o += Peep(1, next);
                return [f[0](clip(o)) * f[2](next), next];
            });
            sequences.Add(y);
            last.Add(h[0]);
            cells.Add(h[1]);
        }
        return [l.Sequence(sequences), l.Last(last), l.Last(cells)];
    }
}
