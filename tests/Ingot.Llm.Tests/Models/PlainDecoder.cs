using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Models;

/// <summary>The decoder of one sequence in double precision, in loops: written from the papers, with nothing of Ingot's but the weights' values.</summary>
sealed class PlainDecoder
{
    readonly DecoderConfig c;
    readonly Dictionary<string, double[]> weights;

    public PlainDecoder(Decoder model)
    {
        c = model.Config;
        weights = Module.StateDict(model).ToDictionary(p => p.Key, p => Array.ConvertAll(p.Value.ToArray<float>(), v => (double)v));
    }

    /// <summary>Logits, (T, V).</summary>
    public double[][] Forward(int[] tokens)
    {
        double[][] x = [.. tokens.Select(t => weights["model.embed_tokens.weight"].AsSpan(t * c.Width, c.Width).ToArray())];
        for (int l = 0; l < c.Layers; l++)
        {
            string at = $"model.layers.{l}.";
            var attended = Attention(at + "self_attn.", [.. x.Select(r => Norm(r, at + "input_layernorm"))]);
            for (int t = 0; t < x.Length; t++)
            {
                x[t] = Plus(x[t], attended[t]);
                var y = Norm(x[t], at + "post_attention_layernorm");
                double[] gate = Product(y, at + "mlp.gate_proj"), up = Product(y, at + "mlp.up_proj");
                for (int i = 0; i < up.Length; i++) up[i] *= gate[i] / (1 + Math.Exp(-gate[i]));
                x[t] = Plus(x[t], Product(up, at + "mlp.down_proj"));
            }
        }
        return [.. x.Select(r => Product(Norm(r, "model.norm"), c.TiedHead ? "model.embed_tokens" : "lm_head"))];
    }

    double[][] Attention(string at, double[][] x)
    {
        int d = c.HeadWidth;
        var q = x.Select((r, t) => Heads(Product(r, at + "q_proj"), at + "q_norm", t)).ToArray();
        var k = x.Select((r, t) => Heads(Product(r, at + "k_proj"), at + "k_norm", t)).ToArray();
        var v = x.Select(r => Product(r, at + "v_proj").Chunk(d).ToArray()).ToArray();
        var result = new double[x.Length][];
        for (int t = 0; t < x.Length; t++)
        {
            var row = new double[c.Heads * d];
            for (int h = 0; h < c.Heads; h++)
            {
                int g = h / (c.Heads / c.KeyHeads), first = c.Window is { } w ? Math.Max(0, t - w + 1) : 0;
                var e = Enumerable.Range(first, t - first + 1).Select(s => Math.Exp(q[t][h].Zip(k[s][g], (a, b) => a * b).Sum() / Math.Sqrt(d))).ToArray();
                for (int s = first; s <= t; s++)
                    for (int i = 0; i < d; i++) row[h * d + i] += e[s - first] / e.Sum() * v[s][g][i];
            }
            result[t] = Product(row, at + "o_proj");
        }
        return result;
    }

    double[][] Heads(double[] row, string norm, int position)
    {
        int half = c.HeadWidth / 2;
        return [.. row.Chunk(c.HeadWidth).Select(head =>
        {
            if (c.QkNorm) head = Norm(head, norm);
            var turned = new double[2 * half];
            for (int i = 0; i < half; i++)
            {
                double angle = position * Frequency(i);
                turned[i] = head[i] * Math.Cos(angle) - head[i + half] * Math.Sin(angle);
                turned[i + half] = head[i + half] * Math.Cos(angle) + head[i] * Math.Sin(angle);
            }
            return turned;
        })];
    }

    /// <summary>As in Hugging Face's _compute_llama3_parameters, in wavelengths.</summary>
    double Frequency(int i)
    {
        double f = 1 / Math.Pow(c.RopeTheta, 2.0 * i / c.HeadWidth), wavelength = 2 * Math.PI / f;
        if (c.Scaling is RopeScaling.Linear linear) return f / linear.Factor;
        if (c.Scaling is not RopeScaling.Llama3 s) return f;
        if (wavelength < s.OriginalContext / s.HighFrequencyFactor) return f;
        if (wavelength > s.OriginalContext / s.LowFrequencyFactor) return f / s.Factor;
        double smooth = (s.OriginalContext / wavelength - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
        return (1 - smooth) * f / s.Factor + smooth * f;
    }

    double[] Norm(double[] x, string name)
    {
        var w = weights[name + ".weight"];
        double scale = 1 / Math.Sqrt(x.Sum(v => v * v) / x.Length + c.NormEpsilon);
        return [.. x.Select((v, i) => v * scale * w[i])];
    }

    double[] Product(double[] x, string name)
    {
        var w = weights[name + ".weight"];
        var result = new double[w.Length / x.Length];
        for (int o = 0; o < result.Length; o++)
            for (int i = 0; i < x.Length; i++) result[o] += w[o * x.Length + i] * x[i];
        return weights.TryGetValue(name + ".bias", out var bias) ? Plus(result, bias) : result;
    }

    static double[] Plus(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}
