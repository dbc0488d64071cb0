using Ingot.Formats;
using Ingot.Runtime;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Quantization;

/// <summary>Products with stored weights on the matrix unit, or its emulation where there is none, for every format.</summary>
[Collection(nameof(ProcessWide))]
public sealed class MatrixUnitLinearTests : IDisposable
{
    readonly IsaLevel? before = Settings.Isa;
    readonly int threads = WorkerPool.Threads;

    public MatrixUnitLinearTests() => Settings.Isa = IsaLevel.Amx;

    public void Dispose()
    {
        Settings.Isa = before;
        WorkerPool.Threads = threads;
    }

    public static TheoryData<GgmlType> Types => StoredMatrix.Types;

    static float[] Product(QuantizedMatrix w, ReadOnlySpan<float> x, MatrixUnitRows? onUnit)
    {
        using var scope = onUnit?.Use();
        return w.Linear(Tensor.From(x.ToArray(), x.Length / w.Columns, w.Columns)).ToArray<float>();
    }

    static float[] OnUnit(QuantizedMatrix w, ReadOnlySpan<float> x) => Product(w, x, MatrixUnitRows.All);

    [Theory, MemberData(nameof(Types))]
    public void Linear_OfEveryType_IsTheSumOfProducts(GgmlType type)
    {
        // Neither whole panels nor whole stretches, and groups of eight rows with and without a rest.
        foreach (var (m, n, k) in ((int, int, int)[])[(1, 45, 768), (7, 75, 1280), (41, 33, 256), (72, 8, 512)])
        {
            var (matrix, weights) = StoredMatrix.Make(type, n, k);
            var x = StoredMatrix.Values(m * k, 2);
            RelativeError(OnUnit(matrix, x), x, weights, m, n, k).ShouldBeInRange(1e-5, QuantizedMatrix.RelativeErrorOnMatrixUnit);
        }
    }

    /// <summary>The sums that the unit is to give: of values rounded to bf16, which products in double hold exactly.</summary>
    [Theory, MemberData(nameof(Types))]
    public void Linear_OfEveryType_IsThatOfRoundedValues(GgmlType type)
    {
        const int M = 34, N = 70, K = 768;
        var (matrix, weights) = StoredMatrix.Make(type, N, K);
        var x = StoredMatrix.Values(M * K, 2);
        static float[] Rounded(float[] v) => [.. v.Select(f => (float)(BFloat16)f)];
        RelativeError(OnUnit(matrix, x), Rounded(x), Rounded(weights), M, N, K).ShouldBeLessThan(1e-6);
    }

