namespace Ingot.Tests.Golden;

static partial class GoldenOps
{
    static Dictionary<string, GoldenOperator> Linear() => new()
    {
        ["matmul"] = c => [c[0].Matmul(c[1])],
        ["einsum"] = c => [Tensor.Einsum(c.Text("equation"), c.From(0))],
        ["linear"] = c => [c[0].Linear(c[1], c.Maybe(2))],
        ["conv1d"] = c => [c[0].Conv1d(c[1], c.Maybe(2), c.Each("stride"), Margin(c), c.Each("dilation"), c.Int("groups", 1))],
        ["conv2d"] = c => [c[0].Conv2d(c[1], c.Maybe(2), c.Each("stride"), Margin(c), c.Each("dilation"), c.Int("groups", 1))],
        ["conv3d"] = c => [c[0].Conv3d(c[1], c.Maybe(2), c.Each("stride"), Margin(c), c.Each("dilation"), c.Int("groups", 1))],
        ["conv_transpose1d"] = c => [c[0].ConvTranspose1d(c[1], c.Maybe(2), c.Each("stride"), c.Each("padding"), c.Each("output_padding"), c.Int("groups", 1), c.Each("dilation"))],
        ["conv_transpose2d"] = c => [c[0].ConvTranspose2d(c[1], c.Maybe(2), c.Each("stride"), c.Each("padding"), c.Each("output_padding"), c.Int("groups", 1), c.Each("dilation"))],
        ["conv_transpose3d"] = c => [c[0].ConvTranspose3d(c[1], c.Maybe(2), c.Each("stride"), c.Each("padding"), c.Each("output_padding"), c.Int("groups", 1), c.Each("dilation"))],
        ["unfold"] = c => [c[0].Unfold(c.Each("kernel_size"), c.Each("dilation"), c.Each("padding"), c.Each("stride"))],
        ["fold"] = c => [c[0].Fold(c.Each("output_size"), c.Each("kernel_size"), c.Each("dilation"), c.Each("padding"), c.Each("stride"))],
        ["interpolate"] = c => [Interpolate(c)],
    };

    static ConvPadding Margin(GoldenCall c) => c.IsText("padding") ? c.Text("padding") : c.Each("padding");

    static Tensor Interpolate(GoldenCall c)
    {
        var mode = Enum.Parse<InterpolationMode>(c.Text("mode").Replace("-", ""), ignoreCase: true);
        bool corners = c.Flag("align_corners"), recompute = c.Flag("recompute_scale_factor");
        return c.IsList("scale_factor") ? c[0].Interpolate(c.Doubles("scale_factor"), mode, corners, recompute)
            : c[0].Interpolate(c.Each("size"), c.Has("scale_factor") ? c.Number("scale_factor") : null, mode, corners, recompute);
    }

    static Dictionary<string, GoldenOperator> Pooling() => new()
    {
        ["max_pool1d"] = c => [c[0].MaxPool1d(c.Each("kernel_size"), c.Each("stride"), c.Each("padding"), c.Each("dilation"), c.Flag("ceil_mode"))],
        ["max_pool2d"] = c => [c[0].MaxPool2d(c.Each("kernel_size"), c.Each("stride"), c.Each("padding"), c.Each("dilation"), c.Flag("ceil_mode"))],
        ["max_pool3d"] = c => [c[0].MaxPool3d(c.Each("kernel_size"), c.Each("stride"), c.Each("padding"), c.Each("dilation"), c.Flag("ceil_mode"))],
        ["avg_pool1d"] = c => [c[0].AvgPool1d(c.Each("kernel_size"), c.Each("stride"), c.Each("padding"), c.Flag("ceil_mode"), c.Flag("count_include_pad", true))],
        ["avg_pool2d"] = c => [c[0].AvgPool2d(c.Each("kernel_size"), c.Each("stride"), c.Each("padding"), c.Flag("ceil_mode"), c.Flag("count_include_pad", true), Divisor(c))],
        ["avg_pool3d"] = c => [c[0].AvgPool3d(c.Each("kernel_size"), c.Each("stride"), c.Each("padding"), c.Flag("ceil_mode"), c.Flag("count_include_pad", true), Divisor(c))],
        ["adaptive_avg_pool1d"] = c => [c[0].AdaptiveAvgPool1d(c.Each("output_size"))],
        ["adaptive_avg_pool2d"] = c => [c[0].AdaptiveAvgPool2d(c.Each("output_size"))],
        ["adaptive_avg_pool3d"] = c => [c[0].AdaptiveAvgPool3d(c.Each("output_size"))],
        ["adaptive_max_pool1d"] = c => [c[0].AdaptiveMaxPool1d(c.Each("output_size"))],
        ["adaptive_max_pool2d"] = c => [c[0].AdaptiveMaxPool2d(c.Each("output_size"))],
        ["adaptive_max_pool3d"] = c => [c[0].AdaptiveMaxPool3d(c.Each("output_size"))],
    };

    static int? Divisor(GoldenCall c) => c.Has("divisor_override") ? c.Int("divisor_override") : null;

    static Dictionary<string, GoldenOperator> Layers() => new()
    {
        ["layer_norm"] = c => [c[0].LayerNorm(c.Maybe(1), c.Maybe(2), c.Number("eps", 1e-5))],
        ["rms_norm"] = c => [c[0].RmsNorm(c.Maybe(1), c.Number("eps", 1e-5))],
        ["group_norm"] = c => [c[0].GroupNorm(c.Int("groups"), c.Maybe(1), c.Maybe(2), c.Number("eps", 1e-5))],
        ["batch_norm"] = BatchNorm,
        ["instance_norm"] = InstanceNorm,
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

    /// <summary>The result, and the running statistics afterwards if there are any.</summary>
    static Tensor[] InstanceNorm(GoldenCall c)
    {
        var y = c[0].InstanceNorm(c.Maybe(1), c.Maybe(2), c.Maybe(3), c.Maybe(4), c.Flag("use_input_stats", true), c.Number("momentum", 0.1), c.Number("eps", 1e-5));
        return c.Maybe(1) is null ? [y] : [y, c[1], c[2]];
    }

    static Dictionary<string, GoldenOperator> Losses() => new()
    {
        ["cross_entropy"] = c => [c[0].CrossEntropy(c[1], ignoreIndex: c.Int("ignore_index", -100), labelSmoothing: c.Number("label_smoothing", 0), reduction: Reduced(c))],
        ["nll_loss"] = c => [c[0].NllLoss(c[1], ignoreIndex: c.Int("ignore_index", -100), reduction: Reduced(c))],
        ["mse_loss"] = c => [c[0].MseLoss(c[1], Reduced(c))],
        ["l1_loss"] = c => [c[0].L1Loss(c[1], Reduced(c))],
        ["smooth_l1_loss"] = c => [c[0].SmoothL1Loss(c[1], beta: c.Number("beta", 1), reduction: Reduced(c))],
        ["bce_loss"] = c => [c[0].BceLoss(c[1], c.Maybe(2), Reduced(c))],
        ["bce_with_logits_loss"] = c => [c[0].BceWithLogitsLoss(c[1], reduction: Reduced(c))],
        ["kl_div"] = c => [c[0].KlDiv(c[1], logTarget: c.Flag("log_target"), reduction: Reduced(c))],
    };

    static Reduction Reduced(GoldenCall c) => Enum.Parse<Reduction>(c.Text("reduction"), ignoreCase: true);
}
