namespace Ingot.Tests.Golden;

/// <summary>Every operator of the golden files in Ingot's words. The keys are table.py's names, the attributes PyTorch's.</summary>
static partial class GoldenOps
{
    public static readonly IReadOnlyDictionary<string, GoldenOperator> Table = new Dictionary<string, GoldenOperator>(
        [.. Creation(), .. Elementwise(), .. Activations(), .. Movement(), .. Indexing(), .. Reductions(), .. Linear(), .. Pooling(), .. Layers(), .. Losses(), .. Optimizers()]);

    static Tensor[] Both((Tensor, Tensor) pair) => [pair.Item1, pair.Item2];
}
