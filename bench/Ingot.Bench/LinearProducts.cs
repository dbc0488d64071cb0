using Ingot.Formats;
using Ingot.Formats.Quantization;
using Ingot.Runtime;

namespace Ingot.Bench;

/// <summary>Products with weights that stay quantized or in half precision: alone, and all those that a token of a 1.1B Llama takes.</summary>
static class LinearProducts
{
    static readonly GgmlType[] Types = [GgmlType.BF16, GgmlType.F16, GgmlType.Q8_0, GgmlType.Q4_0, GgmlType.Q4_K, GgmlType.Q6_K];

    public static IEnumerable<Benchmark> All()
    {
        foreach (var type in Types)
        {
            foreach (int rows in (int[])[1, 8]) yield return FewRows(type, rows) with { IsCheap = rows == 1 && type is (GgmlType.Q8_0 or GgmlType.Q4_0) };
            yield return ManyRows(type, 512);
        }
        foreach (var type in Types) yield return Decode(type);
    }

    static string NameOf(GgmlType type) => type.ToString().ToLowerInvariant();

    /// <summary>As a prompt's rows: on the matrix unit, where there is one.</summary>
    static Tensor OfPrompt(QuantizedMatrix w, Tensor x)
    {
        using var onUnit = MatrixUnitRows.All.Use();
        return w.Linear(x);
    }

    /// <summary>A product of more weights than the last cache holds.</summary>
    static Benchmark FewRows(GgmlType type, int m)
    {
        const int K = 4096, N = 32768;
        string name = $"linear.{NameOf(type)}.{m}";
        return new(name, $"GB/s of weights read, {m} x {K} by {N} x {K} in {type}; the roof is reading as many bytes", _ =>
        {
            var w = Matrix(type, N, K);
            var x = Programs.Random(DType.F32, m, K);
            return Sampling.Measure(name, "GB/s", new TrafficRoof(1, 0, w.Bytes), w.Bytes / 1e9, s => w.Bytes / 1e9 / s, Programs.Into(() => w.Linear(x)));
        });
    }

    static Benchmark ManyRows(GgmlType type, int m)
    {
        const int K = 2048, N = 5632;
        string name = $"linear.{NameOf(type)}.{m}";
        return new(name, $"GFLOPS of {m} x {K} by {N} x {K} in {type}; rows of a prompt; the roof is the matrix unit's or else float32's, which products of integers may pass", session =>
        {
            var w = Matrix(type, N, K);
            var x = Programs.Random(DType.F32, m, K);
            double gflop = 2e-9 * m * K * N;
            return Sampling.Measure(name, "GFLOPS", Cpu.UsesMatrixUnit && session.Matrix is { } unit ? unit : session.Fma, gflop, s => gflop / s, Programs.Into(() => OfPrompt(w, x)));
        });
    }

    /// <summary>22 layers of 2048 with 4 of 32 heads for keys, 5632 inside, 32000 tokens: each product's input is the output of an earlier one, as in the model.</summary>
    static Benchmark Decode(GgmlType type)
    {
        string name = $"decode.{NameOf(type)}";
        return new(name, $"tokens/s of a 1.1B Llama's products for one token, {type}; the roof is reading its weights once", _ =>
        {
            const int Layers = 22, C = 2048, Keys = 256, Inside = 5632, Vocabulary = 32000;
            var layers = Enumerable.Range(0, Layers).Select(_ => new[] { Matrix(type, C, C), Matrix(type, Keys, C), Matrix(type, Keys, C), Matrix(type, C, C), Matrix(type, Inside, C), Matrix(type, Inside, C), Matrix(type, C, Inside) }).ToList();
            var head = Matrix(type, Vocabulary, C);
            long bytes = layers.Sum(l => l.Sum(w => w.Bytes)) + head.Bytes;
            Tensor Token(Tensor x)
            {
                foreach (var w in layers)
                {
                    var attention = w[0].Linear(x) + (w[1].Linear(x) + w[2].Linear(x)).Mean();
                    x += w[3].Linear(attention);
                    x += w[6].Linear(w[4].Linear(x).Silu() * w[5].Linear(x));
                    x /= x.Square().Mean().Sqrt();
                }
                return head.Linear(x);
            }
            var run = Compiled.Of(Token);
            var input = Programs.Random(DType.F32, 1, C);
            return Sampling.Measure(name, "tok/s", new TrafficRoof(1, 0, bytes), bytes / 1e9, s => 1 / s, () => run.Call(input).Realize());
        });
    }

    /// <summary>Random weights of the size that a model has; the blocks of some rows again and again.</summary>
    static QuantizedMatrix Matrix(GgmlType type, int rows, int columns)
    {
        var memory = Storage.Allocate(type.BytesOf((long)rows * columns));
        const int Different = 16;
        int inRow = (int)type.BytesOf(columns);
        var some = new byte[Different * inRow];
        BlockFormats.Encode(type, Tensor.Randn(Different, columns).ToArray<float>().Select(v => v * 0.02f).ToArray(), some);
        for (int row = 0; row < rows; row++) some.AsSpan(row % Different * inRow, inRow).CopyTo(memory.Span<byte>((long)row * inRow, inRow));
        return QuantizedMatrix.Of(type, rows, columns, memory);
    }
}
