namespace Ingot.Onnx.Operators;

/// <summary>Regions of an image as a few cells each, sampled between elements (He et al. 2017, "Mask R-CNN").</summary>
static class RegionSampler
{
    /// <summary>x (N, C, H, W), regions (R, 4) as x1 y1 x2 y2, images (R) to (R, C, height, width).</summary>
    public static void Fill(CustomArguments a, int height, int width, int samples, float scale, bool isMax, bool isHalf)
    {
        var x = a.Input<float>(0);
        var rois = a.Input<float>(1);
        var images = a.Input<long>(2);
        var output = a.Output<float>();
        int count = a.InputShape(0)[0], channels = a.InputShape(0)[1], rows = a.InputShape(0)[2], columns = a.InputShape(0)[3], at = 0;
        float offset = isHalf ? 0.5f : 0;
        for (int r = 0; r < images.Length; r++)
        {
            if (images[r] < 0 || images[r] >= count) throw new TensorIndexException($"RoiAlign: region {r} is of image {images[r]}, there are {count}");
            float left = (rois[4 * r] * scale) - offset, top = (rois[(4 * r) + 1] * scale) - offset;
            float w = (rois[(4 * r) + 2] * scale) - offset - left, h = (rois[(4 * r) + 3] * scale) - offset - top;
            if (!isHalf) (w, h) = (MathF.Max(w, 1), MathF.Max(h, 1));
            float cellH = h / height, cellW = w / width;
            int down = samples > 0 ? samples : (int)MathF.Ceiling(cellH), right = samples > 0 ? samples : (int)MathF.Ceiling(cellW);
            for (int c = 0; c < channels; c++)
            {
                var image = x.Slice((((int)images[r] * channels) + c) * rows * columns, rows * columns);
                for (int i = 0; i < height; i++)
                    for (int j = 0; j < width; j++, at++)
                    {
                        float sum = 0, most = float.NegativeInfinity;
                        for (int y = 0; y < down; y++)
                            for (int z = 0; z < right; z++)
                            {
                                var (s, m) = Sample(image, rows, columns, top + (i * cellH) + ((y + 0.5f) * cellH / down), left + (j * cellW) + ((z + 0.5f) * cellW / right));
                                sum += s;
                                most = MathF.Max(most, m);
                            }
                        output[at] = isMax ? (down * right > 0 ? most : 0) : sum / Math.Max(down * right, 1);
                    }
            }
        }
    }

    /// <summary>The interpolated value, and the largest of its four weighted parts, which is what ONNX's maximum looks at.</summary>
    static (float Sum, float Most) Sample(ReadOnlySpan<float> image, int rows, int columns, float y, float x)
    {
        if (y < -1 || y > rows || x < -1 || x > columns) return (0, 0);
        (y, x) = (MathF.Max(y, 0), MathF.Max(x, 0));
        int top = (int)y, left = (int)x, bottom = top + 1, right = left + 1;
        if (top >= rows - 1) (top, bottom, y) = (rows - 1, rows - 1, rows - 1);
        if (left >= columns - 1) (left, right, x) = (columns - 1, columns - 1, columns - 1);
        float ly = y - top, lx = x - left;
        float a = (1 - ly) * (1 - lx) * image[(top * columns) + left], b = (1 - ly) * lx * image[(top * columns) + right];
        float c = ly * (1 - lx) * image[(bottom * columns) + left], d = ly * lx * image[(bottom * columns) + right];
        return (a + b + c + d, MathF.Max(MathF.Max(a, b), MathF.Max(c, d)));
    }
}
