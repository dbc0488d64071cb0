using Ingot.Llm.Models;
using Ingot.Nn;

namespace Ingot.Llm.Tests.Models;

/// <summary>The decoder of one sequence in double precision, in loops: written from the papers and Hugging Face's definitions, with nothing of Ingot's but the weights' values.</summary>
sealed class PlainDecoder
{
    readonly DecoderConfig c;
    readonly Dictionary<string, double[]> weights;

    public PlainDecoder(Decoder model)
    {
        c = model.Config;
        weights = Module.StateDict(model).ToDictionary(p => p.Key, p => Array.ConvertAll(p.Value.Detach().To(DType.F32).ToArray<float>(), v => (double)v));
    }

    /// <summary>Logits, (T, V).</summary>
    public double[][] Forward(int[] tokens)
    {
        double[][] x = [.. tokens.Select((token, t) => Embedded(token, t))];
        for (int l = 0; l < c.Layers; l++)
        {
            string at = $"model.layers.{l}.";
            var attended = Attention(l, at + "self_attn.", [.. x.Select(r => Norm(r, at + "input_layernorm"))]);
            for (int t = 0; t < x.Length; t++)
            {
                if (c.PostNorms)
                {
                    x[t] = Plus(x[t], Norm(attended[t], at + "post_attention_layernorm"));
                    x[t] = Plus(x[t], Norm(FeedForward(Norm(x[t], at + "pre_feedforward_layernorm"), at + "mlp."), at + "post_feedforward_layernorm"));
                }
                else
                {
                    x[t] = Plus(x[t], attended[t]);
                    x[t] = Plus(x[t], FeedForward(Norm(x[t], at + "post_attention_layernorm"), at + "mlp."));
                }
            }
        }
        var logits = x.Select(r => Product(Norm(r, "model.norm"), c.TiedHead ? "model.embed_tokens" : "lm_head"));
        return [.. logits.Select(r => c.LogitCap is { } cap ? Array.ConvertAll(r, v => cap * Math.Tanh(v / cap)) : r)];
    }

    double[] Embedded(int token, int position)
    {
        var row = weights["model.embed_tokens.weight"].AsSpan(token * c.Width, c.Width).ToArray();
        if (c.EmbeddingScale is { } scale) row = Array.ConvertAll(row, v => v * scale);
        return c.LearnedPositions ? Plus(row, weights["model.embed_positions.weight"].AsSpan(position * c.Width, c.Width).ToArray()) : row;
    }

    double[] FeedForward(double[] y, string at)
    {
        var up = Product(y, at + "up_proj");
        if (c.FeedForward is FeedForwardKind.SwiGlu or FeedForwardKind.GeGlu)
        {
            var gate = Product(y, at + "gate_proj");
            for (int i = 0; i < up.Length; i++) up[i] *= c.FeedForward == FeedForwardKind.SwiGlu ? gate[i] / (1 + Math.Exp(-gate[i])) : Gelu(gate[i]);
        }
        else up = Array.ConvertAll(up, Gelu);
        return Product(up, at + "down_proj");

        // Hendrycks and Gimpel's approximation, "gelu_new".
        static double Gelu(double v) => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
    }

    double[][] Attention(int layer, string at, double[][] x)
    {
        int d = c.HeadWidth;
        bool isWindowed = c.Window is not null && !c.FullLayers.Contains(layer);
        double scale = c.AttentionScale ?? 1 / Math.Sqrt(d);
        var q = x.Select((r, t) => Heads(layer, Product(r, at + "q_proj"), at + "q_norm", t, x.Length, isWindowed)).ToArray();
        var k = x.Select((r, t) => Heads(layer, Product(r, at + "k_proj"), at + "k_norm", t, x.Length, isWindowed)).ToArray();
        var v = x.Select(r => Product(r, at + "v_proj").Chunk(d).ToArray()).ToArray();
        var result = new double[x.Length][];
        for (int t = 0; t < x.Length; t++)
        {
            var row = new double[c.Heads * d];
            for (int h = 0; h < c.Heads; h++)
            {
                int g = h / (c.Heads / c.KeyHeads), first = isWindowed ? Math.Max(0, t - c.Window!.Value + 1) : 0;
                var e = Enumerable.Range(first, t - first + 1).Select(s => Math.Exp(q[t][h].Zip(k[s][g], (a, b) => a * b).Sum() * scale)).ToArray();
                for (int s = first; s <= t; s++)
                    for (int i = 0; i < d; i++) row[h * d + i] += e[s - first] / e.Sum() * v[s][g][i];
            }
            result[t] = Product(row, at + "o_proj");
        }
        return result;
    }

