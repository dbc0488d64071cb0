namespace Ingot.Onnx.Operators;

/// <summary>ai.onnx.ml's linear models and support vector machines.</summary>
static class LinearModelOperators
{
    const string Ml = "ai.onnx.ml";

    [OnnxOperator("LinearRegressor", Domain = Ml)]
    static Tensor LinearRegressor(OperatorCall c)
    {
        var scores = Linear(c, (int)c.Int("targets", 1));
        Labels.Transform(c.Text("post_transform", "NONE"), scores);
        return Tensor.From(scores).To(DType.F32);
    }

    [OnnxOperator("LinearClassifier", Domain = Ml)]
    static OnnxValue[] LinearClassifier(OperatorCall c)
    {
        string[]? names = c.Texts("classlabels_strings");
        long[]? numbers = c.Longs("classlabels_ints");
        int classes = names?.Length ?? numbers?.Length ?? throw c.Bad("has no class labels");
        int width = Rows(c).Width, given = (c.Floats("coefficients") ?? []).Length / Math.Max(1, width);
        if (given == 1 && classes == 2)
        {
            var one = Linear(c, 1);
            var both = new double[one.GetLength(0), 2];
            for (int r = 0; r < both.GetLength(0); r++) both[r, 1] = one[r, 0];
            return Labels.Classified(both, c.Text("post_transform", "NONE"), 1, names, numbers, isProbability: false);
        }
        return Labels.Classified(Linear(c, classes), c.Text("post_transform", "NONE"), null, names, numbers, false);
    }

    static (double[] X, int Count, int Width) Rows(OperatorCall c)
    {
        double[] x = c.Constant<double>(0);
        var shape = c.Shape(0);
        int rows = shape.Rank > 1 ? shape[0] : 1;
        return (x, rows, rows == 0 ? 0 : x.Length / rows);
    }

    static double[,] Linear(OperatorCall c, int targets)
    {
        float[] weights = c.Floats("coefficients") ?? throw c.Bad("has no coefficients"), shift = c.Floats("intercepts") ?? [];
        var (x, rows, width) = Rows(c);
        if (weights.Length != (long)targets * width) throw c.Bad($"{weights.Length} coefficients do not fit {targets} targets of {width} features");
        c.Afford((Int128)rows * targets, sizeof(double));
        var scores = new double[rows, targets];
        for (int r = 0; r < rows; r++)
            for (int t = 0; t < targets; t++)
            {
                double sum = t < shift.Length ? shift[t] : 0;
                for (int i = 0; i < width; i++) sum += x[(r * width) + i] * weights[(t * width) + i];
                scores[r, t] = sum;
            }
        return scores;
    }

    /// <summary>LINEAR, POLY, RBF or SIGMOID with gamma, coefficient and degree.</summary>
    static double Kernel(OperatorCall c, ReadOnlySpan<double> x, ReadOnlySpan<float> support)
    {
        float[] p = c.Floats("kernel_params") ?? [0, 0, 3];
        double dot = 0, distance = 0;
        for (int i = 0; i < x.Length; i++)
        {
            dot += x[i] * support[i];
            distance += (x[i] - support[i]) * (x[i] - support[i]);
        }
        return c.Text("kernel_type", "LINEAR") switch { "POLY" => Math.Pow((p[0] * dot) + p[1], p[2]), "RBF" => Math.Exp(-p[0] * distance), "SIGMOID" => Math.Tanh((p[0] * dot) + p[1]), _ => dot };
    }

    [OnnxOperator("SVMRegressor", Domain = Ml)]
    static Tensor SvmRegressor(OperatorCall c)
    {
        var (x, rows, width) = Rows(c);
        float[] coefficients = c.Floats("coefficients") ?? [], support = c.Floats("support_vectors") ?? [], rho = c.Floats("rho") ?? [0];
        int count = (int)c.Int("n_supports", 0);
        var scores = new double[rows, 1];
        for (int r = 0; r < rows; r++)
        {
            var row = x.AsSpan(r * width, width);
            double sum = rho[0];
            if (count == 0) sum += Kernel(c, row, coefficients);
            for (int s = 0; s < count; s++) sum += coefficients[s] * Kernel(c, row, support.AsSpan(s * width, width));
            scores[r, 0] = c.Flag("one_class") ? (sum > 0 ? 1 : -1) : sum;
        }
        Labels.Transform(c.Text("post_transform", "NONE"), scores);
        return Tensor.From(scores).To(DType.F32);
    }

    [OnnxOperator("SVMClassifier", Domain = Ml)]
    static OnnxValue[] SvmClassifier(OperatorCall c)
    {
        string[]? names = c.Texts("classlabels_strings");
        long[]? numbers = c.Longs("classlabels_ints");
        int classes = names?.Length ?? numbers?.Length ?? throw c.Bad("has no class labels");
        float[] coefficients = c.Floats("coefficients") ?? throw c.Bad("has no coefficients"), support = c.Floats("support_vectors") ?? [], rho = c.Floats("rho") ?? [];
        float[] probA = c.Floats("prob_a") ?? [], probB = c.Floats("prob_b") ?? [];
        int[] perClass = c.Ints("vectors_per_class") ?? [];
        var (x, rows, width) = Rows(c);
        if (perClass.Length == 0)
        {
            var linear = new double[rows, classes];
            for (int r = 0; r < rows; r++)
                for (int k = 0; k < classes; k++) linear[r, k] = Kernel(c, x.AsSpan(r * width, width), coefficients.AsSpan(k * width, width)) + rho[0];
            return Labels.Classified(linear, c.Text("post_transform", "NONE"), null, names, numbers, false);
        }
        var votes = new SupportVotes(perClass, coefficients, rho, probA, probB);
        var scores = new double[rows, votes.HasProbabilities ? classes : votes.Pairs];
        var winners = new int[rows];
        for (int r = 0; r < rows; r++)
        {
            int row = r;
            var kernels = Enumerable.Range(0, perClass.Sum()).Select(s => Kernel(c, x.AsSpan(row * width, width), support.AsSpan(s * width, width))).ToArray();
            winners[r] = votes.Decide(kernels, out var values);
            for (int k = 0; k < values.Length; k++) scores[r, k] = values[k];
        }
        Labels.Transform(c.Text("post_transform", "NONE"), scores);
        OnnxValue labels = names is not null ? new StringTensor(Array.ConvertAll(winners, i => names[i]), new(rows)) : Tensor.From(Array.ConvertAll(winners, i => numbers![i]), [rows]);
        return [labels, Tensor.From(scores).To(DType.F32)];
    }
}
