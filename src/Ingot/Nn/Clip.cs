using Ingot.Autograd;

namespace Ingot.Nn;

/// <summary>Bounds on gradients.</summary>
public static class Clip
{
    /// <summary>
    /// Scales all gradients by one factor so that their norm, taken as one long vector, is at most <paramref name="maxNorm"/>. Lazy: the factor becomes
    /// part of the optimizer's update.
    /// </summary>
    /// <returns>The norm before, a float32 or float64 scalar; computed with the step.</returns>
    public static Tensor GradNorm(IEnumerable<Tensor> parameters, double maxNorm)
    {
        var gradients = parameters.Select(p => p.Grad).OfType<Tensor>().ToList();
        if (gradients.Count == 0) return Tensor.Scalar(0f);
        using var noGrad = new NoGrad();
        var sum = gradients.Select(g => g.To(g.DType.ComputeType).Square().Sum()).Aggregate((a, b) => a + b);
        var norm = sum.Sqrt();
        var factor = (maxNorm / (norm + 1e-6)).Minimum(1); // PyTorch's 1e-6, for gradients that are all 0
        foreach (var g in gradients) g.Become(g * factor.To(g.DType));
        Companions.Follow(norm, gradients);
        return norm;
    }
}