    double[][] Heads(int layer, double[] row, string norm, int position, int length, bool isWindowed)
    {
        int turned = c.RotaryWidth ?? c.HeadWidth, half = turned / 2;
        bool isTurned = !c.LearnedPositions && !c.UnrotatedLayers.Contains(layer);
        return [.. row.Chunk(c.HeadWidth).Select(head =>
        {
            if (c.QkNorm) head = Rms(head, norm);
            if (!isTurned) return head;
            var result = head.ToArray();
            for (int i = 0; i < half; i++)
            {
                int a = c.AdjacentRotation ? 2 * i : i, b = c.AdjacentRotation ? 2 * i + 1 : i + half;
                var (frequency, amplitude) = Frequency(i, turned, length, isWindowed);
                double angle = position * frequency;
                result[a] = amplitude * (head[a] * Math.Cos(angle) - head[b] * Math.Sin(angle));
                result[b] = amplitude * (head[b] * Math.Cos(angle) + head[a] * Math.Sin(angle));
            }
            return result;
        })];
    }

    /// <summary>As in Hugging Face's modeling_rope_utils.</summary>
    (double Frequency, double Amplitude) Frequency(int i, int dim, int length, bool isWindowed)
    {
        double theta = isWindowed && c.WindowRopeTheta is { } local ? local : c.RopeTheta;
        double f = 1 / Math.Pow(theta, 2.0 * i / dim), wavelength = 2 * Math.PI / f;
        if (isWindowed && c.WindowRopeTheta is not null) return (f, 1);
        switch (c.Scaling)
        {
            case RopeScaling.Linear linear:
                return (f / linear.Factor, 1);
            case RopeScaling.Divided divided:
                return (f / divided.Divisors[i], 1);
            case RopeScaling.LongRope l:
                return (f / (length > l.OriginalContext ? l.Long : l.Short)[i], l.Amplitude);
            case RopeScaling.Yarn y:
                {
                    double Correction(double rotations) => dim * Math.Log(y.OriginalContext / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta));
                    double low = Math.Max(Math.Floor(Correction(y.BetaFast)), 0), high = Math.Min(Math.Ceiling(Correction(y.BetaSlow)), dim - 1);
                    if (low == high) high += 0.001;
                    double ramp = Math.Min(Math.Max((i - low) / (high - low), 0), 1), extrapolation = 1 - ramp;
                    return (f / y.Factor * (1 - extrapolation) + f * extrapolation, y.Amplitude);
                }
            case RopeScaling.Llama3 s:
                {
                    if (wavelength < s.OriginalContext / s.HighFrequencyFactor) return (f, 1);
                    if (wavelength > s.OriginalContext / s.LowFrequencyFactor) return (f / s.Factor, 1);
                    double smooth = (s.OriginalContext / wavelength - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
                    return ((1 - smooth) * f / s.Factor + smooth * f, 1);
                }
            default:
                return (f, 1);
        }
    }

    double[] Norm(double[] x, string name)
    {
        if (!c.LayerNorm) return Rms(x, name);
        double mean = x.Average(), deviation = Math.Sqrt(x.Sum(v => (v - mean) * (v - mean)) / x.Length + c.NormEpsilon);
        var scaled = x.Select((v, i) => (v - mean) / deviation * Factor(name, i)).ToArray();
        return weights.TryGetValue(name + ".bias", out var bias) ? Plus(scaled, bias) : scaled;
    }

    double[] Rms(double[] x, string name)
    {
        double scale = 1 / Math.Sqrt(x.Sum(v => v * v) / x.Length + c.NormEpsilon);
        return [.. x.Select((v, i) => v * scale * Factor(name, i))];
    }

    double Factor(string name, int i) => weights[name + ".weight"][i] + (c.NormsFromOne ? 1 : 0);

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
