namespace Ingot.Llm.Models;

static class Pending
{
    public static Tensor Softmax(this Tensor x, int dim)
    {
        var e = (x - x.Max(dim, true)).Exp();
        return e / e.Sum(dim, true);
    }

    public static Tensor Silu(this Tensor x) => x / (1 + (-x).Exp());

    public static Tensor Gelu(this Tensor x) => x / (1 + (x * -1.702).Exp());

    public static Tensor CrossEntropy(this Tensor x, Tensor target)
    {
        var shifted = x - x.Max(-1, true).Detach();
        var logSum = shifted.Exp().Sum(-1).Log();
        return (logSum - shifted.Gather(1, target.Unsqueeze(1)).Squeeze(1)).Mean();
    }
}

sealed class Embedding(int count, int width)
{
    public Tensor Weight { get; } = Tensor.Zeros(count, width).WithGrad();
    public Tensor Forward(Tensor ids) => Weight[ids];
}

sealed class Linear(int inputs, int outputs, bool bias)
{
    public Tensor Weight { get; } = Tensor.Zeros(outputs, inputs).WithGrad();
    public Tensor Forward(Tensor x) => bias ? throw new NotSupportedException() : x.Linear(Weight);
}

sealed class LayerNorm(int width)
{
    public Tensor Weight { get; } = Tensor.Ones(width).WithGrad();
    public Tensor Bias { get; } = Tensor.Zeros(width).WithGrad();
    public Tensor Forward(Tensor x)
    {
        var c = x - x.Mean(-1, true);
        return c * (c.Square().Mean(-1, true) + 1e-5).Rsqrt() * Weight + Bias;
    }
}
