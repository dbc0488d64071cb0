namespace Ingot.Onnx.Operators;

/// <summary>Losses of classes.</summary>
static class LossOperators
{
    /// <summary>Minus the target's element along the classes (N, C, ...), which holds log-probabilities.</summary>
    [OnnxOperator("NegativeLogLikelihoodLoss", Since = 12)]
    static Tensor NegativeLogLikelihoodLoss(OperatorCall c) => c.Tensor(0).Widely(x => Loss(c, x));

    /// <summary>The same of scores, whose log-probabilities are the second output.</summary>
    [OnnxOperator("SoftmaxCrossEntropyLoss", Since = 12)]
    static Tensor[] SoftmaxCrossEntropyLoss(OperatorCall c)
    {
        var scores = c.Tensor(0);
        var logs = scores.Widely(x => x.LogSoftmax(1));
        return [scores.Widely(x => Loss(c, x.LogSoftmax(1))), logs];
    }

    /// <param name="c">The call: the targets, the classes' weights, how the loss is reduced, and the target that does not count.</param>
    /// <param name="logs">Log-probabilities (N, C, ...).</param>
    static Tensor Loss(OperatorCall c, Tensor logs)
    {
        var target = c.Tensor(1).To(DType.I64); // (N, ...)
        var weights = c.OptionalTensor(2)?.To(logs.DType);
        var ignored = c.OptionalInt("ignore_index") is { } index ? target.Eq(index) : null;
        var chosen = ignored is null ? target : ignored.Where(Tensor.ZerosLike(target), target);
        var loss = -logs.Gather(1, chosen.Unsqueeze(1)).Squeeze(1);
        var weight = weights?.IndexSelect(0, chosen.Flatten()).Reshape(target.Shape);
        if (ignored is not null) weight = ignored.Where(Tensor.ZerosLike(loss), weight ?? Tensor.OnesLike(loss));
        if (weight is not null) loss *= weight;
        return c.Text("reduction", "mean") switch
        {
            "none" => loss,
            "sum" => loss.Sum(),
            "mean" => weight is null ? loss.Mean() : loss.Sum() / weight.Sum(),
            var other => throw c.Bad($"reduction '{other}' is not none, sum or mean"),
        };
    }
}
