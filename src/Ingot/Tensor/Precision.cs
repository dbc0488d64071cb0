using Ingot.Graph;

namespace Ingot;

/// <summary>
/// While one is alive, products of float32 tensors take their operands rounded to bf16 and add up in float32: what a matrix unit does at fifteen times the speed of
/// the vector unit. Everything else, and every result, stays float32. Follows the async flow.
/// </summary>
/// <remarks>
/// <para><see cref="Operations"/> lists what is concerned; softmax, normalisation, losses, sums and optimizers are not. Parameters stay float32: the rounding is part of the
/// product's kernel, or of the kernel that makes the operand.</para>
/// <para>The gradient of such a product is made of products of the same kind, of the gradient rounded to bf16 and the operands as they were rounded, wherever Backward is
/// called. It is not rounded itself: gradients of parameters are float32 sums.</para>
/// <para>Results are float32 and not bf16, as in PyTorch's autocast: what follows a product in the graph runs on the sums in registers, and the next product
/// rounds what it takes, so that a bf16 result would add a rounding and, where the kernel goes on, save no traffic.</para>
/// </remarks>
/// <example><code>using (Precision.Bf16()) loss = model.Loss(tokens, targets);</code></example>
public sealed class Precision : IDisposable
{
    static readonly AsyncLocal<int> Depth = new();

    bool isDisposed;

    Precision() => Depth.Value++;

    /// <summary>Products in bf16 until it is disposed.</summary>
    public static Precision Bf16() => new();

    /// <summary>Whether products run in bf16 here.</summary>
    public static bool IsBf16 => Depth.Value > 0;

    /// <summary>The operations that run in it, with all that is written in terms of them.</summary>
    public static IReadOnlyList<string> Operations { get; } =
        [nameof(Tensor.Matmul), nameof(Tensor.Linear), nameof(Tensor.Einsum), nameof(Tensor.Conv1d), nameof(Tensor.Conv2d), nameof(Tensor.ScaledDotProductAttention)];

    /// <summary>Ends it; a second call does nothing.</summary>
    public void Dispose()
    {
        if (isDisposed) return;
        isDisposed = true;
        Depth.Value--;
    }

    /// <summary>A product's operand in the type the product is computed in.</summary>
    /// <param name="x">Of the product's dtype.</param>
    internal static Node Operand(Node x) => IsBf16 && x.DType == DType.F32 ? Build.Rounded(x, DType.BF16) : Build.Cast(x, x.DType.ComputeType);

    /// <summary>A product of two such operands, as summed.</summary>
    /// <param name="sum">The sum.</param>
    /// <param name="dtype">The product's dtype.</param>
    internal static Node Product(Node sum, DType dtype) => IsBf16 && dtype == DType.F32 ? Build.GradientRounded(sum, DType.BF16) : sum;
}
