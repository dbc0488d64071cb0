namespace Ingot.Bench;

/// <summary>How benchmarks compute.</summary>
static class Programs
{
    /// <summary>Random numbers in memory.</summary>
    public static Tensor Random(DType dtype, params ReadOnlySpan<int> shape) => Tensor.Randn(shape).To(dtype).Realize();

    /// <summary>A call that computes a value into memory it owns, as a training step or a captured program does: no fresh pages, no allocation to be timed.</summary>
    public static Action Into(Func<Tensor> value)
    {
        var target = value().Realize();
        return () => target.Assign(value()).Realize();
    }
}
