using System.Globalization;
using System.Text.RegularExpressions;
using Ingot.Nn;
using Ingot.Tests.Runtime;

namespace Ingot.Tests.Schedule;

/// <summary>The FLOPs and bytes that DEBUG=2 prints are those a person counts by hand. One operation is one primitive on one element; moving, selecting and casting are none.</summary>
[Collection(nameof(ProcessWide))]
public sealed class WorkCountTests
{
    static Tensor Random(params int[] shape)
    {
        var x = Tensor.Rand(shape);
        x.Realize();
        return x;
    }

    /// <summary>FLOPs and bytes of each kernel line that computing these prints.</summary>
    static (long Flops, long Bytes)[] Printed(Action compute)
    {
        using var watch = new Watch(debug: 2);
        compute();
        return [.. watch.Lines.Select(l => Regex.Match(l, @"^  \S.* ([\d,]+) FLOP +([\d,]+) B ")).Where(m => m.Success).Select(m => (Number(m.Groups[1]), Number(m.Groups[2])))];
    }

    static long Number(Group g) => long.Parse(g.Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    [Fact]
    public void Matmul_MNK_IsTwiceMNKAndEachMatrixOnce()
    {
        const long M = 48, N = 80, K = 112;
        Tensor a = Random((int)M, (int)K), b = Random((int)K, (int)N);
        Printed(() => a.Matmul(b).Realize()).ShouldBe([(2 * M * N * K, 4 * (M * K + K * N + M * N))]);
    }

    [Fact]
    public void MultiplyAdd_N_IsTwoOperationsAndFourBuffers()
    {
        const int N = 5000;
        Tensor a = Random(N), b = Random(N), c = Random(N);
        Printed(() => (a * b + c).Realize()).ShouldBe([(2 * N, 4 * 4 * N)]);
    }

    [Fact]
    public void MultiplyAdd_SameOperandTwice_IsReadOnce()
    {
        const int N = 5000;
        var a = Random(N);
        Printed(() => (a * a + a).Realize()).ShouldBe([(2 * N, 2 * 4 * N)]);
    }

    [Fact]
    public void Slice_HalfOfABuffer_CountsWhatIsRead()
    {
        var a = Random(100, 64);
        Printed(() => (a[..50] + 1).Realize()).ShouldBe([(50 * 64, 2 * 4 * 50 * 64)]);
    }

    [Fact]
    public void Sum_Rows_IsOneAdditionAnElement()
    {
        const int R = 100, C = 300;
        var a = Random(R, C);
        Printed(() => a.Sum(1).Realize()).ShouldBe([(R * C, 4 * (R * C + R))]);
    }

    [Fact]
    public void Softmax_Rows_IsCountedByHand()
    {
        const int R = 64, C = 200;
        var a = Random(R, C);
        // An element: max 1; minus the maximum 1; exp 1; sum 1; times the sum's reciprocal 1. A subtraction is one operation, though written as a + -b.
        // In a row: the reciprocal.
        Printed(() => a.Softmax(1).Realize()).ShouldBe([(R * (C * 5 + 1), 2 * 4 * R * C)]);
    }

    [Fact]
    public void LayerNorm_Rows_IsCountedByHand()
    {
        const int R = 64, C = 200;
        Tensor a = Random(R, C), weight = Random(C), bias = Random(C);
        // An element: sum 1; minus the mean 1; square 1; sum 1; minus the mean again, which is cheaper than keeping it, 1; times the root 1; weight 1;
        // bias 1. A row: two means, + epsilon, root, reciprocal.
        Printed(() => a.LayerNorm(weight, bias).Realize()).ShouldBe([(R * C * 8 + R * 5, 4 * (2 * R * C + 2 * C))]);
    }

    [Fact]
    public void AdamW_OneParameter_IsCountedByHand()
    {
        const int N = 4096;
        Tensor p = Random(N).WithGrad(), g = Random(N);
        p.Grad = g;
        var optimizer = new AdamW([p], learningRate: 1e-3);
        optimizer.Step(0);
        p.Grad = g;
        // m = m*b1 + g*c1: 3. v = v*b2 + g*g*c2: 4. step = m*rate / (sqrt(v)*k + epsilon): 5. p - p*decay - step: 3.
        // Read: p, g, m, v. Written: p, m, v.
        Printed(() => optimizer.Step(0.5)).ShouldBe([((3 + 4 + 5 + 3) * N, 7 * 4 * N)]);
    }
}
