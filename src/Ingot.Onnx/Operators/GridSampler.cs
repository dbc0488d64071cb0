namespace Ingot.Onnx.Operators;

/// <summary>An image of any number of dimensions read at the points of a grid (Jaderberg et al. 2015, "Spatial Transformer Networks").</summary>
/// <param name="arguments">x (N, C, D1, .., Dr), grid (N, O1, .., Or, r) from -1 to 1, innermost dimension first.</param>
/// <param name="mode">nearest, linear, cubic.</param>
/// <param name="padding">zeros, border, reflection.</param>
/// <param name="isAligned">-1 and 1 are the centres of the outermost elements; else their outer edges.</param>
readonly ref struct GridSampler(CustomArguments arguments, string mode, string padding, bool isAligned)
{
    readonly CustomArguments arguments = arguments;

    public void Fill()
    {
        var x = arguments.Input<float>(0);
        var grid = arguments.Input<float>(1);
        var output = arguments.Output<float>();
        int[] extents = arguments.InputShape(0).ToArray()[2..];
        int n = arguments.InputShape(0)[0], channels = arguments.InputShape(0)[1], rank = extents.Length, size = extents.Aggregate(1, (a, e) => a * e);
        int points = n == 0 ? 0 : (int)(arguments.InputShape(1).Count / n / rank), taps = mode switch { "nearest" => 1, "linear" => 2, _ => 4 };
        var index = new int[rank, taps];
        var weight = new float[rank, taps];
        for (int b = 0; b < n; b++)
            for (int p = 0; p < points; p++)
            {
                for (int d = 0; d < rank; d++)
                {
                    float g = grid[(((b * points) + p) * rank) + (rank - 1 - d)];
                    float place = isAligned ? (g + 1) / 2 * (extents[d] - 1) : (((g + 1) * extents[d]) - 1) / 2;
                    Taps(place, extents[d], d, taps, index, weight);
                }
                for (int c = 0; c < channels; c++) output[(((b * channels) + c) * points) + p] = Sum(x.Slice(((b * channels) + c) * size, size), extents, index, weight, taps);
            }
    }

    /// <summary>The elements along one dimension that a place is made of; -1 for one that counts as 0.</summary>
    void Taps(float place, int extent, int d, int taps, int[,] index, float[,] weight)
    {
        if (!float.IsFinite(place)) place = -100;
        place = Math.Clamp(place, -1e8f, 1e8f);
        int first = mode switch { "nearest" => (int)MathF.Round(place, MidpointRounding.ToEven), "linear" => (int)MathF.Floor(place), _ => (int)MathF.Floor(place) - 1 };
        float t = place - MathF.Floor(place);
        for (int k = 0; k < taps; k++)
        {
            index[d, k] = Inside(first + k, extent);
            weight[d, k] = mode switch { "nearest" => 1, "linear" => k == 0 ? 1 - t : t, _ => Cubic(MathF.Abs(k - 1 - t)) };
        }
    }

    int Inside(int i, int extent)
    {
        if (i >= 0 && i < extent) return i;
        switch (padding)
        {
            case "border": return Math.Clamp(i, 0, extent - 1);
            case "reflection":
                // Around the centres of the outermost elements, or around their edges.
                int period = isAligned ? 2 * (extent - 1) : 2 * extent;
                if (period == 0) return 0;
                int m = ((i % period) + period) % period;
                return m < extent ? m : isAligned ? period - m : period - 1 - m;
            default: return -1;
        }
    }

    static float Cubic(float x)
    {
        const float A = -0.75f;
        return x <= 1 ? ((((A + 2) * x) - (A + 3)) * x * x) + 1 : x < 2 ? (((((x - 5) * x) + 8) * x) - 4) * A : 0;
    }

    static float Sum(ReadOnlySpan<float> image, int[] extents, int[,] index, float[,] weight, int taps)
    {
        int rank = extents.Length, all = (int)Math.Pow(taps, rank);
        float sum = 0;
        for (int k = 0; k < all; k++)
        {
            int at = 0, rest = k;
            float w = 1;
            for (int d = 0; d < rank && at >= 0; d++, rest /= taps)
            {
                int i = index[d, rest % taps];
                at = i < 0 ? -1 : (at * extents[d]) + i;
                w *= weight[d, rest % taps];
            }
            if (at >= 0) sum += w * image[at];
        }
        return sum;
    }
}
