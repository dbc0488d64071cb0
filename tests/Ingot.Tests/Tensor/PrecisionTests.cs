using Ingot.Runtime;
using Ingot.Schedule;
using Ingot.Tests.Runtime;
using Ingot.Tests.Schedule;

namespace Ingot.Tests;

/// <summary>Which operations round, what they round, and what stays as it is.</summary>
[Collection(nameof(ProcessWide))]
public sealed class PrecisionTests : IDisposable
{
    readonly IsaLevel? before = Settings.Isa;

    public void Dispose()
    {
        Settings.Isa = before;
        Realizer.Clear();
    }

    static Tensor InBf16(Func<Tensor> f)
    {
        using (Precision.Bf16()) return f();
    }

    static Tensor Rounded(Tensor x) => x.To(DType.BF16).To(DType.F32);

    /// <summary>Every operation of the list, on operands of some shapes.</summary>
    static Dictionary<string, (Func<Tensor[], Tensor> Run, int[][] Shapes)> Products => new()
    {
        [nameof(Tensor.Matmul)] = (x => x[0].Matmul(x[1]), [[3, 20, 40], [40, 30]]),
        [nameof(Tensor.Linear)] = (x => x[0].Linear(x[1]), [[20, 40], [30, 40]]),
        [nameof(Tensor.Einsum)] = (x => Tensor.Einsum("bij,bkj->bik", x), [[2, 20, 40], [2, 30, 40]]),
        [nameof(Tensor.Conv1d)] = (x => x[0].Conv1d(x[1], padding: 1), [[2, 8, 24], [16, 8, 3]]),
        [nameof(Tensor.Conv2d)] = (x => x[0].Conv2d(x[1]), [[2, 8, 9, 9], [16, 8, 3, 3]]),
        [nameof(Tensor.ScaledDotProductAttention)] = (x => x[0].ScaledDotProductAttention(x[1], x[2]), [[2, 20, 16], [2, 24, 16], [2, 24, 16]]),
    };

    [Fact]
    public void Operations_List_IsWhatTheTestsRun() => Precision.Operations.ShouldBe(Products.Keys, ignoreOrder: true);

