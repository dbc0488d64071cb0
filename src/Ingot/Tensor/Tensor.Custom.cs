using Ingot.Graph;

namespace Ingot;

// The way out: what no composition of operations computes.
public sealed partial class Tensor
{
    /// <summary>What a kernel of your own computes from these inputs. Lazy as every operation, with a gradient if the kernel has one.</summary>
    /// <param name="kernel">One instance for all calls: see <see cref="CustomKernel"/>.</param>
    /// <param name="shape">Shape of the result.</param>
    /// <param name="dtype">Element type of the result.</param>
    /// <param name="inputs">Tensors of any shapes and dtypes; they are not broadcast or promoted.</param>
    public static Tensor Custom(CustomKernel kernel, ReadOnlySpan<int> shape, DType dtype, params ReadOnlySpan<Tensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        var src = new Node[inputs.Length];
        for (int i = 0; i < src.Length; i++) src[i] = inputs[i].Node;
        return new(Build.Custom(kernel, dtype, new Shape(shape), src));
    }
}
