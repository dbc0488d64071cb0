namespace Ingot.Onnx.Operators;

/// <summary>Steps of optimizers (ai.onnx.preview.training): the rate, the step's number, then parameters, gradients and states, one after the other.</summary>
static class TrainingOperators
{
    const string Training = "ai.onnx.preview.training";

    /// <summary>The inputs after the first two, in as many lists as there are kinds.</summary>
    static (Tensor Rate, Tensor Step, Tensor[][] Lists) Parts(OperatorCall c, int kinds)
    {
        int each = (c.InputCount - 2) / kinds;
        if (c.InputCount - 2 != each * kinds) throw c.Bad($"{c.InputCount} inputs are not a rate, a step and {kinds} for each parameter");
        var lists = Enumerable.Range(0, kinds).Select(k => Enumerable.Range(0, each).Select(i => c.Tensor(2 + k * each + i)).ToArray()).ToArray();
        return (c.Tensor(0).Reshape(), c.Tensor(1).Reshape(), lists);
    }

    [OnnxOperator("Adagrad", Domain = Training)]
    static Tensor[] Adagrad(OperatorCall c)
    {
        var (rate, step, lists) = Parts(c, 3);
        double decay = c.Float("decay_factor", 0), epsilon = c.Float("epsilon", 1e-6f), norm = c.Float("norm_coefficient", 0);
        var now = rate.To(DType.F64) / (1 + step.To(DType.F64) * decay);
        var sums = new Tensor[lists[0].Length];
        var parameters = lists[0].Select((x, i) =>
        {
            var gradient = lists[1][i] + x * norm;
            sums[i] = lists[2][i] + gradient.Square();
            return x - now.To(x.DType) * gradient / (sums[i].Sqrt() + epsilon);
        }).ToArray();
        return [.. parameters, .. sums];
    }

    [OnnxOperator("Momentum", Domain = Training)]
    static Tensor[] Momentum(OperatorCall c)
    {
        var (rate, step, lists) = Parts(c, 3);
        double alpha = c.OptionalFloat("alpha") ?? throw c.Bad("needs alpha"), beta = c.OptionalFloat("beta") ?? throw c.Bad("needs beta"), norm = c.Float("norm_coefficient", 0);
        bool isNesterov = c.Text("mode", "standard") == "nesterov";
        var velocities = new Tensor[lists[0].Length];
        var parameters = lists[0].Select((x, i) =>
        {
            var gradient = lists[1][i] + x * norm;
            var share = step.Eq(0).Where(Tensor.Ones([], x.DType), Tensor.Full([], beta, x.DType)); // the first gradient counts in full
            velocities[i] = lists[2][i] * alpha + gradient * share;
            var direction = isNesterov ? gradient + velocities[i] * alpha : velocities[i];
            return x - rate.To(x.DType) * direction;
        }).ToArray();
        return [.. parameters, .. velocities];
    }

    [OnnxOperator("Adam", Domain = Training)]
    static Tensor[] Adam(OperatorCall c)
    {
        var (rate, step, lists) = Parts(c, 4);
        double alpha = c.Float("alpha", 0.9f), beta = c.Float("beta", 0.999f), epsilon = c.Float("epsilon", 1e-6f);
        double norm = c.Float("norm_coefficient", 0), after = c.Float("norm_coefficient_post", 0);
        var t = step.To(DType.F64);
        var corrected = (t > 0).Where(rate.To(DType.F64) * (1 - Power(beta, t)).Sqrt() / (1 - Power(alpha, t)), rate.To(DType.F64));
        var (first, second) = (new Tensor[lists[0].Length], new Tensor[lists[0].Length]);
        var parameters = lists[0].Select((x, i) =>
        {
            var gradient = lists[1][i] + x * norm;
            first[i] = lists[2][i] * alpha + gradient * (1 - alpha);
            second[i] = lists[3][i] * beta + gradient.Square() * (1 - beta);
            var moved = x - corrected.To(x.DType) * first[i] / (second[i].Sqrt() + epsilon);
            return moved * (1 - after);
        }).ToArray();
        return [.. parameters, .. first, .. second];
    }

    static Tensor Power(double b, Tensor exponent) => Tensor.Full([1], b, DType.F64).Reshape().Pow(exponent);
}
