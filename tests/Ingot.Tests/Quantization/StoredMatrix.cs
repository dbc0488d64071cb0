using Ingot.Formats;
using Ingot.Formats.Quantization;
using Ingot.Runtime;

namespace Ingot.Tests.Quantization;

/// <summary>Matrices of every format that can be multiplied, with the weights that they stand for.</summary>
static class StoredMatrix
{
    public static TheoryData<GgmlType> Types => [.. Enum.GetValues<GgmlType>().Where(QuantizedMatrix.IsSupported)];

    public static float[] Values(int count, int seed, float scale = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * scale)];
    }

    /// <summary>A matrix of a type, and its weights as the format's decoder reads them.</summary>
    public static (QuantizedMatrix Matrix, float[] Weights) Make(GgmlType type, int rows, int columns, int seed = 1)
    {
        var bytes = Storage.Allocate(type.BytesOf((long)rows * columns));
        BlockFormats.Encode(type, Values(rows * columns, seed, 0.05f), bytes.Span<byte>());
        var weights = new float[rows * columns];
        BlockFormats.Decode(type, bytes.Span<byte>(), weights);
        return (QuantizedMatrix.Of(type, rows, columns, bytes), weights);
    }
}
