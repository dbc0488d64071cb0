using static Ingot.Bench.Programs;

namespace Ingot.Bench;

/// <summary>Matrix products: squares in all four layouts, odd shapes, batches of thin ones, matrix-vector.</summary>
static class MatrixProducts
{
    public static IEnumerable<Benchmark> All()
    {
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
        {
            foreach (int n in new[] { 512, 1024, 2048, 4096 })
                foreach (string form in new[] { "", "nt", "tn", "tt" })
                    yield return Product(dtype, $"{n}", 1, n, n, n, form) with { IsCheap = dtype == DType.F32 && n == 1024 };
            foreach (string form in new[] { "", "nt", "tn", "tt" }) yield return Product(dtype, "1000x777x1234", 1, 1000, 777, 1234, form);
            yield return Product(dtype, "48x64x64x4096", 48, 64, 64, 4096, "");
            yield return Product(dtype, "48x64x4096x64", 48, 64, 4096, 64, "");
        }
        foreach (var dtype in new[] { DType.F32, DType.BF16 })
        {
            yield return VectorProduct(dtype, 4096, 4096, 1) with { IsCheap = dtype == DType.F32 };
            yield return VectorProduct(dtype, 1, 4096, 11008);
        }
    }

    /// <param name="dtype">Of inputs and output; sums are float32.</param>
    /// <param name="size">For the name.</param>
    /// <param name="batch">Products beside each other.</param>
    /// <param name="m">Rows of A and C.</param>
    /// <param name="k">Columns of A, rows of B.</param>
    /// <param name="n">Columns of B and C.</param>
    /// <param name="form">Two letters for A and B, t where it is stored transposed; empty: neither.</param>
    static Benchmark Product(DType dtype, string size, int batch, int m, int k, int n, string form)
    {
        string name = $"matmul.{dtype.Name}.{size}{(form.Length > 0 ? $".{form}" : "")}";
        string layout = form switch { "nt" => ", B stored transposed (as in Linear)", "tn" => ", A stored transposed", "tt" => ", both stored transposed", _ => "" };
        return new(name, $"GFLOPS of {(batch > 1 ? $"{batch} products " : "")}{m} x {k} by {k} x {n} in {dtype.Name}{layout}", session =>
        {
            bool at = form.StartsWith('t'), bt = form.EndsWith('t');
            Tensor Stored(int rows, int columns, bool isTransposed)
            {
                var x = isTransposed ? Random(dtype, batch, columns, rows).Transpose(1, 2) : Random(dtype, batch, rows, columns);
                return batch == 1 ? x.Select(0, 0) : x;
            }
            Tensor a = Stored(m, k, at), b = Stored(k, n, bt);
            double gflop = 2e-9 * batch * m * k * n;
            return Sampling.Measure(name, "GFLOPS", session.RoofOf(dtype), gflop, s => gflop / s, Into(() => a.Matmul(b)));
        });
    }

    static Benchmark VectorProduct(DType dtype, int m, int k, int n)
    {
        string name = $"matvec.{dtype.Name}.{m}x{k}x{n}";
        return new(name, $"GB/s of the matrix in {m} x {k} by {k} x {n}, {dtype.Name}; the roof is reading as many bytes", session =>
        {
            Tensor a = Random(dtype, m, k), b = Random(dtype, k, n);
            long bytes = (long)dtype.Size * k * Math.Max(m, n);
            return Sampling.Measure(name, "GB/s", new TrafficRoof(1, 0, bytes), bytes / 1e9, s => bytes / 1e9 / s, Into(() => a.Matmul(b)));
        });
    }
}
