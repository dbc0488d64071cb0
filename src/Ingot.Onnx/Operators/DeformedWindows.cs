namespace Ingot.Onnx.Operators;

/// <summary>Windows whose elements are read at places of their own, between elements too (Dai et al. 2017, "Deformable Convolutional Networks").</summary>
static class DeformedWindows
{
    /// <summary>x (N, C, H, W), offsets (N, G K 2, H', W'), mask (N, G K, H', W') to (N, C, K, H' W').</summary>
    public static void Fill(CustomArguments a, WindowGeometry g, int groups)
    {
        ReadOnlySpan<float> x = a.Input<float>(0), offset = a.Input<float>(1), mask = a.Input<float>(2);
        var output = a.Output<float>();
        var shape = a.InputShape(0);
        int channels = shape[1], height = shape[2], width = shape[3], taps = g.Kernel[0] * g.Kernel[1], places = g.Outputs[0] * g.Outputs[1], perGroup = channels / groups;
        for (int n = 0, at = 0; n < shape[0]; n++)
            for (int c = 0; c < channels; c++)
            {
                var image = x.Slice(((n * channels) + c) * height * width, height * width);
                for (int k = 0; k < taps; k++)
                {
                    int tap = (((n * groups) + (c / perGroup)) * taps) + k;
                    for (int p = 0; p < places; p++, at++)
                    {
                        int row = p / g.Outputs[1], column = p % g.Outputs[1];
                        float h = (row * g.Strides[0]) - g.Before[0] + (k / g.Kernel[1] * g.Dilations[0]) + offset[(((2 * tap) + 0) * places) + p];
                        float w = (column * g.Strides[1]) - g.Before[1] + (k % g.Kernel[1] * g.Dilations[1]) + offset[(((2 * tap) + 1) * places) + p];
                        output[at] = mask[(tap * places) + p] * Between(image, height, width, h, w);
                    }
                }
            }
    }

    /// <summary>Bilinear, 0 outside.</summary>
    static float Between(ReadOnlySpan<float> image, int height, int width, float h, float w)
    {
        if (!(h > -1 && h < height && w > -1 && w < width)) return 0;
        int top = (int)MathF.Floor(h), left = (int)MathF.Floor(w);
        float down = h - top, right = w - left, sum = 0;
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++)
            {
                int r = top + i, c = left + j;
                if (r >= 0 && r < height && c >= 0 && c < width) sum += image[(r * width) + c] * (i == 0 ? 1 - down : down) * (j == 0 ? 1 - right : right);
            }
        return sum;
    }
}
