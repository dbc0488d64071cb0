using Ingot.Llm.Models;

namespace Ingot.Llm.Tests.Models;

/// <summary>The same model in double and in loops, written from the equations, to hold the tensor version against.</summary>
sealed class PlainGpt(GptConfig config, IReadOnlyDictionary<string, Tensor> state)
{
    readonly int c = config.Width;
    readonly Dictionary<string, double[]> w = state.ToDictionary(p => p.Key, p => p.Value.ToArray<double>());

    public double[] Logits(int[] tokens)
    {
        var x = tokens.Select((t, i) => Enumerable.Range(0, c).Select(k => w["token"][t * c + k] + w["position"][i * c + k]).ToArray()).ToArray();
        for (int b = 0; b < config.Layers; b++)
        {
            var name = $"blocks.{b}.";
            var attended = Attention([.. x.Select(r => Linear(Norm(r, name + "attention_norm"), w[name + "query_key_value"]))]);
            for (int t = 0; t < x.Length; t++) x[t] = Sum(x[t], Linear(attended[t], w[name + "output"]));
            for (int t = 0; t < x.Length; t++) x[t] = Sum(x[t], Linear([.. Linear(Norm(x[t], name + "mlp_norm"), w[name + "up"]).Select(Gelu)], w[name + "down"]));
        }
        return [.. x.SelectMany(r => Linear(Norm(r, "final_norm"), w["token"]))];
    }

    double[][] Attention(double[][] qkv)
    {
        int d = c / config.Heads;
        var result = qkv.Select(_ => new double[c]).ToArray();
        for (int h = 0; h < config.Heads; h++)
            for (int t = 0; t < qkv.Length; t++)
            {
                var weights = Enumerable.Range(0, t + 1).Select(s => Math.Exp(Enumerable.Range(0, d).Sum(k => qkv[t][h * d + k] * qkv[s][c + h * d + k]) / Math.Sqrt(d))).ToArray();
                for (int k = 0; k < d; k++) result[t][h * d + k] = Enumerable.Range(0, t + 1).Sum(s => weights[s] * qkv[s][2 * c + h * d + k]) / weights.Sum();
            }
        return result;
    }

    double[] Norm(double[] x, string name)
    {
        double mean = x.Average(), deviation = Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + 1e-5);
        return [.. x.Select((v, i) => (v - mean) / deviation * w[name + "_weight"][i] + w[name + "_bias"][i])];
    }

    static double[] Linear(double[] x, double[] weight) =>
        [.. Enumerable.Range(0, weight.Length / x.Length).Select(o => Enumerable.Range(0, x.Length).Sum(i => x[i] * weight[o * x.Length + i]))];

    static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    static double Gelu(double x) => 0.5 * x * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>The Taylor series; 200 terms suffice up to 5, beyond which it is 1 within 2e-12.</summary>
    static double Erf(double x)
    {
        if (Math.Abs(x) > 5) return Math.Sign(x);
        double sum = 0, term = x;
        for (int n = 0; n < 200; n++)
        {
            sum += term / (2 * n + 1);
            term *= -x * x / (n + 1);
        }
        return 2 / Math.Sqrt(Math.PI) * sum;
    }
}
