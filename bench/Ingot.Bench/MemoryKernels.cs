using static Ingot.Bench.Programs;

namespace Ingot.Bench;

/// <summary>Kernels that memory bounds: an elementwise chain, softmax, layer norm. GB/s of the least traffic there is: each input read once, each output written once.</summary>
static class MemoryKernels
{
    const int Rows = 4096, Columns = 4096;

    public static IEnumerable<Benchmark> All()
    {
        yield return new("elementwise", "GB/s of y = relu(a * b + c) * d over 64 Mi floats, four reads and one write", session =>
        {
            const int n = 64 << 20;
            Tensor a = Random(DType.F32, n), b = Random(DType.F32, n), c = Random(DType.F32, n), d = Random(DType.F32, n);
            return Traffic("elementwise", 4, 4L * n, () => (a * b + c).Relu() * d);
        })
        { IsCheap = true };
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
        {
            string suffix = dtype == DType.F32 ? "" : $".{dtype.Name}";
            yield return RowProgram($"softmax{suffix}", dtype, (x, _, _) => x.Softmax(-1));
            yield return RowProgram($"layernorm{suffix}", dtype, (x, weight, bias) => x.LayerNorm(weight, bias));
        }
    }

    static Benchmark RowProgram(string name, DType dtype, Func<Tensor, Tensor, Tensor, Tensor> program) =>
        new(name, $"GB/s of {Rows} rows of {Columns} {dtype.Name}, one read and one write", session =>
        {
            Tensor x = Random(dtype, Rows, Columns), weight = Random(dtype, Columns), bias = Random(dtype, Columns);
            return Traffic(name, 1, (long)dtype.Size * Rows * Columns, () => program(x, weight, bias));
        })
        { IsCheap = dtype == DType.F32 };

    static Figure Traffic(string name, int reads, long bytesEach, Func<Tensor> value)
    {
        double gb = (reads + 1) * bytesEach / 1e9;
        return Sampling.Measure(name, "GB/s", new TrafficRoof(reads, 1, bytesEach), gb, s => gb / s, Into(value));
    }
}
