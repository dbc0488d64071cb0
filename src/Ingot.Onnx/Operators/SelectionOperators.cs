namespace Ingot.Onnx.Operators;

/// <summary>Operators whose result's shape depends on what the tensors hold: their inputs are computed first, the selection is made in C#.</summary>
static class SelectionOperators
{
    /// <summary>Positions of the elements that are not 0, a row for each dimension; of a scalar there are no rows.</summary>
    [OnnxOperator("NonZero", Since = 9)]
    static Tensor NonZero(OperatorCall c)
    {
        var shape = c.Shape(0);
        long[] positions = [.. c.Compute<bool>(c.Tensor(0).To(DType.Bool)).Index().Where(e => e.Item).Select(e => (long)e.Index)];
        var strides = shape.Strides();
        var index = new long[shape.Rank * positions.Length];
        for (int d = 0; d < shape.Rank; d++)
            for (int i = 0; i < positions.Length; i++) index[d * positions.Length + i] = positions[i] / strides[d] % shape[d];
        return Tensor.From(index, [shape.Rank, positions.Length]);
    }

    /// <summary>The different slices of an axis (elements without one), in order or as they came; with the first position of each, which of them each slice is, and how many there are.</summary>
    [OnnxOperator("Unique", Since = 11)]
    static OnnxValue[] Unique(OperatorCall c)
    {
        var shape = c.Shape(0);
        int? axis = c.OptionalInt("axis") is { } a ? c.Axis(a, shape.Rank) : null;
        int count = axis is { } at ? shape[at] : checked((int)shape.Count);
        int length = count == 0 ? 0 : checked((int)(shape.Count / count));
        var compare = Comparison(c, axis, length);

        var order = Enumerable.Range(0, count).ToArray();
        Array.Sort(order, (x, y) => compare(x, y) is not 0 and var sign ? sign : x - y);
        var groups = new List<List<int>>();
        foreach (int i in order)
        {
            if (groups.Count > 0 && compare(groups[^1][0], i) == 0) groups[^1].Add(i);
            else groups.Add([i]);
        }
        if (!c.Flag("sorted", true)) groups.Sort((x, y) => x[0] - y[0]);

        var inverse = new long[count];
        for (int g = 0; g < groups.Count; g++)
            foreach (int i in groups[g]) inverse[i] = g;
        long[] first = [.. groups.Select(g => (long)g[0])], sizes = [.. groups.Select(g => (long)g.Count)];
        var index = Tensor.From(first, [first.Length]);
        var values = OnnxValue.Move([c.Input(0)], t => (axis is null ? t[0].Flatten() : t[0]).IndexSelect(axis ?? 0, index));
        return [values, index, Tensor.From(inverse, [count]), Tensor.From(sizes, [sizes.Length])];
    }

    /// <summary>The lexicographic order of slices, by their numbers.</summary>
    static Comparison<int> Comparison(OperatorCall c, int? axis, int length)
    {
        if (c.Input(0) is StringTensor strings)
        {
            var rank = strings.Values.Distinct().Order(StringComparer.Ordinal).Index().ToDictionary(e => e.Item, e => (long)e.Index);
            var shape = strings.Shape;
            var numbers = Tensor.From(strings.Values.Select(v => rank[v]).ToArray(), [strings.Values.Count]).Reshape(shape);
            return BySlice(c.Compute<long>(Rows(numbers, axis)), length);
        }
        var x = c.Tensor(0);
        if (x.DType.IsFloat) return BySlice(c.Compute<double>(Rows(x, axis)), length);
        return x.DType == DType.U64 ? BySlice(c.Compute<ulong>(Rows(x, axis)), length) : BySlice(c.Compute<long>(Rows(x, axis).To(DType.I64)), length);
    }

    static Tensor Rows(Tensor x, int? axis) => (axis is { } a ? x.MoveDim(a, 0) : x.Flatten()).Contiguous();

    static Comparison<int> BySlice<T>(T[] rows, int length) where T : IComparable<T> =>
        (x, y) => rows.AsSpan(x * length, length).SequenceCompareTo(rows.AsSpan(y * length, length));

    // ---- boxes ----

    /// <summary>A box by the corners' coordinates in order.</summary>
    readonly record struct Box(float Top, float Left, float Bottom, float Right)
    {
        float Area => (Bottom - Top) * (Right - Left);

        /// <summary>The boxes' common area as a part of what they cover together.</summary>
        public float Overlap(Box other)
        {
            float height = Math.Min(Bottom, other.Bottom) - Math.Max(Top, other.Top), width = Math.Min(Right, other.Right) - Math.Max(Left, other.Left);
            if (height <= 0 || width <= 0) return 0;
            float common = height * width, all = Area + other.Area - common;
            return all <= 0 ? 0 : common / all;
        }
    }

    /// <summary>For each class of each image the boxes of the best scores that overlap none chosen before by more than a part: rows (image, class, box).</summary>
    [OnnxOperator("NonMaxSuppression", Since = 10)]
    static Tensor NonMaxSuppression(OperatorCall c)
    {
        var (boxShape, scoreShape) = (c.Shape(0), c.Shape(1));
        if (boxShape.Rank != 3 || boxShape[2] != 4 || scoreShape.Rank != 3 || scoreShape[2] != boxShape[1] || scoreShape[0] != boxShape[0])
            throw c.Bad($"needs boxes of (images, boxes, 4) and scores of (images, classes, boxes), not {boxShape} and {scoreShape}");
        var (boxes, scores) = (c.Constant<float>(0), c.Constant<float>(1));
        long most = c.Has(2) ? c.ScalarOf<long>(2) : 0;
        float overlap = c.Has(3) ? c.ScalarOf<float>(3) : 0, least = c.Has(4) ? c.ScalarOf<float>(4) : float.NegativeInfinity;
        bool isCenter = c.Flag("center_point_box");
        int count = boxShape[1];
        var chosen = new List<long>();
        for (int image = 0; image < boxShape[0]; image++)
            for (int kind = 0; kind < scoreShape[1]; kind++)
            {
                int row = (image * scoreShape[1] + kind) * count, firstBox = image * count;
                var taken = new List<Box>();
                foreach (int i in Enumerable.Range(0, count).Where(i => !c.Has(4) || scores[row + i] > least).OrderByDescending(i => scores[row + i]))
                {
                    if (taken.Count >= most) break;
                    var box = BoxOf(boxes.AsSpan((firstBox + i) * 4, 4), isCenter);
                    if (taken.Exists(t => t.Overlap(box) > overlap)) continue;
                    taken.Add(box);
                    chosen.AddRange([image, kind, i]);
                }
            }
        return Tensor.From([.. chosen], [chosen.Count / 3, 3]);
    }

    /// <summary>(y1, x1, y2, x2), the corners in any order, or (x, y, width, height) of the centre.</summary>
    static Box BoxOf(ReadOnlySpan<float> b, bool isCenter) => isCenter
        ? new(b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2)
        : new(Math.Min(b[0], b[2]), Math.Min(b[1], b[3]), Math.Max(b[0], b[2]), Math.Max(b[1], b[3]));
}
