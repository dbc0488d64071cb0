namespace Ingot.Tests.Golden;

static partial class GoldenOps
{
    static Dictionary<string, GoldenOperator> Linear() => new()
    {
        ["matmul"] = c => [c[0].Matmul(c[1])],
        ["einsum"] = c => [Tensor.Einsum(c.Text("equation"), c.From(0))],
        ["linear"] = c => [c[0].Linear(c[1], c.Maybe(2))],
        ["conv1d"] = c => [c[0].Conv1d(c[1], c.Maybe(2), c.Int("stride", 1), c.Int("padding", 0), c.Int("dilation", 1), c.Int("groups", 1))],
        ["conv2d"] = c => [c[0].Conv2d(c[1], c.Maybe(2), c.Pair("stride", 1), c.Pair("padding", 0), c.Pair("dilation", 1), c.Int("groups", 1))],
        ["max_pool1d"] = c => [c[0].MaxPool1d(c.Int("kernel_size"), c.Int("stride", c.Int("kernel_size")), c.Int("padding", 0), c.Int("dilation", 1))],
        ["max_pool2d"] = c => [c[0].MaxPool2d(c.Pair("kernel_size", 1), Stride(c), c.Pair("padding", 0), c.Pair("dilation", 1))],
        ["avg_pool1d"] = c => [c[0].AvgPool1d(c.Int("kernel_size"), c.Int("stride", c.Int("kernel_size")), c.Int("padding", 0), countIncludePad: c.Flag("count_include_pad", true))],
        ["avg_pool2d"] = c => [c[0].AvgPool2d(c.Pair("kernel_size", 1), Stride(c), c.Pair("padding", 0), countIncludePad: c.Flag("count_include_pad", true))],
    };

    static (int, int) Stride(GoldenCall c) => c.Has("stride") ? c.Pair("stride", 1) : c.Pair("kernel_size", 1);

    static Dictionary<string, GoldenOperator> Layers() => new()
    {
        ["layer_norm"] = c => [c[0].LayerNorm(c.Maybe(1), c.Maybe(2), c.Number("eps", 1e-5))],
        ["rms_norm"] = c => [c[0].RmsNorm(c.Maybe(1), c.Number("eps", 1e-5))],
        ["group_norm"] = c => [c[0].GroupNorm(c.Int("groups"), c.Maybe(1), c.Maybe(2), c.Number("eps", 1e-5))],
        ["batch_norm"] = BatchNorm,
        ["embedding"] = c => [c[0].Embedding(c[1])],
        ["dropout_eval"] = c => [c[0].Dropout(c.Number("p"), training: false)],
        ["sdpa"] = c => [c[0].ScaledDotProductAttention(c[1], c[2], c.Maybe(3), isCausal: c.Flag("is_causal"), scale: c.Has("scale") ? c.Number("scale") : null)],
    };

    /// <summary>The result, and the running statistics afterwards.</summary>
    static Tensor[] BatchNorm(GoldenCall c)
    {
        var y = c[0].BatchNorm(c[1], c[2], c.Maybe(3), c.Maybe(4), c.Flag("training"), c.Number("momentum", 0.1), c.Number("eps", 1e-5));
        return [y, c[1], c[2]];
    }

    static Dictionary<string, GoldenOperator> Losses() => new()
    {
        ["cross_entropy"] = c => [c[0].CrossEntropy(c[1], ignoreIndex: c.Int("ignore_index", -100), labelSmoothing: c.Number("label_smoothing", 0), reduction: Reduced(c))],
        ["nll_loss"] = c => [c[0].NllLoss(c[1], ignoreIndex: c.Int("ignore_index", -100), reduction: Reduced(c))],
        ["mse_loss"] = c => [c[0].MseLoss(c[1], Reduced(c))],
        ["l1_loss"] = c => [c[0].L1Loss(c[1], Reduced(c))],
        ["smooth_l1_loss"] = c => [c[0].SmoothL1Loss(c[1], beta: c.Number("beta", 1), reduction: Reduced(c))],
        ["bce_loss"] = c => [c[0].BceLoss(c[1], Reduced(c))],
        ["bce_with_logits_loss"] = c => [c[0].BceWithLogitsLoss(c[1], reduction: Reduced(c))],
        ["kl_div"] = c => [c[0].KlDiv(c[1], logTarget: c.Flag("log_target"), reduction: Reduced(c))],
    };

    static Reduction Reduced(GoldenCall c) => Enum.Parse<Reduction>(c.Text("reduction"), ignoreCase: true);
}
