using Ingot.Graph;

namespace Ingot.Llm.Models;

/// <summary>Initial weights as a function of seed and place alone: the same on every backend, thread count and vector width.</summary>
static class RandomWeights
{
    /// <summary>Normally distributed float32.</summary>
    /// <param name="shape">Of the result.</param>
    /// <param name="deviation">Standard deviation.</param>
    /// <param name="seed">Of the model.</param>
    /// <param name="stream">Different for each tensor of a model.</param>
    public static Tensor Normal(Shape shape, double deviation, ulong seed, ulong stream)
    {
        var values = new float[shape.Count];
        ulong key = seed * 0x9E3779B97F4A7C15 + stream;
        for (int i = 0; i < values.Length; i += 2)
        {
            // Box-Muller: two uniforms, the first never 0, give two normals.
            double u = (Threefry.Bits(key, (ulong)i) + 1.0) / 4294967296.0, v = Threefry.Bits(key, (ulong)i + 1) / 4294967296.0;
            double radius = deviation * Math.Sqrt(-2 * Math.Log(u));
            values[i] = (float)(radius * Math.Cos(2 * Math.PI * v));
            if (i + 1 < values.Length) values[i + 1] = (float)(radius * Math.Sin(2 * Math.PI * v));
        }
        return Tensor.From(values, shape.Span);
    }

    /// <summary>Uniformly distributed float32.</summary>
    /// <param name="shape">Of the result.</param>
    /// <param name="low">The least value.</param>
    /// <param name="high">A bound above all of them.</param>
    /// <param name="seed">Of the model.</param>
    /// <param name="stream">Different for each tensor of a model.</param>
    public static Tensor Uniform(Shape shape, double low, double high, ulong seed, ulong stream)
    {
        var values = new float[shape.Count];
        ulong key = seed * 0x9E3779B97F4A7C15 + stream;
        for (int i = 0; i < values.Length; i++) values[i] = (float)(low + (high - low) * (Threefry.Bits(key, (ulong)i) / 4294967296.0));
        return Tensor.From(values, shape.Span);
    }
}
