namespace Ingot.Onnx.Operators;

/// <summary>Which elements of the input make an element of a resized output, along one dimension.</summary>
sealed record Resizing
{
    /// <summary>nearest, linear or cubic.</summary>
    public required string Mode { get; init; }

    /// <summary>ONNX's coordinate_transformation_mode.</summary>
    public required string Coordinates { get; init; }

    /// <summary>ONNX's nearest_mode.</summary>
    public required string Nearest { get; init; }

    public double CubicA { get; init; } = -0.75;
    public bool ExcludesOutside { get; init; }
    public bool IsAntialiased { get; init; }

    /// <summary>What tf_crop_and_resize puts where it reads outside.</summary>
    public float Outside { get; init; }

    /// <summary>A scale a dimension.</summary>
    public double[] Scales { get; init; } = [];

    /// <summary>The output's extents where they were asked for.</summary>
    public int[]? Sizes { get; init; }

    /// <summary>The part of each dimension that tf_crop_and_resize reads, of 0 to 1.</summary>
    public double[]? Starts { get; set; }
    public double[]? Ends { get; set; }

    /// <summary>How many elements of the input make one of the output.</summary>
    public int Taps(int axis) => Mode == "nearest" ? 1 : (int)(2 * Math.Ceiling((Mode == "cubic" ? 2 : 1) / Shrink(axis)));

    double Shrink(int axis) => IsAntialiased ? Math.Min(Scales[axis], 1) : 1;

    /// <summary>For each tap and output the input's element and its weight; and which outputs lie outside.</summary>
    public (long[][] Indices, double[][] Weights, bool[] IsOutside) Neighbours(int axis, int from, int to)
    {
        double scale = Scales[axis];
        var places = new double[to];
        var isOutside = new bool[to];
        for (int o = 0; o < to; o++)
        {
            places[o] = Place(o, axis, scale, from, to);
            isOutside[o] = Coordinates == "tf_crop_and_resize" && (places[o] < 0 || places[o] > from - 1);
        }
        if (Mode == "nearest") return ([Array.ConvertAll(places, p => Math.Clamp(NearestTo(p), 0, from - 1))], [[.. Enumerable.Repeat(1.0, to)]], isOutside);
        double shrink = Shrink(axis);
        int taps = Taps(axis);
        var indices = Enumerable.Range(0, taps).Select(_ => new long[to]).ToArray();
        var weights = Enumerable.Range(0, taps).Select(_ => new double[to]).ToArray();
        for (int o = 0; o < to; o++)
        {
            long first = (long)Math.Floor(places[o]) - (taps / 2) + 1;
            double sum = 0;
            for (int t = 0; t < taps; t++)
            {
                long i = first + t;
                double w = Mode == "cubic" ? Cubic((i - places[o]) * shrink) : Math.Max(0, 1 - Math.Abs((i - places[o]) * shrink));
                if (ExcludesOutside && (i < 0 || i >= from)) w = 0;
                (indices[t][o], weights[t][o]) = (Math.Clamp(i, 0, from - 1), w);
                sum += w;
            }
            if (sum != 0 && (IsAntialiased || ExcludesOutside))
                for (int t = 0; t < taps; t++) weights[t][o] /= sum;
        }
        return (indices, weights, isOutside);
    }

    /// <summary>Where an output lies among the inputs.</summary>
    double Place(int o, int axis, double scale, int from, int to)
    {
        // The extent before it was rounded to whole elements; what rounding noise of the scale adds is taken off.
        double extent = scale * from;
        if (Math.Abs(extent - Math.Round(extent)) < 1e-9 * from) extent = Math.Round(extent);
        return Coordinates switch
        {
            "asymmetric" => o / scale,
            "align_corners" => extent == 1 ? 0 : o * (from - 1) / (extent - 1),
            "pytorch_half_pixel" => extent == 1 ? -0.5 : ((o + 0.5) / scale) - 0.5,
            "half_pixel_symmetric" => (from / 2.0 * (1 - (to / extent))) + ((o + 0.5) / scale) - 0.5,
            "tf_half_pixel_for_nn" => (o + 0.5) / scale,
            "tf_crop_and_resize" => Cropped(o, axis, from, to),
            "half_pixel" => ((o + 0.5) / scale) - 0.5,
            var other => throw new IngotException($"there is no coordinate_transformation_mode '{other}'"),
        };
    }

    double Cropped(int o, int axis, int from, int to)
    {
        double start = Starts?[axis] ?? 0, end = Ends?[axis] ?? 1;
        return to == 1 ? (start + end) * (from - 1) / 2 : (start * (from - 1)) + (o * (end - start) * (from - 1) / (to - 1));
    }

    long NearestTo(double place) => Nearest switch
    {
        "floor" => (long)Math.Floor(place),
        "ceil" => (long)Math.Ceiling(place),
        "round_prefer_ceil" => (long)Math.Floor(place + 0.5),
        _ => (long)Math.Ceiling(place - 0.5),
    };

    /// <summary>Keys 1981, "Cubic convolution interpolation".</summary>
    double Cubic(double x)
    {
        x = Math.Abs(x);
        return x <= 1 ? ((((CubicA + 2) * x) - (CubicA + 3)) * x * x) + 1 : x < 2 ? (((((x - 5) * x) + 8) * x) - 4) * CubicA : 0;
    }
}
