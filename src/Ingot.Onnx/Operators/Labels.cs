namespace Ingot.Onnx.Operators;

/// <summary>From scores to probabilities and labels, as ai.onnx.ml's classifiers do it.</summary>
static class Labels
{
    /// <summary>NONE, LOGISTIC, SOFTMAX, SOFTMAX_ZERO (which leaves zeros alone) or PROBIT, row by row.</summary>
    public static void Transform(string name, double[,] scores)
    {
        for (int r = 0; r < scores.GetLength(0); r++)
        {
            double most = double.NegativeInfinity, sum = 0;
            for (int t = 0; t < scores.GetLength(1); t++) most = Math.Max(most, scores[r, t]);
            for (int t = 0; t < scores.GetLength(1); t++)
            {
                ref double s = ref scores[r, t];
                s = name switch
                {
                    "LOGISTIC" => 1 / (1 + Math.Exp(-s)),
                    "SOFTMAX" => Math.Exp(s - most),
                    "SOFTMAX_ZERO" => Math.Abs(s) > 1e-7 ? Math.Exp(s - most) : 0,
                    "PROBIT" => Probit(s),
                    _ => s,
                };
                sum += s;
            }
            if (name.StartsWith("SOFTMAX", StringComparison.Ordinal) && sum != 0)
                for (int t = 0; t < scores.GetLength(1); t++) scores[r, t] /= sum;
        }
    }

    /// <summary>The normal distribution's quantile (Winitzki's approximation of the inverse error function, which ONNX Runtime uses too).</summary>
    static double Probit(double p)
    {
        double x = (2 * p) - 1, log = Math.Log((1 - x) * (1 + x)), v = (2 / (Math.PI * 0.147)) + (0.5 * log);
        return Math.Sqrt(2) * Math.Sign(x) * Math.Sqrt(-v + Math.Sqrt((v * v) - (log / 0.147)));
    }

    /// <summary>Labels (N,) and scores (N, classes).</summary>
    /// <param name="scores">One a class, before the transformation.</param>
    /// <param name="transform">Its name.</param>
    /// <param name="only">Of two classes the one that has scores: the other gets what is left.</param>
    /// <param name="names">Labels as strings, or</param>
    /// <param name="numbers">as numbers.</param>
    /// <param name="isProbability">Whether a single score is a probability, whose other half is 1 minus it.</param>
    public static OnnxValue[] Classified(double[,] scores, string transform, int? only, string[]? names, long[]? numbers, bool isProbability)
    {
        int rows = scores.GetLength(0), classes = scores.GetLength(1);
        var chosen = new int[rows];
        if (only is { } one)
        {
            for (int r = 0; r < rows; r++)
            {
                double s = scores[r, one];
                chosen[r] = s > (isProbability && transform == "NONE" ? 0.5 : 0) ? 1 : 0;
                (scores[r, 0], scores[r, 1]) = (isProbability && transform == "NONE" ? 1 - s : -s, s);
            }
            Transform(transform, scores);
        }
        else
        {
            Transform(transform, scores);
            for (int r = 0; r < rows; r++)
                for (int t = 1; t < classes; t++)
                    if (scores[r, t] > scores[r, chosen[r]]) chosen[r] = t;
        }
        OnnxValue labels = names is not null ? new StringTensor(Array.ConvertAll(chosen, i => names[i]), new(rows)) : Tensor.From(Array.ConvertAll(chosen, i => numbers![i]), [rows]);
        return [labels, Tensor.From(scores).To(DType.F32)];
    }
}
