using Ingot.Graph;

namespace Ingot.Tests.Autograd;

/// <summary>
/// Compares backward gradients with central differences in double. The result is weighted with fixed random numbers before it is summed,
/// so that a gradient that is wrong in one element only cannot cancel out.
/// </summary>
static class GradientCheck
{
    /// <summary>Step of the differences: the error is of the order of its square times the third derivative, plus 1e-16 over it.</summary>
    const double Step = 1e-4;

    /// <summary>Values in (-1, 1), apart from each other by more than the step, so that maxima and kinks are not crossed.</summary>
    public static Tensor Values(int seed, params int[] shape) => Values(seed, -1, 1, shape);

    public static Tensor Values(int seed, double low, double high, params int[] shape)
    {
        int count = shape.Aggregate(1, (a, b) => a * b);
        var random = new Random(seed);
        var order = Enumerable.Range(0, count).ToArray();
        random.Shuffle(order);
        return Tensor.From(order.Select(i => low + (high - low) * (i + 0.25 + 0.5 * random.NextDouble()) / count).ToArray()).ShapedAs(shape);
    }

    /// <summary>First-order check of every input.</summary>
    public static void First(Func<Tensor[], Tensor> f, params Tensor[] inputs) => Check(xs => Weighted(f(xs)), inputs, 1e-6);

    /// <summary>Second-order check: the gradient of a weighted sum of the first gradients. The result is squared, so that linear functions have one.</summary>
    public static void Second(Func<Tensor[], Tensor> f, params Tensor[] inputs)
    {
        First(f, inputs);
        Check(xs =>
        {
            var y = f(xs);
            var gradients = Tensor.GradOf(Weighted(new(Build.Binary(Op.Mul, y.Node, y.Node))), xs, createGraph: true);
            return gradients.Select((g, i) => Weighted(g, i + 1)).Aggregate((a, b) => new(Build.Binary(Op.Add, a.Node, b.Node)));
        }, inputs, 1e-5);
    }

    static void Check(Func<Tensor[], Tensor> loss, Tensor[] inputs, double tolerance)
    {
        var values = inputs.Select(x => x.ToArray<double>()).ToArray();
        Tensor[] Leaves() => [.. values.Select((v, i) => Tensor.From(v).ShapedAs(inputs[i].Shape.ToArray()).WithGrad())];

        var leaves = Leaves();
        loss(leaves).Backward();
        for (int i = 0; i < inputs.Length; i++)
        {
            var expected = new double[values[i].Length];
            for (int k = 0; k < expected.Length; k++)
            {
                double x = values[i][k];
                values[i][k] = x + Step;
                double up = loss(Leaves()).Item<double>();
                values[i][k] = x - Step;
                double down = loss(Leaves()).Item<double>();
                values[i][k] = x;
                expected[k] = (up - down) / (2 * Step);
            }
            var actual = leaves[i].Grad?.ToArray<double>() ?? new double[expected.Length];
            for (int k = 0; k < expected.Length; k++)
                actual[k].ShouldBe(expected[k], tolerance * Math.Max(1, Math.Abs(expected[k])), $"input {i}, element {k}: [{string.Join(", ", actual)}] against [{string.Join(", ", expected)}]");
        }
    }

    static Tensor Weighted(Tensor x, int seed = 0)
    {
        int count = (int)x.Count;
        var weights = Values(77 + seed, 0.5, 1.5, count);
        var flat = Build.Binary(Op.Mul, Build.Reshape(x.Node, new Shape(count)), weights.Node);
        return new(Build.Reshape(Build.Reduce(Op.Add, flat, 0), Shape.Scalar));
    }

    /// <summary>A reshape that needs nothing but the graph.</summary>
    public static Tensor ShapedAs(this Tensor x, params int[] shape) => new(Build.Reshape(x.Node, new Shape(shape)));
}
