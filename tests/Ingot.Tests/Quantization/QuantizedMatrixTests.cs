using Ingot.Formats;
using Ingot.Runtime;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Quantization;

/// <summary>Products with weights that stay as they are stored, for every format, against sums in double of what the format's own decoder gives.</summary>
[Collection(nameof(ProcessWide))]
public sealed class QuantizedMatrixTests
{
    public static TheoryData<GgmlType> Types => StoredMatrix.Types;

    static float[] Rows(QuantizedMatrix w, float[] x, int m) => w.Linear(Tensor.From(x, m, w.Columns)).ToArray<float>();

    [Theory, MemberData(nameof(Types))]
    public void Dequantize_OfEveryType_IsTheDecodersValues(GgmlType type)
    {
        var (matrix, weights) = StoredMatrix.Make(type, 7, 512);
        matrix.Dequantize().ToArray<float>().ShouldBe(weights);
        var picked = matrix.RowsOf(Tensor.From([6, 0, 3, 3], 2, 2));
        picked.Shape.ShouldBe(new Shape(2, 2, 512));
        picked.ToArray<float>().ShouldBe([.. weights[(6 * 512)..], .. weights[..512], .. weights[(3 * 512)..(4 * 512)], .. weights[(3 * 512)..(4 * 512)]]);
    }

    [Theory, MemberData(nameof(Types))]
    public void Linear_OfEveryType_IsTheSumOfProducts(GgmlType type)
    {
        const int N = 45, K = 1280; // neither whole tiles nor whole stretches
        var (matrix, weights) = StoredMatrix.Make(type, N, K);
        foreach (int m in (int[])[1, 7])
        {
            var x = StoredMatrix.Values(m * K, 2);
            var y = Rows(matrix, x, m);
            double error = 0, square = 0;
            for (int i = 0; i < m; i++)
                for (int n = 0; n < N; n++)
                {
                    double sum = 0;
                    for (int k = 0; k < K; k++) sum += (double)x[i * K + k] * weights[n * K + k];
                    (error, square) = (error + Math.Pow(y[i * N + n] - sum, 2), square + sum * sum);
                }
            Math.Sqrt(error / square).ShouldBeLessThan(matrix.RelativeError);
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Linear_RowAmongOthers_HasTheBitsOfTheRowAlone(GgmlType type)
    {
        const int N = 75, K = 768, M = 131;
        var (matrix, _) = StoredMatrix.Make(type, N, K);
        var x = StoredMatrix.Values(M * K, 3);
        int threads = WorkerPool.Threads;
        foreach (var level in (IsaLevel[])[IsaLevel.Avx2, IsaLevel.Avx512])
        {
            using var _ = new Level(level);
            var all = Rows(matrix, x, M);
            foreach (int i in (int[])[0, 4, 119, 120, 130])
                Rows(matrix, x[(i * K)..((i + 1) * K)], 1).ShouldBe(all[(i * N)..((i + 1) * N)]);
            try
            {
                WorkerPool.Threads = threads == 1 ? 3 : 1;
                Rows(matrix, x, M).ShouldBe(all);
                Rows(matrix, x[..(5 * K)], 5).ShouldBe(all[..(5 * N)]);
            }
            finally { WorkerPool.Threads = threads; }
        }
    }

    sealed class Level : IDisposable
    {
        readonly IsaLevel? before = Settings.Isa;
        public Level(IsaLevel level) => Settings.Isa = level;
        public void Dispose() => Settings.Isa = before;
    }

    [Theory, InlineData(GgmlType.F32), InlineData(GgmlType.F16), InlineData(GgmlType.BF16)]
    public void Linear_PlainNumbersOfAnyLength_EndWhereTheRowEnds(GgmlType type)
    {
        foreach (int k in (int[])[1, 31, 33, 172, 515])
        {
            var (matrix, weights) = StoredMatrix.Make(type, 5, k);
            var x = StoredMatrix.Values(3 * k, 4);
            var y = Rows(matrix, x, 3);
            for (int i = 0; i < 15; i++) y[i].ShouldBe(Enumerable.Range(0, k).Sum(j => x[i / 5 * k + j] * weights[i % 5 * k + j]), 1e-5);
            Rows(matrix, x[..k], 1).ShouldBe(y[..5]);
            matrix.Dequantize().ToArray<float>().ShouldBe(weights);
        }
    }

    [Fact]
    public void Halves_SubnormalAndSpecial_AreDecodedExactly()
    {
        var halves = Enumerable.Range(0, 65536).Select(i => BitConverter.UInt16BitsToHalf((ushort)i)).ToArray();
        var matrix = QuantizedMatrix.Of(Tensor.From(halves, 64, 1024));
        var decoded = matrix.Dequantize().ToArray<float>();
        for (int i = 0; i < halves.Length; i++)
            if (Half.IsNaN(halves[i])) decoded[i].ShouldBe(float.NaN);
            else BitConverter.SingleToInt32Bits(decoded[i]).ShouldBe(BitConverter.SingleToInt32Bits((float)halves[i]));
    }

    [Fact]
    public void Linear_Gradient_FlowsToTheInput()
    {
        var (matrix, weights) = StoredMatrix.Make(GgmlType.Q8_0, 3, 64);
        var x = Tensor.From(StoredMatrix.Values(128, 5), 2, 64);
        x.RequiresGrad = true;
        matrix.Linear(x).Sum().Backward();
        x.Grad!.ToArray<float>()[70].ShouldBe(weights[6] + weights[70] + weights[134], 1e-6f);
    }

    [Fact]
    public void Of_WhatDoesNotFit_SaysWhy()
    {
        var bytes = Storage.Allocate(1000);
        Should.Throw<ShapeException>(() => QuantizedMatrix.Of(GgmlType.Q4_0, 2, 40, bytes)).Message.ShouldContain("40 columns");
        Should.Throw<ShapeException>(() => QuantizedMatrix.Of(GgmlType.Q4_0, 2, 2048, bytes)).Message.ShouldContain("2304 bytes");
        Should.Throw<DTypeException>(() => QuantizedMatrix.Of(GgmlType.IQ1_S, 2, 256, bytes)).Message.ShouldContain("Q4_0");
        var (matrix, _) = StoredMatrix.Make(GgmlType.Q4_0, 2, 64);
        Should.Throw<ShapeException>(() => matrix.Linear(Tensor.Rand(3, 32))).Message.ShouldContain("(2, 64)");
        Should.Throw<IngotException>(() => matrix.RowsOf(Tensor.From([2], 1)).Realize()).Message.ShouldContain("row 2");
    }
}
