using Ingot.Graph;

namespace Ingot.Onnx.Operators;

/// <summary>Where the windows of a convolution or pool lie along each spatial dimension.</summary>
/// <param name="Kernel">Elements of a window.</param>
/// <param name="Strides">From a window to the next.</param>
/// <param name="Dilations">From an element of a window to the next.</param>
/// <param name="Before">Padding before the first element.</param>
/// <param name="After">Padding after the last one.</param>
/// <param name="Outputs">Number of windows.</param>
readonly record struct WindowGeometry(int[] Kernel, int[] Strides, int[] Dilations, int[] Before, int[] After, int[] Outputs)
{
    /// <summary>From a node's attributes: kernel_shape, strides, dilations, pads, auto_pad, ceil_mode.</summary>
    /// <param name="c">The call.</param>
    /// <param name="x">(N, C, spatial...).</param>
    /// <param name="weightKernel">The kernel of the weight, for convolutions; null: kernel_shape says it.</param>
    public static WindowGeometry Of(OperatorCall c, Shape x, int[]? weightKernel)
    {
        int spatial = x.Rank - 2;
        if (spatial < 1) throw c.Bad($"its input must be (N, C, ..), it is {x}");
        int[] kernel = c.Ints("kernel_shape") ?? weightKernel ?? throw c.Bad("has no kernel_shape");
        if (weightKernel is not null && !kernel.SequenceEqual(weightKernel)) throw c.Bad($"its kernel_shape ({string.Join(", ", kernel)}) is not that of its weight ({string.Join(", ", weightKernel)})");
        int[] strides = Of(c, "strides", spatial), dilations = Of(c, "dilations", spatial);
        int[] pads = c.Ints("pads") ?? new int[2 * spatial];
        if (kernel.Length != spatial || pads.Length != 2 * spatial) throw c.Bad($"a kernel of {kernel.Length} dimensions and {pads.Length} pads do not fit {x}");
        if (kernel.Concat(strides).Concat(dilations).Any(v => v < 1) || pads.Any(p => p < 0)) throw c.Bad("kernel, strides and dilations must be at least 1 and pads not negative");
        int[] before = pads[..spatial], after = pads[spatial..], outputs = new int[spatial];
        string auto = c.Text("auto_pad", "NOTSET");
        for (int i = 0; i < spatial; i++)
        {
            int extent = x[2 + i], span = checked(((kernel[i] - 1) * dilations[i]) + 1);
            if (auto is "SAME_UPPER" or "SAME_LOWER")
            {
                outputs[i] = (extent + strides[i] - 1) / strides[i];
                int total = Math.Max(0, ((outputs[i] - 1) * strides[i]) + span - extent);
                before[i] = auto == "SAME_UPPER" ? total / 2 : total - (total / 2);
                after[i] = total - before[i];
                continue;
            }
            if (auto == "VALID") (before[i], after[i]) = (0, 0);
            int room = extent + before[i] + after[i] - span;
            if (room < 0) throw c.Bad($"a window of {span} does not fit dimension {2 + i} of {x} with {before[i]} and {after[i]} of padding");
            outputs[i] = ((c.Flag("ceil_mode") ? room + strides[i] - 1 : room) / strides[i]) + 1;
            if ((outputs[i] - 1) * strides[i] >= extent + before[i]) outputs[i]--; // a window that would start behind the last element
        }
        return new(kernel, strides, dilations, before, after, outputs);
    }

    static int[] Of(OperatorCall c, string name, int spatial)
    {
        int[] values = c.Ints(name) ?? [.. Enumerable.Repeat(1, spatial)];
        return values.Length == spatial ? values : throw c.Bad($"{name} has {values.Length} numbers for {spatial} spatial dimensions");
    }

    /// <summary>Padding behind that every window of <see cref="Outputs"/> needs, which rounding up makes larger than <see cref="After"/>.</summary>
    int[] Reach(Shape x)
    {
        var (outputs, strides, kernel, dilations, before, after) = (Outputs, Strides, Kernel, Dilations, Before, After);
        return [.. outputs.Select((o, i) => Math.Max(after[i], ((o - 1) * strides[i]) + ((kernel[i] - 1) * dilations[i]) + 1 - x[2 + i] - before[i]))];
    }

    /// <summary>The windows (N, C, outputs..., kernel product) of x with a padding of some value.</summary>
    public Tensor Windows(Tensor x, double padding)
    {
        var node = Padded(x, Before, Reach(x.Shape), padding).Node;
        for (int i = 0; i < Kernel.Length; i++) node = Build.Window(node, 2 + i, Kernel[i], Strides[i], Dilations[i]);
        var windows = new Tensor(node);
        for (int i = 0; i < Outputs.Length; i++) windows = windows.Narrow(2 + i, 0, Outputs[i]);
        return windows.Reshape([x.Shape[0], x.Shape[1], .. Outputs, Kernel.Aggregate(1, (a, k) => a * k)]);
    }

    /// <summary>x with elements before and after each spatial dimension.</summary>
    public static Tensor Padded(Tensor x, int[] before, int[] after, double value)
    {
        if (before.All(p => p == 0) && after.All(p => p == 0)) return x;
        var pads = new int[2 * before.Length];
        for (int i = 0; i < before.Length; i++) (pads[2 * (before.Length - 1 - i)], pads[(2 * (before.Length - 1 - i)) + 1]) = (before[i], after[i]);
        return x.Pad(pads, PadMode.Constant, value);
    }
}