    public static TheoryData<string> Names => [.. Products.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Product_InScope_RoundsItsOperandsAndNotItsResult(string name)
    {
        var (run, shapes) = Products[name];
        var operands = shapes.Select(s => Tensor.Randn(s).Realize()).ToArray();
        var result = InBf16(() => run(operands));
        result.DType.ShouldBe(DType.F32);
        var values = result.ToArray<float>();
        values.ShouldNotBe(run(operands).ToArray<float>());
        values.Count(v => (float)(BFloat16)v != v).ShouldBeGreaterThan(values.Length / 2);
        if (name == nameof(Tensor.ScaledDotProductAttention)) return; // its second product's operand is a softmax's result
        values.ShouldBe(run([.. operands.Select(x => Rounded(x).Realize())]).ToArray<float>(), 1e-5);
    }

    [Fact]
    public void Attention_InScope_RoundsThePairsItMultiplies()
    {
        Tensor q = Tensor.Randn(2, 20, 16).Realize(), k = Tensor.Randn(2, 24, 16).Realize(), v = Tensor.Randn(2, 24, 16).Realize();
        var weights = (Rounded(q).Matmul(Rounded(k).Transpose(-2, -1)) * 0.25).Softmax(-1).Realize();
        var expected = Rounded(weights).Matmul(Rounded(v)).ToArray<float>();
        // A weight that lies between two numbers of bf16 may be rounded to either: a unit of 2^-8 of a weight, times a value.
        InBf16(() => q.ScaledDotProductAttention(k, v)).ToArray<float>().ShouldBe(expected, Math.ScaleB(1, -8) * 0.2 * 4);
    }

    [Fact]
    public void Matmul_AgainstExactOperands_IsWithinTwoRoundings()
    {
        const int K = 100;
        Tensor a = Tensor.Randn(40, K).Realize(), b = Tensor.Randn(K, 30).Realize();
        var y = InBf16(() => a.Matmul(b)).ToArray<float>();
        Tensor x = a.To(DType.F64), z = b.To(DType.F64);
        var exact = x.Matmul(z).ToArray<double>();
        var magnitude = x.Abs().Matmul(z.Abs()).ToArray<double>();
        double unit = Math.ScaleB(1, -9), each = 2 * unit + unit * unit + (K + 2) * Math.ScaleB(1, -24); // half a unit in the last of 8 bits an operand; K additions
        for (int i = 0; i < y.Length; i++) Math.Abs(y[i] - exact[i]).ShouldBeLessThanOrEqualTo(each * magnitude[i]);
    }

    [Fact]
    public void Gradients_OfAProduct_AreProductsOfRoundedFactorsAndNotRounded()
    {
        Tensor a = Tensor.Randn(40, 64).Realize().WithGrad(), b = Tensor.Randn(64, 48).Realize().WithGrad(), seed = Tensor.Randn(40, 48).Realize();
        var y = InBf16(() => a.Matmul(b));
        (y * seed).Sum().Backward(); // outside of the scope
        Tensor g = Rounded(seed).Realize(), ra = Rounded(a.Detach()).Realize(), rb = Rounded(b.Detach()).Realize();
        var da = a.Grad!.ToArray<float>();
        da.ShouldBe(g.Matmul(rb.Transpose(0, 1)).ToArray<float>(), 1e-5);
        b.Grad!.ToArray<float>().ShouldBe(ra.Transpose(0, 1).Matmul(g).ToArray<float>(), 1e-5);
        a.Grad.DType.ShouldBe(DType.F32);
        da.Count(v => (float)(BFloat16)v != v).ShouldBeGreaterThan(da.Length / 2);
    }

    [Fact]
    public void OtherOperations_InScope_HaveTheirBits()
    {
        Tensor x = Tensor.Randn(20, 30).Realize(), w = Tensor.Randn(30).Realize();
        foreach (var f in (Func<Tensor>[])[() => x.Softmax(-1), () => x.LayerNorm(w), () => x.RmsNorm(w), () => x.Sum(), () => (x * x).Mean(0), () => x.Gelu(), () => Tensor.Einsum("i,j->ij", w, w)])
            InBf16(f).ToArray<float>().ShouldBe(f().ToArray<float>());
        var wide = Tensor.Randn([20, 30], DType.F64).Realize();
        InBf16(() => wide.Matmul(wide.Transpose(0, 1))).ToArray<double>().ShouldBe(wide.Matmul(wide.Transpose(0, 1)).ToArray<double>());
    }

    [Fact]
    public async Task Scope_NestedAndAcrossTasks_EndsWhereItWasMade()
    {
        Precision.IsBf16.ShouldBeFalse();
        using (Precision.Bf16())
        {
            var inner = Precision.Bf16();
            inner.Dispose();
            inner.Dispose();
            Precision.IsBf16.ShouldBeTrue();
            (await Task.Run(() => Precision.IsBf16)).ShouldBeTrue();
            Task<bool> apart;
            using (ExecutionContext.SuppressFlow()) apart = Task.Run(() => Precision.IsBf16);
            (await apart).ShouldBeFalse();
        }
        Precision.IsBf16.ShouldBeFalse();
    }

    /// <summary>The compiler drops no rounding that the program asks for, and adds none: attention that is fused, long enough, has the values of its parts.</summary>
    [Fact]
    public void FusedAttention_InScope_IsVerifiedByTheInterpreterForwardAndBackward()
    {
        using var watch = new Watch(verify: 1);
        Tensor q = Tensor.Randn(1, 2, 72, 16).Realize().WithGrad(), k = Tensor.Randn(1, 2, 72, 16).Realize().WithGrad(), v = Tensor.Randn(1, 2, 72, 16).Realize().WithGrad();
        var y = InBf16(() => q.ScaledDotProductAttention(k, v, isCausal: true));
        (y * y).Sum().Backward();
        Tensor.Realize(y, q.Grad!, k.Grad!, v.Grad!);
        CompiledKernel.All.ShouldContain(c => c.Nest.Recipe.Any(r => r.Contains("blocks of")), "the scores are not fused");
    }

    /// <summary>A step of two layers: with the operands' roundings the same number of kernels, each product on the unit, what is kept for several products in two bytes.</summary>
    [Fact]
    public void Step_AtTheMatrixUnitsLevel_HasNoKernelThatOnlyRounds()
    {
        Settings.Isa = IsaLevel.Amx;
        Tensor x = Tensor.Randn(64, 96).Realize(), w1 = Tensor.Randn(128, 96).Realize().WithGrad(), w2 = Tensor.Randn(64, 128).Realize().WithGrad(), norm = Tensor.Randn(96).Realize();
        int Launches(Func<Tensor> forward)
        {
            using var watch = new Watch();
            w1.Grad = w2.Grad = null;
            var loss = forward();
            loss.Backward();
            Tensor.Realize(loss, w1.Grad!, w2.Grad!);
            return Realizer.LastPlan!.LaunchCount;
        }
        Tensor Loss()
        {
            var y = x.LayerNorm(norm).Linear(w1).Gelu().Linear(w2);
            return (y * y).Mean();
        }
        int plain = Launches(Loss);
        Launches(() => InBf16(Loss)).ShouldBeLessThanOrEqualTo(plain);

        using var watch = new Watch(debug: 2);
        w1.Grad = w2.Grad = null;
        var loss = InBf16(Loss);
        loss.Backward();
        Tensor.Realize(loss, w1.Grad!, w2.Grad!);
        var products = watch.Lines.Where(l => l.TrimStart().StartsWith("dot_", StringComparison.Ordinal) && !l.Contains("dot_ ")).ToArray(); // dot_ alone is the loss
        products.Length.ShouldBe(5, watch.Text); // two forward, three backward: nothing wants the input's gradient
        products.ShouldAllBe(l => l.Contains("matrix unit"), watch.Text);
    }
}