    static double RelativeError(float[] y, float[] x, float[] weights, int m, int n, int k)
    {
        double error = 0, square = 0;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                double sum = 0;
                for (int l = 0; l < k; l++) sum += (double)x[i * k + l] * weights[j * k + l];
                (error, square) = (error + Math.Pow(y[i * n + j] - sum, 2), square + sum * sum);
            }
        return Math.Sqrt(error / square);
    }

    [Theory, MemberData(nameof(Types))]
    public void Linear_RowAmongOthers_HasTheBitsOfTheRowAlone(GgmlType type)
    {
        const int N = 75, K = 768, M = 67;
        var (matrix, _) = StoredMatrix.Make(type, N, K);
        var x = StoredMatrix.Values(M * K, 3);
        var all = OnUnit(matrix, x);
        foreach (int i in (int[])[0, 7, 31, 32, 66]) OnUnit(matrix, x.AsSpan(i * K, K)).ShouldBe(all[(i * N)..((i + 1) * N)]);
        WorkerPool.Threads = threads == 1 ? 3 : 1;
        OnUnit(matrix, x).ShouldBe(all);
        OnUnit(matrix, x.AsSpan(0, 33 * K)).ShouldBe(all[..(33 * N)]);
    }

    /// <summary>More rows than results wait for, and a k that is decoded in parts.</summary>
    [Fact]
    public void Linear_OfManyBlocks_HasTheBitsOfRowsAlone()
    {
        long quarter = Math.Max(Cpu.Caches.L2 / 4, 64 << 10);
        WorkerPool.Threads = 1;
        const int N = 33 * 32 - 5; // eight panels at a time, then one
        int k = (int)(quarter / (8 * 64)) + 320, m = (int)(quarter / (8 * 4096)) * 32 + 32;
        if ((long)m * N * k > 2_000_000_000) (k, m) = (1056, 40); // a large cache, and perhaps an emulation
        var (matrix, weights) = StoredMatrix.Make(GgmlType.Q8_0, N, k);
        var x = StoredMatrix.Values(m * k, 5);
        var all = OnUnit(matrix, x);
        foreach (int i in (int[])[0, m - 33, m - 1]) OnUnit(matrix, x.AsSpan(i * k, k)).ShouldBe(all[(i * N)..((i + 1) * N)]);
        WorkerPool.Threads = 2;
        OnUnit(matrix, x).ShouldBe(all);
        RelativeError(all[^N..], x[^k..], weights, 1, N, k).ShouldBeLessThan(QuantizedMatrix.RelativeErrorOnMatrixUnit);
    }

    [Theory, InlineData(GgmlType.F32), InlineData(GgmlType.F16), InlineData(GgmlType.BF16)]
    public void Linear_PlainNumbersOfAnyLength_EndWhereTheRowEnds(GgmlType type)
    {
        foreach (int k in (int[])[1, 31, 33, 172, 515])
        {
            var (matrix, weights) = StoredMatrix.Make(type, 5, k);
            var x = StoredMatrix.Values(11 * k, 4);
            var y = OnUnit(matrix, x);
            for (int i = 0; i < 55; i++) y[i].ShouldBe(Enumerable.Range(0, k).Sum(j => x[i / 5 * k + j] * weights[i % 5 * k + j]), 0.05 * 0.02 * Math.Sqrt(k));
            OnUnit(matrix, x.AsSpan(0, k)).ShouldBe(y[..5]);
        }
    }

    /// <summary>Rows that are not on the unit have the bits that they have where nobody asks for it.</summary>
    [Theory, InlineData(GgmlType.Q4_0), InlineData(GgmlType.Q8_0), InlineData(GgmlType.BF16)]
    public void Linear_SomeRowsOnTheUnit_AreEachThatOfTheirWay(GgmlType type)
    {
        const int M = 43, N = 45, K = 512;
        var (matrix, _) = StoredMatrix.Make(type, N, K);
        var x = StoredMatrix.Values(M * K, 6);
        float[] onUnit = OnUnit(matrix, x), byVectors = Product(matrix, x, null);
        onUnit.ShouldNotBe(byVectors);
        var rows = new MatrixUnitRows();
        Product(matrix, x, rows).ShouldBe(byVectors);
        foreach (var pattern in (Func<int, bool>[])[i => i >= 5, i => i < 40, i => i % 7 < 3, i => i == 20, i => true])
        {
            var flags = Enumerable.Range(0, M - 2).Select(pattern).ToArray();
            rows.Set(flags);
            var y = Product(matrix, x, rows);
            for (int i = 0; i < M; i++) y[(i * N)..((i + 1) * N)].ShouldBe((flags[Math.Min(i, M - 3)] ? onUnit : byVectors)[(i * N)..((i + 1) * N)], $"row {i}");
        }
        Product(matrix, x, null).ShouldBe(byVectors);
    }

    [Fact]
    public void Linear_BelowTheUnitsLevel_IsTheSameForAllRows()
    {
        var (matrix, _) = StoredMatrix.Make(GgmlType.Q4_K, 20, 256);
        var x = StoredMatrix.Values(9 * 256, 7);
        Settings.Isa = IsaLevel.Avx512;
        OnUnit(matrix, x).ShouldBe(Product(matrix, x, null));
    }

    [Fact]
    public void Linear_WhatIsNotFinite_StaysInItsRow()
    {
        const int N = 40, K = 64;
        var (matrix, _) = StoredMatrix.Make(GgmlType.Q4_0, N, K);
        var x = StoredMatrix.Values(20 * K, 8);
        var expected = OnUnit(matrix, x);
        (x[3 * K + 5], x[9 * K + 63]) = (float.NaN, float.PositiveInfinity);
        var y = OnUnit(matrix, x);
        for (int i = 0; i < 20 * N; i++)
            if (i / N is 3 or 9) float.IsFinite(y[i]).ShouldBeFalse();
            else y[i].ShouldBe(expected[i]);
    }

    [Fact]
    public void Linear_Captured_ObeysWhatIsSetBeforeEachRun()
    {
        const int M = 10, N = 33, K = 64;
        var (matrix, _) = StoredMatrix.Make(GgmlType.Q5_1, N, K);
        var x = StoredMatrix.Values(M * K, 9);
        float[] onUnit = OnUnit(matrix, x), byVectors = Product(matrix, x, null);
        var rows = new MatrixUnitRows();
        var run = Compiled.Of((Tensor t) => { using var scope = rows.Use(); return matrix.Linear(t); });
        var input = Tensor.From(x, M, K);
        foreach (bool way in (bool[])[true, false, true])
        {
            rows.Set([way]);
            run.Call(input).ToArray<float>().ShouldBe(way ? onUnit : byVectors);
        }
        Should.Throw<InvalidOperationException>(() => MatrixUnitRows.All.Set([true]));
    }
}
