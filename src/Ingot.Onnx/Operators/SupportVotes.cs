namespace Ingot.Onnx.Operators;

/// <summary>One-against-one votes of a support vector machine of several classes, and their probabilities (Platt 1999; Wu, Lin and Weng 2004), laid out as in libsvm.</summary>
sealed class SupportVotes(int[] perClass, float[] coefficients, float[] rho, float[] probA, float[] probB)
{
    public int Pairs => perClass.Length * (perClass.Length - 1) / 2;

    public bool HasProbabilities => probA.Length > 0;

    /// <summary>The class with most votes, or the most probable one; and the scores.</summary>
    /// <param name="kernels">The kernel of the row with each support vector.</param>
    /// <param name="values">Probabilities of the classes, or the pairs' decisions.</param>
    public int Decide(double[] kernels, out double[] values)
    {
        int classes = perClass.Length, all = kernels.Length;
        var starts = new int[classes];
        for (int i = 1; i < classes; i++) starts[i] = starts[i - 1] + perClass[i - 1];
        var decisions = new double[Pairs];
        var votes = new int[classes];
        for (int i = 0, p = 0; i < classes; i++)
            for (int j = i + 1; j < classes; j++, p++)
            {
                double sum = rho[p];
                for (int s = 0; s < perClass[i]; s++) sum += coefficients[((j - 1) * all) + starts[i] + s] * kernels[starts[i] + s];
                for (int s = 0; s < perClass[j]; s++) sum += coefficients[(i * all) + starts[j] + s] * kernels[starts[j] + s];
                decisions[p] = sum;
                votes[sum > 0 ? i : j]++;
            }
        values = HasProbabilities ? Probabilities(decisions, classes) : decisions;
        return HasProbabilities ? Array.IndexOf(values, values.Max()) : Array.IndexOf(votes, votes.Max());
    }

    double[] Probabilities(double[] decisions, int classes)
    {
        var pairs = new double[classes, classes];
        for (int i = 0, p = 0; i < classes; i++)
            for (int j = i + 1; j < classes; j++, p++)
            {
                double v = Math.Clamp(1 / (1 + Math.Exp((decisions[p] * probA[p]) + probB[p])), 1e-7, 1 - 1e-7);
                (pairs[i, j], pairs[j, i]) = (v, 1 - v);
            }
        var q = new double[classes, classes];
        for (int i = 0; i < classes; i++)
            for (int j = 0; j < classes; j++)
                if (i != j) (q[i, i], q[i, j]) = (q[i, i] + (pairs[j, i] * pairs[j, i]), -pairs[j, i] * pairs[i, j]);
        double[] result = [.. Enumerable.Repeat(1.0 / classes, classes)], products = new double[classes];
        for (int turn = 0; turn < Math.Max(100, classes); turn++)
        {
            double total = 0, worst = 0;
            for (int i = 0; i < classes; i++)
            {
                products[i] = 0;
                for (int j = 0; j < classes; j++) products[i] += q[i, j] * result[j];
                total += result[i] * products[i];
            }
            for (int i = 0; i < classes; i++) worst = Math.Max(worst, Math.Abs(products[i] - total));
            if (worst < 0.005 / classes) break;
            for (int i = 0; i < classes; i++)
            {
                double step = (total - products[i]) / q[i, i];
                result[i] += step;
                total = (total + (step * ((step * q[i, i]) + (2 * products[i])))) / (1 + step) / (1 + step);
                for (int j = 0; j < classes; j++)
                {
                    products[j] = (products[j] + (step * q[i, j])) / (1 + step);
                    result[j] /= 1 + step;
                }
            }
        }
        return result;
    }
}
