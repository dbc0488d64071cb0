namespace Ingot.Nn;

/// <summary>x W^T + b. Weight (outputs, inputs) and bias (outputs,), both uniform within 1 / sqrt(inputs), as PyTorch starts them.</summary>
public sealed class Linear : ILayer
{
    public Tensor Weight { get; }

    public Tensor? Bias { get; }

    public Linear(int inputs, int outputs, bool bias = true)
    {
        Weight = Start.Uniform(inputs, outputs, inputs);
        Bias = bias ? Start.Uniform(inputs, outputs) : null;
    }

    /// <summary>(.., inputs) to (.., outputs).</summary>
    public Tensor Forward(Tensor x) => x.Linear(Weight, Bias);
}

/// <summary>A table of rows, looked up by number. Weight (count, dim), normally distributed.</summary>
public sealed class Embedding(int count, int dim) : ILayer
{
    public Tensor Weight { get; } = Tensor.Randn(count, dim).WithGrad();

    /// <summary>Integers (..) to (.., dim).</summary>
    public Tensor Forward(Tensor x) => x.Embedding(Weight);
}

/// <summary>Zeroes elements with probability p in training.</summary>
public sealed class Dropout(double p = 0.5) : ILayer
{
    public bool Training { get; set; } = true;

    public Tensor Forward(Tensor x) => x.Dropout(p, Training);
}

/// <summary>How parameters start.</summary>
static class Start
{
    /// <summary>Uniform within 1 / sqrt(fanIn): PyTorch's kaiming_uniform with a = sqrt(5), for weights and biases alike.</summary>
    public static Tensor Uniform(int fanIn, params ReadOnlySpan<int> shape)
    {
        double bound = 1 / Math.Sqrt(Math.Max(1, fanIn));
        return Tensor.Uniform(shape, -bound, bound).WithGrad();
    }

    public static Tensor Ones(params ReadOnlySpan<int> shape) => Tensor.Ones(shape).WithGrad();

    public static Tensor Zeros(params ReadOnlySpan<int> shape) => Tensor.Zeros(shape).WithGrad();
}
